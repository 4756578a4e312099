package incident

import (
	"slices"
	"time"

	"xunjian/alerting/plan"
)

// acknowledge takes an incident in hand until it lapses. Somebody else's hands
// are respected; one's own may say again what is being done.
func (i Incident) acknowledge(c Acknowledge, env Env) ([]Data, error) {
	if i.State == Acked && (i.AckedBy != env.Actor.Name || !i.Renewable(env.Now)) {
		return nil, refuse("already_acknowledged", "by", i.AckedBy)
	}
	d := Acknowledged{Note: c.Note}
	if lapse := env.Plan.Response.Lapse[i.Level]; lapse > 0 {
		d.Until = env.Now.Add(lapse)
	}
	return one(d, Need("note", c.Note))
}

// Renewable reports whether half of an acknowledgement has passed: before, a
// second one is a double click.
func (i Incident) Renewable(now time.Time) bool {
	return !i.AckUntil.IsZero() && now.Sub(i.AckedAt) >= i.AckUntil.Sub(i.AckedAt)/2
}

// triage gives the preliminary code and scenario (Art. 8).
func (i Incident) triage(c Triage, env Env) ([]Data, error) {
	d := Triaged(c)
	if d.Code == "" && d.Scenario == "" {
		d.Code, d.Scenario = i.Code, i.Scenario
	}
	sc, err := scenario(env.Plan, d.Code, d.Scenario)
	if err != nil {
		return nil, err
	}
	d.Code, d.Scenario = sc.Code, sc.ID
	if d.Cause == "" && d.Scenario == i.Scenario {
		d.Cause = i.Cause
	}
	return one(d, fits("note", c.Note), fits("cause", c.Cause))
}

// scenario finds the playbook of a code, a scenario, or both. The situations
// of Art. 15 have no code.
func scenario(p *plan.Plan, code, id string) (plan.Scenario, error) {
	if id == "" {
		sc, ok := p.ScenarioFor(code)
		if code == "" || !ok {
			return plan.Scenario{}, refuse("unknown_code", "code", code)
		}
		return sc, nil
	}
	sc, ok := p.Scenario(id)
	if !ok || code != "" && sc.Code != code {
		return plan.Scenario{}, refuse("unknown_scenario", "scenario", id, "code", code)
	}
	return sc, nil
}

// estimate notes when the system is likely to be back. The level follows at
// once if that makes it graver (Art. 4); it is lowered by people alone.
func (i Incident) estimate(c SetEstimate, env Env) ([]Data, error) {
	if !c.Restored.After(i.OutageSince) {
		return nil, refuse("estimate_before_outage")
	}
	if c.Restored.Sub(env.Now) > maxEstimate {
		return nil, refuse("estimate_too_far", "days", int(maxEstimate.Hours()/24))
	}
	if err := fits("note", c.Note); err != nil {
		return nil, err
	}
	t := turn{i: i, env: env}
	t.add(Estimated{Restored: c.Restored.UTC().Truncate(time.Millisecond), Note: c.Note})
	t.level(ReasonEstimate)
	return t.out, nil
}

// maxEstimate bounds an estimate: what is farther away is a slip of the pen.
const maxEstimate = 90 * 24 * time.Hour

func (i Incident) setLevel(c SetLevel, env Env) ([]Data, error) {
	if !c.Level.Valid() {
		return nil, refuse("unknown_level", "level", string(c.Level))
	}
	if err := Need("reason", c.Reason); err != nil {
		return nil, err
	}
	if i.Decided && !c.Decided {
		return nil, refuse("level_decided")
	}
	if c.Level == i.Level && c.Decided == i.Decided {
		return nil, nil
	}
	clock := i.byTable(env.Plan, env.Now)
	return []Data{LevelChanged{From: i.Level, To: c.Level, Clock: clock, Reason: c.Reason, Decided: c.Decided}}, nil
}

// likely is the outage that the level follows: the larger of the time lost so
// far and the time it is estimated to take in all (Art. 4).
func (i Incident) likely(now time.Time) time.Duration {
	lost := i.Outage(now)
	if i.Estimate.IsZero() {
		return lost
	}
	return max(lost, i.Estimate.Sub(i.OutageSince))
}

// byTable is the level that the table of Art. 4 gives.
func (i Incident) byTable(p *plan.Plan, now time.Time) plan.Level {
	sc, _ := p.Scenario(i.Scenario)
	return p.LevelOf(sc, i.SystemKind, i.likely(now))
}

// handleWarning decides the commands of people who look after a warning.
func (i Incident) handleWarning(cmd Command, env Env) ([]Data, error) {
	switch c := cmd.(type) {
	case Assign:
		return one(Assigned(c), Need("to", c.To), fits("note", c.Note))
	case Analyse:
		return one(Analysed{Text: c.Text, Watched: c.Watch}, Need("text", c.Text))
	case Dismiss:
		return one(Dismissed(c), Need("reason", c.Reason))
	case Promote:
		sc, err := scenario(env.Plan, c.Code, c.Scenario)
		if err != nil {
			return nil, err
		}
		since := c.Since.UTC().Truncate(time.Millisecond)
		if c.Since.IsZero() || since.After(env.Now) {
			since = env.Now
		}
		kind := i.SystemKind
		if env.Kind != "" {
			kind = env.Kind
		}
		return one(Promoted{
			Code: sc.Code, Scenario: sc.ID, SystemKind: kind, OutageSince: since, Reason: c.Reason,
			Level: env.Plan.LevelOf(sc, kind, env.Now.Sub(since)),
		}, Need("reason", c.Reason))
	}
	return nil, refuse("is_warning")
}

// Responders are the roles who have to act first: those responsible for
// the first step that is somebody's in particular.
func Responders(p *plan.Plan, id string) []string {
	sc, _ := p.Scenario(id)
	for _, s := range sc.AllSteps() {
		roles := slices.DeleteFunc(slices.Clone(s.Responsible), func(id string) bool {
			r, ok := p.Role(id)
			return !ok || r.Anyone
		})
		if len(roles) > 0 {
			return roles
		}
	}
	return nil
}
