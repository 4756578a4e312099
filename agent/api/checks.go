package api

import (
	"cmp"
	"slices"

	"xunjian/alerting/text"
	"xunjian/checks"
	"xunjian/rules"
)

// CheckList is every check with its latest verdict.
type CheckList struct {
	// Worst is the worst verdict of all.
	Worst  string         `json:"worst"`
	Counts map[string]int `json:"counts"` // checks by verdict
	Checks []Check        `json:"checks"`
}

// Check is one check as it stands.
type Check struct {
	Name string `json:"name"`
	// Verdict is the worse of what the check found and of its alerts.
	Verdict string `json:"verdict"`
	// Found is what the check found itself.
	Found string `json:"found"`
	// FoundSince is when it began to find that.
	FoundSince      Moment    `json:"found_since,omitzero"`
	Time            Moment    `json:"time"`
	DurationSeconds float64   `json:"duration_seconds"`
	IntervalSeconds float64   `json:"interval_seconds,omitempty"`
	TimeoutSeconds  float64   `json:"timeout_seconds,omitempty"`
	Error           string    `json:"error,omitempty"`
	Findings        []Finding `json:"findings"`
	// Dropped counts what was over the limits.
	Dropped int     `json:"dropped"`
	Alerts  []Alert `json:"alerts"`
}

// Finding is what a check has to say of one subject.
type Finding struct {
	Subject  string         `json:"subject"`
	Code     string         `json:"code"`
	Verdict  string         `json:"verdict"`
	Text     string         `json:"text"`
	Args     map[string]any `json:"args"`
	Evidence string         `json:"evidence,omitempty"`
}

// CheckDetail is a check with what it said before.
type CheckDetail struct {
	Check
	History []CheckRun `json:"history"` // newest first
}

// CheckRun is one run of a check.
type CheckRun struct {
	Time            Moment    `json:"time"`
	DurationSeconds float64   `json:"duration_seconds"`
	Verdict         string    `json:"verdict"`
	Error           string    `json:"error,omitempty"`
	Findings        []Finding `json:"findings"`
	Dropped         int       `json:"dropped"`
}

func (s *server) listChecks(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	return s.checkList(c), nil
}

func (s *server) checkList(c *call) CheckList {
	results, alerts := s.Checks.Latest(), s.Rules.Alerts()
	verdicts := s.Verdicts(results, alerts)
	byCheck := c.alertsByCheck(alerts, s.incidentsByAlert())
	list := make([]Check, 0, len(results))
	for _, r := range results {
		list = append(list, s.check(c, r, verdicts[r.Check], byCheck[r.Check]))
	}
	return summed(list)
}

// summed sorts checks by name and counts them by verdict.
func summed(list []Check) CheckList {
	slices.SortFunc(list, func(a, b Check) int { return cmp.Compare(a.Name, b.Name) })
	out := CheckList{Checks: list, Counts: map[string]int{}}
	worst := checks.NotApplicable
	for _, k := range list {
		out.Counts[k.Verdict]++
		v := checks.Unknown
		if err := v.UnmarshalText([]byte(k.Verdict)); err == nil && v.Worse(worst) {
			worst = v
		}
	}
	out.Worst = worst.String()
	return out
}

// alertsByCheck finds the alerts that stand on the series of each check; those
// that stand on none are under the empty name.
func (c *call) alertsByCheck(alerts []rules.Alert, incidents map[string]string) map[string][]Alert {
	out := map[string][]Alert{}
	for _, a := range alerts {
		for _, source := range a.Sources {
			out[source] = append(out[source], c.alert(a, incidents[a.Key]))
		}
		if len(a.Sources) == 0 {
			out[""] = append(out[""], c.alert(a, incidents[a.Key]))
		}
	}
	return out
}

func (s *server) check(c *call, r checks.Result, v checks.Verdict, alerts []Alert) Check {
	k := c.check(r, v, alerts)
	if rhythm, ok := s.Runner.Schedule(r.Check); ok {
		k.IntervalSeconds, k.TimeoutSeconds = rhythm.Interval.Seconds(), rhythm.Timeout.Seconds()
	}
	k.FoundSince = c.moment(s.Checks.Since(r.Check))
	return k
}

func (c *call) check(r checks.Result, v checks.Verdict, alerts []Alert) Check {
	if alerts == nil {
		alerts = []Alert{}
	}
	return Check{
		Name: r.Check, Verdict: v.String(), Found: r.Verdict.String(),
		Time: c.moment(r.Time), DurationSeconds: r.Duration.Seconds(),
		Error: r.Error, Findings: findings(c.say, r.Findings), Dropped: r.Dropped, Alerts: alerts,
	}
}

// findings says findings, those that need a person first.
func findings(say *text.Printer, list []checks.Finding) []Finding {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b checks.Finding) int {
		switch {
		case a.Verdict.Worse(b.Verdict):
			return -1
		case b.Verdict.Worse(a.Verdict):
			return 1
		}
		return 0
	})
	out := make([]Finding, 0, len(list))
	for _, f := range list {
		args := f.Args
		if args == nil {
			args = map[string]any{}
		}
		out = append(out, Finding{
			Subject: f.Subject, Code: f.Code, Verdict: f.Verdict.String(),
			Text: say.T(f.Code, f.Args), Args: finite(args), Evidence: f.Evidence,
		})
	}
	return out
}

func (s *server) showCheck(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	name := c.PathValue("name")
	runs := s.Checks.Of(name)
	if len(runs) == 0 {
		return nil, checks.ErrUnknownCheck
	}
	alerts := s.Rules.Alerts()
	verdicts := s.Verdicts(runs[:1], alerts)
	out := CheckDetail{
		Check:   s.check(c, runs[0], verdicts[name], c.alertsByCheck(alerts, s.incidentsByAlert())[name]),
		History: make([]CheckRun, 0, len(runs)),
	}
	for _, r := range runs {
		out.History = append(out.History, c.run(r))
	}
	return out, nil
}

func (c *call) run(r checks.Result) CheckRun {
	return CheckRun{
		Time: c.moment(r.Time), DurationSeconds: r.Duration.Seconds(), Verdict: r.Verdict.String(),
		Error: r.Error, Findings: findings(c.say, r.Findings), Dropped: r.Dropped,
	}
}

func (s *server) runCheck(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	r, err := s.Runner.RunNow(c.Context(), c.PathValue("name"))
	if err != nil {
		return nil, err
	}
	return c.run(r), nil
}
