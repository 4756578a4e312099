package config

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
	"xunjian/alerting/roster"
	"xunjian/alerting/yamlfile"
	"xunjian/rules"
)

// Validate returns every mistake, joined; each begins with the path of what is
// wrong, like "console.listen: …". Files that c names are read.
func (c *Config) Validate() error {
	var m mistakes
	if c.Data == "" {
		m.add("data", "is empty; name a folder")
	}
	if len(c.Host) > 253 || strings.ContainsFunc(c.Host, func(r rune) bool { return !unicode.IsPrint(r) }) {
		m.add("host", "%q is not a name; allowed: printable characters, at most 253 bytes", clip(c.Host))
	}
	m.oneOf("language", c.Language, "zh-CN", "en")
	c.validateZone(&m)
	c.validateListeners(&m)
	if g := c.Access.SocketGroup; g != "" {
		if _, err := user.LookupGroup(g); err != nil {
			m.add("access.socket_group", "no group %q on this machine; allowed: a group of /etc/group", g)
		}
	}
	m.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	m.oneOf("log.format", c.Log.Format, "text", "json")
	m.oneOf("operator", string(c.Operator), "critical", "organ", "other")
	m.join("unit", c.Unit.Validate())
	m.join("calendar", c.Calendar.Validate())
	c.validateSystems(&m)
	c.validateSchedule(&m)
	c.validateResponse(&m)
	c.validateNotify(&m)
	c.validateInbound(&m)
	if err := c.Checks.validate(); err != nil {
		m.join("checks", err)
	} else {
		c.validateInspection(&m)
	}
	c.validateRules(&m)
	return errors.Join(m...)
}

// clip shortens a value from the file for a message.
func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

type mistakes []error

func (m *mistakes) add(path, format string, args ...any) {
	*m = append(*m, fmt.Errorf("%s: "+format, append([]any{path}, args...)...))
}

func (m *mistakes) join(prefix string, err error) {
	if err = yamlfile.Under(prefix, err); err != nil {
		*m = append(*m, err)
	}
}

func (m *mistakes) oneOf(path, value string, allowed ...string) {
	if slices.Contains(allowed, value) {
		return
	}
	hint := ""
	if near := yamlfile.Near(value, allowed); near != "" {
		hint = "; did you mean " + near + "?"
	}
	m.add(path, "unknown value %q%s; allowed: %s", value, hint, strings.Join(allowed, ", "))
}

// readable checks that a named file can be read.
func (m *mistakes) readable(path, file string) bool {
	f, err := os.Open(file)
	if err == nil {
		defer f.Close()
		var info os.FileInfo
		if info, err = f.Stat(); err == nil && info.IsDir() {
			m.add(path, "%s is a folder; name a file", file)
			return false
		}
	}
	if err != nil {
		m.add(path, "%v; allowed: a file that the agent can read, relative paths start at the folder of this file", reason(err, file))
		return false
	}
	return true
}

// reason says what was wrong with a file without the words open and stat.
func reason(err error, file string) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("cannot read %s: %w", file, p.Err)
	}
	return err
}

func (c *Config) validateZone(m *mistakes) {
	loc, err := time.LoadLocation(c.Zone)
	if err != nil || c.Zone == "" {
		m.add("zone", "unknown time zone %q; allowed: a name of the tz database, like Asia/Shanghai", c.Zone)
		return
	}
	c.zone = loc
}

// validateInbound checks what is taken in from outside, by itself and by the
// plan.
func (c *Config) validateInbound(m *mistakes) {
	if c.Inbound.Listen != "" && m.address("inbound.listen", c.Inbound.Listen) && !strings.HasSuffix(c.Inbound.Listen, ":0") &&
		(c.Inbound.Listen == c.Console.Listen || c.Inbound.Listen == c.Metrics.Listen) {
		m.add("inbound.listen", "%s is already another's; each listener needs its own port", c.Inbound.Listen)
	}
	m.join("inbound", c.Inbound.Validate())
	if len(c.Inbound.Map) == 0 {
		return
	}
	if p, err := c.LoadPlan(); err == nil {
		m.join("inbound", c.Inbound.ValidatePlan(p))
	}
}

func (c *Config) validateListeners(m *mistakes) {
	console, metrics := m.address("console.listen", c.Console.Listen), m.address("metrics.listen", c.Metrics.Listen)
	if console && metrics && c.Console.Listen == c.Metrics.Listen && !strings.HasSuffix(c.Console.Listen, ":0") {
		m.add("metrics.listen", "%s is already the console's; each listener needs its own port", c.Metrics.Listen)
	}
	if c.Console.URL != "" {
		u, err := url.Parse(c.Console.URL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
			m.add("console.url", "%q is not the address of a console; allowed: like https://xunjian.example.org", c.Console.URL)
		}
	}
	c.validateTLS(m)
}

// address checks host:port.
func (m *mistakes) address(path, value string) bool {
	const allowed = "allowed: host:port like 127.0.0.1:8720, :8720 for all interfaces, port 0 for a free one"
	host, port, err := net.SplitHostPort(value)
	if err != nil {
		m.add(path, "%q is not an address; %s", value, allowed)
		return false
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		m.add(path, "port %q is not a number from 0 to 65535; %s", port, allowed)
		return false
	} else if host != "" && !hostShape.MatchString(host) && net.ParseIP(host) == nil {
		m.add(path, "%q before port %d is neither an IP address nor a host name; %s", host, n, allowed)
		return false
	}
	return true
}

var (
	hostShape = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)
	// The length is counted apart: to repeat classes as wide as these 63 times takes
	// an expression of megabytes.
	systemShape = regexp.MustCompile(`^[\pL\pN][\pL\pN_.-]*$`)
)

func (c *Config) validateTLS(m *mistakes) {
	cert, key := c.Console.TLSCert, c.Console.TLSKey
	switch {
	case cert == "" && key == "":
		return
	case key == "":
		m.add("console.tls_cert", "stands alone; give tls_key too, or neither")
		return
	case cert == "":
		m.add("console.tls_key", "stands alone; give tls_cert too, or neither")
		return
	}
	certOK, keyOK := m.readable("console.tls_cert", cert), m.readable("console.tls_key", key)
	if !certOK || !keyOK {
		return
	}
	if _, err := tls.LoadX509KeyPair(cert, key); err != nil {
		m.add("console.tls_cert", "no pair with tls_key: %v; allowed: a PEM certificate and its PEM key", err)
	}
}

func (c *Config) validateSystems(m *mistakes) {
	for name, kind := range c.Systems {
		path := yamlfile.Join("systems", name)
		if utf8.RuneCountInString(name) > 64 || !systemShape.MatchString(name) {
			m.add(path, "%q is not a name of a system; allowed: letters, digits and - . _ between them, at most 64", name)
		}
		m.oneOf(path, string(kind), string(plan.Business), string(plan.Opening))
	}
	for key, name := range c.Checks.systems() {
		if _, known := c.Systems[name]; name != "" && !known {
			m.add("checks."+key, "no system is named %q; allowed: %s", name, cmp.Or(strings.Join(slices.Sorted(maps.Keys(c.Systems)), ", "), "those under systems, where there is none yet"))
		}
	}
}

// validateResponse reads plan and roster. Without a plan the roster's roles
// cannot be judged.
func (c *Config) validateResponse(m *mistakes) {
	c.loadedPlan, c.loadedRoster = nil, nil
	if c.Plan == "" && c.Roster.File == "" && len(c.Roster.People) == 0 && len(c.Rules.Files) == 0 && len(c.Checks.Reserve.Items) == 0 && len(c.Drills) == 0 {
		return // nothing to be judged by the plan, which is the one as shipped
	}
	if c.Plan != "" && !m.readable("plan", c.Plan) {
		return
	}
	p, err := c.LoadPlan()
	if err != nil {
		*m = append(*m, err)
		return
	}
	c.loadedPlan = p
	m.join("checks.reserve", c.Checks.Reserve.Fits(Needs(p)))
	m.join("checks.platform", c.Checks.Platform.Fits(Scenarios(p)))
	r, ok := c.validateRoster(m, p)
	if ok {
		c.validateDrills(m, p, r)
	}
}

// validateRoster reads the roster, whose roles are those of p; false if it
// cannot be used.
func (c *Config) validateRoster(m *mistakes, p *plan.Plan) (roster.Roster, bool) {
	if c.Roster.File != "" && len(c.Roster.People) > 0 {
		m.add("roster", "has both file and people; allowed: one of them")
		return roster.Roster{}, false
	}
	if c.Roster.File == "" {
		err := c.Roster.Validate(p.Assignable())
		m.join("roster", err)
		before := len(*m)
		c.layRotas(m, &c.Roster.Roster, filepath.Dir(c.Path))
		return c.Roster.Roster, err == nil && len(*m) == before
	}
	if !m.readable("roster.file", c.Roster.File) {
		return roster.Roster{}, false
	}
	r, err := planfile.LoadRosterFile(c.Roster.File, p)
	if err != nil {
		*m = append(*m, err)
		return roster.Roster{}, false
	}
	before := len(*m)
	c.layRotas(m, &r, filepath.Dir(c.Roster.File))
	c.loadedRoster = &r
	return r, len(*m) == before
}

// validateRules reads the operator's rule files too, as the engine will.
func (c *Config) validateRules(m *mistakes) {
	rc := c.Rules
	rc.Dir = "tsdb" // the agent's, under its data folder
	m.join("rules", rc.Validate())
	found := true
	for i, pattern := range c.Rules.Files {
		path := fmt.Sprintf("rules.files[%d]", i)
		if _, err := filepath.Match(pattern, ""); err != nil {
			m.add(path, "%q is not a pattern; allowed: a path, with *, ? or [a-z] in it", pattern)
			found = false
		} else if !strings.ContainsAny(pattern, "*?[") {
			found = m.readable(path, pattern) && found
		}
	}
	if !found || c.loadedPlan == nil || len(c.Rules.Files) == 0 && c.Plan == "" {
		return
	}
	*m = append(*m, ruleMistakes(rules.Check(c.Rules.Files, c.loadedPlan.Codes())))
}

// ruleMistakes says the mistakes of rule files as those of this file are said.
func ruleMistakes(err error) error {
	var load *rules.LoadError
	if !errors.As(err, &load) {
		return err
	}
	out := &yamlfile.Error{}
	for _, p := range load.Problems {
		q := yamlfile.Problem{File: p.File, Line: p.Line, Column: p.Column, Message: p.Message}
		where := rules.Problem{File: "", Group: p.Group, Rule: p.Rule}.String()
		q.Path = strings.TrimSuffix(strings.TrimPrefix(where, ": "), ": ")
		if b, err := os.ReadFile(p.File); err == nil {
			if lines := strings.Split(string(b), "\n"); p.Line > 0 && p.Line <= len(lines) {
				q.Source = lines[p.Line-1]
			}
		}
		out.Problems = append(out.Problems, q)
	}
	return out
}
