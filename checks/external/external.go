// Package external opens three doors for what others already have: the folder
// of *.prom files that node_exporter's textfile collector reads, Nagios
// plugins, and ping URLs for jobs. Nothing that comes through them is trusted:
// it is bounded, checked, and never run on anybody's request.
package external

import (
	"errors"
	"fmt"
	"regexp"

	"xunjian/checks"
)

// Config of the three doors. Start from Default; a door without its first key
// stays shut.
type Config struct {
	Textfile TextfileConfig `yaml:"textfile"`
	Plugins  []PluginConfig `yaml:"plugins"`
	Jobs     []JobConfig    `yaml:"jobs"`
}

// Default returns a Config with all doors shut.
func Default() Config { return Config{Textfile: defaultTextfile()} }

// Validate returns every mistake in c, joined, each beginning with the key.
func (c Config) Validate() error {
	var m mistakes
	c.Textfile.validate(&m)
	validatePlugins(&m, c.Plugins)
	validateJobs(&m, c.Jobs)
	return errors.Join(m...)
}

// Checks returns the check of the textfile folder and one for each plugin. The
// check of the jobs is Jobs itself, since it outlives a reload. An error is
// that of Config.Validate.
func Checks(cfg Config) ([]checks.Check, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	var list []checks.Check
	if cfg.Textfile.Dir != "" {
		list = append(list, newTextfile(cfg.Textfile))
	}
	for _, p := range cfg.Plugins {
		list = append(list, newPlugin(p))
	}
	return list, nil
}

// mistakes collects what is wrong with a Config.
type mistakes []error

func (m *mistakes) add(format string, args ...any) { *m = append(*m, fmt.Errorf(format, args...)) }

// nest adds the mistakes that are joined in err, below key.
func (m *mistakes) nest(key string, err error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return
	}
	for _, e := range joined.Unwrap() {
		m.add("%s.%w", key, e)
	}
}

// instance is what plugins and jobs may be named: it becomes part of the name
// of a check and a label.
var instance = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// name checks the name of one of several, and that no other has it.
func (m *mistakes) name(key, name string, seen map[string]bool) {
	switch {
	case !instance.MatchString(name):
		m.add("%s: %q is no name; use letters, digits, '.', '_' and '-', at most 64, a letter or digit first", key, name)
	case seen[name]:
		m.add("%s: %s stands twice", key, name)
	}
	seen[name] = true
}
