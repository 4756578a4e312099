package access_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"xunjian/agent/access"
)

func (r *room) token(owner, name string, role access.Role, expires time.Time) (access.Token, string) {
	r.t.Helper()
	tok, secret, err := r.CreateToken(r.t.Context(), owner, name, role, expires)
	if err != nil {
		r.t.Fatal(err)
	}
	return tok, secret
}

// A token's secret is told once and kept nowhere; whatever is nearly it is not
// it.
func TestTokenSecret(t *testing.T) {
	r := enter(t)
	r.create("wang", access.Operator)
	tok, secret := r.token("wang", "wall", access.Operator, time.Time{})
	if _, other := r.token("wang", "wall", access.Operator, time.Time{}); other == secret || len(secret) < 40 || !strings.HasPrefix(secret, "xj_") {
		t.Errorf("secrets %q and %q", secret, other)
	}
	if p, err := r.ByToken(t.Context(), secret); err != nil || p.Name != "wang" || p.Role != access.Operator || p.Via != "api" {
		t.Fatalf("%+v %v", p, err)
	}
	wrong := []string{
		"", "x", secret[1:], secret[:len(secret)-1], secret + "x", secret + "\n", " " + secret, strings.ToUpper(secret), tok.ID,
		strings.Repeat("x", 1<<20), strings.Repeat("x", len(secret)), "\xff\x00", secret[:len(secret)-1] + "\x00",
	}
	if all := dump(t, r.st.DB()); strings.Contains(all, secret) || strings.Contains(all, strings.TrimPrefix(secret, "xj_")) {
		t.Error("a secret stands in the store")
	} else {
		wrong = append(wrong, strings.Fields(all)...) // nor does what is stored let in
	}
	for _, w := range wrong {
		_, err := r.ByToken(t.Context(), w)
		refused(t, err, "bad_token")
	}
}

// A token gives no more than its owner has at that moment.
func TestTokenRole(t *testing.T) {
	r := enter(t)
	r.create("boss", access.Admin)
	r.create("wang", access.Operator)
	_, _, err := r.CreateToken(t.Context(), "wang", "x", access.Admin, time.Time{})
	refused(t, err, "role_above_owner")
	_, _, err = r.CreateToken(t.Context(), "wang", "x", "root", time.Time{})
	refused(t, err, "unknown_role")
	_, _, err = r.CreateToken(t.Context(), "li", "x", access.Viewer, time.Time{})
	refused(t, err, "unknown_account")
	_, secret := r.token("wang", "wall", access.Operator, time.Time{})
	for _, c := range []struct{ owner, want access.Role }{{access.Viewer, access.Viewer}, {access.Operator, access.Operator}, {access.Admin, access.Operator}} {
		if err := r.SetRole(t.Context(), "wang", c.owner); err != nil {
			t.Fatal(err)
		}
		if p, err := r.ByToken(t.Context(), secret); p.Role != c.want || err != nil {
			t.Errorf("while its owner is %s: %s %v", c.owner, p.Role, err)
		}
	}
	if err := r.SetDisabled(t.Context(), "wang", true); err != nil {
		t.Fatal(err)
	}
	_, err = r.ByToken(t.Context(), secret)
	refused(t, err, "bad_token")
	_, _, err = r.CreateToken(t.Context(), "wang", "x", access.Viewer, time.Time{})
	refused(t, err, "unknown_account")
}

// A token ends with its day, or when it is revoked by whom it belongs to.
func TestTokenEnds(t *testing.T) {
	r := enter(t)
	r.create("boss", access.Admin)
	r.create("wang", access.Operator)
	tok, secret := r.token("wang", "wall", access.Operator, r.now().Add(time.Hour))
	for _, ago := range []time.Duration{0, time.Hour} {
		_, _, err := r.CreateToken(t.Context(), "wang", "x", access.Viewer, r.now().Add(-ago))
		refused(t, err, "token_expired")
	}
	r.pass(time.Hour - time.Millisecond)
	if _, err := r.ByToken(t.Context(), secret); err != nil {
		t.Errorf("in its last millisecond: %v", err)
	}
	r.pass(time.Millisecond)
	_, err := r.ByToken(t.Context(), secret)
	refused(t, err, "bad_token")

	second, secret := r.token("wang", "two", access.Viewer, time.Time{})
	r.pass(10 * 365 * 24 * time.Hour)
	if _, err := r.ByToken(t.Context(), secret); err != nil {
		t.Errorf("one without a day: %v", err)
	}
	if err := r.RevokeToken(t.Context(), "boss", second.ID); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("somebody else's token was revoked: %v", err)
	}
	for _, id := range []string{tok.ID, second.ID} {
		if err := r.RevokeToken(t.Context(), "wang", id); err != nil {
			t.Fatal(err)
		}
		refused(t, r.RevokeToken(t.Context(), "", id), "unknown_token")
	}
	_, err = r.ByToken(t.Context(), secret)
	refused(t, err, "bad_token")
}

// The list says which tokens are in use; not being able to note it keeps
// nobody out.
func TestTokenList(t *testing.T) {
	r := enter(t)
	r.create("boss", access.Admin)
	r.create("wang", access.Operator)
	tok, secret := r.token("wang", "大屏 1", access.Viewer, r.now().Add(time.Hour))
	r.pass(time.Second)
	r.token("boss", "b", access.Admin, time.Time{})
	used := func() time.Time {
		t.Helper()
		if _, err := r.ByToken(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		list, err := r.Tokens(t.Context(), "wang")
		if err != nil || len(list) != 1 || list[0].ID != tok.ID || list[0].Name != "大屏 1" || !list[0].Expires.Equal(tok.Expires) {
			t.Fatalf("%+v %v", list, err)
		}
		return list[0].LastUsed
	}
	first := used()
	r.pass(time.Minute)
	if again := used(); !again.Equal(first) {
		t.Errorf("noted again within the minute: %v after %v", again, first)
	}
	r.pass(time.Second)
	last := used()
	if !last.Equal(r.now()) {
		t.Errorf("last used %v, now is %v", last, r.now())
	}
	if _, err := r.st.DB().ExecContext(t.Context(), `CREATE TRIGGER full BEFORE UPDATE ON tokens BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END`); err != nil {
		t.Fatal(err)
	}
	r.pass(2 * time.Minute)
	if got := used(); !got.Equal(last) {
		t.Errorf("noted on a full disk: %v", got)
	}
	if all, err := r.Tokens(t.Context(), ""); err != nil || len(all) != 2 || all[1].Owner != "boss" || !all[1].Expires.IsZero() {
		t.Errorf("everybody's: %+v %v", all, err)
	}
}

func TestTokenNames(t *testing.T) {
	r := enter(t)
	r.create("wang", access.Operator)
	for _, name := range []string{"", "a\nb", "\x1b[2J", "\xff", "a\x00", "a\u200bb", "a\u202eb", strings.Repeat("x", 129), strings.Repeat("x", 1<<20)} {
		_, _, err := r.CreateToken(t.Context(), "wang", name, access.Viewer, time.Time{})
		refused(t, err, "bad_token_name")
	}
	refused(t, r.RevokeToken(t.Context(), "", "\xff\x00"+strings.Repeat("x", 1<<20)), "unknown_token")
}
