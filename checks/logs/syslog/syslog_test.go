package syslog

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"xunjian/checks"
	"xunjian/checks/checktest"
	"xunjian/checks/credential"
	"xunjian/checks/logs/archive"
)

// receiver is a Check that serves, and what it keeps.
type receiver struct {
	*Check
	t       testing.TB
	archive *archive.Archive
	wakes   atomic.Int64
	stop    func()
}

func archiveConfig() archive.Config {
	c := archive.Default()
	c.Sync, c.MinFreeBytes = 100*time.Millisecond, 0
	return c
}

// start serves until the test ends or stop is called.
func start(t testing.TB, cfg Config, dir string) *receiver {
	t.Helper()
	a, err := archive.Open(dir, archiveConfig(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	c, err := NewCheck(cfg, Parts{Archive: a, Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{Check: c, t: t, archive: a}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Serve(ctx, func() { r.wakes.Add(1) }) }()
	var once atomic.Bool
	r.stop = func() {
		if once.Swap(true) {
			return
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
		a.Close()
	}
	t.Cleanup(r.stop)
	r.until("listening", func() bool { return r.listening() != nil })
	return r
}

func (r *receiver) listening() *listening {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.on
}

func (r *receiver) until(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	r.t.Fatalf("waited a minute for %s", what)
}

// lines is everything kept, newest first.
func (r *receiver) lines(q archive.Query) []archive.Record {
	r.t.Helper()
	var out []archive.Record
	for rec, err := range r.archive.Lines(context.Background(), q) {
		if err != nil {
			r.t.Fatal(err)
		}
		out = append(out, rec)
	}
	return out
}

// kept waits until so many lines are kept.
func (r *receiver) kept(n int) []archive.Record {
	r.t.Helper()
	r.until(fmt.Sprintf("%d lines", n), func() bool { return r.archive.Stats().Appended >= uint64(n) })
	return r.lines(archive.Query{})
}

// series runs the check and returns its samples by name and labels.
func (r *receiver) series() map[string]float64 {
	r.t.Helper()
	res := checks.RunOnce(context.Background(), r.Check, time.Now())
	if !res.Success() {
		r.t.Fatal(res.Error)
	}
	out := map[string]float64{}
	for _, s := range res.Samples {
		out[s.Desc.Name+"{"+strings.Join(s.Values, ",")+"}"] = s.Value
	}
	return out
}

func (r *receiver) dial(network string) net.Conn {
	r.t.Helper()
	l := r.listening()
	at := ""
	switch network {
	case "udp":
		at = l.udp.LocalAddr().String()
	case "tcp":
		at = l.tcp.Addr().String()
	case "tls":
		at = l.tls.Addr().String()
		network = "tcp"
	}
	_, port, _ := net.SplitHostPort(at)
	c, err := net.Dial(network, net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return c
}

func local() Config {
	c := Default()
	c.UDP, c.TCP = "127.0.0.1:0", "127.0.0.1:0"
	return c
}

func TestMessagesAreKeptAndUnderstood(t *testing.T) {
	cfg := local()
	cfg.Sources = []Source{{Name: "核心防火墙", Addresses: []string{"127.0.0.1"}, Zone: "Asia/Shanghai"}}
	r := start(t, cfg, t.TempDir())
	gbk, _ := simplifiedchinese.GBK.NewEncoder().String("<134>Mar  1 12:00:01 localhost fwlog: 日志类型:系统操作, 用户:root, IP地址:198.51.100.7, 操作对象:系统, 操作类型:登录, 描述:登录失败")
	udp := r.dial("udp")
	for n, line := range []string{
		"<190>Mar  1 12:00:00 2027 FW %%10SHELL/6/SHELL_CMD: -Line=vty0-IPAddr=10.1.1.5-User=admin; Command is acl advanced 3000",
		gbk,
		"<189>Mar  1 12:00:02 evil 10.9.9.9 pretends to be another\nforged line\x1b[31m \u202e",
	} {
		if _, err := io.WriteString(udp, line); err != nil {
			t.Fatal(err)
		}
		r.kept(n + 1) // one after the other, so that their order is known
	}
	got := r.lines(archive.Query{})
	for i, want := range []struct{ host, event, user string }{{"evil", "", ""}, {"localhost", "login-failed", "root"}, {"FW", "config-changed", "admin"}} {
		g := got[i]
		if g.Source != "核心防火墙" || g.Kind != Kind || g.Host != want.host || g.Event != want.event || g.Fields["user"] != want.user {
			t.Errorf("line %d: %+v", i, g)
		}
	}
	if want := "forged line\x1b[31m \u202e"; !strings.HasSuffix(got[0].Text, want) {
		t.Errorf("what was sent is not what is kept: %q", got[0].Text)
	}
	if !strings.Contains(got[1].Text, "登录失败") {
		t.Errorf("GBK is kept as %q", got[1].Text)
	}
	if want := time.Date(2027, 3, 1, 4, 0, 0, 0, time.UTC); !got[2].Said.Equal(want) || got[2].Severity != archive.Info || got[2].Facility != 24 {
		t.Errorf("said %v, severity %v, facility %d", got[2].Said, got[2].Severity, got[2].Facility)
	}
	if first := r.series(); first["xunjian_syslog_events_total{核心防火墙,login-failed}"] != 0 || first["xunjian_syslog_messages_total{核心防火墙}"] != 0 {
		t.Errorf("the first time a source is told it is not at zero: %v", first)
	}
	for name, want := range map[string]float64{
		"xunjian_syslog_messages_total{核心防火墙}":              3,
		"xunjian_syslog_kept_total{核心防火墙}":                  3,
		"xunjian_syslog_dropped_total{核心防火墙,memory}":        0,
		"xunjian_syslog_events_total{核心防火墙,login-failed}":   1,
		"xunjian_syslog_events_total{核心防火墙,config-changed}": 1,
		"xunjian_syslog_events_total{核心防火墙,attack}":         0,
		"xunjian_syslog_silent_limit_seconds{核心防火墙}":        86400,
		"xunjian_syslog_refused_total{}":                    0,
		"xunjian_syslog_kernel_dropped_total{}":             0,
	} {
		if got, ok := r.series()[name]; !ok || got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if r.wakes.Load() == 0 {
		t.Error("a changed configuration does not ask for a run at once")
	}
	exhibits, err := r.Evidence(context.Background())
	if err != nil || len(exhibits) != 1 || len(exhibits[0].Rows) != 2 || exhibits[0].Rows[0][2] != "login-failed" {
		t.Errorf("evidence: %+v, %v", exhibits, err)
	}
}

func TestStreamsInEveryFraming(t *testing.T) {
	r := start(t, local(), t.TempDir())
	c := r.dial("tcp")
	io.WriteString(c, "<13>Mar  1 12:00:00 h app: by a newline\n")
	io.WriteString(c, "38 <13>Mar  1 12:00:01 h app: by its\nsize<13>Mar  1 12:00:02 h app: half")
	r.kept(2)
	io.WriteString(c, " and half\r\n<13>Mar  1 12:00:03 h app: without an end")
	r.kept(3)
	c.Close()
	got := r.kept(4)
	var texts []string
	for _, g := range got {
		texts = append(texts, strings.TrimPrefix(g.Text[len("<13>Mar  1 12:00:00 "):], "h app: "))
	}
	if want := "without an end|half and half|by its\nsize|by a newline"; strings.Join(texts, "|") != want {
		t.Errorf("kept %q, want %q", strings.Join(texts, "|"), want)
	}
}

func TestStrangersAreRefusedAndCounted(t *testing.T) {
	cfg := local()
	cfg.Allowed = []string{"10.0.0.0/8"}
	r := start(t, cfg, t.TempDir())
	io.WriteString(r.dial("udp"), "<13>let me in")
	c := r.dial("tcp")
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a stranger's connection is kept open")
	}
	r.until("both to be counted", func() bool { return r.series()["xunjian_syslog_refused_total{}"] == 2 })
	if got := r.lines(archive.Query{}); len(got) != 0 {
		t.Errorf("kept: %+v", got)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	cfg := local()
	cfg.MaxConnections = 2
	r := start(t, cfg, t.TempDir())
	first, second := r.dial("tcp"), r.dial("tcp")
	io.WriteString(first, "<13>one\n")
	io.WriteString(second, "<13>two\n")
	r.kept(2)
	third := r.dial("tcp")
	third.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := third.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("a third connection of two is kept open: %v", err)
	}
	first.Close()
	r.until("room for another", func() bool {
		c := r.dial("tcp")
		defer c.Close()
		io.WriteString(c, "<13>three\n")
		time.Sleep(20 * time.Millisecond)
		return r.archive.Stats().Appended >= 3
	})
}

// pair makes a certificate for 127.0.0.1 and returns the files.
func pair(t testing.TB) credential.TLS {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "syslog.example.org"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"syslog.example.org"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := credential.TLS{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	for name, block := range map[string]*pem.Block{files.CertFile: {Type: "CERTIFICATE", Bytes: der}, files.KeyFile: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestTLSAsksForACertificateWhereItIsTold(t *testing.T) {
	cfg := local()
	cfg.TLS, cfg.Certificate = "127.0.0.1:0", pair(t)
	cfg.Certificate.CAFile = cfg.Certificate.CertFile
	r := start(t, cfg, t.TempDir())
	anonymous := tls.Client(r.dial("tls"), &tls.Config{InsecureSkipVerify: true})
	io.WriteString(anonymous, "<13>nobody\n")
	if _, err := anonymous.Read(make([]byte, 1)); err == nil {
		t.Error("a sender without a certificate is let in")
	}
	r.until("the refusal to be told", func() bool {
		res := checks.RunOnce(context.Background(), r.Check, time.Now())
		for _, f := range res.Findings {
			if f.Code == "syslog.handshake" && f.Verdict == checks.Attention {
				return true
			}
		}
		return false
	})
	known, err := tls.LoadX509KeyPair(cfg.Certificate.CertFile, cfg.Certificate.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	c := tls.Client(r.dial("tls"), &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{known}})
	if _, err := io.WriteString(c, "<13>somebody\n"); err != nil {
		t.Fatal(err)
	}
	if got := r.kept(1); got[0].Text != "<13>somebody" {
		t.Errorf("kept %q", got[0].Text)
	}
}

func TestOutOfHoursAndSilence(t *testing.T) {
	cfg := local()
	cfg.Sources = []Source{
		{Name: "fw", Addresses: []string{"127.0.0.1"}, SilentAfter: time.Minute},
		{Name: "lost", Addresses: []string{"192.0.2.9"}, SilentAfter: time.Minute},
	}
	dir := t.TempDir()
	r := start(t, cfg, dir)
	r.parts.Workday = func(time.Time) bool { return false } // a holiday
	r.series()
	io.WriteString(r.dial("udp"), "<189>1: Mar  1 12:00:03: %SYS-5-CONFIG_I: Configured from console by admin on vty0 (10.1.1.5)")
	r.kept(1)
	r.until("the change to be counted", func() bool { return r.series()["xunjian_syslog_offtime_changes_total{fw}"] == 1 })
	codes := func(r *receiver, now time.Time) map[string]checks.Verdict {
		out := checks.NewOutput(0)
		for _, s := range r.table.sources() {
			r.tell(out, s, now, r.since)
		}
		r.tellLines(out, now)
		found := map[string]checks.Verdict{}
		for _, f := range out.Findings() {
			found[f.Subject+" "+f.Code] = f.Verdict
		}
		return found
	}
	if got := codes(r, time.Now()); got["fw syslog.config_changed"] != checks.Attention || len(got) != 1 {
		t.Errorf("now: %v", got)
	}
	if got := codes(r, time.Now().Add(2*time.Minute)); got["fw syslog.silent"] != checks.Attention || got["lost syslog.never_heard"] != checks.Attention {
		t.Errorf("two minutes later: %v", got)
	}
	r.stop()
	// After a restart the silence goes on from where it was.
	again := start(t, cfg, dir)
	again.until("what was before to be recalled", func() bool {
		again.table.mu.Lock()
		defer again.table.mu.Unlock()
		return !again.table.list[0].last.IsZero()
	})
	if got := codes(again, again.since.Add(61*time.Second)); got["fw syslog.silent"] != checks.Attention {
		t.Errorf("after a restart: %v", got)
	}
	if got := codes(again, again.since.Add(30*time.Second)); len(got) != 0 {
		t.Errorf("half a minute after a restart: %v", got)
	}
}

func TestWorkHours(t *testing.T) {
	h, err := parseHours("08:30-17:30")
	if err != nil {
		t.Fatal(err)
	}
	for clock, want := range map[string]bool{"08:29": false, "08:30": true, "12:00": true, "17:29": true, "17:30": false, "03:00": false} {
		at, _ := time.Parse("15:04", clock)
		if h.hold(at) != want {
			t.Errorf("%s: %v", clock, !want)
		}
	}
}

func TestSendersBeyondTheFiftiethCountAsOne(t *testing.T) {
	cfg := local()
	set := newTable(cfg, nil, time.UTC)
	for n := range maxUnnamed + 30 {
		if s := set.of(netip4(10, 0, 0, byte(n))); s == nil || n >= maxUnnamed != (s.name == other) {
			t.Fatalf("sender %d is %+v", n, s)
		}
	}
	if set.of(netip4(8, 8, 8, 8)) != nil {
		t.Error("a stranger is a source")
	}
}

func TestCheckConforms(t *testing.T) {
	r := start(t, local(), t.TempDir())
	udp := r.dial("udp")
	io.WriteString(udp, "<189>1: Mar  1 12:00:03: %SYS-5-CONFIG_I: Configured from console by admin on vty0 (10.1.1.5)")
	io.WriteString(udp, "<187>1: Mar  1 12:00:03: %LINK-3-UPDOWN: Interface GigabitEthernet0/1, changed state to down")
	r.kept(2)
	checktest.Conform(t, func() checks.Check { return r.Check })
	off, err := NewCheck(Default(), Parts{Archive: r.archive})
	if err != nil {
		t.Fatal(err)
	}
	if res := checks.RunOnce(context.Background(), off, time.Now()); res.Verdict != checks.NotApplicable {
		t.Errorf("with no listener it says %v", res.Verdict)
	}
	notYet, err := NewCheck(local(), Parts{Archive: r.archive})
	if err != nil {
		t.Fatal(err)
	}
	if res := checks.RunOnce(context.Background(), notYet, time.Now()); res.Verdict != checks.Unknown {
		t.Errorf("while nobody listens it says %v", res.Verdict)
	}
}

func TestAPortThatIsTakenIsSaid(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg := Default()
	cfg.UDP, cfg.TCP = "127.0.0.1:0", l.Addr().String()
	c, err := NewCheck(cfg, Parts{})
	if err != nil {
		t.Fatal(err)
	}
	err = c.Serve(context.Background(), func() {})
	if err == nil || !strings.Contains(err.Error(), "listen for syslog on tcp "+l.Addr().String()) {
		t.Errorf("Serve says %v", err)
	}
}

func TestConfigSaysWhatIsWrong(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Errorf("default: %v", err)
	}
	bad := Config{
		UDP: "514", TCP: ":514", TLS: ":6514", Allowed: []string{"10.0.0.0/33"}, WorkHours: "9 to 5", MemoryBytes: 1, MaxConnections: -1,
		Dialects: []string{"/nowhere.yaml"}, Certificate: credential.TLS{KeyFile: "/nowhere"},
		Sources: []Source{
			{Name: "fw", Addresses: []string{"10.1.1.1"}},
			{Name: "fw", Addresses: []string{"10.1.1.1", "there"}, Zone: "Mars/Olympus", Encoding: "latin-1", SilentAfter: time.Second},
			{},
		},
	}
	want := `udp: "514" is no address to listen on; allowed: like ":514" or "10.1.1.2:514"
certificate.cert_file: is missing; a TLS listener shows a certificate
certificate.key_file: stands alone; give cert_file too, or neither
allowed[0]: "10.0.0.0/33" is neither an address nor a network; allowed: like 10.1.1.1 or 10.1.2.0/24
work_hours: "9 to 5" are no hours; allowed: like "08:30-17:30"
memory_bytes: 1 is out of range; allowed: 1048576 (1 MiB) to 1073741824 (1 GiB)
max_connections: -1 is out of range; allowed: 1 to 10000
dialects: /nowhere.yaml: file does not exist
sources[1].name: "fw" stands twice; first at sources[0]
sources[1].addresses[0]: 10.1.1.1 belongs to sources[0] already
sources[1].addresses[1]: "there" is neither an address nor a network; allowed: like 10.1.1.1 or 10.1.2.0/24
sources[1].zone: "Mars/Olympus" is no time zone; allowed: like Asia/Shanghai
sources[1].encoding: "latin-1" is unknown; allowed: auto, utf-8, gbk
sources[1].silent_after: 1s is out of range; allowed: 1m to 720h, or negative for any
sources[2].name: is missing or too long; a name of at most 64 bytes, under which the device is known
sources[2].addresses: are missing; where it sends from, like 10.1.1.1 or 10.1.2.0/24`
	if err := bad.Validate(); err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
	odd := Default()
	odd.Sources = []Source{{Name: "x", Addresses: []string{"10.1.1.1"}, Dialect: "juniper"}}
	if err := odd.Validate(); err == nil || !strings.HasPrefix(err.Error(), `sources[0].dialect: "juniper" is unknown; allowed: cisco, fortinet, generic, h3c`) {
		t.Errorf("unknown dialect: %v", err)
	}
}
