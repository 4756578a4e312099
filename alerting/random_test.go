package alerting_test

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
)

// TestRandomLife sends random signals and commands to a Desk that is restarted
// and whose store fails at random, and holds after each step what must always
// hold: forty lives, or as many as -rapid.checks says (make faults).
func TestRandomLife(t *testing.T) {
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		if err := flag.Set("rapid.checks", "40"); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		r := enter(t)
		defer r.store.Close()
		f := &failing{Store: r.store}
		r.redesk(f)
		for step := range rapid.IntRange(1, 40).Draw(rt, "steps") {
			f.err = nil
			if rapid.IntRange(0, 9).Draw(rt, "fails") == 0 {
				f.err = context.DeadlineExceeded
			}
			switch rapid.IntRange(0, 9).Draw(rt, "what") {
			case 0:
				r.restart()
				f.Store = r.store
				r.redesk(f)
			case 1:
				r.clock.add(rapid.SampledFrom([]time.Duration{time.Millisecond, time.Minute, 10 * time.Minute, 20 * time.Minute, 3 * time.Hour, 13 * time.Hour}).Draw(rt, "wait"))
				_ = r.desk.Tick(t.Context())
			case 2, 3, 4:
				randomCommand(rt, r)
			default:
				randomSignals(rt, r)
			}
			r.clock.add(time.Millisecond)
			holds(rt, r, step)
		}
		report, err := r.store.Verify(context.Background())
		if err != nil || len(report.Faults) > 0 {
			rt.Fatalf("verify: %v, %q", err, report.Faults)
		}
	})
}

func randomSignals(rt *rapid.T, r *room) {
	var batch []alerting.Signal
	for range rapid.IntRange(1, 4).Draw(rt, "signals") {
		key := rapid.SampledFrom([]string{"a", "b", "g1", "g2", "w"}).Draw(rt, "key")
		s := signal(key, rapid.SampledFrom([]alerting.Status{alerting.Firing, alerting.Firing, alerting.Ended, alerting.Lost}).Draw(rt, "status"))
		switch key {
		case "g1", "g2":
			s.Labels["incident"], s.Labels["resolve"] = "group", "manual"
		case "w":
			s.Labels["kind"] = "warning"
		}
		batch = append(batch, s)
	}
	_ = r.desk.Signals(context.Background(), r.at(batch...))
}

func randomCommand(rt *rapid.T, r *room) {
	list := r.all()
	if len(list) == 0 {
		_, _ = r.desk.Open(context.Background(), person, alerting.Report{Key: "r", Code: "D01", Title: "x"})
		return
	}
	i := rapid.SampledFrom(list).Draw(rt, "incident")
	cmd := rapid.SampledFrom([]incident.Command{
		incident.Acknowledge{Note: "x"}, incident.Comment{Text: "x"}, incident.Resolve{Note: "x"}, incident.Resolve{},
		incident.Reopen{Reason: "x"}, incident.MarkFalseAlarm{Reason: "x"},
		incident.SetLevel{Level: rapid.SampledFrom(plan.Levels[:]).Draw(rt, "level"), Reason: "x"},
	}).Draw(rt, "command")
	_, _ = r.desk.Do(context.Background(), i.ID, 0, person, cmd)
}

// holds are the invariants.
func holds(rt *rapid.T, r *room, step int) {
	open := map[string]string{}
	for _, i := range r.all() {
		folded, events, err := r.desk.Get(context.Background(), i.ID)
		if err != nil {
			rt.Fatalf("step %d: %v", step, err)
		}
		if a, b := fmt.Sprintf("%+v", folded), fmt.Sprintf("%+v", i); a != b {
			rt.Fatalf("step %d: the events of %s say\n%s\nlisted is\n%s", step, i.ID, a, b)
		}
		// What the Desk decides on is what the events say.
		if _, err := r.desk.Do(context.Background(), i.ID, len(events), person, nil); code(err) != "unknown_command" && code(err) != "already_ended" {
			rt.Fatalf("step %d: the Desk holds %s at another version than %d: %v", step, i.ID, len(events), err)
		}
		if i.Ended() {
			continue
		}
		if other, ok := open[i.Key]; ok {
			rt.Fatalf("step %d: two open incidents of key %s: %s and %s", step, i.Key, other, i.ID)
		}
		open[i.Key] = i.ID
	}
	kept, err := r.store.CurrentAlerts(context.Background())
	if err != nil {
		rt.Fatal(err)
	}
	if a, b := fmt.Sprintf("%+v", r.desk.Alerts()), fmt.Sprintf("%+v", kept); a != b {
		rt.Fatalf("step %d: the Desk's alerts\n%s\nkept are\n%s", step, a, b)
	}
	for _, a := range kept {
		i, _, err := r.desk.Get(context.Background(), a.Incident)
		if a.Incident != "" && (err != nil || i.Alerts[a.Key].State != string(a.Status)) {
			rt.Fatalf("step %d: alert %s is %s, its incident %s has it as %q, %v", step, a.Key, a.Status, a.Incident, i.Alerts[a.Key].State, err)
		}
	}
}
