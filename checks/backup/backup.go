// Package backup looks at what could be restored (Art. 19 of the plan): that a
// new backup of each set came in time, is whole, is not suddenly smaller, and can
// be restored.
//
// A backup that never ran is as loud as one that failed. What takes long (reading
// a backup to its end, asking a repository, restoring a dump) is done in the
// background, one thing at a time over all sets, slowed down on purpose; a Run
// only says what is known.
package backup

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"xunjian/checks"
)

// Parts are what the checks need from outside.
type Parts struct {
	// Dir keeps what was read and restored, over restarts. Empty is for one look
	// without a daemon: then Run itself reads what it can in its time, and nothing
	// is kept.
	Dir string
	// Zone is where times of day are those of a wall clock.
	Zone *time.Location
	// Now is the clock.
	Now func() time.Time
}

// Checks returns one check for each set; or, where there is none, one that says
// so. cfg is valid.
func Checks(cfg Config, parts Parts) []checks.Check {
	if parts.Now == nil {
		parts.Now = time.Now
	}
	if parts.Zone == nil {
		parts.Zone = time.Local
	}
	if len(cfg.Sets) == 0 {
		return []checks.Check{checks.Func{ID: family, Every: Rhythm(), Look: nothing}}
	}
	heavy := make(chan struct{}, 1)
	var list []checks.Check
	for _, s := range cfg.Sets {
		list = append(list, newSet(s, cfg, parts, heavy))
	}
	return list
}

// family is the name before that of a set.
const family = "backup"

// Rhythm is that of all sets.
func Rhythm() checks.Schedule {
	return checks.Schedule{Interval: 5 * time.Minute, Timeout: 30 * time.Second}
}

func nothing(context.Context, *checks.Output) error {
	return fmt.Errorf("no backup set is configured: %w", checks.ErrNotApplicable)
}

// set is the check of one set.
type set struct {
	Set
	parts    Parts
	rate     int64
	deadline time.Duration // of reading one backup
	heavy    chan struct{} // held by whoever reads, asks or restores
	kick     chan struct{} // there is something to read

	mu     sync.Mutex
	loaded bool
	mem    memory
	gone   error  // why what was remembered could not be read or kept
	busy   string // what is being done in the background
	log    restoreLog
}

func newSet(s Set, cfg Config, parts Parts, heavy chan struct{}) *set {
	if parts.Dir != "" {
		parts.Dir = filepath.Clean(parts.Dir)
	}
	return &set{Set: s, parts: parts, rate: cfg.ReadRate, deadline: cfg.VerifyTimeout, heavy: heavy, kick: make(chan struct{}, 1)}
}

// Name is backup/SET.
func (s *set) Name() string { return family + "/" + s.Set.Name }

// Schedule is slow: backups come by the hour.
func (s *set) Schedule() checks.Schedule { return Rhythm() }

// Identity changes with the configuration of the set.
func (s *set) Identity() string {
	return fmt.Sprintf("%+v whole=%v %d %v %s %v", s.Set, s.readWhole(), s.rate, s.deadline, s.parts.Dir, s.parts.Zone)
}

// remember reads what was kept, once. s.mu is held.
func (s *set) rememberLocked() {
	if s.loaded {
		return
	}
	s.mem, s.gone = load(s.parts.Dir, s.Set.Name)
	if s.mem.Begun.IsZero() {
		s.mem.Begun = s.parts.Now()
	}
	s.loaded = true
}

// keepLocked writes what is remembered. That it cannot is a finding, and no
// reason to stop. s.mu is held.
func (s *set) keepLocked() { s.gone = s.mem.save(s.parts.Dir, s.Set.Name) }

// Run says what is known of the set.
func (s *set) Run(ctx context.Context, out *checks.Output) error {
	s.mu.Lock()
	s.rememberLocked()
	s.mu.Unlock()
	var err error
	switch {
	case s.Kind.repository():
		err = s.runRepository(ctx, out)
	case s.Kind == WAL:
		err = s.runWAL(ctx, out)
	default:
		err = s.runFiles(ctx, out)
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone != nil {
		out.Find(checks.Finding{Code: "backup.memory", Subject: s.Set.Name, Verdict: checks.Attention, Args: map[string]any{"error": s.gone.Error()}})
	}
	if s.RestoreTest.on() {
		s.tellTest(out)
	}
	select {
	case s.kick <- struct{}{}:
	default:
	}
	return nil
}

// oneShot reports whether nothing runs in the background.
func (s *set) oneShot() bool { return s.parts.Dir == "" }
