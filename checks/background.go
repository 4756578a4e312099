package checks

import (
	"context"
	"errors"
	"runtime/debug"
	"time"
)

// Background is the extra ability of a check that needs something to go on
// between its runs: a listener, a tailer, a watcher. The Runner begins Serve when
// it takes the check on, and again after a pause if it returns before ctx is
// done; while it is broken, the check comes to Unknown. A check that is replaced
// or gone has its ctx ended, and its successor of the same name is not served
// before it returned, so that it finds its port free.
//
// Serve goes on at the same time as Run: what both use needs a lock. One look
// without an agent (RunOnce) does not serve; Run then says what it can.
type Background interface {
	Check
	// Serve works until ctx is done. wake asks for a Run right away, instead of
	// at the next interval; it never blocks and may be called often.
	Serve(ctx context.Context, wake func()) error
}

// Pauses before a broken Serve is begun again; doubled from the first to the
// last, and forgotten once it held for longer than the last.
const (
	serveAgainFirst = time.Second
	serveAgainLast  = time.Minute
)

// serveHolds is how long a Serve that was broken has to go on to count as mended.
const serveHolds = 2 * time.Second

// serveGrace is how long a successor waits for the one before it.
const serveGrace = 10 * time.Second

// service is the background of a job.
type service struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// serve begins the background of a job, if it has one. The lock is held.
func (r *Runner) serve(j *job) {
	b, ok := j.check.(Background)
	if !ok || j.service != nil || r.state != running {
		return
	}
	ctx, cancel := context.WithCancel(r.ctx)
	j.service = &service{cancel: cancel, done: make(chan struct{})}
	before := j.before
	j.before = nil
	go func() {
		defer close(j.service.done)
		defer cancel()
		if before != nil {
			select {
			case <-before.done:
			case <-time.After(serveGrace):
			case <-ctx.Done():
				return
			}
		}
		r.keep(ctx, j, b)
	}()
}

// keep serves until ctx is done.
func (r *Runner) keep(ctx context.Context, j *job, b Background) {
	wake := func() { r.look(j) }
	pause := serveAgainFirst
	for ctx.Err() == nil {
		begun := time.Now()
		holds := time.AfterFunc(serveHolds, func() { r.mend(j) })
		err := serveOnce(ctx, b, wake)
		holds.Stop()
		if ctx.Err() != nil {
			return
		}
		if time.Since(begun) > serveAgainLast {
			pause = serveAgainFirst
		}
		r.mu.Lock()
		j.broken = err
		r.mu.Unlock()
		r.look(j)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		pause = min(2*pause, serveAgainLast)
	}
}

// mend takes back that the background of a job is broken.
func (r *Runner) mend(j *job) {
	r.mu.Lock()
	was := j.broken
	j.broken = nil
	r.mu.Unlock()
	if was != nil {
		r.look(j)
	}
}

var errServeEnded = errors.New("ended by itself")

func serveOnce(ctx context.Context, b Background, wake func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{v, string(debug.Stack())}
		}
	}()
	if err = b.Serve(ctx, wake); err == nil {
		err = errServeEnded
	}
	return err
}

// wakeRest is the least time between two runs of a check that its background
// asked for: what is said more often is seen together.
const wakeRest = 100 * time.Millisecond

// look runs a job out of turn, not before wakeRest is over. If a run is in
// flight, which may have looked too early, another follows it.
func (r *Runner) look(j *job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if j.again || j.retired || r.state != running || r.ctx.Err() != nil {
		return
	}
	now := time.Now()
	if j.run != nil && j.run.stuck {
		return // its end is seen with the next interval
	}
	if rest := wakeRest - now.Sub(j.woken); rest > 0 || j.run != nil {
		j.again = true
		time.AfterFunc(max(rest, wakeRest/2), func() {
			r.mu.Lock()
			j.again = false
			r.mu.Unlock()
			r.look(j)
		})
		return
	}
	j.woken = now
	r.start(j, &tick{}, r.times.stamp(r.opt.Now(), now), now)
	r.signal()
}

// blame adds to a result that the background of its check is broken.
func (j *job) blame(res *Result) {
	if j.broken == nil {
		return
	}
	f := Finding{Code: codeBackground, Verdict: Unknown, Args: map[string]any{"error": SafeText(j.broken.Error(), maxLabelValue)}}
	var broke *panicked
	if errors.As(j.broken, &broke) {
		f.Evidence = SafeText(broke.stack, MaxEvidence)
	}
	res.Findings = append(res.Findings, f)
	res.Verdict = Judge(res.Findings)
	if res.Error == "" {
		res.Error = "background: " + f.Args["error"].(string)
	}
}
