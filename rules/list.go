package rules

import (
	"io/fs"

	"go.yaml.in/yaml/v3"
)

// Listed is a rule as its file has it, for those who look at files alone.
type Listed struct {
	Name string
	File string
	// Kind, Code, Scenario and Cause are its place in the plan, empty where it
	// has none.
	Kind, Code, Scenario, Cause string
	// Tested means that one of the shipped unit tests of rules names it.
	Tested bool
}

// List reads the default rules and files (paths or patterns) and names the
// alerting rules in them. Mistakes are a *LoadError.
func List(files []string) ([]Listed, error) {
	if err := Check(files, nil); err != nil {
		return nil, err
	}
	tested, err := testedRules()
	if err != nil {
		return nil, err
	}
	gathered, problems := gather(files)
	if len(problems) > 0 {
		return nil, &LoadError{problems}
	}
	var out []Listed
	p := newParser()
	for _, f := range gathered {
		one, _ := parseFile(f, p, nil)
		for _, g := range one.groups {
			for _, r := range g.Rules {
				if r.Alert == "" {
					continue
				}
				of := func(label string) string {
					if v, ok := r.Labels[label]; ok {
						return v
					}
					return g.Labels[label]
				}
				out = append(out, Listed{
					Name: r.Alert, File: one.file, Kind: of(LabelKind), Code: of(LabelCode), Scenario: of(LabelScenario), Cause: of(LabelCause),
					Tested: f.isDefault() && tested[r.Alert],
				})
			}
		}
	}
	return out, nil
}

// testedRules are the alerts that the shipped tests expect to fire.
func testedRules() (map[string]bool, error) {
	out := map[string]bool{}
	files, err := fs.Glob(Default, "default/tests/*.yml")
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		b, err := Default.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var file struct {
			Tests []struct {
				Alerts []struct {
					Name     string `yaml:"alertname"`
					Expected []any  `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			}
		}
		if err := yaml.Unmarshal(b, &file); err != nil {
			return nil, err
		}
		for _, t := range file.Tests {
			for _, a := range t.Alerts {
				out[a.Name] = out[a.Name] || len(a.Expected) > 0
			}
		}
	}
	return out, nil
}
