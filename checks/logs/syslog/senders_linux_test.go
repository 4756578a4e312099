package syslog

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xunjian/checks/logs/archive"
)

// program finds a real part, or fails: .ci/packages installs it.
func program(t testing.TB, name string) string {
	t.Helper()
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		if p := filepath.Join(dir, name); exec.Command("test", "-x", p).Run() == nil {
			return p
		}
	}
	t.Fatalf("%s is not installed; see .ci/packages", name)
	return ""
}

func port(t testing.TB, a net.Addr) string {
	t.Helper()
	_, p, err := net.SplitHostPort(a.String())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// rsyslog starts Debian's rsyslogd with a configuration, and returns when it
// has made its socket.
func rsyslog(t testing.TB, dir, config, ready string) *exec.Cmd {
	t.Helper()
	file := filepath.Join(dir, "rsyslog.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program(t, "rsyslogd"), "-n", "-f", file, "-i", filepath.Join(dir, "rsyslog.pid"))
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(ready); err == nil {
			return cmd
		}
	}
	t.Fatalf("rsyslogd does not start: %s", said.String())
	return nil
}

// TestRealSenders lets Debian's rsyslogd and logger send, over UDP, TCP and TLS,
// in both formats and framings.
func TestRealSenders(t *testing.T) {
	cfg := local()
	cfg.TLS, cfg.Certificate = "127.0.0.1:0", pair(t)
	r := start(t, cfg, t.TempDir())
	l := r.listening()
	dir := t.TempDir()
	socket := filepath.Join(dir, "log")
	to := `target="127.0.0.1" queue.type="LinkedList" action.resumeRetryCount="-1" `
	rsyslog(t, dir, fmt.Sprintf(`
global(workDirectory=%q defaultNetstreamDriverCAFile=%q maxMessageSize="8k")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket=%q RateLimit.Interval="0")
action(type="omfwd" %s port=%q protocol="udp" template="RSYSLOG_TraditionalForwardFormat")
action(type="omfwd" %s port=%q protocol="tcp" template="RSYSLOG_ForwardFormat")
action(type="omfwd" %s port=%q protocol="tcp" TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format")
action(type="omfwd" %s port=%q protocol="tcp" template="RSYSLOG_SyslogProtocol23Format"
  StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="anon")
`, dir, cfg.Certificate.CertFile, socket, to, port(t, l.udp.LocalAddr()), to, port(t, l.tcp.Addr()), to, port(t, l.tcp.Addr()), to, port(t, l.tls.Addr())), socket)

	const lines = 50
	var text strings.Builder
	for n := range lines {
		fmt.Fprintf(&text, "用户 admin 第 %d 次登录\n", n)
	}
	logger := func(args ...string) {
		t.Helper()
		cmd := exec.Command(program(t, "logger"), args...)
		cmd.Stdin = strings.NewReader(text.String())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("logger %v: %v %s", args, err, out)
		}
	}
	logger("-u", socket, "-t", "relayed", "-p", "auth.warning")
	udp, tcp := port(t, l.udp.LocalAddr()), port(t, l.tcp.Addr())
	logger("-n", "127.0.0.1", "-P", udp, "-d", "-t", "direct-udp-3164", "--rfc3164")
	logger("-n", "127.0.0.1", "-P", udp, "-d", "-t", "direct-udp-5424", "--rfc5424")
	logger("-n", "127.0.0.1", "-P", tcp, "-T", "-t", "direct-tcp", "--rfc5424")
	logger("-n", "127.0.0.1", "-P", tcp, "-T", "-t", "direct-counted", "--octet-count", "--rfc5424")

	r.until("all of them", func() bool { return r.archive.Stats().Appended >= 8*lines })
	by := map[string]int{}
	for _, rec := range r.lines(archive.Query{}) {
		by[rec.App]++
		if rec.Source != "127.0.0.1" || rec.Said.IsZero() || rec.Host == "" || !strings.Contains(rec.Text, "用户 admin 第 ") {
			t.Fatalf("not understood: %+v", rec)
		}
		if rec.App == "relayed" && (rec.Severity != archive.Warning || rec.Facility != 5) {
			t.Fatalf("severity %v, facility %d of %s", rec.Severity, rec.Facility, rec.Text)
		}
	}
	want := map[string]int{"relayed": 4 * lines, "direct-udp-3164": lines, "direct-udp-5424": lines, "direct-tcp": lines, "direct-counted": lines}
	for app, n := range want {
		if by[app] != n {
			t.Errorf("%s: %d lines of %d", app, by[app], n)
		}
	}
	if len(by) != len(want) {
		t.Errorf("applications: %v", by)
	}
}
