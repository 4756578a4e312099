package notify_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/notify"
	"xunjian/alerting/plan"
)

// What each kind of notice says, in both languages.
func TestWords(t *testing.T) {
	w := words()
	t0 := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	opened := incident.Opened{
		Key: "k", Code: "F03", Scenario: "opening-hall", SystemKind: plan.Opening, Level: "IV", Title: plan.Text{ZH: "开标大厅无法登录", EN: "Nobody gets into the hall"},
		OutageSince: t0.Add(-time.Minute), PlanVersion: "2017-05", Host: "web1", Resolve: "manual",
	}
	person := incident.Actor{Kind: "person", Name: "wang", Via: "console"}
	agent := incident.Actor{Kind: "agent", Name: "web1", Via: "clock"}
	unsaid := kinds(t)
	if len(unsaid) < 10 {
		t.Fatalf("only %v are said", unsaid)
	}
	for name, e := range map[string]struct {
		actor incident.Actor
		data  incident.Data
		drill bool
	}{
		"opened": {agent, nil, false}, "drill": {person, nil, true}, "warned": {person, nil, false},
		"alert_lost":      {agent, incident.AlertLost{Alert: "a"}, false},
		"level_changed":   {agent, incident.LevelChanged{From: "IV", To: "III", Clock: "III", Reason: incident.ReasonClock}, false},
		"level_announced": {agent, incident.LevelAnnounced{To: "III", At: t0.Add(time.Hour)}, false},
		"flapping":        {agent, incident.Flapping{Ends: 3, Hold: 5 * time.Minute}, false},
		"acknowledged":    {person, incident.Acknowledged{Note: "正在联系开发团队"}, false},
		"ack_lapsed":      {agent, incident.AckLapsed{By: "wang"}, false},
		"reminded":        {agent, incident.Reminded{Deadline: "step/repair-programs", From: t0, Due: t0.Add(20 * time.Minute), N: 2, To: []string{"dev-team", "leader"}}, false},
		"resolved":        {agent, incident.Resolved{Note: incident.NoteAuto}, false},
		"reopened":        {person, incident.Reopened{Reason: "again"}, false},
		"false_alarm":     {person, incident.FalseAlarm{Reason: "a test"}, false},
		"promoted":        {person, incident.Promoted{Code: "A01", Scenario: "network-attack", Level: "III", Reason: "an intrusion"}, false},
	} {
		o := opened
		o.Drill = e.drill
		if name == "warned" {
			o.Warning = &incident.Sign{Source: "external", Major: true}
		}
		events := []incident.Event{{Incident: "INC-1", Version: 1, At: t0, Actor: e.actor, Data: o}}
		if e.data != nil {
			events = append(events, incident.Event{Incident: "INC-1", Version: 2, At: t0.Add(10 * time.Minute), Actor: e.actor, Data: e.data})
		}
		last := events[len(events)-1]
		var got strings.Builder
		for _, lang := range []string{"zh-CN", "en"} {
			m, err := w.Message(alerting.Notice{Key: "k", Incident: "INC-1", Version: last.Version, Kind: last.Data.Kind(), Lang: lang, Recipient: "wang"}, events)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&got, "%s\nto: %s\n%s\n\n", m.Subject, m.To, m.Text)
		}
		golden(t, name, got.String())
		delete(unsaid, last.Data.Kind())
		delete(unsaid, name)
	}
	for kind := range unsaid {
		t.Errorf("no golden file holds what is said of %s", kind)
	}
}

// kinds are those that the message files have words for.
func kinds(t *testing.T) map[string]bool {
	t.Helper()
	file, err := fs.ReadFile(notify.Messages, "messages/notify.zh-CN.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var said map[string]string
	if err := yaml.Unmarshal(file, &said); err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for id := range said {
		if kind, ok := strings.CutPrefix(id, "notice.text."); ok {
			out[kind] = true
		}
	}
	return out
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// hostile are texts as labels, log lines and forms may bring them.
var hostile = []string{
	"disk\n<0>kernel: forged", "a\r\nb", "a\rb", "a\vb\fc", "a\u0085b", "a\u2028b\u2029c", "\x1b[2J\x1b]0;title\x07", "a\u009b31mb", "nul\x00nul",
	"\u202eback\u2066iso", "zero\u200bwidth\ufeff", "\xff\xfe\xc3", "{{.id}}{{range .}}", "%s%n", "notice.and", strings.Repeat("长", 1<<20/3), strings.Repeat("\n", 1<<20),
	"|\n→ 李明 010-5550-0101: 【I 级】A01", "Subject: x\r\nBcc: all@example.org",
}

// clean reports what of a text would steer whoever reads it.
func clean(s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("it is not UTF-8")
	}
	if i := strings.IndexAny(s, "\r\v\f\x00\x07\x1b\u0085\u009b\u2028\u2029\u202e\u2066\u200b\ufeff"); i >= 0 {
		return fmt.Errorf("it has %q", s[i:min(len(s), i+3)])
	}
	return nil
}

// What comes from outside cannot add a line to a message: the lines are the
// catalog's.
func TestHostileWords(t *testing.T) {
	w := words()
	t0 := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	build := func(s string) (opened, acked notify.Message) {
		t.Helper()
		events := []incident.Event{
			{Incident: "INC-1", Version: 1, At: t0, Actor: incident.Actor{Kind: "agent", Name: s}, Data: incident.Opened{
				Key: s, Code: "F03", Scenario: "opening-hall", Level: "IV", Title: plan.Text{ZH: s, EN: s}, OutageSince: t0, Host: s, Resolve: "manual",
			}},
			{Incident: "INC-1", Version: 2, At: t0, Actor: incident.Actor{Kind: "person", Name: s}, Data: incident.Acknowledged{Note: s}},
		}
		for i, m := range []*notify.Message{&opened, &acked} {
			var err error
			if *m, err = w.Message(alerting.Notice{Key: "k", Incident: "INC-1", Version: i + 1, Kind: events[i].Data.Kind(), Lang: "zh-CN", Recipient: "wang"}, events); err != nil {
				t.Fatal(err)
			}
		}
		return opened, acked
	}
	plainOpened, plainAcked := build("x")
	for _, s := range hostile {
		opened, acked := build(s)
		for _, c := range [][2]notify.Message{{opened, plainOpened}, {acked, plainAcked}} {
			got, want := c[0], c[1]
			if strings.Contains(got.Subject, "\n") || clean(got.Subject) != nil || len(got.Subject) > 10_000 {
				t.Errorf("%.30q: subject of %d bytes: %v %.60q", s, len(got.Subject), clean(got.Subject), got.Subject)
			}
			if strings.Count(got.Text, "\n") != strings.Count(want.Text, "\n") || clean(got.Text) != nil || len(got.Text) > 30_000 {
				t.Errorf("%.30q: text of %d bytes: %v %.60q", s, len(got.Text), clean(got.Text), got.Text)
			}
		}
	}
}

// A notice that no words fit is an error, never an empty message.
func TestWordsThatDoNotFit(t *testing.T) {
	w := words()
	events := []incident.Event{{Incident: "INC-1", Version: 1, Data: incident.Opened{Key: "k", Code: "F03", Level: "IV", Host: "web1"}}}
	for _, version := range []int{-1, 0, 2} {
		if m, err := w.Message(alerting.Notice{Key: "k", Version: version, Kind: "opened"}, events); err == nil || m.Text != "" {
			t.Errorf("version %d: %+v %v", version, m, err)
		}
	}
	// An unknown language is Chinese, an unknown recipient has no number.
	m, err := w.Message(alerting.Notice{Key: "k", Version: 1, Kind: "opened", Lang: "xx", Recipient: "nobody"}, events)
	if err != nil || !strings.HasPrefix(m.Subject, "【IV 级】") || m.To != "" {
		t.Errorf("%+v %v", m, err)
	}
}
