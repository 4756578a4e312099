package calendar

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ics wraps lines into a calendar, as programs send it.
func ics(lines string) []byte {
	text := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//example.org//test//ZH\n" + strings.TrimSpace(lines) + "\nEND:VCALENDAR\n"
	return []byte(strings.ReplaceAll(text, "\n", "\r\n"))
}

// vevent1 is an event whose lines follow those that every event has.
func vevent1(lines string) string {
	return "BEGIN:VEVENT\nUID:u\nSUMMARY:s\n" + strings.TrimSpace(lines) + "\nEND:VEVENT\n"
}

const (
	opens  = "CATEGORIES:开标\nDTSTART;TZID=Asia/Shanghai:20260302T093000\nDTEND;TZID=Asia/Shanghai:20260302T113000\n"
	monday = "u/20260302T013000Z | s | opening | 2026-03-02 09:30:00 +0800 → 2026-03-02 11:30:00 +0800"
)

// outlook is how Outlook defines the zones it names in its own way.
const outlook = `BEGIN:VTIMEZONE
TZID:China Standard Time
BEGIN:STANDARD
DTSTART:16010101T000000
TZOFFSETFROM:+0800
TZOFFSETTO:+0800
END:STANDARD
END:VTIMEZONE
BEGIN:VTIMEZONE
TZID:W. Europe Standard Time
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
`

func TestICS(t *testing.T) {
	cfg := Default()
	for _, tt := range []struct {
		name, lines string
		want        []string
	}{
		{"no event", "", nil},
		{"one", vevent1(opens), []string{"u | s | opening | 2026-03-02 09:30:00 +0800 → 2026-03-02 11:30:00 +0800"}},
		{"UTC", vevent1("CATEGORIES:Bid Deadline\nDTSTART:20260302T013000Z"),
			[]string{"u | s | deadline | 2026-03-02 01:30:00 +0000 → 2026-03-02 01:30:00 +0000"}},
		{"no zone: the agent's", vevent1("CATEGORIES:DEADLINE\nDTSTART:20260302T093000"),
			[]string{"u | s | deadline | 2026-03-02 09:30:00 +0800 → 2026-03-02 09:30:00 +0800"}},
		{"no end: the configured length", vevent1("CATEGORIES:评标\nDTSTART:20260302T093000"),
			[]string{"u | s | evaluation | 2026-03-02 09:30:00 +0800 → 2026-03-02 17:30:00 +0800"}},
		{"no duration", vevent1("CATEGORIES:开标\nDTSTART:20260302T093000\nDURATION:PT0S"),
			[]string{"u | s | opening | 2026-03-02 09:30:00 +0800 → 2026-03-02 09:30:00 +0800"}},
		{"whole days", vevent1("CATEGORIES:评标\nDTSTART;VALUE=DATE:20260302\nDTEND;VALUE=DATE:20260304"),
			[]string{"u | s | evaluation | 2026-03-02 00:00:00 +0800 → 2026-03-04 00:00:00 +0800 all day"}},
		{"one whole day", vevent1("CATEGORIES:评标\nDTSTART;VALUE=DATE:20260302"),
			[]string{"u | s | evaluation | 2026-03-02 00:00:00 +0800 → 2026-03-03 00:00:00 +0800 all day"}},
		{"two zones", vevent1("CATEGORIES:开标\nDTSTART;TZID=Asia/Shanghai:20260302T093000\nDTEND;TZID=Asia/Tokyo:20260302T113000"),
			[]string{"u | s | opening | 2026-03-02 09:30:00 +0800 → 2026-03-02 10:30:00 +0800"}},
		{"a zone with a maker's prefix", vevent1("CATEGORIES:开标\nDTSTART;TZID=/example.org/20260101_1/Asia/Tokyo:20260302T093000\nDURATION:PT1H30M"),
			[]string{"u | s | opening | 2026-03-02 09:30:00 +0900 → 2026-03-02 11:00:00 +0900"}},
		{"zones that the file defines", outlook +
			vevent1("CATEGORIES:开标\nDTSTART;TZID=China Standard Time:20260302T093000\nDURATION:PT1H") +
			strings.Replace(vevent1("CATEGORIES:开标\nDTSTART;TZID=\"W. Europe Standard Time\":20260328T120000\nDURATION:P1D\nRRULE:FREQ=DAILY;COUNT=2"), "UID:u", "UID:w", 1),
			[]string{
				"u | s | opening | 2026-03-02 09:30:00 +0800 → 2026-03-02 10:30:00 +0800",
				"w/20260328T110000Z | s | opening | 2026-03-28 12:00:00 +0100 → 2026-03-29 12:00:00 +0200",
				"w/20260329T100000Z | s | opening | 2026-03-29 12:00:00 +0200 → 2026-03-30 12:00:00 +0200",
			}},
		{"systems and project", vevent1(opens + "CATEGORIES:重要,系统:开标大厅,System: hall\nX-XUNJIAN-SYSTEMS:招标平台,开标大厅\nX-XUNJIAN-PROJECT:ZB-2026-017"),
			[]string{"u | s | opening | 2026-03-02 09:30:00 +0800 → 2026-03-02 11:30:00 +0800 hall 开标大厅 招标平台 (ZB-2026-017)"}},
		{"of several kinds that with the most at stake", vevent1("CATEGORIES:投标截止\nCATEGORIES:会议,评标,开标\nDTSTART:20260302T093000Z\nDURATION:PT1H"),
			[]string{"u | s | opening | 2026-03-02 09:30:00 +0000 → 2026-03-02 10:30:00 +0000"}},
		{"escapes", strings.Replace(vevent1(opens), "SUMMARY:s", `SUMMARY:道路\, 桥梁\; 一标段\n"开标" \\ 评标`, 1),
			[]string{`u | 道路, 桥梁; 一标段 "开标" \ 评标 | opening | 2026-03-02 09:30:00 +0800 → 2026-03-02 11:30:00 +0800`}},
		{"a fold within a character", strings.Replace(vevent1(opens), "SUMMARY:s", "SUMMARY:开\xe6\n \xa0\x87", 1),
			[]string{"u | 开标 | opening | 2026-03-02 09:30:00 +0800 → 2026-03-02 11:30:00 +0800"}},
		{"folds by tabs, in names too", strings.ReplaceAll(vevent1(opens), "DTSTART;TZID=Asia", "DT\n\tSTART;TZ\n\tID=Asia"),
			[]string{"u | s | opening | 2026-03-02 09:30:00 +0800 → 2026-03-02 11:30:00 +0800"}},
		{"small letters", strings.ToLower(vevent1("categories:opening\ndtstart:20260302t093000z\nduration:pt1h")),
			[]string{"u | s | opening | 2026-03-02 09:30:00 +0000 → 2026-03-02 10:30:00 +0000"}},
		{"cancelled", vevent1(opens + "STATUS:CANCELLED"), nil},
		{"all cancelled", "METHOD:CANCEL\n" + vevent1(opens), nil},
		{"alarms and tasks mean nothing", vevent1(opens+"BEGIN:VALARM\nTRIGGER:-PT15M\nEND:VALARM") + "BEGIN:VTODO\nUID:t\nEND:VTODO",
			[]string{"u | s | opening | 2026-03-02 09:30:00 +0800 → 2026-03-02 11:30:00 +0800"}},
		{"the higher sequence holds", strings.Replace(vevent1(opens+"SEQUENCE:2"), "SUMMARY:s", "SUMMARY:new", 1) + vevent1(opens+"SEQUENCE:1"),
			[]string{"u | new | opening | 2026-03-02 09:30:00 +0800 → 2026-03-02 11:30:00 +0800"}},

		{"weekly with exceptions", vevent1(opens + "RRULE:FREQ=WEEKLY;COUNT=5\nEXDATE;TZID=Asia/Shanghai:20260309T093000\nEXDATE:20260316T013000Z"),
			[]string{monday,
				"u/20260323T013000Z | s | opening | 2026-03-23 09:30:00 +0800 → 2026-03-23 11:30:00 +0800",
				"u/20260330T013000Z | s | opening | 2026-03-30 09:30:00 +0800 → 2026-03-30 11:30:00 +0800"}},
		{"a day taken out", vevent1(opens + "RRULE:FREQ=DAILY;COUNT=3\nEXDATE;VALUE=DATE:20260303"),
			[]string{monday, "u/20260304T013000Z | s | opening | 2026-03-04 09:30:00 +0800 → 2026-03-04 11:30:00 +0800"}},
		{"until, in UTC and inclusive", vevent1(opens + "RRULE:FREQ=DAILY;UNTIL=20260303T013000Z"),
			[]string{monday, "u/20260303T013000Z | s | opening | 2026-03-03 09:30:00 +0800 → 2026-03-03 11:30:00 +0800"}},
		{"until a day, inclusive", vevent1(opens + "RRULE:FREQ=DAILY;UNTIL=20260303"),
			[]string{monday, "u/20260303T013000Z | s | opening | 2026-03-03 09:30:00 +0800 → 2026-03-03 11:30:00 +0800"}},
		{"until before the start", vevent1(opens + "RRULE:FREQ=DAILY;UNTIL=20260301T000000Z"), []string{monday}},
		{"the start is the first, though the rule does not meet it", vevent1(opens + "RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=1"),
			[]string{monday, "u/20260303T013000Z | s | opening | 2026-03-03 09:30:00 +0800 → 2026-03-03 11:30:00 +0800"}},
		{"further dates", vevent1(opens + "RDATE;TZID=Asia/Shanghai:20260305T140000,20260302T093000"),
			[]string{monday, "u/20260305T060000Z | s | opening | 2026-03-05 14:00:00 +0800 → 2026-03-05 16:00:00 +0800"}},
		{"last workday of the month", vevent1(opens + "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=2"),
			[]string{monday,
				"u/20260331T013000Z | s | opening | 2026-03-31 09:30:00 +0800 → 2026-03-31 11:30:00 +0800",
				"u/20260430T013000Z | s | opening | 2026-04-30 09:30:00 +0800 → 2026-04-30 11:30:00 +0800"}},
		{"days over a change of clocks", vevent1("CATEGORIES:评标\nDTSTART;VALUE=DATE:20260329\nRRULE:FREQ=DAILY;COUNT=2"),
			[]string{
				"u/20260328T160000Z | s | evaluation | 2026-03-29 00:00:00 +0800 → 2026-03-30 00:00:00 +0800 all day",
				"u/20260329T160000Z | s | evaluation | 2026-03-30 00:00:00 +0800 → 2026-03-31 00:00:00 +0800 all day"}},
		// At 2:30 on 29 March there is no such time in Berlin: it is read by the
		// offset of winter. The clock stays at 2:30 before and after.
		{"the wall clock counts", vevent1("CATEGORIES:开标\nDTSTART;TZID=Europe/Berlin:20260328T023000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3"),
			[]string{
				"u/20260328T013000Z | s | opening | 2026-03-28 02:30:00 +0100 → 2026-03-28 03:30:00 +0100",
				"u/20260329T013000Z | s | opening | 2026-03-29 03:30:00 +0200 → 2026-03-29 04:30:00 +0200",
				"u/20260330T003000Z | s | opening | 2026-03-30 02:30:00 +0200 → 2026-03-30 03:30:00 +0200"}},
		{"of two equal times the first", vevent1("CATEGORIES:开标\nDTSTART;TZID=America/New_York:20261101T013000\nDURATION:PT1H"),
			[]string{"u | s | opening | 2026-11-01 01:30:00 -0400 → 2026-11-01 01:30:00 -0500"}},

		{"moved, cancelled and renamed occurrences", vevent1(opens+"X-XUNJIAN-SYSTEMS:hall\nRRULE:FREQ=DAILY;COUNT=4") +
			vevent1("RECURRENCE-ID;TZID=Asia/Shanghai:20260303T093000\nDTSTART;TZID=Asia/Shanghai:20260303T140000\nDURATION:PT1H") +
			vevent1("RECURRENCE-ID:20260304T013000Z\nDTSTART:20260304T013000Z\nSTATUS:CANCELLED") +
			strings.Replace(vevent1("CATEGORIES:评标,system:review\nRECURRENCE-ID;TZID=Asia/Shanghai:20260305T093000\nDTSTART;TZID=Asia/Shanghai:20260305T093000\nDURATION:PT1H"), "SUMMARY:s", "SUMMARY:r", 1),
			[]string{monday + " hall",
				"u/20260303T013000Z | s | opening | 2026-03-03 14:00:00 +0800 → 2026-03-03 15:00:00 +0800 hall",
				"u/20260305T013000Z | r | evaluation | 2026-03-05 09:30:00 +0800 → 2026-03-05 10:30:00 +0800 review"}},
		{"an occurrence without its series", vevent1(opens + "RECURRENCE-ID:20260302T013000Z"), []string{monday}},
		{"a cancelled series takes its occurrences with it", vevent1(opens+"STATUS:CANCELLED\nRRULE:FREQ=DAILY") + vevent1(opens+"RECURRENCE-ID:20260303T013000Z"), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			events, err := read(t, "test.ics", ics(tt.lines), cfg)
			if err != nil {
				t.Fatal(err)
			}
			got := saidAll(New(cfg, events).Events())
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnmarkedEvents(t *testing.T) {
	file := ics(vevent1("CATEGORIES:开 标\nDTSTART:20260302T093000Z") + vevent1("RECURRENCE-ID:20260302T093000Z\nDTSTART:20260302T093000Z"))
	doc, err := parse("team.ics", file, Default(), shanghai(t))
	if err != nil {
		t.Fatal(err)
	}
	want := []Skipped{{"team.ics", 4, "s"}, {"team.ics", 10, "s"}}
	if diff := cmp.Diff(want, doc.skipped); diff != "" || len(doc.series) > 0 {
		t.Errorf("events without a kind (-want +got):\n%s", diff)
	}
	cfg := Default()
	cfg.Unmarked = Deadline
	events, err := read(t, "team.ics", file, cfg)
	if err != nil || len(events) != 1 || events[0].Kind != Deadline {
		t.Errorf("as deadlines: %v, %v", saidAll(events), err)
	}
}

// TestRecurrencesStayInTheWindow: a series without end is laid out as far as
// the configuration says, and its past does not pile up.
func TestRecurrencesStayInTheWindow(t *testing.T) {
	cfg := Default()
	doc, err := parse("a.ics", ics(vevent1(strings.ReplaceAll(opens, "2026", "2020")+"RRULE:FREQ=DAILY")), cfg, shanghai(t))
	if err != nil {
		t.Fatal(err)
	}
	events, err := doc.lay(window{at(t, "03-02 00:00"), at(t, "03-05 00:00")})
	if err != nil || len(events) != 3 || !events[0].Start.Equal(at(t, "03-02 09:30")) {
		t.Errorf("three days hold %v (%v)", saidAll(events), err)
	}
}
