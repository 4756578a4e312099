package checks_test

import (
	"testing"
	"time"

	"xunjian/checks"
)

func TestDescribe(t *testing.T) {
	in := []checks.Result{
		{
			Check: "filesystem", Time: day, Duration: 1500 * time.Millisecond, Verdict: checks.Abnormal,
			LastSuccess: day, DroppedTotal: 7,
			Samples: []checks.Sample{{Desc: descProbe, Values: []string{"x"}, Value: 5}},
			Findings: []checks.Finding{
				{Subject: "/", Code: "filesystem.space", Verdict: checks.Attention},
				{Subject: "/data", Code: "filesystem.hung", Verdict: checks.Unknown},
				{Subject: "/", Code: "filesystem.space", Verdict: checks.Abnormal},
				{Subject: "/data", Code: "filesystem.hung", Verdict: checks.Attention},
			},
		},
		{
			Check: "hung", Time: day.Add(time.Hour), Verdict: checks.Unknown, Error: "no answer within 10s",
			Duration: 10 * time.Second, LastSuccess: day.Add(30 * time.Minute),
			Findings: []checks.Finding{{Code: "check.hung", Verdict: checks.Unknown}},
		},
		{
			Check: "raid", Verdict: checks.NotApplicable, LastSuccess: day,
			Findings: []checks.Finding{{Code: "check.not_applicable", Verdict: checks.NotApplicable}},
		},
		{Check: "never", Verdict: checks.Unknown, Error: "no"},
		{Check: "gone", Retired: true, Verdict: checks.NotApplicable},
	}
	out := checks.Describe(in)
	if len(in[0].Samples) != 1 || len(out[4].Samples) != 0 || len(out) != 5 {
		t.Errorf("what was given was changed, or a retired check described")
	}
	e := checks.NewExposition()
	e.Update(out)
	wantText(t, "page", page(t, e), `# HELP probe_value What the probe says.
# TYPE probe_value gauge
probe_value{n="x"} 5
# HELP xunjian_check_duration_seconds How long the last run of the check took; for a hung one, how long it has been waited for.
# TYPE xunjian_check_duration_seconds gauge
xunjian_check_duration_seconds{check="filesystem"} 1.5
xunjian_check_duration_seconds{check="hung"} 10
xunjian_check_duration_seconds{check="never"} 0
xunjian_check_duration_seconds{check="raid"} 0
# HELP xunjian_check_last_success_timestamp_seconds When the last run of the check was due that could look.
# TYPE xunjian_check_last_success_timestamp_seconds gauge
xunjian_check_last_success_timestamp_seconds{check="filesystem"} 1777593600
xunjian_check_last_success_timestamp_seconds{check="hung"} 1777595400
xunjian_check_last_success_timestamp_seconds{check="raid"} 1777593600
# HELP xunjian_check_series How many series the last run of the check measured.
# TYPE xunjian_check_series gauge
xunjian_check_series{check="filesystem"} 1
xunjian_check_series{check="hung"} 0
xunjian_check_series{check="never"} 0
xunjian_check_series{check="raid"} 0
# HELP xunjian_check_series_dropped_total How many series and findings of the check were dropped because they were over its limit.
# TYPE xunjian_check_series_dropped_total counter
xunjian_check_series_dropped_total{check="filesystem"} 7
xunjian_check_series_dropped_total{check="hung"} 0
xunjian_check_series_dropped_total{check="never"} 0
xunjian_check_series_dropped_total{check="raid"} 0
# HELP xunjian_check_success Whether the last run of the check could look, whatever it saw.
# TYPE xunjian_check_success gauge
xunjian_check_success{check="filesystem"} 1
xunjian_check_success{check="hung"} 0
xunjian_check_success{check="never"} 0
xunjian_check_success{check="raid"} 1
# HELP xunjian_check_verdict What the check came to: 0 ok, 1 attention, 2 abnormal, 3 unknown.
# TYPE xunjian_check_verdict gauge
xunjian_check_verdict{check="filesystem"} 2
xunjian_check_verdict{check="hung"} 3
xunjian_check_verdict{check="never"} 3
xunjian_check_verdict{check="raid"} 0
# HELP xunjian_finding_verdict What a finding of the check comes to: 0 ok, 1 attention, 2 abnormal, 3 unknown.
# TYPE xunjian_finding_verdict gauge
xunjian_finding_verdict{check="filesystem",code="filesystem.space",subject="/"} 2
xunjian_finding_verdict{check="filesystem",code="filesystem.hung",subject="/data"} 3
xunjian_finding_verdict{check="hung",code="check.hung",subject=""} 3
`)
	lint(t, page(t, e))
}
