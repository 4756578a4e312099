package archive

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"os"
)

// gap is a part of a file that does not read as blocks. What is damaged costs
// itself and no more: after it the next block is looked for.
type gap struct {
	at, end int64
	err     error
	fr      *frame // what it says of itself, where it says anything
}

// walk yields the blocks of a file up to a size, from its beginning, and what
// lies between them: a block or a gap, the other is nil. What is known of a
// block is read, not its lines.
func walk(r io.ReaderAt, size int64) iter.Seq2[*frame, *gap] {
	return func(yield func(*frame, *gap) bool) {
		for at := int64(0); at < size; {
			f, err := readFrame(r, at, size)
			if err == nil {
				if !yield(f, nil) {
					return
				}
				at += f.size
				continue
			}
			g := &gap{at: at, end: nextFrame(r, at+1, size), err: err}
			if !yield(nil, g) {
				return
			}
			at = g.end
		}
	}
}

// nextFrame is where the first block at or after an offset begins; size if
// there is none. That a block's own text looks like one is ruled out by the
// checksum of what is known of it.
func nextFrame(r io.ReaderAt, from, size int64) int64 {
	const window = 64 << 10
	buf := make([]byte, window+len(magicHead)-1)
	for ; from < size; from += window {
		n, err := r.ReadAt(buf[:min(int64(len(buf)), size-from)], from)
		if err != nil && !errors.Is(err, io.EOF) && n == 0 {
			continue // a part of the disk that cannot be read
		}
		for at := 0; at < n; at++ {
			i := bytes.Index(buf[at:n], []byte(magicHead))
			if i < 0 {
				break
			}
			at += i
			if _, err := readFrame(r, from+int64(at), size); err == nil {
				return from + int64(at)
			}
		}
	}
	return size
}

// survey reads what a damaged segment still holds, and returns the digest of
// its last block and what of it is lost. A segment of which nothing reads
// counts as one of its day, so that it goes when its time is over.
func (s *segment) survey() (last digest, lost []Damage, err error) {
	f, err := os.Open(s.path)
	if err != nil {
		return digest{}, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return digest{}, nil, err
	}
	v := verifier{}
	v.begin(s)
	for fr, g := range walk(f, info.Size()) {
		if g != nil {
			v.gap(*g)
			continue
		}
		s.grow(fr.sums, fr.end(), fr.at+fr.size)
		v.good(fr)
		if own, err := fr.whole(f); err == nil {
			last = own
		}
	}
	v.finish(0)
	if s.size == 0 {
		s.min, s.max = s.bounds()
	}
	s.size = info.Size()
	return last, v.damage, nil
}
