// Package dialect knows how the makes of network and security devices say that
// somebody logged in, that a configuration was changed, that an attack was
// blocked. What it knows is data: a file for each make, with samples that must
// read as they say. An operator's own files add makes, or take the place of one
// of the same name.
package dialect

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"xunjian/checks/logs/syslog/message"
)

//go:embed data/*.yaml
var shipped embed.FS

// The events that lines are understood as.
const (
	Login            = "login"
	LoginFailed      = "login-failed"
	Logout           = "logout"
	ConfigChanged    = "config-changed"
	PrivilegeChanged = "privilege-changed"
	LinkDown         = "link-down"
	LinkUp           = "link-up"
	Attack           = "attack"
	AttackBlocked    = "attack-blocked"
	DeviceRestarted  = "device-restarted"
	HASwitch         = "ha-switch"
	HardwareFault    = "hardware-fault"
)

// Events lists them all.
func Events() []string {
	return []string{
		Login, LoginFailed, Logout, ConfigChanged, PrivilegeChanged, LinkDown, LinkUp, Attack, AttackBlocked, DeviceRestarted, HASwitch, HardwareFault,
	}
}

// Generic is the dialect of those that no other one recognises.
const Generic = "generic"

// Dialect is how one make of devices writes.
type Dialect struct {
	Name string `yaml:"name"`
	// Title is the make, for people.
	Title struct {
		ZH string `yaml:"zh"`
		EN string `yaml:"en"`
	} `yaml:"title"`
	// Detect are words of which one occurs in each line of the make; by them a
	// source that names no dialect is recognised.
	Detect []string `yaml:"detect"`
	// Header is what stands before the text: "slash" (%%10SHELL/5/SHELL_LOGIN:),
	// "dash" (%SYS-5-CONFIG_I:) or nothing.
	Header string `yaml:"header"`
	// Pairs says how keys and values are written; empty: they are not.
	Pairs Pairs `yaml:"pairs"`
	// Host is the key that holds the device's own name.
	Host string `yaml:"host"`
	// Events are looked at in order; the first that fits holds.
	Events []Event `yaml:"events"`
	// Samples must read as they say.
	Samples []Sample `yaml:"samples"`

	detect []word
}

// Pairs is how keys and values are written.
type Pairs struct {
	// Equals stands between key and value: "=" or ":".
	Equals string `yaml:"equals"`
	// Between stands between pairs: " ", "," or ";". Spaces around it do not
	// count.
	Between string `yaml:"between"`
}

// Event is one way to say one thing.
type Event struct {
	Event string `yaml:"event"`
	// App is what the header calls the program or module: one of these.
	App []string `yaml:"app"`
	// All of these words have to occur in the line, one of Any, none of Not.
	All []string `yaml:"all"`
	Any []string `yaml:"any"`
	Not []string `yaml:"not"`
	// Where are keys and what their values have to be: one of these, in any
	// case; a * at the end stands for anything.
	Where map[string][]string `yaml:"where"`
	// Match is a regular expression that has to match; its named groups are
	// fields.
	Match string `yaml:"match"`
	// Fields are keys whose values are fields: field to key.
	Fields map[string]string `yaml:"fields"`

	match         *regexp.Regexp
	names         []string
	all, any, not []word
}

// Sample is a line and what it reads as.
type Sample struct {
	Line   string            `yaml:"line"`
	Host   string            `yaml:"host"`
	App    string            `yaml:"app"`
	Event  string            `yaml:"event"`
	Fields map[string]string `yaml:"fields"`
}

// Set is the dialects in force.
type Set struct {
	list    []*Dialect
	byName  map[string]*Dialect
	generic *Dialect
}

// Load returns the shipped dialects with the operator's own files put over
// them. A mistake names the file; a sample that does not read as it says is
// one.
func Load(files ...string) (*Set, error) {
	s := &Set{byName: map[string]*Dialect{}}
	names, err := fs.Glob(shipped, "data/*.yaml")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		b, err := shipped.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if err := s.add(path.Base(name), b); err != nil {
			return nil, err
		}
	}
	var errs []error
	for _, pattern := range files {
		found, err := filepath.Glob(pattern)
		if err == nil && len(found) == 0 && !strings.ContainsAny(pattern, "*?[") {
			err = fs.ErrNotExist
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", pattern, err))
		}
		for _, name := range found {
			b, err := os.ReadFile(name)
			if err == nil {
				err = s.add(name, b)
			}
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	s.generic = s.byName[Generic]
	s.list = slices.DeleteFunc(s.list, func(d *Dialect) bool { return d == s.generic })
	return s, nil
}

func (s *Set) add(file string, b []byte) error {
	d := &Dialect{}
	if err := yaml.UnmarshalWithOptions(b, d, yaml.Strict()); err != nil {
		return fmt.Errorf("dialect %s: %w", file, err)
	}
	if err := d.prepare(); err != nil {
		return fmt.Errorf("dialect %s: %w", file, err)
	}
	if old, ok := s.byName[d.Name]; ok {
		s.list = slices.DeleteFunc(s.list, func(x *Dialect) bool { return x == old })
	}
	s.byName[d.Name] = d
	s.list = append(s.list, d)
	for n, sample := range d.Samples {
		if err := d.try(sample); err != nil {
			return fmt.Errorf("dialect %s: samples[%d]: %w", file, n, err)
		}
	}
	return nil
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// prepare compiles d and returns every mistake, joined.
func (d *Dialect) prepare() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !nameForm.MatchString(d.Name) {
		add("name: %q is not a name; allowed: lower-case letters, digits, -", d.Name)
	}
	if !slices.Contains([]string{"", "slash", "dash"}, d.Header) {
		add("header: %q is unknown; allowed: slash, dash, or none", d.Header)
	}
	if (d.Pairs.Equals == "") != (d.Pairs.Between == "") {
		add("pairs: equals and between belong together")
	}
	if len(d.Samples) == 0 {
		add("samples: are missing; at least one line that reads as it says")
	}
	d.detect = newWords(d.Detect)
	for n := range d.Events {
		e := &d.Events[n]
		e.all, e.any, e.not = newWords(e.All), newWords(e.Any), newWords(e.Not)
		if !slices.Contains(Events(), e.Event) {
			add("events[%d].event: %q is unknown; allowed: %s", n, e.Event, strings.Join(Events(), ", "))
		}
		if len(e.App)+len(e.All)+len(e.Any)+len(e.Where) == 0 && e.Match == "" {
			add("events[%d]: fits every line; give app, all, any, where or match", n)
		}
		if len(e.Where)+len(e.Fields) > 0 && d.Pairs.Equals == "" {
			add("events[%d]: where and fields want pairs", n)
		}
		if e.Match == "" {
			continue
		}
		var err error
		if e.match, err = regexp.Compile(e.Match); err != nil {
			add("events[%d].match: %v", n, err)
			continue
		}
		e.names = e.match.SubexpNames()
	}
	return errors.Join(errs...)
}

// try holds a sample against what it says.
func (d *Dialect) try(s Sample) error {
	m := message.Parse(s.Line, time.UTC, time.Now())
	got := d.Read(NewLine(&m))
	if got.Event != s.Event {
		return fmt.Errorf("reads as event %q, not %q", got.Event, s.Event)
	}
	for _, w := range [][3]string{{"host", got.Host, s.Host}, {"app", got.App, s.App}} {
		if w[2] != "" && w[1] != w[2] {
			return fmt.Errorf("%s reads as %q, not %q", w[0], w[1], w[2])
		}
	}
	for _, pair := range []struct{ a, b map[string]string }{{s.Fields, got.Fields}, {got.Fields, s.Fields}} {
		for k, v := range pair.a {
			if pair.b[k] != v {
				return fmt.Errorf("field %s reads as %q, not %q", k, got.Fields[k], s.Fields[k])
			}
		}
	}
	return nil
}

// Names lists the dialects.
func (s *Set) Names() []string {
	out := []string{Generic}
	for _, d := range s.list {
		out = append(out, d.Name)
	}
	slices.Sort(out)
	return out
}

// Get returns a dialect by its name; nil if there is none.
func (s *Set) Get(name string) *Dialect { return s.byName[name] }

// Of recognises the dialect of a message; the generic one if it is no other. It
// tries guess first, if that is not nil: who wrote in a dialect goes on in it.
func (s *Set) Of(l *Line, guess *Dialect) *Dialect {
	if guess != nil && guess.wrote(l) {
		return guess
	}
	for _, d := range s.list {
		if d.wrote(l) {
			return d
		}
	}
	return s.generic
}

// wrote reports whether a message is in this dialect.
func (d *Dialect) wrote(l *Line) bool {
	if anyIn(d.detect, l.Text, &l.letters) {
		return true
	}
	return d.Header == "" && l.App != "" && slices.Contains(d.Detect, l.App)
}
