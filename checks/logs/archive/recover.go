package archive

import (
	"bytes"
	"errors"
	"fmt"
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
	segs, err := segmentsIn(a.dir)
	if err != nil {
		return err
	}
	next := uint64(1)
	for n, s := range segs {
		last := n == len(segs)-1
		if err := a.take(s, last); err != nil {
			return err
		}
		next = max(next, s.next)
	}
	if a.forced, err = readForced(a.dir); err != nil {
		return err
	}
	return a.resume(next)
}

// take reads one segment. Only the last one can have been cut off, and is read
// whole; another one that does not read stays as it is, and counts as damaged.
func (a *Archive) take(s *segment, last bool) error {
	if !last {
		own, err := s.glance()
		switch {
		case errors.Is(err, errDamaged):
			a.log.Error("kept lines are damaged; a search leaves out what cannot be read", "file", s.path, "err", err)
			a.stats.Damaged++
			if s.size == 0 {
				return nil
			}
		case err != nil:
			return err
		default:
			a.w.last = own
		}
		a.segs = append(a.segs, s)
		a.bytes += s.size
		return nil
	}
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	own, err := s.scan(f)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	if s.size == 0 {
		return errors.Join(f.Close(), s.remove())
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
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

// resume takes up the unfinished block; next is the Seq after the last line in
// a segment.
func (a *Archive) resume(next uint64) error {
	first, raw, size, err := replay(a.dir)
	if err != nil {
		return err
	}
	a.cur = newBlock(max(next, first))
	for v, err := range views(first, raw) {
		if err != nil {
			a.stats.Damaged++
			break
		}
		if v.seq < next {
			continue // is in a segment already
		}
		r := v.record()
		a.cur.add(&r)
	}
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
