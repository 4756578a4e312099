package rules

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const judgeRules = `
groups:
  - name: judge
    rules:
      - {record: 'cpu:busy:ratio', expr: '1 - avg by (cpu) (rate(cpu_seconds_total{mode="idle"}[2m]))'}
      - {alert: Gauge, expr: temp > 80, for: 1h, annotations: {summary: 'it is {{ $value }}'}}
      - {alert: Rate, expr: 'rate(errs_total[5m]) > 2'}
      - {alert: IRate, expr: 'irate(errs_total[1m]) > 2'}
      - {alert: Increase, expr: 'increase(errs_total[10m]) > 1500'}
      - {alert: Forecast, expr: 'predict_linear(free[10m], 86400) < 0'}
      - {alert: Trend, expr: 'deriv(fill_total[5m]) > 0.5'}
      - {alert: Busy, expr: 'cpu:busy:ratio > 0.9'}
      - {alert: BusyFor, expr: 'min_over_time(cpu:busy:ratio[5m]) > 0.9'}
      - {alert: Average, expr: 'avg_over_time(temp[10m]) > 80'}
      - {alert: Gone, expr: 'absent(nothing)'}
      - {alert: TooLong, expr: 'increase(errs_total[2h]) > 1e6'}
      - {alert: Broken, expr: 'temp * on() {__name__=~"temp|free"} > 0'}
`

func judgeBatches(t testing.TB, dt time.Duration, values ...float64) []Batch {
	at := epoch.Add(dt)
	b := Batch{Source: "disk", Time: at}
	for i, line := range []string{`errs_total{dev="a"} 0`, `fill_total 0`, `free 10`} {
		p := point(t, line)
		p.Value += values[i]
		p.Counter = strings.Contains(line, "_total")
		b.Points = append(b.Points, p)
	}
	c := Batch{Source: "cpu", Time: at.Add(-time.Second)}
	for i, line := range []string{`cpu_seconds_total{cpu="0",mode="idle"} 100`, `temp 60`} {
		p := point(t, line)
		p.Value += values[i+3]
		p.Counter = strings.Contains(line, "_total")
		c.Points = append(c.Points, p)
	}
	return []Batch{b, c}
}

// judgeNow is what one look without history comes to.
func judgeNow(ctx context.Context, opts JudgeOptions, first, second []Batch) ([]Alert, []RuleStatus, error) {
	e, err := Suppose(ctx, opts, first, second)
	if err != nil {
		return nil, nil, err
	}
	return e.FiringNow(), e.Rules(), nil
}

func TestSuppose(t *testing.T) {
	opts := JudgeOptions{Files: []string{writeFile(t, t.TempDir(), "own.yml", judgeRules)}}
	for _, c := range []struct {
		name          string
		first, second []float64
		want          []string
	}{
		{"all is well", []float64{500, 10, 0, 0, 0}, []float64{500, 10, 0, 4, 0}, nil},
		{"a hot gauge", []float64{500, 10, 0, 0, 0}, []float64{500, 10, 0, 4, 30}, []string{"Average[cpu]", "Gauge[cpu]"}},
		{"three errors a second", []float64{500, 10, 0, 0, 0}, []float64{512, 10, 0, 4, 0}, []string{"IRate[disk]", "Increase[disk]", "Rate[disk]"}},
		{"a counter that was reset", []float64{500, 10, 0, 0, 0}, []float64{12, 10, 0, 4, 0}, nil},
		{"one a second", []float64{500, 10, 0, 0, 0}, []float64{500, 14, 0, 4, 0}, []string{"Trend[disk]"}},
		{"no idle time", []float64{500, 10, 0, 0, 0}, []float64{500, 10, 0, 0.1, 0}, []string{"Busy[cpu]", "BusyFor[cpu]"}},
		{"a falling gauge has no trend", []float64{500, 10, 0, 0, 0}, []float64{500, 10, -9, 4, 0}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			alerts, status, err := judgeNow(context.Background(), opts, judgeBatches(t, 0, c.first...), judgeBatches(t, 4*time.Second, c.second...))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, a := range alerts {
				got = append(got, a.Rule+fmt.Sprint(a.Sources))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("it says %v, want %v", got, c.want)
			}
			checkStatus(t, status)
		})
	}
}

func checkStatus(t *testing.T, status []RuleStatus) {
	t.Helper()
	by := map[string]RuleStatus{}
	for _, s := range status {
		by[s.Name] = s
	}
	if s := by["Broken"]; s.Health != "err" || s.Error == "" {
		t.Errorf("the broken rule is %+v", s)
	}
	if s := by["Gauge"]; s.Health != "ok" || s.For != time.Hour || len(s.Blind) != 0 {
		t.Errorf("the rule Gauge is %+v", s)
	}
	if s := by["Gone"]; len(s.Blind) != 0 || !slices.Equal(s.Metrics, []string{"nothing"}) {
		t.Errorf("the rule Gone is %+v", s)
	}
}

func TestSupposeErrors(t *testing.T) {
	if _, _, err := judgeNow(context.Background(), JudgeOptions{}, nil, nil); err == nil {
		t.Error("it judges nothing at all")
	}
	bad := JudgeOptions{Files: []string{writeFile(t, t.TempDir(), "own.yml", "groups: 7")}}
	if _, _, err := judgeNow(context.Background(), bad, nil, judgeBatches(t, 0, 0, 0, 0, 0, 0)); err == nil {
		t.Error("it judges by a broken file")
	} else if _, ok := errors.AsType[*LoadError](err); !ok {
		t.Errorf("the error is a %T: %v", err, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := judgeNow(ctx, JudgeOptions{}, nil, judgeBatches(t, 0, 0, 0, 0, 0, 0)); !errors.Is(err, context.Canceled) {
		t.Errorf("after a cancel the error is %v", err)
	}
}

func TestSupposeWithoutAFirstPass(t *testing.T) {
	opts := JudgeOptions{Files: []string{writeFile(t, t.TempDir(), "own.yml", judgeRules)}}
	alerts, _, err := judgeNow(context.Background(), opts, nil, judgeBatches(t, 0, 1e9, 1e9, 0, 0, 30))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range alerts {
		if a.Rule == "Rate" || a.Rule == "IRate" {
			t.Errorf("a single pass gives %+v", a)
		}
		if a.Rule == "Gauge" && a.Annotations["summary"] != "it is 90" {
			t.Errorf("the alert says %v", a.Annotations)
		}
	}
}
