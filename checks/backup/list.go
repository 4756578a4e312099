package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// item is one backup: a file or a folder.
type item struct {
	path string
	dir  bool
	size int64
	// made is when it was last written to, touched when anything in its folder
	// changed: copies keep the times of what they copy.
	made, touched time.Time
	// id tells it from all others, and from itself after a change.
	id string
}

const (
	// maxItems bounds how many backups of a set are looked at: the newest.
	maxItems = 20_000
	// maxMembers bounds the files of a backup that is a folder.
	maxMembers = 1_000_000
)

var errTooMany = errors.New("more files than a backup can have here")

// list returns the backups that match the patterns and have settled, the newest
// first, and how many have not.
func (s *Set) list(ctx context.Context, now time.Time) (settled []item, fresh int, err error) {
	all, err := s.matches(ctx)
	for _, it := range all {
		if s.fresh(it, now) {
			fresh++
		} else {
			settled = append(settled, it)
		}
	}
	return settled, fresh, err
}

// fresh reports whether a backup may still be written to. A time far ahead is
// that of a wrong clock.
func (s *Set) fresh(it item, now time.Time) bool { return now.Sub(it.touched).Abs() < s.settle() }

// matches returns all that the patterns match, the newest first.
func (s *Set) matches(ctx context.Context) ([]item, error) {
	seen := map[string]bool{}
	var all []item
	for _, pattern := range s.Paths {
		paths, err := glob(pattern)
		if err != nil {
			return nil, err
		}
		for _, p := range paths {
			if seen[p] || sidecar(p) || hidden(p, pattern) {
				continue
			}
			seen[p] = true
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			it, err := stat(ctx, p)
			if errors.Is(err, fs.ErrNotExist) {
				continue // rotated away just now
			}
			if err != nil {
				return nil, fmt.Errorf("look at %s: %w", p, err)
			}
			all = append(all, it)
		}
	}
	slices.SortFunc(all, func(a, b item) int { return cmp.Or(b.made.Compare(a.made), cmp.Compare(a.path, b.path)) })
	return all[:min(len(all), maxItems)], nil
}

// glob is filepath.Glob, which takes a folder that may not be read for an empty
// one: a backup would be missed that nobody looked for.
func glob(pattern string) ([]string, error) {
	fixed := filepath.Dir(pattern)
	for strings.ContainsAny(fixed, `*?[\`) {
		fixed = filepath.Dir(fixed)
	}
	d, err := os.Open(fixed)
	if err == nil {
		_, err = d.ReadDir(1)
		err = errors.Join(ignoreEOF(err), d.Close())
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for %s: %w", pattern, err)
	}
	return filepath.Glob(pattern)
}

// sidecar reports whether a file only says something of others.
func sidecar(path string) bool {
	base := filepath.Base(path)
	return strings.HasSuffix(base, ".sha256") || base == sumsName
}

// hidden reports whether a name begins with a dot that the pattern does not ask
// for: what rsync and others are still writing.
func hidden(path, pattern string) bool {
	return strings.HasPrefix(filepath.Base(path), ".") && !strings.HasPrefix(filepath.Base(pattern), ".")
}

// stat looks at one backup.
func stat(ctx context.Context, path string) (item, error) {
	info, err := os.Stat(path)
	if err != nil {
		return item{}, err
	}
	if !info.IsDir() {
		return item{path: path, size: info.Size(), made: info.ModTime(), touched: info.ModTime(), id: identity(path, info)}, nil
	}
	it := item{path: path, dir: true, touched: info.ModTime()}
	sum, n := fnv.New128a(), 0
	err = filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if n++; n > maxMembers {
			return errTooMany
		}
		if !d.Type().IsRegular() {
			return ctx.Err()
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.ModTime().After(it.touched) {
			it.touched = info.ModTime()
		}
		it.size += info.Size()
		if info.ModTime().After(it.made) {
			it.made = info.ModTime()
		}
		fmt.Fprintf(sum, "%s\x00%d\x00%d\x00", name, info.Size(), info.ModTime().UnixNano())
		return nil
	})
	if it.made.IsZero() {
		it.made = it.touched
	}
	it.id = fmt.Sprintf("%s %x", identity(path, info), sum.Sum(nil))
	return it, err
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
