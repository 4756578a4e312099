package outlets_test

import (
	"testing"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/notify/policy"
)

// A dead server keeps back what it causes, on the same host alone, whichever
// comes in one commit or later; everything is stored, and the end is told.
func TestInhibition(t *testing.T) {
	cfg := policy.Config{Inhibitions: []policy.Inhibition{{
		Name: "dead-server", While: policy.Subject{Codes: []string{"E01"}}, Match: policy.Subject{Codes: []string{"F00"}}, Same: []string{"host"},
	}}}
	d, o, _ := desk(t, cfg, ways(t)...)
	say := func(list ...alerting.Signal) {
		t.Helper()
		if err := d.Signals(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	signal := func(key, code, host string, status alerting.Status) alerting.Signal {
		return alerting.Signal{
			Key: key, Status: status, Rule: key, At: time.Now(), Since: time.Now(), Via: "rules",
			Labels: map[string]string{"code": code, "instance": host + ":9100", "resolve": "auto"}, Annotations: map[string]string{"summary": key, "summary_zh": key},
		}
	}
	told := func() map[string]int {
		t.Helper()
		list, _, _, err := o.Queue(t.Context(), false, 100)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]int{}
		for _, n := range list {
			if n.Channel == "robot/all" {
				i, _, err := d.Get(t.Context(), n.Incident)
				if err != nil {
					t.Fatal(err)
				}
				out[i.Title.EN+" "+n.Kind]++
			}
		}
		return out
	}
	say(signal("dead", "E01", "app1", alerting.Firing), signal("hall", "F00", "app1", alerting.Firing), signal("far", "F00", "app2", alerting.Firing))
	say(signal("late", "F00", "app1", alerting.Firing))
	if got := told(); got["dead opened"] != 1 || got["far opened"] != 1 || len(got) != 2 {
		t.Errorf("told of %v", got)
	}
	list, err := d.Find(t.Context(), alerting.Query{Limit: 10})
	if err != nil || len(list) != 4 {
		t.Errorf("%d incidents are stored (%v), want 4", len(list), err)
	}
	say(signal("hall", "F00", "app1", alerting.Ended))
	if got := told(); got["hall resolved"] != 1 {
		t.Errorf("of the end is told %v", got)
	}
}
