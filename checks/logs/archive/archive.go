// Package archive keeps lines of logs: what devices sent, what was found in
// files. Audit records have to be kept for 180 days, and to be found again; so
// they lie compressed, in blocks that a search can rule out without reading
// them.
//
// An Archive has one writer in one process and any number of readers beside
// it. Append never waits for the disk: lines go into memory, a goroutine writes
// them, and what does not fit is counted as dropped.
//
// # What a crash can take
//
// Lines reach the disk within Config.Sync (1 s) of Append: either in a finished
// block or in the journal of the unfinished one, both synced. kill -9 or a
// power cut takes at most what came after the last sync. A block that was cut
// off in the middle is recognised by its checksums when the archive is opened
// again, and cut away; nothing before it is touched.
package archive

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Sizes, in bytes.
const (
	// blockSize is how much text goes into a block before it is compressed.
	blockSize = 512 << 10
	// segmentSize is how large a file grows.
	segmentSize = 64 << 20
	// maxPending bounds what waits in memory for the disk.
	maxPending = 32 << 20
)

// options are what a test has otherwise.
type options struct {
	now  func() time.Time
	free func() (int64, error) // the room on the disk
	// block and room are blockSize and maxPending, or less.
	block, room int
}

// Archive keeps lines in a folder. It is safe for concurrent use.
type Archive struct {
	dir string
	log *slog.Logger
	options

	wake, revised chan struct{}

	stop chan struct{}
	done chan struct{}

	mu      sync.Mutex
	cfg     Config
	closed  bool
	cur     *block     // grows
	pending []*block   // waits to be written, oldest first
	waiting int        // bytes in pending
	segs    []*segment // oldest first; the last one grows
	bytes   int64      // of all segments
	stats   Stats
	forced  Forced
	durable uint64 // Seq up to which lines outlive a crash, exclusive
	// What is known to be damaged, and what the last look at everything came to.
	damage   map[spot]Damage
	verified Verified

	// The writer's own; no other goroutine touches it.
	w writer
}

// Stats are figures of an Archive since it was opened, unless they say
// otherwise.
type Stats struct {
	// Appended counts the lines taken in, Dropped those refused because memory
	// was full while the disk took none. Lost counts those taken in that could
	// not be written before the archive was closed.
	Appended, Dropped, Lost uint64
	// Text counts the bytes of the lines taken in, before compression.
	Text uint64
	// Lines and Bytes are what lies on the disk, of whatever age.
	Lines uint64
	Bytes int64
	// Pending is what waits in memory, in bytes.
	Pending int64
	// Oldest is when the oldest line on the disk came; zero if there is none.
	Oldest time.Time
	// Verified is when everything was last looked at; zero if it never was.
	Verified time.Time
	// Damaged counts the places that are known to be damaged.
	Damaged int
	// Error says why nothing can be written now; empty if all is well. Since is
	// when that began.
	Error string
	Since time.Time
	// Forced is the last deletion before its time.
	Forced Forced
	// PerDay is how many bytes a day were written lately; 0 if not known yet.
	PerDay int64
}

// Open opens the archive in a folder, and makes it if it is not there. Close
// must be called.
func Open(dir string, cfg Config, log *slog.Logger) (*Archive, error) {
	return open(dir, cfg, log, options{})
}

func open(dir string, cfg Config, log *slog.Logger, opt options) (*Archive, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make the folder of kept lines: %w", err)
	}
	if opt.now == nil {
		opt.now = time.Now
	}
	if opt.free == nil {
		opt.free = func() (int64, error) { return freeBytes(dir) }
	}
	opt.block, opt.room = cmp.Or(opt.block, blockSize), cmp.Or(opt.room, maxPending)
	a := &Archive{
		dir: dir, cfg: cfg, log: log, options: opt, damage: map[spot]Damage{},
		wake: make(chan struct{}, 1), revised: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	if err := a.recover(); err != nil {
		a.w.close()
		return nil, fmt.Errorf("open the kept lines in %s: %w", dir, err)
	}
	go a.write()
	return a, nil
}

// Append takes lines in and returns how many; the others are counted as
// dropped. It does not wait for the disk. It sets Seq of those taken in, and
// cuts what is too long.
func (a *Archive) Append(lines []Record) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	kept := 0
	for i := range lines {
		r := &lines[i]
		if a.closed || a.waiting+len(a.cur.raw) >= a.room {
			a.stats.Dropped += uint64(len(lines) - i)
			break
		}
		if a.cur.count > 0 && a.full(r) {
			a.sealLocked()
		}
		r.Seq = a.cur.first + uint64(a.cur.count)
		a.cur.add(r)
		a.stats.Appended++
		a.stats.Text += uint64(len(r.Text))
		kept++
	}
	return kept
}

// full reports whether the present block ends before this line: by size, or
// because another day begins.
func (a *Archive) full(r *Record) bool {
	const day = 24 * 60 * 60 * 1000
	return len(a.cur.raw) >= a.block || r.Received.UnixMilli()/day != a.cur.min/day
}

// sealLocked hands the present block to the writer.
func (a *Archive) sealLocked() {
	if a.cur.count == 0 {
		return
	}
	a.pending = append(a.pending, a.cur)
	a.waiting += len(a.cur.raw)
	a.cur = a.cur.after()
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// Close writes what is in memory and closes the files. Lines that cannot be
// written are counted as lost, and told.
func (a *Archive) Close() error {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		<-a.done
		return nil
	}
	a.closed = true
	a.mu.Unlock()
	close(a.stop)
	<-a.done
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stats.Lost > 0 {
		return fmt.Errorf("close the kept lines in %s: %d lines are lost: %s", a.dir, a.stats.Lost, a.stats.Error)
	}
	return nil
}

// Stats returns the figures of this moment.
func (a *Archive) Stats() Stats {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.stats
	s.Bytes, s.Pending, s.Forced = a.bytes, int64(a.waiting+len(a.cur.raw)), a.forced
	for _, seg := range a.segs {
		s.Lines += seg.lines()
	}
	if len(a.segs) > 0 {
		s.Oldest = time.UnixMilli(a.segs[0].min)
	}
	s.PerDay = perDay(a.segs, a.now())
	s.Verified, s.Damaged = a.verified.At, len(a.damage)
	return s
}

// Config returns what is in force.
func (a *Archive) Config() Config {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cfg
}

// Revise puts another configuration in force, which has to be valid. What is
// beyond a smaller budget goes at once, on the record.
func (a *Archive) Revise(cfg Config) {
	a.mu.Lock()
	same := cfg == a.cfg
	a.cfg = cfg
	a.mu.Unlock()
	if !same {
		select {
		case a.revised <- struct{}{}:
		default:
		}
	}
}
