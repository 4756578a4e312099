package tail

import (
	"log/slog"
	"sync"

	"github.com/fsnotify/fsnotify"
)

// watch tells of changes in folders. It only makes reading faster: what it
// misses, and where it cannot work, the next poll finds.
type watch struct {
	w    *fsnotify.Watcher
	on   map[string]bool
	done sync.WaitGroup
}

func newWatch(signal func(), log *slog.Logger) *watch {
	w := &watch{on: map[string]bool{}}
	var err error
	if w.w, err = fsnotify.NewWatcher(); err != nil {
		log.Warn("changes of logs are not told; they are polled", "err", err)
		return w
	}
	w.done.Go(func() {
		for {
			select {
			case _, ok := <-w.w.Events:
				if !ok {
					return
				}
				signal()
			case _, ok := <-w.w.Errors:
				if !ok {
					return
				}
				signal() // events were lost: look
			}
		}
	})
	return w
}

// follow makes dirs what is watched.
func (w *watch) follow(dirs []string) {
	if w.w == nil {
		return
	}
	want := map[string]bool{}
	for _, d := range dirs {
		want[d] = true
	}
	for d := range w.on {
		if !want[d] {
			_ = w.w.Remove(d) // it may be gone
			delete(w.on, d)
		}
	}
	for d := range want {
		// A folder that is not there yet is tried again.
		if !w.on[d] && w.w.Add(d) == nil {
			w.on[d] = true
		}
	}
}

func (w *watch) close() {
	if w.w != nil {
		w.w.Close()
		w.done.Wait()
	}
}
