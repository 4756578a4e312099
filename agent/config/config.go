// Package config composes the configuration of the agent from those of its
// parts, and reads it strictly: every mistake is reported at once, with file,
// line, column and what is allowed, and nothing is used before all is right.
package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
	_ "time/tzdata" // zones must be there on a machine without zoneinfo

	"xunjian/agent/inbound"
	"xunjian/alerting/calendar"
	"xunjian/alerting/inspection"
	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
	"xunjian/alerting/roster"
	"xunjian/alerting/schedule"
	"xunjian/alerting/yamlfile"
	"xunjian/deploy"
	"xunjian/rules"
)

// Example is a configuration file with every key in it, explained in both
// languages.
var Example = deploy.Example

// Config of the whole agent. Start from Default.
type Config struct {
	// Path of the file it was read from; empty for the defaults.
	Path string `yaml:"-"`

	// Data is the folder of everything the agent keeps.
	Data string `yaml:"data"`
	// Host is the name of this machine on incidents and series; empty: its
	// host name.
	Host string `yaml:"host"`
	// Language of notices and of callers that ask for none: zh-CN or en.
	Language string `yaml:"language"`
	// Zone is the time zone of the plan's clock, like Asia/Shanghai.
	Zone string `yaml:"zone"`

	Console Console `yaml:"console"`
	Metrics Metrics `yaml:"metrics"`
	Access  Access  `yaml:"access"`
	Log     Log     `yaml:"log"`

	// Systems are the business systems that this machine carries, by name; the
	// kind, business or opening, decides which level table holds.
	Systems map[string]plan.SystemKind `yaml:"systems"`
	// Operator is what the law takes the operator for: critical, organ or
	// other. It decides how soon an incident has to be reported by law.
	Operator plan.OperatorKind `yaml:"operator"`
	// Unit is the operator as documents name him.
	Unit Unit `yaml:"unit"`
	// Calendar is when bids are opened and due: while that runs or is near, its
	// systems count as opening systems.
	Calendar calendar.Config `yaml:"calendar"`
	// Plan is the file of the operator's own response plan; empty: the one as
	// shipped.
	Plan   string `yaml:"plan"`
	Roster Roster `yaml:"roster"`
	// Schedule says which days are working days.
	Schedule Schedule `yaml:"schedule"`
	// Inspection says which forms the rounds are made of.
	Inspection inspection.Config `yaml:"inspection"`
	// Drills begin by themselves.
	Drills []Drill `yaml:"drills"`
	// Notify says how people are reached beside the journal.
	Notify Notify `yaml:"notify"`
	// Inbound takes in alerts from Prometheus, Alertmanager and others.
	Inbound Inbound `yaml:"inbound"`

	Checks Checks       `yaml:"checks"`
	Rules  rules.Config `yaml:"rules"`

	zone *time.Location
	// What the files named here hold, once they were read without a mistake.
	loadedPlan   *plan.Plan
	loadedRoster *roster.Roster
	workdays     *schedule.Workdays
	loadedForms  []inspection.Form
}

// Console is the listener of console and API.
type Console struct {
	// Listen is the address, host:port; port 0 takes a free one.
	Listen string `yaml:"listen"`
	// TLSCert and TLSKey are PEM files; with both it speaks HTTPS.
	TLSCert string `yaml:"tls_cert"`
	TLSKey  string `yaml:"tls_key"`
	// URL is where people reach the console, for links in notices; empty:
	// made from Listen.
	URL string `yaml:"url"`
}

// Inbound takes in alerts from outside.
type Inbound struct {
	// Listen is the address, host:port; empty: none are taken in.
	Listen         string `yaml:"listen"`
	inbound.Config `yaml:",inline"`
}

// Metrics is the listener of /metrics.
type Metrics struct {
	// Listen is the address, host:port; port 0 takes a free one.
	Listen string `yaml:"listen"`
}

// Access says who may come in beside the accounts.
type Access struct {
	// SocketGroup is the group whose members may use the agent's socket, and
	// so the command line; empty: root and the agent's own user alone.
	SocketGroup string `yaml:"socket_group"`
}

// Log says what the agent writes of itself to standard error.
type Log struct {
	// Level is debug, info, warn or error.
	Level string `yaml:"level"`
	// Format is text or json.
	Format string `yaml:"format"`
}

// Roster is who holds which role: a file, or the people themselves.
type Roster struct {
	// File of the roster; not together with people.
	File          string `yaml:"file"`
	roster.Roster `yaml:",inline"`
}

// Default returns the configuration of an agent that was told nothing.
func Default() *Config {
	c := Defaults()
	c.Data = DefaultData
	c.Host = hostName()
	c.zone, _ = time.LoadLocation(c.Zone)
	return c
}

// DefaultData is the data folder where neither flag nor file names one, under
// the working folder.
const DefaultData = "data"

// Defaults returns what holds where a file says nothing. Data, Host and the time
// zone are not filled in yet; for a configuration to work with, take Default.
func Defaults() *Config {
	return &Config{
		Language:   "zh-CN",
		Zone:       "Asia/Shanghai",
		Operator:   plan.Other,
		Calendar:   calendar.Default(),
		Unit:       Unit{Name: plan.Text{ZH: "本单位", EN: "our organisation"}},
		Console:    Console{Listen: "127.0.0.1:8720"},
		Metrics:    Metrics{Listen: "127.0.0.1:9720"},
		Log:        Log{Level: "info", Format: "text"},
		Inspection: inspection.Config{KeepReports: inspection.LeastKept},
		Notify:     defaultNotify(),
		Checks:     defaultChecks(),
		Rules:      rules.DefaultConfig(),
	}
}

func hostName() string {
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return "localhost"
}

// Load reads a configuration file and the plan and roster it names. Mistakes
// are a *yamlfile.Error.
func Load(path string) (*Config, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(path, b)
}

// Parse reads a configuration. name stands in the messages; relative paths in
// it are taken from name's folder.
func Parse(name string, b []byte) (*Config, error) {
	c := Defaults()
	err := yamlfile.Decode(name, b, c, func() error {
		c.Path = name
		c.resolve(name)
		return c.Validate()
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// resolve fills in what the file left open, and takes relative paths from the
// file's folder.
func (c *Config) resolve(name string) {
	folder := filepath.Dir(name)
	if abs, err := filepath.Abs(folder); err == nil {
		folder = abs
	}
	if c.Host == "" {
		c.Host = hostName()
	}
	for _, p := range c.paths() {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(folder, *p)
		}
	}
	if c.Data == "" {
		c.Data = DefaultData
	}
}

// paths are the fields that hold paths.
func (c *Config) paths() []*string {
	out := []*string{&c.Data, &c.Console.TLSCert, &c.Console.TLSKey, &c.Plan, &c.Roster.File, &c.Unit.Texts, &c.Unit.Letters, &c.Schedule.Holidays, &c.Inspection.ReportTemplate}
	for i := range c.Calendar.Paths {
		out = append(out, &c.Calendar.Paths[i])
	}
	for i := range c.Inspection.Forms {
		out = append(out, &c.Inspection.Forms[i])
	}
	for i := range c.Rules.Files {
		out = append(out, &c.Rules.Files[i])
	}
	return slices.Concat(out, c.Notify.paths(), c.Inbound.Paths(), c.Checks.paths())
}

// Location is the time zone of Zone.
func (c *Config) Location() *time.Location {
	if c.zone == nil {
		return time.UTC
	}
	return c.zone
}

// LoadPlan returns the plan in force: the operator's own, or the one as
// shipped.
func (c *Config) LoadPlan() (*plan.Plan, error) {
	switch {
	case c.loadedPlan != nil:
		return c.loadedPlan, nil
	case c.Plan == "":
		return planfile.Default(), nil
	}
	return planfile.LoadFile(c.Plan)
}

// LoadRoster returns the roster in force, whose roles are those of p.
func (c *Config) LoadRoster(p *plan.Plan) (roster.Roster, error) {
	switch {
	case c.loadedRoster != nil:
		return *c.loadedRoster, nil
	case c.Roster.File == "":
		return c.Roster.Roster, c.Roster.Validate(p.Assignable())
	}
	return planfile.LoadRosterFile(c.Roster.File, p)
}
