package access_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"

	"xunjian/agent/access"
	"xunjian/alerting/store"
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

func refused(t testing.TB, err error, code string) {
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

// Two agents on one file at the same instant: one tells a password, and that
// one is right.
func TestBootstrapOnce(t *testing.T) {
	r := enter(t)
	var told []string
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 8 {
		other := access.New(r.st.DB(), r.now)
		wg.Go(func() {
			_, password, err := other.Bootstrap(t.Context())
			if err != nil {
				t.Error(err)
			}
			if password != "" {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, password)
			}
		})
	}
	wg.Wait()
	if len(told) != 1 {
		t.Fatalf("%d passwords were told", len(told))
	}
	if _, err := r.Login(t.Context(), "admin", told[0], "10.0.0.1"); err != nil {
		t.Errorf("the one that was told: %v", err)
	}
}

// Names are of letters that look like nothing else.
func TestNames(t *testing.T) {
	r := enter(t)
	r.create("wang", access.Operator)
	bad := []string{
		"", " ", "wang ", "Wang", "WANG\n", "wang\n", "a\x00b", "\xff", "../x", "-x", "@x", "a b", "a/b", "a\x1b[2Jb", "王芳",
		"a\u200bb", "a\u200db", "\ufeffadmin", "a\u202eb", "a\u00adb", // nothing to be seen of them
		"\u0430dmin", "ɑdmin", "admín", "ａｄｍｉｎ", "admi\u0301n", "ﬁn", "ıp", // another's look
		strings.Repeat("x", 65), strings.Repeat("x", 1<<20), strings.Repeat("长", 1<<18),
	}
	for _, name := range bad {
		err := r.Create(t.Context(), name, access.Viewer, good)
		refused(t, err, "bad_name")
		var ref *access.Refusal
		if errors.As(err, &ref) {
			said, _ := ref.Args["name"].(string)
			if len(said) > 300 || !utf8.ValidString(said) || strings.ContainsAny(said, "\x00\x1b\n\u200b\u202e\ufeff") {
				t.Errorf("%.20q is said back as %.80q", name, said)
			}
		}
		refused(t, r.SetRole(t.Context(), name, access.Admin), "unknown_account")
		refused(t, r.SetPassword(t.Context(), name, good), "unknown_account")
		refused(t, r.SetDisabled(t.Context(), name, false), "unknown_account")
		_, err = r.Lookup(t.Context(), name, "console")
		refused(t, err, "login_failed")
	}
	refused(t, r.Create(t.Context(), "wang", access.Viewer, good), "name_taken")
	for _, name := range []string{"a", "0", "li.ming", "li-ming@example.org", strings.Repeat("x", 64)} {
		if err := r.Create(t.Context(), name, access.Viewer, good); err != nil {
			t.Errorf("name %q: %v", name, err)
		}
	}
	list, err := r.List(t.Context())
	if err != nil || len(list) != 6 || list[0].Name != "0" || !list[0].Created.Equal(r.now()) {
		t.Errorf("the list: %+v %v", list, err)
	}
}

// Each role includes those before it, and none that is not there.
func TestRoles(t *testing.T) {
	for i, role := range access.Roles {
		for j, need := range access.Roles {
			if got := role.Allows(need); got != (i >= j) {
				t.Errorf("%s allows %s: %v", role, need, got)
			}
		}
		for _, none := range []access.Role{"", "root", "Admin", "admin "} {
			if none.Valid() || role.Allows(none) || none.Allows(role) || none.Allows(none) {
				t.Errorf("%q counts as a role beside %s", none, role)
			}
		}
	}
	r := enter(t)
	r.create("boss", access.Admin)
	r.create("wang", access.Viewer)
	refused(t, r.Create(t.Context(), "x", "root", good), "unknown_role")
	refused(t, r.SetRole(t.Context(), "wang", ""), "unknown_role")
	if err := r.SetRole(t.Context(), "wang", access.Operator); err != nil {
		t.Fatal(err)
	}
	if p, err := r.Login(t.Context(), "wang", good, "10.0.0.1"); err != nil || p.Role != access.Operator {
		t.Errorf("%+v %v", p, err)
	}
}

func TestLanguage(t *testing.T) {
	r := enter(t)
	r.create("wang", access.Viewer)
	if err := r.SetLang(t.Context(), "wang", "zh-CN"); err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"zh\n", "\xff", "en\x00", strings.Repeat("x", 1<<20)} {
		refused(t, r.SetLang(t.Context(), "wang", lang), "unknown_lang")
	}
	if p, err := r.Lookup(t.Context(), "wang", "api"); err != nil || p.Lang != "zh-CN" || p.Via != "api" {
		t.Errorf("%+v %v", p, err)
	}
}

// The last admin stays: nobody locks everybody out.
func TestLastAdmin(t *testing.T) {
	r := enter(t)
	r.create("boss", access.Admin)
	refused(t, r.SetDisabled(t.Context(), "boss", true), "last_admin")
	refused(t, r.SetRole(t.Context(), "boss", access.Viewer), "last_admin")
	r.create("deputy", access.Admin)
	if err := r.SetDisabled(t.Context(), "deputy", true); err != nil {
		t.Fatal(err)
	}
	refused(t, r.SetRole(t.Context(), "boss", access.Viewer), "last_admin")
	if err := r.SetDisabled(t.Context(), "deputy", false); err != nil {
		t.Fatal(err)
	}
	if err := r.SetRole(t.Context(), "boss", access.Viewer); err != nil {
		t.Errorf("with another admin: %v", err)
	}
	if err := r.SetDisabled(t.Context(), "nobody", true); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("an account that is not there: %v", err)
	}
}

// Nor do two admins who lock each other out at the same instant.
func TestLastAdminOfTwo(t *testing.T) {
	r := enter(t)
	r.create("a", access.Admin)
	r.create("b", access.Admin)
	for range 25 {
		errs := make([]error, 2)
		var wg sync.WaitGroup
		for i, name := range []string{"a", "b"} {
			wg.Go(func() { errs[i] = r.SetDisabled(t.Context(), name, true) })
		}
		wg.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("both answers: %v", errs)
		}
		for _, name := range []string{"a", "b"} {
			if err := r.SetDisabled(t.Context(), name, false); err != nil {
				t.Fatal(err)
			}
		}
	}
}
