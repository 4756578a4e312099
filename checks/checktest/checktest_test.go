package checktest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"xunjian/checks"
	"xunjian/checks/checktest"
)

var (
	descGood  = checks.NewDesc("xunjian_probe_seconds", checks.Gauge, "How long the probe took.", "n")
	descOther = checks.NewDesc("node_context_switches", checks.Counter, "Somebody else's name.")
	descLint  = checks.NewDesc("xunjian_probe_milliseconds", checks.Counter, "In the wrong unit, without _total.")
	descMute  = checks.NewDesc("xunjian_mute", checks.Gauge, "")
)

var words = fstest.MapFS{
	"messages/probe.en.yaml": {Data: []byte(`
probe.fine: "all fine"
probe.slow: "took {{dur .took}}"
probe.half: "only in English"
probe.word: "says {{.word}}"
check.failed: "could not look: {{.error}}"
`)},
	"messages/probe.zh-CN.yaml": {Data: []byte(`
probe.fine: "一切正常"
probe.slow: "用时 {{dur .took}}"
probe.word: "报告 {{.word}}"
check.failed: "无法检查：{{.error}}"
`)},
}

// probe returns a constructor of a check that does what look says.
func probe(look func(ctx context.Context, out *checks.Output) error) func() checks.Check {
	return func() checks.Check { return checks.Func{ID: "probe", Look: look} }
}

func say(code string, v checks.Verdict, args map[string]any) func() checks.Check {
	return probe(func(_ context.Context, out *checks.Output) error {
		out.Find(checks.Finding{Code: code, Verdict: v, Args: args})
		return nil
	})
}

func TestAGoodCheckConforms(t *testing.T) {
	good := probe(func(ctx context.Context, out *checks.Output) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		out.Set(descGood, 1, "a")
		out.Set(descOther, 1)
		out.Find(checks.Finding{Code: "probe.slow", Verdict: checks.Attention, Args: map[string]any{"took": 1.5}})
		return nil
	})
	blind := probe(func(context.Context, *checks.Output) error { return errors.New("no") })
	checktest.Conform(t, good, checktest.Messages(words), checktest.Broken(blind), checktest.Soon(time.Second))
}

// TestFaultsAreFound has a bad check for each point of the contract.
func TestFaultsAreFound(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	runs := 0
	names := 0
	for _, tt := range []struct {
		name  string
		fresh func() checks.Check
		opts  []checktest.Option
		want  string
	}{
		{name: "bad name", fresh: func() checks.Check {
			return checks.Func{ID: "Probe", Look: func(_ context.Context, out *checks.Output) error { out.Set(descGood, 1, "a"); return nil }}
		}, want: `Probe: check name "Probe": want lower-case words`},
		{name: "changing name", fresh: func() checks.Check {
			names++
			return checks.Func{ID: strings.Repeat("x", names), Look: func(_ context.Context, out *checks.Output) error { out.Set(descGood, 1, "a"); return nil }}
		}, want: "x: another one made the same way is named xx"},
		{name: "bad rhythm", fresh: func() checks.Check {
			return checks.Func{ID: "probe", Every: checks.Schedule{Interval: time.Millisecond}, Look: func(_ context.Context, out *checks.Output) error { out.Set(descGood, 1, "a"); return nil }}
		}, want: "probe: its schedule: interval: 1ms is out of range, 1s to 24h0m0s"},
		{name: "panic", fresh: probe(func(context.Context, *checks.Output) error { panic("ouch") }), want: "probe: panics: ouch"},
		{name: "panic without labels", fresh: probe(func(_ context.Context, out *checks.Output) error { out.Set(descGood, 1); return nil }),
			want: "probe: panics: checks: xunjian_probe_seconds: number of label values differs from its labels n"},
		{name: "silence", fresh: probe(func(context.Context, *checks.Output) error { return nil }),
			want: "probe: yields neither samples nor findings: that would count as ok"},
		{name: "flood", fresh: probe(func(_ context.Context, out *checks.Output) error {
			for range checks.DefaultSeriesLimit + 5 {
				out.Set(descGood, 1, "a")
			}
			return nil
		}), want: "probe: yields 5 series or findings over its limit of 2000 series"},
		{name: "second run", fresh: probe(func(_ context.Context, out *checks.Output) error {
			if runs++; runs > 1 {
				return errors.New("busy")
			}
			out.Set(descGood, 1, "a")
			return nil
		}), want: "probe: the second run fails: busy"},
		{name: "new Descs", fresh: probe(func(_ context.Context, out *checks.Output) error {
			out.Set(checks.NewDesc("node_x", checks.Gauge, "X."), 1)
			return nil
		}), want: "probe: makes a new Desc of node_x in each run; Descs are compared by pointer"},
		{name: "deaf", fresh: probe(func(_ context.Context, out *checks.Output) error {
			time.Sleep(120 * time.Millisecond)
			out.Set(descGood, 1, "a")
			return nil
		}), opts: []checktest.Option{checktest.Soon(50 * time.Millisecond)}, want: "after its context has ended, at most 50ms"},
		{name: "late panic", fresh: probe(func(ctx context.Context, out *checks.Output) error {
			if ctx.Err() != nil {
				panic("too late")
			}
			out.Set(descGood, 1, "a")
			return nil
		}), want: "probe: panics when its context has ended: too late"},
		{name: "leak", fresh: probe(func(_ context.Context, out *checks.Output) error {
			go func() { <-release }()
			out.Set(descGood, 1, "a")
			return nil
		}), want: "probe: leaves goroutines behind"},
		{name: "no help", fresh: probe(func(_ context.Context, out *checks.Output) error { out.Set(descMute, 1); return nil }),
			want: "probe: xunjian_mute has no help text"},
		{name: "twice", fresh: probe(func(_ context.Context, out *checks.Output) error {
			out.Set(descGood, 1, "a")
			out.Set(descGood, 2, "a")
			return nil
		}), want: "probe: 1 of its samples do not fit together"},
		{name: "lint", fresh: probe(func(_ context.Context, out *checks.Output) error { out.Set(descLint, 1); return nil }),
			want: `probe: xunjian_probe_milliseconds: counter metrics should have "_total" suffix`},
		{name: "no text", fresh: say("probe.nosuch", checks.OK, nil), want: "probe: finding probe.nosuch has no text in zh-CN"},
		{name: "half a text", fresh: say("probe.half", checks.OK, nil), want: "probe: finding probe.half has no text in zh-CN"},
		{name: "argument missing", fresh: say("probe.word", checks.OK, nil), want: `probe: finding probe.word in en lacks an argument: "says <no value>"`},
		{name: "figure missing", fresh: say("probe.slow", checks.OK, nil), want: "an argument is missing"},
		{name: "word for a figure", fresh: say("probe.slow", checks.OK, map[string]any{"took": "long"}), want: "long is a string, not a number"},
		{name: "argument of another type", fresh: say("probe.fine", checks.OK, map[string]any{"n": int64(1)}),
			want: "probe: finding probe.fine: argument n is a int64; want float64, int or string"},
		{name: "blind and ok", fresh: say("probe.fine", checks.OK, nil), opts: []checktest.Option{checktest.Broken(say("probe.fine", checks.OK, nil))},
			want: "probe: comes to ok when it cannot look, not to unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			faults := checktest.Faults(t.Context(), tt.fresh, append(tt.opts, checktest.Messages(words))...)
			if all := strings.Join(faults, "\n"); !strings.Contains(all, tt.want) {
				t.Errorf("the faults found do not say %q:\n%s", tt.want, all)
			}
		})
	}
}

// TestAHungCheckIsFound waits for the deadline of a check of its own rhythm.
func TestAHungCheckIsFound(t *testing.T) {
	hung := func() checks.Check {
		return checks.Func{ID: "hung", Every: checks.Schedule{Interval: time.Second, Timeout: 100 * time.Millisecond},
			Look: func(context.Context, *checks.Output) error {
				time.Sleep(130 * time.Millisecond)
				return nil
			}}
	}
	all := strings.Join(checktest.Faults(t.Context(), hung), "\n")
	if !strings.Contains(all, "hung: check.hung: no answer within 100ms") {
		t.Errorf("faults:\n%s", all)
	}
}

func TestTexts(t *testing.T) {
	checktest.Texts(t, checks.Messages)
}
