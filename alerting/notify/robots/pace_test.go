package robots_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/robots"
)

// bubble runs f with a robot at its own pace, and time that costs nothing.
func bubble(t *testing.T, f *fake, test func(t *testing.T, r *robots.Robot)) {
	synctest.Test(t, func(t *testing.T) {
		f.t = t
		pipes := pipe{make(chan net.Conn), make(chan struct{})}
		server := &http.Server{Handler: f}
		done := make(chan struct{})
		go func() { defer close(done); server.Serve(pipes) }()
		r, err := robots.New(config(t, f, "http://127.0.0.1"))
		if err != nil {
			t.Fatal(err)
		}
		r.Over(pipes.dial)
		test(t, r)
		server.Close()
		<-done
	})
}

// pipe is a listener without a network.
type pipe struct {
	calls chan net.Conn
	over  chan struct{}
}

func (p pipe) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.calls <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.calls:
		return c, nil
	case <-p.over:
		return nil, net.ErrClosed
	}
}

func (p pipe) Close() error   { close(p.over); return nil }
func (p pipe) Addr() net.Addr { return &net.TCPAddr{} }

// A storm goes out as fast as the group may hear it, and never faster.
func TestPace(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			f := &fake{kind: kind}
			bubble(t, f, func(t *testing.T, r *robots.Robot) {
				began := time.Now()
				const n = 100
				for i := range n {
					// As the worker does it.
					ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
					if err := r.Deliver(ctx, note(i)); err != nil {
						t.Errorf("notice %d after %v: %v", i, time.Since(began), err)
					}
					cancel()
				}
				if took := time.Since(began); len(f.read()) != n || took < 6*time.Minute || took > 7*time.Minute {
					t.Errorf("%d in %v", len(f.read()), took)
				}
			})
		})
	}
}

// Who was told that it was too much leaves the robot alone, and comes back.
func TestPause(t *testing.T) {
	for kind, pause := range map[string]time.Duration{robots.DingTalk: 10 * time.Minute, robots.WeCom: time.Minute, robots.Feishu: time.Minute} {
		t.Run(kind, func(t *testing.T) {
			f := &fake{kind: kind}
			bubble(t, f, func(t *testing.T, r *robots.Robot) {
				for range 100 {
					f.times = append(f.times, time.Now()) // others use the robot too
				}
				for i := range 3 {
					var after *channel.RetryAfter
					if err := r.Deliver(t.Context(), note(i)); !errors.As(err, &after) || after.After != pause {
						t.Errorf("attempt %d: %v", i, err)
					}
				}
				if f.requests() != 1 {
					t.Errorf("asked %d times", f.requests())
				}
				time.Sleep(pause)
				if err := r.Deliver(t.Context(), note(1)); err != nil || len(f.read()) != 1 {
					t.Error(err)
				}
			})
		})
	}
}
