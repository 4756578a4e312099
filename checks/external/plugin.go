package external

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"xunjian/checks"
)

// PluginConfig is one Nagios plugin that is run as a check.
type PluginConfig struct {
	// Name makes the check plugin/NAME.
	Name string `yaml:"name"`
	// Command is the program, an absolute path, and its arguments. No shell
	// reads them. The program and all folders above it must belong to root (or
	// to the agent's user, if that is not root) and nobody else may write there.
	Command []string `yaml:"command"`
	// Env is added to the few variables that the plugin gets.
	Env map[string]string `yaml:"env"`
	// Interval between two runs, at least 2 s; 0 means 1 min. Timeout after
	// which the plugin and all that it started is killed, at least 1 s; 0 means
	// 30 s, or less for a short interval.
	Interval time.Duration `yaml:"interval"`
	Timeout  time.Duration `yaml:"timeout"`
}

const (
	pluginInterval = time.Minute
	pluginTimeout  = 30 * time.Second

	minPluginTimeout = time.Second
)

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func validatePlugins(m *mistakes, list []PluginConfig) {
	seen := map[string]bool{}
	for i, p := range list {
		key := fmt.Sprintf("plugins[%d]", i)
		m.name(key+".name", p.Name, seen)
		p.validateCommand(m, key+".command")
		for _, name := range slices.Sorted(maps.Keys(p.Env)) {
			if !variable.MatchString(name) || strings.Contains(p.Env[name], "\x00") {
				m.add("%s.env: %q cannot be set", key, name)
			}
		}
		if p.Timeout != 0 && p.Timeout < minPluginTimeout {
			m.add("%s.timeout: %v is too short, at least %v", key, p.Timeout, minPluginTimeout)
		}
		if p.Interval != 0 && p.Interval < 2*minPluginTimeout {
			m.add("%s.interval: %v is too short, at least %v", key, p.Interval, 2*minPluginTimeout)
			continue
		}
		m.nest(key, checks.Schedule{Interval: p.Interval, Timeout: p.Timeout}.Validate())
	}
}

func (p PluginConfig) validateCommand(m *mistakes, key string) {
	if len(p.Command) == 0 {
		m.add("%s: give the plugin and its arguments as a list", key)
		return
	}
	if !filepath.IsAbs(p.Command[0]) {
		m.add("%s[0]: %q is not an absolute path", key, p.Command[0])
	}
	for i, arg := range p.Command {
		if strings.Contains(arg, "\x00") {
			m.add("%s[%d]: contains a zero byte", key, i)
		}
	}
}

// plugin is the check made of one plugin.
type plugin struct{ cfg PluginConfig }

func newPlugin(cfg PluginConfig) *plugin { return &plugin{cfg} }

// Name is plugin/NAME.
func (p *plugin) Name() string { return "plugin/" + p.cfg.Name }

// Identity tells one configuration from another.
func (p *plugin) Identity() string { return fmt.Sprintf("%q %q", p.cfg.Command, p.environment()) }

// Schedule is the configured rhythm.
func (p *plugin) Schedule() checks.Schedule {
	s := checks.Schedule{Interval: p.cfg.Interval, Timeout: p.cfg.Timeout}
	if s.Interval == 0 {
		s.Interval = pluginInterval
	}
	if s.Timeout == 0 {
		s.Timeout = min(pluginTimeout, s.Interval*2/3)
	}
	return s
}

// environment is all that the plugin gets: nothing of the agent's own.
func (p *plugin) environment() []string {
	env := map[string]string{
		"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LANG": "C.UTF-8", "HOME": "/",
	}
	maps.Copy(env, p.cfg.Env)
	var list []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// Run runs the plugin and says what it said.
func (p *plugin) Run(ctx context.Context, out *checks.Output) error {
	path, err := trusted(p.cfg.Command[0])
	if bad, ok := errors.AsType[*untrusted](err); ok {
		out.Find(checks.Finding{Code: bad.code, Subject: bad.path, Args: bad.args, Verdict: checks.Abnormal})
		return nil
	}
	if err != nil {
		return err
	}
	e, err := execute(ctx, path, p.cfg.Command, p.environment())
	if err != nil {
		return err
	}
	said := readOutput(e.stdout.String())
	out.Find(p.finding(e, said))
	if e.dropped() > 0 {
		out.Find(checks.Finding{Code: "plugin.cut", Verdict: checks.OK, Args: map[string]any{"bytes": e.dropped(), "limit": maxOutput}})
	}
	if e.killed {
		return ctx.Err()
	}
	p.figures(said.perfdata, out)
	return nil
}

// finding says how the plugin ended and its first line.
func (p *plugin) finding(e *ended, said output) checks.Finding {
	f := checks.Finding{Code: "plugin.result", Verdict: checks.Unknown, Args: map[string]any{"text": said.text, "code": e.code}}
	switch {
	case e.killed:
		f.Code = "plugin.timeout"
		f.Args = map[string]any{"text": said.text, "timeout": p.Schedule().Timeout.Seconds()}
	case e.signal != "":
		f.Code = "plugin.signal"
		f.Args = map[string]any{"text": said.text, "signal": e.signal}
	case e.code < 0 || e.code > 3:
		f.Code = "plugin.exit"
	default:
		f.Verdict = []checks.Verdict{checks.OK, checks.Attention, checks.Abnormal, checks.Unknown}[e.code]
		if said.text == "" {
			f.Code = "plugin.silent"
			f.Args = map[string]any{"code": e.code}
		}
	}
	if f.Verdict != checks.OK {
		f.Evidence = e.evidence()
	}
	return f
}

// What plugins measure, in base units.
var (
	descPerf = checks.NewDesc("xunjian_plugin_perfdata", checks.Gauge,
		"A figure of a plugin, in seconds, bytes, a ratio of 1, or whatever unit it said.", "plugin", "label", "unit")
	descPerfTotal = checks.NewDesc("xunjian_plugin_perfdata_total", checks.Counter,
		"A figure of a plugin that only grows.", "plugin", "label")
	descThreshold = checks.NewDesc("xunjian_plugin_perfdata_threshold", checks.Gauge,
		"An edge of the range that a plugin takes for good (alert outside) or for bad (alert inside).",
		"plugin", "label", "unit", "severity", "edge", "alert")
	descLimit = checks.NewDesc("xunjian_plugin_perfdata_limit", checks.Gauge,
		"The least and the largest value that a figure of a plugin can have.", "plugin", "label", "unit", "edge")
)

// figures writes the performance data.
func (p *plugin) figures(perfdata string, out *checks.Output) {
	list, bad := parsePerfdata(perfdata)
	seen := map[string]bool{}
	for _, f := range list {
		if seen[f.label] {
			bad = append(bad, f.label+" stands twice")
			continue
		}
		seen[f.label] = true
		p.figure(f, out)
	}
	if len(bad) > 0 {
		out.Find(checks.Finding{Code: "plugin.perfdata", Verdict: checks.OK, Args: map[string]any{"count": len(bad), "first": bad[0]}})
	}
}

func (p *plugin) figure(f figure, out *checks.Output) {
	switch {
	case f.undetermined:
		return
	case f.counter:
		out.Set(descPerfTotal, f.value, p.cfg.Name, f.label)
		return
	}
	out.Set(descPerf, f.value, p.cfg.Name, f.label, f.unit)
	p.threshold(f, "warning", f.warning, out)
	p.threshold(f, "critical", f.critical, out)
	p.edge(f, "min", f.min, out)
	p.edge(f, "max", f.max, out)
}

func (p *plugin) threshold(f figure, severity string, r *span, out *checks.Output) {
	if r == nil {
		return
	}
	if r.low != nil {
		out.Set(descThreshold, *r.low, p.cfg.Name, f.label, f.unit, severity, "lower", r.alert())
	}
	if r.high != nil {
		out.Set(descThreshold, *r.high, p.cfg.Name, f.label, f.unit, severity, "upper", r.alert())
	}
}

func (p *plugin) edge(f figure, edge string, v *float64, out *checks.Output) {
	if v != nil {
		out.Set(descLimit, *v, p.cfg.Name, f.label, f.unit, edge)
	}
}
