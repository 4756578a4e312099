package schedule_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunjian/alerting/schedule"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestWorkdaysOfTwoYears counts what the announcements say: 2025 has 248
// working days, 2026 as many.
func TestWorkdaysOfTwoYears(t *testing.T) {
	w := schedule.Shipped()
	for year, want := range map[int]int{2025: 248, 2026: 248} {
		n := 0
		for d := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC); d.Year() == year; d = d.AddDate(0, 0, 1) {
			if w.Working(d) {
				n++
			}
		}
		if n != want {
			t.Errorf("%d has %d working days, want %d", year, n, want)
		}
	}
	if diff := cmp.Diff([]int{2025, 2026}, w.Years()); diff != "" {
		t.Error(diff)
	}
	if w.Knows(2031) {
		t.Error("claims to know the holidays of 2031")
	}
}

// due lists the moments after from, n of them.
func due(t *testing.T, c schedule.Config, z *time.Location, from string, n int) []string {
	t.Helper()
	s, err := schedule.New(c, z, schedule.Shipped())
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", from, z)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for range n {
		next := s.Next(at)
		if next.IsZero() || !next.After(at) {
			t.Fatalf("after %v comes %v", at, next)
		}
		at = next
		out = append(out, at.Format("2006-01-02 15:04 -0700 Mon"))
	}
	return out
}

func TestDue(t *testing.T) {
	weekly := schedule.Config{Days: schedule.FirstOfWeek, At: "08:30"}
	for _, tc := range []struct {
		name, zone, from string
		c                schedule.Config
		want             []string
	}{
		{"around the spring festival no week without a working day has a round", "Asia/Shanghai", "2026-02-09 08:30", weekly,
			[]string{"2026-02-24 08:30 +0800 Tue", "2026-03-02 08:30 +0800 Mon"}},
		{"the week after the national day begins on a Thursday", "Asia/Shanghai", "2026-09-28 09:00", weekly,
			[]string{"2026-10-08 08:30 +0800 Thu", "2026-10-12 08:30 +0800 Mon"}},
		{"a make-up Sunday is no new week", "Asia/Shanghai", "2025-12-28 00:00", weekly,
			[]string{"2025-12-29 08:30 +0800 Mon", "2026-01-05 08:30 +0800 Mon"}},
		{"a year end", "Asia/Shanghai", "2026-12-28 08:30", weekly, []string{"2027-01-04 08:30 +0800 Mon"}},
		{"working days", "Asia/Shanghai", "2026-09-18 10:00", schedule.Config{Days: schedule.Working, At: "09:00"},
			[]string{"2026-09-20 09:00 +0800 Sun", "2026-09-21 09:00 +0800 Mon"}},
		{"first and last of months", "Asia/Shanghai", "2026-04-30 23:59", schedule.Config{Days: schedule.FirstOfMonth, At: "09:00"},
			[]string{"2026-05-06 09:00 +0800 Wed", "2026-06-01 09:00 +0800 Mon"}},
		{"last of months", "Asia/Shanghai", "2026-01-31 00:00", schedule.Config{Days: schedule.LastOfMonth, At: "17:00"},
			[]string{"2026-02-28 17:00 +0800 Sat", "2026-03-31 17:00 +0800 Tue"}},
		{"any day over the spring change of a zone", "Europe/Berlin", "2026-03-28 03:00", schedule.Config{At: "02:30"},
			[]string{"2026-03-29 03:30 +0200 Sun", "2026-03-30 02:30 +0200 Mon"}},
		{"and over the autumn one, once", "Europe/Berlin", "2026-10-24 03:00", schedule.Config{At: "02:30"},
			[]string{"2026-10-25 02:30 +0100 Sun", "2026-10-26 02:30 +0100 Mon"}},
		{"cron", "Asia/Shanghai", "2026-11-23 19:00", schedule.Config{Cron: "0 7 * * 1"}, []string{"2026-11-30 07:00 +0800 Mon"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, due(t, tc.c, zone(t, tc.zone), tc.from, len(tc.want))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestLast: the last time before a moment is the one after which the next is
// over that moment, whatever the rhythm.
func TestLast(t *testing.T) {
	z := zone(t, "Asia/Shanghai")
	until := time.Date(2026, 10, 9, 12, 0, 0, 0, z)
	for _, c := range []schedule.Config{
		{Cron: "* * * * *"}, {Cron: "@daily"}, {Cron: "0 0 1 1 *"}, {Days: schedule.FirstOfWeek, At: "08:30"}, {Days: schedule.FirstOfMonth, At: "08:30"},
	} {
		s, err := schedule.New(c, z, schedule.Shipped())
		if err != nil {
			t.Fatal(err)
		}
		last := s.Last(until.AddDate(-2, 0, 0), until)
		if last.IsZero() || last.After(until) || !s.Next(last).After(until) || !s.Next(last.Add(-time.Second)).Equal(last) {
			t.Errorf("%+v: last before %v is %v, next %v", c, until, last, s.Next(last))
		}
		if got := s.Last(last, last.Add(time.Nanosecond)); !got.IsZero() {
			t.Errorf("%+v: was due at %v, which is not after itself", c, got)
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, tc := range []struct {
		c    schedule.Config
		want string
	}{
		{schedule.Config{}, "cron: is missing"},
		{schedule.Config{Cron: "61 * * * *"}, "cron: end of range (61)"},
		{schedule.Config{Cron: "0 0 30 2 *"}, "never comes"},
		{schedule.Config{Cron: "@every 1h"}, "counts from the start"},
		{schedule.Config{Cron: "TZ=UTC 0 0 * * *"}, "names a zone"},
		{schedule.Config{Cron: "@daily", At: "08:30"}, "stands beside"},
		{schedule.Config{Days: "weekly", At: "08:30"}, "days: unknown word"},
		{schedule.Config{Days: schedule.Working}, "at: is missing"},
		{schedule.Config{Days: schedule.Working, At: "8.30"}, "no time of day"},
	} {
		if err := tc.c.Validate(); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: got %v, want %q", tc.c, err, tc.want)
		}
	}
}

// TestOwnHolidays: a file adds a year or takes the place of one, and a mistake
// in it has a place.
func TestOwnHolidays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "holidays.yaml")
	write := func(s string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("\"2027\": {off: [2027-01-01], work: [2027-01-02]}\n\"2026\": {off: [2026-01-01]}\n")
	w, err := schedule.LoadWorkdays(path)
	if err != nil {
		t.Fatal(err)
	}
	for day, want := range map[string]bool{"2027-01-01": false, "2027-01-02": true, "2026-10-02": true, "2025-10-02": false} {
		if d, _ := time.Parse(time.DateOnly, day); w.Working(d) != want {
			t.Errorf("%s: working %v, want %v", day, !want, want)
		}
	}
	for text, want := range map[string]string{
		"\"2027\": {off: [2027-02-30]}":                     `:1:`,
		"\"2027\": {off: [2026-01-01]}":                     "is not of 2027",
		"\"2027\": {work: [2027-01-04]}":                    "is no weekend day",
		"\"2027\": {off: [2027-05-03..2027-05-01]}":         "does not go from",
		"\"2027\": {of: [2027-05-03]}":                      "unknown",
		"next: {off: [2027-05-03]}":                         "is no year",
		"\"2027\": {off: [2027-05-01], work: [2027-05-01]}": "both off and",
	} {
		write(text)
		if _, err := schedule.LoadWorkdays(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
