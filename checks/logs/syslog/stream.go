package syslog

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"xunjian/checks/credential"
	"xunjian/checks/logs/syslog/message"
)

const (
	handshakeTime = 10 * time.Second
	// patience is how long a sender over TCP is made to wait when memory is
	// full, before its messages are dropped.
	patience = 5 * time.Second
)

// streams takes connections of one listener.
type streams struct {
	listener net.Listener
	secure   *credential.TLS // nil: in the clear
	table    *table
	queue    *queue
	slots    chan struct{}
	failed   func(error) // a connection that came to nothing

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

func listenTCP(ctx context.Context, kind, address string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: time.Minute}
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, listenError(kind, address, err)
	}
	return l, nil
}

// serve takes connections until the listener is closed, and returns when all
// of them are done with.
func (s *streams) serve(ctx context.Context) error {
	s.conns = map[net.Conn]struct{}{}
	stop := context.AfterFunc(ctx, s.closeAll)
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer s.closeAll()
	for {
		conn, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			var temporary net.Error
			if errors.As(err, &temporary) && ctx.Err() == nil {
				time.Sleep(50 * time.Millisecond) // out of descriptors: it passes
				continue
			}
			return fmt.Errorf("take a connection: %w", err)
		}
		a, ok := addressOf(conn.RemoteAddr())
		if !ok {
			conn.Close()
			continue
		}
		src := s.table.of(a)
		if src == nil || !s.slot() {
			conn.Close()
			continue
		}
		if !s.remember(conn) {
			conn.Close()
			<-s.slots
			return nil
		}
		wg.Go(func() {
			defer func() { <-s.slots }()
			defer s.forget(conn)
			if err := guarded(func() error { s.read(ctx, conn, src); return nil })(); err != nil {
				s.failed(err)
			}
		})
	}
}

func (s *streams) slot() bool {
	select {
	case s.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

func (s *streams) remember(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *streams) forget(c net.Conn) {
	c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

func (s *streams) closeAll() {
	s.listener.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
	s.conns = nil
}

// read takes the messages of one connection.
func (s *streams) read(ctx context.Context, conn net.Conn, src *source) {
	if s.secure != nil {
		secure, err := handshake(ctx, conn, *s.secure)
		if err != nil {
			if ctx.Err() == nil {
				s.failed(fmt.Errorf("%s: %w", src.name, err))
			}
			return
		}
		conn = secure
	}
	frames := message.NewFrames(conn)
	for {
		raw, err := frames.Next()
		if err != nil {
			return
		}
		it := item{raw: append([]byte(nil), raw...), at: time.Now(), cut: frames.Cut}
		s.hand(ctx, src, it)
	}
}

// hand puts a message into the queue. When that is full it makes the sender
// wait, by not reading on, and drops only after a while.
func (s *streams) hand(ctx context.Context, src *source, it item) {
	for end := time.Now().Add(patience); ; {
		if s.queue.offer(src, it) {
			return
		}
		if ctx.Err() != nil || time.Now().After(end) {
			s.queue.put(src, it)
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func handshake(ctx context.Context, conn net.Conn, files credential.TLS) (net.Conn, error) {
	c, err := files.Config()
	if err != nil {
		return nil, err
	}
	if files.CAFile != "" {
		c.ClientCAs, c.ClientAuth = c.RootCAs, tls.RequireAndVerifyClientCert
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	secure := tls.Server(conn, c)
	if err := secure.HandshakeContext(ctx); err != nil {
		var wrong *tls.CertificateVerificationError
		var unknown x509.UnknownAuthorityError
		if errors.As(err, &wrong) || errors.As(err, &unknown) {
			return nil, fmt.Errorf("the sender's certificate is not signed by ca_file: %w", err)
		}
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	return secure, nil
}
