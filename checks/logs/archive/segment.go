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

// grow takes note of a block that was written.
func (s *segment) grow(b sums, next uint64, size int64) {
	if s.size == 0 {
		s.min, s.max = b.min, b.max
	}
	s.min, s.max = min(s.min, b.min), max(s.max, b.max)
	s.next, s.size = next, s.size+size
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
// digest of the last whole one. What follows it was not written whole.
func (s *segment) scan(f *os.File) (digest, error) {
	info, err := f.Stat()
	if err != nil {
		return digest{}, err
	}
	var last digest
	for s.size < info.Size() {
		fr, err := readFrame(f, s.size, info.Size())
		if err == nil {
			var own digest
			if own, err = fr.whole(f); err == nil {
				s.grow(fr.sums, fr.end(), fr.size)
				last = own
				continue
			}
		}
		if errors.Is(err, errDamaged) {
			return last, nil
		}
		return last, err
	}
	return last, nil
}

// remove deletes the file; that it is gone already is as well.
func (s *segment) remove() error {
	if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete kept lines: %w", err)
	}
	return nil
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
