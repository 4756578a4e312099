package agent_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestScheduledDrill: a drill that is due begins once, marked as one, over a
// restart too; one that was due too long ago does not begin.
func TestScheduledDrill(t *testing.T) {
	t.Parallel() // it mostly waits
	data := t.TempDir()
	minutesAgo := func(n int) string {
		at := time.Now().UTC().Add(-time.Duration(n) * time.Minute)
		return at.Format("4 15 * * *")
	}
	config := filepath.Join(data, "xunjian.yaml")
	if err := os.WriteFile(config, []byte(`zone: UTC
roster:
  people: [{id: li, name: Li Ming, roles: [tech-staff]}]
drills:
  - {name: hall, scenario: opening-hall, title: nobody gets in, system: hall, people: [li], cron: "`+minutesAgo(2)+`"}
  - {name: old, scenario: server-failure, title: a server is down, people: [li], cron: "`+minutesAgo(45)+`"}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	type incident struct {
		Title        struct{ Text string }
		Code         string
		Drill        bool
		Participants []string
	}
	var list struct{ Incidents []incident }
	for _, when := range []string{"at once", "after a restart"} {
		p := start(t, data, "--config", config)
		p.ready(t)
		waitFor(t, 20*time.Second, "the drill "+when, func() bool {
			p.get(t, "/api/v1/incidents?code=F03", &list)
			return len(list.Incidents) > 0
		})
		p.get(t, "/api/v1/incidents", &list)
		p.stop(t)
		drills := 0
		for _, i := range list.Incidents {
			if i.Drill {
				drills++
			}
		}
		if drills != 1 {
			t.Fatalf("%s there are %d drills: %+v", when, drills, list.Incidents)
		}
	}
}
