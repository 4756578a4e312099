package api

import (
	"xunjian/alerting"
	"xunjian/alerting/plan"
)

// Plan is the response plan in force.
type Plan struct {
	ID         string         `json:"id"`
	Version    string         `json:"version"`
	Title      Text           `json:"title"`
	Roles      []Role         `json:"roles"`
	Levels     []Level        `json:"levels"`
	Categories []Category     `json:"categories"`
	Scenarios  []ScenarioHead `json:"scenarios"`
	Triage     Triage         `json:"triage"`
	// Duties hold at their level whatever the scenario.
	Duties []Step `json:"duties"`
	// Aftercare is what follows every incident.
	Aftercare []Step `json:"aftercare"`
}

// Role is a post in the organisation, with the people who hold it.
type Role struct {
	Post
	// PartOf is the group that this role belongs to.
	PartOf  string `json:"part_of,omitempty"`
	Article string `json:"article,omitempty"`
}

// Level is a level with the outage time it reaches up to, by kind of system;
// a kind without a bound is absent.
type Level struct {
	ID          string             `json:"id"`
	Name        Text               `json:"name"`
	UpToSeconds map[string]float64 `json:"up_to_seconds"`
	Article     string             `json:"article,omitempty"`
}

// Category is a code's class of incidents.
type Category struct {
	Code    string `json:"code"`
	Name    Text   `json:"name"`
	What    Text   `json:"what"`
	Article string `json:"article,omitempty"`
}

// ScenarioHead is a scenario without its playbook.
type ScenarioHead struct {
	ID      string `json:"id"`
	Code    string `json:"code"`
	Title   Text   `json:"title"`
	Trigger Text   `json:"trigger"`
	Article string `json:"article"`
	// Default marks the scenario that the code alone means.
	Default bool `json:"default"`
	Steps   int  `json:"steps"` // those of the branches included
}

// Triage is the preliminary classification.
type Triage struct {
	WithinSeconds float64 `json:"within_seconds"`
	Article       string  `json:"article,omitempty"`
}

// Scenario is a scenario with its playbook, not yet bound to an incident.
type Scenario struct {
	ScenarioHead
	Playbook Playbook `json:"playbook"`
}

func (s *server) showPlan(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	p := s.Desk.Plan()
	b := s.binder(c)
	out := Plan{
		ID: p.ID, Version: p.Version, Title: c.text(p.Title),
		Roles: []Role{}, Levels: []Level{}, Categories: []Category{}, Scenarios: []ScenarioHead{},
		Triage: Triage{p.Triage.Within.Seconds(), p.Triage.Article},
		Duties: b.steps(p.Duties), Aftercare: b.steps(p.Aftercare),
	}
	for _, r := range p.Roles {
		out.Roles = append(out.Roles, Role{Post: b.post(r.ID), PartOf: r.PartOf, Article: r.Article})
	}
	for _, l := range p.Levels {
		out.Levels = append(out.Levels, c.level(l))
	}
	for _, k := range p.Categories {
		out.Categories = append(out.Categories, Category{k.Code, c.text(k.Name), c.text(k.What), k.Article})
	}
	for _, sc := range p.Scenarios {
		out.Scenarios = append(out.Scenarios, c.scenarioHead(sc))
	}
	return out, nil
}

func (c *call) level(l plan.LevelDef) Level {
	out := Level{ID: string(l.ID), Name: c.text(l.Name), UpToSeconds: map[string]float64{}, Article: l.Article}
	for kind, d := range l.UpTo {
		if d > 0 {
			out.UpToSeconds[string(kind)] = d.Seconds()
		}
	}
	return out
}

func (c *call) scenarioHead(sc plan.Scenario) ScenarioHead {
	return ScenarioHead{
		ID: sc.ID, Code: sc.Code, Title: c.text(sc.Title), Trigger: c.text(sc.Trigger),
		Article: sc.Article, Default: sc.Default, Steps: len(sc.AllSteps()),
	}
}

func (s *server) showScenario(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	sc, ok := s.Desk.Plan().Scenario(c.PathValue("id"))
	if !ok {
		return nil, alerting.ErrNotFound
	}
	return Scenario{ScenarioHead: c.scenarioHead(sc), Playbook: s.binder(c).playbook(sc)}, nil
}
