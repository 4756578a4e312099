package rules

import (
	"strings"
	"testing"
	"time"
)

func TestClockSetBack(t *testing.T) {
	for _, back := range []time.Duration{time.Minute, 5 * time.Minute, 9 * time.Hour} {
		t.Run(back.String(), func(t *testing.T) {
			w := newWorld(t, hotRule)
			w.close()
			addBlock(t, w.cfg.Dir, "whole", 6)
			w.open()
			for range 60 {
				w.tick(step, w.batch("t", `temp{room="a"} 60`, `temp{room="b"} 60`))
			}
			w.tick(step, w.batch("t", `temp{room="a"} 90`, `temp{room="b"} 60`)) // pending
			w.now = w.now.Add(-back)
			w.want(w.tick(step, w.batch("t", `temp{room="a"} 90`, `temp{room="b"} 90`)))
			w.want(w.tick(step, w.batch("t", `temp{room="a"} 90`, `temp{room="b"} 90`)))
			w.want(w.tick(step, w.batch("t", `temp{room="a"} 90`, `temp{room="b"} 90`)), `Hot{room="a"}: pending → firing`, `Hot{room="b"}: pending → firing`)
			w.want(w.tick(step, w.batch("t", `temp{room="a"} 60`)), `Hot{room="a"}: firing → ended`, `Hot{room="b"}: firing → lost`)
			if s := w.engine.Stats(); s.Dropped > 0 {
				t.Errorf("%d samples were dropped", s.Dropped)
			}
			if !strings.Contains(w.log.String(), "clock was set back") {
				t.Errorf("the log is silent: %s", w.log)
			}
			before := max(0, 61-int(back/step)) // those that are not later than the new time
			if got := w.count(t, `count_over_time(temp{room="a"}[1h])`); int(got) != before+4 {
				t.Errorf("there are %v samples of the last hour, want %d", got, before+4)
			}
			if got := w.count(t, `count_over_time(whole[24h])`); (got > 0) != (back < time.Hour) {
				t.Errorf("there are %v samples of the block", got)
			}
			w.restart(time.Second)
			w.want(w.tick(step, w.batch("t", `temp{room="a"} 60`, `temp{room="b"} 60`)), `Hot{room="b"}: lost → ended`)
		})
	}
}

func TestClockSetBackWhileDown(t *testing.T) {
	w := newWorld(t, hotRule)
	w.fire()
	w.restart(-2 * time.Hour)
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 90`, `temp{room="b"} 70`)))
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 60`, `temp{room="b"} 70`)), `Hot{room="a"}: firing → ended`)
}

func TestClockSetBackALittle(t *testing.T) {
	w := newWorld(t, hotRule)
	w.fire()
	w.now = w.now.Add(-25 * time.Second)
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 60`, `temp{room="b"} 70`)))
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 60`, `temp{room="b"} 70`)), `Hot{room="a"}: firing → ended`)
	if s := w.engine.Stats(); s.Dropped == 0 {
		t.Error("nothing was dropped")
	}
}

func TestClockSetForward(t *testing.T) {
	w := newWorld(t, hotRule)
	w.fire()
	w.now = w.now.Add(30 * 24 * time.Hour)
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 90`, `temp{room="b"} 70`)))
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 60`, `temp{room="b"} 70`)), `Hot{room="a"}: firing → ended`)
}
