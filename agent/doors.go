package agent

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"xunjian/agent/access"
	"xunjian/agent/api"
	"xunjian/agent/config"
	"xunjian/agent/console"
)

// doors are the listeners: console with API, metrics, and the unix socket.
type doors struct {
	list    []door
	closing chan struct{} // ends the event streams when it is closed
	closed  bool
}

type door struct {
	name     string
	listener net.Listener
	server   *http.Server
}

// SocketName is the unix socket in the data folder.
const SocketName = "xunjian.sock"

func (a *Agent) openDoors(ctx context.Context, cfg *config.Config) error {
	a.doors.closing = make(chan struct{})
	a.accounts = access.New(a.store.DB(), nil)
	if err := a.listen(cfg); err != nil {
		return err
	}
	// Not before every door is open: the first password is told once only, and
	// a start that fails on a taken port would have used it up.
	login, password, err := a.accounts.Bootstrap(ctx)
	if err != nil {
		return err
	}
	a.first = Announcement{
		Console: a.doors.url("console", cfg.Console.TLSCert != ""), Metrics: a.doors.url("metrics", false) + "/metrics",
		Data: cfg.Data, FirstLogin: login, FirstPassword: password,
	}
	return nil
}

// listen opens every door before anything is served, so that a taken port is
// an error at the start.
func (a *Agent) listen(cfg *config.Config) error {
	site, rest, err := a.handlers(cfg)
	if err != nil {
		return err
	}
	secure, err := tlsConfig(cfg)
	if err != nil {
		return err
	}
	if err := a.doors.tcp("console", cfg.Console.Listen, site, secure); err != nil {
		return err
	}
	metrics := http.NewServeMux()
	metrics.Handle("GET /metrics", a.metrics)
	metrics.HandleFunc("GET /healthz", healthy)
	if err := a.doors.tcp("metrics", cfg.Metrics.Listen, metrics, nil); err != nil {
		return err
	}
	if cfg.Inbound.Listen != "" {
		if err := a.doors.tcp("inbound", cfg.Inbound.Listen, a.inbound.Handler(), secure); err != nil {
			return err
		}
	}
	return a.doors.socket(cfg, rest)
}

// handlers builds what is served: the console's site, and the API alone.
func (a *Agent) handlers(cfg *config.Config) (site, rest http.Handler, err error) {
	var pages *console.Console
	rest = api.New(api.Options{
		Desk: a.desk, Rules: a.engine, Checks: a.history, Accounts: a.accounts, Papers: a.papers, Rounds: a.rounds, Reports: a.reports, Notices: a.outlets, LAN: a.lan, Lines: a.archive,
		Integrity: a.integrity, Logs: logsInForce{a},
		Runner: a.runner, Verdicts: Verdicts, Reload: a.Reload, Language: cfg.Language,
		Authenticate: func(r *http.Request) (access.Principal, error) { return a.authenticate(pages, r) },
		Local:        api.LocalUsers(othersRole(cfg)),
		About:        a.about, Closing: a.doors.closing,
		Catalog: a.catalog, Zone: cfg.Location(), Logger: a.log,
	})
	pages, err = console.New(console.Options{
		Desk: a.desk, Rules: a.engine, Checks: a.history, Accounts: a.accounts, Papers: a.papers, Rounds: a.rounds, Reports: a.reports, Links: a.links, Notices: a.outlets, Lines: a.archive, Upcoming: a.upcoming, LAN: a.lan,
		Integrity: a.integrity,
		Sessions:  a.accounts.Sessions(console.SessionOwner), Verdicts: Verdicts, About: a.aboutConsole,
		Logs: logsInForce{a}, Secure: cfg.Console.TLSCert != "", Catalog: a.catalog, Zone: cfg.Location(), Logger: a.log,
	})
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	mux.Handle(api.Prefix+"/", rest)
	mux.Handle("/ping/", a.jobs.Handler())
	mux.Handle("/heard/", a.outlets.Heard())
	mux.HandleFunc("GET /healthz", healthy)
	mux.Handle("/", pages)
	return mux, rest, nil
}

// authenticate tells who a request over the network is from: a token's
// bearer, or whoever is logged in on the console.
func (a *Agent) authenticate(pages *console.Console, r *http.Request) (access.Principal, error) {
	if secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return a.accounts.ByToken(r.Context(), secret)
	}
	return pages.Authenticate(r)
}

// othersRole is the role of those whom the socket's group lets in.
func othersRole(cfg *config.Config) access.Role {
	if cfg.Access.SocketGroup != "" {
		return access.Operator
	}
	return ""
}

func healthy(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }

func tlsConfig(cfg *config.Config) (*tls.Config, error) {
	if cfg.Console.TLSCert == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(cfg.Console.TLSCert, cfg.Console.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("load the console's certificate: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}, nil
}

func (d *doors) tcp(name, addr string, h http.Handler, secure *tls.Config) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listen for %s on %s: %w; is an agent running already? choose another address with --%s", name, addr, err, name)
	}
	if secure != nil {
		l = tls.NewListener(l, secure)
	}
	d.list = append(d.list, door{name, l, &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}})
	return nil
}

// socket opens the unix socket.
func (d *doors) socket(cfg *config.Config, h http.Handler) error {
	path := filepath.Join(cfg.Data, SocketName)
	l, err := api.ListenUnix(path)
	if err != nil {
		return err
	}
	d.list = append(d.list, door{"socket", l, api.NewSocketServer(h)})
	return socketRights(path, cfg.Access.SocketGroup)
}

// socketRights lets the agent's own user and the configured group in.
func socketRights(path, group string) error {
	if group == "" {
		return os.Chmod(path, 0o600)
	}
	g, err := user.LookupGroup(group)
	if err != nil {
		return fmt.Errorf("access.socket_group: %w", err)
	}
	gid, err := strconv.Atoi(g.Gid)
	if err != nil {
		return fmt.Errorf("access.socket_group %s: its number is %q", group, g.Gid)
	}
	if err := os.Chown(path, -1, gid); err != nil {
		return fmt.Errorf("give the socket to group %s: %w", group, err)
	}
	return os.Chmod(path, 0o660)
}

func (d *doors) url(name string, secure bool) string {
	scheme := "http"
	if secure {
		scheme = "https"
	}
	for _, o := range d.list {
		if o.name == name {
			return scheme + "://" + o.listener.Addr().String()
		}
	}
	return ""
}

// serve serves until ctx is done, and lets requests under way finish.
func (d *doors) serve(ctx context.Context, g *errgroup.Group) {
	for _, o := range d.list {
		g.Go(func() error {
			if err := o.server.Serve(o.listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve %s: %w", o.name, err)
			}
			return nil
		})
	}
	g.Go(func() error {
		<-ctx.Done()
		d.end()
		patience, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		for _, o := range d.list {
			if o.server.Shutdown(patience) != nil {
				o.server.Close()
			}
		}
		return nil
	})
}

// end closes the event streams, once.
func (d *doors) end() {
	if d.closing != nil && !d.closed {
		d.closed = true
		close(d.closing)
	}
}

// close gives the listeners back if they were never served.
func (d *doors) close() {
	d.end()
	for _, o := range d.list {
		o.listener.Close()
	}
}
