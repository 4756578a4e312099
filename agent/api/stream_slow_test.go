package api_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"xunjian/agent/access"
	"xunjian/agent/api"
	"xunjian/agent/api/apitest"
	"xunjian/alerting"
)

// pipes is a listener whose connections have no room: a write waits for its
// reader, as one to a reader whose window is full does.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error   { close(p.closed); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// dial opens a stream, and returns what to read it by.
func (p pipes) dial(t *testing.T, secret string) (net.Conn, *bufio.Scanner) {
	t.Helper()
	here, there := net.Pipe()
	t.Cleanup(func() { here.Close() })
	p.conns <- there
	if _, err := fmt.Fprintf(here, "GET %s/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", api.Prefix, secret); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(here)
	await(t, lines, ": hello")
	await(t, lines, "id: ")
	return here, lines
}

// await reads up to a line.
func await(t *testing.T, lines *bufio.Scanner, prefix string) {
	t.Helper()
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), prefix) {
			return
		}
	}
	t.Errorf("the stream ended before %q", prefix)
}

// A reader that takes nothing is dropped. Nobody waits for it: not the desk,
// not other readers, not the server.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := apitest.New(t)
		p := pipes{make(chan net.Conn), make(chan struct{})}
		var open atomic.Int32
		srv := &http.Server{Handler: api.New(w.Options), ConnState: func(_ net.Conn, s http.ConnState) {
			switch s {
			case http.StateNew:
				open.Add(1)
			case http.StateClosed:
				open.Add(-1)
			}
		}}
		ended := make(chan struct{})
		go func() { defer close(ended); srv.Serve(p) }()
		secret := w.Token(access.Viewer)
		p.dial(t, secret) // and never reads again
		_, quick := p.dial(t, secret)
		change := func() {
			t.Helper()
			if _, err := w.Desk.Open(t.Context(), person, alerting.Report{Code: "F04", Title: "x"}); err != nil {
				t.Error(err)
			}
			await(t, quick, "event: change")
			await(t, quick, "data: ")
		}
		change()
		synctest.Wait()
		if n := open.Load(); n != 2 {
			t.Errorf("%d connections are open while the slow one may still read", n)
		}
		change()
		// Another heartbeat, and the slow one's time is over.
		for range 2 {
			await(t, quick, ": alive")
		}
		synctest.Wait()
		if n := open.Load(); n != 1 {
			t.Errorf("%d connections are open, want the quick one only", n)
		}
		change()
		srv.Close()
		<-ended
	})
}

// A stream on which nothing happens says that it lives.
func TestSilentStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := apitest.New(t)
		p := pipes{make(chan net.Conn), make(chan struct{})}
		srv := &http.Server{Handler: api.New(w.Options)}
		ended := make(chan struct{})
		go func() { defer close(ended); srv.Serve(p) }()
		conn, lines := p.dial(t, w.Token(access.Viewer))
		for range 20 { // longer than any deadline of a request
			if err := conn.SetReadDeadline(time.Now().Add(2 * api.Heartbeat)); err != nil {
				t.Fatal(err)
			}
			await(t, lines, ": alive")
		}
		srv.Close()
		<-ended
	})
}
