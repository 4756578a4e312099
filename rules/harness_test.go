package rules

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an Engine with a clock, told what happens second by second.
type world struct {
	t      testing.TB
	cfg    Config
	engine *Engine
	start  time.Time
	now    time.Time
	log    *strings.Builder
	// desk is what the Desk above would have stored.
	desk map[string]Alert
	// stand is how many files stand in for the default ones.
	stand int
}

var epoch = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// noDefaults stands in for the default rules, all but the watchdog.
var noDefaults = map[string]string{
	"host.yml": "groups: []\n",
	"self.yml": "groups: [{name: self, rules: [{alert: Watchdog, expr: vector(1), labels: {kind: watchdog}}]}]\n",
}

// newWorld starts an Engine whose operator has one rule file of this text, and
// files that stand in for the default ones.
func newWorld(t testing.TB, rules string) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, start: epoch, now: epoch, log: &strings.Builder{}, desk: map[string]Alert{}}
	w.cfg = DefaultConfig()
	w.cfg.Dir = filepath.Join(t.TempDir(), "metrics")
	defaults, err := readDefaults(Default)
	if err != nil {
		t.Fatal(err)
	}
	w.stand = len(defaults)
	for _, f := range defaults {
		name := strings.TrimPrefix(f.name, defaultPrefix)
		text, own := noDefaults[name]
		if !own {
			text = "groups: []\n"
		}
		w.cfg.Files = append(w.cfg.Files, writeFile(t, dir, name, text))
	}
	if rules != "" {
		w.cfg.Files = append(w.cfg.Files, writeFile(t, dir, "own.yml", rules))
	}
	w.open()
	t.Cleanup(w.close)
	return w
}

func writeFile(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (w *world) open() {
	w.t.Helper()
	e, err := Open(w.cfg, slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		w.t.Fatal(err)
	}
	w.engine = e
}

func (w *world) close() {
	if w.engine != nil {
		if err := w.engine.Close(); err != nil {
			w.t.Error(err)
		}
		w.engine = nil
	}
}

// restart stops the Engine and starts another one after a while, with what
// the desk knows.
func (w *world) restart(down time.Duration) {
	w.t.Helper()
	w.close()
	w.open()
	known := make([]Alert, 0, len(w.desk))
	for _, a := range w.desk {
		known = append(known, a)
	}
	w.engine.Restore(known)
	w.now = w.now.Add(down)
}

// tick hands in the batches at the present time and returns what changed, as
// "rule{labels}: from → to", and moves on by step.
func (w *world) tick(step time.Duration, batches ...Batch) []string {
	w.t.Helper()
	changed, err := w.engine.Tick(context.Background(), w.now, batches)
	if err != nil {
		w.t.Fatal(err)
	}
	w.now = w.now.Add(step)
	return w.note(changed)
}

func (w *world) note(changed []Transition) []string {
	var said []string
	for _, c := range changed {
		said = append(said, fmt.Sprintf("%s%s: %s → %s", c.Alert.Rule, idOf(c.Alert), cmp.Or(string(c.From), "-"), c.Alert.State))
		if c.Alert.State == Ended {
			delete(w.desk, c.Alert.Key)
		} else {
			w.desk[c.Alert.Key] = c.Alert
		}
	}
	return said
}

// idOf writes the labels of an alert that rules of these tests do not set.
func idOf(a Alert) string {
	b := labels.NewBuilder(labels.FromMap(a.Labels))
	b.Del("alertname", "severity", "kind", "code", "resolve")
	return b.Labels().String()
}

// want checks what changed.
func (w *world) want(got []string, want ...string) {
	w.t.Helper()
	if !slices.Equal(got, want) {
		w.t.Errorf("at %v changed:\n  %s\nwant:\n  %s", w.now.Sub(w.start), strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// batch makes a batch of source at the present time from lines like
// `up{job="a"} 1`.
func (w *world) batch(source string, lines ...string) Batch {
	w.t.Helper()
	b := Batch{Source: source, Time: w.now, Every: 15 * time.Second}
	for _, line := range lines {
		b.Points = append(b.Points, point(w.t, line))
	}
	return b
}

func point(t testing.TB, line string) Point {
	t.Helper()
	i := strings.LastIndexByte(line, ' ')
	ls, err := newParser().ParseMetric(line[:i])
	if err != nil {
		t.Fatal(err)
	}
	v, err := strconv.ParseFloat(line[i+1:], 64)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return Point{Labels: ls, Value: v}
}
