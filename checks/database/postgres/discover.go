package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"xunjian/checks"
	"xunjian/checks/database/server"
)

// found looks for servers on this machine that are not configured, and at
// those that let the agent in without a password.
type found struct {
	folders []string // of unix sockets
	tcp     []string // host:port
	users   []string
	skip    map[string]bool // ports that are configured, by number

	mu      sync.Mutex
	known   map[string]*watched  // those that let us in once: from then on they are expected
	refused map[string]time.Time // when a server was last asked in vain
	names   map[string]string    // why it was in vain
}

// askAgain is how long a server that refused the agent is left alone: each
// attempt is a line in its log.
const askAgain = 5 * time.Minute

// Discover returns the check of what is on this machine beside the servers that
// are configured.
func Discover(configured []Instance) checks.Check {
	return discoverIn([]string{"/var/run/postgresql", "/tmp"}, []string{"127.0.0.1:5432"}, configured)
}

func discoverIn(folders, tcp []string, configured []Instance) *found {
	f := &found{
		folders: folders, tcp: tcp, users: []string{defaultUser, "postgres"}, skip: map[string]bool{},
		known: map[string]*watched{}, refused: map[string]time.Time{}, names: map[string]string{},
	}
	for _, i := range configured {
		i = i.filled()
		if w := (&watched{Instance: i}); w.local() {
			f.skip[strconv.Itoa(i.Port)] = true
		}
	}
	return f
}

// Name is that of all PostgreSQL checks, without an instance.
func (*found) Name() string { return "postgres" }

// Schedule is the default, with room for several servers.
func (*found) Schedule() checks.Schedule { return checks.Schedule{SeriesLimit: seriesLimit} }

// Identity changes with what is configured.
func (f *found) Identity() string {
	return fmt.Sprint(f.folders, f.tcp, slices.Sorted(maps.Keys(f.skip)))
}

// Serve holds the connections until the check is retired.
func (f *found) Serve(ctx context.Context, _ func()) error {
	<-ctx.Done()
	for _, w := range f.expected() {
		_ = w.line.Hold(ctx)
	}
	return ctx.Err()
}

// Evidence asks all that are known.
func (f *found) Evidence(ctx context.Context) ([]checks.Exhibit, error) {
	var out []checks.Exhibit
	var errs []error
	for _, w := range f.expected() {
		list, err := w.testify(ctx)
		out, errs = append(out, list...), append(errs, err)
	}
	return out, errors.Join(errs...)
}

func (f *found) expected() []*watched {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.SortedFunc(maps.Values(f.known), func(a, b *watched) int { return cmp.Compare(a.address, b.address) })
}

// Run looks at what it knows, and for more.
func (f *found) Run(ctx context.Context, out *checks.Output) error {
	vain := f.search(ctx)
	list := f.expected()
	if len(list) == 0 && len(vain) == 0 {
		return fmt.Errorf("no PostgreSQL server is on this machine beside those that are configured: %w", checks.ErrNotApplicable)
	}
	sights := make([]*sight, len(list))
	errs := make([]error, len(list))
	var all sync.WaitGroup
	for n, w := range list {
		all.Go(func() {
			defer func() {
				if v := recover(); v != nil {
					errs[n] = fmt.Errorf("broke: %v\n%s", v, debug.Stack())
				}
			}()
			sights[n], errs[n] = w.look(ctx)
		})
	}
	all.Wait()
	seen := 0
	for n, w := range list {
		out.Set(server.Info, 1, f.Name(), "postgres", w.address, "")
		if sights[n] != nil {
			sights[n].tell(out)
		}
		if errs[n] == nil {
			seen++
		} else if sights[n] == nil || len(sights[n].findings) == 0 {
			out.Find(w.fact("postgres.unread", checks.Unknown, "part", "all", "error", errs[n].Error(), "user", w.User))
		}
	}
	for _, address := range slices.Sorted(maps.Keys(vain)) {
		out.Find(checks.Finding{Code: "postgres.unwatched", Subject: address, Verdict: checks.Attention, Args: map[string]any{"reason": vain[address]}})
	}
	if len(list) > 0 && seen == 0 {
		return errors.Join(errs...)
	}
	return nil
}

// search tries what is new, and returns what is there and lets nobody in, with
// the reason.
func (f *found) search(ctx context.Context) map[string]string {
	vain := map[string]string{}
	ports := map[string]bool{}
	for _, w := range f.expected() {
		ports[strconv.Itoa(w.Port)] = true
	}
	for _, at := range f.places() {
		_, port, _ := cutAddress(at)
		if f.skip[port] || ports[port] {
			continue
		}
		w, reason := f.try(ctx, at)
		if w != nil {
			f.mu.Lock()
			f.known[at] = w
			delete(f.refused, at)
			f.mu.Unlock()
		} else if reason != "" {
			vain[at] = reason
		}
		if w != nil || reason != "" {
			ports[port] = true // its other door is the same server
		}
	}
	return vain
}

// places are where servers may be: sockets that are there, then TCP.
func (f *found) places() []string {
	var out []string
	for _, folder := range f.folders {
		names, _ := filepath.Glob(filepath.Join(folder, ".s.PGSQL.*"))
		for _, name := range names {
			info, err := os.Lstat(name)
			port := strings.TrimPrefix(filepath.Base(name), ".s.PGSQL.")
			if n, bad := strconv.Atoi(port); err == nil && bad == nil && n > 0 && n < 65536 && info.Mode()&os.ModeSocket != 0 {
				out = append(out, server.Address(folder, n))
			}
		}
	}
	return append(out, f.tcp...)
}

// cutAddress is the reverse of server.Address.
func cutAddress(address string) (host, port string, ok bool) {
	n := strings.LastIndexByte(address, ':')
	if n < 0 {
		return "", "", false
	}
	return strings.Trim(address[:n], "[]"), address[n+1:], true
}

// tryFor bounds one attempt to get into a server that may be none of ours.
const tryFor = 2 * time.Second

// try logs in without a password as each user. It returns neither a server nor
// a reason where nothing listens.
func (f *found) try(ctx context.Context, at string) (*watched, string) {
	f.mu.Lock()
	last, reason := f.refused[at], f.names[at]
	f.mu.Unlock()
	if !last.IsZero() && time.Since(last) < askAgain {
		return nil, reason
	}
	ctx, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	host, port, _ := cutAddress(at)
	number, _ := strconv.Atoi(port)
	if !listens(ctx, host, port) {
		return nil, ""
	}
	reason = ""
	for _, user := range f.users {
		w := newWatched(Instance{Name: "found", Host: host, Port: number, User: user})
		err := w.line.Do(ctx, func(context.Context, *session) error { return nil })
		if err == nil {
			return w, ""
		}
		reason = cmp.Or(reason, plainReason(err))
		if t := troubleOf(err); t != refused {
			_ = w.line.Hold(done()) // gives up at once what is still being opened
			break
		}
	}
	f.mu.Lock()
	f.refused[at], f.names[at] = time.Now(), reason
	f.mu.Unlock()
	return nil, reason
}

func done() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// listens reports whether anybody takes a connection there.
func listens(ctx context.Context, host, port string) bool {
	network, address := "tcp", net.JoinHostPort(host, port)
	if strings.HasPrefix(host, "/") {
		network, address = "unix", filepath.Join(host, ".s.PGSQL."+port)
	}
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return false
	}
	c.Close()
	return true
}
