package rules

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/tsdbutil"
)

// errInUse is returned for a folder that another process has open.
var errInUse = errors.New("the metrics database is in use by another process")

// damagedKept is how many sets of damaged files are kept for a person to see.
const damagedKept = 3

// open opens the database. What is damaged is moved into the folder damaged
// beside the rest, from the smallest part to all of it, until the rest opens.
func (s *store) open() (*tsdb.DB, error) {
	if err := s.probe(); err != nil {
		return nil, err
	}
	if err := s.checkLock(); err != nil {
		return nil, err
	}
	// An open that fails over a block leaves its log open behind it, so bad
	// blocks are looked for first.
	if bad := s.badBlocks(); len(bad) > 0 {
		if err := s.remove(bad, errors.New("blocks that do not open")); err != nil {
			return nil, err
		}
	}
	db, err := s.try()
	for _, part := range []func() []string{s.head, s.everything} {
		if err == nil {
			return db, nil
		}
		if err := s.remove(part(), err); err != nil {
			return nil, err
		}
		db, err = s.try()
	}
	return db, err
}

// remove moves damaged parts aside and says so.
func (s *store) remove(parts []string, why error) error {
	s.logger.Error("The metrics database is damaged; the damaged part is moved aside and its samples are lost", "dir", s.dir, "parts", parts, "err", why)
	return s.setAside(parts)
}

// checkLock returns errInUse if another process holds the folder.
func (s *store) checkLock() error {
	l, err := tsdbutil.NewDirLocker(s.dir, "tsdb", quiet(nil), nil)
	if err != nil {
		return err
	}
	if err := l.Lock(); err != nil {
		return fmt.Errorf("%w: %s: %w", errInUse, s.dir, err)
	}
	return l.Release()
}

// try opens the database; a panic over damaged files is an error.
func (s *store) try() (db *tsdb.DB, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("open the metrics database: %v", r)
		}
	}()
	opts := *s.opts
	return tsdb.Open(s.dir, quiet(s.logger), nil, &opts, nil)
}

// badBlocks returns the blocks that do not open.
func (s *store) badBlocks() []string {
	var bad []string
	for _, name := range s.names() {
		if _, err := ulid.ParseStrict(name); err != nil {
			continue
		}
		if err := openBlock(filepath.Join(s.dir, name)); err != nil {
			bad = append(bad, name)
		}
	}
	return bad
}

func openBlock(dir string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("open block: %v", r)
		}
	}()
	b, err := tsdb.OpenBlock(nil, dir, nil, nil)
	if err != nil {
		return err
	}
	return b.Close()
}

// head returns what holds the newest samples.
func (s *store) head() []string {
	return slices.DeleteFunc(s.names(), func(name string) bool {
		return name != "wal" && name != "wbl" && name != "chunks_head" && !strings.HasPrefix(name, "chunk_snapshot")
	})
}

func (s *store) everything() []string {
	return slices.DeleteFunc(s.names(), func(name string) bool { return name == "damaged" || name == "lock" })
}

func (s *store) names() []string {
	entries, _ := os.ReadDir(s.dir)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

// setAside moves the parts to damaged/<time> and removes the oldest of those.
func (s *store) setAside(parts []string) error {
	root := filepath.Join(s.dir, "damaged")
	to := filepath.Join(root, time.Now().UTC().Format("20060102T150405.000"))
	if err := os.MkdirAll(to, 0o750); err != nil {
		return err
	}
	for _, part := range parts {
		if err := os.Rename(filepath.Join(s.dir, part), filepath.Join(to, part)); err != nil {
			return fmt.Errorf("move the damaged %s aside: %w", part, err)
		}
	}
	sets, err := os.ReadDir(root)
	if err != nil {
		return err
	}
	for len(sets) > damagedKept {
		if err := os.RemoveAll(filepath.Join(root, sets[0].Name())); err != nil {
			return err
		}
		sets = sets[1:]
	}
	return nil
}
