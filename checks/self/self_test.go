package self

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"xunjian/checks"
	"xunjian/checks/checktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func parts(t *testing.T) Parts {
	return Parts{
		DataDir:   t.TempDir(),
		Metrics:   NewRegistry("v1.2.3"),
		Runner:    func() checks.RunnerStats { return checks.RunnerStats{Checks: 5} },
		Conflicts: func() int { return 0 },
		Notices:   func(context.Context) (Notices, error) { return Notices{Channels: []Channel{{Name: "mail"}}}, nil },
	}
}

func TestAllConform(t *testing.T) {
	p := parts(t)
	var names []string
	for i, c := range Checks(Default(), p) {
		names = append(names, c.Name())
		checktest.Conform(t, func() checks.Check { return Checks(Default(), p)[i] })
	}
	wantText(t, "checks", strings.Join(names, " "), "self_metrics self_data self_memory self_clock self_checks self_notices")
}

func TestAllIsWellHere(t *testing.T) {
	cfg := Default()
	cfg.MinFreeBytes, cfg.MaxMemoryBytes = 1, 1<<40
	for _, c := range Checks(cfg, parts(t)) {
		if res := checks.RunOnce(t.Context(), c, time.Now()); res.Verdict != checks.OK {
			t.Errorf("%s: %s", c.Name(), findings(res))
		}
	}
}

func TestMistakesInTheConfiguration(t *testing.T) {
	for _, tt := range []struct {
		change func(*Config)
		want   string
	}{
		{func(*Config) {}, ""},
		{func(c *Config) { c.MinFreeBytes = -1 }, "min_free_bytes: -1 is negative"},
		{func(c *Config) { c.MinFreeInodes = -2 }, "min_free_inodes: -2 is negative"},
		{func(c *Config) { c.MaxMemoryBytes = -3 }, "max_memory_bytes: -3 is negative"},
		{func(c *Config) { c.MaxStuck = -4 }, "max_stuck: -4 is negative"},
		{func(c *Config) { c.ClockStep = time.Millisecond }, "clock_step: 1ms is out of range, 100ms to 1h"},
		{func(c *Config) { c.ClockStep = 2 * time.Hour; c.ClockWindow = -1 }, "clock_step: 2h0m0s is out of range, 100ms to 1h\nclock_window: -1ns is negative"},
	} {
		cfg := Default()
		tt.change(&cfg)
		got := ""
		if err := cfg.Validate(); err != nil {
			got = err.Error()
		}
		wantText(t, "mistakes", got, tt.want)
	}
	defer func() {
		wantText(t, "panic", fmt.Sprint(recover()), "self: max_stuck: -1 is negative")
	}()
	Checks(Config{MaxStuck: -1, ClockStep: time.Second}, Parts{})
}

func TestOwnMetrics(t *testing.T) {
	reg := NewRegistry("v1.2.3")
	events := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "xunjian_events_total", Help: "Events."}, []string{"kind"})
	events.WithLabelValues("opened").Add(3)
	took := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "xunjian_save_seconds", Help: "Saving.", Buckets: []float64{1}})
	took.Observe(0.5)
	took.Observe(2)
	reg.MustRegister(events, took)
	res := checks.RunOnce(t.Context(), newMetrics(reg), time.Now())
	text := exposed(t, res)
	for _, want := range []string{
		`xunjian_build_info{goversion="go1.`, `version="v1.2.3"} 1`,
		"# TYPE xunjian_events_total counter\nxunjian_events_total{kind=\"opened\"} 3\n",
		"xunjian_save_seconds_bucket{le=\"1\"} 1\nxunjian_save_seconds_bucket{le=\"+Inf\"} 2\nxunjian_save_seconds_sum 2.5\nxunjian_save_seconds_count 2\n",
		"\ngo_goroutines ", "\ngo_memory_classes_total_bytes ", "\nprocess_resident_memory_bytes ", "\nprocess_open_fds ",
		"# TYPE go_gc_duration_seconds summary\ngo_gc_duration_seconds{quantile=\"0\"} ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if n := len(res.Samples); n > 50 {
		t.Errorf("%d series of itself are too many", n)
	}
}

// failing is a collector that cannot collect.
type failing struct{ desc *prometheus.Desc }

func (f failing) Describe(ch chan<- *prometheus.Desc) { ch <- f.desc }
func (f failing) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.NewInvalidMetric(f.desc, errors.New("store is closed"))
}

func TestABrokenCollectorCostsOnlyItself(t *testing.T) {
	reg := NewRegistry("v1")
	reg.MustRegister(failing{prometheus.NewDesc("xunjian_broken", "Broken.", nil, nil)})
	fresh := func() checks.Check { return newMetrics(reg) }
	res := checks.RunOnce(t.Context(), fresh(), time.Now())
	if res.Verdict != checks.Unknown || !strings.Contains(findings(res), "store is closed") || len(res.Samples) < 10 {
		t.Errorf("%d samples, %s", len(res.Samples), findings(res))
	}
	checktest.Conform(t, fresh, checktest.Broken(func() checks.Check { return newMetrics(prometheus.NewRegistry()) }))
}

func TestDataRoom(t *testing.T) {
	for _, tt := range []struct {
		name  string
		room  room
		write error
		want  string
	}{
		{"plenty", room{1e12, 1e11, 1e6}, nil, ""},
		{"just enough", room{1e12, 1000, 100}, nil, ""},
		{"little", room{1e12, 999, 1e6}, nil, "attention self.data_space map[free:999 min:1000]"},
		{"nearly nothing", room{1e12, 249, 1e6}, nil, "abnormal self.data_space map[free:249 min:1000]"},
		{"few inodes", room{1e12, 1e11, 99}, nil, "attention self.data_inodes map[free:99 min:100]"},
		{"no inodes", room{1e12, 1e11, 0}, nil, "abnormal self.data_inodes map[free:0 min:100]"},
		{"without a limit of inodes", room{1e12, 1e11, -1}, nil, ""},
		{"read-only", room{1e12, 1e11, 1e6}, errors.New("read-only file system"), "abnormal self.data_write map[error:read-only file system]"},
	} {
		d := newData(Config{MinFreeBytes: 1000, MinFreeInodes: 100}, t.TempDir())
		d.measure = func(string) (room, error) { return tt.room, nil }
		d.tryToWrite = func(string) error { return tt.write }
		wantText(t, tt.name, findings(checks.RunOnce(t.Context(), d, time.Now())), tt.want)
		checktest.Conform(t, func() checks.Check { return d })
	}
}

func TestDataOfThisMachine(t *testing.T) {
	dir := t.TempDir()
	sub := filepath.Join(dir, "tsdb")
	if err := os.Mkdir(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join(dir, "a"), filepath.Join(sub, "b")} {
		if err := os.WriteFile(name, make([]byte, 1000), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	res := checks.RunOnce(t.Context(), newData(Config{}, dir), time.Now())
	got := map[string]float64{}
	for _, s := range res.Samples {
		got[s.Desc.Name] = s.Value
	}
	if got["xunjian_data_used_bytes"] != 2000 || got["xunjian_data_free_bytes"] <= 0 || got["xunjian_data_size_bytes"] < got["xunjian_data_free_bytes"] {
		t.Errorf("%v", got)
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("the probe is left behind: %v", left)
	}
	gone := newData(Config{}, filepath.Join(dir, "gone"))
	if res := checks.RunOnce(t.Context(), gone, time.Now()); res.Verdict != checks.Unknown || !strings.Contains(res.Error, "measure the room in ") {
		t.Errorf("%+v", res)
	}
	if err := tryToWrite(filepath.Join(dir, "gone")); err == nil {
		t.Error("one can write to a folder that is not there")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := folderSize(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

func TestMemory(t *testing.T) {
	for _, tt := range []struct {
		used, limit, group float64
		want               string
	}{
		{50, 100, 0, "ok self.memory map[limit:100 used:50]"},
		{80, 100, 0, "ok self.memory map[limit:100 used:80]"},
		{81, 100, 0, "attention self.memory map[limit:100 used:81]"},
		{96, 100, 0, "abnormal self.memory map[limit:100 used:96]"},
		{50, 100, 55, "attention self.memory map[limit:55 used:50]"},
		{50, 100, 1000, "ok self.memory map[limit:100 used:50]"},
		{50, 0, 1000, "ok self.memory map[limit:1000 used:50]"},
		{50, 0, 0, "not_applicable check.not_applicable map[reason:no limit of memory]"},
	} {
		m := memory{limit: tt.limit, used: func() (float64, error) { return tt.used, nil }, group: func() float64 { return tt.group }}
		wantText(t, fmt.Sprint(tt), findings(checks.RunOnce(t.Context(), checks.Func{ID: "self_memory", Look: m.look}, time.Now())), tt.want)
	}
	blind := memory{limit: 1, used: func() (float64, error) { return 0, errors.New("no /proc") }, group: func() float64 { return 0 }}
	if res := checks.RunOnce(t.Context(), checks.Func{ID: "self_memory", Look: blind.look}, time.Now()); res.Verdict != checks.Unknown {
		t.Errorf("%+v", res)
	}
	if got, err := resident(); err != nil || got < 1<<20 || got > 1<<34 {
		t.Errorf("this process uses %v bytes, %v", got, err)
	}
	if got := groupLimit(); got < 0 {
		t.Errorf("limit of the control group: %v", got)
	}
}

func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var skew time.Duration
		fresh := func() *clock {
			return newClock(Default(), func() time.Time { return time.Now().Add(skew) })
		}
		c := fresh()
		look := func(want string) {
			t.Helper()
			res := checks.RunOnce(t.Context(), c, time.Now())
			wantText(t, "findings", findings(res), want)
		}
		look("")
		for range 100 { // the clock is slewed, 500 parts in a million
			time.Sleep(15 * time.Second)
			skew += 7500 * time.Microsecond
			look("")
		}
		skew -= 8 * time.Hour
		time.Sleep(15 * time.Second)
		look("attention self.clock_back map[ago:0 by:28800]")
		time.Sleep(5 * time.Minute)
		look("attention self.clock_back map[ago:300 by:28800]")
		skew += 3 * time.Second
		look("attention self.clock_forward map[ago:0 by:3]")
		time.Sleep(10*time.Minute - time.Second)
		look("attention self.clock_forward map[ago:599 by:3]")
		time.Sleep(time.Second)
		look("")
		res := checks.RunOnce(t.Context(), c, time.Now())
		if res.Samples[0].Value != 2 || res.Samples[1].Value != 3 {
			t.Errorf("%+v", res.Samples)
		}
	})
	var skew time.Duration
	stepped := func() checks.Check {
		skew -= time.Hour
		c := newClock(Default(), func() time.Time { skew -= time.Minute; return time.Now().Add(skew) })
		return c
	}
	checktest.Conform(t, stepped)
}

func TestRuns(t *testing.T) {
	st := checks.RunnerStats{Checks: 30, Running: 2, Stuck: 3, Lost: 7}
	r := newRuns(3, Parts{Runner: func() checks.RunnerStats { return st }, Conflicts: func() int { return 4 }})
	look := func() string { return findings(checks.RunOnce(t.Context(), r, time.Now())) }
	wantText(t, "first", look(), "attention self.lost map[lost:7]")
	wantText(t, "then", look(), "")
	st.Stuck, st.Lost = 4, 9
	wantText(t, "then", look(), "attention self.stuck map[max:3 stuck:4]\nattention self.lost map[lost:2]")
	st.Lost++
	checktest.Conform(t, func() checks.Check { return newRuns(3, Parts{Runner: func() checks.RunnerStats { return st }}) })
	text := exposed(t, checks.RunOnce(t.Context(), r, time.Now()))
	for _, want := range []string{"\nxunjian_checks 30\n", "\nxunjian_checks_stuck 4\n", "\nxunjian_results_lost_total 10\n", "\nxunjian_exposition_conflicts 4\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

func exposed(t *testing.T, res checks.Result) string {
	t.Helper()
	e := checks.NewExposition()
	e.Update([]checks.Result{res})
	if e.Conflicts() > 0 {
		t.Errorf("%d samples do not fit", e.Conflicts())
	}
	rec := httptest.NewRecorder()
	e.ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	return rec.Body.String()
}

func findings(res checks.Result) string {
	var out []string
	for _, f := range res.Findings {
		out = append(out, fmt.Sprintf("%s %s %v", f.Verdict, f.Code, f.Args))
	}
	return strings.Join(out, "\n")
}

func wantText(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

// A channel that fails for a while is said, all of them failing is abnormal,
// and what cannot be told is no good news.
func TestNotices(t *testing.T) {
	st, fail := Notices{}, error(nil)
	look := &notices{func(context.Context) (Notices, error) { return st, fail }}
	for _, c := range []struct {
		name string
		st   Notices
		want string
	}{
		{"nothing configured", Notices{Channels: []Channel{{Name: "journal", Journal: true}}}, ""},
		{"all well", Notices{Channels: []Channel{{Name: "journal", Journal: true}, {Name: "mail"}}}, ""},
		{"a moment", Notices{Channels: []Channel{{Name: "mail", Failing: time.Minute}}}, ""},
		{"one of two", Notices{Channels: []Channel{{Name: "robot/duty"}, {Name: "mail", Failing: time.Hour, Error: "refused"}}}, "self.channel_failing"},
		{"all", Notices{Channels: []Channel{{Name: "journal", Journal: true}, {Name: "mail", Failing: time.Hour}}}, "self.channel_failing self.nobody_hears"},
		{"given up", Notices{GivenUp: 3}, "self.given_up"},
	} {
		st = c.st
		out := checks.NewOutput(0)
		if err := look.Run(t.Context(), out); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range out.Findings() {
			got = append(got, f.Code)
		}
		wantText(t, c.name, strings.Join(got, " "), c.want)
	}
	fail = errors.New("disk I/O error")
	if err := look.Run(t.Context(), checks.NewOutput(0)); err == nil {
		t.Error("nobody knows, and nothing is said")
	}
}
