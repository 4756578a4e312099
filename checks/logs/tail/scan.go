package tail

import (
	"bytes"
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// scan goes through the rotated files beside the path: those that are known are
// checked, those that hold what is missing are read on, new ones are read
// whole. Only a look during which no name changed says that a file is not there:
// while files are renamed, one may be passed over under its old name and under
// its new one. Nor does one that has to be repeated, for a file was in the making.
func (st *stream) scan(now time.Time) error {
	before := st.folderTime()
	names, err := st.rotated()
	if err != nil {
		if gone(err) {
			err = nil
		}
		return err
	}
	var errs []error
	seen := map[*file]bool{}
	for _, path := range names {
		f, err := st.look(path, now)
		if err != nil && !gone(err) {
			errs = append(errs, err)
		}
		if f != nil {
			seen[f] = true
			f.lost, f.missed = time.Time{}, 0
		}
	}
	whole := !st.search && !isRacy(before, now) && st.folderTime().Equal(before)
	for _, f := range st.files {
		switch {
		case seen[f] || f == st.active || f.f != nil || f.packed != nil:
		case !whole:
			f.missed++
		default:
			if f.sought = now; f.lost.IsZero() {
				f.lost = now
			}
		}
	}
	return errors.Join(errs...)
}

// look deals with one rotated file and returns what it is known as; nil if that
// cannot be told yet.
func (st *stream) look(path string, now time.Time) (*file, error) {
	fi, err := os.Stat(path)
	if err != nil || !fi.Mode().IsRegular() {
		return nil, err
	}
	id := identOf(fi)
	f := st.known(id)
	switch {
	case f != nil && f == st.active:
		return f, nil
	case f != nil && (f.f != nil || f.packed != nil):
		f.Path = path
		return f, nil
	case f != nil && f.Done && f.Size == fi.Size() && f.Mod.Equal(fi.ModTime()),
		f != nil && !f.torn.IsZero() && f.Size == fi.Size():
		f.Path = path
		return f, nil
	}
	if Packed(path) {
		return st.lookPacked(path, f, id, fi, now)
	}
	fd, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if fi, err = fd.Stat(); err != nil || identOf(fi) != id {
		fd.Close()
		st.search = true // it changed under the hand
		return nil, err
	}
	if f == nil && st.s.owner(id, st, fd) != nil {
		fd.Close()
		return nil, nil
	}
	if f != nil && f.holds(fd) {
		return st.readOn(f, path, fd, id, now), nil
	}
	if f != nil {
		st.forget(f)
	}
	return st.classify(path, fd, id, fi, now)
}

// readOn goes on in a rotated file at its mark.
func (st *stream) readOn(f *file, path string, fd *os.File, id ident, now time.Time) *file {
	f.ident, f.Path, f.f = id, path, fd
	f.retired, f.Old, f.Done, f.Emptied = true, true, false, false
	f.quiet = now
	return f
}

// classify says what an unknown plain file is: what a mark was looking for, a
// copy of something known, or new.
func (st *stream) classify(path string, fd *os.File, id ident, fi os.FileInfo, now time.Time) (*file, error) {
	next := &file{mark: mark{ident: id, Path: path, Size: fi.Size(), Mod: fi.ModTime(), Old: true}, retired: true}
	if st.old(fi) {
		next.Done = true
		err := next.place(fd, fi.Size())
		fd.Close()
		if err != nil {
			return nil, err
		}
		st.files = append(st.files, next)
		return next, nil
	}
	if fi.Size() == 0 {
		fd.Close()
		st.search = st.search || st.growing(fi, now) // it may be one that was renamed before its first line
		return nil, nil
	}
	head := make([]byte, min(headLen, fi.Size()))
	if err := readFull(fd, head, 0); err != nil {
		fd.Close()
		st.search = true // it was emptied under the hand
		return nil, nil
	}
	for _, m := range st.candidates() {
		switch {
		case bytes.HasPrefix(head, m.Head) && m.ends(fd):
			if m == st.active { // the copy is there, the original not yet emptied
				fd.Close()
				st.search = true
				return nil, nil
			}
			if m.f == nil && m.packed == nil && !m.Done {
				return st.readOn(m, path, fd, id, now), nil
			}
			next.Done = true // a copy of what is read otherwise
			err := next.place(fd, fi.Size())
			fd.Close()
			if err != nil {
				return nil, err
			}
			st.files = append(st.files, next)
			return next, nil
		case fi.Size() < m.Offset && st.growing(fi, now) && bytes.HasPrefix(m.Head, head):
			fd.Close()
			st.search = true // a copy in the making
			return nil, nil
		}
	}
	next.f, next.quiet = fd, now
	next.Size, next.Mod = 0, time.Time{}
	st.files = append(st.files, next)
	st.s.feed.stats.Rotations++
	return next, nil
}

// growing reports whether a file may still be in the making. Programs that
// compress give it the time of the original when it is done.
func (st *stream) growing(fi os.FileInfo, now time.Time) bool {
	d, rest := now.Sub(fi.ModTime()), st.s.feed.t.opt.Linger/3
	return d < rest && d > -rest
}

// candidates are the marks of which an unknown file may be the continuation or
// a copy: first those that look for theirs, the active file last.
func (st *stream) candidates() []*file {
	rank := func(f *file) int {
		switch {
		case f == st.active:
			return 3
		case f.Done:
			return 2
		case f.f != nil || f.packed != nil:
			return 1
		}
		return 0
	}
	list := slices.DeleteFunc(slices.Clone(st.files), func(f *file) bool { return f.Offset == 0 || len(f.Head) == 0 })
	slices.SortStableFunc(list, func(a, b *file) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), -cmp.Compare(a.Offset, b.Offset))
	})
	return list
}

// old reports whether a rotated file was there before reading began.
func (st *stream) old(fi os.FileInfo) bool {
	return st.fresh && st.s.feed.t.opt.From.Back >= 0 || !st.since.IsZero() && fi.ModTime().Before(st.since)
}

// lookPacked is what look and classify do, for a compressed file.
func (st *stream) lookPacked(path string, f *file, id ident, fi os.FileInfo, now time.Time) (*file, error) {
	next := &file{mark: mark{ident: id, Path: path, Size: fi.Size(), Mod: fi.ModTime(), Done: true}, retired: true}
	if st.old(fi) {
		st.files = append(st.files, next)
		return next, nil
	}
	if f != nil && f.Offset > 0 {
		p, short, err := f.holdsPacked(path)
		switch {
		case p != nil:
			return st.unpack(f, path, id, fi, p, now), nil
		case short && st.growing(fi, now):
			st.search = true
			return f, nil
		case err != nil:
			return f, err
		}
		st.forget(f)
	} else if f != nil {
		// A copy of another file, or old; what changed may be its time alone.
		st.drop(f)
	}
	for _, m := range st.candidates() {
		p, short, err := m.holdsPacked(path)
		switch {
		case short && st.growing(fi, now):
			st.search = true
			return nil, nil
		case err != nil:
			return nil, err
		case p == nil:
		case m == st.active || m.Done || m.f != nil || m.packed != nil: // a copy of what is read otherwise
			p.Close()
			st.files = append(st.files, next)
			return next, nil
		case st.growing(fi, now):
			p.Close()
			st.search = true
			return nil, nil
		default:
			return st.unpack(m, path, id, fi, p, now), nil
		}
	}
	if st.growing(fi, now) {
		st.search = true // what is not there yet would be missed
		return nil, nil
	}
	p, err := openPacked(path)
	if err != nil {
		return nil, err
	}
	next.Done, next.packed = false, p
	st.files = append(st.files, next)
	st.s.feed.stats.Rotations++
	return next, nil
}

func (st *stream) unpack(f *file, path string, id ident, fi os.FileInfo, p *packed, now time.Time) *file {
	f.ident, f.Path, f.packed = id, path, p
	f.retired, f.Old, f.Done, f.Emptied, f.quiet = true, true, false, false, now
	f.Size, f.Mod = fi.Size(), fi.ModTime()
	return f
}

// after is what rotation puts after a name: .1, -20261129, .2026-11-29.gz.
var after = regexp.MustCompile(`^([.-](\d[\dT:._-]*|old))(\.(gz|zst|xz|bz2))?$`)

// rotated lists the rotated files of the path, the oldest first.
func (st *stream) rotated() ([]string, error) {
	dir, base := filepath.Split(st.path)
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	all, err := d.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	type entry struct {
		name string
		key  string
		n    int
	}
	var list []entry
	for _, name := range all {
		if key, ok := rotatedOf(base, name); ok {
			e := entry{name: name, key: key, n: -1}
			if n, err := strconv.Atoi(key[1:]); err == nil && len(key) < 6 {
				e.n = n
			}
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b entry) int {
		if a.n >= 0 && b.n >= 0 {
			return cmp.Compare(b.n, a.n) // .2 is older than .1
		}
		return cmp.Or(cmp.Compare(a.n, b.n), strings.Compare(a.key, b.key))
	})
	out := make([]string, len(list))
	for n, e := range list {
		out[n] = filepath.Join(dir, e.name)
	}
	return out, nil
}

// rotatedOf reports whether name is that of a rotated base, and what was put
// after it: app.log.1, app.log-20261129.gz, app.2026-11-29.log, app-1.log.
func rotatedOf(base, name string) (string, bool) {
	if rest, ok := strings.CutPrefix(name, base); ok && rest != "" {
		if m := after.FindStringSubmatch(rest); m != nil {
			return m[1], true
		}
		return "", false
	}
	ext := filepath.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	rest, ok := strings.CutPrefix(name, stem)
	if !ok || ext == "" || stem == "" {
		return "", false
	}
	rest, pack := strings.CutSuffix(rest, ".gz")
	if rest, ok = strings.CutSuffix(rest, ext); !ok {
		return "", false
	}
	if pack {
		rest += ".gz"
	}
	if m := after.FindStringSubmatch(rest); m != nil {
		return m[1], true
	}
	return "", false
}
