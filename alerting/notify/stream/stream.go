// Package stream keeps a WebSocket to a platform open, over which the platform
// says what people write to the app. The connection goes out from here, so no
// port need be open.
package stream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"xunjian/alerting/notify/post"
)

// The bounds of a connection and of what comes over it.
const (
	connectWithin = 15 * time.Second
	writeWithin   = 10 * time.Second
	// workWithin is the time for one message, its answer included.
	workWithin = 45 * time.Second
	// atOnce is how many messages are dealt with at the same time.
	atOnce = 16
	// maxFrame bounds a frame, in bytes. It is far over that of a message, since a
	// longer frame costs the connection.
	maxFrame = 1 << 20
	// steady is how long a connection has to last to count as one that works.
	steady = 10 * time.Second
	// repeatAfter is when the same trouble is logged again.
	repeatAfter = time.Hour
)

// ErrOver is what Frame returns when the platform asked for a new connection.
var ErrOver = errors.New("the platform asks for a new connection")

// Platform is what differs between those that speak over a WebSocket.
type Platform interface {
	// Open asks the platform where to connect to. The address holds a ticket; it
	// must not stand in the error.
	Open(ctx context.Context) (address string, err error)
	// Frame deals with a frame (websocket.TextMessage or BinaryMessage) and
	// returns at once; what takes time goes to c.Go. An error ends the connection.
	Frame(c *Conn, kind int, data []byte) error
	// Beat sends what keeps the connection alive.
	Beat(c *Conn) error
	// Rhythm is asked for each time.
	Rhythm() Rhythm
}

// Rhythm says when what happens, each longer than 0.
type Rhythm struct {
	// First and Most bound the wait before a new connection, which doubles with
	// each failure; a random half of it is left out.
	First, Most time.Duration
	// Beat lies between two heartbeats; after Silence the connection counts as
	// dead.
	Beat, Silence time.Duration
}

// Keeper keeps one connection.
type Keeper struct {
	Name     string // of the connection, for the log
	Platform Platform
	// Roots are the certificates that the platform's is checked against; nil:
	// those of this machine.
	Roots *x509.CertPool
	// Explain reads from a refusal what the platform says; nil: nothing.
	Explain func(http.Header) string
	Logger  *slog.Logger

	work  sync.WaitGroup
	slots chan struct{}
}

// Run keeps the connection until ctx ends; then it waits for the messages that
// are being dealt with and returns nil. It is called once.
func (k *Keeper) Run(ctx context.Context) error {
	k.slots = make(chan struct{}, atOnce)
	defer k.work.Wait()
	var trouble string // last logged
	var logged time.Time
	for failures := 0; ; {
		begun := time.Now()
		err := k.once(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(begun) >= steady {
			failures, trouble = 0, ""
		}
		wait := k.wait(failures)
		failures++
		switch {
		case errors.Is(err, ErrOver):
			k.Logger.Debug("connection renewed at the platform's wish", "name", k.Name, "in", wait)
		case err.Error() != trouble || time.Since(logged) > repeatAfter:
			trouble, logged = err.Error(), time.Now()
			k.Logger.Warn("not connected; people cannot answer there until it is", "name", k.Name, "error", err, "again_in", wait.Round(time.Second))
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// wait is how long to wait after so many failures in a row.
func (k *Keeper) wait(failures int) time.Duration {
	r := k.Platform.Rhythm()
	d := r.First
	for range failures {
		if d *= 2; d >= r.Most {
			break
		}
	}
	d = min(d, r.Most)
	return d/2 + rand.N(d/2+1)
}

// once is one connection, from its beginning to its end.
func (k *Keeper) once(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			k.Logger.Error("panic in a connection", "name", k.Name, "panic", p, "stack", string(debug.Stack()))
			err = errors.New("a panic; see the log")
		}
	}()
	opening, cancel := context.WithTimeout(ctx, 2*connectWithin)
	defer cancel()
	address, err := k.Platform.Open(opening)
	if err != nil {
		return err
	}
	ws, err := k.dial(opening, address)
	if err != nil {
		return err
	}
	c := &Conn{ws: ws, keeper: k, ctx: ctx}
	stop := context.AfterFunc(ctx, func() {
		_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
		ws.Close()
	})
	defer ws.Close()
	defer stop()
	done := make(chan struct{})
	defer k.beat(c, done)()
	defer close(done)
	k.Logger.Info("connected; people can answer there", "name", k.Name)
	return k.read(c)
}

// dial opens the WebSocket.
func (k *Keeper) dial(ctx context.Context, address string) (*websocket.Conn, error) {
	http1, isWS := strings.CutPrefix(address, "ws")
	if !isWS {
		return nil, errors.New("the platform names an address that is none of a WebSocket")
	}
	if err := post.Address("http" + http1); err != nil {
		return nil, fmt.Errorf("the address that the platform names %w", err)
	}
	d := websocket.Dialer{
		Proxy: http.ProxyFromEnvironment, NetDialContext: (&net.Dialer{Timeout: connectWithin}).DialContext,
		TLSClientConfig: &tls.Config{RootCAs: k.Roots, MinVersion: tls.VersionTLS12}, HandshakeTimeout: connectWithin,
	}
	ws, res, err := d.DialContext(ctx, address, http.Header{"User-Agent": {"xunjian"}})
	if err != nil {
		if res != nil {
			said := ""
			if k.Explain != nil {
				said = k.Explain(res.Header)
			}
			return nil, fmt.Errorf("the platform refuses the connection: HTTP status %d %s", res.StatusCode, said)
		}
		return nil, fmt.Errorf("connect: %w", err)
	}
	return ws, nil
}

// beat sends heartbeats until done; what it returns waits for its end.
func (k *Keeper) beat(c *Conn, done <-chan struct{}) (wait func()) {
	var beating sync.WaitGroup
	beating.Go(func() {
		for {
			select {
			case <-time.After(k.Platform.Rhythm().Beat):
			case <-done:
				return
			}
			if err := k.Platform.Beat(c); err != nil {
				c.ws.Close()
				return
			}
		}
	})
	return beating.Wait
}

// read deals with frames until the connection ends.
func (k *Keeper) read(c *Conn) error {
	alive := func() { _ = c.ws.SetReadDeadline(time.Now().Add(k.Platform.Rhythm().Silence)) }
	c.ws.SetReadLimit(maxFrame)
	c.ws.SetPongHandler(func(string) error { alive(); return nil })
	answer := c.ws.PingHandler()
	c.ws.SetPingHandler(func(data string) error { alive(); return answer(data) })
	for {
		alive()
		kind, data, err := c.ws.ReadMessage()
		if err != nil {
			return fmt.Errorf("the connection ended: %w", err)
		}
		if err := k.frame(c, kind, data); err != nil {
			return err
		}
	}
}

// frame deals with one; a panic costs no more than it.
func (k *Keeper) frame(c *Conn, kind int, data []byte) error {
	defer k.caught("panic in a frame")
	return k.Platform.Frame(c, kind, data)
}

func (k *Keeper) caught(what string) {
	if p := recover(); p != nil {
		k.Logger.Error(what, "name", k.Name, "panic", p, "stack", string(debug.Stack()))
	}
}

// Conn is the connection of the moment. It may be used by several at once.
type Conn struct {
	ws     *websocket.Conn
	keeper *Keeper
	ctx    context.Context // that of Run: work outlives the connection it came by

	mu sync.Mutex // one writes at a time
}

// Send sends a frame.
func (c *Conn) Send(kind int, data []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.ws.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	return c.ws.WriteMessage(kind, data)
}

// Ping sends a ping of WebSocket, which the other side answers by itself.
func (c *Conn) Ping() error {
	return c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWithin))
}

// Go deals with a message beside the connection, within 45 s. A panic costs
// that message only. It reports false, and does nothing, where too many are
// being dealt with.
func (c *Conn) Go(work func(ctx context.Context)) bool {
	select {
	case c.keeper.slots <- struct{}{}:
	default:
		return false
	}
	c.keeper.work.Go(func() {
		defer func() { <-c.keeper.slots }()
		defer c.keeper.caught("panic in a message")
		ctx, cancel := context.WithTimeout(c.ctx, workWithin)
		defer cancel()
		work(ctx)
	})
	return true
}
