package incident

import (
	"slices"
	"time"

	"xunjian/alerting/plan"
)

// PlaybookStep is a step of the incident's playbook with what became of it.
type PlaybookStep struct {
	plan.Step
	// Branch is the branch it stands in, empty for the main line.
	Branch string
	// Active: it is to be done, its branch being chosen and its level reached.
	Active bool
	// Chosen is when its branch was chosen.
	Chosen   time.Time
	Progress Step
	Seen     []StepLooked
}

// Finished reports whether nothing is left to do.
func (s PlaybookStep) Finished() bool {
	return s.Progress.State == "done" || s.Progress.State == "skipped"
}

// Playbook returns all steps of the incident's playbook, in the plan's order.
func (i Incident) Playbook(p *plan.Plan) []PlaybookStep {
	sc, ok := p.Scenario(i.Scenario)
	if !ok {
		return nil
	}
	var out []PlaybookStep
	add := func(s plan.Step, branch string, active bool, chosen time.Time) {
		step := PlaybookStep{Step: s, Branch: branch, Chosen: chosen, Progress: i.Steps[s.ID]}
		step.Active = active && (s.FromLevel == "" || !s.FromLevel.Graver(i.Peak))
		for _, l := range i.Looks {
			if l.Step == s.ID {
				step.Seen = append(step.Seen, l)
			}
		}
		out = append(out, step)
	}
	for _, s := range sc.Steps {
		add(s, "", true, time.Time{})
	}
	for _, b := range sc.Branches {
		choice := i.Branches[b.After]
		for _, s := range b.Steps {
			if choice.Branch == b.ID {
				add(s, b.ID, i.stands(sc, b), choice.At)
			} else {
				add(s, b.ID, false, time.Time{})
			}
		}
	}
	return out
}

// stands reports whether a branch is chosen, and the one it follows too.
func (i Incident) stands(sc plan.Scenario, b plan.Branch) bool {
	if i.Branches[b.After].Branch != b.ID {
		return false
	}
	_, in, _ := sc.StepOf(b.After)
	if in == "" {
		return true
	}
	before, ok := sc.Branch(in)
	return ok && i.stands(sc, before)
}

// chooseBranch decides for a branch; another choice may be changed.
func (i Incident) chooseBranch(c ChooseBranch, env Env) ([]Data, error) {
	sc, _ := env.Plan.Scenario(i.Scenario)
	b, ok := sc.Branch(c.Branch)
	if !ok {
		return nil, refuse("unknown_branch", "branch", c.Branch)
	}
	if err := fits("reason", c.Reason); err != nil {
		return nil, err
	}
	if i.Branches[b.After].Branch == b.ID {
		return nil, nil
	}
	t := turn{i: i, env: env}
	t.choose(sc, b, c.Reason)
	return t.out, nil
}

// choose decides for a branch and for those that it follows from.
func (t *turn) choose(sc plan.Scenario, b plan.Branch, reason string) {
	if _, in, _ := sc.StepOf(b.After); in != "" {
		if before, ok := sc.Branch(in); ok && t.i.Branches[before.After].Branch != in {
			t.choose(sc, before, reason)
		}
	}
	t.add(BranchChosen{After: b.After, Branch: b.ID, Reason: reason})
}

func (i Incident) setStep(c SetStep, env Env) ([]Data, error) {
	sc, _ := env.Plan.Scenario(i.Scenario)
	_, branch, ok := sc.StepOf(c.Step)
	if !ok {
		return nil, refuse("unknown_step", "step", c.Step)
	}
	if err := soundStep(c); err != nil {
		return nil, err
	}
	t := turn{i: i, env: env}
	if b, in := sc.Branch(branch); in && !i.stands(sc, b) {
		if other := i.Branches[b.After].Branch; other != "" && other != b.ID {
			return nil, refuse("other_branch", "branch", other)
		}
		t.choose(sc, b, ReasonStep)
	}
	t.add(StepChanged(c))
	return t.out, nil
}

func soundStep(c SetStep) error {
	if err := fits("to", c.To); err != nil {
		return err
	}
	switch c.State {
	case "started", "done":
		return fits("note", c.Note)
	case "skipped":
		return Need("note", c.Note)
	case "handed_over":
		if err := fits("note", c.Note); err != nil {
			return err
		}
		return Need("to", c.To)
	}
	return refuse("unknown_step_state", "state", c.State)
}

// Suggestion is a branch that the evidence speaks for, and why.
type Suggestion struct {
	After  string `json:"after"`
	Branch string `json:"branch"`
	Why    Line   `json:"why"`
}

// Suggest returns the branches that the evidence speaks for where no person
// has chosen yet.
func (i Incident) Suggest(env Env) []Suggestion {
	sc, _ := env.Plan.Scenario(i.Scenario)
	var out []Suggestion
	for _, b := range sc.Branches {
		if b.Suggest == nil || i.Branches[b.After].Branch != "" {
			continue
		}
		if why, ok := i.speaks(*b.Suggest, env); ok {
			out = append(out, Suggestion{b.After, b.ID, why})
		}
	}
	return out
}

func (i Incident) speaks(s plan.Suggest, env Env) (Line, bool) {
	end := env.Now
	if i.Ended() {
		end = i.EndedAt
	}
	open, repair := end.Sub(i.OpenedAt), i.Estimate.Sub(i.EstimateAt)
	quiet := i.Ended() || i.Quiet()
	switch {
	case len(s.Causes) > 0:
		if slices.Contains(s.Causes, i.Cause) {
			return Line{"suggest.cause", map[string]any{"cause": i.Cause}}, true
		}
		// What a caller reported has no rule of its own; the server's rules may
		// see why all the same.
		n := slices.IndexFunc(env.Firing, func(f Firing) bool { return !i.Ended() && slices.Contains(s.Causes, f.Cause) })
		if n < 0 {
			return Line{}, false
		}
		return Line{"suggest.firing", map[string]any{"rule": env.Firing[n].Rule, "cause": env.Firing[n].Cause}}, true
	case s.Alerts:
		return Line{"suggest.alerts", map[string]any{"alerts": len(i.Alerts)}}, len(i.Alerts) > 0
	case s.EstimateUpTo > 0:
		return Line{"suggest.estimate_up_to", map[string]any{"repair": repair.Seconds(), "limit": s.EstimateUpTo.Seconds()}},
			!i.Estimate.IsZero() && repair <= s.EstimateUpTo
	case s.EstimateOver > 0:
		return Line{"suggest.estimate_over", map[string]any{"repair": repair.Seconds(), "limit": s.EstimateOver.Seconds()}},
			!i.Estimate.IsZero() && repair > s.EstimateOver
	case s.SolvedWithin > 0:
		return Line{"suggest.solved_within", map[string]any{"took": open.Seconds(), "limit": s.SolvedWithin.Seconds()}},
			quiet && open <= s.SolvedWithin
	case s.NotSolvedWithin > 0:
		return Line{"suggest.not_solved_within", map[string]any{"took": open.Seconds(), "limit": s.NotSolvedWithin.Seconds()}},
			!quiet && open > s.NotSolvedWithin
	}
	return Line{}, false
}
