package pattern

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// deed is what one program did: what its lines should be known as, and what it
// wrote.
type deed struct {
	want  []string
	lines []string
}

// TestRealPrograms holds the patterns against what programs of this Debian
// really write: none of these lines was at hand when the patterns were written.
// docs/log-patterns.md has the result.
func TestRealPrograms(t *testing.T) {
	t.Parallel() // it mostly waits
	deeds := runPrograms(t)
	m := NewMatcher(ours(t))
	right, missed, wrong, lines := 0, 0, 0, 0
	for _, d := range deeds {
		var got []string
		for _, l := range d.lines {
			lines++
			m.Scan([]byte(l+"\n"), func(h *Hit) { got = append(got, h.Pattern.Name) })
		}
		slices.Sort(got)
		rest := slices.Clone(got)
		for _, w := range d.want {
			if n := slices.Index(rest, w); n >= 0 {
				rest = slices.Delete(rest, n, n+1)
				right++
			} else {
				missed++
			}
		}
		wrong += len(rest)
		if !slices.Equal(got, d.want) {
			t.Errorf("known as %v, want %v:\n  %s", got, d.want, strings.Join(d.lines, "\n  "))
		}
	}
	t.Logf("%d deeds, %d lines: %d known rightly, %d not known, %d wrongly known", len(deeds), lines, right, missed, wrong)
	if len(deeds) < 35 {
		t.Errorf("only %d deeds were done", len(deeds))
	}
}

var datagram = regexp.MustCompile(`^<\d+>(\w{3} [ \d]\d \d\d:\d\d:\d\d) (?s:(.*))`)

// runPrograms runs the script, tries to log in to its sshd, and returns what
// was written to /dev/log, one deed after the other.
func runPrograms(t *testing.T) []deed {
	t.Helper()
	dir, err := os.MkdirTemp("", "xunjian-programs-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	log, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "log")})
	if err != nil {
		t.Fatal(err)
	}
	// Everybody may write to a log.
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(filepath.Join(dir, "log"), 0o777)); err != nil {
		t.Fatal(err)
	}
	done := make(chan []deed)
	go func() {
		var all []deed
		var now deed
		buf := make([]byte, 64<<10)
		for {
			n, err := log.Read(buf)
			if err != nil {
				done <- all
				return
			}
			part := datagram.FindStringSubmatch(strings.TrimRight(string(buf[:n]), "\n\x00"))
			if part == nil {
				part = []string{"", "Nov 29 16:03:51", string(buf[:n])}
			}
			if want, ok := strings.CutPrefix(part[2], "mark: "); ok {
				if now.want = strings.Fields(want); want == "-" {
					now.want = nil
				}
				slices.Sort(now.want)
				all, now = append(all, now), deed{}
				continue
			}
			// As rsyslog writes it, with the name of the machine.
			now.lines = append(now.lines, part[1]+" web1 "+part[2])
		}
	}()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command("unshare", "-m", "bash", "testdata/programs.sh", dir, port)
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	var said strings.Builder
	cmd.Stderr = &said
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewScanner(out)
	await := func(word string) {
		for answers.Scan() {
			if answers.Text() == word {
				return
			}
		}
		t.Fatalf("the script stopped before it was %s: %v\n%s", word, cmd.Wait(), said.String())
	}
	await("ready")
	tryLogins(t, addr, func(want string) {
		time.Sleep(300 * time.Millisecond) // its processes end, and say so
		fmt.Fprintln(in, want)
		await("marked")
	})
	in.Close()
	io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	log.SetReadDeadline(time.Now().Add(time.Second)) // what was sent is there
	return <-done
}

// tryLogins logs in to sshd rightly and wrongly, and marks each.
func tryLogins(t *testing.T, addr string, mark func(want string)) {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			break
		} else if time.Since(begun) > 30*time.Second {
			t.Fatal(err)
		}
	}
	mark("-")
	login := func(user string, passwords ...string) {
		n := 0
		next := func() (string, error) { n++; return passwords[min(n, len(passwords))-1], nil }
		c, err := ssh.Dial("tcp", addr, &ssh.ClientConfig{User: user, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 30 * time.Second,
			Auth: []ssh.AuthMethod{ssh.RetryableAuthMethod(ssh.PasswordCallback(next), len(passwords))}})
		if err == nil {
			c.Close()
		}
	}
	login("root", "wrong")
	mark("pam_failed sshd_failed")
	login("nobody-here", "wrong")
	mark("pam_failed sshd_failed")
	login("admin from 198.51.100.9 port 1 ssh2", "wrong")
	mark("pam_failed sshd_failed")
	login("mallory", "Secret-7-secret")
	mark("sshd_accepted")
	login("mallory", "wrong", "Secret-7-secret")
	mark("pam_failed sshd_accepted sshd_failed")
	login("root", "a", "b", "c", "d", "e")
	mark("pam_failed sshd_failed sshd_failed sshd_failed sshd_max_attempts")
	for _, greeting := range []string{"GET / HTTP/1.0\r\n\r\n", "\x16\x03\x01\x00\xa5"} {
		if c, err := net.Dial("tcp", addr); err == nil {
			io.WriteString(c, greeting)
			io.Copy(io.Discard, c)
			c.Close()
		}
		mark("sshd_attack")
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		io.WriteString(c, "SSH-2.0-OpenSSH_9.2\r\n")
		c.Close()
	}
	mark("-")
}
