package platform

import (
	"cmp"
	"time"

	"xunjian/checks/credential"
)

// Config says which doors are tried, which certificates are read and which
// ports must or must not be open. Start from Default.
type Config struct {
	Probes []Probe `yaml:"probes"`
	// Certificates are files that hold certificates: those of servers, and
	// those by which bids are sealed and opened.
	Certificates []Certificates `yaml:"certificates"`
	Ports        Ports          `yaml:"ports"`
}

// Probe tries one door of the platform.
type Probe struct {
	// Name tells it from the others: letters, digits, and - . _ between them.
	Name string `yaml:"name"`
	// System is the business system it belongs to, a name from "systems";
	// empty: none.
	System string `yaml:"system"`
	// Door says what people use it for, and so which scenario of the plan its
	// outage has: page, login, upload, opening, evaluation, ca or other.
	Door string `yaml:"door"`
	// Interval is how often it is tried, 1s to 1h; 0 means 10s.
	Interval time.Duration `yaml:"interval"`
	// Timeout is how long all of one try may take, 100ms to 0.8 of Interval; 0
	// means 5s, or half of a shorter Interval.
	Timeout time.Duration `yaml:"timeout"`
	// IPProtocol is any, ip4 or ip6; empty means any.
	IPProtocol string `yaml:"ip_protocol"`

	// One of these.
	HTTP *HTTP `yaml:"http"`
	TCP  *TCP  `yaml:"tcp"`
	DNS  *DNS  `yaml:"dns"`
	NTP  *NTP  `yaml:"ntp"`
}

// HTTP walks through pages as a browser does: cookies are kept from step to
// step.
type HTTP struct {
	Steps []Step `yaml:"steps"`
	// TLS says whom to trust, and by which certificate the probe shows itself.
	TLS credential.TLS `yaml:"tls"`
	// HTTP2 is any, required (another version is a fault) or off (not offered);
	// empty means any.
	HTTP2 string `yaml:"http2"`
	// Proxy is the address of a proxy, http://host:port; empty: none, whatever
	// the environment says.
	Proxy string `yaml:"proxy"`
	// MaxBody is how many bytes of an answer are read, 1 KiB to 64 MiB; 0 means
	// 1 MiB. Texts are looked for in what was read.
	MaxBody int64 `yaml:"max_body"`
	// Survey looks once an hour at what the server's TLS offers beside what
	// was used: old protocols, weak ciphers, whether the certificate was
	// revoked. Not given: yes.
	Survey *bool `yaml:"survey"`
}

// Step is one request. In URL, Headers, Body and Form, ${name} stands for what
// an earlier step captured.
type Step struct {
	// Name is what findings call it; empty: its number.
	Name    string            `yaml:"name"`
	URL     string            `yaml:"url"`
	Method  string            `yaml:"method"`
	Headers map[string]string `yaml:"headers"`
	Body    string            `yaml:"body"`
	// Form is sent as a filled-in form; the method is POST then.
	Form []Field `yaml:"form"`
	// Username and PasswordFile are for basic authentication; BearerFile holds
	// a token.
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"password_file"`
	BearerFile   string `yaml:"bearer_file"`
	// Redirects is follow, same_host or none; empty means follow.
	Redirects string `yaml:"redirects"`

	// Status are the codes that are right; none: 200 to 299.
	Status []int `yaml:"status"`
	// MustContain and MustNotContain are texts, MustMatch and MustNotMatch
	// regexps. Without them fitting the door does not work.
	MustContain    []string `yaml:"must_contain"`
	MustNotContain []string `yaml:"must_not_contain"`
	MustMatch      []string `yaml:"must_match"`
	MustNotMatch   []string `yaml:"must_not_match"`
	// Capture takes values from the answer for later steps: the first group of
	// a regexp, by name.
	Capture map[string]string `yaml:"capture"`
	// Integrity says how the page looks when nobody has changed it. What does
	// not fit is a page that was tampered with (A01), not one that fails.
	Integrity *Integrity `yaml:"integrity"`
}

// Field is one of a form. One of Value and File is given.
type Field struct {
	Name  string `yaml:"name"`
	Value string `yaml:"value"`
	// File holds a secret value as its only line.
	File string `yaml:"file"`
}

// Integrity is what a page must and must not be.
type Integrity struct {
	// Title is the text of its <title>.
	Title string `yaml:"title"`
	// SHA256 are the sums that its body may have, in hex.
	SHA256         []string `yaml:"sha256"`
	MustContain    []string `yaml:"must_contain"`
	MustNotContain []string `yaml:"must_not_contain"`
	MustMatch      []string `yaml:"must_match"`
	MustNotMatch   []string `yaml:"must_not_match"`
}

// TCP connects, and may speak.
type TCP struct {
	// Address is host:port.
	Address string `yaml:"address"`
	// Dialogue is what is said and expected in turn.
	Dialogue []Exchange `yaml:"dialogue"`
	// UseTLS speaks TLS from the first byte.
	UseTLS bool           `yaml:"use_tls"`
	TLS    credential.TLS `yaml:"tls"`
	// Survey is as for HTTP.
	Survey *bool `yaml:"survey"`
}

// Exchange sends, then reads lines until one fits.
type Exchange struct {
	Send string `yaml:"send"`
	// Expect is a regexp for one line of the answer.
	Expect string `yaml:"expect"`
}

// DNS asks a name server.
type DNS struct {
	// Server is host or host:port; the port is 53, or 853 for tls.
	Server string `yaml:"server"`
	// Query is the name asked for, Type like A, AAAA, MX, SOA; empty means A.
	Query string `yaml:"query"`
	Type  string `yaml:"type"`
	// Protocol is udp, tcp or tls; empty means udp.
	Protocol string         `yaml:"protocol"`
	TLS      credential.TLS `yaml:"tls"`
	// Rcodes that are right; none: NOERROR.
	Rcodes []string `yaml:"rcodes"`
	// Answers must all be among those given, as data alone: an address, a name.
	Answers []string `yaml:"answers"`
}

// NTP asks a time server.
type NTP struct {
	// Server is host or host:port; the port is 123.
	Server string `yaml:"server"`
}

// Certificates are files that hold certificates.
type Certificates struct {
	// Name tells them from the others.
	Name string `yaml:"name"`
	// System and Door are as for a probe.
	System string `yaml:"system"`
	Door   string `yaml:"door"`
	// Files are paths, patterns or folders of PEM, DER and PKCS#12 files.
	Files []string `yaml:"files"`
	// PasswordFile holds the password of PKCS#12 files.
	PasswordFile string `yaml:"password_file"`
}

// Ports says what must listen on this machine and what must not.
type Ports struct {
	Listen []Listener `yaml:"listen"`
	// Forbidden must not be open, whatever else is.
	Forbidden []Port `yaml:"forbidden"`
	// Only: what listens and does not stand in Listen or Ignore is unexpected.
	Only   bool   `yaml:"only"`
	Ignore []Port `yaml:"ignore"`
	// Loopback counts ports that only this machine can reach as well.
	Loopback bool `yaml:"loopback"`
}

// Listener is a port that something listens on.
type Listener struct {
	// Address is an IP address; empty: any. A listener on all addresses fits
	// every address.
	Address string `yaml:"address"`
	Port    int    `yaml:"port"`
	// Protocol is tcp or udp; empty means tcp.
	Protocol string `yaml:"protocol"`
	// Process is the program that has to hold it, as in /proc/PID/comm; empty:
	// any.
	Process string `yaml:"process"`
	// System is as for a probe.
	System string `yaml:"system"`
}

// Port is one that something may listen on; as in Listener.
type Port struct {
	Address  string `yaml:"address"`
	Port     int    `yaml:"port"`
	Protocol string `yaml:"protocol"`
}

// Default returns the Config of a machine of which nothing is known.
func Default() Config { return Config{} }

// Defaults of a probe.
const (
	defaultInterval = 10 * time.Second
	defaultTimeout  = 5 * time.Second
	defaultMaxBody  = 1 << 20
)

// filled returns p with its defaults filled in.
func (p Probe) filled() Probe {
	p.Interval = cmp.Or(p.Interval, defaultInterval)
	p.Timeout = cmp.Or(p.Timeout, min(defaultTimeout, p.Interval/2))
	p.Door = cmp.Or(p.Door, DoorOther)
	p.IPProtocol = cmp.Or(p.IPProtocol, "any")
	if p.HTTP != nil {
		h := *p.HTTP
		h.MaxBody = cmp.Or(h.MaxBody, defaultMaxBody)
		h.HTTP2 = cmp.Or(h.HTTP2, "any")
		p.HTTP = &h
	}
	return p
}

// module is what kind of probe it is.
func (p Probe) module() string {
	switch {
	case p.HTTP != nil:
		return "http"
	case p.TCP != nil:
		return "tcp"
	case p.DNS != nil:
		return "dns"
	}
	return "ntp"
}

// Paths are the fields that hold paths which may start at another folder.
func (c *Config) Paths() []*string {
	var all []*string
	for i := range c.Probes {
		p := &c.Probes[i]
		if h := p.HTTP; h != nil {
			all = append(all, h.TLS.Paths()...)
			for k := range h.Steps {
				s := &h.Steps[k]
				all = append(all, &s.PasswordFile, &s.BearerFile)
				for f := range s.Form {
					all = append(all, &s.Form[f].File)
				}
			}
		}
		if p.TCP != nil {
			all = append(all, p.TCP.TLS.Paths()...)
		}
		if p.DNS != nil {
			all = append(all, p.DNS.TLS.Paths()...)
		}
	}
	for i := range c.Certificates {
		s := &c.Certificates[i]
		all = append(all, &s.PasswordFile)
		for k := range s.Files {
			all = append(all, &s.Files[k])
		}
	}
	var out []*string
	for _, p := range all {
		if credential.Relative(*p) {
			out = append(out, p)
		}
	}
	return out
}
