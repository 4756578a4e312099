package console

import (
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"xunjian/agent/access"
)

// sessionLife is how long a login lasts: a shift. Pages refresh themselves, so
// an idle timeout would never end one and cost a write at every refresh.
const sessionLife = 12 * time.Hour

// The keys of a session.
const (
	keyOwner = "owner"
	keyFlash = "flash"
)

func newSessions(opt Options, refuse func(http.ResponseWriter, *http.Request, error)) *scs.SessionManager {
	// Not scs.New: its default store, though replaced, leaves a goroutine that
	// cannot be stopped for certain.
	s := &scs.SessionManager{Store: opt.Sessions, Codec: scs.GobCodec{}, Lifetime: sessionLife, ErrorFunc: refuse}
	s.Cookie.Name = cookieName(opt)
	s.Cookie.HttpOnly = true
	s.Cookie.Secure = opt.Secure
	s.Cookie.SameSite = http.SameSiteStrictMode
	s.Cookie.Path, s.Cookie.Persist = "/", true
	return s
}

// cookieName differs from server to server: browsers do not tell ports apart,
// and one person may have tunnels to several agents on 127.0.0.1.
func cookieName(opt Options) string {
	h := fnv.New32a()
	h.Write([]byte(opt.About().Host))
	name := fmt.Sprintf("xunjian_%08x", h.Sum32())
	if opt.Secure {
		return "__Host-" + name
	}
	return name
}

// SessionOwner reads the account's name out of the data of a session, for
// access.Accounts.Sessions; empty before login.
func SessionOwner(data []byte) string {
	_, values, err := scs.GobCodec{}.Decode(data)
	if err != nil {
		return ""
	}
	owner, _ := values[keyOwner].(string)
	return owner
}

// refuseSession answers when the store of the sessions cannot be read or
// written.
func (c *Console) refuseSession(w http.ResponseWriter, hr *http.Request, err error) {
	c.public(func(*request) error { return fmt.Errorf("session: %w", err) }).ServeHTTP(w, hr)
}

// identify finds out who asks; who stays empty if nobody is logged in.
func (r *request) identify() error {
	name := r.c.sessions.GetString(r.Context(), keyOwner)
	if name == "" {
		return nil
	}
	who, err := r.c.opt.Accounts.Lookup(r.Context(), name, "console")
	if errors.Is(err, access.ErrUnauthenticated) {
		return nil // disabled meanwhile
	}
	if err != nil {
		return err
	}
	r.who = who
	r.words = r.c.wordsFor(r.Request, who.Lang)
	return nil
}

// Authenticate tells whose browser session a request belongs to, for the API
// on the same listener; access.ErrUnauthenticated if there is none.
func (c *Console) Authenticate(hr *http.Request) (access.Principal, error) {
	cookie, err := hr.Cookie(c.sessions.Cookie.Name)
	if err != nil {
		return access.Principal{}, access.ErrUnauthenticated
	}
	ctx, err := c.sessions.Load(hr.Context(), cookie.Value)
	if err != nil {
		return access.Principal{}, fmt.Errorf("session: %w", err)
	}
	name := c.sessions.GetString(ctx, keyOwner)
	if name == "" {
		return access.Principal{}, access.ErrUnauthenticated
	}
	return c.opt.Accounts.Lookup(hr.Context(), name, "console")
}

// begin makes the session of this request that of an account. A new token
// keeps one that was planted before login from being worth anything.
func (r *request) begin(name string) error {
	if err := r.c.sessions.RenewToken(r.Context()); err != nil {
		return fmt.Errorf("renew session: %w", err)
	}
	r.c.sessions.Put(r.Context(), keyOwner, name)
	return nil
}

// flash keeps a sentence for the next page.
func (r *request) flash(id string) { r.c.sessions.Put(r.Context(), keyFlash, id) }

// takeFlash returns what flash kept, once.
func (r *request) takeFlash() string {
	if r.live() || r.Method != http.MethodGet || !r.c.sessions.Exists(r.Context(), keyFlash) {
		return ""
	}
	if id := r.c.sessions.PopString(r.Context(), keyFlash); id != "" {
		return r.T(id)
	}
	return ""
}
