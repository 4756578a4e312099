// Package gateway sends a short text or a voice call to each person's
// telephone, through an HTTP gateway, Alibaba Cloud or Tencent Cloud.
package gateway

import (
	"errors"
	"fmt"
	"maps"
	"mime"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
	"xunjian/alerting/notify/secret"
	"xunjian/alerting/plan"
)

// The kinds of messages.
const (
	SMS   = "sms"
	Voice = "voice"
)

// The providers.
const (
	HTTP    = "http"
	Aliyun  = "aliyun"
	Tencent = "tencent"
)

// Config is one gateway.
type Config struct {
	// Name tells it from the others of its kind.
	Name string `yaml:"name"`
	// Kind is sms or voice.
	Kind string `yaml:"kind"`
	// Provider is http, aliyun or tencent.
	Provider string `yaml:"provider"`
	// Lang limits it to people who read this language, since a template is in
	// one: zh-CN or en; empty: everybody, each in their own.
	Lang string `yaml:"lang"`
	// Numbers is a regular expression of the numbers it takes, without spaces and
	// dashes; empty: mobile numbers of the Chinese mainland.
	Numbers string `yaml:"numbers"`
	// Only are the kinds of events it is used for; empty: all.
	Only []string `yaml:"only"`
	// Levels are those at which it is used; empty: all.
	Levels []plan.Level `yaml:"levels"`
	// Limits are for each telephone; empty: 1 in 30s, 10 in 1h, 40 in 24h.
	Limits []Limit `yaml:"limits"`

	// SignName is the name of the signature, without 【】; Text the parts of a
	// short message, of subject, text, facts and link (empty: subject and text);
	// Parts the number of segments it may take, 1 to 10 (0 means 2).
	SignName string   `yaml:"sign_name"`
	Text     []string `yaml:"text"`
	Parts    int      `yaml:"parts"`
	// MaxChars bounds what is read aloud, 20 to 350 characters (0 means 120).
	MaxChars int `yaml:"max_chars"`

	// URL is where the provider http is asked, a template; URLFile holds it
	// instead where a part of it is a secret. Method is POST (default), PUT or GET.
	URL     string `yaml:"url"`
	URLFile string `yaml:"url_file"`
	Method  string `yaml:"method"`
	// Headers go with each request; HeaderFiles hold those that are secrets.
	Headers     map[string]string `yaml:"headers"`
	HeaderFiles []HeaderFile      `yaml:"header_files"`
	// ContentType is that of Body, a template; empty: application/json.
	ContentType string  `yaml:"content_type"`
	Body        string  `yaml:"body"`
	Success     Success `yaml:"success"`
	// CAFile holds the certificates (PEM) that the gateway's is checked against;
	// empty: those of this machine.
	CAFile string `yaml:"ca_file"`

	// AccessKeyID and AccessKeySecretFile are the account's at a cloud.
	AccessKeyID         string `yaml:"access_key_id"`
	AccessKeySecretFile string `yaml:"access_key_secret_file"`
	// AppID is the application's at Tencent Cloud.
	AppID string `yaml:"app_id"`
	// TemplateID is the template's that the cloud has approved, there also called
	// TemplateCode or TtsCode.
	TemplateID string `yaml:"template_id"`
	// Params are the facts that go into the template, in order, as FACT or
	// NAME=FACT where the template names it otherwise.
	Params []string `yaml:"params"`
	// ParamChars bounds each of them, 5 to 500 characters; 0: what the cloud takes.
	ParamChars int `yaml:"param_chars"`
	// ShowNumber is the number that is shown to who is called; empty: one of
	// Alibaba Cloud's public ones.
	ShowNumber string `yaml:"show_number"`
	// Region is the one to ask at Tencent Cloud; empty: ap-guangzhou.
	Region string `yaml:"region"`
	// Endpoint is asked instead of the cloud's usual address.
	Endpoint string `yaml:"endpoint"`
}

// HeaderFile is a header whose value stands in a file.
type HeaderFile struct {
	Name string `yaml:"name"`
	File string `yaml:"file"`
}

// Success says how an answer of the provider http is read, beside its status,
// which has to be 2xx.
type Success struct {
	// Field is where the code stands in the JSON, like data.code or results.0.code;
	// empty: the whole body is the code.
	Field string `yaml:"field"`
	// Equals is the code of success; empty: any where there is a Field, and the
	// status alone where there is none.
	Equals string `yaml:"equals"`
	// Retry and Permanent are the codes that ask for another attempt and those
	// that rule it out; a * at the end stands for anything. What is in neither is
	// tried again.
	Retry     []string `yaml:"retry"`
	Permanent []string `yaml:"permanent"`
}

// The bounds, and what holds where nothing is configured.
const (
	mostParts, defaultParts     = 10, 2
	leastChars, mostChars       = 20, 350
	defaultMaxChars             = 120
	leastParam, mostParam       = 5, 500
	mostLimit                   = 1000
	shortestLimit, longestLimit = time.Second, 24 * time.Hour
	mostSign                    = 24
	mostBody                    = 16 << 10
	defaultType                 = "application/json"
)

// kinds are the events that notices tell of.
var kinds = []string{
	"opened", "alert_lost", "level_changed", "flapping", "acknowledged", "resolved", "reopened", "false_alarm", "level_announced", "ack_lapsed",
	"reminded", "promoted",
}

// Paths are the fields that hold paths.
func (c *Config) Paths() []*string {
	out := []*string{&c.URLFile, &c.AccessKeySecretFile, &c.CAFile}
	for i := range c.HeaderFiles {
		out = append(out, &c.HeaderFiles[i].File)
	}
	return out
}

// Secrets are the files with a secret in them, by key.
func (c Config) Secrets() map[string]string {
	out := map[string]string{"url_file": c.URLFile, "access_key_secret_file": c.AccessKeySecretFile}
	for i, h := range c.HeaderFiles {
		out[fmt.Sprintf("header_files[%d].file", i)] = h.File
	}
	return out
}

// Validate returns every mistake, joined, each beginning with the key.
func (c Config) Validate() error {
	errs := []error{channel.GroupConfig{Name: c.Name, Lang: c.Lang}.Validate()}
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Kind != SMS && c.Kind != Voice {
		add("kind: unknown value %q; allowed: sms, voice", c.Kind)
	}
	if _, err := c.numbers(); err != nil {
		add("numbers: %w", err)
	}
	for i, kind := range c.Only {
		if !slices.Contains(kinds, kind) {
			add("only[%d]: unknown kind of event %q; allowed: %s", i, kind, strings.Join(kinds, ", "))
		}
	}
	for i, l := range c.Levels {
		if !l.Valid() {
			add("levels[%d]: unknown level %q; allowed: I, II, III, IV", i, l)
		}
	}
	for i, l := range c.Limits {
		if l.AtMost < 1 || l.AtMost > mostLimit {
			add("limits[%d].at_most: %d is out of range; allowed: 1 to %d", i, l.AtMost, mostLimit)
		}
		if l.In < shortestLimit || l.In > longestLimit {
			add("limits[%d].in: %s is out of range; allowed: 1s to 24h", i, l.In)
		}
	}
	if n := utf8.RuneCountInString(c.SignName); n > mostSign || strings.ContainsFunc(c.SignName, func(r rune) bool { return unicode.IsControl(r) || strings.ContainsRune("【】", r) }) {
		add("sign_name: %q is not the name of a signature; allowed: at most %d characters, without 【】", c.SignName, mostSign)
	}
	for i, p := range c.Text {
		if !slices.Contains([]string{partSubject, partText, partFacts, partLink}, p) {
			add("text[%d]: unknown part %q; allowed: subject, text, facts, link", i, p)
		}
	}
	if c.Parts < 0 || c.Parts > mostParts {
		add("parts: %d is out of range; allowed: 1 to %d", c.Parts, mostParts)
	}
	if c.MaxChars != 0 && (c.MaxChars < leastChars || c.MaxChars > mostChars) {
		add("max_chars: %d is out of range; allowed: %d to %d", c.MaxChars, leastChars, mostChars)
	}
	if _, err := post.Roots(c.CAFile); err != nil {
		add("ca_file: %w", err)
	}
	switch c.Provider {
	case HTTP:
		errs = append(errs, c.validateHTTP())
	case Aliyun, Tencent:
		errs = append(errs, c.validateCloud())
	default:
		add("provider: unknown value %q; allowed: http, aliyun, tencent", c.Provider)
		return errors.Join(errs...)
	}
	return errors.Join(append(errs, c.misplaced())...)
}

// misplaced are the keys that say nothing to this provider.
func (c Config) misplaced() error {
	var errs []error
	http, clouds, aliyun, tencent := []string{HTTP}, []string{Aliyun, Tencent}, []string{Aliyun}, []string{Tencent}
	for _, k := range []struct {
		key   string
		given bool
		only  []string
	}{
		{"url", c.URL != "", http}, {"url_file", c.URLFile != "", http}, {"method", c.Method != "", http}, {"headers", len(c.Headers) > 0, http},
		{"header_files", len(c.HeaderFiles) > 0, http}, {"content_type", c.ContentType != "", http}, {"body", c.Body != "", http},
		{"success", c.Success.given(), http}, {"text", len(c.Text) > 0, http}, {"parts", c.Parts != 0, http}, {"max_chars", c.MaxChars != 0, http},
		{"access_key_id", c.AccessKeyID != "", clouds}, {"access_key_secret_file", c.AccessKeySecretFile != "", clouds},
		{"template_id", c.TemplateID != "", clouds}, {"params", len(c.Params) > 0, clouds}, {"param_chars", c.ParamChars != 0, clouds},
		{"endpoint", c.Endpoint != "", clouds}, {"app_id", c.AppID != "", tencent}, {"region", c.Region != "", tencent},
		{"show_number", c.ShowNumber != "", aliyun},
	} {
		if k.given && !slices.Contains(k.only, c.Provider) {
			errs = append(errs, fmt.Errorf("%s: is for provider %s only; leave it out", k.key, strings.Join(k.only, " and ")))
		}
	}
	return errors.Join(errs...)
}

func (s Success) given() bool {
	return s.Field != "" || s.Equals != "" || len(s.Retry) > 0 || len(s.Permanent) > 0
}

var tokenShape = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

func (c Config) validateHTTP() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch address, err := c.address(); {
	case (c.URL == "") == (c.URLFile == ""):
		add("url: give either url or url_file")
	case err != nil:
		add("url_file: %w", err)
	default:
		_, err := c.templates(address)
		errs = append(errs, err)
	}
	if !slices.Contains([]string{"", "POST", "PUT", "GET"}, c.Method) {
		add("method: unknown value %q; allowed: POST, PUT, GET", c.Method)
	}
	if c.Method == "GET" && c.Body != "" {
		add("body: goes with no GET; put the text into url, as {{urlquery .Text}}")
	}
	if len(c.Body) > mostBody {
		add("body: has %d bytes; allowed: at most %d", len(c.Body), mostBody)
	}
	if c.Method != "GET" && c.Body == "" && c.URLFile == "" && !strings.Contains(c.URL, "{{") {
		add("body: is missing; give a template, like {\"to\": {{json .Phone}}, \"text\": {{json .Text}}}")
	}
	if kind, _, err := mime.ParseMediaType(c.contentType()); err != nil || !strings.Contains(kind, "/") {
		add("content_type: %q is not a media type; allowed: like application/json", c.ContentType)
	}
	seen := map[string]bool{}
	header := func(key, name, value string) {
		switch lower := strings.ToLower(name); {
		case !tokenShape.MatchString(name):
			add("%s: %q is not the name of a header", key, name)
		case slices.Contains([]string{"host", "content-length", "content-type", "transfer-encoding", "connection", "idempotency-key"}, lower):
			add("%s: %s is set by the gateway itself; leave it out", key, name)
		case seen[lower]:
			add("%s: %s is given twice", key, name)
		case strings.ContainsFunc(value, unicode.IsControl):
			add("%s: the value of %s has a control character", key, name)
		default:
			seen[lower] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		header("headers", name, c.Headers[name])
	}
	for i, h := range c.HeaderFiles {
		header(fmt.Sprintf("header_files[%d].name", i), h.Name, "")
		if h.File == "" {
			add("header_files[%d].file: is missing; name the file that holds the value", i)
		} else if _, err := secret.Read(h.File); err != nil {
			add("header_files[%d].file: %w", i, err)
		}
	}
	for i, code := range c.Success.Retry {
		if slices.Contains(c.Success.Permanent, code) {
			add("success.retry[%d]: %q stands under permanent too; give it once", i, code)
		}
	}
	return errors.Join(errs...)
}

var nameShape = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,31}$`)

func (c Config) validateCloud() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.AccessKeyID == "" || strings.ContainsFunc(c.AccessKeyID, func(r rune) bool { return r <= ' ' || r > '~' || r == ',' || r == '/' }) {
		add("access_key_id: %q is not one; give the id of the account's key", c.AccessKeyID)
	}
	if c.AccessKeySecretFile == "" {
		add("access_key_secret_file: is missing; name the file that holds the secret of the key")
	} else if _, err := secret.Read(c.AccessKeySecretFile); err != nil {
		add("access_key_secret_file: %w", err)
	}
	if c.Kind == SMS || c.Kind == Voice {
		f, err := formOf(c.Provider, c.Kind)
		if err != nil {
			add("provider: %w", err)
		}
		given := map[string]string{"sign_name": c.SignName, "template_id": c.TemplateID, "app_id": c.AppID}
		for _, key := range f.Needs {
			if given[key] == "" {
				add("%s: is missing; %s needs it for %s", key, c.Provider, c.Kind)
			}
		}
	}
	names := map[string]bool{}
	for i, p := range c.Params {
		name, fact := named(p)
		switch {
		case !slices.Contains(facts, fact):
			add("params[%d]: unknown fact %q; allowed: %s", i, fact, strings.Join(facts, ", "))
		case !nameShape.MatchString(name):
			add("params[%d]: %q is not the name of a template's parameter; allowed: letters, digits and _, at most 32", i, name)
		case names[name]:
			add("params[%d]: %q stands twice", i, name)
		}
		names[name] = true
	}
	if c.ParamChars != 0 && (c.ParamChars < leastParam || c.ParamChars > mostParam) {
		add("param_chars: %d is out of range; allowed: %d to %d", c.ParamChars, leastParam, mostParam)
	}
	if c.Endpoint != "" {
		if err := post.Address(c.Endpoint); err != nil {
			add("endpoint: %q %w", c.Endpoint, err)
		}
	}
	return errors.Join(errs...)
}

// numbers are those that the gateway takes.
func (c Config) numbers() (*regexp.Regexp, error) {
	if c.Numbers == "" {
		return regexp.Compile(defaultNumbers)
	}
	return regexp.Compile(c.Numbers)
}

// address is the template of the gateway's, as it is now.
func (c Config) address() (string, error) {
	if c.URLFile == "" {
		return c.URL, nil
	}
	return secret.Read(c.URLFile)
}

func (c Config) contentType() string {
	if c.ContentType == "" {
		return defaultType
	}
	return c.ContentType
}

func (c Config) text() []string {
	if len(c.Text) == 0 {
		return []string{partSubject, partText}
	}
	return c.Text
}

func (c Config) parts() int {
	if c.Parts == 0 {
		return defaultParts
	}
	return c.Parts
}

func (c Config) maxChars() int {
	if c.MaxChars == 0 {
		return defaultMaxChars
	}
	return c.MaxChars
}

func (c Config) limits() []Limit {
	if len(c.Limits) == 0 {
		return defaultLimits()
	}
	return c.Limits
}
