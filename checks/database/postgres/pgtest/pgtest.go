// Package pgtest starts real PostgreSQL servers for tests: of Debian's
// packages, on a free port of the loopback, with everything in a folder of its
// own.
package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is one running server.
type Server struct {
	// Dir holds all of it, its unix socket too.
	Dir  string
	Port int
	cmd  *exec.Cmd
}

// Options of a server.
type Options struct {
	// Data is where the data lies; empty: in the server's own folder.
	Data string
	// Settings are lines for postgresql.conf.
	Settings []string
	// Of is the primary that the server is a standby of.
	Of *Server
}

// New starts a server. The superuser postgres needs no password at the unix
// socket; over TCP everybody needs one.
func New(o Options) (*Server, error) {
	dir, err := os.MkdirTemp("/tmp", "pgtest-")
	if err != nil {
		return nil, err
	}
	s := &Server{Dir: dir}
	if err := s.make(o); err != nil {
		s.Remove()
		return nil, err
	}
	return s, s.Start()
}

// Start returns a server that ends with the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Remove)
	return s
}

func (s *Server) make(o Options) error {
	uid, gid, err := account()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.Port = l.Addr().(*net.TCPAddr).Port
	l.Close()
	if err := errors.Join(os.Chmod(s.Dir, 0o755), os.Mkdir(s.Data(), 0o700)); err != nil {
		return err
	}
	if o.Data != "" {
		if err := errors.Join(os.Remove(s.Data()), os.Symlink(o.Data, s.Data()), os.Chmod(o.Data, 0o700), os.Chown(o.Data, uid, gid)); err != nil {
			return err
		}
	}
	if err := errors.Join(os.Chown(s.Dir, uid, gid), os.Chown(s.Data(), uid, gid)); err != nil {
		return err
	}
	if o.Of != nil {
		err = run("pg_basebackup", "-h", o.Of.Dir, "-p", strconv.Itoa(o.Of.Port), "-U", "postgres", "-D", s.Data(), "-R", "-X", "stream", "-c", "fast", "-C", "-S", "standby")
	} else {
		err = run("initdb", "-D", s.Data(), "-U", "postgres", "-A", "scram-sha-256", "--auth-local=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8", "--wal-segsize=1")
	}
	if err != nil {
		return err
	}
	lines := append([]string{
		"listen_addresses = '127.0.0.1'", "port = " + strconv.Itoa(s.Port), "unix_socket_directories = '" + s.Dir + "'",
		"fsync = off", "shared_buffers = 16MB", "max_connections = 25", "logging_collector = on", "log_directory = 'log'", "log_filename = 'server.log'",
		"wal_level = replica", "wal_keep_size = 16MB", "max_wal_size = 32MB", "min_wal_size = 2MB", "log_file_mode = 0644",
	}, o.Settings...)
	f, err := os.OpenFile(filepath.Join(s.Data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
	return errors.Join(err, f.Close())
}

// Data is the folder of the data.
func (s *Server) Data() string { return filepath.Join(s.Dir, "data") }

// Log is the server's log.
func (s *Server) Log() string { return filepath.Join(s.Data(), "log", "server.log") }

// Start starts a server that was stopped.
func (s *Server) Start() error {
	uid, gid, err := account()
	if err != nil {
		return err
	}
	bin, err := program("postgres")
	if err != nil {
		return err
	}
	s.cmd = exec.Command(bin, "-D", s.Data())
	s.cmd.Dir = s.Dir
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, Setpgid: true}
	var said bytes.Buffer
	s.cmd.Stdout, s.cmd.Stderr = &said, &said
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		err := s.Do("SELECT 1")
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			s.Stop()
			return fmt.Errorf("PostgreSQL does not answer after a minute: %w\n%s", err, said.String())
		}
	}
}

// Stop ends the server, connections or not.
func (s *Server) Stop() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	s.Signal(syscall.SIGCONT)
	_ = s.cmd.Process.Signal(syscall.SIGINT) // "fast"
	ended := make(chan struct{})
	go func() { _ = s.cmd.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		_ = s.cmd.Process.Signal(syscall.SIGQUIT)
		<-ended
	}
	s.cmd = nil
}

// Remove stops the server and takes its folder away.
func (s *Server) Remove() {
	s.Stop()
	_ = os.RemoveAll(s.Dir)
}

// Signal sends a signal to the server and all of its processes.
func (s *Server) Signal(sig syscall.Signal) {
	if s.cmd == nil {
		return
	}
	for _, pid := range family(s.cmd.Process.Pid) {
		_ = syscall.Kill(pid, sig)
	}
}

// family is a process with its children.
func family(pid int) []int {
	out := []int{pid}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		b, err := os.ReadFile(stat)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		child, _ := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
		if len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			out = append(out, child)
		}
	}
	slices.Sort(out)
	return out
}

// Connect opens a session as the superuser; the caller closes it.
func (s *Server) Connect(ctx context.Context, database string) (*pgx.Conn, error) {
	return pgx.Connect(ctx, fmt.Sprintf("host=%s port=%d user=postgres dbname=%s sslmode=disable connect_timeout=5 application_name=bidding", s.Dir, s.Port, database))
}

// Session returns a session as the superuser that ends with the test.
func (s *Server) Session(t testing.TB, database string) *pgx.Conn {
	t.Helper()
	c, err := s.Connect(context.Background(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = c.Close(ctx)
	})
	return c
}

// Do runs statements as the superuser, each by itself.
func (s *Server) Do(statements ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := s.Connect(ctx, "postgres")
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	for _, sql := range statements {
		if _, err := c.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

// Must is Do in a test.
func (s *Server) Must(t testing.TB, statements ...string) {
	t.Helper()
	if err := s.Do(statements...); err != nil {
		t.Fatal(err)
	}
}

// Value asks for one value as text.
func (s *Server) Value(t testing.TB, sql string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := s.Connect(ctx, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	var out string
	if err := c.QueryRow(ctx, sql).Scan(&out); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return out
}

// account is the user that servers run as.
func account() (uid, gid int, err error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		return 0, 0, fmt.Errorf("the package postgresql is not installed: %w", err)
	}
	uid, _ = strconv.Atoi(u.Uid)
	gid, _ = strconv.Atoi(u.Gid)
	return uid, gid, nil
}

// program finds a program of the newest version that is installed.
func program(name string) (string, error) {
	list, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(list) == 0 {
		return "", fmt.Errorf("%s of PostgreSQL is not installed: install the packages of .ci/packages", name)
	}
	slices.Sort(list)
	return list[len(list)-1], nil
}

// run runs a program of PostgreSQL's as its user.
func run(name string, args ...string) error {
	uid, gid, err := account()
	if err != nil {
		return err
	}
	bin, err := program(name)
	if err != nil {
		return err
	}
	cmd := exec.Command(bin, args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}
