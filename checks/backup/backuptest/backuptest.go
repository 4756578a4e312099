//go:build unix

// Package backuptest starts the real servers whose backups the tests make: a
// PostgreSQL with a WAL archive and a MariaDB, each with data of a tendering
// platform, on a socket in a folder of its own.
package backuptest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"xunjian/checks/backup/program"
)

// Server is a database server of the tests.
type Server struct {
	// Dir can be read by its user and by root; Archive is where PostgreSQL puts
	// its log.
	Dir, Data, Socket, Archive string

	who *program.User
	bin string
	cmd *exec.Cmd
}

// Postgres starts PostgreSQL.
func Postgres() (*Server, error) {
	s, err := newServer("postgres")
	if err != nil {
		return nil, err
	}
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if len(dirs) == 0 {
		return nil, fmt.Errorf("PostgreSQL is not installed; see .ci/packages")
	}
	s.bin = slices.Max(dirs)
	s.Archive = filepath.Join(s.Dir, "archive")
	if err := s.folder(s.Archive); err != nil {
		return nil, err
	}
	if _, err := s.Run("initdb", "-D", s.Data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"); err != nil {
		return nil, err
	}
	if err := s.StartPostgres(); err != nil {
		return nil, err
	}
	_, err = s.SQL("postgres", "CREATE ROLE app LOGIN", "CREATE DATABASE bids OWNER app")
	if err == nil {
		_, err = s.SQL("bids", bidTables...)
	}
	return s, err
}

var bidTables = []string{
	"CREATE TABLE project (id int PRIMARY KEY, name text NOT NULL)",
	"CREATE TABLE bid (id int PRIMARY KEY, project int REFERENCES project, price numeric, note text)",
	"ALTER TABLE bid OWNER TO app",
	"INSERT INTO project SELECT n, '项目 ' || n FROM generate_series(1, 50) n",
	"INSERT INTO bid SELECT n, n % 50 + 1, n * 1.5, md5(n::text) FROM generate_series(1, 3000) n",
	"SELECT lo_from_bytea(0, convert_to(repeat('标书附件', 5000), 'UTF8'))",
}

// StartPostgres starts the server again.
func (s *Server) StartPostgres() error {
	settings := []string{
		"listen_addresses=", "unix_socket_directories=" + s.Dir, "fsync=off", "wal_level=replica", "max_wal_senders=4",
		"archive_mode=on", "archive_command=cp %p " + s.Archive + "/%f", "shared_buffers=32MB", "min_wal_size=32MB",
	}
	args := []string{"-D", s.Data}
	for _, set := range settings {
		args = append(args, "-c", set)
	}
	return s.start("postgres", args, func() error {
		_, err := s.SQL("postgres", "SELECT 1")
		return err
	})
}

// SQL runs statements in a database of PostgreSQL and returns what they yield.
func (s *Server) SQL(database string, statements ...string) (string, error) {
	args := []string{"-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-h", s.Dir, "-U", "postgres", "-d", database}
	for _, st := range statements {
		args = append(args, "-c", st)
	}
	return s.Run("psql", args...)
}

// MariaDB starts MariaDB.
func MariaDB() (*Server, error) {
	s, err := newServer("mysql")
	if err != nil {
		return nil, err
	}
	if _, err := s.Run("mariadb-install-db", "--no-defaults", "--datadir="+s.Data, "--auth-root-authentication-method=normal", "--skip-test-db"); err != nil {
		return nil, err
	}
	s.Socket = filepath.Join(s.Dir, "s")
	err = s.start("mariadbd", []string{"--no-defaults", "--datadir=" + s.Data, "--socket=" + s.Socket, "--skip-networking",
		"--pid-file=" + s.Dir + "/pid", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M"}, func() error {
		_, err := s.MySQL("", "SELECT 1")
		return err
	})
	if err == nil {
		_, err = s.MySQL("", "CREATE DATABASE bids CHARACTER SET utf8mb4")
	}
	if err == nil {
		_, err = s.MySQL("bids", "CREATE TABLE project (id int PRIMARY KEY, name varchar(100)); CREATE TABLE bid (id int PRIMARY KEY, project int, note varchar(100));"+
			"INSERT INTO project SELECT seq, CONCAT('项目 ', seq) FROM seq_1_to_50; INSERT INTO bid SELECT seq, seq % 50 + 1, MD5(seq) FROM seq_1_to_3000")
	}
	return s, err
}

// MySQL runs statements in a database of MariaDB.
func (s *Server) MySQL(database, sql string) (string, error) {
	args := []string{"--no-defaults", "--socket=" + s.Socket, "--user=root", "--batch", "--skip-column-names", "--default-character-set=utf8mb4", "--execute=" + sql}
	if database != "" {
		args = append(args, database)
	}
	return s.Run("mariadb", args...)
}

func newServer(user string) (*Server, error) {
	who, err := program.LookUp(user, "nobody")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "xjb")
	if err != nil {
		return nil, err
	}
	s := &Server{Dir: dir, Data: filepath.Join(dir, "data"), who: who}
	if os.Geteuid() == 0 {
		err = os.Chown(dir, int(who.UID), int(who.GID))
	}
	return s, err
}

// folder makes a folder that the server can write to.
func (s *Server) folder(path string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return nil
	}
	return os.Chown(path, int(s.who.UID), int(s.who.GID))
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	path := name
	if s.bin != "" {
		path = filepath.Join(s.bin, name)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = s.Dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH") + ":/usr/sbin", "LC_ALL=C.UTF-8", "HOME=" + s.Dir}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: s.who.UID, Gid: s.who.GID}}
	}
	return cmd
}

// Run runs a program of the server as its user, and returns what it says.
func (s *Server) Run(name string, args ...string) (string, error) {
	cmd := s.command(name, args...)
	var out, bad bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &bad
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, bad.String())
	}
	return out.String(), nil
}

func (s *Server) start(name string, args []string, ping func() error) error {
	log, err := os.Create(filepath.Join(s.Dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = s.command(name, args...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if err = ping(); err == nil {
			return nil
		}
	}
	said, _ := os.ReadFile(log.Name())
	return fmt.Errorf("%s does not answer: %w\n%s", name, err, said)
}

// Halt ends the server and keeps its data.
func (s *Server) Halt(sig syscall.Signal) {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(sig)
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// Stop ends the server and removes its folder.
func (s *Server) Stop() {
	if s == nil {
		return
	}
	s.Halt(syscall.SIGQUIT)
	os.RemoveAll(s.Dir)
}
