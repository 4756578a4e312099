package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"xunjian/alerting/plan"
)

// Inhibition keeps back what another incident causes: while one that While
// matches goes on, people are not told of those that Match matches and that
// have the same host and system as it, as far as Same says so. A dead server
// need not be told once more by each service on it. What is kept back is stored
// and shown; when the cause is over and the consequence is not, the next reminder
// tells of it. The end is always told, and an incident of level I or II is kept
// back only by one at least as grave.
type Inhibition struct {
	Name  string  `yaml:"name"`
	While Subject `yaml:"while"`
	Match Subject `yaml:"match"`
	// Same is what both have in common: host, system.
	Same []string `yaml:"same"`
}

// Subject selects incidents by what they are. Empty fields do not restrict.
type Subject struct {
	// Types are incident, warning, drill.
	Types     []string `yaml:"types"`
	Codes     []string `yaml:"codes"`
	Scenarios []string `yaml:"scenarios"`
	// Causes are those that rules name in their label of that name.
	Causes  []string     `yaml:"causes"`
	Levels  []plan.Level `yaml:"levels"`
	Systems []string     `yaml:"systems"`
}

func (m Match) subject() Subject {
	return Subject{Types: m.Types, Codes: m.Codes, Levels: m.Levels, Systems: m.Systems}
}

// is reports whether an event is meant.
func (s Subject) is(e Event) bool {
	among := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	return among(s.Types, e.Type) && among(s.Codes, e.Code) && among(s.Scenarios, e.Scenario) && among(s.Causes, e.Cause) &&
		among(s.Systems, e.System) && (len(s.Levels) == 0 || slices.Contains(s.Levels, e.Level))
}

// validate tells add every mistake, with its key.
func (s Subject) validate(known Known, add func(key, format string, args ...any)) {
	all(s.Types, types, func(n int, v string) {
		add(fmt.Sprintf("types[%d]", n), "unknown type %q; allowed: %s", v, strings.Join(types, ", "))
	})
	all(s.Codes, known.Codes, func(n int, v string) { add(fmt.Sprintf("codes[%d]", n), "the plan has no code %q", v) })
	all(s.Scenarios, known.Scenarios, func(n int, v string) {
		add(fmt.Sprintf("scenarios[%d]", n), "the plan has no scenario %q; allowed: %s", v, strings.Join(known.Scenarios, ", "))
	})
	for n, l := range s.Levels {
		if !slices.Contains(levels, l) {
			add(fmt.Sprintf("levels[%d]", n), "unknown level %q; allowed: I, II, III, IV", l)
		}
	}
}

// Other is an incident that goes on, as an Inhibition looks at it.
type Other struct {
	Event
	ID string
}

var common = []string{"host", "system"}

// keepsBack finds the incident for which e is not told.
func (in Inhibition) keepsBack(e Event) (Other, bool) {
	if e.Others == nil {
		return Other{}, false
	}
	if !in.Match.is(e) {
		return Other{}, false
	}
	for o := range e.Others {
		if !in.While.is(o.Event) || o.Ends || o.Type == "drill" != (e.Type == "drill") {
			continue
		}
		if slices.Contains(in.Same, "host") && o.Host != e.Host || slices.Contains(in.Same, "system") && o.System != e.System {
			continue
		}
		// Two that match each other keep neither back: the cause is not itself a
		// consequence.
		if in.Match.is(o.Event) {
			continue
		}
		if grave(e) && (o.Type != "incident" || slices.Index(levels, o.Level) > slices.Index(levels, e.Level)) {
			continue
		}
		return o, true
	}
	return Other{}, false
}

func (c Config) validateInhibitions(known Known) error {
	var errs []error
	for i, in := range c.Inhibitions {
		at := fmt.Sprintf("inhibit[%d]", i)
		add := func(key, format string, args ...any) {
			errs = append(errs, fmt.Errorf(at+"."+key+": "+format, args...))
		}
		if strings.TrimSpace(in.Name) == "" {
			add("name", "is missing; it is what people are shown as the reason")
		}
		for key, m := range map[string]Subject{"while": in.While, "match": in.Match} {
			m.validate(known, func(k, format string, args ...any) { add(key+"."+k, format, args...) })
			if len(m.Codes)+len(m.Scenarios)+len(m.Causes)+len(m.Systems) == 0 {
				add(key, "has to say of what; name codes, scenarios, causes or systems")
			}
		}
		all(in.Same, common, func(n int, s string) {
			add(fmt.Sprintf("same[%d]", n), "unknown word %q; allowed: %s", s, strings.Join(common, ", "))
		})
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}
