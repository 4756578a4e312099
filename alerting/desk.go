package alerting

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
)

// Options are what a Desk is made of.
type Options struct {
	Store Store
	Basis
	// Host names this server in events and incidents.
	Host string
	// Zone is the zone of incident ids and of all times people read.
	Zone *time.Location
	// Kind tells what a system is at a moment: a business system counts as
	// opening while a bid opening runs on it. nil: always what Systems says.
	Kind func(system string, at time.Time) plan.SystemKind
	// Routes says on which channels beside the journal an audience is reached;
	// nil: on none.
	Routes func(Audience) []Route
	// Manner says how people are told beside what the plan says: policies,
	// quiet hours, silences; nil: as the plan says.
	Manner func(Occasion) Manner
	// Look has the agent look at one thing for a step of the playbook.
	Look func(ctx context.Context, i incident.Incident, look string) ([]incident.Line, error)
	// Evidence takes the snapshot of a newly opened incident: JSON. It gets a
	// context with a deadline; what it has by then is kept.
	Evidence func(ctx context.Context, i incident.Incident) ([]byte, error)
	// Wake is called after a commit that put notices into the outbox.
	Wake func()
	// Now is the clock; nil means time.Now.
	Now    func() time.Time
	Logger *slog.Logger
}

// Desk makes every change of an incident: one at a time, decided by the pure
// core, committed, then visible.
type Desk struct {
	opt Options

	mu     sync.Mutex
	active map[string]incident.Incident // not ended, or ended a short while ago
	byKey  map[string]string            // incident key → id in active
	alerts map[string]AlertRecord       // firing or lost
	plans  map[string]*plan.Plan        // by digest; an incident keeps its own
	digest string                       // of the plan in force
	lastID string
	// changed is closed and replaced at every commit.
	changed chan struct{}
	changes changes

	started  time.Time
	waiting  []string      // ids that wait for their snapshot
	evidence chan struct{} // says that some wait
	timer    chan struct{}
}

// NewDesk loads what is going on from the store.
func NewDesk(ctx context.Context, opt Options) (*Desk, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.Zone == nil {
		opt.Zone = time.UTC
	}
	d := &Desk{
		opt:      opt,
		active:   map[string]incident.Incident{},
		byKey:    map[string]string{},
		alerts:   map[string]AlertRecord{},
		plans:    map[string]*plan.Plan{},
		changed:  make(chan struct{}),
		started:  opt.Now().UTC().Truncate(time.Millisecond),
		evidence: make(chan struct{}, 1),
		timer:    make(chan struct{}, 1),
	}
	list, err := opt.Store.Active(ctx, opt.Now().Add(-incident.ReopenWithin))
	if err != nil {
		return nil, fmt.Errorf("load active incidents: %w", err)
	}
	for _, i := range list {
		d.keepLocked(i)
	}
	if err := d.keepPlan(ctx, opt.Plan); err != nil {
		return nil, err
	}
	if err := d.loadAlerts(ctx); err != nil {
		return nil, err
	}
	for _, i := range d.active {
		if err := d.loadPlan(ctx, i.PlanDigest); err != nil {
			return nil, fmt.Errorf("load the plan of incident %s: %w", i.ID, err)
		}
	}
	return d, nil
}

// loadAlerts loads the alerts that go on, and the incidents they belong to,
// even those that ended long ago: the end of an alert is to be noted there.
func (d *Desk) loadAlerts(ctx context.Context) error {
	alerts, err := d.opt.Store.CurrentAlerts(ctx)
	if err != nil {
		return fmt.Errorf("load current alerts: %w", err)
	}
	for _, a := range alerts {
		d.alerts[a.Key] = a
		if a.Incident == "" {
			continue
		}
		i, err := d.getLocked(ctx, a.Incident)
		if errors.Is(err, ErrNotFound) {
			d.opt.Logger.Error("an alert belongs to an incident that is not in the store", "alert", a.Key, "incident", a.Incident)
			continue
		}
		if err != nil {
			return fmt.Errorf("load incident of alert %s: %w", a.Key, err)
		}
		d.keepLocked(i)
	}
	return nil
}

// Alerts returns the alerts that are firing or lost, sorted by key: what the
// rule engine must know after a restart.
func (d *Desk) Alerts() []AlertRecord {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]AlertRecord, 0, len(d.alerts))
	for _, a := range d.alerts {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b AlertRecord) int { return cmp.Compare(a.Key, b.Key) })
	return out
}

// Changed returns a channel that is closed at the next commit.
func (d *Desk) Changed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changed
}

// atOnce is how many signals are committed as one. In a storm the first notices
// are on their way while the rest is still being written.
const atOnce = 500

// Signals takes in what the rules (or others) say, and commits what follows, at
// most 500 signals in one transaction. On an error the caller says all of them
// again: what is known already changes nothing.
func (d *Desk) Signals(ctx context.Context, signals []Signal) error {
	for some := range slices.Chunk(signals, atOnce) {
		if err := d.take(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) take(ctx context.Context, signals []Signal) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := d.newWork()
	for _, s := range signals {
		if err := w.signal(ctx, clean(s, w.now)); err != nil {
			return fmt.Errorf("signal of rule %s: %w", s.Rule, err)
		}
	}
	return d.commitLocked(ctx, w)
}

// Do carries out a person's command on an incident. expect is the version the
// person saw, or 0 for whatever it is now; if the incident moved on meanwhile
// and the command is one that the move could make wrong, ErrConflict.
func (d *Desk) Do(ctx context.Context, id string, expect int, actor incident.Actor, cmd incident.Command) (incident.Incident, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i, err := d.getLocked(ctx, id)
	if err != nil {
		return incident.Incident{}, err
	}
	if expect != 0 && expect != i.Version {
		return i, fmt.Errorf("incident %s: %w (now version %d, seen %d)", id, ErrConflict, i.Version, expect)
	}
	if err := d.mayLocked(i, cmd); err != nil {
		return i, err
	}
	if err := d.loadPlan(ctx, i.PlanDigest); err != nil {
		return i, err
	}
	w := d.newWork()
	if err := w.do(i, actor, cmd); err != nil {
		return i, err
	}
	if err := d.commitLocked(ctx, w); err != nil {
		return i, err
	}
	if after, ok := w.folds[id]; ok {
		return after, nil
	}
	return i, nil
}

// mayLocked refuses what would leave two open incidents of one key.
func (d *Desk) mayLocked(i incident.Incident, cmd incident.Command) error {
	if _, ok := cmd.(incident.Reopen); !ok {
		return nil
	}
	other, ok := d.active[d.byKey[i.Key]]
	if !ok || other.ID == i.ID || other.Ended() {
		return nil
	}
	return &incident.Refusal{Code: "other_open", Args: map[string]any{"id": other.ID}}
}

// Get returns an incident with its timeline.
func (d *Desk) Get(ctx context.Context, id string) (incident.Incident, []incident.Event, error) {
	events, err := d.opt.Store.Events(ctx, id)
	if err != nil {
		return incident.Incident{}, nil, err
	}
	return incident.Fold(events), events, nil
}

// Find lists incidents, newest first.
func (d *Desk) Find(ctx context.Context, q Query) ([]incident.Incident, error) {
	return d.opt.Store.Find(ctx, q)
}

// Evidence returns a kept snapshot.
func (d *Desk) Evidence(ctx context.Context, id string) (Blob, error) {
	return d.opt.Store.Blob(ctx, id)
}

// AlertLog returns alerts that changed within [from, to), newest first.
func (d *Desk) AlertLog(ctx context.Context, from, to time.Time, limit int) ([]AlertRecord, error) {
	return d.opt.Store.AlertLog(ctx, from, to, limit)
}

// Verify walks the whole chain.
func (d *Desk) Verify(ctx context.Context) (VerifyReport, error) { return d.opt.Store.Verify(ctx) }

// Plan returns the plan in force.
func (d *Desk) Plan() *plan.Plan {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.opt.Plan
}

// Roster returns the roster in force.
func (d *Desk) Roster() roster.Roster {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.opt.Roster
}

// Run takes evidence and lets the clock act until ctx is done.
func (d *Desk) Run(ctx context.Context) error {
	d.queueMissing()
	var wg sync.WaitGroup
	wg.Go(func() { d.takeEvidence(ctx) })
	d.runClock(ctx)
	wg.Wait()
	return nil
}

// runClock wakes at the next moment at which some incident has to be looked
// at again. A wake-up at least every minute makes up for clock steps.
func (d *Desk) runClock(ctx context.Context) {
	for {
		err := d.tick(ctx)
		wait := d.nextLook()
		if err != nil && ctx.Err() == nil {
			d.opt.Logger.Error("let the clock act on incidents", "err", err)
			wait = max(wait, tickRetry)
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-d.timer:
			t.Stop()
		case <-t.C:
		}
	}
}

// tickRetry is the wait after a decision of the clock that could not be
// committed (disk full): trying and logging it in a loop would help nobody.
const tickRetry = 5 * time.Second

func (d *Desk) nextLook() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	wait := time.Minute
	now := d.opt.Now()
	for _, i := range d.active {
		if at, ok := i.Next(d.envLocked(i, now)); ok {
			wait = min(wait, at.Sub(now))
		}
	}
	// Never faster than this, whatever the clock does.
	return max(wait, 100*time.Millisecond)
}

func (d *Desk) tick(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.opt.Now()
	d.forgetLocked(now)
	w := d.newWork()
	for _, i := range d.active {
		if err := w.do(i, incident.Actor{Kind: "agent", Name: d.opt.Host, Via: "clock"}, incident.Tick{}); err != nil {
			return err
		}
	}
	return d.commitLocked(ctx, w)
}

// forgetLocked drops the incidents that nothing will come to any more: ended
// too long ago to be reopened by an alert, and with no alert that goes on.
func (d *Desk) forgetLocked(now time.Time) {
	var going map[string]bool // made when it is needed
	for id, i := range d.active {
		if i.Pending() || now.Sub(i.EndedAt) <= incident.ReopenWithin {
			continue
		}
		if going == nil {
			going = map[string]bool{}
			for _, a := range d.alerts {
				going[a.Incident] = true
			}
		}
		if going[id] {
			continue
		}
		delete(d.active, id)
		if d.byKey[i.Key] == id {
			delete(d.byKey, i.Key)
		}
	}
}

func (d *Desk) getLocked(ctx context.Context, id string) (incident.Incident, error) {
	if i, ok := d.active[id]; ok {
		return i, nil
	}
	events, err := d.opt.Store.Events(ctx, id)
	if err != nil {
		return incident.Incident{}, err
	}
	return incident.Fold(events), nil
}

// keepLocked holds an incident in its newest state. Its key leads to it unless
// another one has a better right: one that is open, or else the newest.
func (d *Desk) keepLocked(i incident.Incident) {
	d.active[i.ID] = i
	held, ok := d.active[d.byKey[i.Key]]
	if !ok || held.Ended() && (!i.Ended() || i.OpenedAt.After(held.OpenedAt)) {
		d.byKey[i.Key] = i.ID
	}
}

func (d *Desk) commitLocked(ctx context.Context, w *work) error {
	if w.empty() {
		return nil
	}
	if _, err := d.opt.Store.Commit(ctx, w.unit()); err != nil {
		return err
	}
	if w.lastID != "" {
		d.lastID = w.lastID
	}
	for _, i := range w.folds {
		d.keepLocked(i)
	}
	for key, a := range w.alerts {
		if a.Status == Ended {
			delete(d.alerts, key)
		} else {
			d.alerts[key] = a
		}
	}
	for _, id := range w.opened {
		d.queueEvidenceLocked(id)
	}
	d.changes.add(w)
	close(d.changed)
	d.changed = make(chan struct{})
	select {
	case d.timer <- struct{}{}:
	default:
	}
	if len(w.notices) > 0 && d.opt.Wake != nil {
		d.opt.Wake()
	}
	return nil
}

// nextIDLocked returns the id after the last: INC-<day>-<number of the day>.
func (d *Desk) nextIDLocked(ctx context.Context, last string, now time.Time) (string, error) {
	prefix := "INC-" + now.In(d.opt.Zone).Format("20060102") + "-"
	if last == "" || !strings.HasPrefix(last, prefix) {
		var err error
		if last, err = d.opt.Store.LastID(ctx, prefix); err != nil {
			return "", fmt.Errorf("read last incident id: %w", err)
		}
	}
	n := 0
	if last != "" {
		var err error
		if n, err = strconv.Atoi(strings.TrimPrefix(last, prefix)); err != nil {
			return "", fmt.Errorf("read last incident id %q: %w", last, err)
		}
	}
	return fmt.Sprintf("%s%05d", prefix, n+1), nil
}
