package checks_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunjian/checks"
)

// TestRunOnce holds what comes of a run, whatever the check does.
func TestRunOnce(t *testing.T) {
	due := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
	sight := func(out *checks.Output, v checks.Verdict) {
		out.Set(descProbe, 1, "x")
		out.Find(checks.Finding{Code: "probe.sight", Verdict: v})
	}
	samples := []checks.Sample{{Desc: descProbe, Values: []string{"x"}, Value: 1}}
	finding := func(v checks.Verdict) checks.Finding { return checks.Finding{Code: "probe.sight", Verdict: v} }
	for _, tt := range []struct {
		name string
		look func(context.Context, *checks.Output) error
		want checks.Result
	}{
		{"sees nothing", func(context.Context, *checks.Output) error { return nil }, checks.Result{
			Verdict: checks.OK, LastSuccess: due,
		}},
		{"sees something bad", func(_ context.Context, out *checks.Output) error { sight(out, checks.Abnormal); return nil }, checks.Result{
			Verdict: checks.Abnormal, LastSuccess: due, Samples: samples, Findings: []checks.Finding{finding(checks.Abnormal)},
		}},
		{"cannot tell of one thing", func(_ context.Context, out *checks.Output) error { sight(out, checks.Unknown); return nil }, checks.Result{
			Verdict: checks.Unknown, LastSuccess: due, Samples: samples, Findings: []checks.Finding{finding(checks.Unknown)},
		}},
		{"cannot look", func(_ context.Context, out *checks.Output) error {
			sight(out, checks.OK)
			return errors.New("open /x: no")
		}, checks.Result{
			Verdict: checks.Unknown, Error: "open /x: no", Findings: []checks.Finding{finding(checks.OK),
				{Code: "check.failed", Verdict: checks.Unknown, Args: map[string]any{"error": "open /x: no"}}},
		}},
		{"cannot look, and said so", func(_ context.Context, out *checks.Output) error {
			sight(out, checks.Unknown)
			return errors.New("open /x: no")
		}, checks.Result{
			Verdict: checks.Unknown, Error: "open /x: no", Findings: []checks.Finding{finding(checks.Unknown)},
		}},
		{"a known fault outweighs a blind spot", func(_ context.Context, out *checks.Output) error {
			sight(out, checks.Abnormal)
			return errors.New("lost\x00")
		}, checks.Result{
			Verdict: checks.Abnormal, Error: "lost\uFFFD", Findings: []checks.Finding{finding(checks.Abnormal),
				{Code: "check.failed", Verdict: checks.Unknown, Args: map[string]any{"error": "lost\uFFFD"}}},
		}},
		{"nothing of the kind", func(_ context.Context, out *checks.Output) error {
			sight(out, checks.OK)
			return fmt.Errorf("%w: no /proc/mdstat", checks.ErrNotApplicable)
		}, checks.Result{
			Verdict: checks.NotApplicable, LastSuccess: due, Findings: []checks.Finding{
				{Code: "check.not_applicable", Verdict: checks.NotApplicable, Args: map[string]any{"reason": "no /proc/mdstat"}}},
		}},
		{"nothing of the kind, without a reason", func(context.Context, *checks.Output) error { return checks.ErrNotApplicable }, checks.Result{
			Verdict: checks.NotApplicable, LastSuccess: due, Findings: []checks.Finding{
				{Code: "check.not_applicable", Verdict: checks.NotApplicable, Args: map[string]any{"reason": ""}}},
		}},
		{"takes too long", func(ctx context.Context, _ *checks.Output) error { <-ctx.Done(); return ctx.Err() }, checks.Result{
			Verdict: checks.Unknown, Error: "context deadline exceeded", Duration: 9750 * time.Millisecond, Findings: []checks.Finding{
				{Code: "check.timeout", Verdict: checks.Unknown, Args: map[string]any{"timeout": 10.0}}},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.want.Check, tt.want.Time, tt.want.Every = "probe", due, 15*time.Second
				got := checks.RunOnce(t.Context(), checks.Func{ID: "probe", Look: tt.look}, due)
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
			})
		})
	}
}

func TestRunOnceAbandonsAHungCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		c := checks.Func{ID: "hung", Every: checks.Schedule{Interval: 3 * time.Second}, Look: func(context.Context, *checks.Output) error {
			<-release
			return nil
		}}
		got := checks.RunOnce(t.Context(), c, time.Now())
		if got.Verdict != checks.Unknown || got.Findings[0].Code != "check.hung" || got.Duration != 2*time.Second || got.Success() {
			t.Errorf("%+v", got)
		}
		close(release)
	})
}

func TestRunOnceSurvivesAPanic(t *testing.T) {
	got := checks.RunOnce(t.Context(), checks.Func{ID: "broken", Look: func(context.Context, *checks.Output) error {
		var list []int
		_ = list[len(list)]
		return nil
	}}, time.Now())
	f := got.Findings[0]
	if got.Verdict != checks.Unknown || f.Code != "check.panic" || f.Args["error"] != "runtime error: index out of range [0] with length 0" || f.Evidence == "" {
		t.Errorf("%+v", got)
	}
}
