package rules

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

func TestQuery(t *testing.T) {
	w := newWorld(t, "")
	w.tick(step, w.batch("t", `temp{room="a"} 60`, `temp{room="b"} 70`, `zero 0`))
	for expr, want := range map[string]string{
		`temp{room="a"}`: `[{"labels":{"__name__":"temp","room":"a"},"value":60}]`,
		`sum(temp)`:      `[{"labels":{},"value":130}]`,
		`7`:              `[{"labels":{},"value":7}]`,
		`none`:           `[]`,
		`zero / 0`:       `[{"labels":{},"value":"NaN"}]`,
		`1 / zero`:       `[{"labels":{},"value":"+Inf"}]`,
	} {
		got, err := w.engine.Query(context.Background(), expr, epoch)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := json.Marshal(got); err != nil || string(b) != want {
			t.Errorf("%s is %s (%v), want %s", expr, b, err, want)
		}
	}
	for expr, want := range map[string]string{
		`temp[5m]`: "ask for a range instead",
		`temp >`:   "unexpected end of input",
		`"x"`:      "neither",
	} {
		if _, err := w.engine.Query(context.Background(), expr, epoch); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v", expr, err)
		}
	}
}

func TestQueryRange(t *testing.T) {
	w := newWorld(t, "")
	for i := range 8 {
		if i == 4 {
			w.tick(step, w.batch("t")) // a gap
			continue
		}
		w.tick(step, w.batch("t", fmt.Sprintf(`temp{room="a"} %d`, i), `zero 0`))
	}
	got, err := w.engine.QueryRange(context.Background(), "temp", epoch, epoch.Add(7*step), step)
	if err != nil || len(got) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	want := [][2]float64{}
	for _, i := range []int{0, 1, 2, 3, 5, 6, 7} {
		want = append(want, [2]float64{float64(epoch.Unix() + int64(i)*15), float64(i)})
	}
	if fmt.Sprint(got[0].Points) != fmt.Sprint(want) || got[0].Labels["room"] != "a" {
		t.Errorf("the series is %v, want %v", got[0], want)
	}
	if got, err = w.engine.QueryRange(context.Background(), "1/zero", epoch, epoch.Add(7*step), step); err != nil || len(got[0].Points) != 0 {
		t.Errorf("infinities give %v, %v", got, err)
	}
}

func TestQueryLimits(t *testing.T) {
	w := newWorld(t, "")
	w.tickBatches(t, epoch, Batch{Source: "s", Time: epoch, Points: manyPoints(maxResult + 1)})
	if _, err := w.engine.Query(context.Background(), `{id!=""}`, epoch); err == nil || !strings.Contains(err.Error(), "10001 samples, at most 10000") {
		t.Errorf("too many samples: %v", err)
	}
	if _, err := w.engine.QueryRange(context.Background(), `{id!=""}`, epoch, epoch, step); err == nil || !strings.Contains(err.Error(), "10001 series, at most 1000") {
		t.Errorf("too many series: %v", err)
	}
	if _, err := w.engine.QueryRange(context.Background(), `m1`, epoch, epoch.Add(48*time.Hour), time.Second); err == nil || !strings.Contains(err.Error(), "more than 11000 points") {
		t.Errorf("too many points: %v", err)
	}
	if _, err := w.engine.QueryRange(context.Background(), `m1`, epoch, epoch.Add(-1), step); err == nil {
		t.Error("it goes backwards")
	}
	if _, err := w.engine.QueryRange(context.Background(), `m1`, epoch, epoch, time.Millisecond); err == nil {
		t.Error("it takes a step of 1 ms")
	}
	if _, err := w.engine.Query(context.Background(), `count(last_over_time({id!=""}[10m:1s]))`, epoch.Add(4*time.Minute)); err == nil || !strings.Contains(err.Error(), "too many samples") {
		t.Errorf("too much memory: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := w.engine.Query(ctx, `m1`, epoch); err == nil {
		t.Error("it answers after a cancel")
	}
}

func TestAlertSeries(t *testing.T) {
	w := newWorld(t, `
groups:
  - name: g
    rules:
      - {alert: Errors, expr: 'rate(errs_total[1m]) > 1 and on (nic) speed == 100'}
`)
	for i := range 8 {
		w.tick(step, w.batch("t", fmt.Sprintf(`errs_total{nic="a"} %d`, i*30), `errs_total{nic="b"} 0`, `speed{nic="a"} 100`, `speed{nic="b"} 100`))
	}
	got, err := w.engine.AlertSeries(context.Background(), w.alert(t, "Errors"), epoch, w.now, step)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Labels["__name__"] != "errs_total" || got[1].Labels["__name__"] != "speed" {
		t.Fatalf("the alert stands on %v", got)
	}
	last := got[0].Points[len(got[0].Points)-1]
	if got[0].Labels["nic"] != "a" || math.Abs(last[1]-2) > 1e-9 {
		t.Errorf("the rate of errors is %v", got[0])
	}
	if _, err := w.engine.AlertSeries(context.Background(), Alert{Basis: []string{"up +"}}, epoch, w.now, step); err == nil {
		t.Error("it takes a broken basis")
	}
}
