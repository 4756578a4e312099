package rules

import (
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
