package tail

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// stream is one path of a source with the files that have, had or hold copies
// of what stood under it.
type stream struct {
	s      *files
	path   string
	active *file   // has the name now
	files  []*file // all that are known, the active one among them
	// fresh streams are looked at for the first time ever: what is there is
	// old, but for Options.From.
	fresh bool
	// since tells old copies from new ones in a stream that appeared later.
	since time.Time
	// search asks for a look at the rotated files.
	search bool
	dirMod time.Time
}

// Bounds on what is kept of rotated files.
const (
	maxRetired = 32 // open at a time
	racy       = 20 * time.Millisecond
	remember   = time.Minute
	// maxMissed is how many looks in succession may pass over a file that
	// was read to its end, in a folder whose names never rest.
	maxMissed = 64
)

// poll looks who has the name, looks for rotated files if anything changed, and
// reads, the oldest first.
func (st *stream) poll(now time.Time) (more bool, err error) {
	errName := st.name(now)
	var errScan error
	if st.search || st.folderChanged(now) {
		st.search = false
		// A copy is known by what was read of the original: that first.
		_, errOld := st.readRetired(now)
		errScan = errors.Join(errOld, st.scan(now))
	}
	st.fresh = false
	more, err = st.read(now)
	st.retire(now)
	return more, errors.Join(errName, errScan, err)
}

// name finds out which file has the path now.
func (st *stream) name(now time.Time) error {
	fi, err := os.Stat(st.path)
	if gone(err) {
		st.lose(now)
		return nil
	}
	if err != nil {
		return err
	}
	if !fi.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", st.path)
	}
	// While it is open, its identity is given to no other.
	if st.active != nil && st.active.ident == identOf(fi) {
		return nil
	}
	f, err := os.Open(st.path)
	if gone(err) {
		st.lose(now)
		return nil
	}
	if err != nil {
		return err
	}
	if fi, err = f.Stat(); err != nil {
		f.Close()
		return err
	}
	id := identOf(fi)
	if st.active != nil && st.active.ident == id || st.s.owner(id, st, f) != nil {
		f.Close()
		return nil
	}
	old := st.active
	st.lose(now)
	return st.take(f, fi, id, old, now)
}

// lose takes the name from the active file.
func (st *stream) lose(now time.Time) {
	if st.active == nil {
		return
	}
	st.active.retired, st.active.Old, st.active.quiet = true, true, now
	st.active, st.search = nil, true
}

// take makes f, which has the name now, the active file.
func (st *stream) take(f *os.File, fi os.FileInfo, id ident, old *file, now time.Time) error {
	st.search = true
	known := st.known(id)
	switch {
	case known != nil && known.f != nil: // it got its name back
		f.Close()
		st.activate(known, known.f)
		return nil
	case known != nil && known.holds(f):
		st.activate(known, f)
		return nil
	case known != nil:
		if !st.rewritten(known, f, fi) {
			st.forget(known) // another file with its number, or emptied
		} else {
			return st.resume(known, f, fi)
		}
	}
	next := &file{mark: mark{ident: id, Path: st.path}}
	if old != nil {
		st.s.feed.stats.Rotations++
		st.s.feed.t.dirty = true
	}
	if old != nil && deleted(old.f) && len(old.Head) == headLen {
		switch {
		case old.holds(f): // a copy took its place, as an editor or a restore leaves it
			next.mark = old.mark
			next.ident, next.Path = id, st.path
			st.drop(old)
		case st.rewritten(old, f, fi):
			st.drop(old)
			st.files = append(st.files, next)
			return st.resume(next, f, fi)
		}
	} else if st.fresh {
		if err := st.begin(next, f, fi.Size()); err != nil {
			f.Close()
			return err
		}
	}
	st.files = append(st.files, next)
	st.activate(next, f)
	return nil
}

func (st *stream) activate(f *file, fd *os.File) {
	f.f, f.Path = fd, st.path
	f.retired, f.Old, f.Done, f.lost = false, false, false, time.Time{}
	st.active = f
}

// rewritten reports whether a file begins as what was read of it, but does not
// go on like that: lines were changed or taken out.
func (st *stream) rewritten(known *file, f *os.File, fi os.FileInfo) bool {
	return len(known.Head) == headLen && fi.Size() >= known.Offset/2 && fi.Size() > headLen &&
		agrees(f, make([]byte, headLen), 0, known.Head) && !known.holds(f)
}

// resume goes on at the end of a file whose lines were changed: what is new in
// it cannot be told from what was there.
func (st *stream) resume(f *file, fd *os.File, fi os.FileInfo) error {
	st.s.feed.stats.Rewritten++
	st.s.feed.stats.Gaps++
	st.s.feed.t.dirty = true
	f.mark = mark{ident: identOf(fi), Path: st.path}
	if err := startAt(&f.mark, fd, fi.Size()); err != nil {
		fd.Close()
		return err
	}
	st.activate(f, fd)
	return nil
}

// begin puts a file that is there at the first start where reading begins.
func (st *stream) begin(f *file, fd *os.File, size int64) error {
	st.s.feed.t.dirty = true
	back := st.s.feed.t.opt.From.Back
	if back < 0 {
		return nil
	}
	return startAt(&f.mark, fd, max(0, size-back))
}

// startAt places m at the begin of the line in which offset stands, or of the
// next one if that is far back.
func startAt(m *mark, fd *os.File, offset int64) error {
	reach := min(offset, 64<<10)
	buf := make([]byte, reach)
	if err := readFull(fd, buf, offset-reach); err != nil {
		return err
	}
	n := int64(slices.Index(reversed(buf), '\n'))
	switch {
	case n >= 0:
		offset -= n
	case reach < offset:
		m.Skip = true
	default:
		offset = 0
	}
	return m.place(fd, offset)
}

func reversed(b []byte) []byte {
	slices.Reverse(b)
	return b
}

func (st *stream) known(id ident) *file {
	for _, f := range st.files {
		if f.ident == id && id != (ident{}) {
			return f
		}
	}
	return nil
}

// forget takes a file's identity from it, which another has now. If it was not
// read to its end it is looked for by content.
func (st *stream) forget(f *file) {
	f.close()
	f.ident = ident{}
	if f.Done || f.Offset == 0 {
		st.drop(f)
		return
	}
	f.retired = true
	st.search = true
}

func (st *stream) drop(f *file) {
	f.close()
	st.files = slices.DeleteFunc(st.files, func(o *file) bool { return o == f })
}

// folderChanged reports whether names have changed since the last look.
func (st *stream) folderChanged(now time.Time) bool {
	mod := st.folderTime()
	if mod.IsZero() || mod.Equal(st.dirMod) {
		return false
	}
	st.dirMod = mod
	if isRacy(mod, now) {
		st.dirMod = time.Time{}
	}
	return true
}

// folderTime is when names last changed in the folder; zero if it cannot be
// looked at.
func (st *stream) folderTime() time.Time {
	fi, err := os.Stat(filepath.Dir(st.path))
	if err != nil {
		return time.Time{}
	}
	return fi.ModTime()
}

// isRacy reports whether a folder changed so lately that another change may
// bear the same time.
func isRacy(mod, now time.Time) bool {
	d := now.Sub(mod)
	return d < racy && d > -racy
}

// readRetired drains what is open and has lost its name.
func (st *stream) readRetired(now time.Time) (more bool, err error) {
	var errs []error
	for _, f := range slices.Clone(st.files) {
		if f == st.active || f.f == nil && f.packed == nil {
			continue
		}
		m, torn, err := st.s.drain(f, now, false)
		if torn {
			st.emptied(f, now)
		}
		more = more || m
		errs = append(errs, err)
	}
	return more, errors.Join(errs...)
}

// read drains what is open, the active file last.
func (st *stream) read(now time.Time) (more bool, err error) {
	more, err = st.readRetired(now)
	if st.active == nil || more {
		return more, err
	}
	errs := []error{err}
	f := st.active
	more, torn, err := st.s.drain(f, now, false)
	errs = append(errs, err)
	if torn {
		st.emptied(f, now)
		errs = append(errs, st.scan(now))
		more = true
	}
	return more, errors.Join(errs...)
}

// emptied deals with a file whose content is not what was read of it. What was
// not read of the old content may stand in a copy.
func (st *stream) emptied(f *file, now time.Time) {
	st.s.feed.t.dirty = true
	if fi, err := f.f.Stat(); err == nil && st.rewritten(f, f.f, fi) {
		fd := f.f
		if err := st.resume(f, fd, fi); err != nil {
			st.drop(f)
		}
		return
	}
	st.s.feed.stats.Truncations++
	old := &file{mark: f.mark, retired: true}
	old.ident, old.Emptied = ident{}, true
	st.files = append(st.files, old)
	f.mark = mark{ident: f.ident, Path: f.Path}
	f.quiet = now
}

// retire closes rotated files to which nothing comes any more, and forgets what
// is of no use.
func (st *stream) retire(now time.Time) {
	open := 0
	for _, f := range slices.Backward(st.files) {
		if f == st.active || f.f == nil || f.packed != nil {
			continue
		}
		open++
		idle := now.Sub(f.quiet)
		if f.quiet.IsZero() {
			f.quiet = now
		} else if idle > st.s.feed.t.opt.Linger && st.active != nil || open > maxRetired {
			st.finish(f, now)
		}
	}
	for _, f := range slices.Clone(st.files) {
		if f == st.active || f.f != nil || f.packed != nil {
			continue
		}
		switch {
		case !f.torn.IsZero():
			if now.Sub(f.torn) > st.s.feed.t.opt.Linger {
				f.Done, f.torn = true, time.Time{}
				st.s.feed.stats.Gaps++
			}
		case f.Done:
			if f.missed > maxMissed || !f.lost.IsZero() && now.Sub(f.lost) > remember {
				st.drop(f)
			}
		case f.lost.IsZero():
		case f.sought.Sub(f.lost) > st.s.feed.t.opt.Linger/3:
			st.miss(f)
		default:
			st.search = true
		}
	}
}

// miss gives up a place that was found nowhere.
func (st *stream) miss(f *file) {
	st.drop(f)
	st.s.feed.t.dirty = true
	if f.Emptied {
		st.s.feed.stats.Emptied++
		return
	}
	if f.Old && f.AtEnd {
		return // it was read, and deleted as rotated files are
	}
	st.s.feed.stats.Gaps++
}

// finish reads the last of a rotated file and closes it.
func (st *stream) finish(f *file, now time.Time) {
	if more, torn, err := st.s.drain(f, now, true); more || torn || err != nil {
		if err == nil {
			return // there is more; the next look goes on
		}
	}
	if fi, err := f.f.Stat(); err == nil {
		f.Size, f.Mod = fi.Size(), fi.ModTime()
	}
	f.close()
	f.Done = true
	st.s.feed.t.dirty = true
}
