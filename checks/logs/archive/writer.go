package archive

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/zstd"
)

// writer is the state of the goroutine that writes.
type writer struct {
	seg     *segment // the one that grows; nil before the first
	file    *os.File // of seg
	dirty   bool     // file has what is not synced
	last    digest   // of the last block
	enc     *zstd.Encoder
	journal *journal
	checked time.Time // when retention was last looked at
}

func (w *writer) close() {
	if w.file != nil {
		w.file.Close()
	}
	if w.journal != nil {
		w.journal.file.Close()
	}
	if w.enc != nil {
		w.enc.Close()
	}
}

// write is the goroutine that writes until Close.
func (a *Archive) write() {
	defer close(a.done)
	defer a.w.close()
	tick := time.NewTicker(a.Config().Sync)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-a.wake:
			// What failed is tried again at the next tick, not at every block.
			if a.fault() == "" {
				err = a.drain()
			}
		case <-tick.C:
			err = a.sync()
			a.retain()
		case <-a.revised:
			tick.Reset(a.Config().Sync)
			err = a.sync()
			a.retain()
		case <-a.stop:
			a.mu.Lock()
			a.sealLocked()
			a.mu.Unlock()
			a.note(a.sync())
			a.mu.Lock()
			for _, b := range a.pending {
				a.stats.Lost += uint64(b.count)
			}
			a.mu.Unlock()
			return
		}
		a.note(err)
	}
}

// fault says why nothing can be written.
func (a *Archive) fault() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stats.Error
}

// note keeps what became of the last try to write.
func (a *Archive) note(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err == nil && a.stats.Error != "":
		// A drain that had nothing to do proves nothing; a sync does, and clears
		// it itself.
		if len(a.pending) == 0 {
			a.log.Info("lines are kept again", "dir", a.dir, "dropped", a.stats.Dropped)
			a.stats.Error, a.stats.Since = "", time.Time{}
		}
	case err != nil:
		if a.stats.Error == "" {
			a.stats.Since = a.now()
			a.log.Error("lines cannot be kept; they wait in memory as long as there is room", "dir", a.dir, "err", err)
		}
		a.stats.Error = err.Error()
	}
}

// sync writes what waits and syncs it, and puts the unfinished block into the
// journal.
func (a *Archive) sync() error {
	for {
		if err := a.drain(); err != nil {
			return err
		}
		if a.w.dirty {
			if err := a.w.file.Sync(); err != nil {
				return fmt.Errorf("sync kept lines: %w", err)
			}
			a.w.dirty = false
		}
		a.mu.Lock()
		more := len(a.pending) > 0
		first, raw, next := a.cur.first, a.cur.raw, a.cur.first+uint64(a.cur.count)
		a.mu.Unlock()
		if more {
			continue // or the journal would forget what is not in a segment yet
		}
		if err := a.w.journal.keep(first, raw, a.roomFor); err != nil {
			return fmt.Errorf("write the journal of kept lines: %w", err)
		}
		a.mu.Lock()
		a.durable = next
		a.mu.Unlock()
		return nil
	}
}

// drain writes the blocks that wait.
func (a *Archive) drain() error {
	for {
		a.mu.Lock()
		if len(a.pending) == 0 {
			a.mu.Unlock()
			return nil
		}
		b := a.pending[0]
		a.mu.Unlock()
		if err := a.put(b); err != nil {
			return err
		}
	}
}

// errNoRoom is a disk that has to be left what it has.
var errNoRoom = errors.New("too little room on the disk")

// roomFor reports whether so many bytes may be written.
func (a *Archive) roomFor(bytes int) error {
	least := a.Config().MinFreeBytes
	free, err := a.free()
	if err != nil || least == 0 {
		return nil // a disk that cannot be asked says by itself when it is full
	}
	if free-int64(bytes) < least {
		return fmt.Errorf("%w: %d bytes are free, and %d have to stay free (checks.logs.archive.min_free_bytes)", errNoRoom, free, least)
	}
	return nil
}

// put writes one block, the oldest of those that wait.
func (a *Archive) put(b *block) error {
	data, own := encodeFrame(b, a.w.enc, a.w.last)
	if err := a.roomFor(len(data)); err != nil {
		return err
	}
	seg, err := a.segmentFor(b)
	if err != nil {
		return err
	}
	if _, err := a.w.file.WriteAt(data, seg.size); err != nil {
		// What is beyond the size is written over at the next try, or cut away
		// when the archive is opened.
		return errors.Join(fmt.Errorf("write kept lines: %w", err), a.w.file.Truncate(seg.size))
	}
	a.w.dirty, a.w.last = true, own
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending = a.pending[1:]
	a.waiting -= len(b.raw)
	a.bytes += int64(len(data))
	seg.grow(b.sums, b.first+uint64(b.count), seg.size+int64(len(data)))
	if seg.size == int64(len(data)) { // its first block
		a.segs = append(a.segs, seg)
	}
	return nil
}

// segmentFor is the segment that a block goes into: the present one, or a new
// one when the day changed or it is large enough.
func (a *Archive) segmentFor(b *block) (*segment, error) {
	w := &a.w
	if w.seg != nil && w.seg.day == b.day() && w.seg.size < segmentSize {
		return w.seg, nil
	}
	if err := w.leave(); err != nil {
		return nil, err
	}
	seg := &segment{day: b.day(), first: b.first, next: b.first}
	seg.path = filepath.Join(a.dir, segmentName(seg.day, seg.first))
	f, err := os.OpenFile(seg.path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return nil, fmt.Errorf("make a file for kept lines: %w", err)
	}
	w.seg, w.file = seg, f
	return seg, syncDir(a.dir)
}

// leave finishes the present segment.
func (w *writer) leave() error {
	if w.seg == nil {
		return nil
	}
	if err := w.file.Sync(); err != nil {
		return fmt.Errorf("sync kept lines: %w", err)
	}
	err := w.file.Close()
	if w.seg.size == 0 {
		err = errors.Join(err, w.seg.remove()) // its first block did not fit
	}
	w.seg, w.file, w.dirty = nil, nil, false
	return err
}
