package ruletest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"xunjian/rules"
)

var epoch = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

const step = 15 * time.Second

// history is an engine that saw room a hot from minute 10 to 20 and from 40 on,
// and that recorded room:temp:max by a rule of its own.
func history(t *testing.T) *rules.Engine {
	t.Helper()
	cfg := rules.DefaultConfig()
	cfg.Dir = t.TempDir()
	for _, shipped := range glob(t, "../default/*.yml") {
		cfg.Files = append(cfg.Files, writeAs(t, filepath.Base(shipped), "groups: []"))
	}
	cfg.Files = append(cfg.Files, write(t, `
groups:
  - name: live
    rules:
      - {record: 'room:temp:max', expr: max by (room) (temp) + 1000}
      - {alert: Hot, expr: temp > 80}
`))
	e, err := rules.Open(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	for i := range 240 {
		at := epoch.Add(time.Duration(i) * step)
		hot := i >= 40 && i < 80 || i >= 160
		b := rules.Batch{Source: "rooms", Time: at, Points: []rules.Point{roomTemp("a", 60), roomTemp("b", 70)}}
		if hot {
			b.Points[0].Value = 90
		}
		if _, err := e.Tick(context.Background(), at, []rules.Batch{b}); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

func roomTemp(room string, v float64) rules.Point {
	return rules.Point{Labels: labels.FromStrings("__name__", "temp", "room", room), Value: v}
}

func write(t *testing.T, text string) string {
	t.Helper()
	return writeAs(t, "rules.yml", text)
}

func writeAs(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBacktest(t *testing.T) {
	e := history(t)
	before := e.Stats()
	file := write(t, `
groups:
  - name: trial
    rules:
      - {record: 'room:temp:max', expr: max by (room) (temp)}
      - {alert: Hot, expr: 'room:temp:max > 80', for: 1m, annotations: {summary: '{{ $labels.room }} had {{ $value }}'}}
      - {alert: Chained, expr: 'ALERTS{alertname="Hot",alertstate="firing"}'}
      - {alert: Never, expr: temp > 200}
`)
	fired, err := Backtest(context.Background(), e.Queryable(), []string{file}, epoch, epoch.Add(time.Hour), step)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range fired {
		got = append(got, fmt.Sprintf("%s %s %v-%v active %v open %v", f.Rule, f.Labels["room"], f.From.Sub(epoch), f.To.Sub(epoch), f.ActiveAt.Sub(epoch), f.Open))
	}
	want := []string{
		"Chained a 11m0s-20m0s active 11m0s open false",
		"Hot a 11m0s-20m0s active 10m0s open false",
		"Chained a 41m0s-1h0m0s active 41m0s open true",
		"Hot a 41m0s-1h0m0s active 40m0s open true",
	}
	if !slices.Equal(got, want) {
		t.Errorf("it would have fired\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(fired) == 4 && (fired[1].Annotations["summary"] != "a had 90" || fired[1].Group != "trial" || fired[1].Value != 90) {
		t.Errorf("the firing is %+v", fired[1])
	}
	if after := e.Stats(); after.Series != before.Series || after.Appended != before.Appended {
		t.Errorf("the history changed: %+v, then %+v", before, after)
	}
}

func TestBacktestRefusals(t *testing.T) {
	e := history(t)
	good := write(t, "groups: [{name: g, rules: [{alert: A, expr: temp > 1}]}]")
	for name, c := range map[string]struct {
		files    []string
		from, to time.Time
		step     time.Duration
		want     string
	}{
		"no files":      {nil, epoch, epoch, step, "name at least one rule file"},
		"no match":      {[]string{good + "*.nothing"}, epoch, epoch, step, "no rule file matches"},
		"backwards":     {[]string{good}, epoch, epoch.Add(-1), step, "before the start"},
		"step":          {[]string{good}, epoch, epoch, time.Millisecond, "at least 1s"},
		"too many":      {[]string{good}, epoch, epoch.Add(1e6 * time.Hour), step, "more than 200000 steps"},
		"bad rule":      {[]string{write(t, "groups: [{name: g, rules: [{alert: A, expr: 'temp >'}]}]")}, epoch, epoch, step, "the expression does not parse"},
		"failing rules": {[]string{write(t, "groups: [{name: g, rules: [{alert: A, expr: 'sum(temp) * on() temp'}]}]")}, epoch, epoch, step, "found duplicate series"},
	} {
		if _, err := Backtest(context.Background(), e.Queryable(), c.files, c.from, c.to, c.step); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want %q in it", name, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Backtest(ctx, e.Queryable(), []string{good}, epoch, epoch.Add(time.Hour), step); !errors.Is(err, context.Canceled) {
		t.Errorf("after a cancel the error is %v", err)
	}
}
