package rules

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	prom "github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// A series takes no sample older than its last. After the clock was set back
// the database would be deaf until the time it had reached comes again, so it
// is made anew from the samples up to the present; those from the wrong time
// are moved aside.

// rewindAfter is how far the clock must be set back for that; below it, a few
// samples are dropped.
const rewindAfter = 30 * time.Second

// rewind brings the Engine back to now if the database is ahead of it.
func (e *Engine) rewind(ctx context.Context, now time.Time) {
	ahead := e.store.newest()
	if e.now.After(ahead) {
		ahead = e.now
	}
	back := ahead.Sub(now)
	if back <= rewindAfter {
		return
	}
	e.logger.Warn("The clock was set back; samples from later than now are moved aside", "by", back.Round(time.Second), "now", now)
	if err := e.store.rewind(ctx, now); err != nil {
		e.logger.Error("The metrics database could not be set back; it starts anew", "err", err)
	}
	e.book.rewind(now)
	for _, g := range e.groups {
		g.last = time.Time{}
		for _, r := range g.rules {
			r.rewind(back)
		}
	}
	if !e.started.IsZero() {
		e.started = e.started.Add(-back)
	}
	e.now, e.swept = now, now
}

func (b *book) rewind(now time.Time) {
	for _, list := range b.series {
		for _, s := range list {
			s.last = 0
		}
	}
	for _, src := range b.sources {
		if src.last.After(now) {
			src.last = now
		}
		src.wrote, src.filled = now.UnixMilli(), false
	}
}

// rewind keeps the time that alerts have been pending or firing for.
func (r *rule) rewind(back time.Duration) {
	shift := func(t *time.Time) {
		if !t.IsZero() {
			*t = t.Add(-back)
		}
	}
	for _, inst := range r.instances {
		for _, t := range []*time.Time{&inst.alert.ActiveAt, &inst.alert.FiredAt, &inst.alert.ChangedAt, &inst.goodSince} {
			shift(t)
		}
	}
	if r.alerting == nil {
		return
	}
	r.alerting.ForEachActiveAlert(func(a *prom.Alert) {
		for _, t := range []*time.Time{&a.ActiveAt, &a.FiredAt, &a.ResolvedAt, &a.LastSentAt, &a.ValidUntil, &a.KeepFiringSince} {
			shift(t)
		}
	})
}

// newest returns the time of the newest sample on the disk.
func (s *store) newest() time.Time {
	if s.db == nil {
		return time.Time{}
	}
	newest := int64(math.MinInt64)
	if t := s.db.Head().MaxTime(); s.db.Head().NumSeries() > 0 {
		newest = t
	}
	for _, b := range s.db.Blocks() {
		newest = max(newest, b.Meta().MaxTime-1)
	}
	if newest == math.MinInt64 {
		return time.Time{}
	}
	return time.UnixMilli(newest)
}

// rewind makes the database anew from its samples before now.
func (s *store) rewind(ctx context.Context, now time.Time) error {
	s.use.Lock()
	defer s.use.Unlock()
	s.mem.cutFrom(now.UnixMilli())
	if s.db == nil {
		return nil
	}
	fresh := filepath.Join(s.dir, "rewound.tmp")
	kept, err := s.copyUntil(ctx, fresh, now.UnixMilli())
	err = errors.Join(err, closeDB(s.db))
	s.db = nil
	if err != nil {
		err = errors.Join(err, s.setAside(s.everything()))
	} else {
		err = s.swap(fresh, kept)
	}
	return errors.Join(err, s.reopenLocked())
}

// copyUntil writes the samples before end that are in no block that ends
// before it to a new database, and returns the names of those blocks.
func (s *store) copyUntil(ctx context.Context, dir string, end int64) (kept []string, err error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	from := int64(math.MaxInt64)
	if s.db.Head().NumSeries() > 0 {
		from = s.db.Head().MinTime()
	}
	for _, b := range s.db.Blocks() {
		if b.Meta().MaxTime <= end {
			kept = append(kept, filepath.Base(b.Dir()))
		} else {
			from = min(from, b.Meta().MinTime)
		}
	}
	opts := *s.opts
	to, err := tsdb.Open(dir, quiet(s.logger), nil, &opts, nil)
	if err != nil {
		return nil, err
	}
	to.DisableCompactions()
	// The head takes samples at most an hour older than its newest.
	for ; from < end && err == nil; from += copyWindow {
		err = copySamples(ctx, s.db, to, from, min(from+copyWindow, end)-1)
	}
	return kept, errors.Join(err, closeDB(to))
}

const copyWindow = int64(30 * time.Minute / time.Millisecond)

func copySamples(ctx context.Context, from storage.Queryable, to storage.AppendableV2, mint, maxt int64) error {
	q, err := from.Querier(mint, maxt)
	if err != nil {
		return err
	}
	defer q.Close()
	app := to.AppenderV2(ctx)
	set := q.Select(ctx, false, nil, labels.MustNewMatcher(labels.MatchRegexp, model.MetricNameLabel, ".+"))
	var it chunkenc.Iterator
	for set.Next() {
		it = set.At().Iterator(it)
		var ref storage.SeriesRef
		for it.Next() == chunkenc.ValFloat {
			t, v := it.At()
			if ref, err = app.Append(ref, set.At().Labels(), 0, t, v, nil, nil, storage.AOptions{}); err != nil && !droppable(err) {
				return errors.Join(err, app.Rollback())
			}
		}
	}
	if set.Err() != nil {
		return errors.Join(set.Err(), app.Rollback())
	}
	return app.Commit()
}

// swap puts the new database in the place of the old one, whose last part is
// moved aside.
func (s *store) swap(fresh string, kept []string) error {
	for _, block := range kept {
		if err := os.Rename(filepath.Join(s.dir, block), filepath.Join(fresh, block)); err != nil {
			return fmt.Errorf("move a block of the metrics database: %w", err)
		}
	}
	var old []string
	for _, name := range s.everything() {
		if name != filepath.Base(fresh) {
			old = append(old, name)
		}
	}
	if err := s.setAside(old); err != nil {
		return err
	}
	entries, err := os.ReadDir(fresh)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Rename(filepath.Join(fresh, e.Name()), filepath.Join(s.dir, e.Name())); err != nil {
			return fmt.Errorf("move the new metrics database into its place: %w", err)
		}
	}
	return os.Remove(fresh)
}
