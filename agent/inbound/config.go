package inbound

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"xunjian/alerting/notify/secret"
	"xunjian/alerting/plan"
)

// Config says who may bring alerts, in which form, and what they mean.
type Config struct {
	// Access is who may use the Alertmanager API and its webhook. Without it
	// only clients on this machine may.
	Access `yaml:",inline"`
	// ResolveTimeout is how long an alert of the API without an end of its own
	// holds when it is not said again; default 5m, 10s to 24h.
	ResolveTimeout time.Duration `yaml:"resolve_timeout"`
	// RenewWithin is how long an alert of Alertmanager's webhook holds when it
	// is not said again; give more than Alertmanager's repeat_interval. 0: until
	// Alertmanager says that it ended. 1m to 720h.
	RenewWithin time.Duration `yaml:"renew_within"`
	// Unmatched is what becomes of an alert that has no code of the plan and
	// that no line of Map matches: warning (default) or drop.
	Unmatched string `yaml:"unmatched"`
	// Map gives a meaning to alerts without a code of the plan; the first match
	// wins.
	Map []Mapping `yaml:"map"`
	// Webhooks are served at /webhook/NAME.
	Webhooks []Webhook `yaml:"webhooks"`
}

// Access is by a bearer token, by user name and password, or by either.
type Access struct {
	TokenFile    string `yaml:"token_file"`
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"password_file"`
}

// Mapping gives labels to the alerts that all of Match match.
type Mapping struct {
	// Match are matchers as Alertmanager writes them: alertname=~"Disk.*".
	Match []string `yaml:"match"`
	Set   Set      `yaml:"set"`
}

// Set are the labels by which rules speak to the desk; empty ones stay as they
// came.
type Set struct {
	Code     string     `yaml:"code"`
	Level    plan.Level `yaml:"level"`
	Kind     string     `yaml:"kind"`
	System   string     `yaml:"system"`
	Scenario string     `yaml:"scenario"`
	Cause    string     `yaml:"cause"`
	Resolve  string     `yaml:"resolve"`
}

func (s Set) labels() map[string]string {
	out := map[string]string{}
	for name, value := range map[string]string{
		"code": s.Code, "level": string(s.Level), "kind": s.Kind, "system": s.System, "scenario": s.Scenario, "cause": s.Cause, "resolve": s.Resolve,
	} {
		if value != "" {
			out[name] = value
		}
	}
	return out
}

// Webhook is one sender of signed JSON.
type Webhook struct {
	Name string `yaml:"name"`
	// Form is a ready-made mapping that the other keys refine: zabbix, grafana
	// or nightingale.
	Form string `yaml:"form"`
	// SecretFile holds the key of an HMAC signature. One of it, token_file and
	// password_file is needed.
	SecretFile string `yaml:"secret_file"`
	Access     `yaml:",inline"`
	Signature  Signature `yaml:"signature"`
	// List is the path to the alerts in the body; empty: the body is one alert,
	// or a list of them.
	List   string `yaml:"list"`
	Fields Fields `yaml:"fields"`
	// StatusValues are the values of the field status.
	StatusValues StatusValues `yaml:"status_values"`
	// LevelValues are the values of the field level by the plan's level.
	LevelValues map[plan.Level][]string `yaml:"level_values"`
	// RenewWithin is as in Config, for the alerts of this webhook.
	RenewWithin time.Duration `yaml:"renew_within"`
	// Zone is the time zone of times without one; empty: this machine's.
	Zone string `yaml:"zone"`
}

// Signature says where the proof of a request stands.
type Signature struct {
	// Scheme is hmac-sha256, bearer or basic; empty: by the file that is given.
	Scheme string `yaml:"scheme"`
	// Header holds the signature in hex, or the token; default for the token:
	// Authorization. Prefix stands before it, like "sha256=".
	Header string `yaml:"header"`
	Prefix string `yaml:"prefix"`
	// TimestampHeader holds the time of signing in seconds since 1970. It is
	// signed before the body, with Join between them (default ".").
	TimestampHeader string `yaml:"timestamp_header"`
	Join            string `yaml:"join"`
	// Window is how old a signed request may be, and how long one without a
	// time is remembered; default 5m, 10s to 1h.
	Window time.Duration `yaml:"window"`
}

// Fields are expressions: a path like labels.host[0], alternatives divided by
// |, "$" in front of one that starts at the body; or a Go template over the
// alert, with $body.
type Fields struct {
	// Key tells an alert from the others of this webhook; empty: its labels do.
	Key    string `yaml:"key"`
	Status string `yaml:"status"`
	Title  string `yaml:"title"`
	Code   string `yaml:"code"`
	Level  string `yaml:"level"`
	System string `yaml:"system"`
	Since  string `yaml:"since"`
	Text   string `yaml:"text"`
	// Labels is an object, a list of name=value, or a list of objects with tag
	// (or name, key) and value.
	Labels string `yaml:"labels"`
	// Label are single labels, over Labels.
	Label map[string]string `yaml:"label"`
}

// StatusValues compare without regard to case.
type StatusValues struct {
	Firing []string `yaml:"firing"`
	Ended  []string `yaml:"ended"`
}

// The values of keys.
const (
	KindIncident  = "incident"
	KindWarning   = "warning"
	UnmatchedWarn = "warning"
	UnmatchedDrop = "drop"
	SchemeHMAC    = "hmac-sha256"
	SchemeBearer  = "bearer"
	SchemeBasic   = "basic"
)

const (
	defaultResolve = 5 * time.Minute
	defaultWindow  = 5 * time.Minute
	maxList        = 200 // entries of map or webhooks
)

// Default is the configuration that nothing is said of.
func Default() Config { return Config{ResolveTimeout: defaultResolve, Unmatched: UnmatchedWarn} }

// Paths are the fields that hold paths.
func (c *Config) Paths() []*string {
	out := []*string{&c.TokenFile, &c.PasswordFile}
	for i := range c.Webhooks {
		w := &c.Webhooks[i]
		out = append(out, &w.SecretFile, &w.TokenFile, &w.PasswordFile)
	}
	return out
}

// Secrets are the files with a secret in them, by key.
func (c Config) Secrets() map[string]string {
	out := map[string]string{"token_file": c.TokenFile, "password_file": c.PasswordFile}
	for i, w := range c.Webhooks {
		at := fmt.Sprintf("webhooks[%d].", i)
		out[at+"secret_file"], out[at+"token_file"], out[at+"password_file"] = w.SecretFile, w.TokenFile, w.PasswordFile
	}
	return out
}

// Validate returns every mistake, joined, each beginning with the key.
func (c Config) Validate() error {
	errs := c.Access.validate("")
	errs = append(errs, within("resolve_timeout", c.ResolveTimeout, 10*time.Second, 24*time.Hour, "5m"))
	errs = append(errs, within("renew_within", c.RenewWithin, time.Minute, 720*time.Hour, "12h"))
	errs = append(errs, oneOf("unmatched", c.Unmatched, UnmatchedWarn, UnmatchedDrop))
	if len(c.Map) > maxList {
		errs = append(errs, fmt.Errorf("map: %d lines; allowed: at most %d", len(c.Map), maxList))
	}
	if len(c.Webhooks) > maxList {
		errs = append(errs, fmt.Errorf("webhooks: %d entries; allowed: at most %d", len(c.Webhooks), maxList))
	}
	for i, m := range c.Map {
		errs = append(errs, m.validate(fmt.Sprintf("map[%d]", i))...)
	}
	for i, w := range c.Webhooks {
		at := fmt.Sprintf("webhooks[%d]", i)
		if slices.ContainsFunc(c.Webhooks[:i], func(o Webhook) bool { return o.Name == w.Name }) {
			errs = append(errs, fmt.Errorf("%s.name: %q stands twice; each webhook needs its own", at, w.Name))
		}
		errs = append(errs, w.validate(at)...)
	}
	return errors.Join(errs...)
}

// ValidatePlan returns what does not fit the plan in force.
func (c Config) ValidatePlan(p *plan.Plan) error {
	var errs []error
	for i, m := range c.Map {
		if code := m.Set.Code; code != "" {
			if _, ok := p.Category(code); !ok {
				errs = append(errs, fmt.Errorf("map[%d].set.code: the plan has no code %q; allowed: %s", i, code, strings.Join(p.Codes(), ", ")))
			}
		}
		if id := m.Set.Scenario; id != "" {
			if _, ok := p.Scenario(id); !ok {
				errs = append(errs, fmt.Errorf("map[%d].set.scenario: the plan has no scenario %q; allowed: the id of one of its scenarios", i, id))
			}
		}
	}
	return errors.Join(errs...)
}

func (a Access) validate(at string) []error {
	var errs []error
	errs = append(errs, readable(at+"token_file", a.TokenFile), readable(at+"password_file", a.PasswordFile))
	switch {
	case a.Username != "" && a.PasswordFile == "":
		errs = append(errs, fmt.Errorf("%spassword_file: needed with username; give the file with the password", at))
	case a.Username == "" && a.PasswordFile != "":
		errs = append(errs, fmt.Errorf("%susername: needed with password_file; give the name that goes with the password", at))
	case strings.Contains(a.Username, ":"):
		errs = append(errs, fmt.Errorf("%susername: %q has a colon, which divides name and password; allowed: a name without one", at, a.Username))
	}
	return errs
}

func (m Mapping) validate(at string) []error {
	var errs []error
	if len(m.Match) == 0 {
		errs = append(errs, fmt.Errorf(`%s.match: empty; allowed: matchers like alertname=~"Disk.*"`, at))
	}
	for i, s := range m.Match {
		if _, err := matcher(s); err != nil {
			errs = append(errs, fmt.Errorf(`%s.match[%d]: %q is no matcher (%v); allowed: like alertname=~"Disk.*"`, at, i, s, err))
		}
	}
	s := m.Set
	if s == (Set{}) {
		errs = append(errs, fmt.Errorf("%s.set: empty; allowed: code, level, kind, system, scenario, cause, resolve", at))
	}
	if s.Level != "" && !s.Level.Valid() {
		errs = append(errs, fmt.Errorf("%s.set.level: unknown level %q; allowed: I, II, III, IV", at, s.Level))
	}
	errs = append(errs, oneOf(at+".set.kind", s.Kind, KindIncident, KindWarning), oneOf(at+".set.resolve", s.Resolve, "auto", "manual"))
	if s.Kind == KindIncident && s.Code == "" {
		errs = append(errs, fmt.Errorf("%s.set.code: needed with kind: incident; give a code of the plan", at))
	}
	return errs
}

var (
	nameShape   = regexp.MustCompile(`^[a-z0-9]+([._-][a-z0-9]+)*$`)
	headerShape = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
)

func (w Webhook) validate(at string) []error {
	var errs []error
	if !nameShape.MatchString(w.Name) || len(w.Name) > 64 {
		errs = append(errs, fmt.Errorf("%s.name: %q is not a name; allowed: lower-case letters, digits and - . _ between them, at most 64", at, w.Name))
	}
	if w.Name == "alertmanager" {
		errs = append(errs, fmt.Errorf("%s.name: alertmanager is served already; choose another name", at))
	}
	full, err := w.full()
	if err != nil {
		return append(errs, fmt.Errorf("%s.form: %w", at, err))
	}
	errs = append(errs, full.validateProof(at)...)
	errs = append(errs, full.validateFields(at)...)
	errs = append(errs, within(at+".renew_within", w.RenewWithin, time.Minute, 720*time.Hour, "12h"))
	if w.Zone != "" {
		if _, err := time.LoadLocation(w.Zone); err != nil {
			errs = append(errs, fmt.Errorf("%s.zone: unknown zone %q; allowed: like Asia/Shanghai", at, w.Zone))
		}
	}
	return errs
}

// scheme is that of the file given; empty unless there is just one.
func (w Webhook) scheme() string {
	var given []string
	for scheme, file := range map[string]string{SchemeHMAC: w.SecretFile, SchemeBearer: w.TokenFile, SchemeBasic: w.PasswordFile} {
		if file != "" {
			given = append(given, scheme)
		}
	}
	if len(given) != 1 {
		return ""
	}
	return given[0]
}

func (w Webhook) validateProof(at string) []error {
	errs := append(w.Access.validate(at+"."), readable(at+".secret_file", w.SecretFile))
	scheme, s := w.scheme(), w.Signature
	if scheme == "" {
		return append(errs, fmt.Errorf("%s.secret_file: who sends must prove it; give one of secret_file (signature), token_file and password_file with username", at))
	}
	if bad := oneOf(at+".signature.scheme", s.Scheme, SchemeHMAC, SchemeBearer, SchemeBasic); bad != nil {
		errs = append(errs, bad)
	} else if s.Scheme != "" && s.Scheme != scheme {
		errs = append(errs, fmt.Errorf("%s.signature.scheme: %s does not go with the file that is given; allowed: %s, or another file", at, s.Scheme, scheme))
	}
	for key, header := range map[string]string{"header": s.Header, "timestamp_header": s.TimestampHeader} {
		if header != "" && !headerShape.MatchString(header) {
			errs = append(errs, fmt.Errorf("%s.signature.%s: %q is no name of a header; allowed: like X-Signature", at, key, header))
		}
	}
	if scheme == SchemeHMAC && s.Header == "" {
		errs = append(errs, fmt.Errorf("%s.signature.header: needed with secret_file; give the header with the signature, like X-Signature", at))
	}
	if scheme != SchemeHMAC && s.TimestampHeader != "" {
		errs = append(errs, fmt.Errorf("%s.signature.timestamp_header: only a signature holds a time; leave it out, or give secret_file", at))
	}
	return append(errs, within(at+".signature.window", s.Window, 10*time.Second, time.Hour, "5m"))
}

func (w Webhook) validateFields(at string) []error {
	var errs []error
	if w.List != "" {
		if e, err := compile(w.List); err != nil || e.template != nil {
			errs = append(errs, fmt.Errorf("%s.list: %q is no path; allowed: like data.alerts", at, w.List))
		}
	}
	named := w.Fields.named()
	for _, key := range slices.Sorted(maps.Keys(named)) {
		if _, err := compile(named[key]); named[key] != "" && err != nil {
			errs = append(errs, fmt.Errorf("%s.fields.%s: %w; allowed: a path like labels.host, or a Go template like {{.host}}", at, key, err))
		}
	}
	for _, need := range []struct{ key, value string }{{"status", w.Fields.Status}, {"title", w.Fields.Title}} {
		if need.value == "" {
			errs = append(errs, fmt.Errorf("%s.fields.%s: needed, as no form gives it; allowed: a path like %s, or a Go template", at, need.key, need.key))
		}
	}
	if w.Fields.Key == "" && w.Fields.Labels == "" && len(w.Fields.Label) == 0 {
		errs = append(errs, fmt.Errorf("%s.fields.key: needed without labels, to tell one alert from another; allowed: a path like id, or a Go template", at))
	}
	for key, values := range map[string][]string{"firing": w.StatusValues.Firing, "ended": w.StatusValues.Ended} {
		if len(values) == 0 {
			errs = append(errs, fmt.Errorf("%s.status_values.%s: empty; give the values of the field status that mean it", at, key))
		}
	}
	for _, v := range w.StatusValues.Firing {
		if among(w.StatusValues.Ended, v) {
			errs = append(errs, fmt.Errorf("%s.status_values: %q stands for firing and for ended; allowed: one of them", at, v))
		}
	}
	for level := range w.LevelValues {
		if !level.Valid() {
			errs = append(errs, fmt.Errorf("%s.level_values: unknown level %q; allowed: I, II, III, IV", at, level))
		}
	}
	return errs
}

// named are the expressions by key.
func (f Fields) named() map[string]string {
	out := map[string]string{
		"key": f.Key, "status": f.Status, "title": f.Title, "code": f.Code, "level": f.Level, "system": f.System, "since": f.Since, "text": f.Text, "labels": f.Labels,
	}
	for name, e := range f.Label {
		out["label."+name] = e
	}
	return out
}

// over returns the fields with those of base where f has none.
func (f Fields) over(base Fields) Fields {
	for _, p := range []struct{ to, from *string }{
		{&f.Key, &base.Key}, {&f.Status, &base.Status}, {&f.Title, &base.Title}, {&f.Code, &base.Code}, {&f.Level, &base.Level},
		{&f.System, &base.System}, {&f.Since, &base.Since}, {&f.Text, &base.Text}, {&f.Labels, &base.Labels},
	} {
		if *p.to == "" {
			*p.to = *p.from
		}
	}
	label := maps.Clone(base.Label)
	if label == nil {
		label = map[string]string{}
	}
	maps.Copy(label, f.Label)
	f.Label = label
	return f
}

// full is the webhook with what its form and the defaults add.
func (w Webhook) full() (Webhook, error) {
	if w.Form != "" {
		form, err := loadForm(w.Form)
		if err != nil {
			return w, err
		}
		if w.List == "" {
			w.List = form.List
		}
		w.Fields = w.Fields.over(form.Fields)
		if len(w.StatusValues.Firing) == 0 {
			w.StatusValues.Firing = form.StatusValues.Firing
		}
		if len(w.StatusValues.Ended) == 0 {
			w.StatusValues.Ended = form.StatusValues.Ended
		}
		if w.SecretFile != "" && w.Signature.Header == "" {
			w.Signature.Header = form.Signature.Header
		}
		if w.Signature.Join == "" {
			w.Signature.Join = form.Signature.Join
		}
	}
	if w.Signature.Join == "" {
		w.Signature.Join = "."
	}
	if w.Signature.Window == 0 {
		w.Signature.Window = defaultWindow
	}
	w.Signature.Header = http.CanonicalHeaderKey(w.Signature.Header)
	return w, nil
}

func readable(key, path string) error {
	if path == "" {
		return nil
	}
	if _, err := secret.Read(path); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

func within(key string, d, least, most time.Duration, like string) error {
	if d == 0 || d >= least && d <= most {
		return nil
	}
	return fmt.Errorf("%s: %v is out of range; allowed: %v to %v, like %s", key, d, least, most, like)
}

func oneOf(key, value string, allowed ...string) error {
	if value == "" || slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%s: unknown value %q; allowed: %s", key, value, strings.Join(allowed, ", "))
}

func among(values []string, v string) bool {
	return slices.ContainsFunc(values, func(o string) bool { return strings.EqualFold(o, v) })
}
