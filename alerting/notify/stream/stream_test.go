package stream

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// plain is a platform at an address.
type plain struct {
	address string
	frame   func(c *Conn, data []byte) error
}

func (p plain) Open(context.Context) (string, error) { return p.address, nil }

func (p plain) Frame(c *Conn, _ int, data []byte) error { return p.frame(c, data) }

func (p plain) Beat(c *Conn) error { return c.Ping() }

func (p plain) Rhythm() Rhythm {
	return Rhythm{First: 2 * time.Second, Most: time.Minute, Beat: time.Minute, Silence: time.Minute}
}

func keeper(p Platform) *Keeper {
	return &Keeper{Name: "test", Platform: p, Logger: slog.New(slog.DiscardHandler), slots: make(chan struct{}, atOnce)}
}

func TestWaitGrowsWithinBounds(t *testing.T) {
	k := keeper(plain{})
	for failures, most := range map[int]time.Duration{0: 2 * time.Second, 1: 4 * time.Second, 4: 32 * time.Second, 5: time.Minute, 6: time.Minute, 1 << 40: time.Minute} {
		least := most
		for range 200 {
			d := k.wait(failures)
			if d < most/2 || d > most {
				t.Fatalf("after %d failures %s, want at most %s and half of it at least", failures, d, most)
			}
			least = min(least, d)
		}
		if least > most*3/4 {
			t.Errorf("after %d failures never less than %s: nothing is left to chance", failures, least)
		}
	}
}

// Nothing goes out in the clear, but to this machine itself, and no error shows
// the ticket.
func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"ws://gateway.example.org/?ticket=t1": "in the clear", "https://gateway.example.org/?ticket=t1": "none of a WebSocket", "": "none of a WebSocket",
		"wss://me:t1@gateway.example.org/": "a user before the host", "wss://127.0.0.1:1/?ticket=t1": "refused", "wss:?ticket=t1": "is not an address", "wss://a b/?ticket=t1": "is not an address",
	} {
		err := keeper(plain{address: address}).once(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "t1") {
			t.Errorf("%s: %v, want …%s…", address, err, want)
		}
	}
}

// gateway serves one connection after the other by talk.
func gateway(t *testing.T, talk func(c *websocket.Conn)) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var up websocket.Upgrader
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		talk(c)
	}))
	t.Cleanup(server.Close)
	return "ws" + strings.TrimPrefix(server.URL, "http")
}

func TestPanicInAFrameCostsOnlyIt(t *testing.T) {
	address := gateway(t, func(c *websocket.Conn) {
		for _, s := range []string{"panic", "fine", "over"} {
			if c.WriteMessage(websocket.TextMessage, []byte(s)) != nil {
				return
			}
		}
		c.ReadMessage()
	})
	var heard []string
	err := keeper(plain{address, func(_ *Conn, data []byte) error {
		heard = append(heard, string(data))
		switch string(data) {
		case "panic":
			panic("a frame")
		case "over":
			return ErrOver
		}
		return nil
	}}).once(t.Context())
	if !errors.Is(err, ErrOver) || strings.Join(heard, " ") != "panic fine over" {
		t.Errorf("%q %v", heard, err)
	}
}

func TestEndlessFrameEndsTheConnection(t *testing.T) {
	address := gateway(t, func(c *websocket.Conn) {
		_ = c.WriteMessage(websocket.BinaryMessage, make([]byte, maxFrame+1))
		c.ReadMessage()
	})
	err := keeper(plain{address, func(*Conn, []byte) error { t.Error("got it"); return nil }}).once(t.Context())
	if !errors.Is(err, websocket.ErrReadLimit) {
		t.Error(err)
	}
}

// Work that is under way when Run is to end is waited for, and told so.
func TestRunWaitsForWork(t *testing.T) {
	closed := make(chan error, 1)
	address := gateway(t, func(c *websocket.Conn) {
		_ = c.WriteMessage(websocket.TextMessage, []byte("work"))
		_, _, err := c.ReadMessage()
		closed <- err
	})
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	ended := false
	k := keeper(plain{address, func(c *Conn, _ []byte) error {
		c.Go(func(ctx context.Context) {
			cancel()
			<-ctx.Done()
			time.Sleep(50 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			ended = true
		})
		return nil
	}})
	if err := k.Run(ctx); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if !ended {
		t.Error("Run ended before the work")
	}
	if err := <-closed; !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		t.Errorf("the other side was left without a word: %v", err)
	}
}
