package dingstream

import "xunjian/alerting/notify/stream"

// SetRhythm makes tests short.
func (s *Stream) SetRhythm(r stream.Rhythm) { s.rhythm = r }
