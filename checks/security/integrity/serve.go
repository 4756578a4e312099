package integrity

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settleFor is how long a burst of writes may go on before it is looked at.
	settleFor = 150 * time.Millisecond
	saveEvery = 30 * time.Second
	// maxWatched bounds the folders that are watched; the walk sees the others.
	maxWatched = 32 << 10
	maxHeard   = 4096
)

// Serve walks the trees and watches them until ctx is done; wake asks for a Run
// when something differs.
func (c *Check) Serve(ctx context.Context, wake func()) error {
	if c.k == nil || len(c.cfg.Paths) == 0 {
		<-ctx.Done()
		return ctx.Err()
	}
	c.k.serving.Lock()
	defer c.k.serving.Unlock()
	c.k.configure(c.cfg)
	if c.k.damaged != nil {
		<-ctx.Done()
		return ctx.Err()
	}
	s := &sentry{k: c.k, wake: wake, heard: map[string]bool{}, dirs: map[string]*tree{}, work: make(chan struct{}, 1)}
	s.walker = walker{k: c.k, pass: uint64(time.Now().UnixNano()), pace: pace{rate: c.cfg.Rate}, enter: s.enter, between: func() { s.catchUp(ctx) }}
	watcher, err := fsnotify.NewBufferedWatcher(1024)
	if err == nil {
		s.watcher = watcher
		defer watcher.Close()
		go s.listen(ctx)
	} // else no watcher to be had: the walks see everything, later
	ended := make(chan error, 1)
	go func() {
		// The thread is given up with the goroutine: its low priority with it.
		runtime.LockOSThread()
		standBack()
		ended <- s.run(ctx, c.cfg.Interval)
	}()
	err = <-ended
	return errors.Join(err, c.k.save())
}

// sentry is the walking and watching of one configuration.
type sentry struct {
	walker
	k       *Keeper
	wake    func()
	watcher *fsnotify.Watcher
	dirs    map[string]*tree // folders that are watched
	told    string           // what was told last
	saved   time.Time

	mu    sync.Mutex
	heard map[string]bool // paths in which something happened
	lost  bool            // more happened than was heard
	work  chan struct{}
}

func (s *sentry) run(ctx context.Context, every time.Duration) error {
	for {
		for _, t := range s.k.inForce() {
			if err := s.walk(ctx, t); err != nil {
				return err
			}
		}
		s.settle()
		for walk := time.After(every); walk != nil; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-walk:
				walk = nil
			case <-s.work:
				// A burst is looked at as one, when it is over.
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(settleFor):
				}
				if s.catchUp(ctx) {
					walk = nil
				}
			}
		}
	}
}

// settle asks who made what is new, tells it, and keeps it.
func (s *sentry) settle() {
	s.k.attribute()
	r, err := s.k.Report()
	if err != nil {
		return
	}
	now := ""
	for _, t := range r.Trees {
		now += t.ID + t.Fault
		if t.Complete {
			now += "!"
		}
	}
	if now != s.told {
		s.told = now
		s.wake()
		s.saved = time.Time{}
	}
	if time.Since(s.saved) > saveEvery {
		s.saved = time.Now()
		if err := s.k.save(); err != nil {
			s.k.mu.Lock()
			for _, t := range s.k.inForceLocked() {
				t.fault = reason(err)
			}
			s.k.mu.Unlock()
		}
	}
}

// enter watches a folder.
func (s *sentry) enter(t *tree, dir string) {
	if s.watcher == nil {
		return
	}
	if s.dirs[dir] != nil {
		return
	}
	var err error
	if len(s.dirs) >= maxWatched {
		err = errors.New("enough")
	} else {
		err = s.watcher.Add(dir)
	}
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	if err != nil {
		t.unwatched++
		return
	}
	s.dirs[dir] = t
	t.watched++
}

// listen notes where something happens.
func (s *sentry) listen(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case ev, ok := <-s.watcher.Events:
			if !ok {
				return
			}
			s.hear(ev.Name, false)
		case _, ok := <-s.watcher.Errors:
			if !ok {
				return
			}
			s.hear("", true) // the kernel's queue ran over: walk
		}
	}
}

func (s *sentry) hear(path string, lost bool) {
	s.mu.Lock()
	if len(s.heard) >= maxHeard {
		lost = true
	}
	if lost {
		s.lost = true
	} else {
		s.heard[path] = true
	}
	s.mu.Unlock()
	select {
	case s.work <- struct{}{}:
	default:
	}
}

// catchUp looks at where something happened, and reports whether a whole walk
// is needed.
func (s *sentry) catchUp(ctx context.Context) (walk bool) {
	s.mu.Lock()
	if len(s.heard) == 0 && !s.lost {
		s.mu.Unlock()
		return false
	}
	heard := s.heard
	s.heard, walk, s.lost = map[string]bool{}, s.lost, false
	s.mu.Unlock()
	between := s.between
	s.between = nil // not inside itself
	defer func() { s.between = between }()
	paths := make([]string, 0, len(heard))
	for p := range heard {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	for _, p := range paths {
		if s.one(ctx, p) != nil {
			return false
		}
	}
	s.settle()
	return walk
}

// one looks at one path, whatever it is by now.
func (s *sentry) one(ctx context.Context, path string) error {
	t, rel := s.k.treeOf(filepath.Clean(path))
	if t == nil || rel != "." && !t.takes(rel) && !s.isDir(path) || matchesAny(t.Exclude, rel) {
		return nil
	}
	return s.touch(ctx, t, path, rel)
}

// Look walks all trees once, without watching them.
func (c *Check) Look(ctx context.Context) error {
	c.k.serving.Lock()
	defer c.k.serving.Unlock()
	c.k.configure(c.cfg)
	w := walker{k: c.k, pass: uint64(time.Now().UnixNano()), pace: pace{rate: c.cfg.Rate}}
	for _, t := range c.k.inForce() {
		if err := w.walk(ctx, t); err != nil {
			return err
		}
	}
	return c.k.save()
}
