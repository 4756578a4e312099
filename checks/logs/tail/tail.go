// Package tail reads logs as they are written, every line once: files that are
// rotated under the reader, the journal, the kernel's ring. Where it stands is
// kept together with what its consumers made of the lines, in one file that is
// replaced as a whole; so after a kill -9 both go back to the same moment, and
// no line is counted twice or not at all.
//
// What cannot be read again is lost, and counted: a log that was copied and
// emptied (copytruncate) loses what was written between the copy and the
// emptying, a rotated file that was deleted before it was read is gone.
package tail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"
)

// MaxLine is how long a line may be, in bytes. Longer ones are cut there and
// counted.
const MaxLine = 1 << 20

// Line is one line of a log.
type Line struct {
	// Source and Kind are those of the source in the configuration.
	Source, Kind string
	// Path is the file that it stood in; empty for journal and kernel.
	Path string
	// Text is the line without its end: valid UTF-8 without NUL, but other
	// control characters as they stood. It is valid until Take returns.
	Text []byte
	// Time is when the line was read. What the line says of its time is the
	// business of stamp.Parse.
	Time time.Time
}

// Block is a run of whole lines of one file, read at once.
type Block struct {
	Source, Kind, Path string
	// Text holds the lines, each ended by a newline. It is valid until Take
	// returns.
	Text []byte
	// Read is when they were read.
	Read time.Time
}

// Lines goes through the lines of b.
func (b Block) Lines() iter.Seq[Line] {
	return func(yield func(Line) bool) {
		l := Line{Source: b.Source, Kind: b.Kind, Path: b.Path, Time: b.Read}
		for rest := b.Text; len(rest) > 0; {
			n := bytes.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest) - 1
				l.Text = rest
			} else {
				l.Text = rest[:n]
			}
			if !yield(l) {
				return
			}
			rest = rest[n+1:]
		}
	}
}

// Consumer takes the lines of some sources. Its methods are called by one
// goroutine at a time.
type Consumer interface {
	// Name is the key under which its state is kept.
	Name() string
	// Wants says whether it takes the lines of a source.
	Wants(Source) bool
	// Take takes lines in the order in which they stand. It must not keep
	// b.Text. It must not call the Tailer.
	Take(b Block)
	// State returns what has to survive, as JSON, as of the last Take; nil if
	// there is nothing. It is written with the positions.
	State() (json.RawMessage, error)
	// Restore gives back what State returned, before the first Take.
	Restore(json.RawMessage) error
}

// Options are what a Tailer is made of.
type Options struct {
	Sources []Source
	// Dir is the folder for the positions; "" keeps none, and then nothing
	// survives.
	Dir string
	// From is where reading begins in files that are there at the first start.
	From Start
	// Poll is how often sources are looked at if nothing tells of a change; 0
	// means 1 s.
	Poll time.Duration
	// Linger is how long a rotated file is watched for late lines after the
	// last one; 0 means 30 s.
	Linger time.Duration
	Logger *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Start says where reading begins in a file that is there at the first start.
type Start struct {
	// Back is how many bytes before the end; negative means from the beginning.
	Back int64
}

// Beginning starts with the first line.
var Beginning = Start{Back: -1}

// source is a configured source at work.
type source interface {
	// poll reads what is new and hands it over. It reports whether there is
	// more to be read at once.
	poll(now time.Time) (more bool, err error)
	// save and load keep where it stands.
	save() (json.RawMessage, error)
	load(json.RawMessage) error
	// watch names the folders whose changes tell of new lines.
	watch() []string
	close()
}

// Tailer reads sources and hands their lines to consumers.
type Tailer struct {
	opt   Options
	state *stateFile
	wake  chan struct{}
	ready chan struct{} // closed by the first Open

	mu        sync.Mutex
	consumers []Consumer
	feeds     []*feed
	opened    bool
	dirty     bool
	notify    func()
}

// feed is one source with those that take its lines, and what is counted of it.
type feed struct {
	t     *Tailer
	conf  Source
	src   source
	to    []Consumer
	stats Stats
}

// Stats counts what was read of a source. All counts are kept.
type Stats struct {
	Source string `json:"source"`
	Kind   string `json:"kind,omitempty"`
	Lines  uint64 `json:"lines"`
	Bytes  uint64 `json:"bytes"`
	// Cut counts lines longer than MaxLine.
	Cut uint64 `json:"cut,omitempty"`
	// Converted counts lines in GB18030; Mended those that were in no encoding
	// or held NUL bytes.
	Converted uint64 `json:"converted,omitempty"`
	Mended    uint64 `json:"mended,omitempty"`
	// Rotations counts files that took another's place; Truncations files that
	// were emptied under the reader.
	Rotations   uint64 `json:"rotations,omitempty"`
	Truncations uint64 `json:"truncations,omitempty"`
	// Emptied counts those of which no copy was found, Rewritten files whose
	// lines were changed: no rotation does either.
	Emptied   uint64 `json:"emptied,omitempty"`
	Rewritten uint64 `json:"rewritten,omitempty"`
	// Gaps counts the times when what was to be read next was not there any
	// more: an unknown number of lines is lost.
	Gaps uint64 `json:"gaps,omitempty"`
	// LastLine is when a line last came; FirstSeen when the source was first
	// looked at.
	LastLine  time.Time `json:"last_line,omitzero"`
	FirstSeen time.Time `json:"first_seen,omitzero"`
	// Error says why the source cannot be read now.
	Error string `json:"error,omitempty"`
}

// New returns a Tailer. It reads nothing before Open.
func New(opt Options) *Tailer {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.Poll <= 0 {
		opt.Poll = time.Second
	}
	if opt.Linger <= 0 {
		opt.Linger = 30 * time.Second
	}
	return &Tailer{opt: opt, wake: make(chan struct{}, 1), ready: make(chan struct{})}
}

// Subscribe adds a consumer. It must be called before Open.
func (t *Tailer) Subscribe(c Consumer) { t.consumers = append(t.consumers, c) }

// Notify sets what is called after lines were handed over, outside of the
// Tailer's lock.
func (t *Tailer) Notify(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notify = f
}

// Open reads where the last run stood and gives the consumers their states
// back. It waits for another Tailer of the same folder to be closed.
func (t *Tailer) Open(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.opened {
		return nil
	}
	kept := kept{Sources: map[string]keptSource{}, Consumers: map[string]json.RawMessage{}}
	if t.opt.Dir != "" {
		var err error
		if t.state, err = openState(ctx, t.opt.Dir); err != nil {
			return err
		}
		if err := t.state.read(&kept); err != nil {
			t.state.close()
			return err
		}
	}
	for _, c := range t.consumers {
		if raw, ok := kept.Consumers[c.Name()]; ok {
			if err := c.Restore(raw); err != nil {
				t.opt.Logger.Error("what was known of the logs cannot be read; it is learned anew", "of", c.Name(), "err", err)
			}
		}
	}
	t.feeds = nil
	for _, conf := range t.opt.Sources {
		t.feeds = append(t.feeds, t.feedOf(conf, kept.Sources))
	}
	t.opened = true
	select {
	case <-t.ready:
	default:
		close(t.ready)
	}
	return nil
}

// Ready is closed when reading has begun.
func (t *Tailer) Ready() <-chan struct{} { return t.ready }

func (t *Tailer) feedOf(conf Source, kept map[string]keptSource) *feed {
	f := &feed{t: t, conf: conf}
	for _, c := range t.consumers {
		if c.Wants(conf) {
			f.to = append(f.to, c)
		}
	}
	f.src = open(conf, f)
	if old, ok := kept[conf.Name]; ok {
		f.stats = old.Stats
		f.stats.Error = ""
		if err := f.src.load(old.Position); err != nil {
			t.opt.Logger.Error("where reading stood is not known any more; it goes on at the end", "source", conf.Name, "err", err)
		}
	}
	f.stats.Source, f.stats.Kind = conf.Name, conf.Kind
	if f.stats.FirstSeen.IsZero() {
		f.stats.FirstSeen = t.opt.Now().UTC()
	}
	return f
}

// Close commits and gives back what Open took.
func (t *Tailer) Close() error {
	err := t.Commit()
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.opened {
		return err
	}
	t.opened = false
	for _, f := range t.feeds {
		f.src.close()
	}
	if t.state != nil {
		t.state.close()
	}
	return err
}

// Poll reads what is new in every source. It reports whether lines were handed
// over.
func (t *Tailer) Poll(ctx context.Context) bool {
	any := false
	for again := true; again && ctx.Err() == nil; {
		again = false
		// The lock is given away between sources and rounds, so that who wants
		// to know how things stand need not wait for a long log.
		for n := range t.opt.Sources {
			more, some := t.pollOne(n)
			again, any = again || more, any || some
		}
	}
	return any
}

func (t *Tailer) pollOne(n int) (more, some bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.opened || n >= len(t.feeds) {
		return false, false
	}
	f := t.feeds[n]
	before := f.stats.Lines
	more, err := f.src.poll(t.opt.Now())
	f.stats.Error = ""
	if err != nil {
		f.stats.Error = err.Error()
	}
	return more && err == nil, f.stats.Lines != before
}

// Commit keeps positions and states, durably. Without a folder it does nothing.
func (t *Tailer) Commit() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.commitLocked()
}

// With calls f while no line is handed over, after a commit: what f reads of
// consumers is then as durable as the positions.
func (t *Tailer) With(f func()) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.commitLocked()
	f()
	return err
}

func (t *Tailer) commitLocked() error {
	if t.state == nil || !t.opened || !t.dirty {
		return nil
	}
	k := kept{Sources: map[string]keptSource{}, Consumers: map[string]json.RawMessage{}}
	for _, f := range t.feeds {
		pos, err := f.src.save()
		if err != nil {
			return fmt.Errorf("keep the position in %s: %w", f.conf.Name, err)
		}
		k.Sources[f.conf.Name] = keptSource{Stats: f.stats, Position: pos}
	}
	for _, c := range t.consumers {
		raw, err := c.State()
		if err != nil {
			return fmt.Errorf("keep what %s knows: %w", c.Name(), err)
		}
		if raw != nil {
			k.Consumers[c.Name()] = raw
		}
	}
	if err := t.state.write(&k); err != nil {
		return err
	}
	t.dirty = false
	return nil
}

// Stats says how each source stands.
func (t *Tailer) Stats() []Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.StatsLocked()
}

// StatsLocked is Stats for use within With.
func (t *Tailer) StatsLocked() []Stats {
	out := make([]Stats, len(t.feeds))
	for n, f := range t.feeds {
		out[n] = f.stats
	}
	return out
}

// commitEvery bounds how much is read again after a kill -9.
const commitEvery = 15 * time.Second

// apart is the least time between two looks, however fast lines come.
const apart = 20 * time.Millisecond

// Serve reads until ctx ends. Open is called if it was not.
func (t *Tailer) Serve(ctx context.Context) error {
	if err := t.Open(ctx); err != nil {
		return err
	}
	w := newWatch(t.signal, t.opt.Logger)
	var readers sync.WaitGroup
	defer func() { w.close(); readers.Wait() }()
	timer := time.NewTimer(0)
	defer timer.Stop()
	committed := time.Now()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-t.wake:
		}
		began := time.Now()
		w.follow(t.folders())
		if t.Poll(ctx) {
			t.tell()
		}
		if time.Since(committed) > commitEvery {
			committed = time.Now()
			if err := t.Commit(); err != nil {
				t.opt.Logger.Error("the positions in the logs cannot be kept", "err", err)
			}
		}
		pause(ctx, apart-time.Since(began))
		timer.Reset(t.opt.Poll)
	}
	if err := t.Close(); err != nil {
		return errors.Join(ctx.Err(), err)
	}
	return ctx.Err()
}

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (t *Tailer) signal() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

func (t *Tailer) tell() {
	t.mu.Lock()
	f := t.notify
	t.mu.Unlock()
	if f != nil {
		f()
	}
}

func (t *Tailer) folders() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []string
	for _, f := range t.feeds {
		out = append(out, f.src.watch()...)
	}
	return out
}

// deliver hands whole lines to those who want them. raw is as it stood in the
// file and may be changed.
func (f *feed) deliver(path string, raw []byte, now time.Time) {
	if len(raw) == 0 {
		return
	}
	f.t.dirty = true
	text, tally := Clean(raw, f.conf.Encoding)
	f.stats.Lines += uint64(bytes.Count(text, newline))
	f.stats.Bytes += uint64(len(raw))
	f.stats.Converted += tally.Converted
	f.stats.Mended += tally.Mended
	f.stats.LastLine = now.UTC()
	b := Block{Source: f.conf.Name, Kind: f.conf.Kind, Path: path, Text: text, Read: now}
	for _, c := range f.to {
		c.Take(b)
	}
}

var newline = []byte{'\n'}
