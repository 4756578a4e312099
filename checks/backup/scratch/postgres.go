package scratch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"xunjian/checks/backup/program"
)

// restored is the database into which a dump goes that names none.
const restored = "restored"

// postgres is a PostgreSQL of our own.
type postgres struct {
	host
	top string
}

type tools func(dir string, who *program.User, log io.Writer) engine

// findPostgres looks for the programs, the newest version first.
func findPostgres(dir string) (tools, error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	more, _ := filepath.Glob("/usr/pgsql-*/bin")
	dirs = append(dirs, more...)
	slices.SortFunc(dirs, func(a, b string) int { return version(b) - version(a) })
	if dir != "" {
		dirs = []string{dir}
	}
	found := map[string]string{}
	for _, name := range []string{"initdb", "postgres", "psql", "pg_restore"} {
		path, err := program.Find(dirs, name)
		if err != nil {
			return nil, err
		}
		found[name] = path
	}
	return func(dir string, who *program.User, log io.Writer) engine {
		return &postgres{host{dir: filepath.Join(dir, "data"), who: who, log: log, find: func(n string) string { return found[n] }}, dir}
	}, nil
}

var digits = regexp.MustCompile(`[0-9]+`)

func version(dir string) int {
	n, _ := strconv.Atoi(digits.FindString(filepath.Base(filepath.Dir(dir))))
	return n
}

func (p *postgres) prepare(ctx context.Context) error {
	_, err := p.do(ctx, p.cmd(p.top, "initdb", "-D", p.dir, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"))
	return err
}

// command is the server: no network, little memory, and no care for what a
// crash would do to data that nobody keeps.
func (p *postgres) command() program.Command {
	args := []string{"-D", p.dir}
	for _, set := range []string{
		"listen_addresses=", "unix_socket_directories=.", "fsync=off", "full_page_writes=off", "synchronous_commit=off",
		"shared_buffers=64MB", "maintenance_work_mem=64MB", "max_connections=10", "max_wal_size=512MB", "wal_level=minimal",
		"max_wal_senders=0", "max_parallel_workers=0", "autovacuum=off", "logging_collector=off", "lc_messages=C",
		"ssl=off", "shared_preload_libraries=", "archive_mode=off",
	} {
		args = append(args, "-c", set)
	}
	return p.cmd(p.top, "postgres", args...)
}

func (p *postgres) psql(database string, args ...string) program.Command {
	return p.cmd(p.dir, "psql", append([]string{"-X", "-q", "-h", here, "-U", "postgres", "-d", database, "-v", "VERBOSITY=verbose"}, args...)...)
}

func (p *postgres) ping(ctx context.Context) error {
	out, err := p.psql("postgres", "-c", "SELECT 1").Run(ctx)
	if err == nil && out.Code != 0 {
		err = errors.New(out.Stderr.Lines(1))
	}
	return err
}

// errorLine is how psql and pg_restore say an error of the server or their own.
var errorLine = regexp.MustCompile(`(^|: )(ERROR|FATAL|PANIC|error|fatal|invalid command|query was)(:| )`)

// elsewhere are the errors that a restore on another server always meets: roles
// are not part of the dump of a database, and one of a cluster makes the
// superuser that is there.
var elsewhere = regexp.MustCompile(`ERROR: +(42704: role "|42710: role "postgres" already)`)

func pgError(line string) bool { return errorLine.MatchString(line) && !elsewhere.MatchString(line) }

func (p *postgres) restore(ctx context.Context, d Dump) error {
	if _, err := p.do(ctx, p.psql("postgres", "-c", "CREATE DATABASE "+restored)); err != nil {
		return err
	}
	into := []string{"-h", here, "-U", "postgres", "-d", restored, "--no-owner", "--no-privileges", "--no-tablespaces", "--exit-on-error"}
	switch d.Form {
	case "plain":
		return p.feed(ctx, p.psql(restored, "-o", os.DevNull), d.Path, pgError)
	case "cluster":
		return p.feed(ctx, p.psql("postgres", "-o", os.DevNull), d.Path, pgError)
	case "custom":
		return p.feed(ctx, p.cmd(p.dir, "pg_restore", append(into, "-Fc")...), d.Path, pgError)
	case "tar":
		return p.feed(ctx, p.cmd(p.dir, "pg_restore", append(into, "-Ft")...), d.Path, pgError)
	case "directory":
		copied := filepath.Join(p.top, "dump")
		if err := copyFolder(d.Path, copied); err != nil {
			return err
		}
		return p.feed(ctx, p.cmd(p.dir, "pg_restore", append(into, "-Fd", copied)...), os.DevNull, pgError)
	}
	return fmt.Errorf("a dump of the form %q cannot be restored into PostgreSQL", d.Form)
}

// counting makes one statement for each table and runs it.
const counting = `SELECT format('SELECT %L, count(*) FROM ONLY %I.%I', n.nspname || '.' || c.relname, n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
ORDER BY n.nspname, c.relname
\gexec
`

func (p *postgres) count(ctx context.Context) (Counts, error) {
	var c Counts
	names, err := p.rows(ctx, "postgres", "SELECT datname FROM pg_database WHERE NOT datistemplate AND datallowconn ORDER BY 1")
	if err != nil {
		return c, err
	}
	for _, db := range names {
		list, err := p.rows(ctx, db, counting)
		if err != nil {
			return c, err
		}
		if err := c.take(db+".", list); err != nil {
			return c, err
		}
	}
	return c, nil
}

// take reads pairs of a table and its rows.
func (c *Counts) take(prefix string, list []string) error {
	for _, row := range list {
		cut := strings.LastIndexByte(row, '\t')
		if cut < 0 {
			return fmt.Errorf("count rows: %.60q is no answer", row)
		}
		n, err := number(row[cut+1:])
		if err != nil {
			return err
		}
		c.add(prefix+row[:cut], n)
	}
	return nil
}

// rows asks; rows end with a zero byte, since a name may hold anything else.
func (p *postgres) rows(ctx context.Context, database, sql string) ([]string, error) {
	cmd := p.psql(database, "-A", "-t", "-0", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-f", "-")
	cmd.Stdin = strings.NewReader(sql)
	if !strings.HasSuffix(sql, "\n") {
		cmd.Stdin = strings.NewReader(sql + ";\n")
	}
	text, err := p.do(ctx, cmd)
	if err != nil {
		return nil, err
	}
	text = strings.TrimRight(text, "\x00")
	if text == "" {
		return nil, nil
	}
	return strings.Split(text, "\x00"), nil
}

func (p *postgres) query(ctx context.Context, database, sql string) (string, error) {
	if database == "" {
		database = restored
	}
	list, err := p.rows(ctx, database, sql)
	return strings.Join(list, "\n"), err
}
