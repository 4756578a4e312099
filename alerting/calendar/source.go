package calendar

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"xunjian/alerting/yamlfile"
)

// Source reads calendar files, and again those that changed. Each file stands
// for itself: while one cannot be read, what it held before stays in force, and
// the others go on. It may be used by several goroutines.
type Source struct {
	cfg  Config
	home *time.Location

	mu      sync.Mutex // held while files are read
	files   map[string]*file
	laid    window
	clashes []error // between files, as of the last merge
	current atomic.Pointer[state]
}

// state is what the last Reload left.
type state struct {
	calendar *Calendar
	skipped  []Skipped
	laid     window
}

// NewSource returns a source of the files of cfg, which is valid. Nothing is
// read before the first Reload. home is the zone of times that name none.
func NewSource(cfg Config, home *time.Location) *Source {
	s := &Source{cfg: cfg, home: home, files: map[string]*file{}}
	s.current.Store(&state{calendar: New(cfg, nil)})
	return s
}

// Calendar returns the calendar as of the last Reload.
func (s *Source) Calendar() *Calendar { return s.current.Load().calendar }

// Skipped returns the events of iCalendar files that mean nothing here, since
// none of their categories is a kind; at most 1000 of each file.
func (s *Source) Skipped() []Skipped { return slices.Clone(s.current.Load().skipped) }

// Covers returns the time for which recurring events are known.
func (s *Source) Covers() (from, to time.Time) {
	laid := s.current.Load().laid
	return laid.from, laid.to
}

const (
	// behind is how far into the past recurring events are laid out.
	behind = 35 * 24 * time.Hour
	// stride is after how long they are laid out again.
	stride = 24 * time.Hour
	// MaxTotal bounds the events of all files together.
	MaxTotal = 50_000
)

// Reload reads what changed since the last time, and lays recurring events out
// anew once a day. changed tells whether Calendar now returns another one. err
// tells of every file that cannot be read, each time until it can be; what such
// a file held before stays in force. A *FileError says so of each.
//
// A file that was written within the last 2 s, but not before the first
// Reload, waits for the next: it may not be whole yet.
func (s *Source) Reload(now time.Time) (changed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.laid.from.Add(behind)) || !now.Before(s.laid.from.Add(behind+stride)) {
		s.laid = window{now.Add(-behind), now.Add(s.cfg.Ahead)}
	}
	paths, errs := s.list()
	fresh := s.forget(paths)
	for _, path := range paths {
		f := s.files[path]
		if f == nil {
			f = &file{path: path}
			s.files[path] = f
		}
		fresh = f.read(now, s.laid, s.cfg, s.home) || fresh
		if f.err != nil {
			errs = append(errs, &FileError{Path: path, Err: f.err, Kept: len(f.events)})
		}
	}
	if fresh {
		changed = s.renew(paths)
	}
	return changed, errors.Join(append(errs, s.clashes...)...)
}

// forget drops the files that are gone, and tells whether there were any.
func (s *Source) forget(paths []string) bool {
	there := map[string]bool{}
	for _, path := range paths {
		there[path] = true
	}
	before := len(s.files)
	maps.DeleteFunc(s.files, func(path string, _ *file) bool { return !there[path] })
	return len(s.files) < before
}

// renew makes the calendar of what the files hold now.
func (s *Source) renew(paths []string) (changed bool) {
	events, skipped, clashes := s.merge(paths)
	s.clashes = clashes
	next := &state{calendar: New(s.cfg, events), skipped: skipped, laid: s.laid}
	changed = !slices.EqualFunc(s.Calendar().events, next.calendar.events, same)
	if !changed {
		next.calendar = s.Calendar()
	}
	s.current.Store(next)
	return changed
}

// merge puts the events of all files together. Of two with the same id the
// first holds.
func (s *Source) merge(paths []string) (events []Event, skipped []Skipped, errs []error) {
	at := map[string]Event{}
	for _, path := range paths {
		f := s.files[path]
		skipped = append(skipped, f.doc.skipped...)
		for _, e := range f.events {
			if first, twice := at[e.ID]; twice {
				errs = append(errs, &FileError{Path: path, Err: &yamlfile.Error{Problems: []yamlfile.Problem{{
					File: e.File, Line: e.Line, Column: 1,
					Message: fmt.Sprintf("the event %q is already in %s, line %d; this one is left out", clip(e.ID), first.File, first.Line),
				}}}})
				continue
			}
			at[e.ID] = e
			events = append(events, e)
		}
	}
	if len(events) > MaxTotal {
		errs = append(errs, fmt.Errorf("the calendar files hold %d events together; only the first %d are read. Remove old ones", len(events), MaxTotal))
		events = events[:MaxTotal]
	}
	return events, skipped, errs
}

func same(a, b Event) bool {
	return a.ID == b.ID && a.Title == b.Title && a.Kind == b.Kind && a.Project == b.Project && a.AllDay == b.AllDay &&
		a.Start.Equal(b.Start) && a.End.Equal(b.End) && slices.Equal(a.Systems, b.Systems) && a.File == b.File && a.Line == b.Line
}

// FileError tells that a file or folder cannot be read, and how many of its
// events stay in force.
type FileError struct {
	Path string
	Err  error
	Kept int
}

func (e *FileError) Error() string {
	var told *yamlfile.Error
	text := e.Err.Error()
	if !errors.As(e.Err, &told) {
		text = e.Path + ": " + text
	}
	if e.Kept == 0 {
		return text
	}
	return fmt.Sprintf("%s\n%d events of %s that were read before stay in force", text, e.Kept, e.Path)
}

// Unwrap returns what is wrong.
func (e *FileError) Unwrap() error { return e.Err }
