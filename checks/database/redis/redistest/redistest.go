// Package redistest starts real Redis servers for tests: each in a folder and on
// a port of its own, as an unprivileged user, gone when the test ends.
package redistest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Server is a running Redis.
type Server struct {
	Dir    string // of its data
	Socket string
	Port   int
	Log    string

	tb   testing.TB
	args []string
	cmd  *exec.Cmd
	gone chan struct{}
	root *redis.Client
}

// Start starts a server and waits until it answers. args are added to its own.
func Start(tb testing.TB, args ...string) *Server {
	tb.Helper()
	top, err := os.MkdirTemp("", "redis-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(top) })
	s := &Server{tb: tb, args: args, Port: freePort(tb), Dir: filepath.Join(top, "data"), Socket: filepath.Join(top, "data", "s"), Log: filepath.Join(top, "log")}
	uid, gid := owner(tb)
	for _, err := range []error{
		os.Chmod(top, 0o755), os.Mkdir(s.Dir, 0o755), os.Chown(s.Dir, uid, gid), os.WriteFile(s.Log, nil, 0o644), os.Chown(s.Log, uid, gid),
	} {
		if err != nil {
			tb.Fatal(err)
		}
	}
	s.Start()
	return s
}

func owner(tb testing.TB) (uid, gid int) {
	tb.Helper()
	u, err := user.Lookup("nobody")
	if err != nil {
		tb.Fatal(err)
	}
	uid, _ = strconv.Atoi(u.Uid)
	gid, _ = strconv.Atoi(u.Gid)
	return uid, gid
}

// Start starts the server again, after a Kill.
func (s *Server) Start() {
	s.tb.Helper()
	uid, gid := owner(s.tb)
	s.cmd = exec.Command("/usr/bin/redis-server", append([]string{
		"--port", strconv.Itoa(s.Port), "--bind", "127.0.0.1", "--unixsocket", s.Socket, "--unixsocketperm", "777",
		"--dir", s.Dir, "--logfile", s.Log, "--save", "", "--protected-mode", "no",
	}, s.args...)...)
	s.cmd.Dir = s.Dir
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatalf("start redis-server (package redis-server): %v", err)
	}
	cmd, gone := s.cmd, make(chan struct{})
	s.gone = gone
	go func() { cmd.Wait(); close(gone) }()
	s.tb.Cleanup(func() { cmd.Process.Kill(); <-gone })
	s.root = s.Open("", "")
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err := s.root.Ping(context.Background()).Err(); err == nil || strings.HasPrefix(err.Error(), "NOAUTH") {
			return
		}
		select {
		case <-gone:
			log, _ := os.ReadFile(s.Log)
			s.tb.Fatalf("redis-server ended\n%s", log)
		default:
		}
	}
	s.tb.Fatal("redis-server does not answer")
}

// Open returns a client of a user, to be closed with the test.
func (s *Server) Open(user, password string) *redis.Client {
	c := redis.NewClient(&redis.Options{
		Network: "unix", Addr: s.Socket, Username: user, Password: password, Protocol: 2, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}, MaxRetries: -1, ReadTimeout: 30 * time.Second,
	})
	s.tb.Cleanup(func() { c.Close() })
	return c
}

// Do sends a command as the default user.
func (s *Server) Do(args ...any) any {
	s.tb.Helper()
	v, err := s.root.Do(context.Background(), args...).Result()
	if err != nil {
		s.tb.Fatalf("%v: %v", args, err)
	}
	return v
}

// Freeze stops the server as it stands: it goes on to take connections and says
// nothing. Thaw lets it go on.
func (s *Server) Freeze() {
	s.tb.Helper()
	s.cmd.Process.Signal(syscall.SIGSTOP)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
		if _, state, _ := strings.Cut(string(b), ") "); err == nil && strings.HasPrefix(state, "T") {
			return
		}
	}
	s.tb.Fatal("redis-server does not stop")
}

// Thaw lets a frozen server go on.
func (s *Server) Thaw() { s.cmd.Process.Signal(syscall.SIGCONT) }

// Kill ends the server as a power cut would, and waits for it to be gone.
func (s *Server) Kill() {
	s.cmd.Process.Kill()
	<-s.gone
}

func freePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
