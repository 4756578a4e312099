package platform

import (
	"strings"
	"testing"
	"time"

	"xunjian/checks/credential"
)

// TestMistakes: each configuration beside the one thing that is said of it.
func TestMistakes(t *testing.T) {
	good := func() Probe {
		return Probe{Name: "a", Door: DoorPage, HTTP: &HTTP{Steps: []Step{{URL: "https://bid.example.org/"}}}}
	}
	step := func(f func(*Step)) Config {
		p := good()
		f(&p.HTTP.Steps[0])
		return Config{Probes: []Probe{p}}
	}
	probe := func(f func(*Probe)) Config {
		p := good()
		f(&p)
		return Config{Probes: []Probe{p}}
	}
	for want, cfg := range map[string]Config{
		`probes[0].name: is missing; give letters, digits, and - . _ between them`:                                                            probe(func(p *Probe) { p.Name = "" }),
		`probes[0].name: "a b" is not a name; allowed: letters, digits, and - . _ between them, at most 64`:                                   probe(func(p *Probe) { p.Name = "a b" }),
		`probes[1].name: "a" stands twice; first at [0]`:                                                                                      {Probes: []Probe{good(), good()}},
		`probes[0].door: is missing; say what people use it for: page, login, upload, opening, evaluation, ca, other`:                         probe(func(p *Probe) { p.Door = "" }),
		`probes[0].door: unknown value "gate"; allowed: page, login, upload, opening, evaluation, ca, other`:                                  probe(func(p *Probe) { p.Door = "gate" }),
		`probes[0].interval: 500ms is out of range; allowed: 1s to 1h0m0s`:                                                                    probe(func(p *Probe) { p.Interval = 500 * time.Millisecond }),
		`probes[0].timeout: 9s is out of range; allowed: 100ms to 8s, which is 0.8 of the interval`:                                           probe(func(p *Probe) { p.Timeout = 9 * time.Second }),
		`probes[0].ip_protocol: unknown value "ipv4"; allowed: any, ip4, ip6`:                                                                 probe(func(p *Probe) { p.IPProtocol = "ipv4" }),
		`probes[0]: has 2 of http, tcp, dns and ntp; give one`:                                                                                probe(func(p *Probe) { p.TCP = &TCP{Address: "a:1"} }),
		`probes[0]: has 0 of http, tcp, dns and ntp; give one`:                                                                                probe(func(p *Probe) { p.HTTP = nil }),
		`probes[0].http.steps: 0 steps are given; allowed: 1 to 20`:                                                                           probe(func(p *Probe) { p.HTTP.Steps = nil }),
		`probes[0].http.http2: unknown value "yes"; allowed: any, required, off`:                                                              probe(func(p *Probe) { p.HTTP.HTTP2 = "yes" }),
		`probes[0].http.max_body: 10 is out of range; allowed: 1024 to 67108864 bytes`:                                                        probe(func(p *Probe) { p.HTTP.MaxBody = 10 }),
		`probes[0].http.proxy: is not the address of a proxy; allowed: http://host:port, without a password`:                                  probe(func(p *Probe) { p.HTTP.Proxy = "http://u:p@proxy:3128" }),
		`probes[0].http.tls.cert_file: stands alone; give key_file too, or neither`:                                                           probe(func(p *Probe) { p.HTTP.TLS = credential.TLS{CertFile: "a"} }),
		`probes[0].http.steps[0].url: is missing; give one like https://bid.example.org/login`:                                                step(func(s *Step) { s.URL = "" }),
		`probes[0].http.steps[0].url: is not a URL that can be tried; allowed: http://… or https://…`:                                         step(func(s *Step) { s.URL = "ftp://x/" }),
		`probes[0].http.steps[0].url: holds a password; give username and password_file instead`:                                              step(func(s *Step) { s.URL = "https://u:p@x/" }),
		`probes[0].http.steps[0].url: ${csrf} was not captured by an earlier step`:                                                            step(func(s *Step) { s.URL = "https://x/${csrf}" }),
		`probes[0].http.steps[0].method: "get" is not a method; allowed: like GET or POST`:                                                    step(func(s *Step) { s.Method = "get" }),
		`probes[0].http.steps[0].redirects: unknown value "no"; allowed: follow, same_host, none`:                                             step(func(s *Step) { s.Redirects = "no" }),
		`probes[0].http.steps[0].headers.Cookie: would hold a secret in the configuration; give username and password_file, or bearer_file`:   step(func(s *Step) { s.Headers = map[string]string{"Cookie": "a=b"} }),
		`probes[0].http.steps[0].headers.X: is not a header`:                                                                                  step(func(s *Step) { s.Headers = map[string]string{"X": "a\r\nB: c"} }),
		`probes[0].http.steps[0].body: stands beside form; give one of them`:                                                                  step(func(s *Step) { s.Body, s.Form = "x", []Field{{Name: "a"}} }),
		`probes[0].http.steps[0].form[0]: has both value and file; give one of them`:                                                          step(func(s *Step) { s.Form = []Field{{Name: "a", Value: "b", File: "c"}} }),
		`probes[0].http.steps[0].username: needs password_file, and password_file needs it`:                                                   step(func(s *Step) { s.Username = "u" }),
		`probes[0].http.steps[0].status[0]: 99 is not a status; allowed: 100 to 599`:                                                          step(func(s *Step) { s.Status = []int{99} }),
		`probes[0].http.steps[0].must_contain[0]: is empty; every page contains that`:                                                         step(func(s *Step) { s.MustContain = []string{""} }),
		"probes[0].http.steps[0].must_match[0]: error parsing regexp: missing closing ): `(`; allowed: a regular expression of Go":            step(func(s *Step) { s.MustMatch = []string{"("} }),
		`probes[0].http.steps[0].capture.a: has 0 groups; one group says what is taken, like value="([^"]+)"`:                                 step(func(s *Step) { s.Capture = map[string]string{"a": "x"} }),
		`probes[0].http.steps[0].integrity: says nothing; allowed: title, sha256, must_contain, must_not_contain, must_match, must_not_match`: step(func(s *Step) { s.Integrity = &Integrity{} }),
		`probes[0].http.steps[0].integrity.sha256[0]: is not a SHA-256 sum; allowed: 64 hexadecimal digits`:                                   step(func(s *Step) { s.Integrity = &Integrity{SHA256: []string{"abc"}} }),
		`probes[0].tcp.address: "host" is not an address; allowed: host:port`:                                                                 {Probes: []Probe{{Name: "a", Door: DoorCA, TCP: &TCP{Address: "host"}}}},
		`probes[0].tcp.tls: is not used without use_tls: true`:                                                                                {Probes: []Probe{{Name: "a", Door: DoorCA, TCP: &TCP{Address: "h:1", TLS: credential.TLS{ServerName: "x"}}}}},
		`probes[0].tcp.dialogue[0]: neither sends nor expects; give send, expect or both`:                                                     {Probes: []Probe{{Name: "a", Door: DoorCA, TCP: &TCP{Address: "h:1", Dialogue: []Exchange{{}}}}}},
		`probes[0].dns.type: unknown type "ADDRESS"; allowed: like A, AAAA, CNAME, MX, NS, SOA, TXT`:                                          {Probes: []Probe{{Name: "a", Door: DoorOther, DNS: &DNS{Server: "192.0.2.1", Query: "x", Type: "ADDRESS"}}}},
		`probes[0].dns.rcodes[0]: unknown code "OK"; allowed: like NOERROR, NXDOMAIN, SERVFAIL`:                                               {Probes: []Probe{{Name: "a", Door: DoorOther, DNS: &DNS{Server: "::1", Query: "x", Rcodes: []string{"OK"}}}}},
		`probes[0].ntp.server: "a b" is not a server; allowed: host or host:port`:                                                             {Probes: []Probe{{Name: "a", Door: DoorOther, NTP: &NTP{Server: "a b"}}}},
		`certificates[0].files: is missing; name files, patterns or folders of PEM, DER or PKCS#12 files`:                                     {Certificates: []Certificates{{Name: "a"}}},
		`certificates[0].files[0]: "[" is not a path or pattern; allowed: like /etc/pki/*.pem`:                                                {Certificates: []Certificates{{Name: "a", Files: []string{"["}}}},
		`ports.listen[0].port: 0 is not a port; allowed: 1 to 65535`:                                                                          {Ports: Ports{Listen: []Listener{{}}}},
		`ports.forbidden[0].address: "any" is not an address; allowed: an IP address, or none for any`:                                        {Ports: Ports{Forbidden: []Port{{Port: 1, Address: "any"}}}},
		`ports.ignore[0].protocol: unknown value "icmp"; allowed: tcp, udp`:                                                                   {Ports: Ports{Ignore: []Port{{Port: 1, Protocol: "icmp"}}}},
	} {
		if err := cfg.Validate(); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	all := Config{Probes: []Probe{good(), {Name: "b", System: "s", Door: DoorUpload, NTP: &NTP{Server: "ntp.example.org"}}}, Certificates: []Certificates{{Name: "c", Door: DoorCA, Files: []string{"/x"}}}}
	if err := all.Validate(); err != nil {
		t.Error(err)
	}
	want := strings.Join([]string{
		`probes[1].door: an outage of the door "upload" has the scenario "bid-submission", which the plan does not have; allowed: doors whose scenario it has`,
		`certificates[0].door: an outage of the door "ca" has the scenario "tenderer-decryption", which the plan does not have; allowed: doors whose scenario it has`,
	}, "\n")
	if err := all.Fits([]string{"software-failure", "bidder-decryption"}); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if s := all.Systems(); s["probes[1].system"] != "s" || len(s) != 3 {
		t.Errorf("systems are %v", s)
	}
}

// TestPaths: a systemd credential is no path.
func TestPaths(t *testing.T) {
	c := Config{Probes: []Probe{{HTTP: &HTTP{TLS: credential.TLS{CAFile: "ca.pem"}, Steps: []Step{{PasswordFile: "credential:x", Form: []Field{{File: "secret"}}}}}}}, Certificates: []Certificates{{Files: []string{"a/*.pem"}}}}
	var got []string
	for _, p := range c.Paths() {
		if *p != "" {
			got = append(got, *p)
		}
	}
	if s := strings.Join(got, " "); s != "ca.pem secret a/*.pem" {
		t.Errorf("paths are %s", s)
	}
}
