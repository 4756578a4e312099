package scratch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"

	"xunjian/checks/backup/program"
)

// mariadb is a MariaDB of our own.
type mariadb struct {
	host
	top string
}

// socket is its name in the folder of the data.
const socket = "scratch.sock"

func findMariaDB(dir string) (tools, error) {
	var dirs []string
	if dir != "" {
		dirs = []string{dir}
	}
	found := map[string]string{}
	for name, names := range map[string][]string{
		"install": {"mariadb-install-db", "mysql_install_db"}, "server": {"mariadbd"}, "client": {"mariadb", "mysql"},
	} {
		path, err := program.Find(dirs, names...)
		if err != nil {
			return nil, err
		}
		found[name] = path
	}
	return func(dir string, who *program.User, log io.Writer) engine {
		return &mariadb{host{dir: filepath.Join(dir, "data"), who: who, log: log, find: func(n string) string { return found[n] }}, dir}
	}, nil
}

func (m *mariadb) prepare(ctx context.Context) error {
	_, err := m.do(ctx, m.cmd(m.top, "install", "--no-defaults", "--datadir="+m.dir, "--auth-root-authentication-method=normal",
		"--skip-test-db", "--skip-name-resolve"))
	return err
}

func (m *mariadb) command() program.Command {
	return m.cmd(m.top, "server", "--no-defaults", "--datadir="+m.dir, "--socket=./"+socket, "--skip-networking",
		"--pid-file=scratch.pid", "--tmpdir="+m.top, "--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0",
		"--innodb-doublewrite=0", "--max-connections=10", "--max-allowed-packet=1G", "--local-infile=0",
		"--secure-file-priv="+m.dir, "--performance-schema=OFF", "--event-scheduler=OFF", "--loose-skip-ssl")
}

func (m *mariadb) client(database string, args ...string) program.Command {
	args = append([]string{"--no-defaults", "--socket=" + here + "/" + socket, "--user=root", "--loose-sandbox",
		"--default-character-set=utf8mb4", "--max-allowed-packet=1G", "--batch", "--skip-column-names"}, args...)
	if database != "" {
		args = append(args, database)
	}
	return m.cmd(m.dir, "client", args...)
}

func (m *mariadb) ping(ctx context.Context) error {
	out, err := m.client("", "--execute=SELECT 1").Run(ctx)
	if err == nil && out.Code != 0 {
		err = errors.New(out.Stderr.Lines(1))
	}
	return err
}

var mysqlError = regexp.MustCompile(`^ERROR `)

func (m *mariadb) restore(ctx context.Context, d Dump) error {
	if d.Form != "mysql" {
		return fmt.Errorf("a dump of the form %q cannot be restored into MariaDB", d.Form)
	}
	if _, err := m.do(ctx, m.client("", "--execute=CREATE DATABASE "+restored)); err != nil {
		return err
	}
	return m.feed(ctx, m.client(restored), d.Path, mysqlError.MatchString)
}

const listing = "SELECT CONCAT('SELECT ', QUOTE(CONCAT(table_schema, '.', table_name)), ', COUNT(*) FROM `'," +
	" REPLACE(table_schema, '`', '``'), '`.`', REPLACE(table_name, '`', '``'), '`;') FROM information_schema.tables" +
	" WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')" +
	" ORDER BY table_schema, table_name"

func (m *mariadb) count(ctx context.Context) (Counts, error) {
	var c Counts
	statements, err := m.do(ctx, m.client("", "--raw", "--execute="+listing))
	if err != nil || strings.TrimSpace(statements) == "" {
		return c, err
	}
	ask := m.client("")
	ask.Stdin = strings.NewReader(statements)
	text, err := m.do(ctx, ask)
	if err != nil {
		return c, err
	}
	return c, c.take("", strings.Split(strings.TrimRight(text, "\n"), "\n"))
}

func (m *mariadb) query(ctx context.Context, database, sql string) (string, error) {
	if database == "" {
		database = restored
	}
	return m.do(ctx, m.client(database, "--execute="+sql))
}
