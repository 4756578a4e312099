package devices

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// passphrases of the simulated devices.
const (
	community = "canary-community"
	authPass  = "canary-auth-pass"
	privPass  = "canary-priv-pass"
)

// simulated is a device that Debian's snmpd plays: what it says of itself
// stands in its configuration.
type simulated struct {
	t       *testing.T
	dir     string
	address string
	cmd     *exec.Cmd
	log     bytes.Buffer
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// simulate starts a device of these lines of snmpd.conf.
func simulate(t *testing.T, lines string) *simulated {
	t.Helper()
	if _, err := exec.LookPath("/usr/sbin/snmpd"); err != nil {
		t.Fatalf("snmpd is missing, run make packages: %v", err)
	}
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.LocalAddr().String()
	free.Close()
	s := &simulated{t: t, dir: t.TempDir(), address: address}
	t.Cleanup(s.stop)
	s.configure(lines)
	return s
}

// configure gives the device other lines and starts it anew.
func (s *simulated) configure(lines string) {
	s.t.Helper()
	s.stop()
	conf := filepath.Join(s.dir, "snmpd.conf")
	text := "rocommunity " + community + "\nview all included .1\nrouser watch priv -V all\n" +
		fmt.Sprintf("createUser watch SHA-256 %q AES %q\n", authPass, privPass) + lines
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.cmd = exec.Command("/usr/sbin/snmpd", "-f", "-Lo", "-C", "-c", conf, "-I", "-smux", "udp:"+s.address)
	s.cmd.Env = append(os.Environ(), "SNMP_PERSISTENT_DIR="+filepath.Join(s.dir, "state"), "MIBS=", "SNMPCONFPATH="+s.dir)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		probe := Device{Name: "x", Address: s.address, Login: s.v2c(s.t)}
		session, err := probe.dial(s.t.Context())
		if err != nil {
			s.t.Fatal(err)
		}
		session.Timeout = 500 * time.Millisecond
		_, err = session.scalars(oidUptime)
		session.Close()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("snmpd does not answer: %v\n%s", err, s.log.String())
		}
	}
}

func (s *simulated) stop() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(syscall.SIGCONT)
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// signal freezes or thaws the device.
func (s *simulated) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

func (s *simulated) v2c(t *testing.T) Login { return Login{CommunityFile: file(t, community)} }

func (s *simulated) v3(t *testing.T) Login {
	return Login{Version: "3", User: User{Name: "watch", Auth: "sha256", AuthPasswordFile: file(t, authPass), Priv: "aes", PrivPasswordFile: file(t, privPass)}}
}

// device is the simulated one as it is configured.
func (s *simulated) device(l Login) Device { return Device{Name: "sw1", Address: s.address, Login: l} }

// says makes override lines: OID, type, value, in threes.
func says(objectID string, list ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "sysobjectid .%s\nsysName core\nsysdescr Simulated device\n", objectID)
	for n := 0; n < len(list); n += 3 {
		fmt.Fprintf(&b, "override .%s %s %s\n", list[n], list[n+1], list[n+2])
	}
	return b.String()
}
