package checks_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"xunjian/checks"
)

// listener is a check with a background.
type listener struct {
	id    string
	serve func(ctx context.Context, wake func()) error
	runs  atomic.Int32
}

func (l *listener) Name() string              { return "listener" }
func (l *listener) Identity() string          { return l.id }
func (l *listener) Schedule() checks.Schedule { return checks.Schedule{Interval: time.Minute} }
func (l *listener) Run(_ context.Context, out *checks.Output) error {
	l.runs.Add(1)
	out.Set(descProbe, 1, "x")
	return nil
}
func (l *listener) Serve(ctx context.Context, wake func()) error { return l.serve(ctx, wake) }

// background runs a Runner with l in a bubble until f returns.
func background(t *testing.T, l *listener, f func(r *checks.Runner, last func() checks.Result)) {
	synctest.Test(t, func(t *testing.T) {
		var last atomic.Pointer[checks.Result]
		r := checks.NewRunner(checks.RunnerOptions{Sink: func(batch []checks.Result) { last.Store(&batch[len(batch)-1]) }})
		if err := r.Replace([]checks.Check{l}, nil); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		time.Sleep(time.Second)
		f(r, func() checks.Result { synctest.Wait(); return *last.Load() })
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestBackgroundWakes(t *testing.T) {
	pokes := make(chan func(), 1)
	l := &listener{serve: func(ctx context.Context, wake func()) error {
		pokes <- wake
		<-ctx.Done()
		return nil
	}}
	background(t, l, func(_ *checks.Runner, last func() checks.Result) {
		if n := l.runs.Load(); n != 1 {
			t.Fatalf("%d runs at the start, want 1", n)
		}
		poke := <-pokes
		poke()
		synctest.Wait()
		if n := l.runs.Load(); n != 2 {
			t.Errorf("%d runs after it was woken, want 2 at once", n)
		}
		for range 1000 {
			poke()
		}
		time.Sleep(time.Second)
		if n := l.runs.Load(); n != 3 {
			t.Errorf("%d runs after a thousand calls, want 3", n)
		}
		if res := last(); res.Verdict != checks.OK {
			t.Errorf("came to %v", res.Verdict)
		}
	})
}

// TestBackgroundBreaks holds that a check whose background is broken is
// unknown until it works again, and that it is begun again and again.
func TestBackgroundBreaks(t *testing.T) {
	for name, fail := range map[string]func() error{
		"an error": func() error { return errors.New("listen udp :514: address already in use") },
		"a panic":  func() error { panic("lost") },
		"an end":   func() error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			var begun atomic.Int32
			l := &listener{serve: func(ctx context.Context, _ func()) error {
				if begun.Add(1) < 4 {
					return fail()
				}
				<-ctx.Done()
				return ctx.Err()
			}}
			background(t, l, func(_ *checks.Runner, last func() checks.Result) {
				res := last()
				if res.Verdict != checks.Unknown || res.Error == "" || len(res.Findings) != 1 || res.Findings[0].Code != "check.background" {
					t.Errorf("while it is broken: %v %q %+v", res.Verdict, res.Error, res.Findings)
				}
				time.Sleep(2 * time.Minute)
				if n := begun.Load(); n != 4 {
					t.Errorf("begun %d times, want 4", n)
				}
				if res := last(); res.Verdict != checks.OK || res.Error != "" {
					t.Errorf("once it works: %v %q", res.Verdict, res.Error)
				}
			})
		})
	}
}

// TestBackgroundGivesWay holds that a successor is served only after the one
// before it has let go, that an equal one takes nothing away, and that one that
// is gone is ended.
func TestBackgroundGivesWay(t *testing.T) {
	var open, most, begun atomic.Int32
	serve := func(ctx context.Context, _ func()) error {
		begun.Add(1)
		if n := open.Add(1); n > most.Load() {
			most.Store(n)
		}
		<-ctx.Done()
		time.Sleep(3 * time.Second) // slow to close
		open.Add(-1)
		return nil
	}
	background(t, &listener{id: "a", serve: serve}, func(r *checks.Runner, _ func() checks.Result) {
		replace := func(list ...checks.Check) {
			if err := r.Replace(list, nil); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		}
		replace(&listener{id: "a", serve: serve})
		if begun.Load() != 1 {
			t.Error("an equal one was begun anew")
		}
		replace(&listener{id: "b", serve: serve})
		if begun.Load() != 2 || most.Load() != 1 || open.Load() != 1 {
			t.Errorf("after another: begun %d, open %d, at most %d at once", begun.Load(), open.Load(), most.Load())
		}
		replace()
		if open.Load() != 0 {
			t.Error("one that is gone goes on")
		}
	})
}
