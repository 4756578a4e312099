package inspection

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"xunjian/alerting/plan"
	"xunjian/alerting/schedule"
)

// Store keeps rounds. Commit returns only when the events are on the disk.
type Store interface {
	// CommitRound writes the events of one round, its fold and the files that
	// the events speak of. ErrConflict when a version exists already; nothing is
	// then written.
	CommitRound(ctx context.Context, r Round, events []Event, files []Kept) error
	// Attachment returns a file that was kept; ErrNotFound if there is none.
	Attachment(ctx context.Context, id string) ([]byte, error)
	// Round returns a round's events; ErrNotFound if there is none.
	Round(ctx context.Context, id string) ([]Event, error)
	// Rounds returns rounds, newest first.
	Rounds(ctx context.Context, q Query) ([]Round, error)
	// FormSince returns when a form was first known here; now is kept for one
	// that is new.
	FormSince(ctx context.Context, form string, now time.Time) (time.Time, error)
}

// Query selects rounds. Zero fields do not restrict.
type Query struct {
	Form string
	// Occasion is the key of a bid opening.
	Occasion string
	// Open selects those that wait for somebody.
	Open     bool
	From, To time.Time // by when they were opened, To exclusive
	Limit    int       // 0 means 50, at most 500
}

// The errors that callers tell apart.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("changed by somebody else meanwhile")
)

// Refusal is a command that cannot be carried out: a code with arguments for
// people.
type Refusal struct {
	Code string
	Args map[string]any
}

func (r *Refusal) Error() string { return fmt.Sprintf("%s %v", r.Code, r.Args) }

// Actor is who makes a change.
type Actor struct{ Name, Via string }

// Warning is what people are told of a round.
type Warning struct {
	// Key makes it one, however often it is raised.
	Key    string
	Title  plan.Text
	System string
	Major  bool // the leading group hears of it too
}

// Options are what an Office is made of.
type Options struct {
	Store  Store
	Source Source
	// Since is the begin of what was measured; a period does not begin before.
	Since func() time.Time
	Forms []Form
	// Occasions are the bid openings before which rounds are due at a moment.
	Occasions func(now time.Time) []Occasion
	// Raise opens a warning and returns its id; Settle closes it.
	Raise  func(ctx context.Context, by Actor, w Warning) (string, error)
	Settle func(ctx context.Context, by Actor, id string) error

	Host     string
	Zone     *time.Location
	Workdays *schedule.Workdays
	Now      func() time.Time // nil means time.Now
	Logger   *slog.Logger
}

// Office makes rounds when they are due, and takes in what people say. Its
// methods are safe for concurrent use.
type Office struct {
	opt     Options
	mu      sync.Mutex // one change at a time
	changed chan struct{}
}

// NewOffice returns an Office; Run makes it work.
func NewOffice(opt Options) *Office {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.Occasions == nil {
		opt.Occasions = func(time.Time) []Occasion { return nil }
	}
	if opt.Since == nil {
		opt.Since = func() time.Time { return time.Time{} }
	}
	return &Office{opt: opt, changed: make(chan struct{})}
}

// Revise puts other forms and working days in force. Rounds that are open go
// on by the form they were opened with.
func (o *Office) Revise(forms []Form, w *schedule.Workdays) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.opt.Forms, o.opt.Workdays = forms, w
}

// Forms returns the forms in force.
func (o *Office) Forms() []Form {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.opt.Forms
}

// every is how often it is looked whether a round is due.
const every = 15 * time.Second

// Run makes the rounds that are due until ctx is done.
func (o *Office) Run(ctx context.Context) error {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		if err := o.Tick(ctx); err != nil && ctx.Err() == nil {
			o.opt.Logger.Error("inspection rounds", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// Tick makes what is due now, and tells people of what waits too long.
func (o *Office) Tick(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	var errs []error
	for n := range o.opt.Forms {
		f := &o.opt.Forms[n]
		errs = append(errs, o.scheduled(ctx, f, now))
		if f.BeforeOpenings {
			errs = append(errs, o.beforeOpenings(ctx, f, now))
		}
	}
	return errors.Join(append(errs, o.remind(ctx, now))...)
}

func (o *Office) now() time.Time { return o.opt.Now().UTC().Truncate(time.Millisecond) }

// late is how long after it was due a round is still in time.
const late = 10 * time.Minute

// scheduled makes the round that was due last, once: of several that were
// missed, one is made up for.
func (o *Office) scheduled(ctx context.Context, f *Form, now time.Time) error {
	if f.Schedule.Zero() {
		return nil
	}
	s, err := schedule.New(f.Schedule, o.opt.Zone, o.opt.Workdays)
	if err != nil {
		return fmt.Errorf("form %s: schedule: %w", f.ID, err)
	}
	last, err := o.opt.Store.FormSince(ctx, f.ID, now)
	if err != nil {
		return err
	}
	before, err := o.last(ctx, f.ID, func(r Round) bool { return r.Occasion == nil })
	if err != nil {
		return err
	}
	// A clock that was set back must not make a round again.
	if before.ID != "" && before.Due.After(last) {
		last = before.Due
	}
	due := s.Last(last, now)
	if due.IsZero() {
		return nil
	}
	missed := 0
	for at := s.Next(last); at.Before(due) && missed < 1000; at = s.Next(at) {
		missed++
	}
	_, err = o.open(ctx, f, Actor{Name: o.opt.Host, Via: "clock"}, Opened{Due: due.UTC(), Late: now.Sub(due) > late, Missed: missed})
	return err
}

func (o *Office) beforeOpenings(ctx context.Context, f *Form, now time.Time) error {
	for _, occasion := range o.opt.Occasions(now) {
		done, err := o.opt.Store.Rounds(ctx, Query{Form: f.ID, Occasion: occasion.Key, Limit: 1})
		if err != nil {
			return err
		}
		if len(done) > 0 {
			continue
		}
		if _, err := o.open(ctx, f, Actor{Name: o.opt.Host, Via: "clock"}, Opened{Due: now, Occasion: &occasion}); err != nil {
			return err
		}
	}
	return nil
}

// last is the newest round of a form that fits.
func (o *Office) last(ctx context.Context, form string, fits func(Round) bool) (Round, error) {
	list, err := o.opt.Store.Rounds(ctx, Query{Form: form, Limit: 50})
	for _, r := range list {
		if fits(r) {
			return r, err
		}
	}
	return Round{}, err
}

// open looks at everything and commits the round.
func (o *Office) open(ctx context.Context, f *Form, by Actor, d Opened) (Round, error) {
	now := o.now()
	d.Form, d.To = *f, now
	d.From = now.Add(-f.Period)
	if since := o.opt.Since(); since.After(d.From) && since.Before(now) {
		d.From = since.UTC().Truncate(time.Millisecond)
	}
	d.Outcomes = Judge(ctx, f, o.opt.Source, d.From, d.To)
	before, err := o.last(ctx, f.ID, func(Round) bool { return true })
	if err != nil {
		return Round{}, err
	}
	for n, out := range d.Outcomes {
		if was, ok := before.Outcome(out.Item); ok {
			d.Outcomes[n].Before = was.Verdict
		}
	}
	id, err := o.nextID(ctx, now)
	if err != nil {
		return Round{}, err
	}
	return o.commit(ctx, Round{ID: id}, by, nil, d)
}

// Look judges a form over any period and keeps nothing. What people said of an
// item in a round of that period stands.
func (o *Office) Look(ctx context.Context, form string, from, to time.Time) (Round, error) {
	f, err := o.form(form)
	if err != nil {
		return Round{}, err
	}
	if since := o.opt.Since(); since.After(from) && since.Before(to) {
		from = since
	}
	from, to = from.UTC().Truncate(time.Millisecond), to.UTC().Truncate(time.Millisecond)
	r := Round{Form: *f, Due: to, Opened: to, From: from, To: to, StartedBy: o.opt.Host, Outcomes: Judge(ctx, f, o.opt.Source, from, to)}
	made, err := o.opt.Store.Rounds(ctx, Query{Form: form, From: from, To: to, Limit: 50})
	for _, was := range made { // newest first
		for _, a := range was.Outcomes {
			r.change(a.Item, func(now *Outcome) {
				if a.By != "" && now.By == "" {
					now.Verdict, now.By, now.At, now.Note = a.Verdict, a.By, a.At, a.Note
				}
			})
		}
	}
	return r, err
}

// form is one in force; a Refusal if there is none.
func (o *Office) form(id string) (*Form, error) {
	forms := o.Forms()
	ids := make([]string, len(forms))
	for n := range forms {
		if forms[n].ID == id {
			return &forms[n], nil
		}
		ids[n] = forms[n].ID
	}
	return nil, &Refusal{"unknown_form", map[string]any{"form": id, "forms": strings.Join(ids, ", ")}}
}

func (o *Office) nextID(ctx context.Context, now time.Time) (string, error) {
	prefix := "RND-" + now.In(o.opt.Zone).Format("20060102") + "-"
	list, err := o.opt.Store.Rounds(ctx, Query{From: now.AddDate(0, 0, -2), Limit: 500})
	n := 0
	for _, r := range list {
		var k int
		if _, err := fmt.Sscanf(strings.TrimPrefix(r.ID, prefix), "%d", &k); err == nil && strings.HasPrefix(r.ID, prefix) {
			n = max(n, k)
		}
	}
	return fmt.Sprintf("%s%03d", prefix, n+1), err
}

func (o *Office) commit(ctx context.Context, r Round, by Actor, files []Kept, list ...Data) (Round, error) {
	var events []Event
	id, now := r.ID, o.now()
	for _, d := range list {
		e := Event{Round: id, Version: r.Version + 1, At: now, By: by.Name, Via: by.Via, Data: d}
		r = r.Apply(e)
		events = append(events, e)
	}
	if err := o.opt.Store.CommitRound(ctx, r, events, files); err != nil {
		return Round{}, err
	}
	close(o.changed)
	o.changed = make(chan struct{})
	return r, nil
}

// Changed returns a channel that is closed at the next change.
func (o *Office) Changed() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.changed
}

// Start makes a round of a form now, because a person wants it.
func (o *Office) Start(ctx context.Context, by Actor, form string) (Round, error) {
	f, err := o.form(form)
	if err != nil {
		return Round{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.open(ctx, f, by, Opened{Due: o.now()})
}

// Get returns a round with its events.
func (o *Office) Get(ctx context.Context, id string) (Round, []Event, error) {
	events, err := o.opt.Store.Round(ctx, id)
	return Fold(events), events, err
}

// Find returns rounds, newest first.
func (o *Office) Find(ctx context.Context, q Query) ([]Round, error) {
	return o.opt.Store.Rounds(ctx, q)
}

// change makes a change of a round that nobody has changed meanwhile; expect is
// the version that was seen, 0 for any.
func (o *Office) change(ctx context.Context, id string, expect int, by Actor, what func(*Round) (Data, []Kept, error)) (Round, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r, _, err := o.Get(ctx, id)
	if err != nil {
		return Round{}, err
	}
	if expect != 0 && expect != r.Version {
		return r, fmt.Errorf("round %s: %w (now version %d, seen %d)", id, ErrConflict, r.Version, expect)
	}
	d, files, err := what(&r)
	if err != nil {
		return r, err
	}
	done := r.Done()
	if r, err = o.commit(ctx, r, by, files, d); err != nil {
		return r, err
	}
	if r.Done() && !done && r.Reminder != "" {
		o.settle(ctx, by, r.Reminder)
	}
	return r, nil
}

func (o *Office) settle(ctx context.Context, by Actor, id string) {
	if o.opt.Settle == nil {
		return
	}
	if err := o.opt.Settle(ctx, by, id); err != nil {
		o.opt.Logger.Error("close the warning of a round that is signed", "warning", id, "err", err)
	}
}

// beforeStart is how long before an opening people hear that its round is
// neither green nor signed.
const beforeStart = 30 * time.Minute

// remind tells people of rounds that wait for a signature.
func (o *Office) remind(ctx context.Context, now time.Time) error {
	open, err := o.opt.Store.Rounds(ctx, Query{Open: true, Limit: 500})
	if err != nil || o.opt.Raise == nil {
		return err
	}
	var errs []error
	for _, r := range open {
		at := r.SignBy()
		if r.Occasion != nil {
			at = at.Add(-beforeStart)
		}
		if r.Reminder != "" || at.IsZero() || now.Before(at) {
			continue
		}
		by := Actor{Name: o.opt.Host, Via: "clock"}
		t := r.title()
		w := Warning{
			Key:   "round/" + r.ID,
			Title: plan.Text{ZH: t.ZH + "尚未签署", EN: t.EN + " is not signed"}, System: systemOf(&r), Major: r.Occasion != nil,
		}
		id, err := o.opt.Raise(ctx, by, w)
		if err == nil {
			_, err = o.commit(ctx, r, by, nil, Reminded{Incident: id})
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
