package api_test

import (
	"bytes"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

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

// A process of somebody else gets nothing, even if the file lets it connect.
func TestSocketRefusesStrangers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("this test changes its user and has to run as root")
	}
	w := apitest.New(t)
	dir, err := os.MkdirTemp("", "xunjian-socket-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	w.ServeUnix(dir)
	path := filepath.Join(dir, api.SocketName)
	for _, p := range []string{dir, path} {
		if err := os.Chmod(p, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("/usr/bin/curl", "-s", "--unix-socket", path, "http://x/api/v1/status")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !bytes.Contains(out, []byte(`"code":"unauthorized"`)) && !bytes.Contains(out, []byte(`"code":"forbidden"`)) {
		t.Errorf("a stranger is answered %s", out)
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
