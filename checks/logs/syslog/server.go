package syslog

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"xunjian/checks/logs/archive"
)

// Archive is where lines are kept; *archive.Archive is one.
type Archive interface {
	Append(lines []archive.Record) int
	Search(ctx context.Context, q archive.Query) (archive.Page, error)
}

// Parts are what the receiver works with.
type Parts struct {
	Archive Archive
	// Zone is that of the work hours, and of times that name none.
	Zone *time.Location
	// Workday reports whether a day is worked on; nil: Monday to Friday.
	Workday func(time.Time) bool
}

// listening is what one round of Serve holds; a new one comes after a fault.
type listening struct {
	udp      *net.UDPConn
	tcp, tls net.Listener
	kernel   *kernelDrops
}

// open opens every listener, or none.
func open(ctx context.Context, cfg Config) (*listening, error) {
	l := &listening{}
	var errs []error
	keep := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	var err error
	if cfg.UDP != "" {
		if l.udp, err = listenUDP(ctx, cfg.UDP); err == nil {
			l.kernel = newKernelDrops(l.udp)
		}
		keep(err)
	}
	if cfg.TCP != "" {
		l.tcp, err = listenTCP(ctx, "tcp", cfg.TCP)
		keep(err)
	}
	if cfg.TLS != "" {
		l.tls, err = listenTCP(ctx, "tls", cfg.TLS)
		keep(err)
	}
	if len(errs) > 0 {
		l.close()
		return nil, errors.Join(errs...)
	}
	return l, nil
}

func (l *listening) close() {
	if l.udp != nil {
		l.udp.Close()
	}
	for _, x := range []net.Listener{l.tcp, l.tls} {
		if x != nil {
			x.Close()
		}
	}
}

// Serve listens until ctx is done. What was taken in by then is kept before it
// returns.
func (c *Check) Serve(ctx context.Context, wake func()) error {
	if !c.cfg.On() {
		<-ctx.Done()
		return nil
	}
	l, err := open(ctx, c.cfg)
	if err != nil {
		return err
	}
	c.begin(l)
	defer c.end(l)
	wake() // now there is something to tell

	reading, done := context.WithCancel(context.Background())
	var readers sync.WaitGroup
	work := &worker{
		queue: c.queue, table: c.table, set: c.set, archive: c.parts.Archive, notable: c.notable, working: c.working,
		severe: atMost(time.Second, wake),
	}
	readers.Go(func() { work.run(reading) })

	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { <-ctx.Done(); l.close(); return nil })
	g.Go(guarded(func() error { recall(ctx, c.parts.Archive, c.table); return nil }))
	if l.udp != nil {
		d := &datagramReader{conn: l.udp, table: c.table, queue: c.queue, kernel: l.kernel}
		g.Go(guarded(d.serve))
	}
	slots := make(chan struct{}, c.cfg.MaxConnections)
	if l.tcp != nil {
		s := &streams{listener: l.tcp, table: c.table, queue: c.queue, slots: slots, failed: c.handshakeFailed}
		g.Go(guarded(func() error { return s.serve(ctx) }))
	}
	if l.tls != nil {
		s := &streams{listener: l.tls, secure: &c.cfg.Certificate, table: c.table, queue: c.queue, slots: slots, failed: c.handshakeFailed}
		g.Go(guarded(func() error { return s.serve(ctx) }))
	}
	err = g.Wait()
	done()
	readers.Wait()
	if err != nil {
		return fmt.Errorf("take in syslog: %w", err)
	}
	return nil
}

// guarded makes a panic an error: it would take the whole agent along.
func guarded(f func() error) func() error {
	return func() (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
			}
		}()
		return f()
	}
}

// atMost calls f at once, and again at the earliest after a while; what comes
// meanwhile is made up for then.
func atMost(every time.Duration, f func()) func() {
	var mu sync.Mutex
	var last time.Time
	var pending bool
	return func() {
		mu.Lock()
		defer mu.Unlock()
		wait := every - time.Since(last)
		switch {
		case wait <= 0:
			last = time.Now()
			f()
		case !pending:
			pending = true
			time.AfterFunc(wait, func() {
				mu.Lock()
				defer mu.Unlock()
				pending, last = false, time.Now()
				f()
			})
		}
	}
}

// recall asks the archive how long each expected device had been silent when
// this agent last listened, so that silence is told across a restart, and the
// time in which nobody listened does not count.
func recall(ctx context.Context, a Archive, t *table) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	newest := func(source string) time.Time {
		p, err := a.Search(ctx, archive.Query{Source: source, Kind: Kind, Limit: 1})
		if err != nil || len(p.Records) == 0 {
			return time.Time{}
		}
		return p.Records[0].Received
	}
	end := newest("")
	for _, s := range t.sources() {
		if !s.named || end.IsZero() || ctx.Err() != nil {
			continue
		}
		if last := newest(s.name); !last.IsZero() {
			t.mu.Lock()
			if s.last.IsZero() {
				s.last, s.before = last, max(end.Sub(last), 0)
			}
			t.mu.Unlock()
		}
	}
}
