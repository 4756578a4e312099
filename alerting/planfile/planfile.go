// Package planfile reads the files of the response: the plan and the roster.
// It stands apart from them so that the pure core, which decides by the plan,
// depends on no reader of files.
package planfile

import (
	"fmt"
	"os"

	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
	"xunjian/alerting/yamlfile"
)

//go:generate go test -run ^TestSchemaIsCurrent$ -update .

// Load reads a plan. name stands in the messages. All mistakes are reported at
// once, each with line and column, as a *yamlfile.Error.
func Load(name string, b []byte) (*plan.Plan, error) {
	p := new(plan.Plan)
	if err := yamlfile.Decode(name, b, p, p.Validate); err != nil {
		return nil, err
	}
	return p, nil
}

// LoadFile reads the plan in a file.
func LoadFile(path string) (*plan.Plan, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	return Load(path, b)
}

// Default returns the plan as shipped.
func Default() *plan.Plan {
	p, err := Load("default.yaml", plan.DefaultYAML)
	if err != nil {
		panic(err) // a test holds that it loads
	}
	return p
}

// LoadRoster reads a roster; its roles must be those of p. Mistakes are
// reported as by Load.
func LoadRoster(name string, b []byte, p *plan.Plan) (roster.Roster, error) {
	var r roster.Roster
	err := yamlfile.Decode(name, b, &r, func() error { return r.Validate(p.Assignable()) })
	if err != nil {
		return roster.Roster{}, err
	}
	return r, nil
}

// LoadRosterFile reads the roster in a file.
func LoadRosterFile(path string, p *plan.Plan) (roster.Roster, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return roster.Roster{}, fmt.Errorf("read roster: %w", err)
	}
	return LoadRoster(path, b, p)
}
