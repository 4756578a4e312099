package external

import (
	"bytes"
	"strings"
)

// maxOutput is how much of each of a plugin's two outputs is kept, in bytes.
const maxOutput = 64 << 10

// ended is a plugin that has ended.
type ended struct {
	code           int
	signal         string // that ended it, if one did
	killed         bool   // by us, at the deadline
	stdout, stderr capped
}

func (e *ended) dropped() int { return e.stdout.dropped + e.stderr.dropped }

// evidence is the output, errors after it.
func (e *ended) evidence() string {
	return strings.TrimSpace(e.stdout.String() + "\n" + e.stderr.String())
}

// capped keeps the begin of what is written to it and counts the rest: a
// plugin must not block because nobody reads. The buffer is not embedded, or
// its ReadFrom would take all.
type capped struct {
	buf     bytes.Buffer
	dropped int
}

func (c *capped) Write(b []byte) (int, error) {
	keep := min(len(b), maxOutput-c.buf.Len())
	c.dropped += len(b) - keep
	c.buf.Write(b[:keep])
	return len(b), nil
}

func (c *capped) String() string { return c.buf.String() }

// untrusted is something on the way to a program that others could change, as
// code and arguments of a finding.
type untrusted struct {
	path, code string
	args       map[string]any
}

func (u *untrusted) Error() string { return u.path + " is not to be trusted" }
