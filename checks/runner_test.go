package checks_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"xunjian/checks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var descProbe = checks.NewDesc("probe_value", checks.Gauge, "What the probe says.", "n")

// fake is a check that counts its runs and does what look says.
type fake struct {
	name  string
	sched checks.Schedule
	look  func(ctx context.Context, out *checks.Output) error

	mu   sync.Mutex
	runs []time.Time
}

func (f *fake) Name() string              { return f.name }
func (f *fake) Schedule() checks.Schedule { return f.sched }

func (f *fake) Run(ctx context.Context, out *checks.Output) error {
	f.mu.Lock()
	f.runs = append(f.runs, time.Now())
	f.mu.Unlock()
	if f.look == nil {
		out.Set(descProbe, 1, f.name)
		return nil
	}
	return f.look(ctx, out)
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.runs)
}

// station is a Runner at work whose results are kept.
type station struct {
	*checks.Runner
	cancel context.CancelFunc
	ended  chan error
	skew   time.Duration // of the wall clock

	mu      sync.Mutex
	batches [][]checks.Result
}

func (s *station) take(batch []checks.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches = append(s.batches, batch)
}

func (s *station) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Add(s.skew)
}

func (s *station) step(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skew += d
}

// of returns the results of one check so far.
func (s *station) of(name string) []checks.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []checks.Result
	for _, batch := range s.batches {
		for _, res := range batch {
			if res.Check == name {
				out = append(out, res)
			}
		}
	}
	return out
}

// names tells what came in each batch.
func (s *station) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, batch := range s.batches {
		var names []string
		for _, res := range batch {
			names = append(names, res.Check)
		}
		out = append(out, strings.Join(names, " "))
	}
	return out
}

func (s *station) stop(t *testing.T) {
	t.Helper()
	s.cancel()
	if err := <-s.ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// begin starts a Runner with the checks in the test's bubble.
func begin(t *testing.T, list ...checks.Check) *station {
	t.Helper()
	s := &station{ended: make(chan error, 1)}
	s.Runner = checks.NewRunner(checks.RunnerOptions{Sink: s.take, Now: s.now})
	if err := s.Replace(list, nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.cancel = cancel
	go func() { s.ended <- s.Run(ctx) }()
	synctest.Wait()
	return s
}

// after lets time pass, and everything that is due happen.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// clock says the wall clock times of results.
func clock(list []checks.Result) string {
	var out []string
	for _, res := range list {
		out = append(out, strings.TrimSuffix(res.Time.Format("15:04:05.000"), ".000"))
	}
	return strings.Join(out, " ")
}

func wantText(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

func TestEverythingIsRunAtOnceAndThenOnTheBeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		after(3*time.Second + 7*time.Millisecond)
		s := begin(t, &fake{name: "b"}, &fake{name: "a"}, &fake{name: "c"})
		after(45 * time.Second)
		s.stop(t)
		wantText(t, "times of a", clock(s.of("a")), "00:00:03.007 00:00:15 00:00:30 00:00:45")
		wantText(t, "batches", strings.Join(s.names(), ", "), "a b c, a b c, a b c, a b c")
	})
}

func TestTheSecondRunIsNotRightAfterTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		after(10 * time.Second)
		s := begin(t, &fake{name: "a"})
		after(40 * time.Second)
		s.stop(t)
		wantText(t, "times", clock(s.of("a")), "00:00:10 00:00:30 00:00:45")
	})
}

func TestIntervalsThatMeetShareOneTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quick := &fake{name: "quick", sched: checks.Schedule{Interval: time.Second}}
		slow := &fake{name: "slow"}
		s := begin(t, quick, slow)
		after(31 * time.Second)
		s.stop(t)
		wantText(t, "times of slow", clock(s.of("slow")), "00:00:00 00:00:15 00:00:30")
		if got := len(s.of("quick")); got != 32 {
			t.Errorf("the quick check ran %d times in 31 s, want 32", got)
		}
		both := 0
		for _, names := range s.names() {
			if names == "quick slow" {
				both++
			}
		}
		if both != 3 {
			t.Errorf("%d batches hold both, want 3: %q", both, s.names())
		}
	})
}

func TestAHungCheckCostsOneGoroutineAndNothingElse(t *testing.T) {
	// Goroutines are counted over the process: those of the tests before have to
	// be gone.
	for same, last := 0, 0; same < 5; time.Sleep(20 * time.Millisecond) {
		if n := runtime.NumGoroutine(); n == last {
			same++
		} else {
			same, last = 0, n
		}
	}
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hung := &fake{name: "hung", look: func(_ context.Context, out *checks.Output) error {
			out.Set(descProbe, 1, "before")
			<-release
			// Nobody may read this: the race detector would see it.
			out.Set(descProbe, 2, "after")
			return nil
		}}
		well := &fake{name: "well"}
		before := runtime.NumGoroutine()
		s := begin(t, hung, well)
		after(61 * time.Second)

		wantText(t, "times of the other", clock(s.of("well")), "00:00:00 00:00:15 00:00:30 00:00:45 00:01:00")
		wantText(t, "times of the hung", clock(s.of("hung")), "00:00:00 00:00:15 00:00:30 00:00:45 00:01:00")
		if hung.count() != 1 {
			t.Errorf("the hung check was started %d times, want once", hung.count())
		}
		// Runner, carrier and the stuck run.
		if got := runtime.NumGoroutine() - before; got != 3 {
			t.Errorf("%d goroutines more than before, want 3", got)
		}
		if st := s.Stats(); st.Stuck != 1 || st.Running != 0 || st.Checks != 2 {
			t.Errorf("Stats = %+v", st)
		}
		for i, res := range s.of("hung") {
			if res.Verdict != checks.Unknown || len(res.Findings) != 1 || res.Findings[0].Code != "check.hung" || res.Error == "" || len(res.Samples) != 0 {
				t.Errorf("result %d of the hung check: %+v", i, res)
			}
			if want := max(10*time.Second, time.Duration(i)*15*time.Second); res.Duration != want {
				t.Errorf("result %d says it waited %v, want %v", i, res.Duration, want)
			}
		}

		close(release)
		after(15 * time.Second)
		if hung.count() != 2 {
			t.Errorf("after it returned it was started %d times in all, want 2", hung.count())
		}
		last := s.of("hung")[len(s.of("hung"))-1]
		if last.Verdict != checks.OK || len(last.Samples) != 2 {
			t.Errorf("after it returned: %+v", last)
		}
		if st := s.Stats(); st.Stuck != 0 {
			t.Errorf("Stats = %+v", st)
		}
		s.stop(t)
	})
}

func TestAHungResultComesAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := begin(t, &fake{name: "hung", sched: checks.Schedule{Timeout: 4 * time.Second}, look: func(context.Context, *checks.Output) error {
			<-release
			return nil
		}})
		after(4*time.Second - time.Millisecond)
		if got := s.of("hung"); len(got) != 0 {
			t.Fatalf("a result before the deadline: %+v", got)
		}
		after(time.Millisecond)
		if got := s.of("hung"); len(got) != 1 || got[0].Duration != 4*time.Second {
			t.Fatalf("at the deadline: %+v", got)
		}
		close(release)
		s.stop(t)
	})
}

func TestACheckThatHonoursItsContextIsNeverHung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := begin(t, &fake{name: "waits", look: func(ctx context.Context, out *checks.Output) error {
			<-ctx.Done()
			return fmt.Errorf("read: %w", ctx.Err())
		}}, &fake{name: "tells", look: func(ctx context.Context, out *checks.Output) error {
			<-ctx.Done()
			out.Find(checks.Finding{Code: "tells.more", Subject: "/mnt", Verdict: checks.Unknown})
			return ctx.Err()
		}})
		after(10 * time.Second)
		for name, code := range map[string]string{"waits": "check.timeout", "tells": "tells.more"} {
			got := s.of(name)
			if len(got) != 1 || got[0].Verdict != checks.Unknown || len(got[0].Findings) != 1 || got[0].Findings[0].Code != code {
				t.Errorf("%s: %+v, want one finding %s", name, got, code)
			}
		}
		s.stop(t)
	})
}

func TestAPanicIsAFinding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := begin(t,
			&fake{name: "panics", look: func(_ context.Context, out *checks.Output) error {
				out.Set(descProbe, 1, "half")
				panic("index out of range")
			}},
			&fake{name: "exits", look: func(context.Context, *checks.Output) error {
				runtime.Goexit()
				return nil
			}},
			&fake{name: "well"})
		after(15 * time.Second)
		s.stop(t)
		for name, code := range map[string]string{"panics": "check.panic", "exits": "check.failed"} {
			got := s.of(name)
			if len(got) != 2 {
				t.Fatalf("%s: %d results, want 2", name, len(got))
			}
			f := got[0].Findings[0]
			if got[0].Verdict != checks.Unknown || f.Code != code || f.Args["error"] == "" || len(got[0].Samples) != 0 {
				t.Errorf("%s: %+v", name, got[0])
			}
		}
		if ev := s.of("panics")[0].Findings[0].Evidence; !strings.Contains(ev, "runner_test.go") {
			t.Errorf("the stack is not evidence: %q", ev)
		}
		wantText(t, "times of the other", clock(s.of("well")), "00:00:00 00:00:15")
	})
}

func TestAMillionSeriesAreCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flood := &fake{name: "flood", sched: checks.Schedule{SeriesLimit: 100}, look: func(_ context.Context, out *checks.Output) error {
			for n := range 1_000_000 {
				out.Set(descProbe, float64(n), "x")
			}
			return nil
		}}
		s := begin(t, flood, &fake{name: "well"})
		after(30 * time.Second)
		s.stop(t)
		got := s.of("flood")
		if len(got) != 3 {
			t.Fatalf("%d results, want 3", len(got))
		}
		for i, res := range got {
			if len(res.Samples) != 100 || res.Dropped != 999_900 || res.DroppedTotal != 999_900*(i+1) {
				t.Errorf("result %d: %d samples, %d dropped, %d in all", i, len(res.Samples), res.Dropped, res.DroppedTotal)
			}
			if f := res.Findings[0]; res.Verdict != checks.Attention || f.Code != "check.dropped" || f.Args["dropped"] != 999_900 || f.Args["limit"] != 100 {
				t.Errorf("result %d: %+v", i, res.Findings)
			}
		}
		wantText(t, "times of the other", clock(s.of("well")), "00:00:00 00:00:15 00:00:30")
	})
}

// TestBatches has checks that take their time, and looks at what comes together.
func TestBatches(t *testing.T) {
	for _, tt := range []struct {
		name string
		took []int // milliseconds
		want string
	}{
		{"all at once", []int{0, 0, 0}, "c0 c1 c2"},
		{"close together", []int{0, 40, 80}, "c0 c1 c2"},
		{"one is late", []int{0, 10, 200}, "c0 c1, c2"},
		{"one is very late", []int{0, 8000, 10}, "c0 c2, c1"},
		{"a long trickle", []int{0, 40, 80, 120, 160, 200, 240, 280, 320}, "c0 c1 c2 c3 c4 c5 c6, c7 c8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var list []checks.Check
				for i, ms := range tt.took {
					list = append(list, &fake{name: fmt.Sprintf("c%d", i), look: func(context.Context, *checks.Output) error {
						time.Sleep(time.Duration(ms) * time.Millisecond)
						return nil
					}})
				}
				s := begin(t, list...)
				after(9 * time.Second)
				s.stop(t)
				wantText(t, "batches", strings.Join(s.names(), ", "), tt.want)
			})
		})
	}
}

func TestAWholeTickDoesNotWaitForTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := begin(t, &fake{name: "a"}, &fake{name: "b", look: func(context.Context, *checks.Output) error {
			time.Sleep(20 * time.Millisecond)
			return nil
		}})
		after(20 * time.Millisecond)
		wantText(t, "batches", strings.Join(s.names(), ", "), "a b")
		s.stop(t)
	})
}

func TestTheClockIsSteppedByHours(t *testing.T) {
	for _, step := range []time.Duration{-8 * time.Hour, -90 * time.Second, 8 * time.Hour, 7 * time.Second} {
		t.Run(step.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				after(13 * time.Hour)
				c := &fake{name: "a"}
				s := begin(t, c)
				after(61 * time.Second)
				s.step(step)
				after(10 * time.Minute)
				s.stop(t)

				if n := c.count(); n < 44 || n > 46 {
					t.Errorf("%d runs in 11 minutes, want 45: no burst, no stall", n)
				}
				for i := 1; i < len(c.runs); i++ {
					if gap := c.runs[i].Sub(c.runs[i-1]); gap < 7*time.Second || gap > 23*time.Second {
						t.Errorf("%v between run %d and the next", gap, i)
					}
				}
				got := s.of("a")
				for i := 1; i < len(got); i++ {
					by := got[i].Time.UnixMilli() - got[i-1].Time.UnixMilli()
					if by <= 0 {
						t.Errorf("time runs backwards: %s", clock(got[i-1:i+1]))
					}
					real := c.runs[i].Sub(c.runs[i-1]).Milliseconds()
					if jump := by - real; jump > 1 && (step < 0 || by > step.Milliseconds()+real+10) {
						t.Errorf("from %s it is %d ms on the clock, in truth %d", clock(got[i-1:i+1]), by, real)
					}
				}
				// Each ticks on the new beat, and says so once it has caught up.
				last := got[len(got)-1]
				behind := s.now().Sub(last.Time)
				if caughtUp := step > -30*time.Second; caughtUp && (behind < 0 || behind > 15*time.Second || last.Time.Second()%15 != 0) {
					t.Errorf("the last result is of %s, the clock says %s", clock(got[len(got)-1:]), s.now())
				}
			})
		})
	}
}

func TestASmallStepBackIsCaughtUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := begin(t, &fake{name: "a"})
		after(60 * time.Second)
		s.step(-2 * time.Second)
		after(2 * time.Minute)
		s.stop(t)
		wantText(t, "times", clock(s.of("a")),
			// At the first tick after it the clock is one second behind what
			// was said last; the tick after that is on the beat again.
			"00:00:00 00:00:15 00:00:30 00:00:45 00:01:00 00:01:14.062 00:01:30 00:01:45 00:02:00 00:02:15 00:02:30 00:02:45")
	})
}

func TestRunOnlyOnce(t *testing.T) {
	r := checks.NewRunner(checks.RunnerOptions{Sink: func([]checks.Result) {}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Run(ctx); err != nil {
		t.Error(err)
	}
	if err := r.Run(ctx); err == nil {
		t.Error("a second Run says nothing")
	}
}

func TestStopDeliversWhatWasSeenAndNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := begin(t,
			&fake{name: "done"},
			&fake{name: "cut", look: func(ctx context.Context, _ *checks.Output) error {
				<-ctx.Done()
				return ctx.Err()
			}},
			&fake{name: "stuck", look: func(context.Context, *checks.Output) error {
				<-release
				return nil
			}})
		begun := time.Now()
		s.stop(t)
		if took := time.Since(begun); took != time.Second {
			t.Errorf("stopping took %v, want the second that the stuck run was given", took)
		}
		wantText(t, "batches", strings.Join(s.names(), ", "), "done")
		close(release)
		synctest.Wait()
		wantText(t, "batches", strings.Join(s.names(), ", "), "done")
	})
}

func TestASlowSinkDelaysNoCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var mu sync.Mutex
		var got []checks.Result
		list := []checks.Check{&fake{name: "gone"}}
		for n := range 10 {
			list = append(list, &fake{name: fmt.Sprintf("c%d", n)})
		}
		r := checks.NewRunner(checks.RunnerOptions{Sink: func(batch []checks.Result) {
			<-release
			mu.Lock()
			defer mu.Unlock()
			got = append(got, batch...)
		}})
		if err := r.Replace(list, nil); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		after(time.Minute)
		if err := r.Replace(list[1:], nil); err != nil {
			t.Fatal(err)
		}
		after(3 * time.Hour)
		for _, c := range list[1:] {
			if n := c.(*fake).count(); n != 1+4+3*240 {
				t.Errorf("%s ran %d times, want %d", c.Name(), n, 1+4+3*240)
			}
		}
		close(release)
		synctest.Wait()
		if n := len(got); n < 4000 || n > 4096+11+1 {
			t.Errorf("%d results waited for the sink, want at most 4096 and the batch it held", n)
		}
		if lost := r.Stats().Lost; lost != uint64(5*11+3*240*10+1-len(got)) {
			t.Errorf("%d counted as lost, %d came", lost, len(got))
		}
		if !slices.ContainsFunc(got, func(r checks.Result) bool { return r.Retired && r.Check == "gone" }) {
			t.Error("the last word on the retired check is lost")
		}
		cancel()
		<-ended
	})
}

func TestRunNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		slow := &fake{name: "slow", look: func(context.Context, *checks.Output) error {
			time.Sleep(2 * time.Second)
			return nil
		}}
		s := begin(t, &fake{name: "a"}, slow, &fake{name: "stuck", look: func(context.Context, *checks.Output) error {
			<-release
			return nil
		}})
		after(time.Second)

		// One that is in flight is waited for, not started again.
		res, err := s.RunNow(t.Context(), "slow")
		if err != nil || clock([]checks.Result{res}) != "00:00:00" || slow.count() != 1 {
			t.Errorf("slow: %+v, %v, %d runs", res, err, slow.count())
		}
		res, err = s.RunNow(t.Context(), "a")
		if err != nil || clock([]checks.Result{res}) != "00:00:02" || len(res.Samples) != 1 {
			t.Errorf("a: %+v, %v", res, err)
		}
		after(50 * time.Millisecond)
		wantText(t, "what the sink got of a", clock(s.of("a")), "00:00:00 00:00:02")

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err = s.RunNow(ctx, "stuck"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("not yet stuck: %v", err)
		}
		after(10 * time.Second)
		res, err = s.RunNow(t.Context(), "stuck")
		if err != nil || res.Verdict != checks.Unknown || res.Findings[0].Code != "check.hung" {
			t.Errorf("stuck: %+v, %v", res, err)
		}
		if _, err = s.RunNow(t.Context(), "nosuch"); !errors.Is(err, checks.ErrUnknownCheck) {
			t.Errorf("nosuch: %v", err)
		}
		after(2 * time.Second)
		wantText(t, "the beat of a", clock(s.of("a")), "00:00:00 00:00:02 00:00:15")

		waits := make(chan error, 1)
		go func() {
			_, err := s.RunNow(t.Context(), "slow")
			waits <- err
		}()
		synctest.Wait()
		s.cancel()
		if err := <-waits; !errors.Is(err, checks.ErrStopped) {
			t.Errorf("while stopping: %v", err)
		}
		close(release)
		s.stop(t)
		time.Sleep(2 * time.Second) // slow does not look at its context
		if _, err = s.RunNow(t.Context(), "a"); !errors.Is(err, checks.ErrStopped) {
			t.Errorf("after the stop: %v", err)
		}
	})
}
