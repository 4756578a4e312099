package console

import (
	"crypto/rand"
	"strings"
	"time"

	"xunjian/agent/access"
)

type usersPage struct {
	Users  []userRow
	Tokens []tokenRow
	Roles  []option
	Owners []string
	Error  string
	// Secret is a password or token that is shown this once; For is whose.
	Secret, For string
	SecretIs    string // password or token
}

type userRow struct {
	Name     string
	Role     access.Role
	Roles    []option
	Disabled bool
	Created  moment
	Self     bool
}

type tokenRow struct {
	ID, Name, Owner, Role   string
	Created, Expires, Used  moment
	NeverExpires, NeverUsed bool
	Expired                 bool
}

func showUsers(r *request) error { return r.usersPage(200, usersPage{}) }

func (r *request) usersPage(status int, page usersPage) error {
	list, err := r.c.opt.Accounts.List(r.Context())
	if err != nil {
		return err
	}
	for _, a := range list {
		page.Users = append(page.Users, userRow{
			a.Name, a.Role, r.roles(a.Role), a.Disabled, r.moment(a.Created, r.now), a.Name == r.who.Name,
		})
		if !a.Disabled {
			page.Owners = append(page.Owners, a.Name)
		}
	}
	page.Roles = r.roles(access.Viewer)
	tokens, err := r.c.opt.Accounts.Tokens(r.Context(), "")
	if err != nil {
		return err
	}
	for _, t := range tokens {
		page.Tokens = append(page.Tokens, r.tokenRow(t))
	}
	return r.render(status, "users", r.T("console.nav.users"), page)
}

func (r *request) tokenRow(t access.Token) tokenRow {
	return tokenRow{
		ID: t.ID, Name: t.Name, Owner: t.Owner, Role: r.T("console.role." + string(t.Role)),
		Created: r.moment(t.Created, r.now), Expires: r.moment(t.Expires, r.now), Used: r.moment(t.LastUsed, r.now),
		NeverExpires: t.Expires.IsZero(), NeverUsed: t.LastUsed.IsZero(),
		Expired: !t.Expires.IsZero() && t.Expires.Before(r.now),
	}
}

func (r *request) roles(chosen access.Role) []option {
	var out []option
	for _, role := range access.Roles {
		out = append(out, option{string(role), r.T("console.role." + string(role)), role == chosen})
	}
	return out
}

// changed answers a change of accounts: back to the page, or the page with
// why it was refused.
func (r *request) changed(err error, done string) error {
	if f, ok := refusalOf(err); ok {
		return r.usersPage(f.Status, usersPage{Error: r.sayFailure(f)})
	}
	if err != nil {
		return err
	}
	r.flash("console.done." + done)
	return r.redirect("/users")
}

// once answers with a secret that is kept nowhere in readable form.
func (r *request) once(err error, is, whose, secret string) error {
	if err != nil {
		return r.changed(err, "")
	}
	return r.usersPage(200, usersPage{Secret: secret, For: whose, SecretIs: is})
}

func addUser(r *request) error {
	name, password := r.field("name"), randomPassword()
	err := r.c.opt.Accounts.Create(r.Context(), name, access.Role(r.field("role")), password)
	return r.once(err, "password", name, password)
}

func changeRole(r *request) error {
	return r.changed(r.c.opt.Accounts.SetRole(r.Context(), r.field("name"), access.Role(r.field("role"))), "role")
}

func disableUser(r *request) error {
	disabled := r.field("disabled") == "true"
	done := "enabled"
	if disabled {
		done = "disabled"
	}
	return r.changed(r.c.opt.Accounts.SetDisabled(r.Context(), r.field("name"), disabled), done)
}

func resetPassword(r *request) error {
	name, password := r.field("name"), randomPassword()
	err := r.c.opt.Accounts.SetPassword(r.Context(), name, password)
	if err == nil && name == r.who.Name {
		err = r.begin(name) // the session ended with the old password
	}
	return r.once(err, "password", name, password)
}

func addToken(r *request) error {
	var expires time.Time
	if days := number(r.field("days"), 0, 1, 3650); days > 0 {
		expires = r.now.AddDate(0, 0, days)
	}
	owner := r.field("owner")
	_, secret, err := r.c.opt.Accounts.CreateToken(r.Context(), owner, r.field("name"), access.Role(r.field("role")), expires)
	return r.once(err, "token", owner, secret)
}

func revokeToken(r *request) error {
	return r.changed(r.c.opt.Accounts.RevokeToken(r.Context(), "", r.field("id")), "revoked")
}

// randomPassword has 80 bits, in groups that can be read aloud.
func randomPassword() string {
	s := strings.ToLower(rand.Text())[:16]
	return strings.Join([]string{s[:4], s[4:8], s[8:12], s[12:]}, "-")
}
