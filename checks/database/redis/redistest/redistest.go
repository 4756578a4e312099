// Package redistest starts real Redis servers for tests: each in a folder and on
// a port of its own, as an unprivileged user, gone when the test ends.
package redistest

import (
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

	"github.com/gomodule/redigo/redis"
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
	root redis.Conn
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
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatalf("start redis-server (package redis-server): %v", err)
	}
	cmd, gone := s.cmd, make(chan struct{})
	s.gone = gone
	go func() { cmd.Wait(); close(gone) }()
	s.tb.Cleanup(func() { cmd.Process.Kill(); <-gone })
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if root, err := s.dial("", ""); err == nil {
			_, err = root.Do("PING")
			if err == nil || strings.HasPrefix(err.Error(), "NOAUTH") {
				s.root = root
				return
			}
			root.Close()
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

// Open returns a connection of a user, to be closed with the test.
func (s *Server) Open(user, password string) redis.Conn {
	s.tb.Helper()
	c, err := s.dial(user, password)
	if err != nil {
		s.tb.Fatal(err)
	}
	return c
}

func (s *Server) dial(user, password string) (redis.Conn, error) {
	c, err := redis.Dial("unix", s.Socket, redis.DialUsername(user), redis.DialPassword(password), redis.DialReadTimeout(30*time.Second))
	if err == nil {
		s.tb.Cleanup(func() { c.Close() })
	}
	return c, err
}

// Do sends a command as the default user.
func (s *Server) Do(command string, args ...any) any {
	s.tb.Helper()
	v, err := s.root.Do(command, args...)
	if err != nil {
		s.tb.Fatalf("%s %v: %v", command, args, err)
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
