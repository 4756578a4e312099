package platform

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"xunjian/checks/credential"
)

// Bounds of what a configuration may ask for.
const (
	minInterval = time.Second
	maxInterval = time.Hour
	minTimeout  = 100 * time.Millisecond
	minBody     = 1 << 10
	maxBody     = 64 << 20
	maxSteps    = 20
	maxProbes   = 5000
	maxName     = 64
)

var nameShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

type mistakes []error

func (m *mistakes) add(path, format string, args ...any) {
	*m = append(*m, fmt.Errorf("%s: "+format, append([]any{path}, args...)...))
}

// join puts the mistakes of a part under its path.
func (m *mistakes) join(path string, err error) {
	if err == nil {
		return
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			m.join(path, e)
		}
		return
	}
	*m = append(*m, fmt.Errorf("%s.%w", path, err))
}

func (m *mistakes) oneOf(path, value string, allowed ...string) {
	if value != "" && !slices.Contains(allowed, value) {
		m.add(path, "unknown value %q; allowed: %s", value, strings.Join(allowed, ", "))
	}
}

func (m *mistakes) regexps(path string, list []string) {
	for i, expr := range list {
		m.regexp(fmt.Sprintf("%s[%d]", path, i), expr)
	}
}

func (m *mistakes) regexp(path, expr string) *regexp.Regexp {
	re, err := regexp.Compile(expr)
	if err != nil {
		m.add(path, "%v; allowed: a regular expression of Go", err)
	}
	return re
}

func (m *mistakes) texts(path string, list []string) {
	for i, text := range list {
		if text == "" {
			m.add(fmt.Sprintf("%s[%d]", path, i), "is empty; every page contains that")
		}
	}
}

func (m *mistakes) name(path, name string, seen map[string]int, n int) {
	switch first, twice := seen[name]; {
	case name == "":
		m.add(path, "is missing; give letters, digits, and - . _ between them")
	case len(name) > maxName || !nameShape.MatchString(name):
		m.add(path, "%q is not a name; allowed: letters, digits, and - . _ between them, at most %d", name, maxName)
	case twice:
		m.add(path, "%q stands twice; first at [%d]", name, first)
	}
	seen[name] = n
}

// Validate returns every mistake in c, joined, each beginning with the key.
// Systems and plan are not known here; see Fits.
func (c Config) Validate() error {
	var m mistakes
	if len(c.Probes) > maxProbes {
		m.add("probes", "%d are too many; allowed: up to %d", len(c.Probes), maxProbes)
	}
	seen := map[string]int{}
	for i, p := range c.Probes {
		p.validate(&m, fmt.Sprintf("probes[%d]", i), seen, i)
	}
	seen = map[string]int{}
	for i, s := range c.Certificates {
		at := fmt.Sprintf("certificates[%d]", i)
		m.name(at+".name", s.Name, seen, i)
		m.oneOf(at+".door", s.Door, Doors()...)
		if len(s.Files) == 0 {
			m.add(at+".files", "is missing; name files, patterns or folders of PEM, DER or PKCS#12 files")
		}
		for k, f := range s.Files {
			if _, err := filepath.Match(f, ""); err != nil || f == "" {
				m.add(fmt.Sprintf("%s.files[%d]", at, k), "%q is not a path or pattern; allowed: like /etc/pki/*.pem", f)
			}
		}
	}
	c.Ports.validate(&m)
	return errors.Join(m...)
}

func (p Probe) validate(m *mistakes, at string, seen map[string]int, n int) {
	m.name(at+".name", p.Name, seen, n)
	if p.Door == "" {
		m.add(at+".door", "is missing; say what people use it for: %s", strings.Join(Doors(), ", "))
	}
	m.oneOf(at+".door", p.Door, Doors()...)
	m.oneOf(at+".ip_protocol", p.IPProtocol, "any", "ip4", "ip6")
	if p.Interval != 0 && (p.Interval < minInterval || p.Interval > maxInterval) {
		m.add(at+".interval", "%v is out of range; allowed: %v to %v", p.Interval, minInterval, maxInterval)
	} else if f := p.filled(); f.Timeout < minTimeout || f.Timeout > f.Interval*8/10 {
		m.add(at+".timeout", "%v is out of range; allowed: %v to %v, which is 0.8 of the interval", f.Timeout, minTimeout, f.Interval*8/10)
	}
	kinds := 0
	for _, given := range []bool{p.HTTP != nil, p.TCP != nil, p.DNS != nil, p.NTP != nil} {
		if given {
			kinds++
		}
	}
	if kinds != 1 {
		m.add(at, "has %d of http, tcp, dns and ntp; give one", kinds)
	}
	if p.HTTP != nil {
		p.HTTP.validate(m, at+".http")
	}
	if p.TCP != nil {
		p.TCP.validate(m, at+".tcp")
	}
	if p.DNS != nil {
		p.DNS.validate(m, at+".dns")
	}
	if p.NTP != nil && !isServer(p.NTP.Server) {
		m.add(at+".ntp.server", "%q is not a server; allowed: host or host:port", p.NTP.Server)
	}
}

func (h HTTP) validate(m *mistakes, at string) {
	if len(h.Steps) == 0 || len(h.Steps) > maxSteps {
		m.add(at+".steps", "%d steps are given; allowed: 1 to %d", len(h.Steps), maxSteps)
	}
	m.oneOf(at+".http2", h.HTTP2, "any", "required", "off")
	if h.MaxBody != 0 && (h.MaxBody < minBody || h.MaxBody > maxBody) {
		m.add(at+".max_body", "%d is out of range; allowed: %d to %d bytes", h.MaxBody, minBody, maxBody)
	}
	if h.Proxy != "" {
		if u, err := url.Parse(h.Proxy); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
			m.add(at+".proxy", "is not the address of a proxy; allowed: http://host:port, without a password")
		}
	}
	m.tls(at+".tls", h.TLS)
	captured := map[string]bool{}
	for i, s := range h.Steps {
		s.validate(m, fmt.Sprintf("%s.steps[%d]", at, i), captured)
	}
}

func (m *mistakes) tls(path string, t credential.TLS) { m.join(path, t.Validate()) }

var (
	variable    = regexp.MustCompile(`\$\{([^}]*)\}`)
	captureName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	methodShape = regexp.MustCompile(`^[A-Z]{1,20}$`)
	sumShape    = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)
)

func (s Step) validate(m *mistakes, at string, captured map[string]bool) {
	s.validateRequest(m, at, captured)
	for i, code := range s.Status {
		if code < 100 || code > 599 {
			m.add(fmt.Sprintf("%s.status[%d]", at, i), "%d is not a status; allowed: 100 to 599", code)
		}
	}
	m.texts(at+".must_contain", s.MustContain)
	m.texts(at+".must_not_contain", s.MustNotContain)
	m.regexps(at+".must_match", s.MustMatch)
	m.regexps(at+".must_not_match", s.MustNotMatch)
	for name, expr := range s.Capture {
		path := at + ".capture." + name
		if !captureName.MatchString(name) {
			m.add(path, "%q is not a name; allowed: lower-case letters, digits and _", name)
		}
		if re := m.regexp(path, expr); re != nil && re.NumSubexp() != 1 {
			m.add(path, "has %d groups; one group says what is taken, like value=\"([^\"]+)\"", re.NumSubexp())
		}
		captured[name] = true
	}
	if i := s.Integrity; i != nil {
		at += ".integrity"
		if i.Title == "" && len(i.SHA256)+len(i.MustContain)+len(i.MustNotContain)+len(i.MustMatch)+len(i.MustNotMatch) == 0 {
			m.add(at, "says nothing; allowed: title, sha256, must_contain, must_not_contain, must_match, must_not_match")
		}
		for k, sum := range i.SHA256 {
			if !sumShape.MatchString(sum) {
				m.add(fmt.Sprintf("%s.sha256[%d]", at, k), "is not a SHA-256 sum; allowed: 64 hexadecimal digits")
			}
		}
		m.texts(at+".must_contain", i.MustContain)
		m.texts(at+".must_not_contain", i.MustNotContain)
		m.regexps(at+".must_match", i.MustMatch)
		m.regexps(at+".must_not_match", i.MustNotMatch)
	}
}

func (s Step) validateRequest(m *mistakes, at string, captured map[string]bool) {
	uses := func(path, text string) {
		for _, v := range variable.FindAllStringSubmatch(text, -1) {
			if !captured[v[1]] {
				m.add(path, "${%s} was not captured by an earlier step", v[1])
			}
		}
	}
	// A captured value may stand anywhere in it: 1 fits wherever it can.
	switch u, err := url.Parse(variable.ReplaceAllString(s.URL, "1")); {
	case s.URL == "":
		m.add(at+".url", "is missing; give one like https://bid.example.org/login")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		m.add(at+".url", "is not a URL that can be tried; allowed: http://… or https://…")
	case u.User != nil:
		m.add(at+".url", "holds a password; give username and password_file instead")
	}
	uses(at+".url", s.URL)
	uses(at+".body", s.Body)
	if s.Method != "" && !methodShape.MatchString(s.Method) {
		m.add(at+".method", "%q is not a method; allowed: like GET or POST", s.Method)
	}
	m.oneOf(at+".redirects", s.Redirects, "follow", "same_host", "none")
	for name, value := range s.Headers {
		path := at + ".headers." + name
		uses(path, value)
		switch strings.ToLower(name) {
		case "authorization", "proxy-authorization", "cookie":
			m.add(path, "would hold a secret in the configuration; give username and password_file, or bearer_file")
		}
		if strings.ContainsAny(name, " :\r\n") || strings.ContainsAny(value, "\r\n") {
			m.add(path, "is not a header")
		}
	}
	if len(s.Form) > 0 && s.Body != "" {
		m.add(at+".body", "stands beside form; give one of them")
	}
	for i, f := range s.Form {
		path := fmt.Sprintf("%s.form[%d]", at, i)
		uses(path+".value", f.Value)
		if f.Name == "" {
			m.add(path+".name", "is missing")
		}
		if f.Value != "" && f.File != "" {
			m.add(path, "has both value and file; give one of them")
		}
	}
	if (s.Username == "") != (s.PasswordFile == "") {
		m.add(at+".username", "needs password_file, and password_file needs it")
	}
	if s.Username != "" && s.BearerFile != "" {
		m.add(at+".bearer_file", "stands beside username; give one way to log in")
	}
}

func (t TCP) validate(m *mistakes, at string) {
	if !isAddress(t.Address) {
		m.add(at+".address", "%q is not an address; allowed: host:port", t.Address)
	}
	for i, e := range t.Dialogue {
		path := fmt.Sprintf("%s.dialogue[%d]", at, i)
		if e.Send == "" && e.Expect == "" {
			m.add(path, "neither sends nor expects; give send, expect or both")
		}
		m.regexp(path+".expect", e.Expect)
	}
	m.tls(at+".tls", t.TLS)
	if !t.UseTLS && t.TLS != (credential.TLS{}) {
		m.add(at+".tls", "is not used without use_tls: true")
	}
}

func (d DNS) validate(m *mistakes, at string) {
	if !isServer(d.Server) {
		m.add(at+".server", "%q is not a server; allowed: host or host:port", d.Server)
	}
	if _, ok := dns.IsDomainName(d.Query); !ok || d.Query == "" {
		m.add(at+".query", "%q is not a name to ask for; allowed: like bid.example.org", d.Query)
	}
	if _, ok := dns.StringToType[d.Type]; d.Type != "" && !ok {
		m.add(at+".type", "unknown type %q; allowed: like A, AAAA, CNAME, MX, NS, SOA, TXT", d.Type)
	}
	m.oneOf(at+".protocol", d.Protocol, "udp", "tcp", "tls")
	for i, r := range d.Rcodes {
		if _, ok := dns.StringToRcode[r]; !ok {
			m.add(fmt.Sprintf("%s.rcodes[%d]", at, i), "unknown code %q; allowed: like NOERROR, NXDOMAIN, SERVFAIL", r)
		}
	}
	m.tls(at+".tls", d.TLS)
}

func (p Ports) validate(m *mistakes) {
	for i, l := range p.Listen {
		m.port(fmt.Sprintf("ports.listen[%d]", i), l.port())
	}
	for i, l := range p.Forbidden {
		m.port(fmt.Sprintf("ports.forbidden[%d]", i), l)
	}
	for i, l := range p.Ignore {
		m.port(fmt.Sprintf("ports.ignore[%d]", i), l)
	}
}

func (m *mistakes) port(at string, p Port) {
	if p.Port < 1 || p.Port > 65535 {
		m.add(at+".port", "%d is not a port; allowed: 1 to 65535", p.Port)
	}
	if _, err := netip.ParseAddr(p.Address); p.Address != "" && err != nil {
		m.add(at+".address", "%q is not an address; allowed: an IP address, or none for any", p.Address)
	}
	m.oneOf(at+".protocol", p.Protocol, "tcp", "udp")
}

func isAddress(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" {
		return false
	}
	n, err := strconv.Atoi(port)
	return err == nil && n > 0 && n < 65536
}

// isServer tells host, host:port and bare IPv6 addresses.
func isServer(s string) bool {
	if isAddress(s) {
		return true
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	_, ok := dns.IsDomainName(s)
	return ok && s != "" && !strings.ContainsAny(s, ":/ ")
}

// serverAddress adds the port where there is none.
func serverAddress(s, port string) string {
	if isAddress(s) {
		return s
	}
	return net.JoinHostPort(s, port)
}

// Fits returns where c and the plan in force do not go together, joined, each
// beginning with the key: scenarios are those that the plan has.
func (c Config) Fits(scenarios []string) error {
	var m mistakes
	door := func(path, name string) {
		for _, s := range Scenarios(name) {
			if name != "" && known(name) && !slices.Contains(scenarios, s) {
				m.add(path, "an outage of the door %q has the scenario %q, which the plan does not have; allowed: doors whose scenario it has", name, s)
			}
		}
	}
	for i, p := range c.Probes {
		door(fmt.Sprintf("probes[%d].door", i), p.Door)
	}
	for i, s := range c.Certificates {
		door(fmt.Sprintf("certificates[%d].door", i), s.Door)
	}
	return errors.Join(m...)
}

// Systems are the business systems named, by the key that names them.
func (c Config) Systems() map[string]string {
	out := map[string]string{}
	for i, p := range c.Probes {
		out[fmt.Sprintf("probes[%d].system", i)] = p.System
	}
	for i, s := range c.Certificates {
		out[fmt.Sprintf("certificates[%d].system", i)] = s.System
	}
	for i, l := range c.Ports.Listen {
		out[fmt.Sprintf("ports.listen[%d].system", i)] = l.System
	}
	return out
}

// checkName is the name of a probe's check.
func (p Probe) checkName() string { return "probe/" + p.Name }
