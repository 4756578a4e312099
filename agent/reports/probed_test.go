package reports_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"xunjian/agent/reports"
	"xunjian/rules"
)

// TestProbedAvailability lives three days with probes that fail, that cannot be
// made, and that are not made because the agent is off, and holds the report
// against what is counted try by try.
func TestProbedAvailability(t *testing.T) {
	m := newMonth(t)
	begin := m.now
	within := func(at time.Time, from, to time.Duration) bool {
		d := at.Sub(begin)
		return d >= from && d < to
	}
	var good, bad, blind int // tries of trade, one of whose two probes counts
	m.probes = func(at time.Time) []rules.Point {
		points := []rules.Point{}
		say := func(probe, system string, v float64) {
			points = append(points, rules.Point{Labels: series("probe_success", "probe", probe, "system", system, "door", "page"), Value: v},
				rules.Point{Labels: series("xunjian_probe_interval_seconds", "probe", probe, "system", system, "door", "page"), Value: tick.Seconds()})
		}
		upload := 1.0
		if within(at, 20*time.Hour, 23*time.Hour) {
			upload = 0
		}
		if within(at, 40*time.Hour, 44*time.Hour) { // no way out: neither probe
			blind++
			return points
		}
		if good++; upload == 0 {
			good--
			bad++
		}
		say("upload", "trade", upload)
		if !within(at, 50*time.Hour, 52*time.Hour) { // the other probe still knows
			say("page", "trade", 1)
		}
		say("stranger", "", 0)
		return points
	}
	off := func(at time.Time) bool { return within(at, 60*time.Hour, 66*time.Hour) }
	m.until(begin.Add(72*time.Hour), begin, off, func(time.Time) bool { return false })

	from, to := begin, begin.Add(72*time.Hour-time.Minute)
	look := func(format, lang string) []byte {
		b, err := m.reports.Look(t.Context(), "weekly", from, to, format, lang)
		must(t, err)
		return b
	}
	var f reports.Facts
	must(t, json.Unmarshal(look("json", "en"), &f))
	trade, portal := f.Systems[1], f.Systems[0]
	if trade.Name != "trade" || trade.Probed == nil {
		t.Fatalf("systems %+v", f.Systems)
	}
	if portal.Probed != nil {
		t.Errorf("a system without probes has %+v", portal.Probed)
	}
	// Counted try by try: each stands for one interval. At the edges of an
	// outage and of a gap a part of the period may hold tries of both kinds.
	const edge = 0.3 // hours
	near(t, "bad hours", trade.Probed.Bad.Hours(), float64(bad)*tick.Hours(), edge)
	near(t, "good hours", trade.Probed.Good.Hours(), float64(good)*tick.Hours(), 4*edge)
	near(t, "unknown hours", trade.Probed.Unknown.Hours(), float64(blind)*tick.Hours()+6, 4*edge)
	near(t, "hours in all", (trade.Probed.Good + trade.Probed.Bad + trade.Probed.Unknown).Hours(), to.Sub(from).Hours(), 0.01)
	share, ok := trade.Probed.Availability()
	if !ok {
		t.Fatal("nothing is known")
	}
	near(t, "availability", share, float64(good)/float64(good+bad), 0.004)
	if bad == 0 || blind == 0 {
		t.Errorf("the test lived %d bad tries, %d that could not be made", bad, blind)
	}
	for lang, want := range map[string]string{"en": "By probes", "zh-CN": "拨测可用率"} {
		for _, format := range []string{"html", "text"} {
			text := string(look(format, lang))
			if !strings.Contains(text, want) || !strings.Contains(text, "95.") {
				t.Errorf("%s in %s does not tell it", format, lang)
			}
		}
		for _, format := range []string{"pdf", "xlsx", "docx"} {
			if len(look(format, lang)) == 0 {
				t.Errorf("%s is empty", format)
			}
		}
	}
	if _, ok := (reports.Probed{Unknown: time.Hour}).Availability(); ok {
		t.Error("of what was never probed something is known")
	}
}
