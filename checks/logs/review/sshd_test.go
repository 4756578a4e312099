//go:build linux

package review

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"xunjian/checks"
	"xunjian/checks/logs/tail"
)

// startSSHD starts Debian's sshd on a free port of the loopback interface. It
// lets root in by key only; what it says is appended to a log with the header
// that syslog would give it.
func startSSHD(t *testing.T, log string) (addr string, key ssh.Signer) {
	t.Helper()
	dir := t.TempDir()
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(priv, "")
	if err != nil {
		t.Fatal(err)
	}
	sshPub, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	hostKey, keys := filepath.Join(dir, "host"), filepath.Join(dir, "keys")
	for path, text := range map[string][]byte{hostKey: pem.EncodeToMemory(block), keys: ssh.MarshalAuthorizedKey(sshPub)} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(addr)
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // of privilege separation
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-p", port, "-h", hostKey,
		"-o", "ListenAddress=127.0.0.1", "-o", "AuthorizedKeysFile="+keys, "-o", "StrictModes=no", "-o", "UsePAM=no",
		"-o", "PasswordAuthentication=yes", "-o", "PermitRootLogin=yes", "-o", "MaxAuthTries=20", "-o", "PidFile=none", "-o", "MaxStartups=100", "-o", "PerSourcePenalties=no")
	// Older versions do not know the last option.
	cmd.Args = cmd.Args[:len(cmd.Args)-2]
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v; install openssh-server", err)
	}
	f, err := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		defer f.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := stderr.Read(buf)
			for line := range strings.Lines(string(buf[:n])) {
				fmt.Fprintf(f, "%s web1 sshd[%d]: %s\n", time.Now().UTC().Format(time.Stamp), cmd.Process.Pid, strings.TrimSpace(line))
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-copied
		_ = cmd.Wait()
	})
	signer, err := ssh.NewSignerFromKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return addr, signer
		}
		if time.Now().After(deadline) {
			t.Fatalf("sshd does not listen: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestRealSSHD tries wrong passwords at a real sshd until it is an attack, and
// then gets in.
func TestRealSSHD(t *testing.T) {
	log := filepath.Join(t.TempDir(), "auth.log")
	addr, key := startSSHD(t, log)
	try := func(auth ...ssh.AuthMethod) error {
		c, err := ssh.Dial("tcp", addr, &ssh.ClientConfig{User: "root", Auth: auth, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 20 * time.Second})
		if err == nil {
			c.Close()
		}
		return err
	}
	for n := range 12 {
		if try(ssh.Password(fmt.Sprint("wrong", n))) == nil {
			t.Fatal("a wrong password lets in")
		}
	}
	if err := try(ssh.PublicKeys(key)); err != nil {
		t.Fatalf("the right key does not let in: %v", err)
	}
	sources := []tail.Source{{Name: "auth", Kind: "auth", Files: []string{log}}}
	tailer := tail.New(tail.Options{Sources: sources, From: tail.Beginning})
	r, err := New(Default(), Parts{Tailer: tailer, Sources: sources, Identity: "x", Once: true, Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	tailer.Subscribe(r)
	deadline := time.Now().Add(30 * time.Second)
	for {
		out := checks.NewOutput(0)
		if err := r.Run(t.Context(), out); err != nil {
			t.Fatal(err)
		}
		if got := found(r.judge); got == "logs.breakin(127.0.0.1) abnormal, logs.bruteforce(127.0.0.1) attention" {
			break
		} else if time.Now().After(deadline) {
			raw, _ := os.ReadFile(log)
			t.Fatalf("found %q in\n%s", got, raw)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if r.judge.known.Failed != 12 || r.judge.known.Logins != 1 {
		t.Errorf("%d failed and %d logins, want 12 and 1", r.judge.known.Failed, r.judge.known.Logins)
	}
}
