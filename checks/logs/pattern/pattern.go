// Package pattern knows the lines of logs that matter. What it knows is data:
// each pattern has a name, an expression with named fields, what it means, and
// lines that it must and must not match, which are tried whenever it is loaded.
//
// All patterns are looked for at once: a search for a literal of each, over
// whole blocks and with long steps, and only where one stands the one
// expression that it belongs to. So the cost hardly grows with their number.
package pattern

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"xunjian/checks"
)

//go:embed default/*.yaml
var defaults embed.FS

// Pattern is one kind of line.
type Pattern struct {
	// Name tells it from the others: lower-case words joined by "_".
	Name string `yaml:"name"`
	// Group is what writes it: sshd, sudo, kernel, nginx.
	Group string `yaml:"group"`
	// Kinds are the kinds of sources in which it is looked for; empty: all.
	Kinds []string `yaml:"kinds"`
	Title Title    `yaml:"title"`
	// Verdict is what such a line comes to: ok is only counted.
	Verdict checks.Verdict `yaml:"verdict"`
	// Code is the plan's: A01, E01, F00. It may be left out where the verdict
	// is ok.
	Code string `yaml:"code"`
	// Event says what several lines together are judged by; see Events.
	Event string `yaml:"event"`
	// Echo names who tells of events of which the programs tell themselves: pam,
	// audit. Of one event its line and the program's are one. What its field
	// op names tells once more.
	Echo string `yaml:"echo"`
	// Program are those that write it, as the syslog line names them. Then Match
	// is held against the message after the name, from its beginning, so that
	// nobody can make such a line by what he gets others to log. Without, it is
	// looked for in the whole line.
	Program []string `yaml:"program"`
	// Match is the expression, in Go's syntax. Its named fields are kept.
	Match string `yaml:"match"`
	// Literals are words of which one stands in every line that matches. They
	// are found in Match; give them where that fails.
	Literals []string `yaml:"literals"`
	// Samples must match, Not must not.
	Samples []string `yaml:"samples"`
	Not     []string `yaml:"not"`

	expr   expression
	fields []string // names of its groups
}

// Title names what the lines are about, for people.
type Title struct {
	EN string `yaml:"en" json:"en"`
	ZH string `yaml:"zh-CN" json:"zh-CN"`
}

// What several lines are judged by.
const (
	LoginFailed  = "login-failed"  // fields user, address
	Login        = "login"         // fields user, address
	AccountNew   = "account-new"   // field user
	Privileged   = "privileged"    // a user got rights: field user
	LogEmptied   = "log-emptied"   // a log was emptied or its writing stopped
	ServiceCrash = "service-crash" // field service
)

// Events lists them.
func Events() []string {
	return []string{LoginFailed, Login, AccountNew, Privileged, LogEmptied, ServiceCrash}
}

// Fields returns the names of the fields of a match, in the order of the
// expression's groups.
func (p *Pattern) Fields() []string { return p.fields }

type document struct {
	Format   int        `yaml:"format"`
	Patterns []*Pattern `yaml:"patterns"`
}

// Default returns our own patterns.
func Default() ([]*Pattern, error) {
	names, err := fs.Glob(defaults, "default/*.yaml")
	if err != nil {
		return nil, err
	}
	var out []*Pattern
	for _, name := range names {
		raw, err := defaults.ReadFile(name)
		if err != nil {
			return nil, err
		}
		list, err := Parse(path.Base(name), raw)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, twice(out)
}

// maxFile bounds a file of patterns, in bytes.
const maxFile = 4 << 20

// Load returns our own patterns with those of files put over them: one that is
// named as one of ours takes its place.
func Load(files []string) ([]*Pattern, error) {
	out, err := Default()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, name := range files {
		fi, err := os.Stat(name)
		if err == nil && fi.Size() > maxFile {
			err = fmt.Errorf("%s: %d bytes are too many; allowed: %d", name, fi.Size(), maxFile)
		}
		var list []*Pattern
		if err == nil {
			var raw []byte
			if raw, err = os.ReadFile(name); err == nil {
				list, err = Parse(name, raw)
			}
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, p := range list {
			if n := slices.IndexFunc(out, func(o *Pattern) bool { return o.Name == p.Name }); n >= 0 {
				out[n] = p
			} else {
				out = append(out, p)
			}
		}
	}
	return out, errors.Join(errs...)
}

// Parse reads one file of patterns and tries them on their samples. An error
// names every mistake, with file, pattern and key.
func Parse(name string, raw []byte) ([]*Pattern, error) {
	var doc document
	if err := yaml.UnmarshalWithOptions(raw, &doc, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if doc.Format != 1 {
		return nil, fmt.Errorf("%s: format: %d is unknown; allowed: 1", name, doc.Format)
	}
	var errs []error
	for n, p := range doc.Patterns {
		if p == nil {
			errs = append(errs, fmt.Errorf("%s: patterns[%d]: is empty", name, n))
			continue
		}
		if err := p.compile(); err != nil {
			for _, e := range unjoin(err) {
				errs = append(errs, fmt.Errorf("%s: patterns[%d] %s: %w", name, n, p.Name, e))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return doc.Patterns, twice(doc.Patterns)
}

func twice(list []*Pattern) error {
	seen := map[string]bool{}
	for _, p := range list {
		if seen[p.Name] {
			return fmt.Errorf("pattern %s stands twice", p.Name)
		}
		seen[p.Name] = true
	}
	return nil
}

func unjoin(err error) []error {
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		return j.Unwrap()
	}
	return []error{err}
}

var (
	nameShape = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	codeShape = regexp.MustCompile(`^[A-Z]\d\d$`)
)

// minLiteral is the least that a literal has to have, in bytes: shorter ones
// stand everywhere.
const minLiteral = 4

func (p *Pattern) compile() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !nameShape.MatchString(p.Name) || len(p.Name) > 80 {
		add("name: %q is no name; use lower-case words joined by _", p.Name)
	}
	if !nameShape.MatchString(p.Group) {
		add("group: %q is no name; use lower-case words joined by _", p.Group)
	}
	if p.Title.EN == "" || p.Title.ZH == "" {
		add("title: give it in both languages, en and zh-CN")
	}
	if !slices.Contains([]checks.Verdict{checks.OK, checks.Attention, checks.Abnormal}, p.Verdict) {
		add("verdict: %s is no verdict of a line; allowed: ok, attention, abnormal", p.Verdict)
	}
	if (p.Code != "" || p.Verdict != checks.OK) && !codeShape.MatchString(p.Code) {
		add("code: %q is no code of the plan; allowed: like A01", p.Code)
	}
	if p.Event != "" && !slices.Contains(Events(), p.Event) {
		add("event: %q is unknown; allowed: %s", p.Event, strings.Join(Events(), ", "))
	}
	if p.Echo != "" && (p.Event == "" || !nameShape.MatchString(p.Echo)) {
		add("echo: %q is no name, or there is no event that it could tell of", p.Echo)
	}
	if len(p.Samples) == 0 {
		add("samples: give at least one line that matches")
	}
	if err := p.expression(); err != nil {
		add("match: %w", err)
		return errors.Join(errs...)
	}
	for n, l := range p.Literals {
		if len(l) < minLiteral || strings.Contains(l, "\n") {
			add("literals[%d]: %q is too short; at least %d bytes in one line", n, l, minLiteral)
		}
	}
	errs = append(errs, p.try()...)
	return errors.Join(errs...)
}

func (p *Pattern) expression() error {
	if len(p.Match) > 4<<10 {
		return fmt.Errorf("%d bytes are too many; allowed: %d", len(p.Match), 4<<10)
	}
	expr := p.Match
	if len(p.Program) > 0 {
		expr = `\A(?:` + expr + `)`
	}
	e, err := compile(expr)
	if err != nil {
		return err
	}
	p.expr, p.fields = e, e.re.SubexpNames()
	if len(p.Literals) == 0 {
		if p.Literals = literalsOf(p.Match); len(p.Literals) == 0 {
			return fmt.Errorf("no word of %d bytes or more stands in every line that matches; give literals", minLiteral)
		}
	}
	return nil
}

// try holds the pattern against its samples.
func (p *Pattern) try() []error {
	var errs []error
	m := NewMatcher([]*Pattern{p})
	try := func(line string) bool {
		hit := false
		m.Scan([]byte(line+"\n"), func(h *Hit) { hit = true })
		return hit
	}
	for n, line := range p.Samples {
		if strings.ContainsRune(line, '\n') {
			errs = append(errs, fmt.Errorf("samples[%d]: is more than one line", n))
		} else if !try(line) {
			errs = append(errs, fmt.Errorf("samples[%d]: is not matched: %s", n, line))
		}
	}
	for n, line := range p.Not {
		if try(line) {
			errs = append(errs, fmt.Errorf("not[%d]: is matched: %s", n, line))
		}
	}
	return errs
}
