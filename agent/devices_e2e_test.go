package agent_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"xunjian/checks/logs/archive"
)

// TestWhatDevicesSay lets real senders send as devices do: logger over UDP and
// TCP, rsyslogd over TLS, snmptrap. Passwords guessed, a change at night, an
// attack that passed and a device that is silent raise what the plan says, each
// for the device of the transport address; everything is found again.
func TestWhatDevicesSay(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	certificate, key := selfSigned(t)
	community := filepath.Join(t.TempDir(), "community")
	if err := os.WriteFile(community, []byte("canary-community\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// The day before, another device still spoke, and one not any more.
	spokenBefore(t, filepath.Join(data, "logs"))
	night := "03:00-03:01"
	if time.Now().UTC().Add(8*time.Hour).Hour() == 3 {
		night = "15:00-15:01"
	}
	file := filepath.Join(data, "xunjian.yaml")
	config := fmt.Sprintf(`zone: Asia/Shanghai
checks:
  schedule: {syslog: {interval: 1s}, traps: {interval: 1s}, logs_archive: {interval: 1s}}
  devices:
    snmp: [{name: ups-1, address: 127.0.0.1:1, community_file: %s}]
    traps: {listen: "127.0.0.1:0", community_files: [%s]}
  logs:
    archive: {sync: 100ms, min_free_bytes: 0, budget_bytes: BUDGET}
    syslog:
      udp: 127.0.0.1:0
      tcp: 127.0.0.1:0
      tls: "[::1]:0"
      work_hours: %q
      certificate: {cert_file: %s, key_file: %s}
      sources:
        - {name: 核心防火墙, addresses: [127.0.0.1], dialect: h3c}
        - {name: 入侵防御, addresses: ["::1"]}
        - {name: 汇聚交换机, addresses: [192.0.2.9], silent_after: 1h}
`, community, community, night, certificate, key)
	write := func(budget string) {
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(config, "BUDGET", budget)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("1000000000")
	p := start(t, data, "--config", file)
	p.ready(t)
	at := p.listens(t)

	// Over UDP: passwords are guessed.
	logger := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("logger", args...).CombinedOutput(); err != nil {
			t.Fatalf("logger %v: %v %s", args, err, out)
		}
	}
	for n := range 12 {
		logger("-n", "127.0.0.1", "-P", at["udp"], "-d", "--rfc3164", "-t", "FW", "-p", "local7.info",
			fmt.Sprintf("%%%%10SSHS/6/SSHS_LOG: Authentication failed for user root from 198.51.100.7 port %d because of invalid username or wrong password.", 50000+n))
	}
	p.raises(t, "DeviceBruteForce", "核心防火墙", "A01", true)

	// Over TCP: somebody changes something, and it is night.
	logger("-n", "127.0.0.1", "-P", at["tcp"], "-T", "--octet-count", "--rfc5424", "-t", "FW",
		"%%10SHELL/6/SHELL_CMD: -Line=vty0-IPAddr=10.1.1.5-User=admin; Command is acl advanced 3000")
	p.raises(t, "DeviceChangedOutOfHours", "核心防火墙", "A01", false)

	// Over TLS, through rsyslogd: an attack that the device let pass.
	socket := relay(t, certificate, at["tls"])
	logger("-u", socket, "-t", "ips", `%%01IPS/4/DETECT(l)[5]:An intrusion was detected. (SyslogId=8, VSys="public", Policy="p1", SrcIp=198.51.100.9, DstIp=10.1.1.20, SignName="Apache Struts2 RCE", SignId=1, Action=Alert)`)
	p.raises(t, "DeviceAttackSeen", "入侵防御", "A01", true)

	// By SNMP: the UPS runs on battery.
	trap := exec.Command("snmptrap", "-v2c", "-c", "canary-community", "127.0.0.1:"+at["trap"], "", ".1.3.6.1.2.1.33.2.0.1", ".1.3.6.1.2.1.33.1.2.3.0", "i", "42")
	trap.Env = append(os.Environ(), "MIBS=", "SNMP_PERSISTENT_DIR="+t.TempDir())
	if out, err := trap.CombinedOutput(); err != nil {
		t.Fatalf("snmptrap: %v %s", err, out)
	}

	// The silent one: the rule waits for a minute more.
	waitFor(t, time.Minute, "the silence of a device", func() bool {
		a := p.alertOf(t, "DeviceSilent")
		return a.Code == "D01" && a.Labels["source"] == "汇聚交换机"
	})

	for _, c := range []struct{ query, source, event, field, value string }{
		{"event=login-failed", "核心防火墙", "login-failed", "address", "198.51.100.7"},
		{"event=config-changed", "核心防火墙", "config-changed", "command", "acl advanced 3000"},
		{"event=attack", "入侵防御", "attack", "attack", "Apache Struts2 RCE"},
		{"kind=trap", "ups-1", "ups-on-battery", "sender", "127.0.0.1"},
	} {
		waitFor(t, 30*time.Second, c.query, func() bool {
			var page struct {
				Lines []struct {
					Source, Event string
					Fields        map[string]string
				}
			}
			p.get(t, "/api/v1/logs/search?"+c.query, &page)
			if len(page.Lines) == 0 {
				return false
			}
			if l := page.Lines[0]; l.Source != c.source || l.Event != c.event || l.Fields[c.field] != c.value {
				t.Fatalf("%s finds %+v", c.query, l)
			}
			return true
		})
	}

	// Another configuration of the archive holds without a restart.
	write("2000000000")
	p.cmd.Process.Signal(syscall.SIGHUP)
	metrics := regexp.MustCompile(`http://[^\s"]+/metrics`).FindString(p.output.String())
	waitFor(t, 30*time.Second, "the new budget of the archive", func() bool {
		res, err := http.Get(metrics)
		if err != nil {
			return false
		}
		defer res.Body.Close()
		page, _ := io.ReadAll(res.Body)
		return strings.Contains(string(page), "\nxunjian_logs_budget_bytes 2")
	})
	if err := p.stop(t); err != nil {
		t.Errorf("the agent ended with %v\n%s", err, p.output)
	}
	bin, _ := binary()
	if out, err := exec.Command(bin, "logs", "verify", "--data", data, "--lang", "en").CombinedOutput(); err != nil {
		t.Errorf("xunjian logs verify: %v\n%s", err, out)
	}
}

type deviceAlert struct {
	Rule, Code, State, Incident string
	Labels                      map[string]string
}

// alertOf is the alert of a rule, whatever its state; empty if there is none.
func (p *process) alertOf(t *testing.T, rule string) deviceAlert {
	t.Helper()
	var list struct{ Alerts []deviceAlert }
	p.get(t, "/api/v1/alerts", &list)
	for _, a := range list.Alerts {
		if a.Rule == rule {
			return a
		}
	}
	return deviceAlert{}
}

// raises waits until a rule fires for a device and looks at what it opened, if
// it is one that opens incidents.
func (p *process) raises(t *testing.T, rule, source, code string, incident bool) {
	t.Helper()
	var a deviceAlert
	waitFor(t, time.Minute, rule, func() bool {
		a = p.alertOf(t, rule)
		return a.State == "firing" && (a.Incident != "" || !incident)
	})
	if a.Labels["source"] != source || a.Code != code || (a.Incident != "") != incident {
		t.Errorf("%s: %+v; want %s of %s", rule, a, code, source)
	}
	if !incident {
		return
	}
	var opened struct{ Code, State string }
	p.get(t, "/api/v1/incidents/"+a.Incident, &opened)
	if opened.Code != code || opened.State != "open" {
		t.Errorf("%s opened %+v, want %s", rule, opened, code)
	}
}

// listens returns the ports that the agent says it listens on.
func (p *process) listens(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	said := regexp.MustCompile(`\b(udp|tcp|tls) (?:127\.0\.0\.1|\[::1\]):([1-9]\d*)`)
	waitFor(t, time.Minute, "the listeners", func() bool {
		for check, found := range map[string]*regexp.Regexp{"syslog": said, "traps": regexp.MustCompile(`()127\.0\.0\.1:([1-9]\d*)`)} {
			_, body, _ := p.call("GET", "/api/v1/checks/"+check, nil)
			for _, m := range found.FindAllStringSubmatch(string(body), -1) {
				if m[1] == "" {
					m[1] = "trap"
				}
				out[m[1]] = m[2]
			}
		}
		return len(out) == 4
	})
	return out
}

// spokenBefore keeps what two devices said yesterday: one fell silent two hours
// before the other's last word.
func spokenBefore(t *testing.T, dir string) {
	t.Helper()
	a, err := archive.Open(dir, archive.Default(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	last := time.Now().Add(-24 * time.Hour)
	a.Append([]archive.Record{
		{Received: last.Add(-2 * time.Hour), Source: "汇聚交换机", Kind: "syslog", Text: "the last word"},
		{Received: last, Source: "核心防火墙", Kind: "syslog", Text: "somebody else"},
	})
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

// relay starts Debian's rsyslogd, which sends what comes to its socket over TLS.
func relay(t *testing.T, ca, port string) (socket string) {
	t.Helper()
	dir := t.TempDir()
	socket = filepath.Join(dir, "log")
	conf := filepath.Join(dir, "rsyslog.conf")
	text := fmt.Sprintf(`global(workDirectory=%q defaultNetstreamDriverCAFile=%q)
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket=%q RateLimit.Interval="0")
action(type="omfwd" target="::1" port=%q protocol="tcp" template="RSYSLOG_SyslogProtocol23Format" action.resumeRetryCount="-1"
  StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="anon")
`, dir, ca, socket, port)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/sbin/rsyslogd", "-n", "-f", conf, "-i", filepath.Join(dir, "pid"))
	if err := cmd.Start(); err != nil {
		t.Fatalf("start rsyslogd, which make packages installs: %v", err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	waitFor(t, time.Minute, "rsyslogd", func() bool { _, err := os.Stat(socket); return err == nil })
	return socket
}

// selfSigned makes a certificate for ::1.
func selfSigned(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv6loopback}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}
