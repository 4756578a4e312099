package slack

import "time"

// Hurry takes the paces off: the suite says more in a second than a channel
// hears in a day.
func (s *Slack) Hurry() {
	s.posts, s.doer.opened = newPace(1000, time.Millisecond), newPace(1000, time.Millisecond)
	s.retry = nil
	for n := range 12 {
		s.retry = append(s.retry, time.Duration(10*(n+1))*time.Millisecond)
	}
	s.reconnect = [2]time.Duration{10 * time.Millisecond, 100 * time.Millisecond}
}

// MaxWork bounds the requests under way.
const MaxWork = maxWork
