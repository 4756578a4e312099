package checks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"
)

// ErrUnknownCheck is returned when there is no check of a name.
var ErrUnknownCheck = errors.New("no such check")

// ErrStopped is returned when a Runner does not run, or not any more.
var ErrStopped = errors.New("checks are not running")

// RunnerOptions are what a Runner is made of.
type RunnerOptions struct {
	// Sink takes the results. It is called by one goroutine, one batch after
	// another; what finishes meanwhile waits. The results of one tick normally
	// come as one batch, sorted by name, and share one Time; what is late comes
	// in a batch of its own. For one check the Time always grows.
	Sink func(batch []Result)
	// Now tells the wall clock; nil means time.Now. The rhythm itself hangs on
	// the monotonic clock.
	Now func() time.Time
}

// Runner keeps every check on its own schedule, each run in a goroutine of its
// own. Nothing that a check does delays another: one that hangs costs one
// goroutine, once, and an Unknown result each interval for as long as it hangs.
//
// Checks of equal interval are due at the same instants, the multiples of the
// interval on the wall clock; a new check is first run at once.
type Runner struct {
	opt  RunnerOptions
	wake chan struct{} // something changed that the loop waits for
	mail mailbox

	mu     sync.Mutex
	state  runnerState
	ctx    context.Context // of the runs
	jobs   map[string]*job
	runs   map[*run]bool               // those that have not returned
	due    map[time.Duration]time.Time // next tick of each interval, monotonic
	times  timeline
	tick   *tick // the newest one
	gather gather
}

type runnerState uint8

const (
	waiting runnerState = iota
	running
	stopped
)

// job is a check that the Runner keeps.
type job struct {
	name  string
	check Check
	sched Schedule
	began bool // has been started at least once
	// run is the one in flight or stuck, nil when there is none.
	run *run
	// retired says that the job is no longer the Runner's: what its run still
	// yields is of no interest.
	retired bool

	// service is the background of the check, before that of its predecessor,
	// broken why it does not go on; again says that a run out of turn is to come.
	service *service
	before  *service
	broken  error
	again   bool
	woken   time.Time // when it was last run out of turn, monotonic

	size         int // samples of the last run
	lastSuccess  time.Time
	droppedTotal int
	waiters      []chan<- answer
}

// answer is what RunNow waits for.
type answer struct {
	result Result
	err    error
}

// run is one start of a check.
type run struct {
	job    *job
	tick   *tick
	sched  Schedule
	due    time.Time // Time of its result
	began  time.Time // monotonic
	stuck  bool      // past its timeout; its Output is never read
	cancel context.CancelFunc
}

// tick is what was started at one instant.
type tick struct{ open int }

// NewRunner returns a Runner without checks; Replace gives it some.
func NewRunner(opt RunnerOptions) *Runner {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Runner{
		opt:  opt,
		wake: make(chan struct{}, 1),
		mail: mailbox{ready: make(chan struct{}, 1)},
		jobs: map[string]*job{},
		runs: map[*run]bool{},
		due:  map[time.Duration]time.Time{},
		tick: &tick{},
	}
}

// Run runs the checks until ctx is done. Then it cancels the runs in flight,
// whose results are not delivered, gives them a second to return, and waits for
// the Sink to take what was seen before. A Runner runs only once.
func (r *Runner) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.mu.Lock()
	if r.state != waiting {
		r.mu.Unlock()
		return errors.New("run checks: a Runner runs only once")
	}
	r.state, r.ctx = running, ctx
	for _, j := range r.jobs {
		r.serve(j)
	}
	r.mu.Unlock()

	var carrier sync.WaitGroup
	carrier.Go(func() { r.mail.carry(r.opt.Sink) })
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-r.wake:
		case <-timer.C:
		}
		timer.Reset(r.step(time.Now()))
	}
	r.stop()
	carrier.Wait()
	return nil
}

// Replace makes list the checks that are run; overrides change the rhythm of
// those they name. It may be called before Run and at any time later.
//
// A check stays as it is, with its state, if the new one of its name is the
// same value or says the same Identity. Any other new check is first run at
// once, even if the old one of its name is still stuck. A check that is gone
// gets a last Result, marked Retired. An error names every mistake and changes
// nothing.
func (r *Runner) Replace(list []Check, overrides map[string]Schedule) error {
	next, err := plan(list, overrides)
	if err != nil {
		return fmt.Errorf("replace the checks: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var gone []Result
	for _, name := range slices.Sorted(maps.Keys(r.jobs)) {
		old := r.jobs[name]
		fresh, stays := next[name]
		if stays && same(old.check, fresh.check) {
			old.sched = fresh.sched
			next[name] = old
			continue
		}
		r.retire(old)
		if stays {
			fresh.before = old.service
		} else {
			gone = append(gone, Result{Check: name, Verdict: NotApplicable, Retired: true})
		}
	}
	r.jobs = next
	for _, j := range r.jobs {
		r.serve(j)
	}
	if len(gone) > 0 && r.state == running {
		due := r.times.stamp(r.opt.Now(), time.Now())
		for i := range gone {
			gone[i].Time = due
		}
		r.flush()
		r.mail.put(gone)
	}
	r.signal()
	return nil
}

// plan makes jobs of checks, or says all that is wrong with them.
func plan(list []Check, overrides map[string]Schedule) (map[string]*job, error) {
	var errs []error
	jobs := make(map[string]*job, len(list))
	for _, c := range list {
		name := c.Name()
		if err := ValidateName(name); err != nil {
			errs = append(errs, err)
		}
		if jobs[name] != nil {
			errs = append(errs, fmt.Errorf("check %s stands twice", name))
		}
		jobs[name] = &job{name: name, check: c, sched: scheduleOf(c, overrides[name])}
	}
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		if jobs[name] == nil {
			errs = append(errs, fmt.Errorf("%s: %w; there are %v", name, ErrUnknownCheck, slices.Sorted(maps.Keys(jobs))))
		}
		if err := overrides[name].Validate(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return jobs, errors.Join(errs...)
}

// same reports whether a reload may keep a where it has b.
func same(a, b Check) bool {
	x, ok := a.(Identified)
	y, ok2 := b.(Identified)
	if ok && ok2 {
		return reflect.TypeOf(a) == reflect.TypeOf(b) && x.Identity() == y.Identity()
	}
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

// retire gives up a job. The result of its run, if it is in flight, is lost.
func (r *Runner) retire(j *job) {
	j.retired = true
	j.tell(answer{err: fmt.Errorf("%s: %w", j.name, ErrUnknownCheck)})
	if j.run != nil {
		j.run.cancel()
	}
	if j.service != nil {
		j.service.cancel()
	}
}

// Lookup returns the check of a name, nil if there is none.
func (r *Runner) Lookup(name string) Check {
	r.mu.Lock()
	defer r.mu.Unlock()
	if j := r.jobs[name]; j != nil {
		return j.check
	}
	return nil
}

// Schedule returns the rhythm of a check.
func (r *Runner) Schedule(name string) (Schedule, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := r.jobs[name]
	if j == nil {
		return Schedule{}, false
	}
	return j.sched, true
}

// RunNow runs a check out of turn and returns its result, which goes to the
// Sink as well. A run in flight is waited for instead; a stuck one is not. The
// error is ErrUnknownCheck, ErrStopped or that of ctx.
func (r *Runner) RunNow(ctx context.Context, name string) (Result, error) {
	reply := make(chan answer, 1)
	if err := r.ask(name, reply); err != nil {
		return Result{}, err
	}
	select {
	case a := <-reply:
		return a.result, a.err
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
}

func (r *Runner) ask(name string, reply chan<- answer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := r.jobs[name]
	switch {
	case j == nil:
		return fmt.Errorf("%s: %w", name, ErrUnknownCheck)
	case r.state != running:
		return ErrStopped
	}
	now := time.Now()
	if j.run != nil && j.run.stuck {
		reply <- answer{result: j.hung(r.opt.Now().UTC().Truncate(time.Millisecond), now)}
		return nil
	}
	j.waiters = append(j.waiters, reply)
	if j.run == nil {
		r.start(j, &tick{}, r.times.stamp(r.opt.Now(), now), now)
		r.signal()
	}
	return nil
}

// RunnerStats counts what a Runner does.
type RunnerStats struct {
	Checks int `json:"checks"`
	// Running are runs in flight, Stuck abandoned ones that have not returned;
	// each of those holds a goroutine.
	Running int `json:"running"`
	Stuck   int `json:"stuck"`
	// Lost counts results dropped because the Sink did not keep up.
	Lost uint64 `json:"lost"`
}

// Stats returns the present counts.
func (r *Runner) Stats() RunnerStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := RunnerStats{Checks: len(r.jobs), Lost: r.mail.lostSoFar()}
	for run := range r.runs {
		if run.stuck {
			s.Stuck++
		} else {
			s.Running++
		}
	}
	return s
}

// signal wakes the loop.
func (r *Runner) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// stopGrace is how long runs may take to return when the Runner stops.
const stopGrace = time.Second

// stop waits for the runs to return and hands over what was gathered. The
// context of the runs has ended.
func (r *Runner) stop() {
	r.mu.Lock()
	r.state = stopped
	r.flush()
	for _, j := range r.jobs {
		j.tell(answer{err: ErrStopped})
	}
	r.mu.Unlock()
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	for late := false; !late && r.Stats().Running > 0; {
		select {
		case <-r.wake:
		case <-grace.C:
			late = true
		}
	}
	r.unserve(grace.C)
	r.mail.close()
}

// unserve waits for the backgrounds, whose contexts have ended.
func (r *Runner) unserve(late <-chan time.Time) {
	r.mu.Lock()
	var open []<-chan struct{}
	for _, j := range r.jobs {
		if j.service != nil {
			open = append(open, j.service.done)
		}
	}
	r.mu.Unlock()
	for _, done := range open {
		select {
		case <-done:
		case <-late:
			return
		}
	}
}
