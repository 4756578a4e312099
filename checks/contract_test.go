package checks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"xunjian/checks"
)

var verdicts = []checks.Verdict{checks.Unknown, checks.NotApplicable, checks.OK, checks.Attention, checks.Abnormal}

func TestVerdictsHaveWordsCodesAndAnOrder(t *testing.T) {
	var zero checks.Verdict
	if zero != checks.Unknown {
		t.Error("what nobody judged is not Unknown")
	}
	for i, want := range []struct {
		word string
		code int
	}{{"unknown", 3}, {"not_applicable", 0}, {"ok", 0}, {"attention", 1}, {"abnormal", 2}} {
		v := verdicts[i]
		if v.String() != want.word || v.Code() != want.code {
			t.Errorf("%d: %s, code %d; want %+v", i, v, v.Code(), want)
		}
		b, err := json.Marshal(v)
		if err != nil || string(b) != `"`+want.word+`"` {
			t.Errorf("JSON of %s: %s, %v", v, b, err)
		}
		var back checks.Verdict
		if err := json.Unmarshal(b, &back); err != nil || back != v {
			t.Errorf("%s comes back as %s, %v", v, back, err)
		}
	}
	rising := []checks.Verdict{checks.NotApplicable, checks.OK, checks.Attention, checks.Unknown, checks.Abnormal}
	for i, v := range rising {
		for j, w := range rising {
			if v.Worse(w) != (i > j) {
				t.Errorf("%s.Worse(%s) = %v", v, w, v.Worse(w))
			}
		}
	}
	if got := checks.Verdict(9); got.String() != "verdict(9)" || got.Code() != 3 {
		t.Errorf("a verdict that is none: %s, code %d", got, got.Code())
	}
	var v checks.Verdict
	err := v.UnmarshalText([]byte("fine"))
	if err == nil || err.Error() != `verdict "fine" is not one of ok, attention, abnormal, unknown, not_applicable` {
		t.Errorf("an unknown word: %v", err)
	}
}

func TestJudgeTakesTheWorst(t *testing.T) {
	find := func(vs ...checks.Verdict) (out []checks.Finding) {
		for _, v := range vs {
			out = append(out, checks.Finding{Verdict: v})
		}
		return out
	}
	for _, tt := range []struct {
		in   []checks.Finding
		want checks.Verdict
	}{
		{nil, checks.OK},
		{find(checks.NotApplicable), checks.OK},
		{find(checks.OK, checks.Attention), checks.Attention},
		{find(checks.Attention, checks.Unknown, checks.OK), checks.Unknown},
		{find(checks.Unknown, checks.Abnormal), checks.Abnormal},
	} {
		if got := checks.Judge(tt.in); got != tt.want {
			t.Errorf("Judge(%v) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestKinds(t *testing.T) {
	var words []string
	for k := checks.Untyped; k <= checks.Summary; k++ {
		words = append(words, k.String())
	}
	wantText(t, "kinds", strings.Join(words, " "), "untyped gauge counter histogram summary")
	d := checks.NewDesc("x_total", checks.Counter, "Help.", "a", "b")
	if diff := cmp.Diff(&checks.Desc{Name: "x_total", Help: "Help.", Kind: checks.Counter, Labels: []string{"a", "b"}}, d); diff != "" {
		t.Error(diff)
	}
}

func TestFuncIsACheck(t *testing.T) {
	f := checks.Func{ID: "f", Every: checks.Schedule{Interval: time.Minute}, Look: func(context.Context, *checks.Output) error { return errors.New("seen") }}
	var c checks.Scheduled = f
	if c.Name() != "f" || c.Schedule().Interval != time.Minute || c.Run(t.Context(), nil).Error() != "seen" {
		t.Errorf("%+v", f)
	}
}

func TestOutputKeepsToItsLimits(t *testing.T) {
	out := checks.NewOutput(2)
	for n := range 5 {
		out.Set(descProbe, float64(n), "x")
	}
	for n := range 600 {
		out.Find(checks.Finding{Code: "c", Subject: fmt.Sprint(n)})
	}
	if len(out.Samples()) != 2 || len(out.Findings()) != 500 || out.Dropped() != 3+100 {
		t.Errorf("%d samples, %d findings, %d dropped", len(out.Samples()), len(out.Findings()), out.Dropped())
	}
	unlimited := checks.NewOutput(0)
	for range checks.DefaultSeriesLimit + 1 {
		unlimited.Set(descProbe, 0, "x")
	}
	if len(unlimited.Samples()) != checks.DefaultSeriesLimit {
		t.Errorf("%d samples without a limit", len(unlimited.Samples()))
	}
}

func TestOutputRefusesAnotherNumberOfLabels(t *testing.T) {
	defer func() {
		if got := fmt.Sprint(recover()); got != "checks: probe_value: number of label values differs from its labels n" {
			t.Errorf("recovered %q", got)
		}
	}()
	checks.NewOutput(0).Set(descProbe, 1)
}

func TestOutputMakesTextSafe(t *testing.T) {
	out := checks.NewOutput(0)
	values := []string{"a\x00b"}
	out.Set(descProbe, 1, values...)
	args := map[string]any{"text": "x\x1b[31m", "n": 3}
	out.Find(checks.Finding{Code: "c", Subject: "\xff", Args: args, Evidence: strings.Repeat("证", checks.MaxEvidence)})
	if got := out.Samples()[0].Values[0]; got != "a\uFFFDb" {
		t.Errorf("label value %q", got)
	}
	f := out.Findings()[0]
	if f.Subject != "\uFFFD" || f.Args["text"] != "x\uFFFD[31m" || f.Args["n"] != 3 {
		t.Errorf("%+v", f)
	}
	if len(f.Evidence) > checks.MaxEvidence || !utf8.ValidString(f.Evidence) || len(f.Evidence) < checks.MaxEvidence-2 {
		t.Errorf("%d bytes of evidence", len(f.Evidence))
	}
	if values[0] != "a\x00b" || args["text"] != "x\x1b[31m" {
		t.Error("what the caller gave was changed")
	}
}

func TestSafeText(t *testing.T) {
	for in, want := range map[string]string{
		"plain":             "plain",
		"中文，好":              "中文，好",
		"tab\tline\n":       "tab\tline\n",
		"bell\a":            "bell\uFFFD",
		"c1\u0085":          "c1\uFFFD",
		"evil\u202Etxt.exe": "evil\uFFFDtxt.exe",
		"iso\u2066late":     "iso\uFFFDlate",
		"half\xe4\xb8":      "half\uFFFD",
	} {
		if got := checks.SafeText(in, 100); got != want {
			t.Errorf("SafeText(%q) = %q, want %q", in, got, want)
		}
	}
	for limit, want := range map[int]string{0: "", 1: "", 3: "中", 5: "中", 6: "中文"} {
		if got := checks.SafeText("中文", limit); got != want {
			t.Errorf("SafeText of 6 bytes cut to %d = %q, want %q", limit, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		in := string(rapid.SliceOf(rapid.Byte()).Draw(t, "in"))
		limit := rapid.IntRange(0, 40).Draw(t, "limit")
		got := checks.SafeText(in, limit)
		if len(got) > limit || !utf8.ValidString(got) {
			t.Fatalf("SafeText(%q, %d) = %q", in, limit, got)
		}
		if checks.SafeText(got, limit) != got {
			t.Fatalf("SafeText(%q) is not safe: %q", in, got)
		}
	})
}

func TestResultsAsJSON(t *testing.T) {
	res := checks.Result{
		Check: "disk", Time: time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC), Duration: time.Second,
		Verdict: checks.Attention, Every: 30 * time.Second,
		Findings: []checks.Finding{{Subject: "/", Code: "disk.full", Args: map[string]any{"used": 0.9}, Verdict: checks.Attention}},
		Samples:  []checks.Sample{{Desc: descProbe, Values: []string{"x"}}},
	}
	b, err := json.Marshal(res)
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, "JSON", string(b), `{"check":"disk","time":"2026-05-01T08:00:00Z","duration":1000000000,"verdict":"attention",`+
		`"findings":[{"subject":"/","code":"disk.full","args":{"used":0.9},"verdict":"attention"}],"every":30000000000}`)
}

func TestNames(t *testing.T) {
	for _, good := range []string{"a", "cpu", "time_sync", "e2e", "postgres/main", "plugin/Check_Disk-1.2", "log/7"} {
		if err := checks.ValidateName(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "CPU", "_a", "a_", "a__b", "a b", "a/", "a/b/c", "a/中", "a/../b", "1a", "a\n", "a/" + strings.Repeat("x", 100)} {
		if checks.ValidateName(bad) == nil {
			t.Errorf("%q is taken for the name of a check", bad)
		}
	}
}

func TestSchedules(t *testing.T) {
	for in, want := range map[checks.Schedule]string{
		{}: "",
		{Interval: time.Second, Timeout: 500 * time.Millisecond}: "",
		{Timeout: 20 * time.Second}:                              "",
		{Interval: time.Millisecond}:                             "interval: 1ms is out of range, 1s to 24h0m0s",
		{Interval: 48 * time.Hour}:                               "interval: 48h0m0s is out of range, 1s to 24h0m0s",
		{Timeout: -1}:                                            "timeout: -1ns is too short, at least 100ms",
		{Interval: 5 * time.Second, Timeout: 5 * time.Second}:    "timeout: 5s is not shorter than the interval of 5s",
		{SeriesLimit: -1}:                                        "series_limit: -1 is out of range, 1 to 1000000; 0 takes the default",
	} {
		got := ""
		if err := in.Validate(); err != nil {
			got = err.Error()
		}
		wantText(t, fmt.Sprint(in), got, want)
	}
}
