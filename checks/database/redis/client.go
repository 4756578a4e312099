package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/gomodule/redigo/redis"

	"xunjian/checks/credential"
	"xunjian/checks/database/server"
)

// client is one connection that has logged in.
type client struct{ redis.Conn }

// open connects and logs in. Secrets and certificates are read anew each time.
func open(ctx context.Context, i Instance) (*client, error) {
	var password string
	if i.PasswordFile != "" {
		secret, err := credential.Read(i.PasswordFile)
		if err != nil {
			return nil, &ownFault{err}
		}
		password = secret.Reveal()
	}
	conn, err := i.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", i.Address(), err)
	}
	c := &client{redis.NewConn(conn, server.DefaultPatience, server.DefaultPatience)}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	err = i.enter(c, password)
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("connect to %s: %w", i.Address(), masked(err, password))
	}
	return c, nil
}

// enter logs in, chooses the database and sees whether the server listens.
func (i Instance) enter(c *client, password string) error {
	if password != "" {
		login := []any{password}
		if i.User != "" {
			login = []any{i.User, password}
		}
		if _, err := c.Do("AUTH", login...); err != nil {
			return err
		}
	}
	if i.DB != 0 {
		if _, err := c.Do("SELECT", i.DB); err != nil {
			return err
		}
	}
	_, err := c.Do("PING")
	return err
}

// dial connects, encrypted where the configuration wants it.
func (i Instance) dial(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{KeepAlive: time.Minute}
	if i.socket() {
		conn, err := dialer.DialContext(ctx, "unix", i.Host)
		return listen(conn, err)
	}
	if i.TLS.Mode != modeRequired {
		conn, err := dialer.DialContext(ctx, "tcp", i.Address())
		return listen(conn, err)
	}
	cfg, err := i.TLS.Config()
	if err != nil {
		return nil, &ownFault{err}
	}
	if cfg.ServerName == "" {
		cfg.ServerName = i.Host
	}
	return (&tls.Dialer{NetDialer: &dialer, Config: cfg}).DialContext(ctx, "tcp", i.Address())
}

// refusalWait is how long a fresh connection is listened to. Only a server that
// has no room speaks first; it hangs up then, and its words are lost with the
// first byte that is sent to it.
const refusalWait = 50 * time.Millisecond

// listen hears what a server says by itself, and gives it to who reads first.
func listen(conn net.Conn, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	b := make([]byte, 256)
	conn.SetReadDeadline(time.Now().Add(refusalWait))
	n, _ := conn.Read(b)
	conn.SetReadDeadline(time.Time{})
	if n == 0 {
		return conn, nil
	}
	conn.Close()
	return nil, redis.Error(strings.TrimSpace(strings.TrimPrefix(string(b[:n]), "-")))
}

// ask sends one command and returns its answer. A question that was asked is
// waited for longer than whoever asked waits: giving it up would give the
// connection up, and a server that hangs would get another one at each look.
func (c *client) ask(ctx context.Context, command string, args ...any) (any, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v, err := c.Do(command, args...)
	return spelled(v), err
}

// spelled turns the bytes of an answer into text, at every depth.
func spelled(v any) any {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case []any:
		for n := range v {
			v[n] = spelled(v[n])
		}
	}
	return v
}

// text is ask for an answer that is text.
func (c *client) text(ctx context.Context, command string, args ...any) (string, error) {
	v, err := c.ask(ctx, command, args...)
	if err != nil {
		return "", err
	}
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("%s: answered by a %T, not by text", command, v)
	}
	return s, nil
}

// ownFault is an error on our side of the connection: a secret that cannot be
// read tells nothing of the server.
type ownFault struct{ error }

func (f *ownFault) Unwrap() error { return f.error }

// says reports whether err is an answer of the server that begins with one of
// words.
func says(err error, words ...string) bool {
	var answer redis.Error
	if !errors.As(err, &answer) {
		return false
	}
	for _, w := range words {
		if strings.HasPrefix(answer.Error(), w) {
			return true
		}
	}
	return len(words) == 0
}

// lost reports whether the connection is of no use any more: everything but an
// answer.
func lost(err error) bool { return err != nil && !says(err) }

// Codes of a server that cannot be used.
const (
	codeRefused = "redis.refused"
	codeDenied  = "redis.denied"
	codeFull    = "redis.full"
	codeSilent  = "redis.silent"
	codeLoading = "redis.loading"
)

// downBy returns the code of what is plainly wrong when err came; empty if that
// does not tell whether the server works.
func downBy(err error) string {
	var own *ownFault
	switch {
	case errors.As(err, &own):
		return ""
	case says(err, "ERR max number of clients"):
		return codeFull
	case says(err, "NOAUTH", "WRONGPASS", "ERR invalid password", "ERR Client sent AUTH", "ERR AUTH", "DENIED"), says(err) && strings.Contains(err.Error(), "called without any password configured"):
		return codeDenied
	case says(err, "LOADING"):
		return codeLoading
	case says(err):
		return ""
	}
	for _, gone := range []error{
		syscall.ECONNREFUSED, syscall.ENOENT, syscall.ENOTSOCK, syscall.ECONNRESET, syscall.EPIPE, io.EOF, io.ErrUnexpectedEOF,
	} {
		if errors.Is(err, gone) {
			return codeRefused
		}
	}
	return ""
}

// masked takes a secret out of an error's text; none should be in there, but
// servers may repeat what they were told.
func masked(err error, secret string) error {
	if secret == "" || !strings.Contains(err.Error(), secret) {
		return err
	}
	return &maskedError{err, credential.Mask(err.Error(), credential.Secret(secret))}
}

type maskedError struct {
	error
	text string
}

func (e *maskedError) Error() string { return e.text }
func (e *maskedError) Unwrap() error { return e.error }
