package feishustream

import (
	"time"

	"xunjian/alerting/notify/stream"
)

// Quicken makes tests short.
func (s *Stream) Quicken(r stream.Rhythm, pause time.Duration, now func() time.Time) {
	s.rhythm, s.fixed, s.pause, s.now = r, true, pause, now
}

// The frames of the platform, for the fake one.
type (
	Frame  = frame
	Header = header
)

// ParseFrame and Bytes are those of the package.
func ParseFrame(b []byte) (Frame, error) { return parseFrame(b) }

// Bytes are the frame's.
func (f frame) Bytes() []byte { return f.append(nil) }

// Get is a header's value.
func (f frame) Get(key string) string { return f.header(key) }
