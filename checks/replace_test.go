package checks_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"xunjian/checks"
)

// configured is a check that says how it is configured.
type configured struct {
	*fake
	identity string
}

func (c configured) Identity() string { return c.identity }

func (s *station) replace(t *testing.T, list ...checks.Check) {
	t.Helper()
	if err := s.Replace(list, nil); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

func TestReplaceKeepsWhatIsTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pointer := &fake{name: "pointer"}
		first := &fake{name: "identified"}
		s := begin(t, pointer, configured{first, "v1"})
		after(20 * time.Second)
		second := &fake{name: "identified"}
		s.replace(t, configured{second, "v1"}, pointer)
		after(11 * time.Second)
		wantText(t, "pointer", clock(s.of("pointer")), "00:00:00 00:00:15 00:00:30")
		if first.count() != 3 || second.count() != 0 {
			t.Errorf("the old one ran %d times, the new one %d, want 3 and 0", first.count(), second.count())
		}
		third := &fake{name: "identified"}
		s.replace(t, configured{third, "v2"}, pointer)
		wantText(t, "identified", clock(s.of("identified")), "00:00:00 00:00:15 00:00:30 00:00:31")
		if third.count() != 1 {
			t.Errorf("the changed check ran %d times at once, want 1", third.count())
		}
		s.stop(t)
	})
}

func TestReplaceRetires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stays := &fake{name: "stays"}
		s := begin(t, stays, &fake{name: "goes"})
		after(20 * time.Second)
		s.replace(t, stays)
		after(20 * time.Second)
		got := s.of("goes")
		if len(got) != 3 || !got[2].Retired || got[2].Success() || len(got[2].Samples) != 0 {
			t.Fatalf("goes: %+v", got)
		}
		wantText(t, "times of goes", clock(got), "00:00:00 00:00:15 00:00:20")
		if _, ok := s.Schedule("goes"); ok {
			t.Error("the retired check has a schedule")
		}
		s.replace(t)
		after(time.Minute)
		if got := s.of("stays"); len(got) != 4 || !got[3].Retired {
			t.Errorf("stays: %s", clock(got))
		}
		s.stop(t)
	})
}

func TestReplaceDropsTheResultOfARunInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		canceled := false
		old := &fake{name: "a", look: func(ctx context.Context, out *checks.Output) error {
			<-ctx.Done()
			canceled = true
			return nil
		}}
		s := begin(t, old)
		waits := make(chan error, 1)
		go func() {
			_, err := s.RunNow(t.Context(), "a")
			waits <- err
		}()
		after(time.Second)
		s.replace(t, &fake{name: "a"})
		if err := <-waits; !errors.Is(err, checks.ErrUnknownCheck) {
			t.Errorf("who waited for the old one: %v", err)
		}
		if !canceled {
			t.Error("the old run was not cancelled")
		}
		wantText(t, "times", clock(s.of("a")), "00:00:01")
		s.stop(t)
	})
}

func TestAChangedCheckDoesNotWaitForTheStuckOldOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hang := func(context.Context, *checks.Output) error {
			<-release
			return nil
		}
		s := begin(t, &fake{name: "stuck", look: hang}, &fake{name: "inflight", look: hang})
		after(5 * time.Second)
		s.replace(t, &fake{name: "stuck", look: hang})
		after(20 * time.Second)
		s.replace(t, &fake{name: "stuck"})
		after(5 * time.Second)
		if st := s.Stats(); st.Stuck != 3 || st.Checks != 1 {
			t.Errorf("Stats = %+v, want 3 stuck goroutines of old checks", st)
		}
		got := s.of("stuck")
		if last := got[len(got)-1]; last.Verdict != checks.OK {
			t.Errorf("the new check: %+v", last)
		}
		close(release)
		synctest.Wait()
		if st := s.Stats(); st.Stuck != 0 {
			t.Errorf("Stats = %+v after they returned", st)
		}
		s.stop(t)
	})
}

func TestOverridesChangeTheRhythm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &fake{name: "a"}
		s := begin(t, a)
		if err := s.Replace([]checks.Check{a}, map[string]checks.Schedule{"a": {Interval: 5 * time.Second}}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got, _ := s.Schedule("a"); got != (checks.Schedule{Interval: 5 * time.Second, Timeout: 10 * time.Second / 3, SeriesLimit: 2000}) {
			t.Errorf("Schedule = %+v", got)
		}
		after(15 * time.Second)
		wantText(t, "times", clock(s.of("a")), "00:00:00 00:00:05 00:00:10 00:00:15")
		if got := s.of("a")[0].Every; got != 15*time.Second {
			t.Errorf("Every = %v at first", got)
		}
		if got := s.of("a")[2].Every; got != 5*time.Second {
			t.Errorf("Every = %v at last", got)
		}
		s.stop(t)
	})
}

func TestReplaceFailsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := begin(t, &fake{name: "a"})
		err := s.Replace(
			[]checks.Check{&fake{name: "b"}, &fake{name: "b"}, &fake{name: "Bad Name"}},
			map[string]checks.Schedule{"nosuch": {Timeout: time.Millisecond}})
		if err == nil {
			t.Fatal("no error")
		}
		for _, want := range []string{
			"check b stands twice",
			`check name "Bad Name": want lower-case words`,
			"nosuch: no such check; there are [Bad Name b]",
			"nosuch: timeout: 1ms is too short, at least 100ms",
		} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error does not say %q:\n%v", want, err)
			}
		}
		after(15 * time.Second)
		wantText(t, "the old check", clock(s.of("a")), "00:00:00 00:00:15")
		s.stop(t)
	})
}
