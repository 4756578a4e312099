package checks

import "time"

// timeline gives the times that results carry. It follows the wall clock,
// except that it never runs backwards: when the wall clock was set back, it goes
// on from where it was, a sixteenth slower than time really passes, until the
// wall clock has caught up. So each series stays in order and its rates stay
// true to 7 %, whatever happens to the clock.
type timeline struct {
	last time.Time // what was given last
	at   time.Time // when, by the monotonic clock
}

// stamp returns the time of something that happens now: wall says the wall
// clock, mono carries the monotonic one. The result is in whole milliseconds
// and later than all before.
func (t *timeline) stamp(wall, mono time.Time) time.Time {
	stamp := wall.UTC().Truncate(time.Millisecond)
	if !t.last.IsZero() {
		passed := mono.Sub(t.at)
		least := t.last.Add(max(passed-passed/16, time.Millisecond)).Truncate(time.Millisecond)
		if stamp.Before(least) {
			stamp = least
		}
	}
	t.last, t.at = stamp, mono
	return stamp
}

// onTheBeat is how far from a multiple of the interval a tick may start and
// still carry the multiple as its time. Even times cost the TSDB a bit for each
// sample instead of two bytes.
const onTheBeat = 10 * time.Millisecond

// beat returns the multiple of interval that wall is close to, else wall.
func beat(wall time.Time, interval time.Duration) time.Time {
	off := sinceBeat(wall, interval)
	switch {
	case off <= onTheBeat:
		return wall.Add(-off)
	case interval-off <= onTheBeat:
		return wall.Add(interval - off)
	}
	return wall
}

// untilBeat returns how long to wait for the next multiple of interval, but at
// least half an interval and at most one and a half: that is as far as a step
// of the clock can move a tick.
func untilBeat(wall time.Time, interval time.Duration) time.Duration {
	wait := interval - sinceBeat(wall, interval)
	if wait < interval/2 {
		wait += interval
	}
	return wait
}

func sinceBeat(wall time.Time, interval time.Duration) time.Duration {
	off := time.Duration(wall.UnixNano()) % interval
	if off < 0 { // a clock that stands before 1970
		off += interval
	}
	return off
}
