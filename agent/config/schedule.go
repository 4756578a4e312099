package config

import (
	"fmt"
	"slices"
	"strings"

	"xunjian/alerting/inspection"
	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
	"xunjian/alerting/schedule"
)

// Schedule says which days are working days.
type Schedule struct {
	// Holidays is a file of the public holidays and of the weekend days worked
	// in exchange, by year; it adds to what the program knows.
	Holidays string `yaml:"holidays"`
}

// Drill is an exercise that begins by itself.
type Drill struct {
	// Name tells it from the others.
	Name string `yaml:"name"`
	// Scenario is the plan's that is played, Title what stands for the trouble.
	Scenario string `yaml:"scenario"`
	Title    string `yaml:"title"`
	// System is the business system it is about; may be empty.
	System string `yaml:"system"`
	// People are those who take part, by their ids on the roster; nobody else
	// hears of it.
	People []string `yaml:"people"`
	// When it begins.
	schedule.Config `yaml:",inline"`
}

// Workdays are the working days in force.
func (c *Config) Workdays() *schedule.Workdays {
	if c.workdays == nil {
		return schedule.Shipped()
	}
	return c.workdays
}

func (c *Config) validateSchedule(m *mistakes) {
	c.workdays = nil
	if c.Schedule.Holidays == "" {
		return
	}
	if !m.readable("schedule.holidays", c.Schedule.Holidays) {
		return
	}
	w, err := schedule.LoadWorkdays(c.Schedule.Holidays)
	if err != nil {
		*m = append(*m, err)
		return
	}
	c.workdays = w
}

// LoadForms returns the forms of the inspection rounds in force.
func (c *Config) LoadForms() ([]inspection.Form, error) {
	if c.loadedForms != nil {
		return c.loadedForms, nil
	}
	return inspection.Load(c.Inspection, c.Checks.names())
}

func (c *Config) validateInspection(m *mistakes) {
	forms, err := inspection.Load(c.Inspection, c.Checks.names())
	m.join("inspection", err)
	m.join("inspection", c.Inspection.Validate())
	c.loadedForms = forms
}

// validateDrills holds the drills against plan and roster.
func (c *Config) validateDrills(m *mistakes, p *plan.Plan, r roster.Roster) {
	seen := map[string]bool{}
	for n, d := range c.Drills {
		at := fmt.Sprintf("drills[%d]", n)
		switch {
		case strings.TrimSpace(d.Name) == "":
			m.add(at+".name", "is missing; it tells the drill from others")
		case seen[d.Name]:
			m.add(at+".name", "%q stands twice", clip(d.Name))
		}
		seen[d.Name] = true
		if strings.TrimSpace(d.Title) == "" {
			m.add(at+".title", "is missing; say what is supposed to have happened")
		}
		if _, ok := p.Scenario(d.Scenario); !ok {
			var ids []string
			for _, s := range p.Scenarios {
				ids = append(ids, s.ID)
			}
			m.oneOf(at+".scenario", d.Scenario, ids...)
		}
		if len(d.People) == 0 {
			m.add(at+".people", "is empty; name who takes part")
		}
		for k, id := range d.People {
			if !slices.ContainsFunc(r.People, func(p roster.Person) bool { return p.ID == id }) {
				m.add(fmt.Sprintf("%s.people[%d]", at, k), "nobody %q on the roster", clip(id))
			}
		}
		m.join(at, d.Config.Validate())
	}
}
