package access_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexedwards/scs/v2"

	"xunjian/agent/access"
)

func (r *room) sessions() *access.Sessions {
	return r.Sessions(func(data []byte) string { owner, _, _ := strings.Cut(string(data), " "); return owner })
}

func (r *room) keep(s *access.Sessions, token, data string) {
	r.t.Helper()
	if err := s.CommitCtx(r.t.Context(), token, []byte(data), r.now().Add(time.Hour)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *room) found(s *access.Sessions, token string) string {
	r.t.Helper()
	data, found, err := s.FindCtx(r.t.Context(), token)
	if err != nil || found != (data != nil) {
		r.t.Fatal(found, err)
	}
	return string(data)
}

// Sessions outlive the agent, but not their time; who reads the file cannot
// use them.
func TestSessions(t *testing.T) {
	r := enter(t)
	s := r.sessions()
	r.keep(s, "secret-token", "wang data")
	all := dump(t, r.st.DB())
	if strings.Contains(all, "secret-token") {
		t.Error("the cookie's token stands in the store")
	}
	if got := r.found(s, strings.Fields(all)[0]); got != "" {
		t.Errorf("what is stored finds the session: %q", got)
	}
	r.st.Close()
	r.open()
	s = r.sessions()
	if got := r.found(s, "secret-token"); got != "wang data" {
		t.Errorf("after a restart: %q", got)
	}
	r.keep(s, "secret-token", "wang more")
	if got := r.found(s, "secret-token"); got != "wang more" {
		t.Errorf("kept again: %q", got)
	}
	for _, none := range []string{"", "x", "\xff\x00", strings.Repeat("x", 1<<20)} {
		if got := r.found(s, none); got != "" {
			t.Errorf("%.20q finds %q", none, got)
		}
	}
	r.pass(time.Hour)
	if got := r.found(s, "secret-token"); got != "" {
		t.Error("it outlives its time")
	}
	r.keep(s, "other", "wang")
	if all := dump(t, r.st.DB()); strings.Count(all, "\n") != 1 {
		t.Errorf("sessions that are over stay in the store:\n%s", all)
	}
}

// A password, a role and a closed account end the sessions of that account,
// for good: a request that was under way keeps its data in vain.
func TestSessionsEnd(t *testing.T) {
	for name, end := range map[string]func(*room, *access.Sessions) error{
		"password": func(r *room, _ *access.Sessions) error { return r.SetPassword(t.Context(), "wang", "another good one") },
		"role":     func(r *room, _ *access.Sessions) error { return r.SetRole(t.Context(), "wang", access.Viewer) },
		"disabled": func(r *room, _ *access.Sessions) error { return r.SetDisabled(t.Context(), "wang", true) },
		"logout": func(r *room, s *access.Sessions) error {
			if err := s.Delete("desk"); err != nil {
				return err
			}
			return s.Delete("phone")
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := enter(t)
			r.create("boss", access.Admin)
			r.create("wang", access.Operator)
			s := r.sessions()
			r.keep(s, "desk", "wang")
			r.keep(s, "phone", "wang")
			r.keep(s, "boss", "boss")
			if err := end(r, s); err != nil {
				t.Fatal(err)
			}
			r.pass(time.Minute)
			r.keep(s, "desk", "wang") // the request under way
			if r.found(s, "desk") != "" || r.found(s, "phone") != "" {
				t.Error("a session outlives its end")
			}
			if r.found(s, "boss") != "boss" {
				t.Error("somebody else's session ended too")
			}
			r.keep(s, "next", "wang")
			if r.found(s, "next") != "wang" {
				t.Error("a new session does not begin")
			}
		})
	}
}

// A language ends no session, and a change that is refused neither.
func TestSessionsStay(t *testing.T) {
	r := enter(t)
	r.create("boss", access.Admin)
	s := r.sessions()
	r.keep(s, "desk", "boss")
	if err := r.SetLang(t.Context(), "boss", "en"); err != nil {
		t.Fatal(err)
	}
	refused(t, r.SetRole(t.Context(), "boss", access.Viewer), "last_admin")
	refused(t, r.SetPassword(t.Context(), "boss", "short"), "password_short")
	if r.found(s, "desk") != "boss" {
		t.Error("the session ended")
	}
}

// With the session manager that the console uses: who does nothing is logged
// out after the idle time, and everybody after the whole.
func TestSessionExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := enter(t)
		r.at = time.Now()
		accounts := access.New(r.st.DB(), nil)
		m := &scs.SessionManager{
			Store: accounts.Sessions(nil), Codec: scs.GobCodec{}, IdleTimeout: time.Hour, Lifetime: 12 * time.Hour,
		}
		// visit is one request: it loads the session, looks and keeps.
		visit := func(token string, look func(ctx context.Context)) string {
			t.Helper()
			ctx, err := m.Load(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			look(ctx)
			token, _, err = m.Commit(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
		who := func(token string) (name string) {
			visit(token, func(ctx context.Context) { name = m.GetString(ctx, "owner") })
			return name
		}
		login := func() string {
			return visit("", func(ctx context.Context) { m.Put(ctx, "owner", "wang") })
		}
		idle, busy := login(), login()
		time.Sleep(59 * time.Minute)
		if who(idle) != "wang" || who(busy) != "wang" {
			t.Error("logged out before the idle time")
		}
		began := time.Now().Add(-59 * time.Minute)
		time.Sleep(30 * time.Minute)
		who(busy)
		time.Sleep(31 * time.Minute)
		if who(idle) != "" {
			t.Error("still logged in after an idle hour")
		}
		for time.Since(began) < 12*time.Hour-30*time.Minute {
			if who(busy) != "wang" {
				t.Fatalf("logged out while busy, after %v", time.Since(began))
			}
			time.Sleep(30 * time.Minute)
		}
		time.Sleep(30 * time.Minute)
		if who(busy) != "" {
			t.Errorf("still logged in after %v", time.Since(began))
		}
	})
}
