package rules

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const hotRule = `
groups:
  - name: heat
    rules:
      - alert: Hot
        expr: temp > 80
        for: 30s
        labels: {kind: incident, code: E01, resolve: auto, severity: critical}
        annotations: {summary: '{{ $labels.room }} has {{ $value }}'}
`

const step = 15 * time.Second

func TestAlertFiresAfterItsHoldAndEnds(t *testing.T) {
	w := newWorld(t, hotRule)
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 70`, `temp{room="b"} 70`)), "Watchdog{}: - → firing")
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 90`, `temp{room="b"} 70`)))
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 91`, `temp{room="b"} 70`)))
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 92`, `temp{room="b"} 70`)), `Hot{room="a"}: pending → firing`)
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 93`, `temp{room="b"} 70`)))

	a := w.alert(t, "Hot")
	if a.ActiveAt != epoch.Add(step) || a.FiredAt != epoch.Add(3*step) || a.Value != 93 {
		t.Errorf("alert is %+v", a)
	}
	if a.Labels["code"] != "E01" || a.Annotations["summary"] != "a has 93" || a.Group != "heat" {
		t.Errorf("alert is %+v", a)
	}
	if len(a.Sources) != 1 || a.Sources[0] != "t" || len(a.Basis) != 1 || a.Basis[0] != `temp{room="a"}` {
		t.Errorf("the alert stands on %v from %v", a.Basis, a.Sources)
	}
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 80`, `temp{room="b"} 70`)), `Hot{room="a"}: firing → ended`)
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 80`, `temp{room="b"} 70`)))
}

func (w *world) alert(t *testing.T, rule string) Alert {
	t.Helper()
	for _, a := range w.engine.Alerts() {
		if a.Rule == rule {
			return a
		}
	}
	t.Fatalf("there is no alert %s", rule)
	return Alert{}
}

// fire brings Hot{room="a"} to fire and leaves the clock after it.
func (w *world) fire() {
	w.t.Helper()
	for range 2 {
		w.tick(step, w.batch("t", `temp{room="a"} 90`, `temp{room="b"} 70`))
	}
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 90`, `temp{room="b"} 70`)), `Hot{room="a"}: pending → firing`)
}

func TestDataGoneIsLostAndNotEnded(t *testing.T) {
	w := newWorld(t, hotRule)
	w.fire()
	w.want(w.tick(step, w.batch("t", `temp{room="b"} 70`)), `Hot{room="a"}: firing → lost`)
	w.want(w.tick(step, w.batch("t", `temp{room="b"} 70`)))
	if got := w.alert(t, "Hot").State; got != Lost {
		t.Errorf("state is %s", got)
	}
	t.Run("back and good", func(t *testing.T) {
		w.want(w.tick(step, w.batch("t", `temp{room="a"} 70`, `temp{room="b"} 70`)), `Hot{room="a"}: lost → ended`)
	})
}

func TestLostThatComesBackBadFiresAtOnce(t *testing.T) {
	w := newWorld(t, hotRule)
	w.fire()
	active := w.alert(t, "Hot").ActiveAt
	w.want(w.tick(step, w.batch("t")), `Hot{room="a"}: firing → lost`)
	w.tick(10 * time.Minute)
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 95`)), `Hot{room="a"}: lost → firing`)
	if got := w.alert(t, "Hot").ActiveAt; !got.Equal(active) {
		t.Errorf("the outage began at %v, now it says %v", active, got)
	}
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 95`)))
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 70`)), `Hot{room="a"}: firing → ended`)
}

func TestSilentSourceLosesItsDataWithinThreeIntervals(t *testing.T) {
	w := newWorld(t, hotRule)
	w.fire()
	for range 2 {
		w.want(w.tick(step, w.batch("other", "up 1")))
	}
	w.want(w.tick(step, w.batch("other", "up 1")), `Hot{room="a"}: firing → lost`)
}

func TestPendingThatPassesSaysNothing(t *testing.T) {
	w := newWorld(t, hotRule)
	w.tick(step, w.batch("t", `temp{room="a"} 90`))
	if got := w.alert(t, "Hot").State; got != Pending {
		t.Errorf("state is %s", got)
	}
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 70`)))
	w.tick(step, w.batch("t", `temp{room="a"} 90`))
	w.want(w.tick(step, w.batch("t")))
	if got := len(w.engine.Alerts()); got != 1 {
		t.Errorf("there are %d alerts, want the watchdog", got)
	}
}

func TestForget(t *testing.T) {
	w := newWorld(t, hotRule)
	w.fire()
	key := w.alert(t, "Hot").Key
	if w.engine.Forget(key) || w.engine.Forget("none") {
		t.Error("it forgets a firing alert, or one that is not")
	}
	w.tick(step, w.batch("t"))
	if !w.engine.Forget(key) || len(w.engine.Alerts()) != 1 {
		t.Error("it does not forget a lost alert")
	}
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 70`)))
}

func TestValuesThatJSONLacks(t *testing.T) {
	w := newWorld(t, `groups: [{name: g, rules: [{alert: Inf, expr: 1 / zero > 1}, {alert: NaN, expr: zero / zero != 1}]}]`)
	w.tick(step, w.batch("t", `zero 0`))
	for _, rule := range []string{"Inf", "NaN"} {
		if b, err := json.Marshal(w.alert(t, rule)); err != nil {
			t.Errorf("%s: %v", rule, err)
		} else if want := map[string]string{"Inf": `"value":1.7976931348623157e+308`, "NaN": `"value":0,`}[rule]; !strings.Contains(string(b), want) {
			t.Errorf("%s is %s", rule, b)
		}
	}
}

func TestTwoRulesWithTheSameAlert(t *testing.T) {
	w := newWorld(t, `
groups:
  - {name: a, rules: [{alert: Hot, expr: temp > 80}]}
  - {name: b, rules: [{alert: Hot, expr: temp > 70}]}
`)
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 90`)), "Watchdog{}: - → firing", `Hot{room="a"}: - → firing`)
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 75`)), `Hot{room="a"}: firing → ended`, `Hot{room="a"}: - → firing`)
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 60`)), `Hot{room="a"}: firing → ended`)
}

func TestARuleThatFailsKeepsItsAlerts(t *testing.T) {
	w := newWorld(t, `groups: [{name: g, limit: 2, rules: [{alert: Hot, expr: temp > 80, for: 15s}, {alert: Odd, expr: 'a * on () b > 0'}]}]`)
	w.tick(step, w.batch("t", `temp{room="a"} 90`, `a 1`, `b 1`))
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 90`, `a 1`, `b 1`)), `Hot{room="a"}: pending → firing`)
	three := []string{`temp{room="a"} 90`, `temp{room="b"} 90`, `temp{room="c"} 90`}
	w.want(w.tick(step, w.batch("t", append(three, `a 1`, `b{x="1"} 1`, `b{x="2"} 1`)...)))
	for _, want := range []struct{ rule, text string }{{"Hot", "exceeded limit of 2 with 3 alerts"}, {"Odd", "found duplicate series"}} {
		s := w.status(t, want.rule)
		if s.Health != "err" || !strings.Contains(s.Error, want.text) {
			t.Errorf("the rule is %+v", s)
		}
		if !strings.Contains(w.log.String(), want.text) {
			t.Errorf("the log lacks %q", want.text)
		}
	}
	if got := w.engine.Stats().Failures; got != 2 {
		t.Errorf("%d failures were counted", got)
	}
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 90`, `a 1`, `b 1`)))
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 70`, `a 1`, `b 1`)), `Hot{room="a"}: firing → ended`)
}

func (w *world) status(t *testing.T, rule string) RuleStatus {
	t.Helper()
	for _, s := range w.engine.Rules() {
		if s.Name == rule {
			return s
		}
	}
	t.Fatalf("there is no rule %s", rule)
	return RuleStatus{}
}

func TestGroupsAreEvaluatedWhenTouchedOrDue(t *testing.T) {
	w := newWorld(t, `
groups:
  - {name: touched, rules: [{alert: A, expr: a > 1}]}
  - {name: rare, interval: 1m, rules: [{alert: B, expr: a > 1}]}
  - {name: other, rules: [{alert: C, expr: b > 1}]}
  - {name: any, rules: [{alert: D, expr: '{job="x"} > 1'}]}
  - {name: chained, rules: [{alert: E, expr: 'ALERTS{alertname="A"}'}]}
  - {name: back, query_offset: 30s, rules: [{alert: F, expr: a > 1}]}
`)
	seen := map[string][]int{}
	start := w.now
	for i := range 62 {
		v := 0
		if i == 5 || i > 20 {
			v = 9
		}
		w.tick(time.Second, w.batch("fast", fmt.Sprintf("a %d", v)))
		for _, name := range []string{"A", "B", "C", "D", "E"} {
			if s := w.status(t, name); s.LastEval.Equal(start.Add(time.Duration(i) * time.Second)) {
				seen[name] = append(seen[name], i)
			}
		}
	}
	for name, want := range map[string]string{"B": "[0 54]", "C": "[0 14 28 42 56]"} {
		if got := fmt.Sprint(seen[name]); got != want {
			t.Errorf("%s was evaluated at %s, want %s", name, got, want)
		}
	}
	if len(seen["A"]) != 62 || len(seen["D"]) != 62 {
		t.Errorf("touched groups were evaluated %d and %d times", len(seen["A"]), len(seen["D"]))
	}
	if !slices.Contains(seen["E"], 5) || !slices.Contains(seen["E"], 6) || slices.Contains(seen["E"], 8) {
		t.Errorf("a group that selects another's alerts was evaluated at %v", seen["E"])
	}
	if f := w.alert(t, "F"); !f.ActiveAt.Equal(start.Add(51 * time.Second)) {
		t.Errorf("with an offset of 30s it was active at %v", f.ActiveAt.Sub(start))
	}
}

// A finding that is gone is over if its check could look.
const findingRule = `
groups:
  - name: g
    rules:
      - alert: Bad
        expr: finding == 2
        annotations: {ended_if: 'success{check="{{ $labels.check }}"} == 1'}
`

func TestEndedIf(t *testing.T) {
	for _, c := range []struct {
		name  string
		after []string
		want  string
	}{
		{"the check could look", []string{`success{check="x"} 1`}, "ended"},
		{"it could not", []string{`success{check="x"} 0`}, "lost"},
		{"another could", []string{`success{check="y"} 1`}, "lost"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, findingRule)
			w.tick(step, w.batch("x", `finding{check="x"} 2`, `success{check="x"} 1`))
			w.want(w.tick(step, w.batch("x", c.after...)), `Bad{check="x"}: firing → `+c.want)
			if c.want == "lost" {
				w.want(w.tick(step, w.batch("x", `success{check="x"} 1`)), `Bad{check="x"}: lost → ended`)
			}
		})
	}
}

// A rule that goes on for as long as it fires, by what it says itself, ends with
// what it looks at, and is lost with it.
func TestGoesOnByItself(t *testing.T) {
	for _, c := range []struct {
		name  string
		last  []string
		after string
	}{
		{"what it looks at is over", []string{`down{peer="x"} 0`, "speaks 0"}, "ended"},
		{"what it looks at is gone", []string{"speaks 0"}, "lost"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, `
groups:
  - name: g
    rules:
      - alert: Down
        expr: down == 1 and on () speaks == 1 or down == 1 and on (peer) ALERTS{alertname="Down",alertstate="firing"}
`)
			w.tick(step, w.batch("x", `down{peer="x"} 0`, "speaks 1"))
			w.want(w.tick(step, w.batch("x", `down{peer="x"} 1`, "speaks 1")), `Down{peer="x"}: - → firing`)
			w.want(w.tick(step, w.batch("x", `down{peer="x"} 1`, "speaks 0")))
			w.restart(step)
			w.want(w.tick(step, w.batch("x", `down{peer="x"} 1`, "speaks 0")))
			w.want(w.tick(step, w.batch("x", c.last...)), `Down{peer="x"}: firing → `+c.after)
		})
	}
}

func TestStormOfAlerts(t *testing.T) {
	w := newWorld(t, `groups: [{name: g, rules: [{alert: Bad, expr: m0 > 1}]}]`)
	points := manyPoints(20_000)
	for i := range points {
		points[i].Value = 5
	}
	began := time.Now()
	w.tickBatches(t, epoch, one("s", epoch, 0, points...))
	if n := len(w.engine.Alerts()); n != 2001 {
		t.Errorf("%d alerts fire", n)
	}
	w.tickBatches(t, epoch.Add(step), one("s", epoch.Add(step), 0))
	for _, a := range w.engine.Alerts() {
		if a.Rule == "Bad" && a.State != Lost {
			t.Fatalf("an alert without data is %s", a.State)
		}
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("2,000 alerts took %v", took)
	}
}
