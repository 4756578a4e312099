// Package scratch restores a dump into a database server of its own and counts
// what is in it. The server listens on a socket in its own folder and nowhere
// else, runs as a user without privileges, and is gone afterwards with all it
// wrote; what a crash leaves behind is found by Sweep.
//
// A restore does what the dump says. Whoever can write to the backups can run
// programs as that user: that is why it is not root.
package scratch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"xunjian/checks/backup/program"
)

// Engine is the kind of server.
type Engine string

// The engines.
const (
	Postgres Engine = "postgresql"
	MariaDB  Engine = "mariadb"
)

// Options are what a server is made of.
type Options struct {
	Engine Engine
	// WorkDir is where its folder is made, Tag a part of the name of that.
	WorkDir, Tag string
	// Programs is the folder of its programs; empty looks in the usual ones.
	Programs string
	// User is as whom it runs where we are root; empty means that of the engine,
	// or else nobody.
	User string
	// Space is what has to be free, in bytes, beside a tenth of the filesystem.
	Space int64
	// Log takes what all programs say.
	Log io.Writer
}

// NoSpaceError says that a restore was not tried because the disk might fill.
type NoSpaceError struct {
	Dir        string
	Need, Free int64
}

func (e *NoSpaceError) Error() string {
	return fmt.Sprintf("%s has %d bytes free; the restore wants %d", e.Dir, e.Free, e.Need)
}

// RestoreError says that the dump could not be restored.
type RestoreError struct {
	// Errors is how many things went wrong, First the first of them.
	Errors int
	First  string
}

func (e *RestoreError) Error() string { return fmt.Sprintf("%d errors, first: %s", e.Errors, e.First) }

// Counts are the rows of each table.
type Counts struct {
	Tables map[string]int64 `json:"tables,omitempty"`
	Rows   int64            `json:"rows"`
}

func (c *Counts) add(table string, rows int64) {
	if c.Tables == nil {
		c.Tables = map[string]int64{}
	}
	c.Tables[table] = rows
	c.Rows += rows
}

// Dump is what is restored.
type Dump struct {
	// Path of the file or folder.
	Path string
	// Form is plain, cluster, custom, tar, directory or mysql.
	Form string
}

// engine is one kind of server.
type engine interface {
	// prepare makes an empty database.
	prepare(ctx context.Context) error
	command() program.Command
	ping(ctx context.Context) error
	restore(ctx context.Context, d Dump) error
	count(ctx context.Context) (Counts, error)
	query(ctx context.Context, database, sql string) (string, error)
}

// Server is a server that runs.
type Server struct {
	engine
	dir     *folder
	process *program.Process
	log     io.Writer
}

// starting is how long a server may take to answer.
const starting = 2 * time.Minute

// Open makes a server and waits until it answers. The error is a *NoSpaceError,
// program.ErrMissing where a program is not installed, or another one.
func Open(ctx context.Context, o Options) (*Server, error) {
	if err := room(o.WorkDir, o.Space); err != nil {
		return nil, err
	}
	find := findPostgres
	if o.Engine == MariaDB {
		find = findMariaDB
	}
	tools, err := find(o.Programs)
	if err != nil {
		return nil, err
	}
	who, err := account(o)
	if err != nil {
		return nil, err
	}
	dir, err := makeFolder(o.WorkDir, o.Tag, who)
	if err != nil {
		return nil, err
	}
	s := &Server{engine: tools(dir.path, who, o.Log), dir: dir, log: o.Log}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// account is as whom the server runs; nil means as we do.
func account(o Options) (*program.User, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	if o.User != "" {
		return program.LookUp(o.User)
	}
	if o.Engine == MariaDB {
		return program.LookUp("mysql", "nobody")
	}
	return program.LookUp("postgres", "nobody")
}

func (s *Server) start(ctx context.Context) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	var err error
	if s.process, err = s.command().Start(ctx, s.log, s.log); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, starting)
	defer cancel()
	for {
		err := s.ping(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the scratch server: %w: %w", ctx.Err(), err)
		case <-s.process.Done():
			return fmt.Errorf("the scratch server ended with code %d before it answered", s.process.Wait())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Restore restores the dump. The error is a *RestoreError if the dump is to
// blame, that of ctx, or another one.
func (s *Server) Restore(ctx context.Context, d Dump) error { return s.restore(ctx, d) }

// Count counts the rows of all tables, in all databases that are not the
// server's own.
func (s *Server) Count(ctx context.Context) (Counts, error) { return s.count(ctx) }

// Query returns the number that a query yields.
func (s *Server) Query(ctx context.Context, database, sql string) (int64, error) {
	text, err := s.query(ctx, database, sql)
	if err != nil {
		return 0, err
	}
	return number(text)
}

// Close ends the server and removes all it wrote.
func (s *Server) Close() error {
	if s.process != nil {
		s.process.Stop(quit, 10*time.Second)
	}
	return s.dir.remove()
}

// copyFolder copies the files of a dump that is a folder, so that the server's
// user can read them.
func copyFolder(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		if err := copyFile(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
