package integrity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// walker looks at trees. One goroutine has it.
type walker struct {
	k    *Keeper
	pass uint64
	pace pace
	buf  []byte
	// enter is told of every folder, before what is in it is looked at: what
	// changes from then on is heard of.
	enter func(t *tree, dir string)
	// between is called between two files, so that what was just changed need
	// not wait for the end of a long walk.
	between func()
}

// pace keeps reading within a budget.
type pace struct {
	rate int64 // bytes a second
	due  time.Time
}

// spend waits until n more bytes may be read.
func (p *pace) spend(ctx context.Context, n int) error {
	now := time.Now()
	if p.due.Before(now) {
		p.due = now
	}
	p.due = p.due.Add(time.Duration(int64(n) * int64(time.Second) / p.rate))
	ahead := time.Until(p.due)
	if ahead < 20*time.Millisecond {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(ahead):
		return nil
	}
}

// walk looks at a whole tree. What is gone afterwards is removed.
func (w *walker) walk(ctx context.Context, t *tree) error {
	w.pass++
	info, err := os.Lstat(t.Path)
	if err != nil {
		w.failed(t, err)
		return nil
	}
	var blind []string
	if info.IsDir() {
		blind, err = w.folder(ctx, t, t.Path, ".", info)
	} else {
		err = w.look(ctx, t, t.Path, ".", info)
	}
	if err != nil {
		return err
	}
	w.finish(t, blind)
	return nil
}

func (w *walker) failed(t *tree, err error) {
	w.k.mu.Lock()
	defer w.k.mu.Unlock()
	t.fault, t.walked = reason(err), w.k.now()
}

// finish settles what was not met: it is gone, unless its folder could not be
// read.
func (w *walker) finish(t *tree, blind []string) {
	w.k.mu.Lock()
	defer w.k.mu.Unlock()
	t.fault, t.walked, t.unreadable = "", w.k.now(), len(blind)
	for rel, f := range t.files {
		if f.pass == w.pass || under(blind, rel) {
			if f.now != nil && f.now.Unread != "" {
				t.unreadable++
			}
			continue
		}
		if !t.takes(rel) && rel != "." {
			delete(t.files, rel) // the configuration leaves it out now
			w.k.dirty = true
			continue
		}
		w.k.settleLocked(t, rel, f, nil)
	}
	if !t.complete {
		t.complete, t.proposed, w.k.dirty = true, w.k.now(), true
	}
}

func under(folders []string, rel string) bool {
	for _, d := range folders {
		if d == "." || rel == d || strings.HasPrefix(rel, d+"/") {
			return true
		}
	}
	return false
}

// folder looks at a folder and all below; blind are the folders it could not
// read.
func (w *walker) folder(ctx context.Context, t *tree, path, rel string, info fs.FileInfo) (blind []string, err error) {
	if w.enter != nil {
		w.enter(t, path)
	}
	if err := w.look(ctx, t, path, rel, info); err != nil {
		return nil, err
	}
	list, err := os.ReadDir(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		blind = append(blind, rel)
	}
	for _, d := range list {
		inside := d.Name()
		if rel != "." {
			inside = rel + "/" + d.Name()
		}
		if matchesAny(t.Exclude, inside) || !d.IsDir() && !t.takes(inside) {
			continue
		}
		info, err := d.Info()
		if err != nil {
			continue // gone in between: the end of the walk sees it
		}
		full := filepath.Join(path, d.Name())
		if d.IsDir() {
			more, err := w.folder(ctx, t, full, inside, info)
			if err != nil {
				return nil, err
			}
			blind = append(blind, more...)
		} else if err := w.look(ctx, t, full, inside, info); err != nil {
			return nil, err
		}
		if w.between != nil {
			w.between()
		}
	}
	return blind, ctx.Err()
}

// look settles one file. It returns an error only when ctx is done.
func (w *walker) look(ctx context.Context, t *tree, path, rel string, info fs.FileInfo) error {
	e := statOf(info)
	w.k.mu.Lock()
	f := t.files[rel]
	var old *Entry
	if f != nil {
		old = f.now
	}
	full, now := w.k.cfg.Full, w.k.now()
	w.k.mu.Unlock()
	if old != nil && old.sameStat(&e) && now.Sub(time.Unix(old.Hashed, 0)) < full && old.Unread == "" {
		w.k.mu.Lock()
		f.pass = w.pass
		w.k.mu.Unlock()
		return nil
	}
	if err := w.fill(ctx, t, path, rel, &e); err != nil {
		return err
	}
	e.Hashed = now.Unix()
	w.k.mu.Lock()
	defer w.k.mu.Unlock()
	if f == nil {
		f = &file{}
		t.files[rel] = f
		if !t.complete {
			f.base = &e // the first look is the baseline that is proposed
		}
	}
	f.pass = w.pass
	w.k.settleLocked(t, rel, f, &e)
	return nil
}

// settleLocked takes the present state of a file.
func (k *Keeper) settleLocked(t *tree, rel string, f *file, now *Entry) {
	if now == nil && f.base == nil {
		delete(t.files, rel)
		k.dirty = true
		return
	}
	if f.now != now {
		k.dirty = true
	}
	before := id(rel, f.base, f.now)
	f.now = now
	switch {
	case len(compare(f.base, now)) == 0 && (now == nil || f.base == nil || f.base.Hash == now.Hash):
		f.since, f.who = time.Time{}, Culprit{}
		if now != nil && f.base != nil {
			shell := f.base.Shell
			merged := *now
			merged.Shell = shell
			f.base, f.now = &merged, &merged
		}
	case f.since.IsZero() || before != id(rel, f.base, now):
		f.since, f.who = k.now(), Culprit{}
	}
}

// keepWhole is up to which size a content is kept in memory to be read for
// shells, in bytes.
const keepWhole = 1 << 20

// fill reads what a file holds.
func (w *walker) fill(ctx context.Context, t *tree, path, rel string, e *Entry) error {
	e.Attrs = rightsOf(path)
	switch {
	case e.Mode.IsDir():
		return ctx.Err()
	case e.Mode&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		if err != nil {
			e.Unread = reason(err)
			return nil
		}
		sum := sha256.Sum256([]byte(target))
		e.Hash = hex.EncodeToString(sum[:])
		return nil
	case !e.Mode.IsRegular():
		return nil // a device, pipe or socket: its mode says it all
	}
	text, err := w.hash(ctx, path, e)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		e.Unread = reason(err)
		return nil
	}
	w.k.mu.Lock()
	t.read += e.Size
	w.k.mu.Unlock()
	if text == nil {
		return nil
	}
	if t.Kind == Web {
		e.Shell = shellIn(rel, text)
	}
	w.k.mu.Lock()
	defer w.k.mu.Unlock()
	w.k.copies.keep(rel, e, text)
	return nil
}

// hash reads a file within the budget, and returns its content if it is small.
func (w *walker) hash(ctx context.Context, path string, e *Entry) ([]byte, error) {
	f, err := os.OpenFile(path, openFlags, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, errors.New("it became something else while it was opened")
	}
	if w.buf == nil {
		w.buf = make([]byte, 128<<10)
	}
	h := sha256.New()
	var whole []byte
	total := int64(0)
	for {
		n, err := f.Read(w.buf)
		if n > 0 {
			h.Write(w.buf[:n])
			if total += int64(n); total <= keepWhole {
				whole = append(whole, w.buf[:n]...)
			}
			if err := w.pace.spend(ctx, n); err != nil {
				return nil, err
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	e.Hash = hex.EncodeToString(h.Sum(nil))
	e.Size = total // what was hashed, should it have grown meanwhile
	if total > keepWhole {
		return nil, nil
	}
	if whole == nil {
		whole = []byte{}
	}
	return whole, nil
}

// reason is an error without the path, which stands beside it.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Sprintf("%s: %v", p.Op, p.Err)
	}
	return err.Error()
}

// touch looks at one path that something happened to: it may be new, changed,
// a folder, or gone with all below.
func (w *walker) touch(ctx context.Context, t *tree, path, rel string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		w.k.mu.Lock()
		defer w.k.mu.Unlock()
		for inside, f := range t.files {
			if rel != "." && (inside == rel || strings.HasPrefix(inside, rel+"/")) {
				w.k.settleLocked(t, inside, f, nil)
			}
		}
		return nil
	case err != nil:
		return nil // the walk says so
	case info.IsDir():
		_, err := w.folder(ctx, t, path, rel, info)
		return err
	}
	return w.look(ctx, t, path, rel, info)
}

func (w *walker) isDir(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}
