package platform

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"xunjian/checks/credential"
)

// names starts a dnsmasq that knows one host and lies about no other.
func names(t *testing.T) (*server, string) {
	t.Helper()
	port := freePort()
	s, err := startServer("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port="+port, "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--no-hosts",
		"--pid-file=", "--user=root", "--local=/example.test/", "--address=/bid.example.test/192.0.2.10", "--mx-host=example.test,mail.example.test,10", "--txt-record=example.test,ready")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	if err := s.listens(port); err != nil {
		t.Fatal(err)
	}
	return s, "127.0.0.1:" + port
}

func TestNames(t *testing.T) {
	s, address := names(t)
	for _, tc := range []struct {
		name string
		d    DNS
		code string
		says string
	}{
		{"address", DNS{Query: "bid.example.test", Answers: []string{"192.0.2.10"}}, "probe.answered", "NOERROR"},
		{"over TCP", DNS{Query: "bid.example.test", Protocol: "tcp", Answers: []string{"192.0.2.10"}}, "probe.answered", "NOERROR"},
		{"mail", DNS{Query: "example.test", Type: "MX", Answers: []string{"10 MAIL.example.test"}}, "probe.answered", "NOERROR"},
		{"text", DNS{Query: "example.test", Type: "TXT", Answers: []string{"ready"}}, "probe.answered", "NOERROR"},
		{"another address", DNS{Query: "bid.example.test", Answers: []string{"192.0.2.99"}}, "probe.answer", "192.0.2.10"},
		{"no such name", DNS{Query: "nowhere.example.test"}, "probe.answer", "NXDOMAIN"},
		{"rightly no such name", DNS{Query: "nowhere.example.test", Rcodes: []string{"NXDOMAIN"}}, "probe.answered", "NXDOMAIN"},
		{"refuses", DNS{Query: "example.org"}, "probe.answer", "REFUSED"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.d.Server = address
			o := attempt(t, Probe{DNS: &tc.d})
			code, all := o.came()
			if code != tc.code || !strings.Contains(all, tc.says) {
				t.Fatalf("it comes to %s %s, want %s with %s", code, all, tc.code, tc.says)
			}
			if o.value(t, "probe_dns_query_succeeded") != 1 || o.value(t, "probe_dns_duration_seconds", "request") <= 0 {
				t.Errorf("the figures: %+v", o.samples)
			}
			if answers := o.value(t, "probe_dns_answer_rrs"); tc.name == "address" && answers != 1 {
				t.Errorf("%v answers", answers)
			}
		})
	}
	ask := Probe{DNS: &DNS{Server: address, Query: "bid.example.test"}, Interval: 2 * time.Second, Timeout: 500 * time.Millisecond}
	s.signal(syscall.SIGSTOP)
	o := attempt(t, ask)
	if code, _ := o.came(); code != "probe.timeout" || o.fault.phase != phaseRequest || o.value(t, "probe_dns_query_succeeded") != 0 {
		t.Errorf("a hung server comes to %s: %+v", code, o.fault)
	}
	s.stop()
	if code, _ := attempt(t, ask).came(); code != "probe.refused" {
		t.Errorf("a stopped one comes to %s", code)
	}
}

// TestNamesOverTLS puts TLS before a real name server.
func TestNamesOverTLS(t *testing.T) {
	_, behind := names(t)
	s := theSite(t)
	ca := authority{dir: filepath.Join(s.dir, "ca")}
	pair, err := tls.LoadX509KeyPair(ca.file("good.chain"), ca.file("good.key"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	var pumps sync.WaitGroup
	defer pumps.Wait()
	defer l.Close()
	pumps.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			pumps.Go(func() {
				defer c.Close()
				d, err := net.Dial("tcp", behind)
				if err != nil {
					return
				}
				defer d.Close()
				go func() { io.Copy(d, c); d.Close() }()
				io.Copy(c, d)
			})
		}
	})
	d := DNS{Server: l.Addr().String(), Protocol: "tls", Query: "bid.example.test", Answers: []string{"192.0.2.10"}, TLS: credential.TLS{CAFile: s.root}}
	o := attempt(t, Probe{DNS: &d})
	if code, all := o.came(); code != "probe.answered" {
		t.Fatalf("it comes to %s %s", code, all)
	}
	if o.value(t, "probe_ssl_earliest_cert_expiry") <= 0 {
		t.Error("the certificate's end is not told")
	}
	d.TLS = credential.TLS{}
	if code, _ := attempt(t, Probe{DNS: &d}).came(); code != "probe.certificate_authority" {
		t.Errorf("one that is not trusted comes to %s", code)
	}
}

// TestOwnNameServers tells a name that does not exist, which shuts the door for
// all, from name servers of this machine that say nothing, which shuts our eyes.
func TestOwnNameServers(t *testing.T) {
	s, address := names(t)
	before := net.DefaultResolver
	defer func() { net.DefaultResolver = before }()
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}}
	p := page(Step{URL: "http://nowhere.example.test/"})
	p.Interval, p.Timeout = 10*time.Second, 3*time.Second
	if code, all := attempt(t, p).came(); code != "probe.name_unresolved" {
		t.Errorf("a name that does not exist comes to %s %s", code, all)
	}
	s.signal(syscall.SIGSTOP)
	p.Timeout = 500 * time.Millisecond
	if code, all := attempt(t, p).came(); code != "probe.untried" || !strings.Contains(all, "name servers") {
		t.Errorf("a hung name server comes to %s %s", code, all)
	}
	s.stop()
	if code, all := attempt(t, p).came(); code != "probe.untried" {
		t.Errorf("no name server comes to %s %s", code, all)
	}
}

// clock starts a chronyd that leaves this machine's clock alone.
func clock(t *testing.T, directives string, wrong ...string) string {
	t.Helper()
	port := freePort()
	dir := t.TempDir()
	conf := filepath.Join(dir, "chrony.conf")
	text := fmt.Sprintf("port %s\nbindaddress 127.0.0.1\nallow 127.0.0.1\ncmdport 0\nbindcmdaddress /\npidfile %s/pid\nuser root\n%s\n", port, dir, directives)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	command := append(wrong, "chronyd", "-x", "-d", "-f", conf)
	s, err := startServer(command[0], command[1:]...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	return port
}

// until waits for a try to come to something.
func until(t *testing.T, p Probe, good func(*outcome) bool) *outcome {
	t.Helper()
	end := time.Now().Add(60 * time.Second)
	for {
		o := attempt(t, p)
		if good(o) {
			return o
		}
		if time.Now().After(end) {
			t.Fatalf("it does not come about: %v\n%s", o.fault, strings.Join(o.log, "\n"))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// TestTime asks real chronyd: one that is right, one that is two seconds off,
// and one that knows no time.
func TestTime(t *testing.T) {
	right := clock(t, "local stratum 3")
	off := clock(t, "local stratum 3", "faketime", "-m", "-f", "+2s")
	lost := clock(t, "")
	ask := func(port string) Probe {
		return Probe{NTP: &NTP{Server: "127.0.0.1:" + port}, Interval: 5 * time.Second, Timeout: 2 * time.Second}
	}
	o := until(t, ask(right), func(o *outcome) bool { return o.fault == nil && o.untried == nil })
	if v := o.value(t, "node_ntp_offset_seconds"); math.Abs(v) > 0.1 {
		t.Errorf("the right clock is %v s off", v)
	}
	for name, want := range map[string]float64{"node_ntp_stratum": 3, "node_ntp_sanity": 1, "node_ntp_leap": 0, "probe_success": 1} {
		if got := o.value(t, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if o.value(t, "node_ntp_rtt_seconds") <= 0 || math.Abs(o.value(t, "node_ntp_reference_timestamp_seconds")-float64(time.Now().Unix())) > 3600 {
		t.Errorf("the figures: %+v", o.samples)
	}
	o = until(t, ask(lost), func(o *outcome) bool { return o.fault != nil && o.fault.code == "probe.time" })
	if o.value(t, "node_ntp_sanity") != 0 || o.value(t, "probe_success") != 0 {
		t.Errorf("a clock that knows no time: %+v", o.samples)
	}
	if code, _ := attempt(t, ask(freePort())).came(); code != "probe.refused" {
		t.Errorf("no time server comes to %s", code)
	}
	until(t, ask(off), func(o *outcome) bool {
		return o.fault == nil && o.untried == nil && math.Abs(math.Abs(o.value(t, "node_ntp_offset_seconds"))-2) < 0.1
	})
}
