package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"xunjian/agent/access"
	"xunjian/agent/api"
	"xunjian/agent/api/apitest"
)

// On the socket the kernel says who calls.
func TestSocketKnowsItsCaller(t *testing.T) {
	w := apitest.New(t)
	dir := t.TempDir()
	w.ServeUnix(dir)
	path := filepath.Join(dir, api.SocketName)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 || info.Mode()&fs.ModeSocket == 0 {
		t.Errorf("the socket is %v", info.Mode())
	}
	c := api.Dial(path, "en")
	defer c.Close()
	i, err := c.Open(t.Context(), api.Report{Code: "E01", Title: "disk"})
	if err != nil {
		t.Fatal(err)
	}
	line, err := c.Timeline(t.Context(), i.ID)
	if err != nil {
		t.Fatal(err)
	}
	if by := line.Events[0].Actor; by.Kind != "person" || by.Name != "root" || by.Via != "cli" {
		t.Errorf("opened by %+v", by)
	}
}

// stranger makes a request over a socket as a process of somebody else, and
// returns its status and answer; connected is false if the file kept it out.
func stranger(t *testing.T, socket, method, path, body string, headers ...string) (status string, answer []byte, connected bool) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test changes its user and has to run as root")
	}
	cmd := exec.Command("/usr/bin/curl", "-s", "-w", "\n%{http_code}", "--unix-socket", socket, "-X", method,
		"-H", "Content-Type: application/json", "-d", body, "http://x"+api.Prefix+path)
	for _, h := range headers {
		cmd.Args = append(cmd.Args, "-H", h)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 7 {
		return "", nil, false // curl's word for "could not connect"
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	n := bytes.LastIndexByte(out, '\n')
	return string(out[n+1:]), out[:n], true
}

// openFolder is one that everybody may look into.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "xunjian-socket-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A process of somebody else is kept out twice: by the file, and where that
// lets it in, by the kernel's word on who it is.
func TestSocketRefusesStrangers(t *testing.T) {
	s := &server{World: apitest.New(t)}
	dir := openFolder(t)
	s.ServeUnix(dir)
	path := filepath.Join(dir, api.SocketName)
	if err := s.Accounts.Create(t.Context(), "li", access.Admin, "correct horse battery"); err != nil {
		t.Fatal(err)
	}
	_, secret, err := s.Accounts.CreateToken(t.Context(), "li", "w", access.Admin, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	before := s.kept()
	const report = `{"code":"E01","title":"disk"}`
	if _, answer, connected := stranger(t, path, "POST", "/incidents", report); connected {
		t.Errorf("the file let a stranger in, who is answered %s", answer)
	}
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, c := range []string{"GET /status", "POST /incidents", "GET /users", "GET /events", "POST /reload"} {
		method, route, _ := strings.Cut(c, " ")
		if status, answer, _ := stranger(t, path, method, route, report); status != "401" || !bytes.Contains(answer, []byte(`"code":"unauthorized"`)) {
			t.Errorf("%s: a stranger is answered %s %s", c, status, answer)
		}
	}
	// On the socket it is the kernel's word that counts, not what is sent.
	if status, answer, _ := stranger(t, path, "GET", "/status", "", "Authorization: Bearer "+secret); status != "401" {
		t.Errorf("with a token: %s %s", status, answer)
	}
	if s.kept() != before {
		t.Error("a stranger changed something")
	}
}

// Where others are let in, they have the role that was given to them and no
// more, and events are by their name.
func TestSocketOfOthers(t *testing.T) {
	for role, want := range map[access.Role]string{access.Viewer: "403", access.Operator: "200"} {
		s := &server{World: apitest.New(t)}
		s.Options.Local = api.LocalUsers(role)
		dir := openFolder(t)
		s.ServeUnix(dir)
		path := filepath.Join(dir, api.SocketName)
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
		if status, answer, _ := stranger(t, path, "GET", "/incidents", ""); status != "200" {
			t.Errorf("as %s a stranger reads: %s %s", role, status, answer)
		}
		if status, answer, _ := stranger(t, path, "POST", "/reload", ""); status != "403" {
			t.Errorf("as %s a stranger reloads: %s %s", role, status, answer)
		}
		status, answer, _ := stranger(t, path, "POST", "/incidents", `{"code":"E01","title":"disk"}`)
		if status != want {
			t.Errorf("as %s a stranger opens: %s %s", role, status, answer)
		}
		var i api.Incident
		if status != "200" {
			continue
		}
		if err := json.Unmarshal(answer, &i); err != nil {
			t.Fatal(err)
		}
		c := api.Dial(path, "en")
		defer c.Close()
		line, err := c.Timeline(t.Context(), i.ID)
		if err != nil {
			t.Fatal(err)
		}
		if by := line.Events[0].Actor; by.Name != "nobody" || by.Via != "cli" {
			t.Errorf("opened by %+v", by)
		}
	}
}

// The kernel's word is a number; who has no login is named by it.
func TestLocalUsers(t *testing.T) {
	local := api.LocalUsers("")
	for _, uid := range []int{0, os.Getuid()} {
		if who, err := local(api.Peer{UID: uid, Known: true}); err != nil || who.Role != access.Admin {
			t.Errorf("uid %d is %+v, %v", uid, who, err)
		}
	}
	if who, err := local(api.Peer{UID: 4242, Known: true}); !errors.Is(err, access.ErrUnauthenticated) || who.Role != "" {
		t.Errorf("a stranger is %+v, %v", who, err)
	}
	if who, err := api.LocalUsers(access.Viewer)(api.Peer{UID: 4242, Known: true}); err != nil || who.Name != "uid 4242" || who.Role != access.Viewer {
		t.Errorf("a stranger who may read is %+v, %v", who, err)
	}
}

// An agent that hangs with its queue of callers full is still there: its
// socket is not taken away.
func TestSocketOfAgentThatHangs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	address := &syscall.SockaddrUnix{Name: path}
	socket := func() int {
		t.Helper()
		fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { syscall.Close(fd) })
		return fd
	}
	hung := socket()
	if err := errors.Join(syscall.Bind(hung, address), syscall.Listen(hung, 0)); err != nil {
		t.Fatal(err)
	}
	full := false
	for range 16 {
		if err := syscall.Connect(socket(), address); errors.Is(err, syscall.EAGAIN) {
			full = true
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if !full {
		t.Fatal("the queue does not fill")
	}
	was, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if l, err := api.ListenUnix(path); err == nil {
		l.Close()
		t.Error("it took a socket away from an agent that hangs")
	}
	if is, err := os.Lstat(path); err != nil || !os.SameFile(was, is) {
		t.Errorf("the socket is another one now: %v", err)
	}
}

func TestSocketInThePlace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s.sock")
	old, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	if l, err := api.ListenUnix(path); err == nil {
		l.Close()
		t.Error("it took a socket away from an agent that answers")
	}
	old.(*net.UnixListener).SetUnlinkOnClose(false)
	old.Close()
	l, err := api.ListenUnix(path)
	if err != nil {
		t.Fatalf("a socket that was left behind: %v", err)
	}
	l.Close()
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if l, err := api.ListenUnix(path); err == nil {
		l.Close()
		t.Error("it replaced a file that is no socket")
	}
	if b, _ := os.ReadFile(path); string(b) != "mine" {
		t.Error("the file is gone")
	}
	if _, err := api.ListenUnix(filepath.Join(dir, strings.Repeat("x", 120))); err == nil || !strings.Contains(err.Error(), "shorter") {
		t.Errorf("a path that is too long: %v", err)
	}
}
