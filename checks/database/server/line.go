package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrHung is what Line.Do returns when the server did not answer in time, or
// has not answered yet what it was asked before.
var ErrHung = errors.New("no answer")

// Line is the way to one server: one connection of type C, kept between looks,
// and one question at a time. A server that takes the connection and says
// nothing costs that connection and one goroutine, until it answers or the
// patience ends; meanwhile every look fails at its own deadline with ErrHung,
// and opens nothing.
//
// It is safe for concurrent use.
type Line[C any] struct {
	// Open makes the connection. Its context ends with the patience, not with
	// the look that needed it.
	Open func(ctx context.Context) (C, error)
	// Bound makes everything on the connection fail after a moment; the zero
	// time takes that back.
	Bound func(c C, until time.Time)
	// Close closes it. It must not wait for the server.
	Close func(c C)
	// Broken reports whether the connection cannot be used after err.
	Broken func(c C, err error) bool
	// Patience is how long a server may be silent before its connection is
	// given up; 0 means DefaultPatience.
	Patience time.Duration

	once  sync.Once
	turn  chan struct{} // holds one token while nobody asks
	asked time.Time     // when the pending question was asked; under mu
	mu    sync.Mutex
	conn  C
	open  bool
	shut  bool
}

// DefaultPatience is for how long a silent server's connection is kept. TCP
// alone would take a quarter of an hour to give up a host that vanished.
const DefaultPatience = 5 * time.Minute

func (l *Line[C]) init() {
	l.once.Do(func() {
		l.turn = make(chan struct{}, 1)
		l.turn <- struct{}{}
	})
}

// Do asks the server by f when its turn has come. f runs in a goroutine of its
// own and may outlive Do, so it must write to nothing that the caller reads
// unless Do returned nil. It should look at ctx between two questions, which is
// the caller's; what it does on the connection is bounded by the patience. An
// error is that of Open or f, ErrHung if ctx's deadline came first, or the
// cancellation of ctx.
func (l *Line[C]) Do(ctx context.Context, f func(ctx context.Context, c C) error) error {
	l.init()
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-l.turn:
	case <-ctx.Done():
		return l.late(ctx)
	}
	l.mu.Lock()
	l.asked = time.Now()
	l.mu.Unlock()
	ended := make(chan error, 1)
	go func() {
		err := l.ask(ctx, f)
		l.turn <- struct{}{}
		l.dropIfShut() // it may have been shut since ask looked
		ended <- err
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return l.late(ctx)
	}
}

// late says why a look ends without an answer.
func (l *Line[C]) late(ctx context.Context) error {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ctx.Err()
	}
	return ErrHung
}

// Silent is how long ago the question was asked that has no answer yet; 0 if
// none is pending.
func (l *Line[C]) Silent() time.Duration {
	l.init()
	if len(l.turn) > 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.asked)
}

// ask has the turn.
func (l *Line[C]) ask(ctx context.Context, f func(context.Context, C) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("broke: %v", v)
			l.drop()
		}
	}()
	patience := l.Patience
	if patience == 0 {
		patience = DefaultPatience
	}
	if l.isShut() {
		return errShut
	}
	if !l.open {
		opening, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		if l.conn, err = l.Open(opening); err != nil {
			return err
		}
		l.open = true
	}
	l.Bound(l.conn, time.Now().Add(patience))
	if err := ctx.Err(); err != nil { // it came too late for whoever asked
		return err
	}
	err = f(ctx, l.conn)
	if l.Broken(l.conn, err) || l.isShut() {
		l.drop()
		return err
	}
	l.Bound(l.conn, time.Time{})
	return err
}

var errShut = errors.New("is being taken down")

func (l *Line[C]) isShut() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shut
}

// drop closes the connection; the caller has the turn.
func (l *Line[C]) drop() {
	if l.open {
		l.Close(l.conn)
	}
	var none C
	l.conn, l.open = none, false
}

// Hold keeps the line until ctx is done and closes it then, at once or when the
// pending question ends. It is what a check's Serve does.
func (l *Line[C]) Hold(ctx context.Context) error {
	l.init()
	l.mu.Lock()
	l.shut = false
	l.mu.Unlock()
	<-ctx.Done()
	l.mu.Lock()
	l.shut = true
	l.mu.Unlock()
	l.dropIfShut()
	return ctx.Err()
}

// dropIfShut closes the connection of a line that is shut, unless somebody has
// the turn, who does so when giving it back.
func (l *Line[C]) dropIfShut() {
	if !l.isShut() {
		return
	}
	select {
	case <-l.turn:
		l.drop()
		l.turn <- struct{}{}
	default:
	}
}
