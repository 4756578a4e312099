package ruletest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// testFile is a file of unit tests, with promtool's keys.
type testFile struct {
	RuleFiles          []string       `yaml:"rule_files"`
	EvaluationInterval model.Duration `yaml:"evaluation_interval"`
	GroupEvalOrder     []string       `yaml:"group_eval_order"`
	FuzzyCompare       bool           `yaml:"fuzzy_compare"`
	Tests              []testGroup    `yaml:"tests"`

	order map[string]int // place of a group in GroupEvalOrder
}

// testGroup is a set of series and what rules and queries make of them.
type testGroup struct {
	Name           string            `yaml:"name"`
	Interval       model.Duration    `yaml:"interval"`
	InputSeries    []inputSeries     `yaml:"input_series"`
	AlertRuleTests []alertTest       `yaml:"alert_rule_test"`
	ExprTests      []exprTest        `yaml:"promql_expr_test"`
	ExternalLabels map[string]string `yaml:"external_labels"`
	ExternalURL    string            `yaml:"external_url"`
	StartTimestamp startTime         `yaml:"start_timestamp"`
}

type inputSeries struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type alertTest struct {
	EvalTime  model.Duration  `yaml:"eval_time"`
	Alertname string          `yaml:"alertname"`
	ExpAlerts []expectedAlert `yaml:"exp_alerts"`
}

type expectedAlert struct {
	Labels      map[string]string `yaml:"exp_labels"`
	Annotations map[string]string `yaml:"exp_annotations"`
}

type exprTest struct {
	Expr       string           `yaml:"expr"`
	EvalTime   model.Duration   `yaml:"eval_time"`
	ExpSamples []expectedSample `yaml:"exp_samples"`
}

type expectedSample struct {
	Labels    string  `yaml:"labels"`
	Value     float64 `yaml:"value"`
	Histogram string  `yaml:"histogram"` // if set, Value does not count
}

// startTime is RFC 3339 or seconds since 1970; absent, it is 1970.
type startTime struct{ time.Time }

// UnmarshalYAML reads either form.
func (t *startTime) UnmarshalYAML(n *yaml.Node) error {
	if s, err := strconv.ParseFloat(n.Value, 64); err == nil {
		t.Time = time.UnixMilli(int64(s * 1000)).UTC()
		return nil
	}
	at, err := time.Parse(time.RFC3339Nano, n.Value)
	if err != nil {
		return fmt.Errorf("line %d: start_timestamp %q is neither RFC 3339 nor seconds since 1970", n.Line, n.Value)
	}
	t.Time = at.UTC()
	return nil
}

func readFile(path string) (*testFile, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := &testFile{order: map[string]int{}}
	d := yaml.NewDecoder(bytes.NewReader(content))
	d.KnownFields(true)
	if err := d.Decode(f); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if f.EvaluationInterval == 0 {
		f.EvaluationInterval = model.Duration(time.Minute)
	}
	for i, name := range f.GroupEvalOrder {
		if _, twice := f.order[name]; twice {
			return nil, fmt.Errorf("group name repeated in evaluation order: %s", name)
		}
		f.order[name] = i
	}
	f.RuleFiles, err = globFrom(filepath.Dir(path), f.RuleFiles)
	return f, err
}

// globFrom resolves patterns relative to dir. One that matches nothing is a
// mistake of the file.
func globFrom(dir string, patterns []string) ([]string, error) {
	var files []string
	for _, p := range patterns {
		if p != "" && !filepath.IsAbs(p) {
			p = filepath.Join(dir, p)
		}
		found, err := filepath.Glob(p)
		if err != nil {
			return nil, fmt.Errorf("rule_files: %s: %w", p, err)
		}
		files = append(files, found...)
	}
	return files, nil
}

func (f *testFile) run(ctx context.Context) []Failure {
	var failures []Failure
	for i, g := range f.Tests {
		if g.Interval == 0 {
			g.Interval = f.EvaluationInterval
		}
		name := g.Name
		if name == "" {
			name = "#" + strconv.Itoa(i+1)
		}
		for _, err := range g.run(ctx, f) {
			failures = append(failures, Failure{Test: name, Message: err.Error()})
		}
	}
	return failures
}
