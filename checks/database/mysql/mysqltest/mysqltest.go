// Package mysqltest starts real MariaDB servers for tests: each in a folder and
// on ports of its own, as an unprivileged user, gone when the test ends.
package mysqltest

import (
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Server is a running MariaDB.
type Server struct {
	Dir    string // of its data
	Socket string
	Port   int
	Log    string // its error log

	tb   testing.TB
	args []string
	cmd  *exec.Cmd
	root *sql.DB
}

// template is a fresh data folder, made once for all servers of a package.
var template = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "mdb-")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("mariadb-install-db", "--no-defaults", "--datadir="+filepath.Join(dir, "data"), "--skip-test-db",
		"--auth-root-authentication-method=socket", "--auth-root-socket-user=root", "--innodb-log-file-size=4M", "--innodb-buffer-pool-size=8M")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("mariadb-install-db (package mariadb-server): %w\n%s", err, out)
	}
	return dir, nil
})

// Cleanup removes what all servers of the package shared; for TestMain.
func Cleanup() {
	if dir, err := template(); err == nil {
		os.RemoveAll(dir)
	}
}

// Start starts a server and waits until it answers. args are added to its own.
func Start(tb testing.TB, args ...string) *Server {
	tb.Helper()
	tmpl, err := template()
	if err != nil {
		tb.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "mdb-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	s := &Server{
		tb: tb, args: args, Port: freePort(tb),
		Dir: filepath.Join(dir, "data"), Socket: filepath.Join(dir, "s"), Log: filepath.Join(dir, "error.log"),
	}
	for _, c := range [][]string{{"cp", "-r", filepath.Join(tmpl, "data"), s.Dir}, {"chmod", "755", dir}, {"chown", "-R", "mysql:mysql", dir}} {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			tb.Fatalf("%v: %v\n%s", c, err, out)
		}
	}
	s.Start()
	return s
}

// Start starts the server again, after a Stop or a Kill.
func (s *Server) Start() {
	s.tb.Helper()
	owner, err := user.Lookup("mysql")
	if err != nil {
		s.tb.Fatal(err)
	}
	uid, _ := strconv.Atoi(owner.Uid)
	gid, _ := strconv.Atoi(owner.Gid)
	args := append([]string{
		"--no-defaults", "--datadir=" + s.Dir, "--socket=" + s.Socket, "--port=" + strconv.Itoa(s.Port), "--bind-address=127.0.0.1",
		"--log-error=" + s.Log, "--pid-file=" + s.Socket + ".pid", "--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M",
		"--innodb-flush-log-at-trx-commit=2", "--skip-name-resolve", "--performance-schema=off", "--key-buffer-size=1M", "--aria-pagecache-buffer-size=1M",
	}, s.args...)
	s.cmd = exec.Command("/usr/sbin/mariadbd", args...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatalf("start mariadbd: %v", err)
	}
	cmd := s.cmd
	gone := make(chan error, 1)
	go func() { gone <- cmd.Wait() }()
	s.tb.Cleanup(func() {
		cmd.Process.Kill()
		select {
		case <-gone:
		case <-time.After(10 * time.Second):
		}
	})
	s.await(gone)
}

func (s *Server) await(gone chan error) {
	s.tb.Helper()
	s.root = s.Open("root", "")
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if s.root.Ping() == nil {
			return
		}
		select {
		case err := <-gone:
			gone <- err
			log, _ := os.ReadFile(s.Log)
			s.tb.Fatalf("mariadbd ended: %v\n%s", err, log)
		default:
		}
	}
	s.tb.Fatal("mariadbd does not answer")
}

// Open returns connections of a user over the socket, to be closed with the
// test.
func (s *Server) Open(user, password string) *sql.DB {
	s.tb.Helper()
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr = user, password, "unix", s.Socket
	cfg.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		s.tb.Fatal(err)
	}
	db := sql.OpenDB(connector)
	s.tb.Cleanup(func() { db.Close() })
	return db
}

// Exec runs statements as root.
func (s *Server) Exec(statements ...string) {
	s.tb.Helper()
	for _, statement := range statements {
		if _, err := s.root.Exec(statement); err != nil {
			s.tb.Fatalf("%s: %v", statement, err)
		}
	}
}

// Value returns the first column of a query that root asks.
func (s *Server) Value(query string) string {
	s.tb.Helper()
	var v sql.NullString
	if err := s.root.QueryRow(query).Scan(&v); err != nil {
		s.tb.Fatalf("%s: %v", query, err)
	}
	return v.String
}

// Freeze stops the server as it stands: it goes on to take connections and says
// nothing. Thaw lets it go on.
func (s *Server) Freeze() {
	s.tb.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		s.tb.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if s.stopped() {
			return
		}
	}
	s.tb.Fatal("mariadbd does not stop")
}

// stopped reports whether all threads stand still.
func (s *Server) stopped() bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", s.cmd.Process.Pid))
	for _, t := range threads {
		b, err := os.ReadFile(t)
		if err != nil {
			continue
		}
		if _, state, _ := strings.Cut(string(b), ") "); !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return len(threads) > 0
}

// Thaw lets a frozen server go on.
func (s *Server) Thaw() { s.cmd.Process.Signal(syscall.SIGCONT) }

// Kill ends the server as a power cut would, and waits for it to be gone.
func (s *Server) Kill() {
	s.tb.Helper()
	s.root.Close()
	s.cmd.Process.Kill()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if s.cmd.Process.Signal(syscall.Signal(0)) != nil {
			return
		}
	}
	s.tb.Fatal("mariadbd does not end")
}

// Follow makes s a replica of source by GTID. Both need a server-id, and source
// --log-bin.
func (s *Server) Follow(source *Server) {
	s.tb.Helper()
	source.Exec("CREATE USER IF NOT EXISTS 'copy'@'%' IDENTIFIED BY 'copy-secret'", "GRANT REPLICATION SLAVE ON *.* TO 'copy'@'%'")
	s.Exec(fmt.Sprintf("CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=%d, MASTER_USER='copy', MASTER_PASSWORD='copy-secret', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1", source.Port),
		"START SLAVE")
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
