package calendar

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"xunjian/alerting/yamlfile"
)

// Config of the bid calendar. Start from Default.
type Config struct {
	// Paths are calendar files (.yaml, .yml, .ics) and folders of such files.
	// None: there is no calendar, and each system keeps its own kind.
	Paths []string `yaml:"paths"`
	// Systems are those that an event holds for which names none; none: every
	// system.
	Systems []string `yaml:"systems"`
	// Categories of iCalendar events, in capitals or not, and the kind that
	// each means: opening, evaluation or deadline. An event with none of them
	// is of the kind unmarked, or left out if that is empty.
	Categories map[string]Kind `yaml:"categories"`
	Unmarked   Kind            `yaml:"unmarked"`
	// Ahead is how far into the future recurring events are laid out; 7d to 3
	// years.
	Ahead time.Duration `yaml:"ahead"`

	Opening    Timing `yaml:"opening"`
	Evaluation Timing `yaml:"evaluation"`
	Deadline   Timing `yaml:"deadline"`
}

// Timing says how long around an event of a kind its systems count as opening
// systems, and when it is inspected beforehand.
type Timing struct {
	// Lead and Tail are how long before its start and after its end it counts.
	Lead time.Duration `yaml:"lead"`
	Tail time.Duration `yaml:"tail"`
	// Inspect is how long before its start an inspection is due; 0: none.
	Inspect time.Duration `yaml:"inspect"`
	// Length is how long it is taken to run if its file does not say.
	Length time.Duration `yaml:"length"`
}

// Default returns the Config that suits an exchange.
func Default() Config {
	return Config{
		Categories: map[string]Kind{
			"开标": Opening, "评标": Evaluation, "投标截止": Deadline, "截标": Deadline,
			"opening": Opening, "evaluation": Evaluation, "deadline": Deadline,
			"bid opening": Opening, "bid evaluation": Evaluation, "bid deadline": Deadline,
		},
		Ahead:      400 * 24 * time.Hour,
		Opening:    Timing{Lead: 2 * time.Hour, Tail: 30 * time.Minute, Inspect: time.Hour, Length: 2 * time.Hour},
		Evaluation: Timing{Lead: 2 * time.Hour, Tail: 30 * time.Minute, Inspect: time.Hour, Length: 8 * time.Hour},
		Deadline:   Timing{Lead: time.Hour, Tail: 15 * time.Minute, Inspect: time.Hour},
	}
}

// Timing returns what holds for a kind.
func (c Config) Timing(k Kind) Timing {
	switch k {
	case Evaluation:
		return c.Evaluation
	case Deadline:
		return c.Deadline
	}
	return c.Opening
}

const (
	maxAround = 7 * 24 * time.Hour   // lead, tail, inspect
	maxLength = 366 * 24 * time.Hour // of one event; a longer one is a wrong year
	minAhead  = 7 * 24 * time.Hour
	maxAhead  = 3 * 366 * 24 * time.Hour
)

// Validate returns every mistake in c, joined, each beginning with the key.
// Files are not read.
func (c Config) Validate() error {
	var m mistakes
	for i, p := range c.Paths {
		path := fmt.Sprintf("paths[%d]", i)
		switch {
		case strings.TrimSpace(p) == "":
			m.add(path, "is empty; name a file or a folder")
		case slices.Contains(c.Paths[:i], p):
			m.add(path, "%q stands twice in this list", clip(p))
		}
	}
	m.systems("systems", c.Systems)
	c.validateCategories(&m)
	m.between("ahead", c.Ahead, minAhead, maxAhead)
	for _, k := range Kinds {
		t := c.Timing(k)
		m.between(string(k)+".lead", t.Lead, 0, maxAround)
		m.between(string(k)+".tail", t.Tail, 0, maxAround)
		m.between(string(k)+".inspect", t.Inspect, 0, maxAround)
		m.between(string(k)+".length", t.Length, 0, maxLength)
	}
	return errors.Join(m...)
}

func (c Config) validateCategories(m *mistakes) {
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(c.Categories)) {
		path, folded := yamlfile.Join("categories", name), fold(name)
		first, twice := seen[folded]
		switch {
		case folded == "":
			m.add(path, "the name of the category is empty")
		case systemOf(name) != "":
			m.add(path, "a category that begins like this names a system; choose another")
		case twice:
			m.add(path, "is the same category as %q: capitals do not count", clip(first))
		}
		seen[folded] = name
		m.kind(path, c.Categories[name])
	}
	if c.Unmarked != "" {
		m.kind("unmarked", c.Unmarked)
	}
}

// fold brings a category into the form in which it is compared.
func fold(category string) string { return strings.ToLower(strings.TrimSpace(category)) }

type mistakes []error

func (m *mistakes) add(path, format string, args ...any) {
	*m = append(*m, fmt.Errorf("%s: "+format, append([]any{path}, args...)...))
}

func (m *mistakes) between(path string, d, least, most time.Duration) {
	if d < least || d > most {
		m.add(path, "%v is out of range, %s to %s", d, yamlfile.FormatDuration(least), yamlfile.FormatDuration(most))
	}
}

func (m *mistakes) kind(path string, k Kind) {
	if why := badKind(k); why != "" {
		m.add(path, "%s", why)
	}
}

func badKind(k Kind) string {
	var words []string
	for _, known := range Kinds {
		if k == known {
			return ""
		}
		words = append(words, string(known))
	}
	why := "is missing"
	if k != "" {
		why = fmt.Sprintf("unknown kind %q", clip(string(k)))
		if near := yamlfile.Near(string(k), words); near != "" {
			why += "; did you mean " + near + "?"
		}
	}
	return why + "; allowed: " + strings.Join(words, ", ")
}

// systemShape is that of the names in the agent's configuration.
// The length is counted apart: to repeat classes as wide as these 63 times takes
// an expression of megabytes.
var systemShape = regexp.MustCompile(`^[\pL\pN][\pL\pN_.-]*$`)

// maxSystems bounds the list of one event.
const maxSystems = 64

func (m *mistakes) systems(path string, names []string) {
	if len(names) > maxSystems {
		m.add(path, "has %d systems; at most %d are read", len(names), maxSystems)
		return
	}
	for i, name := range names {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case utf8.RuneCountInString(name) > 64 || !systemShape.MatchString(name):
			m.add(at, "%q is not a name of a system; allowed: letters, digits and - . _ between them, at most 64", clip(name))
		case slices.Contains(names[:i], name):
			m.add(at, "%q stands twice in this list", name)
		}
	}
}

// clip shortens a value from a file for a message.
func clip(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) > most {
		return string([]rune(s)[:most]) + "…"
	}
	return s
}
