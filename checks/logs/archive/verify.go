package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Verified is what a look at everything came to.
type Verified struct {
	Blocks int
	Lines  uint64
	// Bad says where what lies there is not what was written: a file and why.
	Bad []string
}

// Verify reads every block, and holds it against its digest and against the one
// that the next block remembers. It says so where lines were changed or taken
// out of the middle.
func (a *Archive) Verify(ctx context.Context) (Verified, error) {
	a.mu.Lock()
	segs := make([]segment, len(a.segs))
	for n, s := range a.segs {
		segs[n] = *s
	}
	a.mu.Unlock()
	var v Verified
	var last *digest // nil where the chain begins
	for n := range segs {
		next, err := v.segment(ctx, &segs[n], last)
		if err != nil {
			return v, err
		}
		last = next
	}
	return v, nil
}

func (v *Verified) segment(ctx context.Context, s *segment, last *digest) (*digest, error) {
	bad := func(err error) { v.Bad = append(v.Bad, fmt.Sprintf("%s: %v", filepath.Base(s.path), err)) }
	f, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) && last == nil {
		return nil, nil // deleted since: it was old
	} else if err != nil {
		bad(err)
		return nil, nil
	}
	defer f.Close()
	for at := int64(0); at < s.size; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		fr, err := readFrame(f, at, s.size)
		if err != nil {
			bad(err)
			return nil, nil // no way to tell where the next one begins
		}
		own, err := fr.whole(f)
		switch {
		case err != nil:
			bad(err)
		case last != nil && fr.prev != *last:
			bad(fmt.Errorf("the block at byte %d does not follow the one before: something was taken out or changed", at))
		}
		v.Blocks++
		v.Lines += uint64(fr.count)
		last, at = &own, at+fr.size
		if err != nil {
			last = nil
		}
	}
	return last, nil
}
