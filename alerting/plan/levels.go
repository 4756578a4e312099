package plan

import (
	"slices"
	"time"
)

// Graver reports whether l is graver than m.
func (l Level) Graver(m Level) bool {
	return slices.Index(Levels[:], l) > slices.Index(Levels[:], m)
}

// Valid reports whether l is one of the four levels.
func (l Level) Valid() bool { return slices.Contains(Levels[:], l) }

// LevelFor returns the level of an outage that lasted, or is likely to last,
// d on a system of this kind (Art. 4). A bound still belongs to the level
// below it: exactly 2 h on a business system is IV.
func (p *Plan) LevelFor(kind SystemKind, d time.Duration) Level {
	for _, def := range p.Levels {
		if up := def.UpTo[kind]; up == 0 || d <= up {
			return def.ID
		}
	}
	return LevelI
}

// LevelOf returns the level of a scenario after an outage of d: by the table,
// or the least where nothing is interrupted.
func (p *Plan) LevelOf(sc Scenario, kind SystemKind, d time.Duration) Level {
	if sc.NoOutage {
		d = 0
	}
	return p.LevelFor(kind, d)
}

// NextLevel returns the level that follows and how long an outage must last
// to pass into it, counted from its start. ok is false at the gravest level.
func (p *Plan) NextLevel(kind SystemKind, d time.Duration) (next Level, after time.Duration, ok bool) {
	for i, def := range p.Levels {
		up := def.UpTo[kind]
		if up == 0 {
			return "", 0, false
		}
		if d <= up && i+1 < len(p.Levels) {
			return p.Levels[i+1].ID, up, true
		}
	}
	return "", 0, false
}

// Scenario returns the scenario with an id.
func (p *Plan) Scenario(id string) (Scenario, bool) {
	for _, s := range p.Scenarios {
		if s.ID == id {
			return s, true
		}
	}
	return Scenario{}, false
}

// ScenarioFor returns the scenario that a code alone means.
func (p *Plan) ScenarioFor(code string) (Scenario, bool) {
	var first *Scenario
	for i, s := range p.Scenarios {
		if s.Code != code {
			continue
		}
		if s.Default {
			return s, true
		}
		if first == nil {
			first = &p.Scenarios[i]
		}
	}
	if first == nil {
		return Scenario{}, false
	}
	return *first, true
}

// Category returns the category of a code; F01 and the other software codes
// have their own entries.
func (p *Plan) Category(code string) (Category, bool) {
	for _, c := range p.Categories {
		if c.Code == code {
			return c, true
		}
	}
	return Category{}, false
}

// Role returns the role with an id.
func (p *Plan) Role(id string) (Role, bool) {
	for _, r := range p.Roles {
		if r.ID == id {
			return r, true
		}
	}
	return Role{}, false
}

// RoleIDs returns the id of every role, in the plan's order.
func (p *Plan) RoleIDs() []string {
	out := make([]string, 0, len(p.Roles))
	for _, r := range p.Roles {
		out = append(out, r.ID)
	}
	return out
}

// Assignable returns the ids of the roles that a roster can give to people.
func (p *Plan) Assignable() []string {
	return slices.DeleteFunc(p.RoleIDs(), func(id string) bool {
		r, _ := p.Role(id)
		return r.Anyone
	})
}

// Members returns the roles that stand for a role: itself, then the roles that
// are part of it.
func (p *Plan) Members(id string) []string {
	out := []string{id}
	for _, r := range p.Roles {
		if r.PartOf == id {
			out = append(out, r.ID)
		}
	}
	return out
}

// Codes returns every code of the plan, in its order.
func (p *Plan) Codes() []string {
	out := make([]string, 0, len(p.Categories))
	for _, c := range p.Categories {
		out = append(out, c.Code)
	}
	return out
}

// ScenarioIDs returns the ids of the scenarios, in the plan's order.
func (p *Plan) ScenarioIDs() []string {
	out := make([]string, 0, len(p.Scenarios))
	for _, s := range p.Scenarios {
		out = append(out, s.ID)
	}
	return out
}

// AllSteps returns the steps of a scenario, those of its branches included.
func (s Scenario) AllSteps() []Step {
	out := slices.Clone(s.Steps)
	for _, b := range s.Branches {
		out = append(out, b.Steps...)
	}
	return out
}

// LevelDef returns the definition of a level.
func (p *Plan) LevelDef(id Level) (LevelDef, bool) {
	for _, def := range p.Levels {
		if def.ID == id {
			return def, true
		}
	}
	return LevelDef{}, false
}

// StepOf returns a step of a scenario and the branch it stands in, empty for
// the main line.
func (s Scenario) StepOf(id string) (step Step, branch string, ok bool) {
	for _, st := range s.Steps {
		if st.ID == id {
			return st, "", true
		}
	}
	for _, b := range s.Branches {
		for _, st := range b.Steps {
			if st.ID == id {
				return st, b.ID, true
			}
		}
	}
	return Step{}, "", false
}

// Branch returns a branch of a scenario.
func (s Scenario) Branch(id string) (Branch, bool) {
	for _, b := range s.Branches {
		if b.ID == id {
			return b, true
		}
	}
	return Branch{}, false
}

// Duty returns what is due under an id: a duty or what comes afterwards.
func (p *Plan) Duty(id string) (Step, bool) {
	for _, list := range [][]Step{p.Duties, p.Aftercare} {
		for _, s := range list {
			if s.ID == id {
				return s, true
			}
		}
	}
	return Step{}, false
}

// StatutoryReport returns a report that the law demands.
func (p *Plan) StatutoryReport(id string) (Statutory, bool) {
	for _, s := range p.Statutory {
		if s.ID == id {
			return s, true
		}
	}
	return Statutory{}, false
}
