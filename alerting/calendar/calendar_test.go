package calendar

import (
	"os"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"

	"xunjian/alerting/plan"
)

// at reads a time in Shanghai, like 03-02 09:30, of 2026.
func at(t testing.TB, s string) time.Time {
	t.Helper()
	if len(s) == len("03-02 09:30") {
		s += ":00"
	}
	out, err := time.ParseInLocation("2006-01-02 15:04:05", "2026-"+s, zoneOf(t, "Asia/Shanghai"))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func zoneOf(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func event(t testing.TB, id string, k Kind, start, end string, systems ...string) Event {
	return Event{ID: id, Title: id, Kind: k, Start: at(t, start), End: at(t, end), Systems: systems}
}

// busy is a day of an exchange: two openings that overlap, a deadline of no
// duration at the start of one, an evaluation after them.
func busy(t testing.TB) *Calendar {
	return New(Default(), []Event{
		event(t, "evaluation", Evaluation, "03-02 13:00", "03-02 18:00", "review"),
		event(t, "first", Opening, "03-02 09:30", "03-02 11:30", "tendering", "hall"),
		event(t, "second", Opening, "03-02 11:00", "03-02 12:00", "hall"),
		event(t, "deadline", Deadline, "03-02 09:30", "03-02 09:30", "tendering"),
	})
}

func ids(events []Event) string {
	var out []string
	for _, e := range events {
		out = append(out, e.ID)
	}
	return strings.Join(out, " ")
}

func TestAt(t *testing.T) {
	c := busy(t)
	for _, tt := range []struct{ when, want string }{
		{"03-02 07:29:59", ""},
		{"03-02 07:30", "first"}, // lead of 2 h, inclusive
		{"03-02 08:29:59", "first"},
		{"03-02 08:30", "deadline first"}, // lead of 1 h
		{"03-02 09:00", "deadline first second"},
		{"03-02 09:44:59", "deadline first second"},
		{"03-02 09:45", "first second"}, // tail of 15 min, exclusive
		{"03-02 11:00", "first second evaluation"},
		{"03-02 11:59:59", "first second evaluation"},
		{"03-02 12:00", "second evaluation"},
		{"03-02 12:30", "evaluation"},
		{"03-02 18:29:59", "evaluation"},
		{"03-02 18:30", ""},
	} {
		if got := ids(c.At(at(t, tt.when))); got != tt.want {
			t.Errorf("at %s: %q, want %q", tt.when, got, tt.want)
		}
	}
}

func TestKindOf(t *testing.T) {
	c := busy(t)
	for _, tt := range []struct {
		system, when string
		base         plan.SystemKind
		want         plan.SystemKind
		because      string
	}{
		{"tendering", "03-02 07:29:59", plan.Business, plan.Business, ""},
		{"tendering", "03-02 07:30", plan.Business, plan.Opening, "first"},
		{"hall", "03-02 11:15", plan.Business, plan.Opening, "first"},  // both run: the one that started first
		{"hall", "03-02 11:45", plan.Business, plan.Opening, "second"}, // one runs, the other closes
		{"hall", "03-02 10:00", plan.Business, plan.Opening, "first"},  // one runs, the other is near
		{"review", "03-02 10:00", plan.Business, plan.Business, ""},    // not its opening
		{"review", "03-02 11:00", plan.Business, plan.Opening, "evaluation"},
		{"office", "03-02 11:00", plan.Business, plan.Business, ""},
		{"office", "03-02 11:00", plan.Opening, plan.Opening, ""}, // of itself
		{"hall", "03-02 11:45", plan.Opening, plan.Opening, "second"},
		{"tendering", "03-03 09:30", plan.Business, plan.Business, ""},
	} {
		got, because := c.KindOf(tt.system, at(t, tt.when), tt.base)
		id := ""
		if because != nil {
			id = because.ID
		}
		if got != tt.want || id != tt.because {
			t.Errorf("%s at %s: %s because of %q, want %s because of %q", tt.system, tt.when, got, id, tt.want, tt.because)
		}
	}
}

func TestAnEventWithoutSystemsHoldsForAll(t *testing.T) {
	c := New(Default(), []Event{event(t, "all", Opening, "03-02 09:30", "03-02 10:00")})
	if got, because := c.KindOf("office", at(t, "03-02 09:30"), plan.Business); got != plan.Opening || because == nil {
		t.Errorf("an opening that names no system leaves office %s", got)
	}
}

func TestPhase(t *testing.T) {
	e := busy(t).Events()[1]
	for when, want := range map[string]Phase{
		"03-02 07:29:59": Ahead, "03-02 07:30": Near, "03-02 09:29:59": Near, "03-02 09:30": Running,
		"03-02 11:29:59": Running, "03-02 11:30": Closing, "03-02 11:59:59": Closing, "03-02 12:00": Over,
	} {
		if got := e.Phase(at(t, when)); got != want {
			t.Errorf("%s at %s: %s, want %s", e.ID, when, got, want)
		}
	}
}

func TestNextAndBetween(t *testing.T) {
	c := busy(t)
	for _, tt := range []struct {
		when string
		n    int
		want string
	}{
		{"03-01 00:00", 2, "deadline first"},
		{"03-02 09:30", 9, "second evaluation"}, // what starts now is no longer next
		{"03-02 13:00", 9, ""},
		{"03-01 00:00", 0, ""},
		{"03-01 00:00", -1, ""},
	} {
		if got := ids(c.Next(at(t, tt.when), tt.n)); got != tt.want {
			t.Errorf("next %d after %s: %q, want %q", tt.n, tt.when, got, tt.want)
		}
	}
	for _, tt := range []struct{ from, to, want string }{
		{"03-02 00:00", "03-03 00:00", "deadline first second evaluation"},
		{"03-02 09:30", "03-02 09:31", "deadline first"}, // one of no duration is there at its start
		{"03-02 09:30:01", "03-02 09:31", "first"},
		{"03-02 08:00", "03-02 09:30", ""},
		{"03-02 11:30", "03-02 12:00", "second"},
		{"03-02 12:00", "03-02 12:00", ""},
		{"03-03 00:00", "03-01 00:00", ""},
	} {
		if got := ids(c.Between(at(t, tt.from), at(t, tt.to))); got != tt.want {
			t.Errorf("between %s and %s: %q, want %q", tt.from, tt.to, got, tt.want)
		}
	}
}

// TestSleepingUntilTheNextChange: who looks only then sees every answer.
func TestSleepingUntilTheNextChange(t *testing.T) {
	c := busy(t)
	var got []string
	for now, ok := at(t, "03-01 00:00"), true; ; {
		if now, ok = c.NextChange(now); !ok {
			break
		}
		got = append(got, now.Format("15:04"))
	}
	want := "07:30 08:30 09:00 09:30 09:45 10:00 11:00 11:30 12:00 12:30 13:00 18:00 18:30"
	if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestInspections(t *testing.T) {
	day := func(c *Calendar) []Inspection { return c.Inspections(at(t, "03-02 00:00"), at(t, "03-03 00:00")) }
	cfg := Default()
	cfg.Deadline.Inspect = 30 * time.Minute
	events := []Event{
		event(t, "a", Opening, "03-02 09:30", "03-02 10:00", "hall", "tendering"),
		event(t, "b", Opening, "03-02 09:30", "03-02 11:00", "tendering", "hall"),
		event(t, "c", Deadline, "03-02 09:30", "03-02 09:30", "tendering", "hall"),
		event(t, "d", Opening, "03-02 09:30", "03-02 10:00", "other"),
	}
	got := day(New(cfg, events))
	if len(got) != 2 || ids(got[0].Events) != "a b c" || ids(got[1].Events) != "d" {
		t.Fatalf("three events of one start and the same systems, and one of others: %+v", got)
	}
	if want := at(t, "03-02 08:30"); !got[0].Due.Equal(want) {
		t.Errorf("due at %v, want the earliest, %v", got[0].Due, want)
	}
	if got[0].Key == got[1].Key {
		t.Errorf("two inspections have the key %s", got[0].Key)
	}
	// A key is kept in a store: it must not change from one version to the next.
	if want := "inspection/20260302T013000Z/d0fad5fae1b728ff"; got[0].Key != want {
		t.Errorf("key %s, want %s", got[0].Key, want)
	}

	key := got[0].Key
	events[0].Title, events[0].ID = "renamed", "aa"
	cfg.Opening.Inspect = 2 * time.Hour
	if again := day(New(cfg, events)); again[0].Key != key {
		t.Errorf("another title and another time before it make another inspection: %s, was %s", again[0].Key, key)
	}
	for i := range events {
		events[i].Start, events[i].End = events[i].Start.Add(time.Hour), events[i].End.Add(time.Hour)
	}
	if put := day(New(cfg, events)); put[0].Key == key {
		t.Error("events that were put off are not inspected again")
	}
	cfg.Opening.Inspect, cfg.Deadline.Inspect = 0, 0
	if off := day(New(cfg, events)); off != nil {
		t.Errorf("turned off, yet due: %v", off)
	}
}

func TestInspectionsAreDueOnce(t *testing.T) {
	c := busy(t)
	var keys []string
	for now := at(t, "03-02 00:00"); now.Before(at(t, "03-03 00:00")); now = now.Add(10 * time.Minute) {
		for _, in := range c.Inspections(now, now.Add(10*time.Minute)) {
			keys = append(keys, in.Key)
		}
	}
	if len(keys) != 4 {
		t.Errorf("steps of ten minutes find %d inspections, want 4: %v", len(keys), keys)
	}
}

func TestTheZeroCalendar(t *testing.T) {
	var c Calendar
	now := at(t, "03-02 09:30")
	if kind, because := c.KindOf("x", now, plan.Business); kind != plan.Business || because != nil {
		t.Errorf("kind %s because of %v", kind, because)
	}
	if _, ok := c.NextChange(now); ok || c.At(now) != nil || len(c.Next(now, 3)) > 0 || c.Between(now, now.Add(1)) != nil || c.Len() != 0 {
		t.Error("a calendar without events has answers")
	}
}

// example is the one of the README.
func example(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "```yaml\nevents:")
	text, _, end := strings.Cut(rest, "```")
	if !ok || !end {
		t.Fatal("README.md shows no calendar")
	}
	return "events:" + text
}
