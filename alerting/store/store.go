// Package store keeps what must not be lost in one SQLite file: the events of
// all incidents in one hash chain, what is derived from them for listing, the
// alerts, the evidence, the outbox and the accounts.
//
// Commit returns only when the unit is on the disk (WAL, synchronous=FULL).
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is an open SQLite file. Its methods are safe for concurrent use; one
// process at a time may have the file open for writing.
type Store struct {
	path    string
	log     *slog.Logger
	write   *sql.DB // one connection
	read    *sql.DB
	ballast ballast

	// mu guards the head of the chain and makes commits take turns.
	mu   sync.Mutex
	seq  int64
	head string
	// unsure is set after a commit that failed: nobody knows then what is on
	// the disk, and the head is read again.
	unsure bool
	stmt   statements
}

type statements struct {
	event, incident, alert, blob, notice *sql.Stmt
}

// Open opens the file, makes it if there is none, and brings its tables up to
// date. A damaged file is an error that says what to do; it is never deleted.
func Open(ctx context.Context, path string, log *slog.Logger) (*Store, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Store{path: path, log: log, ballast: newBallast(filepath.Dir(path))}
	if err := s.open(ctx); err != nil {
		s.Close()
		if damaged(err) {
			return nil, fmt.Errorf("open store %s: the file is damaged (%w); move it aside, with the files %s-wal and -shm, and restore it from a backup, or start with a new one", path, err, filepath.Base(path))
		}
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	// Incidents name people: the file is nobody else's to read.
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	f.Close()
	if s.write, err = sql.Open("sqlite", dsn(s.path, "_txlock=immediate")); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	if s.read, err = sql.Open("sqlite", dsn(s.path, "_pragma=query_only(1)")); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(4)
	s.read.SetMaxIdleConns(2)
	if err := s.migrate(ctx); err != nil {
		return err
	}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	if err := s.readHeadLocked(ctx); err != nil {
		return err
	}
	s.ballast.fill(s.log)
	return nil
}

func (s *Store) readHeadLocked(ctx context.Context) error {
	s.seq, s.head = 0, ""
	err := s.write.QueryRowContext(ctx, `SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1`).Scan(&s.seq, &s.head)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read the head of the chain: %w", err)
	}
	return nil
}

// withRoom writes; on a full disk it gives up the ballast and writes once more.
func (s *Store) withRoom(write func() error) error {
	err := write()
	if err != nil && full(err) && s.ballast.drop() {
		s.log.Error("the disk of the data folder is full; the ballast file was given up so that incidents are still kept", "file", s.ballast.path)
		err = write()
	}
	return err
}

// dsn asks for durability first: FULL makes every commit wait for the disk.
func dsn(path, more string) string {
	u := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path)}
	return u.String() + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		"&_pragma=foreign_keys(1)&_pragma=cache_size(-1024)&" + more
}

func (s *Store) migrate(ctx context.Context) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, s.write, dir)
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

func (s *Store) prepare(ctx context.Context) error {
	for _, p := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&s.stmt.event, `INSERT INTO events (seq, incident, version, at, actor_kind, actor_name, actor_via, kind, body, prev, hash)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`},
		{&s.stmt.incident, `INSERT INTO incidents (id, state, code, level, drill, opened_at, ended_at, words, fold)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET state = excluded.state, code = excluded.code, level = excluded.level,
			opened_at = excluded.opened_at, ended_at = excluded.ended_at, words = excluded.words, fold = excluded.fold`},
		{&s.stmt.alert, `INSERT INTO alerts (key, fired_at, changed_at, status, record) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (key, fired_at) DO UPDATE SET changed_at = excluded.changed_at, status = excluded.status, record = excluded.record`},
		{&s.stmt.blob, `INSERT INTO blobs (id, sha256, body) VALUES (?, ?, ?)`},
		{&s.stmt.notice, `INSERT INTO outbox (key, position, incident, version, kind, channel, recipient, lang, created, not_before, attempts, last_error, delivered, dead, held, urgent)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '', 0, 0, ?, ?) ON CONFLICT (key) DO NOTHING`},
	} {
		var err error
		if *p.stmt, err = s.write.PrepareContext(ctx, p.text); err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
	}
	return nil
}

// DB is for the rooms that keep tables of their own in the same file
// (accounts, sessions). Writes take turns with commits.
func (s *Store) DB() *sql.DB { return s.write }

// Close closes the file. It may be called more than once.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// damaged tells a file that is not, or no longer, a sound database.
func damaged(err error) bool {
	var se *sqlite.Error
	return errors.As(err, &se) && (se.Code()&0xff == lib.SQLITE_CORRUPT || se.Code()&0xff == lib.SQLITE_NOTADB)
}

// full tells that the disk has no room left, for the file, its log or the
// memory that its connections share.
func full(err error) bool {
	var se *sqlite.Error
	if !errors.As(err, &se) {
		return false
	}
	switch se.Code() {
	case lib.SQLITE_IOERR_WRITE, lib.SQLITE_IOERR_SHMSIZE, lib.SQLITE_IOERR_FSYNC:
		return true
	}
	return se.Code()&0xff == lib.SQLITE_FULL
}

// conflict tells that a row with that key is there already.
func conflict(err error) bool {
	var se *sqlite.Error
	return errors.As(err, &se) && (se.Code() == lib.SQLITE_CONSTRAINT_UNIQUE || se.Code() == lib.SQLITE_CONSTRAINT_PRIMARYKEY)
}
