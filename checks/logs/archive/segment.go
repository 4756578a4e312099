package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// segment is one file of blocks, all of one day (UTC). Its name says the day
// and the Seq of its first line: 2027-03-01.00000000000000004711.xjl.
type segment struct {
	path        string
	day         string
	first, next uint64 // Seqs: of its first line, after its last line
	min, max    int64  // Received, in ms
	size        int64  // up to which it is written whole
}

const segmentSuffix = ".xjl"

func segmentName(day string, first uint64) string {
	return fmt.Sprintf("%s.%020d%s", day, first, segmentSuffix)
}

func (s *segment) lines() uint64 { return s.next - s.first }

// grow takes note of a block that ends at a byte.
func (s *segment) grow(b sums, next uint64, end int64) {
	if s.size == 0 {
		s.min, s.max = b.min, b.max
	}
	s.min, s.max = min(s.min, b.min), max(s.max, b.max)
	s.next, s.size = next, end
}

// segmentsIn lists the segments of a folder, oldest first, by their names.
func segmentsIn(dir string) ([]*segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []*segment
	for _, e := range entries {
		stem, ok := strings.CutSuffix(e.Name(), segmentSuffix)
		day, number, dotted := strings.Cut(stem, ".")
		if !ok || !dotted {
			continue
		}
		first, err := strconv.ParseUint(number, 10, 64)
		if _, bad := time.Parse(time.DateOnly, day); err != nil || bad != nil {
			continue
		}
		out = append(out, &segment{path: filepath.Join(dir, e.Name()), day: day, first: first, next: first})
	}
	slices.SortFunc(out, func(a, b *segment) int {
		switch {
		case a.first < b.first:
			return -1
		case a.first > b.first:
			return 1
		}
		return strings.Compare(a.path, b.path)
	})
	return out, nil
}

// glance reads what a finished segment holds from its first and last block.
func (s *segment) glance() (digest, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return digest{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return digest{}, err
	}
	last, err := frameBefore(f, info.Size())
	if err != nil {
		return digest{}, err
	}
	head, err := readFrame(f, 0, info.Size())
	if err != nil {
		return digest{}, err
	}
	s.min, s.max = min(head.min, last.min), max(head.max, last.max)
	s.next, s.size = last.end(), info.Size()
	return last.whole(f)
}

// scan reads a segment block by block from its beginning, and returns the
// digest of the last whole one and what is lost between them. What follows the
// last was not written whole, and so was what the journal still holds: the lines
// from durable on, 0 if it is empty.
func (s *segment) scan(f *os.File, durable uint64) (last digest, lost []Damage, err error) {
	info, err := f.Stat()
	if err != nil {
		return digest{}, nil, err
	}
	var v verifier
	v.begin(s)
	for fr, g := range walk(f, info.Size()) {
		if g != nil {
			v.gap(*g)
			continue
		}
		own, err := fr.whole(f)
		if err != nil {
			v.gap(gap{fr.at, fr.at + fr.size, err, fr})
			continue
		}
		if len(v.lost) > 0 && durable > 0 && v.next >= durable {
			break
		}
		s.grow(fr.sums, fr.end(), fr.at+fr.size)
		v.good(fr)
		last = own
	}
	if len(v.lost) > 0 && (durable == 0 || v.next < durable) {
		v.finish(0) // not covered by the journal: it is gone
	}
	return last, v.damage, nil
}

// remove deletes the file; that it is gone already is as well.
func (s *segment) remove() error {
	if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete kept lines: %w", err)
	}
	return nil
}

// putAside takes a segment without a single whole block out of the way: what was
// damaged may still be of use to somebody who looks at it by hand.
func (s *segment) putAside(damaged bool) error {
	if !damaged {
		return s.remove()
	}
	return os.Rename(s.path, s.path+".damaged")
}

// perDay is how much was written a day over the last whole week that the
// segments cover, in bytes; 0 if they cover less than a day.
func perDay(segs []*segment, now time.Time) int64 {
	const week = 7 * 24 * time.Hour
	from := now.Add(-week).UnixMilli()
	var bytes, oldest int64
	for _, s := range segs {
		if s.min < from {
			continue
		}
		if oldest == 0 || s.min < oldest {
			oldest = s.min
		}
		bytes += s.size
	}
	span := now.Sub(time.UnixMilli(oldest))
	if oldest == 0 || span < 24*time.Hour {
		return 0
	}
	return int64(float64(bytes) / span.Hours() * 24)
}
