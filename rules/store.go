package rules

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/compression"
)

const (
	// probeBytes must be writable before the database is opened: it panics in
	// a goroutine of its own if a full disk takes its chunks away.
	probeBytes = 4 << 20
	// memoryAge and memorySamples bound what is kept for a disk that cannot be
	// written: an hour of 1,000 series at 15 s is 240,000 samples of 16 bytes.
	memoryAge     = time.Hour
	memorySamples = 1_000_000
	// retryEvery is the pause between two tries to get back to the disk.
	retryEvery = 15 * time.Second
)

// store is the database, or memory while the disk takes nothing.
type store struct {
	dir    string
	opts   *tsdb.Options
	logger *slog.Logger

	// use is read-locked by every open querier and locked while db is
	// replaced: a querier of a closed database reads memory that is unmapped.
	use sync.RWMutex
	db  *tsdb.DB
	mem *memory
	// failed says that a commit went wrong since db was opened. Series made in
	// such a commit are missing from the log of the database, so it must be
	// opened anew before it is trusted.
	failed  bool
	retryAt time.Time
	// cause is why samples are in memory.
	cause error
	// opened counts the openings of db. References to series do not outlive
	// one.
	opened int
}

func storeOptions(retention time.Duration, maxBytes int64) *tsdb.Options {
	o := tsdb.DefaultOptions()
	o.RetentionDuration = retention.Milliseconds()
	o.MaxBytes = maxBytes
	o.MinBlockDuration = (2 * time.Hour).Milliseconds()
	o.MaxBlockDuration = max(o.MinBlockDuration, min(retention/10, 31*24*time.Hour).Milliseconds())
	o.StripeSize = 256
	o.WALSegmentSize = 2 << 20
	o.WALCompression = compression.Snappy
	o.WALReplayConcurrency = 1
	// Segments are allocated whole; the default of 512 MiB does not fit on a
	// disk that is nearly full.
	o.MaxBlockChunkSegmentSize = 16 << 20
	o.HeadChunksWriteBufferSize = 64 << 10
	// Once a minute is the time of a loop that also moves chunks out of memory
	// and panics if the disk does not take them. Compaction does not need it.
	o.BlockReloadInterval = 10 * 365 * 24 * time.Hour
	return o
}

// openStore opens the database in dir. Only a folder that another process uses
// is an error; a disk that cannot be written leaves it in memory.
func openStore(dir string, opts *tsdb.Options, logger *slog.Logger) (*store, error) {
	s := &store{dir: dir, opts: opts, logger: logger, mem: newMemory()}
	db, err := s.open()
	if errors.Is(err, errInUse) {
		return nil, err
	}
	if err != nil {
		logger.Error("The metrics database cannot be written; samples stay in memory until it can", "dir", dir, "err", err)
	}
	s.db, s.cause = db, err
	s.opened = 1
	return s, nil
}

// probe writes and removes a file of probeBytes.
func (s *store) probe() (err error) {
	if err := os.MkdirAll(s.dir, 0o750); err != nil {
		return err
	}
	f, err := os.CreateTemp(s.dir, "probe-*.tmp")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	block := make([]byte, 64<<10)
	for range probeBytes / len(block) {
		if _, err := f.Write(block); err != nil {
			return err
		}
	}
	return f.Sync()
}

// Querier reads the database and what waits in memory.
func (s *store) Querier(mint, maxt int64) (storage.Querier, error) {
	s.use.RLock()
	q, err := s.querierLocked(mint, maxt)
	if err != nil {
		s.use.RUnlock()
		return nil, err
	}
	return &heldQuerier{Querier: q, release: sync.OnceFunc(s.use.RUnlock)}, nil
}

func (s *store) querierLocked(mint, maxt int64) (storage.Querier, error) {
	if s.db == nil {
		return s.mem.Querier(mint, maxt)
	}
	disk, err := s.db.Querier(mint, maxt)
	if err != nil || s.mem.size() == 0 {
		return disk, err
	}
	waiting, _ := s.mem.Querier(mint, maxt)
	return storage.NewMergeQuerier([]storage.Querier{disk, waiting}, nil, storage.ChainedSeriesMerge), nil
}

// heldQuerier keeps the database open until it is closed.
type heldQuerier struct {
	storage.Querier
	release func()
}

func (q *heldQuerier) Close() error {
	defer q.release()
	return q.Querier.Close()
}

// settle brings samples from memory to the disk if it can be written again.
func (s *store) settle(ctx context.Context, now time.Time) {
	if s.ready() || now.Before(s.retryAt) {
		return
	}
	s.retryAt = now.Add(retryEvery)
	if err := s.probe(); err != nil {
		s.cause = err
		s.cutMemory(now)
		return
	}
	s.use.Lock()
	defer s.use.Unlock()
	if err := s.reopenLocked(); err != nil {
		s.logger.Error("The metrics database cannot be opened again; samples stay in memory", "dir", s.dir, "err", err)
		return
	}
	n := s.mem.size()
	if err := s.flushLocked(ctx); err != nil {
		s.failed, s.cause = true, err
		return
	}
	s.logger.Info("The metrics database can be written again", "dir", s.dir, "samples", n)
}

// ready reports whether samples go to the disk.
func (s *store) ready() bool { return s.db != nil && !s.failed }

// health returns why samples do not go to the disk, or nil.
func (s *store) health() error {
	if s.ready() {
		return nil
	}
	return fmt.Errorf("write the metrics database: %w (%d samples wait in memory)", s.cause, s.mem.size())
}

func (s *store) cutMemory(now time.Time) {
	age := memoryAge
	for s.mem.cut(now.Add(-age).UnixMilli()); s.mem.size() > memorySamples; s.mem.cut(now.Add(-age).UnixMilli()) {
		age /= 2
	}
}

func (s *store) reopenLocked() error {
	if s.db != nil {
		if err := closeDB(s.db); err != nil {
			s.logger.Warn("Closing the metrics database failed", "err", err)
		}
		s.db = nil
	}
	db, err := s.open()
	if err != nil {
		return err
	}
	s.db, s.failed = db, false
	s.opened++
	return nil
}

// flushLocked writes what is in memory to the database and empties it. Samples
// that the database has already are passed over.
func (s *store) flushLocked(ctx context.Context) error {
	app := s.db.AppenderV2(ctx)
	err := s.mem.all(func(ls labels.Labels, points memoryPoints) error {
		var ref storage.SeriesRef
		for _, p := range points {
			r, err := app.Append(ref, ls, 0, p.t, p.v, nil, nil, storage.AOptions{})
			if err != nil && !droppable(err) {
				return err
			}
			if err == nil {
				ref = r
			}
		}
		return nil
	})
	if err != nil {
		return errors.Join(err, app.Rollback())
	}
	if err := app.Commit(); err != nil {
		return err
	}
	s.mem = newMemory()
	return nil
}

// droppable tells errors of a sample from those of the database.
func droppable(err error) bool {
	return errors.Is(err, storage.ErrOutOfOrderSample) || errors.Is(err, storage.ErrDuplicateSampleForTimestamp) ||
		errors.Is(err, storage.ErrOutOfBounds) || errors.Is(err, storage.ErrTooOldSample) || errors.Is(err, tsdb.ErrInvalidSample)
}

// close writes what it can and closes the database.
func (s *store) close(ctx context.Context, now time.Time) error {
	s.retryAt = time.Time{}
	s.settle(ctx, now)
	s.use.Lock()
	defer s.use.Unlock()
	if s.db == nil {
		return nil
	}
	err := closeDB(s.db)
	s.db = nil
	return err
}

// closeDB closes db; that it panics if a full disk does not take its last
// chunks is an error like another, since its log has them.
func closeDB(db *tsdb.DB) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("close the metrics database: %v", r)
		}
	}()
	return db.Close()
}

func (s *store) diskBytes() int64 {
	var n int64
	_ = filepath.WalkDir(s.dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
		return nil
	})
	return n
}

// quiet passes on warnings and errors only: what the database says of its
// daily work is not news to an operator.
func quiet(logger *slog.Logger) *slog.Logger {
	if logger == nil {
		return promslog.NewNopLogger()
	}
	return slog.New(quietHandler{logger.Handler()})
}

type quietHandler struct{ slog.Handler }

func (h quietHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

func (h quietHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quietHandler{h.Handler.WithAttrs(attrs)}
}

func (h quietHandler) WithGroup(name string) slog.Handler {
	return quietHandler{h.Handler.WithGroup(name)}
}
