//go:build linux

package host

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// written has the system's own tool write a log of logins.
func written(t *testing.T, text string) string {
	t.Helper()
	cmd := exec.Command("utmpdump", "-r")
	cmd.Stdin = strings.NewReader(text)
	log, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(log)
}

// dumped writes a record as utmpdump shows it.
func dumped(kind, pid int, line, user, host, address, at string) string {
	return fmt.Sprintf("[%d] [%05d] [%-4.4s] [%-8s] [%-12s] [%-20s] [%-15s] [2026-11-%s,000000+00:00]\n", kind, pid, line[max(0, len(line)-4):], user, line, host, address, at)
}

func logOf(t *testing.T) string {
	gone := 4_000_000 // over the largest number of a process
	var b strings.Builder
	b.WriteString(dumped(2, 0, "~~", "reboot", "6.1.0", "0.0.0.0", "01T08:00:00"))
	b.WriteString(dumped(7, gone, "pts/0", "alice", "192.0.2.7", "192.0.2.7", "01T09:00:00"))
	b.WriteString(dumped(8, gone, "pts/0", "", "", "0.0.0.0", "01T09:30:00"))
	b.WriteString(dumped(7, gone, "pts/1", "bob", "ws7.example.org", "2001:db8::7", "01T10:00:00"))
	b.WriteString(dumped(1, 0, "~~", "shutdown", "6.1.0", "0.0.0.0", "01T11:00:00"))
	b.WriteString(dumped(2, 0, "~~", "reboot", "6.1.0", "0.0.0.0", "01T11:05:00"))
	b.WriteString(dumped(6, gone, "tty1", "LOGIN", "", "0.0.0.0", "01T11:06:00"))
	for i := range 12 {
		b.WriteString(dumped(7, gone, "pts/2", "carol", "192.0.2.9", "192.0.2.9", fmt.Sprintf("02T%02d:00:00", i)))
		b.WriteString(dumped(8, gone, "pts/2", "", "", "0.0.0.0", fmt.Sprintf("02T%02d:20:00", i)))
	}
	b.WriteString(dumped(7, os.Getpid(), "pts/3", "dave", "", "198.51.100.4", "03T08:00:00"))
	b.WriteString(dumped(7, gone, "pts/4", "erin", "192.0.2.9", "192.0.2.9", "03T09:00:00"))
	return written(t, b.String())
}

// What last reads out of the same file.
func TestLoginsAgreeWithLast(t *testing.T) {
	cfg := Default()
	cfg.Rootfs = t.TempDir()
	put(t, cfg.Rootfs, "var/log/wtmp", logOf(t))
	for _, n := range []int{10, 100} {
		h, err := LastLogins(t.Context(), cfg, n)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range h.Logins {
			end := l.Until.Format(time.RFC3339)
			if l.Until.IsZero() && l.Gone {
				end = "gone"
			} else if l.Until.IsZero() {
				end = "still"
			}
			got = append(got, fmt.Sprint(l.User, " ", l.Line, " ", l.From, " ", l.At.Format(time.RFC3339), " ", end))
		}
		want := lastSays(t, filepath.Join(cfg.Rootfs, "var/log/wtmp"))
		if diff := cmp.Diff(want[:min(n, len(want))], got); diff != "" {
			t.Error(diff)
		}
		if h.Since.Format(time.RFC3339) != "2026-11-01T08:00:00Z" || h.Elsewhere != "" {
			t.Errorf("since %v, elsewhere %q", h.Since, h.Elsewhere)
		}
	}
}

// lastSays runs last and brings its lines into the form of the test. A login
// that the shutdown ended is shown with "down" there; its time is the
// shutdown's.
func lastSays(t *testing.T, file string) []string {
	t.Helper()
	cmd := exec.Command("last", "-w", "--time-format", "iso", "-f", file)
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C")
	said, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`^(\S+) +(\S+) +(\S*) +(\S+T\S+) +(?:- +)?(\S+)`)
	var list []string
	for l := range strings.Lines(strings.ReplaceAll(string(said), "+00:00", "Z")) {
		m := line.FindStringSubmatch(l)
		if m == nil || m[1] == "reboot" {
			continue
		}
		if m[3] == "" {
			m[3] = "198.51.100.4" // last shows a name only
		}
		end := m[5]
		switch {
		case end == "down":
			end = "2026-11-01T11:00:00Z"
		case m[1] == "dave":
			end = "still" // his process is there, but last finds no account of that name
		}
		list = append(list, strings.Join([]string{m[1], m[2], m[3], m[4], end}, " "))
	}
	if len(list) != 16 {
		t.Fatalf("last shows %d logins:\n%s", len(list), said)
	}
	return list
}

// What who says of the same machine: those whose process is there.
func TestSessionsAgreeWithWho(t *testing.T) {
	if !inNamespaces(t, 0) {
		return
	}
	mountAt(t, "tmpfs", "/run", "tmpfs", "")
	put(t, "/run", "utmp", logOf(t))
	list, err := Sessions(t.Context(), Default())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range list {
		got = append(got, fmt.Sprint(l.User, " ", l.Line, " ", l.At.Format("Jan 2 15:04")))
	}
	cmd := exec.Command("who")
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C")
	said, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(said)) {
		want = append(want, strings.Join(strings.Fields(line)[:5], " "))
	}
	if diff := cmp.Diff(want, got); diff != "" || len(got) != 1 {
		t.Errorf("%s\n%s", diff, said)
	}
}

// The longer records of other processors, and a file whose beginning is over
// the bound and whose end is being written.
func TestLongLogOfLogins(t *testing.T) {
	const size, many = 400, 5000
	log := make([]byte, 0, size*many)
	for i := range many {
		rec := make([]byte, size)
		rec[0] = userLogin
		copy(rec[8:], "pts/0")
		copy(rec[wtmpUser:], "alice")
		copy(rec[76:], "evil\nhost\x1b[2J")
		binary.NativeEndian.PutUint64(rec[344:], uint64(5_000_000_000+i)) // after 2106
		log = append(log, rec...)
	}
	cfg := Default()
	cfg.Rootfs = t.TempDir()
	put(t, cfg.Rootfs, "var/log/wtmp", string(log)+"half a record")
	h, err := LastLogins(t.Context(), cfg, 2)
	if err != nil || len(h.Logins) != 2 {
		t.Fatalf("%+v, %v", h, err)
	}
	if l := h.Logins[0]; l.User != "alice" || l.At.Unix() != 5_000_000_000+many-1 || l.From != "evil\uFFFDhost\uFFFD[2J" {
		t.Errorf("%+v", l)
	}
	if covered := h.Logins[0].At.Sub(h.Since).Seconds(); covered < 2500 || covered > maxLogins/size {
		t.Errorf("%v records were read of %d", covered+1, many)
	}
}

func TestNoLogins(t *testing.T) {
	cfg := Default()
	cfg.Rootfs = t.TempDir()
	if h, err := LastLogins(t.Context(), cfg, 9); err != nil || len(h.Logins) > 0 || h.Elsewhere != "" {
		t.Errorf("without a file: %+v, %v", h, err)
	}
	put(t, cfg.Rootfs, "var/lib/wtmpdb/wtmp.db", "SQLite format 3\x00")
	if h, err := LastLogins(t.Context(), cfg, 9); err != nil || h.Elsewhere != wtmpDatabase {
		t.Errorf("with the database: %+v, %v", h, err)
	}
	put(t, cfg.Rootfs, "var/log/wtmp", strings.Repeat("no login at all. ", 1000))
	if _, err := LastLogins(t.Context(), cfg, 9); err == nil || !strings.Contains(err.Error(), "wtmp") {
		t.Errorf("garbage: %v", err)
	}
	if _, err := Sessions(t.Context(), cfg); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "systemd-logind") {
		t.Errorf("without any keeper of sessions: %v", err)
	}
}

func TestSessionsOfLogind(t *testing.T) {
	cfg := Default()
	cfg.Rootfs = t.TempDir()
	for name, text := range map[string]string{
		"3": "# private data\nUID=1000\nUSER=alice\nACTIVE=1\nSTATE=active\nREMOTE=1\nCLASS=user\nTTY=pts/0\nREMOTE_HOST=192.0.2.7\nLEADER=77\nREALTIME=1795000000000000\n",
		"4": "USER=alice\nSTATE=active\nCLASS=manager\n",
		"5": "USER=bob\nSTATE=closing\nCLASS=user\n",
	} {
		put(t, cfg.Rootfs, "run/systemd/sessions/"+name, text)
	}
	got, err := Sessions(t.Context(), cfg)
	want := []Login{{User: "alice", Line: "pts/0", From: "192.0.2.7", At: time.Unix(1795000000, 0).UTC(), PID: 77}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestAdministrators(t *testing.T) {
	cfg := Default()
	cfg.Rootfs = t.TempDir()
	if _, err := Administrators(t.Context(), cfg); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	put(t, cfg.Rootfs, "etc/passwd", "root:x:0:0:root:/root:/bin/bash\nbin:x:1:1::/bin:/sbin/nologin\n#old:x:0:0::/:/bin/sh\ntoor:x:00:0::/root:/bin/sh\n+::::::\nhalf:x:0\n")
	got, err := Administrators(t.Context(), cfg)
	if want := []string{"root", "toor"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	put(t, cfg.Rootfs, "etc/passwd", "\n")
	if _, err := Administrators(t.Context(), cfg); err == nil {
		t.Error("an empty file is taken for one without administrators")
	}
	if got, err := Administrators(t.Context(), Default()); err != nil || !slices.Contains(got, "root") {
		t.Errorf("of this machine: %v, %v", got, err)
	}
}
