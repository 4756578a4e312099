package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/klauspost/compress/zstd"
)

// recover reads what is in the folder, cuts away what was not written whole,
// and takes up the unfinished block again.
func (a *Archive) recover() error {
	var err error
	if a.w.enc, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(blockSize)); err != nil {
		return err
	}
	a.recallVerified()
	segs, err := segmentsIn(a.dir)
	if err != nil {
		return err
	}
	first, raw, size, err := replay(a.dir)
	if err != nil {
		return err
	}
	next := uint64(1)
	for n, s := range segs {
		if n < len(segs)-1 {
			err = a.take(s)
		} else {
			err = a.takeLast(s, first)
		}
		if err != nil {
			return err
		}
		next = max(next, s.next)
	}
	if a.forced, err = readForced(a.dir); err != nil {
		return err
	}
	return a.resume(next, first, raw, size)
}

// take reads one segment that is finished. What does not read of it counts as
// damaged, and the rest is found all the same.
func (a *Archive) take(s *segment) error {
	own, err := s.glance()
	var failed *fs.PathError
	if errors.As(err, &failed) && failed.Op == "open" {
		return err
	}
	if err != nil {
		var lost []Damage
		if own, lost, err = s.survey(); err != nil {
			return err
		}
		a.tell(lost)
	}
	a.w.last = own
	a.segs = append(a.segs, s)
	a.bytes += s.size
	return nil
}

// tell takes note of damage before anybody else can.
func (a *Archive) tell(lost []Damage) {
	for _, d := range lost {
		if a.damaged(d) {
			a.log.Error("kept lines are damaged; a search leaves them out", "file", d.File, "byte", d.At, "bytes", d.Bytes, "lines", d.Lines, "from", d.From, "to", d.To)
		}
	}
}

// takeLast reads the segment that grows, whole: its end may have been cut off.
// durable is the Seq of the first line in the journal, 0 if it is empty.
func (a *Archive) takeLast(s *segment, durable uint64) error {
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	own, lost, err := s.scan(f, durable)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	a.tell(lost)
	if s.size == 0 {
		return errors.Join(f.Close(), s.putAside(len(lost) > 0))
	}
	if cut := info.Size() - s.size; cut > 0 {
		a.log.Warn("the end of the kept lines was not written whole and is cut away; its lines come from the journal if they were synced", "file", s.path, "bytes", cut)
		if err := f.Truncate(s.size); err != nil {
			return errors.Join(fmt.Errorf("cut %s: %w", s.path, err), f.Close())
		}
	}
	a.w.seg, a.w.file, a.w.last = s, f, own
	a.segs = append(a.segs, s)
	a.bytes += s.size
	return nil
}

// resume takes up the unfinished block, which begins with the Seq first; next is
// the Seq after the last line in a segment.
func (a *Archive) resume(next, first uint64, raw []byte, size int64) error {
	a.cur = newBlock(max(next, first))
	for v, err := range views(first, raw) {
		if err != nil {
			a.tell([]Damage{{File: journalName, Why: Unreadable, Bytes: size, From: a.now(), To: a.now()}})
			break
		}
		if v.seq < next {
			continue // is in a segment already
		}
		r := v.record()
		a.cur.add(&r)
	}
	var err error
	if a.w.journal, err = openJournal(a.dir); err != nil {
		return err
	}
	a.w.journal.size = size
	switch {
	case a.cur.count == 0: // nothing to lose: it is emptied at the first sync
	case a.cur.first == first && bytes.Equal(a.cur.raw, raw):
		// Goes on where it ended; what was not written whole is written over.
		a.w.journal.first, a.w.journal.kept = first, len(raw)
	default:
		a.sealLocked() // into a segment before the journal is emptied
	}
	return nil
}
