// Package reserve looks at what the plan wants to have ready (Art. 19):
// backups, spare equipment and maintenance contracts, as the operator has
// recorded them. What is missing or has run out is found before the night in
// which it is needed.
package reserve

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Need is one thing that the plan wants to have ready.
type Need struct {
	ID string
	// ZH and EN say what it is.
	ZH, EN string
	// Contract marks a maintenance contract: it has to say when it ends, and
	// how soon standby equipment arrives.
	Contract bool
}

// Config is the operator's record of what is ready. Start from Default.
type Config struct {
	// WarnBefore is how long before its end a contract asks for attention: 1
	// day to 1 year.
	WarnBefore time.Duration `yaml:"warn_before"`
	Items      []Item        `yaml:"items"`
}

// Item is one spare device, contract or backup.
type Item struct {
	// Name tells it from the others.
	Name string `yaml:"name"`
	// For is the plan's need that it meets.
	For string `yaml:"for"`
	// Where it lies; for a contract, its number or where it is kept.
	Where string `yaml:"where"`
	// Contact and Phone are whom to call for it.
	Contact string `yaml:"contact"`
	Phone   string `yaml:"phone"`
	// ArrivesWithin is how soon it is here after the call.
	ArrivesWithin time.Duration `yaml:"arrives_within"`
	// Expires is its last day, like 2027-03-31.
	Expires string `yaml:"expires"`
	// Tested is the day on which it was last tried; TestEvery is how long such
	// a trial holds, 1 day to 2 years.
	Tested    string        `yaml:"tested"`
	TestEvery time.Duration `yaml:"test_every"`
}

const day = 24 * time.Hour

// Default returns the Config of an operator who has recorded nothing.
func Default() Config { return Config{WarnBefore: 30 * day} }

// Validate returns every mistake in c, joined, each beginning with the key.
// What the plan needs is not known here; see Fits.
func (c Config) Validate() error {
	var m mistakes
	if c.WarnBefore < day || c.WarnBefore > 366*day {
		m.add("warn_before", "%v is out of range; allowed: 24h to 8784h", c.WarnBefore)
	}
	seen := map[string]int{}
	for n, i := range c.Items {
		at := fmt.Sprintf("items[%d]", n)
		if strings.TrimSpace(i.Name) == "" {
			m.add(at+".name", "is missing; say what it is, like a model and a number")
		} else if first, twice := seen[i.Name]; twice {
			m.add(at+".name", "%q stands twice; first at items[%d]", i.Name, first)
		}
		seen[i.Name] = n
		i.validate(&m, at)
	}
	return errors.Join(m...)
}

func (i Item) validate(m *mistakes, at string) {
	if i.For == "" {
		m.add(at+".for", "is missing; name what the plan wants to have ready")
	}
	if i.Phone == "" && i.Contact == "" && i.Where == "" {
		m.add(at, "says neither where it is nor whom to call; give where, contact or phone")
	}
	for _, d := range []struct{ key, value string }{{".expires", i.Expires}, {".tested", i.Tested}} {
		if _, err := time.Parse(time.DateOnly, d.value); d.value != "" && err != nil {
			m.add(at+d.key, "%q is no day; allowed: like 2027-03-31", d.value)
		}
	}
	if i.ArrivesWithin < 0 || i.ArrivesWithin > 90*day {
		m.add(at+".arrives_within", "%v is out of range; allowed: up to 2160h", i.ArrivesWithin)
	}
	if i.TestEvery != 0 && (i.TestEvery < day || i.TestEvery > 732*day) {
		m.add(at+".test_every", "%v is out of range; allowed: 24h to 17568h", i.TestEvery)
	}
}

// Fits returns where c and what the plan needs do not go together, joined,
// each beginning with the key.
func (c Config) Fits(needs []Need) error {
	var m mistakes
	for n, i := range c.Items {
		at := fmt.Sprintf("items[%d]", n)
		k := slices.IndexFunc(needs, func(need Need) bool { return need.ID == i.For })
		if k < 0 {
			ids := make([]string, len(needs))
			for n, need := range needs {
				ids[n] = need.ID
			}
			m.add(at+".for", "the plan has no need %q; allowed: %s", i.For, strings.Join(ids, ", "))
			continue
		}
		if needs[k].Contract && i.Expires == "" {
			m.add(at+".expires", "is missing; a contract says when it ends, like 2027-03-31")
		}
		if needs[k].Contract && i.ArrivesWithin == 0 {
			m.add(at+".arrives_within", "is missing; a contract says how soon standby equipment arrives (Art. 19), like 4h")
		}
	}
	return errors.Join(m...)
}

type mistakes []error

func (m *mistakes) add(path, format string, args ...any) {
	*m = append(*m, fmt.Errorf("%s: "+format, append([]any{path}, args...)...))
}
