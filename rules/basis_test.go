package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// ends are rules with what their alert stands on and how it ends.
var ends = []struct {
	name, expr  string
	bad         []string // samples while it fires; %d grows by 15 each tick
	after       []string // samples from then on
	ticks       int      // after that many, it says:
	want        string
	basis, from []string
}{
	{
		name: "one side of a ratio vanishes", expr: `used{fs="x"} / size > 0.9`,
		bad:   []string{`used{fs="x"} 95`, `size{fs="x"} 100`},
		after: []string{`used{fs="x"} 95`}, ticks: 1, want: "lost",
		basis: []string{`size{fs="x"}`, `used{fs="x"}`},
	},
	{
		name: "ratio gets good", expr: `used / size > 0.9`,
		bad:   []string{`used{fs="x"} 95`, `size{fs="x"} 100`},
		after: []string{`used{fs="x"} 5`, `size{fs="x"} 100`}, ticks: 1, want: "ended",
	},
	{
		name: "denominator of zero is a judgement", expr: `used / size > 0.9`,
		bad:   []string{`used{fs="x"} 95`, `size{fs="x"} 100`},
		after: []string{`used{fs="x"} 0`, `size{fs="x"} 0`}, ticks: 1, want: "ended",
	},
	{
		name: "absent ends when data comes", expr: `absent(heartbeat)`,
		after: []string{`heartbeat 1`}, ticks: 1, want: "ended", basis: []string{},
	},
	{
		name: "absent with a condition that vanishes", expr: `absent(heartbeat) and on() (armed == 1)`,
		bad: []string{`armed 1`}, after: []string{`other 1`}, ticks: 1, want: "lost", basis: []string{`armed`},
	},
	{
		name: "unless: the right side comes", expr: `down == 1 unless on(id) maintenance`,
		bad:   []string{`down{id="a"} 1`},
		after: []string{`down{id="a"} 1`, `maintenance{id="a"} 1`}, ticks: 1, want: "ended", basis: []string{`down{id="a"}`},
	},
	{
		name: "rate goes on for its range and is lost then", expr: `rate(errs_total[1m]) > 0.5`,
		bad: []string{`errs_total{nic="e"} %d`}, after: []string{`other 1`}, ticks: 3, want: "lost",
		basis: []string{`rate(errs_total{nic="e"}[1m])`},
	},
	{
		name: "increase that fades out for lack of samples is lost", expr: `increase(errs_total[2m]) > 60`,
		bad: []string{`errs_total{nic="e"} %d`}, after: []string{`other 1`}, ticks: 5, want: "lost",
	},
	{
		name: "rate gets good", expr: `rate(errs_total[1m]) > 0.5`,
		bad: []string{`errs_total{nic="e"} %d`}, after: []string{`errs_total{nic="e"} 150`}, ticks: 3, want: "ended",
	},
	{
		name: "an aggregate loses all its series", expr: `sum by (host) (down) > 1`,
		bad:   []string{`down{host="h",id="a"} 1`, `down{host="h",id="b"} 1`, `down{host="i",id="b"} 0`},
		after: []string{`down{host="i",id="b"} 0`}, ticks: 1, want: "lost", basis: []string{`down{host="h"}`},
	},
	{
		name: "an aggregate loses one of its series", expr: `sum by (host) (down) > 1`,
		bad:   []string{`down{host="h",id="a"} 1`, `down{host="h",id="b"} 1`},
		after: []string{`down{host="h",id="b"} 1`}, ticks: 1, want: "ended",
	},
	{
		name: "another device's data says nothing", expr: `disk_bad == 1`,
		bad:   []string{`disk_bad{dev="a"} 1`, `disk_bad{dev="b"} 0`},
		after: []string{`disk_bad{dev="b"} 0`}, ticks: 1, want: "lost",
	},
	{
		name: "made-up labels: any series of the selector counts", expr: `label_replace(disk_bad == 1, "dev", "x-$1", "dev", "(.*)")`,
		bad:   []string{`disk_bad{dev="a"} 1`},
		after: []string{`disk_bad{dev="a"} 0`}, ticks: 1, want: "ended", basis: []string{`disk_bad`},
	},
	{
		name: "made-up labels: no series is lost", expr: `label_replace(disk_bad == 1, "dev", "x-$1", "dev", "(.*)")`,
		bad: []string{`disk_bad{dev="a"} 1`}, after: []string{`other 1`}, ticks: 1, want: "lost",
	},
	{
		name: "or: the side that did not fire need not be there", expr: `hot > 1 or wet > 1`,
		bad: []string{`hot{room="a"} 2`}, after: []string{`hot{room="a"} 0`}, ticks: 1, want: "ended", basis: []string{`hot{room="a"}`},
	},
	{
		name: "a label that the rule sets is not asked of the series", expr: `finding == 2`,
		bad: []string{`finding{code="fs.full",subject="/"} 2`}, after: []string{`finding{code="fs.full",subject="/"} 0`},
		ticks: 1, want: "ended", basis: []string{`finding{subject="/"}`},
	},
	{
		name: "subquery", expr: `max_over_time(hot[1m:15s]) > 1`,
		bad: []string{`hot{room="a"} 2`}, after: []string{`other 1`}, ticks: 4, want: "lost", basis: []string{`hot{room="a"}`},
	},
	{
		name: "offset", expr: `hot - hot offset 15s > 5`,
		bad: []string{`hot{room="a"} %d`}, after: []string{`hot{room="a"} 0`}, ticks: 1, want: "ended",
		basis: []string{`hot{room="a"}`, `hot{room="a"} offset 15s`},
	},
	{
		name: "recorded series vanish with their source", expr: `room:hot:max > 1`,
		bad: []string{`hot{room="a"} 2`}, after: []string{`other 1`}, ticks: 1, want: "lost",
		basis: []string{`room:hot:max{room="a"}`},
	},
	{
		name: "a metric by pattern", expr: `{__name__=~"hot|wet"} > 1`,
		bad: []string{`hot{room="a"} 2`}, after: []string{`hot{room="a"} 0`}, ticks: 1, want: "ended",
		basis: []string{`{__name__=~"hot|wet",room="a"}`},
	},
}

func TestHowAlertsEnd(t *testing.T) {
	for _, c := range ends {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, fmt.Sprintf(`
groups:
  - name: g
    rules:
      - {record: 'room:hot:max', expr: max by (room) (hot)}
      - {alert: Bad, expr: '%s', labels: {code: F00}}
`, c.expr))
			fired := false
			for i := range 10 {
				said := w.tick(step, w.batch("src", grow(c.bad, i)...))
				fired = fired || slices.ContainsFunc(said, func(s string) bool { return strings.HasPrefix(s, "Bad") })
			}
			if !fired {
				t.Fatal("it did not fire")
			}
			checkBasis(t, w, c.basis, len(c.bad) > 0)
			var said []string
			for i := 0; i < c.ticks; i++ {
				if len(said) > 0 {
					t.Fatalf("after %d ticks it said %v already", i, said)
				}
				said = w.tick(step, w.batch("src", c.after...))
			}
			if len(said) != 1 || !strings.HasSuffix(said[0], "firing → "+c.want) {
				t.Errorf("after %d ticks it said %v, want %s", c.ticks, said, c.want)
			}
		})
	}
}

func grow(lines []string, i int) []string {
	out := slices.Clone(lines)
	for j, l := range out {
		if strings.Contains(l, "%d") {
			out[j] = fmt.Sprintf(l, i*15)
		}
	}
	return out
}

func checkBasis(t *testing.T, w *world, want []string, sourced bool) {
	t.Helper()
	a := w.alert(t, "Bad")
	if want != nil && !slices.Equal(a.Basis, want) {
		t.Errorf("it stands on %q, want %q", a.Basis, want)
	}
	if sourced != slices.Equal(a.Sources, []string{"src"}) {
		t.Errorf("its sources are %v", a.Sources)
	}
}
