package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"xunjian/alerting/inspection"
)

// TestRoundBeforeOpening: an opening of the calendar gets its round by itself,
// once, over a restart too, judged from what the agent measured.
func TestRoundBeforeOpening(t *testing.T) {
	t.Parallel() // it mostly waits
	data := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(data, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	start1 := time.Now().UTC().Add(40 * time.Minute)
	write("bids.yaml", fmt.Sprintf("events:\n  - {id: o1, title: 一号项目, kind: opening, start: %q, systems: [hall]}\n", start1.Format(time.RFC3339)))
	config := write("xunjian.yaml", "zone: UTC\nsystems: {hall: business}\ncalendar: {paths: [bids.yaml]}\n")
	for _, when := range []string{"at once", "after a restart"} {
		p := start(t, data, "--config", config)
		p.ready(t)
		var list struct{ Rounds []inspection.RoundView }
		waitFor(t, 150*time.Second, "the round "+when, func() bool {
			p.get(t, "/api/v1/rounds?form=opening", &list)
			return len(list.Rounds) > 0
		})
		p.stop(t)
		if len(list.Rounds) != 1 {
			t.Fatalf("%s there are %d rounds", when, len(list.Rounds))
		}
		r := list.Rounds[0]
		if r.Occasion == nil || r.Occasion.Title != "一号项目" || r.Occasion.Start.Sub(start1).Abs() > time.Minute || r.StartedBy == "" {
			t.Errorf("%s: %+v", when, r)
		}
		for _, g := range r.Groups {
			for _, i := range g.Items {
				for _, why := range i.Reasons {
					if why.Code == "round.no_check" || why.Code == why.Text {
						t.Errorf("%s: %s %s: %s", when, i.ID, why.Check, why.Text)
					}
				}
			}
		}
	}
}
