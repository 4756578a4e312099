package access_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"xunjian/agent/access"
	"xunjian/alerting/store"
	"xunjian/alerting/text"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// room are accounts on a real store, with a clock of their own.
type room struct {
	*access.Accounts
	t    *testing.T
	path string
	st   *store.Store
	mu   sync.Mutex
	at   time.Time
}

func enter(t *testing.T) *room {
	t.Helper()
	r := &room{t: t, path: filepath.Join(t.TempDir(), "x.db"), at: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)}
	r.open()
	return r
}

func (r *room) open() {
	r.t.Helper()
	st, err := store.Open(r.t.Context(), r.path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { st.Close() })
	r.st, r.Accounts = st, access.New(st.DB(), r.now)
}

func (r *room) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at
}

func (r *room) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at = r.at.Add(d)
}

func (r *room) create(name string, role access.Role) {
	r.t.Helper()
	if err := r.Create(r.t.Context(), name, role, good); err != nil {
		r.t.Fatal(err)
	}
}

const good = "correct horse battery"

func refused(t *testing.T, err error, code string) {
	t.Helper()
	var r *access.Refusal
	if !errors.As(err, &r) || r.Code != code {
		t.Errorf("got %v, want refusal %s", err, code)
	}
}

// There is no default password: the first account has a random one, told once.
func TestBootstrap(t *testing.T) {
	r := enter(t)
	name, password, err := r.Bootstrap(t.Context())
	if err != nil || name != "admin" || len(password) < 16 {
		t.Fatalf("%q %q %v", name, password, err)
	}
	if _, again, err := r.Bootstrap(t.Context()); err != nil || again != "" {
		t.Errorf("a second one: %q %v", again, err)
	}
	p, err := r.Login(t.Context(), name, password, "10.0.0.1")
	if err != nil || p.Role != access.Admin || p.Via != "console" {
		t.Errorf("login: %+v %v", p, err)
	}
	other := enter(t)
	if _, second, _ := other.Bootstrap(t.Context()); second == password {
		t.Error("two agents have one password")
	}
	if strings.Contains(dump(t, r.st.DB()), password) {
		t.Error("the password stands in the store")
	}
}

func dump(t *testing.T, db *sql.DB) string {
	t.Helper()
	var out strings.Builder
	for _, q := range []string{
		`SELECT name || ' ' || password || ' ' || lang FROM users`, `SELECT id || ' ' || name || ' ' || hash FROM tokens`,
		`SELECT hash || ' ' || owner || ' ' || CAST(body AS TEXT) FROM sessions`,
	} {
		rows, err := db.QueryContext(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var s string
			if err := rows.Scan(&s); err != nil {
				t.Fatal(err)
			}
			out.WriteString(s + "\n")
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

// Wrong password, unknown name and a closed account are one answer.
func TestLoginTellsNothing(t *testing.T) {
	r := enter(t)
	r.create("wang", access.Operator)
	r.create("boss", access.Admin)
	r.create("gone", access.Viewer)
	if err := r.SetDisabled(t.Context(), "gone", true); err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for _, c := range [][2]string{{"wang", "wrong password!"}, {"nobody", good}, {"gone", good}, {"", ""}, {"wang", ""}, {"wang", strings.Repeat("x", 1<<20)}, {"wang\x00", good}} {
		_, err := r.Login(t.Context(), c[0], c[1], "10.0.0."+c[0])
		refused(t, err, "login_failed")
		if err != nil {
			said[err.Error()] = true
		}
	}
	if len(said) != 1 {
		t.Errorf("it says %v", said)
	}
	if p, err := r.Login(t.Context(), "wang", good, "10.0.0.9"); err != nil || p.Name != "wang" {
		t.Errorf("the right one: %+v %v", p, err)
	}
}

// Guessing gets slower, by name and by address; a good login forgives.
func TestThrottle(t *testing.T) {
	r := enter(t)
	r.create("wang", access.Operator)
	for range 5 {
		_, err := r.Login(t.Context(), "wang", "wrong password!", "10.0.0.1")
		refused(t, err, "login_failed")
	}
	_, err := r.Login(t.Context(), "wang", good, "10.0.0.2")
	refused(t, err, "too_many_tries")
	_, err = r.Login(t.Context(), "li", good, "10.0.0.1")
	refused(t, err, "too_many_tries")
	r.pass(2 * time.Second)
	if _, err := r.Login(t.Context(), "wang", good, "10.0.0.1"); err != nil {
		t.Fatalf("after the wait: %v", err)
	}
	if _, err := r.Login(t.Context(), "wang", good, "10.0.0.1"); err != nil {
		t.Errorf("after a good login: %v", err)
	}
}

func TestPasswords(t *testing.T) {
	r := enter(t)
	r.create("boss", access.Admin)
	for password, code := range map[string]string{"": "", "short": "", strings.Repeat("x", 5000): ""} {
		err := r.Create(t.Context(), "p", access.Viewer, password)
		var ref *access.Refusal
		if !errors.As(err, &ref) {
			t.Errorf("password of %d bytes: %v %s", len(password), err, code)
		}
	}
	r.create("wang", access.Operator)
	s := r.Sessions(func(b []byte) string { return string(b) })
	if err := s.CommitCtx(t.Context(), "tok", []byte("wang"), r.now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := r.SetPassword(t.Context(), "wang", "another good one"); err != nil {
		t.Fatal(err)
	}
	if _, found, _ := s.FindCtx(t.Context(), "tok"); found {
		t.Error("a session outlives the password")
	}
	_, err := r.Login(t.Context(), "wang", good, "10.0.0.1")
	refused(t, err, "login_failed")
}

func TestNames(t *testing.T) {
	r := enter(t)
	r.create("wang", access.Operator)
	for _, name := range []string{"", " ", "wang", "WANG\n", "a\x00b", "\xff", strings.Repeat("x", 500), "../x", "a\u200bb"} {
		if err := r.Create(t.Context(), name, access.Viewer, good); err == nil {
			t.Errorf("name %q was taken", name)
		}
	}
	if err := r.Create(t.Context(), "x", "root", good); err == nil {
		t.Error("a role that is none was given")
	}
}

// The last admin stays: nobody locks everybody out.
func TestLastAdmin(t *testing.T) {
	r := enter(t)
	r.create("boss", access.Admin)
	if err := r.SetDisabled(t.Context(), "boss", true); err == nil {
		t.Error("the last admin was locked out")
	}
	if err := r.SetRole(t.Context(), "boss", access.Viewer); err == nil {
		t.Error("the last admin became a viewer")
	}
	r.create("deputy", access.Admin)
	if err := r.SetRole(t.Context(), "boss", access.Viewer); err != nil {
		t.Errorf("with another admin: %v", err)
	}
	if err := r.SetDisabled(t.Context(), "nobody", true); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("an account that is not there: %v", err)
	}
}

// A token's secret is kept nowhere; it gives no more than its owner has, and
// ends with its day, its revocation, or its owner.
func TestTokens(t *testing.T) {
	r := enter(t)
	r.create("boss", access.Admin)
	r.create("wang", access.Operator)
	if _, _, err := r.CreateToken(t.Context(), "wang", "x", access.Admin, time.Time{}); err == nil {
		t.Error("an operator gave away an admin's token")
	}
	tok, secret, err := r.CreateToken(t.Context(), "wang", "wall", access.Operator, r.now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := r.ByToken(t.Context(), secret); err != nil || p.Name != "wang" || p.Role != access.Operator {
		t.Fatalf("%+v %v", p, err)
	}
	for _, wrong := range []string{"", "x", secret[1:], secret + "x", strings.ToUpper(secret), strings.Repeat("x", 1<<20), "\xff\x00"} {
		if _, err := r.ByToken(t.Context(), wrong); err == nil {
			t.Errorf("%.20q lets in", wrong)
		}
	}
	if err := r.SetRole(t.Context(), "wang", access.Viewer); err != nil {
		t.Fatal(err)
	}
	if p, _ := r.ByToken(t.Context(), secret); p.Role != access.Viewer {
		t.Errorf("the token is more than its owner: %s", p.Role)
	}
	r.pass(2 * time.Hour)
	if _, err := r.ByToken(t.Context(), secret); err == nil {
		t.Error("an old token lets in")
	}
	_, second, _ := r.CreateToken(t.Context(), "wang", "two", access.Viewer, time.Time{})
	if err := r.RevokeToken(t.Context(), "boss", tok.ID); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("somebody else's token was revoked: %v", err)
	}
	if err := r.SetDisabled(t.Context(), "wang", true); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ByToken(t.Context(), second); err == nil {
		t.Error("the token of a closed account lets in")
	}
	if all := dump(t, r.st.DB()); strings.Contains(all, secret) || strings.Contains(all, second) {
		t.Error("a secret stands in the store")
	}
}

// Sessions outlive the agent, but not their time; who reads the file cannot
// use them.
func TestSessions(t *testing.T) {
	r := enter(t)
	s := r.Sessions(func([]byte) string { return "wang" })
	if err := s.CommitCtx(t.Context(), "secret-token", []byte("data"), r.now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(dump(t, r.st.DB()), "secret-token") {
		t.Error("the cookie's token stands in the store")
	}
	r.st.Close()
	r.open()
	s = r.Sessions(func([]byte) string { return "wang" })
	if b, found, err := s.FindCtx(t.Context(), "secret-token"); !found || string(b) != "data" || err != nil {
		t.Errorf("after a restart: %q %v %v", b, found, err)
	}
	r.pass(2 * time.Hour)
	if _, found, _ := s.FindCtx(t.Context(), "secret-token"); found {
		t.Error("it outlives its time")
	}
}

// A damaged record keeps out, it does not bring the agent down.
func TestDamagedPassword(t *testing.T) {
	r := enter(t)
	r.create("wang", access.Operator)
	for _, phc := range []string{"x", "$argon2id$v=19$m=0,t=0,p=0$AA$AA", "$argon2id$v=19$m=999999999,t=1,p=1$AA$AA", "$argon2id$v=19$m=19,t=1,p=0$AAAA$AAAA", "$argon2id$$$$", "$argon2id$v=19$m=19456,t=2,p=1$!$!"} {
		if _, err := r.st.DB().ExecContext(t.Context(), `UPDATE users SET password = ? WHERE name = 'wang'`, phc); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Login(t.Context(), "wang", good, phc); err == nil {
			t.Errorf("%q lets in", phc)
		}
	}
}

// Every refusal has its sentence in both languages.
func TestRefusalsAreSaid(t *testing.T) {
	c, err := text.Load(time.UTC, access.Messages)
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{"login_failed", "too_many_tries"} {
		if a, b := c.For("en").T("access.refused."+code, map[string]any{"seconds": 5, "wait": 5 * time.Second}), c.For("zh-CN").T("access.refused."+code, map[string]any{"seconds": 5, "wait": 5 * time.Second}); a == b {
			t.Errorf("%s: %q in both", code, a)
		}
	}
}
