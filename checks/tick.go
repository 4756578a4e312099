package checks

import (
	"context"
	"time"
)

// together is how far apart the ticks of two intervals may be and still be
// one: their multiples are the same instant, but were computed at two.
const together = 5 * time.Millisecond

// idle is how long the loop sleeps when there is nothing to wait for.
const idle = time.Hour

// step does all that is due at now, and returns how long nothing will be.
func (r *Runner) step(now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state != running || r.ctx.Err() != nil {
		return idle
	}
	r.abandon(now)
	r.begin(now)
	if r.gather.ready(now, r.tick.open) {
		r.flush()
	}
	return max(r.next(now).Sub(now), 0)
}

// abandon gives up the runs that are past their timeout.
func (r *Runner) abandon(now time.Time) {
	for run := range r.runs {
		if run.stuck || now.Before(run.deadline()) {
			continue
		}
		run.stuck = true
		run.cancel()
		run.tick.open--
		if j := run.job; !j.retired {
			r.deliver(j, j.hung(run.due, now), now)
		}
	}
}

// begin starts a tick if one is due: all checks of the intervals that are up,
// and those that are new.
func (r *Runner) begin(now time.Time) {
	wall := r.opt.Now()
	up, shortest := r.intervalsUp(wall, now)
	var list []*job
	for _, j := range r.jobs {
		if up[j.sched.Interval] || !j.began {
			list = append(list, j)
		}
	}
	if len(list) == 0 {
		return
	}
	if shortest > 0 {
		wall = beat(wall, shortest)
	}
	stamp := r.times.stamp(wall, now)
	r.tick = &tick{}
	for _, j := range list {
		switch {
		case j.run == nil:
			r.start(j, r.tick, stamp, now)
		case j.run.stuck:
			r.deliver(j, j.hung(stamp, now), now)
		}
	}
}

// intervalsUp returns the intervals whose tick is due and the shortest of them,
// and sets their next tick. An interval that nobody has any more is dropped.
func (r *Runner) intervalsUp(wall, now time.Time) (up map[time.Duration]bool, shortest time.Duration) {
	used := map[time.Duration]bool{}
	for _, j := range r.jobs {
		used[j.sched.Interval] = true
	}
	up = map[time.Duration]bool{}
	for interval := range used {
		at, known := r.due[interval]
		if known && now.Add(together).Before(at) {
			continue
		}
		r.due[interval] = now.Add(untilBeat(wall, interval))
		if known {
			up[interval] = true
			if shortest == 0 || interval < shortest {
				shortest = interval
			}
		}
	}
	for interval := range r.due {
		if !used[interval] {
			delete(r.due, interval)
		}
	}
	return up, shortest
}

// start runs a job in a goroutine of its own.
func (r *Runner) start(j *job, t *tick, stamp, now time.Time) {
	ctx, cancel := context.WithTimeout(r.ctx, j.sched.patience())
	run := &run{job: j, tick: t, sched: j.sched, due: stamp, began: now, cancel: cancel}
	j.run, j.began = run, true
	r.runs[run] = true
	t.open++
	out := NewOutput(j.sched.SeriesLimit)
	out.grow(j.size)
	go look(ctx, j.check, out, func(err error) { r.finish(run, out, err) })
}

// finish takes a run that returned; it is called by the run's own goroutine,
// so that the Output of a stuck one is read by nobody else.
func (r *Runner) finish(run *run, out *Output, err error) {
	run.cancel()
	now := time.Now()
	res := Result{
		Check: run.job.name, Time: run.due, Every: run.sched.Interval, Duration: now.Sub(run.began),
	}
	res.conclude(out, err, run.sched)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.runs, run)
	run.job.run = nil
	if !run.stuck {
		run.tick.open--
		if !run.job.retired && r.state == running && r.ctx.Err() == nil {
			run.job.size = len(out.samples)
			r.deliver(run.job, res, now)
		}
	}
	r.signal()
}

// deliver completes a result with what the job remembers, and gathers it.
func (r *Runner) deliver(j *job, res Result, now time.Time) {
	j.blame(&res)
	j.droppedTotal += res.Dropped
	if res.Success() {
		j.lastSuccess = res.Time
	}
	res.DroppedTotal, res.LastSuccess = j.droppedTotal, j.lastSuccess
	j.tell(answer{result: res})
	r.gather.add(res, now)
}

// tell answers those who wait for the job's next result.
func (j *job) tell(a answer) {
	for _, w := range j.waiters {
		w <- a
	}
	j.waiters = nil
}

// hung is the result of a job whose run is stuck.
func (j *job) hung(due, now time.Time) Result {
	res := Result{Check: j.name, Time: due, Every: j.sched.Interval}
	res.hang(now.Sub(j.run.began), j.run.sched.Timeout)
	res.DroppedTotal, res.LastSuccess = j.droppedTotal, j.lastSuccess
	return res
}

func (r *run) deadline() time.Time { return r.began.Add(r.sched.Timeout) }

// next returns when there is something to do again.
func (r *Runner) next(now time.Time) time.Time {
	next := now.Add(idle)
	sooner := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	for _, at := range r.due {
		sooner(at)
	}
	for run := range r.runs {
		if !run.stuck {
			sooner(run.deadline())
		}
	}
	if at, some := r.gather.due(); some {
		sooner(at)
	}
	return next
}

// flush hands what was gathered to the Sink.
func (r *Runner) flush() {
	if batch := r.gather.take(); len(batch) > 0 {
		r.mail.put(batch)
	}
}
