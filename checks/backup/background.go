package backup

import (
	"context"
	"time"
)

// Between looks for something to do, when nobody says that there is.
const idle = time.Minute

// Serve reads new backups, asks repositories and makes restore tests, one thing
// at a time, until ctx ends. wake asks for a Run when something is known that was
// not.
func (s *set) Serve(ctx context.Context, wake func()) error {
	s.mu.Lock()
	s.rememberLocked()
	s.mu.Unlock()
	s.sweep()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.kick:
		case <-timer.C:
		}
		s.work(ctx, wake)
		timer.Reset(idle)
	}
}

// work does what there is to do. What fails is remembered as such and told by
// the next Run.
func (s *set) work(ctx context.Context, wake func()) {
	if s.Kind.repository() {
		if s.repositoryDue() && s.alone(ctx, s.Repository.Location, s.ask) {
			wake()
		}
		return
	}
	s.readAll(ctx, wake)
	if s.RestoreTest.on() && s.testDue() && s.alone(ctx, "restore", s.test) {
		wake()
	}
}

// readAll reads what is new, the newest first, and looks again after each: a
// read may take hours.
func (s *set) readAll(ctx context.Context, wake func()) {
	for ctx.Err() == nil {
		now := s.parts.Now()
		items, err := s.candidates(ctx, now)
		if err != nil {
			return // Run meets it too, and says so
		}
		s.mu.Lock()
		s.mem.forget(items)
		s.mu.Unlock()
		pending := s.pendingItems(items, now)
		if len(pending) == 0 {
			return
		}
		it := pending[0]
		if !s.alone(ctx, it.path, func(ctx context.Context) { s.readOne(ctx, it) }) {
			return
		}
		wake()
	}
}

// candidates are what may have to be read.
func (s *set) candidates(ctx context.Context, now time.Time) ([]item, error) {
	if s.Kind == WAL {
		a, _, err := s.archive(ctx, now)
		return a.segments, err
	}
	items, _, err := s.list(ctx, now)
	return items, err
}

func (s *set) readOne(ctx context.Context, it item) {
	ctx, cancel := context.WithTimeout(ctx, s.deadline)
	defer cancel()
	r, err := s.verify(ctx, it, s.rate)
	if err != nil && ctx.Err() == context.DeadlineExceeded {
		r.Error, err = "not read to its end within "+short(s.deadline), nil
	}
	if err != nil {
		return // we are being stopped
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mem.Read[it.id] = r
	s.keepLocked()
}

// alone does one heavy thing while no other set does one. It reports whether it
// was done.
func (s *set) alone(ctx context.Context, what string, do func(context.Context)) bool {
	select {
	case <-ctx.Done():
		return false
	case s.heavy <- struct{}{}:
	}
	defer func() { <-s.heavy }()
	s.setBusy(what)
	defer s.setBusy("")
	gently(func() { do(ctx) })
	return ctx.Err() == nil
}

func (s *set) setBusy(what string) {
	s.mu.Lock()
	s.busy = what
	s.mu.Unlock()
}
