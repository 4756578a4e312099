package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/user"
	"strconv"
	"time"

	"xunjian/agent/access"
)

// SocketName is the unix socket's name in the data folder.
const SocketName = "xunjian.sock"

// Peer is the process at the other end of a unix socket, by the kernel's word.
type Peer struct {
	UID, GID, PID int
	// Known is false where the kernel does not say (Windows): then only the
	// permissions of the data folder guard the socket.
	Known bool
}

// ListenUnix listens on a unix socket that its owner alone may use. A socket
// left behind by an agent that was killed is replaced, one that answers is not.
func ListenUnix(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("listen on %s: the path has %d bytes, the system allows %d; use a shorter data folder", path, len(path), maxSocketPath)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		c.Close()
		return nil, fmt.Errorf("listen on %s: another agent answers there; stop it first", path)
	}
	if busy := net.Error(nil); errors.As(err, &busy) && busy.Timeout() {
		// Its queue of callers is full: it hangs, but it is there.
		return nil, fmt.Errorf("listen on %s: another agent holds it and does not answer; stop it first", path)
	}
	if err := clear(path); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("guard %s: %w", path, err)
	}
	return l, nil
}

// maxSocketPath is the room for a path in the kernel's address of a socket.
const maxSocketPath = 107

// clear removes a socket that nobody answers on, and nothing else.
func clear(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look at %s: %w", path, err)
	case info.Mode().IsRegular() || info.IsDir():
		return fmt.Errorf("listen on %s: something that is not a socket is in its place; move it away", path)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove the old socket %s: %w", path, err)
	}
	return nil
}

type peerKey struct{}

// WithPeer is the ConnContext of the server on the unix socket.
func WithPeer(ctx context.Context, conn net.Conn) context.Context {
	uc, ok := conn.(*net.UnixConn)
	if !ok {
		return ctx
	}
	peer, err := peerOf(uc)
	if err != nil {
		// Nobody is then authenticated on this connection.
		return ctx
	}
	return context.WithValue(ctx, peerKey{}, peer)
}

// NewSocketServer returns the server for h on the unix socket.
func NewSocketServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ConnContext:       WithPeer,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
}

// LocalUsers maps peers to principals: root and the agent's own user are
// admins, and whoever else the socket's permissions let in has the role
// others; empty means nobody.
func LocalUsers(others access.Role) func(Peer) (access.Principal, error) {
	own := os.Getuid()
	return func(p Peer) (access.Principal, error) {
		role := others
		if !p.Known || p.UID == 0 || p.UID == own {
			role = access.Admin
		}
		if role == "" {
			return access.Principal{}, fmt.Errorf("user %s: %w", userName(p), access.ErrUnauthenticated)
		}
		return access.Principal{Name: userName(p), Role: role, Via: "cli"}, nil
	}
}

// userName is the login of a peer, or its number.
func userName(p Peer) string {
	if !p.Known {
		if u, err := user.Current(); err == nil {
			return u.Username
		}
		return "local"
	}
	uid := strconv.Itoa(p.UID)
	if u, err := user.LookupId(uid); err == nil {
		return u.Username
	}
	return "uid " + uid
}

// authenticate tells who sent a request: the kernel's word on the unix
// socket, a session or token elsewhere.
func (s *server) authenticate(r *http.Request) (access.Principal, error) {
	if peer, ok := r.Context().Value(peerKey{}).(Peer); ok && s.Local != nil {
		return s.Local(peer)
	}
	if s.Authenticate == nil {
		return access.Principal{}, access.ErrUnauthenticated
	}
	return s.Authenticate(r)
}
