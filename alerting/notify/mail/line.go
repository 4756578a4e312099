package mail

import (
	"context"
	"net"
	"sync"
	"time"
)

// line is a connection on which every step has to be answered in time: a
// server that takes the call and then says nothing must not hold a notice.
// It is closed when ctx is done.
type line struct {
	net.Conn
	ctx context.Context

	mu     sync.Mutex
	within time.Duration
	stop   func() bool
}

// take puts a connection on the line.
func (l *line) take(c net.Conn) {
	l.Conn = c
	l.stop = context.AfterFunc(l.ctx, func() { c.Close() })
}

// hurry sets how long a step may take from now on.
func (l *line) hurry(within time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.within = within
}

// arm sets the deadline of the step that begins.
func (l *line) arm() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Conn.SetDeadline(time.Now().Add(l.within))
}

func (l *line) Read(b []byte) (int, error) {
	if err := l.arm(); err != nil {
		return 0, err
	}
	return l.Conn.Read(b)
}

func (l *line) Write(b []byte) (int, error) {
	if err := l.arm(); err != nil {
		return 0, err
	}
	return l.Conn.Write(b)
}

// The deadlines are the line's alone.

func (l *line) SetDeadline(time.Time) error      { return nil }
func (l *line) SetReadDeadline(time.Time) error  { return nil }
func (l *line) SetWriteDeadline(time.Time) error { return nil }

func (l *line) Close() error {
	if l.Conn == nil {
		return nil
	}
	l.stop()
	return l.Conn.Close()
}
