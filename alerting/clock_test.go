package alerting_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
)

var (
	nan = math.NaN()
	inf = math.Inf(1)
)

func (r *room) tick() {
	r.t.Helper()
	if err := r.desk.Tick(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// What is over and done leaves the memory, what may still change stays.
func TestForgets(t *testing.T) {
	r := enter(t)
	r.signals(signal("ended", alerting.Firing), signal("open", alerting.Firing), signal("resolved", alerting.Firing))
	r.signals(signal("ended", alerting.Ended))
	r.do("INC-20260302-00003", incident.Resolve{Note: "still firing"})
	i, err := r.desk.Open(t.Context(), person, alerting.Report{Code: "E01", Title: "x"})
	if err != nil {
		t.Fatal(err)
	}
	r.do(i.ID, incident.Resolve{})
	r.clock.add(incident.ReopenWithin)
	r.tick()
	is(t, "held at 15 min", r.desk.Held(), 4)
	r.clock.add(time.Millisecond)
	r.tick()
	is(t, "held after", r.desk.Held(), 2)
	r.signals(signal("resolved", alerting.Ended))
	r.tick()
	is(t, "held when the last alert has ended", r.desk.Held(), 1)
}

// running runs Desk.Run in the bubble of a synctest until stop is called.
func (r *room) running() (stop func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error)
	go func() { done <- r.desk.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("run: %v", err)
		}
	}
}

// bubble is a Desk over a real store, in a bubble where time is what the test
// makes of it.
func bubble(t *testing.T, test func(t *testing.T, r *room), change ...func(*alerting.Options)) {
	synctest.Test(t, func(t *testing.T) {
		r := enter(t, append(change, func(o *alerting.Options) { o.Now = time.Now })...)
		defer r.store.Close()
		r.clock.now = time.Now()
		test(t, r)
	})
}

func now(s alerting.Signal) alerting.Signal {
	s.At, s.Since = time.Now(), time.Now()
	return s
}

func TestClockRaisesLevels(t *testing.T) {
	bubble(t, func(t *testing.T, r *room) {
		defer r.running()()
		r.signals(now(signal("a", alerting.Firing)), now(signal("b", alerting.Firing, "system", "bidding")))
		for _, c := range []struct {
			at   time.Duration
			want []plan.Level
		}{
			{time.Hour, []plan.Level{"IV", "IV"}},
			{time.Hour + time.Second, []plan.Level{"IV", "III"}},
			{2*time.Hour + time.Second, []plan.Level{"III", "II"}},
			{4*time.Hour + time.Second, []plan.Level{"III", "I"}},
			{12*time.Hour + time.Second, []plan.Level{"II", "I"}},
			{24*time.Hour + time.Second, []plan.Level{"I", "I"}},
		} {
			time.Sleep(c.at - time.Since(r.all()[0].OpenedAt))
			synctest.Wait()
			got := []plan.Level{}
			for _, i := range r.all() {
				got = append(got, i.Level)
			}
			is(t, fmt.Sprint("levels at ", c.at), got, c.want)
		}
		_, events, err := r.desk.Get(t.Context(), r.all()[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		raised := events[slices.IndexFunc(events, func(e incident.Event) bool { return e.Data.Kind() == "level_changed" })]
		is(t, "actor", raised.Actor, incident.Actor{Kind: "agent", Name: "web1", Via: "clock"})
		if late := raised.At.Sub(events[0].At) - 2*time.Hour; late <= 0 || late > 200*time.Millisecond {
			t.Errorf("the first level was raised %v after the bound", late)
		}
		r.clean()
	})
}

func TestClockEndsAHold(t *testing.T) {
	bubble(t, func(t *testing.T, r *room) {
		defer r.running()()
		for range 3 {
			r.signals(now(signal("a", alerting.Firing)))
			time.Sleep(time.Second)
			r.signals(now(signal("a", alerting.Ended)))
			time.Sleep(time.Second)
		}
		is(t, "held", r.only().State, incident.Open)
		time.Sleep(5*time.Minute - 2*time.Second)
		is(t, "still held", r.only().State, incident.Open)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		is(t, "resolved", r.only().State, incident.Done)
	})
}

// A decision of the clock that cannot be committed is tried again, and not in
// a loop.
func TestClockOnAFullDisk(t *testing.T) {
	bubble(t, func(t *testing.T, r *room) {
		f := &counting{failing: failing{Store: r.store}}
		r.redesk(f)
		stop := r.running()
		r.signals(now(signal("a", alerting.Firing)))
		time.Sleep(time.Hour)
		f.broken.Store(true)
		f.commits.Store(0)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if n := f.commits.Load(); n < 60 || n > 2*3600/4 {
			t.Errorf("%d tries in two hours, want one each few seconds", n)
		}
		f.broken.Store(false)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		is(t, "level", r.only().Level, plan.LevelIII)
		stop()
	})
}

type counting struct {
	failing
	broken  atomic.Bool
	commits atomic.Int64
}

func (c *counting) Commit(ctx context.Context, u alerting.Unit) ([]incident.Event, error) {
	c.commits.Add(1)
	if c.broken.Load() {
		return nil, errors.New("the disk is full")
	}
	return c.Store.Commit(ctx, u)
}

func TestEvidence(t *testing.T) {
	var calls atomic.Int64
	withEvidence := func(o *alerting.Options) {
		o.Evidence = func(ctx context.Context, i incident.Incident) ([]byte, error) {
			calls.Add(1)
			if _, ok := ctx.Deadline(); !ok {
				t.Error("evidence is taken without a deadline")
			}
			switch i.Key {
			case "broken":
				panic("no such file")
			case "failing":
				return nil, errors.New("no permission")
			case "slow":
				<-ctx.Done()
			}
			return fmt.Appendf(nil, `{"of":%q}`, i.ID), nil
		}
	}
	bubble(t, func(t *testing.T, r *room) {
		// Two are opened before it runs, as at a start.
		r.signals(now(signal("broken", alerting.Firing)), now(signal("a", alerting.Firing)))
		stop := r.running()
		r.signals(now(signal("slow", alerting.Firing)), now(signal("failing", alerting.Firing)), now(signal("b", alerting.Firing)))
		time.Sleep(6 * time.Second)
		synctest.Wait()
		for n, want := range []int{0, 1, 1, 0, 1} {
			i := r.all()[n]
			if len(i.Evidence) != want {
				t.Errorf("%s has %d snapshots, want %d", i.Key, len(i.Evidence), want)
				continue
			}
			if want == 0 {
				continue
			}
			e := i.Evidence[0]
			is(t, "id", e.ID, i.ID+"-e1")
			is(t, "late", e.Late, false)
			b, err := r.desk.Evidence(t.Context(), e.ID)
			if err != nil || string(b.Body) != fmt.Sprintf(`{"of":%q}`, i.ID) || b.SHA256 != e.SHA256 || e.Bytes != len(b.Body) {
				t.Errorf("evidence %+v of %+v: %v", b, e, err)
			}
		}
		is(t, "one look for each", calls.Load(), int64(5))
		// A reopened incident keeps its first evidence.
		r.signals(now(signal("a", alerting.Ended)))
		r.signals(now(signal("a", alerting.Firing)))
		time.Sleep(time.Second)
		is(t, "no second look", calls.Load(), int64(5))
		stop()
		r.clean()
	}, withEvidence)
}

// A snapshot that could not be taken at once says that it is late.
func TestLateEvidence(t *testing.T) {
	take := func(o *alerting.Options) {
		o.Evidence = func(context.Context, incident.Incident) ([]byte, error) {
			time.Sleep(4 * time.Second)
			return []byte("{}"), nil
		}
	}
	bubble(t, func(t *testing.T, r *room) {
		r.signals(now(signal("a", alerting.Firing)))
		time.Sleep(10 * time.Second)
		r.redesk(r.store) // the agent was restarted
		stop := r.running()
		for n := range 30 {
			r.signals(now(signal(fmt.Sprint("s", n), alerting.Firing)))
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		late := []bool{}
		for _, i := range r.all() {
			if len(i.Evidence) != 1 {
				t.Fatalf("%s has %d snapshots", i.Key, len(i.Evidence))
			}
			late = append(late, i.Evidence[0].Late)
		}
		is(t, "taken after a restart", late[0], true)
		is(t, "taken within the minute", late[1:15], make([]bool, 14))
		is(t, "taken two minutes later", late[30], true)
		stop()
	}, take)
}

func TestChanged(t *testing.T) {
	r := enter(t)
	var wakes int
	r.opt.Wake = func() { wakes++ }
	r.redesk(r.store)
	closed := func(c <-chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	first := r.desk.Changed()
	r.signals(signal("w", alerting.Firing, "kind", "warning"))
	is(t, "a warning is a change", closed(first), true)
	is(t, "of which nobody is told", wakes, 0)
	second := r.desk.Changed()
	is(t, "a new channel", closed(second), false)
	r.signals(signal("a", alerting.Firing), signal("b", alerting.Firing))
	is(t, "an incident", closed(second), true)
	is(t, "of which people are told", wakes, 1)
	third := r.desk.Changed()
	r.signals()
	r.tick()
	is(t, "nothing changed", closed(third), false)

	ids, mark, ok := r.desk.ChangedSince(0)
	is(t, "changed", ids, []string{"INC-20260302-00001", "INC-20260302-00002"})
	is(t, "mark", mark, uint64(2))
	is(t, "known", ok, true)
	r.do(ids[1], incident.Comment{Text: "x"})
	ids, mark, ok = r.desk.ChangedSince(mark)
	is(t, "changed since", ids, []string{"INC-20260302-00002"})
	is(t, "mark", mark, uint64(3))
	is(t, "known", ok, true)
	_, _, ok = r.desk.ChangedSince(99)
	is(t, "a mark of another Desk", ok, false)
	for range 254 {
		r.do("INC-20260302-00001", incident.Comment{Text: "x"})
	}
	_, _, ok = r.desk.ChangedSince(1)
	is(t, "256 commits ago", ok, true)
	_, _, ok = r.desk.ChangedSince(0)
	is(t, "257 commits ago", ok, false)
}
