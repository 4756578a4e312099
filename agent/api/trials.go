package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"xunjian/rules"
	"xunjian/rules/ruletest"
)

// RuleFile is a file handed in to be tried out.
type RuleFile struct {
	Name    string `json:"name"` // a plain file name
	Content string `json:"content"`
}

// RuleTest asks for the unit tests in some files to be run.
type RuleTest struct {
	Files []RuleFile `json:"files"`
	// Tests are the names of those that hold tests; their rule_files may name
	// only files handed in beside them.
	Tests []string `json:"tests"`
}

// RuleTestReport is what became of the tests.
type RuleTestReport struct {
	OK    bool         `json:"ok"`
	Files []TestedFile `json:"files"`
}

// TestedFile is what became of one file of tests.
type TestedFile struct {
	File     string        `json:"file"`
	Tests    int           `json:"tests"`
	Failures []TestFailure `json:"failures"`
}

// TestFailure is one expectation that was not met, or a mistake in the file.
type TestFailure struct {
	Test    string `json:"test"`
	Message string `json:"message"`
}

// BacktestRequest asks when rules would have fired.
type BacktestRequest struct {
	Files []RuleFile `json:"files"`
	// From is a day before To if absent, To is now if absent.
	From Moment `json:"from,omitzero"`
	To   Moment `json:"to,omitzero"`
	// StepSeconds is 15 if absent.
	StepSeconds float64 `json:"step_seconds,omitempty"`
}

// BacktestReport says when rules would have fired.
type BacktestReport struct {
	From        Moment   `json:"from"`
	To          Moment   `json:"to"`
	StepSeconds float64  `json:"step_seconds"`
	Firings     []Firing `json:"firings"`
	// Blind rules ask for metrics that have no series in all that time: that
	// they did not fire says nothing.
	Blind []BlindRule `json:"blind"`
}

// Firing is one time that an alert would have fired.
type Firing struct {
	Group       string            `json:"group"`
	Rule        string            `json:"rule"`
	Summary     string            `json:"summary"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Value       float64           `json:"value"`
	ActiveAt    Moment            `json:"active_at"`
	From        Moment            `json:"from"`
	To          Moment            `json:"to"`
	// Open says that it still fired at the end.
	Open bool `json:"open"`
}

// BlindRule is a rule with the metrics it misses.
type BlindRule struct {
	Group   string   `json:"group"`
	Rule    string   `json:"rule"`
	Metrics []string `json:"metrics"`
}

const (
	maxTrialFiles   = 50
	backtestSpan    = 24 * time.Hour
	backtestStep    = 15 * time.Second
	minBacktestStep = time.Second
)

func (s *server) testRules(c *call) (any, error) {
	var in RuleTest
	if err := readAll(c, &in); err != nil {
		return nil, err
	}
	dir, paths, err := unpack(in.Files)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var tests []string
	for _, name := range in.Tests {
		n := slices.IndexFunc(in.Files, func(f RuleFile) bool { return f.Name == name })
		if n < 0 {
			return nil, badField(http.StatusUnprocessableEntity, "tests", "no_such_file", "name", name)
		}
		if err := staysInside(in.Files[n]); err != nil {
			return nil, err
		}
		tests = append(tests, paths[n])
	}
	if len(tests) == 0 {
		return nil, badField(http.StatusUnprocessableEntity, "tests", "nothing_given")
	}
	report, err := ruletest.Run(c.Context(), tests)
	if err != nil {
		return nil, err
	}
	return DescribeTests(report, dir), nil
}

// DescribeTests describes what became of tests; dir is taken off their names.
func DescribeTests(r ruletest.Report, dir string) RuleTestReport {
	out := RuleTestReport{OK: r.OK(), Files: []TestedFile{}}
	for _, f := range r.Files {
		one := TestedFile{File: without(dir, f.File), Tests: f.Tests, Failures: []TestFailure{}}
		for _, x := range f.Failures {
			one.Failures = append(one.Failures, TestFailure{x.Test, without(dir, x.Message)})
		}
		out.Files = append(out.Files, one)
	}
	return out
}

// without takes a folder off the paths in a text.
func without(dir, s string) string {
	if dir == "" {
		return s
	}
	return strings.ReplaceAll(s, dir+string(filepath.Separator), "")
}

// unpack writes the files into a folder of their own; the caller removes it.
func unpack(files []RuleFile) (dir string, paths []string, err error) {
	if len(files) == 0 {
		return "", nil, badField(http.StatusUnprocessableEntity, "files", "nothing_given")
	}
	if len(files) > maxTrialFiles {
		return "", nil, badField(http.StatusUnprocessableEntity, "files", "too_many_files", "max", maxTrialFiles)
	}
	for n, f := range files {
		double := slices.ContainsFunc(files[:n], func(g RuleFile) bool { return g.Name == f.Name })
		if !plainName(f.Name) || double {
			return "", nil, badField(http.StatusUnprocessableEntity, "files", "bad_file_name", "name", f.Name)
		}
	}
	if dir, err = os.MkdirTemp("", "xunjian-rules-"); err != nil {
		return "", nil, fmt.Errorf("make a folder for rule files: %w", err)
	}
	for _, f := range files {
		path := filepath.Join(dir, f.Name)
		if err := os.WriteFile(path, []byte(f.Content), 0o600); err != nil {
			os.RemoveAll(dir)
			return "", nil, fmt.Errorf("write a rule file: %w", err)
		}
		paths = append(paths, path)
	}
	return dir, paths, nil
}

// plainName allows letters, digits and ._- only: no folder, and nothing that
// a pattern of file names could take for more than itself.
func plainName(name string) bool {
	return name != "" && len(name) <= 128 && name[0] != '.' && strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r))
	}) < 0
}

// staysInside refuses a test that asks for rule files elsewhere on this
// machine: the messages about them would show what is in them.
func staysInside(f RuleFile) error {
	// The same reader as ruletest's, so that both see the same names.
	var file struct {
		RuleFiles []string `yaml:"rule_files"`
	}
	if err := yaml.Unmarshal([]byte(f.Content), &file); err != nil {
		return badField(http.StatusUnprocessableEntity, "files", "bad_tests", "why", f.Name+": "+err.Error())
	}
	for _, name := range file.RuleFiles {
		if !plainName(name) {
			return badField(http.StatusUnprocessableEntity, "files", "rule_file_elsewhere", "file", f.Name, "name", name)
		}
	}
	return nil
}

func (s *server) backtestRules(c *call) (any, error) {
	var in BacktestRequest
	if err := readAll(c, &in); err != nil {
		return nil, err
	}
	from, to, step, err := in.span(c.now)
	if err != nil {
		return nil, err
	}
	dir, paths, err := unpack(in.Files)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	history := s.Rules.Queryable()
	fired, err := ruletest.Backtest(c.Context(), history, paths, from, to, step)
	if err != nil {
		return nil, badRules(c, dir, err)
	}
	out := BacktestReport{
		From: c.moment(from), To: c.moment(to), StepSeconds: step.Seconds(),
		Firings: []Firing{}, Blind: []BlindRule{},
	}
	for _, f := range fired {
		out.Firings = append(out.Firings, c.firing(f))
	}
	blind, err := blindRules(c.Context(), history, in.Files, from, to)
	out.Blind = append(out.Blind, blind...)
	return out, err
}

func (in BacktestRequest) span(now time.Time) (from, to time.Time, step time.Duration, err error) {
	from, to, step = in.From.Time, in.To.Time, time.Duration(in.StepSeconds*float64(time.Second))
	if to.IsZero() {
		to = now
	}
	if from.IsZero() {
		from = to.Add(-backtestSpan)
	}
	if in.StepSeconds == 0 {
		step = backtestStep
	}
	switch {
	case !from.Before(to):
		err = badField(http.StatusUnprocessableEntity, "from", "bad_range")
	case step < minBacktestStep || in.StepSeconds > maxSeconds:
		err = badField(http.StatusUnprocessableEntity, "step_seconds", "bad_seconds", "low", minBacktestStep.Seconds(), "high", float64(maxSeconds))
	}
	return from, to, step, err
}

func (c *call) firing(f ruletest.Firing) Firing {
	return Firing{
		Group: f.Group, Rule: f.Rule, Summary: summary(c.say.Lang(), f.Rule, f.Annotations),
		Labels: labelSet(f.Labels), Annotations: labelSet(f.Annotations), Value: bounded(f.Value),
		ActiveAt: c.moment(f.ActiveAt), From: c.moment(f.From), To: c.moment(f.To), Open: f.Open,
	}
}

// badRules tells mistakes in the files, and in what was asked, from a request
// that ran out of time.
func badRules(c *call, dir string, err error) error {
	if c.Context().Err() != nil {
		return context.Cause(c.Context())
	}
	if errors.As(err, new(*rules.LoadError)) {
		return badField(http.StatusUnprocessableEntity, "files", "bad_rules", "why", without(dir, err.Error()))
	}
	return badField(http.StatusUnprocessableEntity, "", "bad_backtest", "why", without(dir, err.Error()))
}
