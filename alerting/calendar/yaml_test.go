package calendar

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func shanghai(t testing.TB) *time.Location { return zoneOf(t, "Asia/Shanghai") }

// said is an event as a line that is easy to read.
func said(e Event) string {
	const layout = "2006-01-02 15:04:05 -0700"
	out := e.ID + " | " + e.Title + " | " + string(e.Kind) + " | " + e.Start.Format(layout) + " → " + e.End.Format(layout)
	for _, s := range e.Systems {
		out += " " + s
	}
	if e.Project != "" {
		out += " (" + e.Project + ")"
	}
	if e.AllDay {
		out += " all day"
	}
	return out
}

func saidAll(events []Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, said(e))
	}
	return out
}

func TestYAML(t *testing.T) {
	cfg := Default()
	cfg.Systems = []string{"默认系统"}
	for _, tt := range []struct {
		name, file string
		want       []string
	}{
		{"the README's example", example(t), []string{
			"zb-2026-017-open | 某道路改造工程施工招标 开标 | opening | 2026-03-02 09:30:00 +0800 → 2026-03-02 11:30:00 +0800 招标平台 开标大厅 (ZB-2026-017)",
			"zb-2026-018-deadline | 某设备采购项目 投标截止 | deadline | 2026-03-05 09:00:00 +0800 → 2026-03-05 09:00:00 +0800 默认系统",
		}},
		{"nothing is due", "events: []\n", nil},
		{"lengths of the configuration", `events:
- {id: o, title: o, kind: opening, start: "2026-03-02 09:30"}
- {id: e, title: e, kind: evaluation, start: "2026-03-02 09:30:15"}
- {id: d, title: d, kind: deadline, start: 2026-03-02T09:30}
- {id: n, title: n, kind: opening, start: 2026-03-02 09:30, end: 2026-03-02 09:30}
`, []string{
			"o | o | opening | 2026-03-02 09:30:00 +0800 → 2026-03-02 11:30:00 +0800 默认系统",
			"e | e | evaluation | 2026-03-02 09:30:15 +0800 → 2026-03-02 17:30:15 +0800 默认系统",
			"d | d | deadline | 2026-03-02 09:30:00 +0800 → 2026-03-02 09:30:00 +0800 默认系统",
			"n | n | opening | 2026-03-02 09:30:00 +0800 → 2026-03-02 09:30:00 +0800 默认系统",
		}},
		// In Berlin clocks are put forward on 29 March at 2 and back on 25
		// October at 3: the run of the clock is an hour less, and more.
		{"over a change of clocks", `events:
- {id: spring, title: s, kind: opening, start: 2026-03-29 01:30, end: 2026-03-29 03:30, zone: Europe/Berlin}
- {id: autumn, title: a, kind: opening, start: 2026-10-25 01:30, end: 2026-10-25 03:30, zone: Europe/Berlin}
- {id: first, title: f, kind: opening, start: 2026-10-25T02:30:00+02:00, end: 2026-10-25T02:30:00+01:00}
`, []string{
			"spring | s | opening | 2026-03-29 01:30:00 +0100 → 2026-03-29 03:30:00 +0200 默认系统",
			"autumn | a | opening | 2026-10-25 01:30:00 +0200 → 2026-10-25 03:30:00 +0100 默认系统",
			"first | f | opening | 2026-10-25 08:30:00 +0800 → 2026-10-25 09:30:00 +0800 默认系统",
		}},
		{"summer time in Shanghai, 1986", `events:
- {id: s, title: s, kind: opening, start: 1986-07-01 09:30, end: 1986-07-01 10:30}
`, []string{"s | s | opening | 1986-07-01 09:30:00 +0900 → 1986-07-01 10:30:00 +0900 默认系统"}},
		{"signs that show nothing", "events:\n- {id: a, title: \"开标\\u202e\\u200b 第一\\n会议室\", kind: opening, start: 2026-03-02 09:30, end: 2026-03-02 10:00}\n",
			[]string{"a | 开标 第一 会议室 | opening | 2026-03-02 09:30:00 +0800 → 2026-03-02 10:00:00 +0800 默认系统"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			events, err := yamlEvents("calendar.yaml", []byte(tt.file), cfg, shanghai(t))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, saidAll(events)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestYAMLTellsWhereEventsStand(t *testing.T) {
	const file = "# 招标日历\nevents:\n\n  - id: a\n    title: a\n    kind: opening\n    start: 2026-03-02 09:30\n  - {title: b, id: b, kind: deadline, start: 2026-03-02 09:30}\n"
	events, err := yamlEvents("calendar.yaml", []byte(file), Default(), shanghai(t))
	if err != nil {
		t.Fatal(err)
	}
	if events[0].Line != 4 || events[1].Line != 8 || events[0].File != "calendar.yaml" {
		t.Errorf("places: %s:%d, %s:%d", events[0].File, events[0].Line, events[1].File, events[1].Line)
	}
}
