package rules

import (
	"testing"
	"time"
)

func TestRestartKeepsAFiringAlert(t *testing.T) {
	w := newWorld(t, hotRule)
	w.fire()
	before := w.alert(t, "Hot")
	w.restart(5 * time.Second)
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 95`, `temp{room="b"} 70`)))
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 95`, `temp{room="b"} 70`)))
	after := w.alert(t, "Hot")
	if after.State != Firing || after.Key != before.Key || !after.ActiveAt.Equal(before.ActiveAt) || !after.FiredAt.Equal(before.FiredAt) || after.Value != 95 {
		t.Errorf("before the restart %+v\nafter it %+v", before, after)
	}
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 70`, `temp{room="b"} 70`)), `Hot{room="a"}: firing → ended`)
}

func TestRestartAfterALongTimeKeepsAFiringAlert(t *testing.T) {
	w := newWorld(t, hotRule)
	w.fire()
	w.restart(3 * time.Hour)
	w.want(w.tick(step))
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 95`)))
	if a := w.alert(t, "Hot"); a.State != Firing || !a.ActiveAt.Equal(epoch) {
		t.Errorf("after the restart %+v", a)
	}
}

func TestEndedWhileDownIsSaidWhenDataIsGood(t *testing.T) {
	w := newWorld(t, hotRule)
	w.fire()
	w.restart(20 * time.Minute)
	w.want(w.tick(step))
	w.want(w.tick(step, w.batch("other", "up 1")))
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 60`)), `Hot{room="a"}: firing → ended`)
}

func TestNoDataAfterRestartIsLostAfterTheGrace(t *testing.T) {
	w := newWorld(t, hotRule)
	w.fire()
	w.restart(20 * time.Minute)
	for range 8 {
		w.want(w.tick(step, w.batch("t", `temp{room="b"} 70`)))
	}
	w.want(w.tick(step, w.batch("t", `temp{room="b"} 70`)), `Hot{room="a"}: firing → lost`)
	w.restart(time.Minute)
	w.want(w.tick(step, w.batch("t", `temp{room="b"} 70`)))
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 60`)), `Hot{room="a"}: lost → ended`)
}

func TestFiredButNotStoredBeforeTheCrashIsSaidAgain(t *testing.T) {
	w := newWorld(t, hotRule)
	w.fire()
	clear(w.desk)
	w.restart(5 * time.Second)
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 95`)), "Watchdog{}: - → firing", `Hot{room="a"}: - → firing`)
	if a := w.alert(t, "Hot"); !a.ActiveAt.Equal(epoch) {
		t.Errorf("the outage began at %v, it says %v", epoch, a.ActiveAt)
	}
}

func TestEndedButNotStoredBeforeTheCrashIsSaidAgain(t *testing.T) {
	w := newWorld(t, hotRule)
	w.fire()
	desk := w.alert(t, "Hot")
	w.tick(step, w.batch("t", `temp{room="a"} 60`))
	w.desk[desk.Key] = desk
	w.restart(time.Second)
	w.want(w.tick(step), `Hot{room="a"}: firing → ended`)
}

func TestRestartDoesNotStartAHoldAnew(t *testing.T) {
	w := newWorld(t, `
groups:
  - name: heat
    rules:
      - {alert: Hot, expr: temp > 80, for: 10m}
`)
	for range 32 { // 8 minutes
		w.tick(step, w.batch("t", `temp{room="a"} 90`, `temp{room="b"} 90`))
	}
	w.restart(45 * time.Second)
	var fired time.Duration
	for range 20 {
		at := w.now
		if said := w.tick(step, w.batch("t", `temp{room="a"} 90`, `temp{room="b"} 60`)); len(said) > 0 {
			w.want(said, `Hot{room="a"}: pending → firing`)
			fired = at.Sub(epoch)
		}
	}
	// 7:45 were pending before; the 1:00 without an evaluation does not count.
	if want := 11 * time.Minute; fired != want {
		t.Errorf("fired %v after the start, want %v", fired, want)
	}
}

func TestAlertOfARuleThatIsGoneIsLost(t *testing.T) {
	w := newWorld(t, hotRule)
	w.fire()
	w.cfg.Files = w.cfg.Files[:w.stand]
	w.restart(time.Second)
	w.want(w.tick(step), `Hot{room="a"}: firing → lost`)
	w.want(w.tick(step))
	if got := len(w.engine.Alerts()); got != 1 {
		t.Errorf("there are %d alerts, want the watchdog only", got)
	}
}

const keepRule = `
groups:
  - name: heat
    rules:
      - {alert: Hot, expr: temp > 80, keep_firing_for: 1m}
`

func TestKeepFiringForHoldsOverRestart(t *testing.T) {
	w := newWorld(t, keepRule)
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 90`)), "Watchdog{}: - → firing", `Hot{room="a"}: - → firing`)
	w.restart(10 * time.Minute)
	for range 4 {
		w.want(w.tick(step, w.batch("t", `temp{room="a"} 60`)))
	}
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 60`)), `Hot{room="a"}: firing → ended`)
}

func TestKeepFiringForEndsOrLoses(t *testing.T) {
	for _, c := range []struct {
		name  string
		after []string
		want  State
	}{
		{"good", []string{`temp{room="a"} 60`}, Ended},
		{"gone", nil, Lost},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, keepRule)
			w.tick(step, w.batch("t", `temp{room="a"} 90`))
			for range 4 {
				w.want(w.tick(step, w.batch("t", c.after...)))
			}
			w.want(w.tick(step, w.batch("t", c.after...)), `Hot{room="a"}: firing → `+string(c.want))
		})
	}
}
