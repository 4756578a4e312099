//go:build linux

package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// A real process that takes a core and holds a secret in its arguments.
func TestTopProcessesReal(t *testing.T) {
	cmd := exec.Command("/bin/sh", "-c", "while :; do :; done", "xunjian-busy", "--password=hunter2")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	const n = 50 // other tests are busy too
	list, err := TopProcesses(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < n/2 || len(list) > 2*n {
		t.Errorf("%d processes, of %d by CPU and %d by memory", len(list), n, n)
	}
	i := slices.IndexFunc(list, func(p Process) bool { return p.PID == cmd.Process.Pid })
	if i < 0 {
		t.Fatalf("the busy one is not among %+v", list)
	}
	p := list[i]
	if p.CPU < 0.02 || p.Parent != os.Getpid() || p.State != "R" || p.Memory <= 0 || p.Threads != 1 || p.User == "" {
		t.Errorf("%+v", p)
	}
	if !strings.Contains(p.Command, "xunjian-busy --password=***") || strings.Contains(p.Command, "hunter2") {
		t.Errorf("command %q", p.Command)
	}
}

func TestTopProcessesOfFixture(t *testing.T) {
	cfg := machine(t)
	list, err := topProcessesIn(t.Context(), cfg, 2, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range list {
		got = append(got, fmt.Sprintf("%d %s %q", p.PID, p.Name, p.Command))
	}
	want := []string{
		`900 dd "dd if=/dev/sda of=/dev/null"`, `700 a (b) c) S 9 "/opt/app/server --port 8080 --password ***"`, // by CPU
		`1 systemd "/sbin/init"`, // and by memory
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if age := list[0].Age; age != 400.5 {
		t.Errorf("age %v s, want 400.5", age)
	}
}

// Whoever has no time gets what there is at once.
func TestTopProcessesCutShort(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	began := time.Now()
	if list, err := TopProcesses(ctx, 3); err != nil || len(list) < 3 {
		t.Errorf("%d processes, %v", len(list), err)
	}
	if took := time.Since(began); took > watchedProcesses {
		t.Errorf("took %v", took)
	}
	cancel()
	if _, err := TopProcesses(ctx, 3); err == nil {
		t.Error("no error, though ctx was done before")
	}
	if list, err := TopProcesses(t.Context(), 0); err != nil || list != nil {
		t.Errorf("of none: %v, %v", list, err)
	}
}

func TestMask(t *testing.T) {
	for command, want := range map[string]string{
		"mysqldump --password=hunter2 db":                "mysqldump --password=*** db",
		"app --db-password hunter2 -v":                   "app --db-password *** -v",
		"env API_KEY=abc TOKEN=def run":                  "env API_KEY=*** TOKEN=*** run",
		`curl -H "X-Secret: abc" x`:                      `curl -H "X-Secret: ***" x`,
		"pull https://user:hunter2@git.example.org/r":    "pull https://user:***@git.example.org/r",
		"java -Dspring.datasource.password='a b' -jar x": "java -Dspring.datasource.password=*** -jar x",
		"sleep 600":        "sleep 600",
		"vim password.txt": "vim password.txt",
		"line\x1b[31mred":  "line\uFFFD[31mred",
	} {
		if got := mask(command); got != want {
			t.Errorf("%q\nbecomes %q\nwant    %q", command, got, want)
		}
	}
	if long := mask(strings.Repeat("界", 1000)); len(long) > maxShownCommand || !utf8.ValidString(long) {
		t.Errorf("%d bytes, valid %v", len(long), utf8.ValidString(long))
	}
}

func TestSocketsOfFixture(t *testing.T) {
	cfg := machine(t)
	got, err := socketsIn(t.Context(), cfg.Procfs)
	if err != nil {
		t.Fatal(err)
	}
	want := SocketSummary{
		TCP: map[string]int{"listen": 2, "established": 2, "time_wait": 1, "close_wait": 1},
		UDP: 1,
		Listening: []Listener{
			{Protocol: "tcp6", Address: "::", Port: 22, PID: 1, Process: "systemd"},
			{Protocol: "udp", Address: "0.0.0.0", Port: 123},
			{Protocol: "tcp", Address: "127.0.0.1", Port: 8080, Established: 1, Queue: 3, PID: 700, Process: "a (b) c) S 9"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]string{
		"0100007F:1F90":                         "127.0.0.1 8080",
		"000080FE00000000FF005450010000FE:0016": "fe80::5054:ff:fe00:1 22",
	} {
		address, port, ok := parseAddress([]byte(text))
		if got := fmt.Sprint(address, " ", port); !ok || got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	for _, bad := range []string{"", "0100007F", "0100007F:zz", "01:0001", "010000XX:0001", "0100007F00:0001"} {
		if a, p, ok := parseAddress([]byte(bad)); ok {
			t.Errorf("%q is taken for %s %d", bad, a, p)
		}
	}
}

// A real port of our own, with a connection through it and one that waits.
func TestSocketsReal(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	port := l.Addr().(*net.TCPAddr).Port
	s, err := Sockets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(s.Listening, func(l Listener) bool { return l.Port == port && l.Protocol == "tcp" })
	if i < 0 {
		t.Fatalf("port %d is not among %+v", port, s.Listening)
	}
	own, _ := os.ReadFile("/proc/self/comm")
	want := Listener{Protocol: "tcp", Address: "127.0.0.1", Port: port, Established: 1, PID: os.Getpid(), Process: strings.TrimSpace(string(own))}
	if s.Listening[i] != want {
		t.Errorf("got  %+v\nwant %+v", s.Listening[i], want)
	}
	if s.TCP["established"] < 2 || s.TCP["listen"] < 1 || s.Partial {
		t.Errorf("%+v", s)
	}
}

func TestSocketsCutShort(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, err := Sockets(ctx)
	if err != nil || !s.Partial {
		t.Errorf("%+v, %v; want what there is, marked partial", s, err)
	}
}

func TestSocketTableBad(t *testing.T) {
	cfg := machine(t)
	rewrite(t, cfg.Procfs+"/net/tcp", func(string) string { return strings.Repeat("x", 100_000) })
	if _, err := socketsIn(t.Context(), cfg.Procfs); err == nil || !strings.Contains(err.Error(), "a line without end") {
		t.Errorf("%v", err)
	}
}

// A table longer than the buffer loses no line at the seams.
func TestSocketTableLong(t *testing.T) {
	cfg := machine(t)
	rewrite(t, cfg.Procfs+"/net/tcp", func(s string) string {
		var b strings.Builder
		heading, _, _ := strings.Cut(s, "\n")
		b.WriteString(heading + "\n")
		for i := range 5000 {
			fmt.Fprintf(&b, "%4d: 0100007F:%04X 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 %d 1 0000000000000000 20 4 30 10 -1\n", i, i, 100_000+i)
		}
		return b.String()
	})
	s, err := socketsIn(t.Context(), cfg.Procfs)
	if err != nil || s.TCP["established"] != 5000 {
		t.Errorf("%d of 5000 connections, %v", s.TCP["established"], err)
	}
}

func TestListenersAreBounded(t *testing.T) {
	var many []Listener
	for i := range 1000 {
		many = append(many, Listener{Protocol: "tcp", Port: 1000 - i})
	}
	if got := sortListeners(many); len(got) != maxListeners || got[0].Port != 1 || got[maxListeners-1].Port != maxListeners {
		t.Errorf("%d, from %+v", len(got), got[0])
	}
}

func TestMountsReal(t *testing.T) {
	list, err := Mounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	points := map[string]Mount{}
	for _, m := range list {
		points[m.Point] = m
	}
	if root := points["/"]; root.Type == "" || root.Options == "" {
		t.Errorf("no root among %v", slices.Sorted(maps.Keys(points)))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Mounts(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// A line written into the real log of the kernel is read back from it, last.
func TestKernelLogReal(t *testing.T) {
	mark := fmt.Sprintf("xunjian test %d: größe 界", time.Now().UnixNano())
	if err := os.WriteFile("/dev/kmsg", []byte("<4>"+mark+"\n"), 0); err != nil {
		t.Fatalf("write the kernel's log (needs root): %v", err)
	}
	lines, err := KernelLog(t.Context(), 50)
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) == 0 || len(lines) > 50 {
		t.Fatalf("%d lines of 50", len(lines))
	}
	i := slices.IndexFunc(lines, func(l string) bool { return strings.HasSuffix(l, " warn: "+mark) })
	if i < 0 {
		t.Fatalf("not there: %q", lines)
	}
	at, err := time.Parse("2006-01-02T15:04:05.000Z", strings.Fields(lines[i])[0])
	if err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("time %v, %v", at, err)
	}
	if few, err := KernelLog(t.Context(), 1); err != nil || len(few) != 1 {
		t.Errorf("of one: %q, %v", few, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := KernelLog(ctx, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// kmsg plays records, and errors between them, as /dev/kmsg does.
func kmsg(steps ...any) func([]byte) (int, error) {
	return func(p []byte) (int, error) {
		if len(steps) == 0 {
			return 0, unix.EAGAIN
		}
		step := steps[0]
		steps = steps[1:]
		if err, ok := step.(error); ok {
			return 0, err
		}
		return copy(p, step.(string)), nil
	}
}

func TestKernelRecords(t *testing.T) {
	boot := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	lines, err := records(t.Context(), kmsg(
		"6,1,500000,-;first\n", unix.EPIPE, "nonsense", "3,2,61500000,-;I/O error, dev sda\n SUBSYSTEM=block\n", unix.EINTR,
		"30,3,62000000,c;daemon \\xe7\\x95\\x8c\\x1b[0m\n", "2,4,63000000,-;last\n",
	), 3, boot)
	want := []string{
		"2026-05-04T03:03:02.500Z err: I/O error, dev sda",
		"2026-05-04T03:03:03.000Z info: daemon 界\uFFFD[0m",
		"2026-05-04T03:03:04.000Z crit: last",
	}
	if err != nil || !slices.Equal(lines, want) {
		t.Errorf("%v\ngot  %q\nwant %q", err, lines, want)
	}
	if _, err := records(t.Context(), kmsg(unix.EIO), 3, boot); !errors.Is(err, unix.EIO) {
		t.Errorf("%v", err)
	}
	endless := func([]byte) (int, error) { return 0, unix.EPIPE }
	if _, err := records(t.Context(), endless, 3, boot); !errors.Is(err, unix.EPIPE) {
		t.Errorf("a log that is written faster than it is read: %v", err)
	}
}
