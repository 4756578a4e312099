// Package access knows who may do what: accounts with roles, passwords,
// sessions and tokens. There is no default password: the first account is made
// with a random one that is shown once.
package access

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Messages says the refusals.
//
//go:embed messages/*.yaml
var Messages embed.FS

// Role is what a person may do. Each includes the one before it.
type Role string

// The roles.
const (
	Viewer   Role = "viewer"   // reads
	Operator Role = "operator" // works on incidents
	Admin    Role = "admin"    // accounts and configuration too
)

// Roles from the least to the most.
var Roles = [...]Role{Viewer, Operator, Admin}

// Allows reports whether r may do what needs the role need.
func (r Role) Allows(need Role) bool {
	return r.Valid() && slices.Index(Roles[:], r) >= slices.Index(Roles[:], need)
}

// Valid reports whether r is one of the roles.
func (r Role) Valid() bool { return slices.Contains(Roles[:], r) }

// Principal is who makes a request.
type Principal struct {
	Name string
	Role Role
	// Via is the way in: console, api, cli.
	Via string
	// Lang is the person's own choice of language, empty if none.
	Lang string
}

// Refusal is why access was denied or an account not changed: a code with
// arguments; access.refused.<Code> in the message files.
type Refusal struct {
	Code string
	Args map[string]any
}

// Error says the refusal in English for logs.
func (r *Refusal) Error() string { return "refused: " + strings.ReplaceAll(r.Code, "_", " ") }

// The errors that callers tell apart; a Refusal is one of them where it fits.
var (
	ErrUnauthenticated = errors.New("nobody is logged in")
	ErrNotFound        = errors.New("no such account or token")
)

// Is lets errors.Is tell the two kinds of refusal that have their own status.
func (r *Refusal) Is(target error) bool {
	switch r.Code {
	case "login_failed", "bad_token":
		return target == ErrUnauthenticated
	case "unknown_account", "unknown_token":
		return target == ErrNotFound
	}
	return false
}

func refuse(code string, args ...any) error {
	r := &Refusal{Code: code, Args: map[string]any{}}
	for i := 0; i+1 < len(args); i += 2 {
		r.Args[args[i].(string)] = args[i+1]
	}
	return r
}

// Account is one person's login.
type Account struct {
	Name     string    `json:"name"`
	Role     Role      `json:"role"`
	Lang     string    `json:"lang,omitempty"`
	Disabled bool      `json:"disabled"`
	Created  time.Time `json:"created"`
}

// Accounts are the logins of this agent.
type Accounts struct {
	db       *sql.DB
	now      func() time.Time
	throttle throttle
	// hashing lets one password be hashed at a time: each takes 19 MiB.
	hashing chan struct{}
}

// New returns the accounts kept in db (the store's tables users, tokens,
// sessions). now may be nil.
func New(db *sql.DB, now func() time.Time) *Accounts {
	if now == nil {
		now = time.Now
	}
	return &Accounts{db: db, now: now, throttle: newThrottle(), hashing: make(chan struct{}, 1)}
}

// Bootstrap makes the account "admin" with a random password if there are no
// accounts at all; the password is then returned, and kept nowhere else.
func (a *Accounts) Bootstrap(ctx context.Context) (name, password string, err error) {
	var n int
	if err := a.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM users`).Scan(&n); err != nil {
		return "", "", fmt.Errorf("count accounts: %w", err)
	}
	if n > 0 {
		return "", "", nil
	}
	password = readable()
	return "admin", password, a.Create(ctx, "admin", Admin, password)
}

// readable returns a random password of 80 bits in groups that can be read
// aloud.
func readable() string {
	text := strings.ToLower(rand.Text())[:16]
	return strings.Join([]string{text[:4], text[4:8], text[8:12], text[12:]}, "-")
}

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._@-]{0,63}$`)

// minPassword is the least length of a password, in bytes; maxPassword keeps a
// request from costing more than a password is worth.
const (
	minPassword = 10
	maxPassword = 1024
)

func checkPassword(password string) error {
	if len(password) < minPassword {
		return refuse("password_short", "min", minPassword)
	}
	if len(password) > maxPassword {
		return refuse("password_long", "max", maxPassword)
	}
	return nil
}

// Create makes an account.
func (a *Accounts) Create(ctx context.Context, name string, role Role, password string) error {
	if !nameForm.MatchString(name) {
		return refuse("bad_name", "name", name)
	}
	if !role.Valid() {
		return refuse("unknown_role", "role", string(role))
	}
	hash, err := a.hash(ctx, password)
	if err != nil {
		return err
	}
	res, err := a.db.ExecContext(ctx, `INSERT INTO users (name, role, password, lang, disabled, created) VALUES (?, ?, ?, '', 0, ?)
		ON CONFLICT (name) DO NOTHING`, name, string(role), hash, a.now().UnixMilli())
	if err != nil {
		return fmt.Errorf("create account %s: %w", name, err)
	}
	if n, err := res.RowsAffected(); err == nil && n == 0 {
		return refuse("name_taken", "name", name)
	}
	return nil
}

// List returns all accounts by name.
func (a *Accounts) List(ctx context.Context) ([]Account, error) {
	rows, err := a.db.QueryContext(ctx, `SELECT name, role, lang, disabled, created FROM users ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	defer rows.Close()
	var out []Account
	for rows.Next() {
		var u Account
		var created int64
		if err := rows.Scan(&u.Name, &u.Role, &u.Lang, &u.Disabled, &created); err != nil {
			return nil, fmt.Errorf("list accounts: %w", err)
		}
		u.Created = time.UnixMilli(created).UTC()
		out = append(out, u)
	}
	return out, rows.Err()
}

// SetPassword changes a password and ends the account's sessions.
func (a *Accounts) SetPassword(ctx context.Context, name, password string) error {
	hash, err := a.hash(ctx, password)
	if err != nil {
		return err
	}
	return a.change(ctx, name, true, `UPDATE users SET password = ? WHERE name = ?`, hash, name)
}

// SetRole changes a role. The last admin stays one.
func (a *Accounts) SetRole(ctx context.Context, name string, role Role) error {
	if !role.Valid() {
		return refuse("unknown_role", "role", string(role))
	}
	if role != Admin {
		if err := a.notLastAdmin(ctx, name); err != nil {
			return err
		}
	}
	return a.change(ctx, name, true, `UPDATE users SET role = ? WHERE name = ?`, string(role), name)
}

// SetDisabled locks an account out, or lets it in again. The last admin cannot
// be locked out.
func (a *Accounts) SetDisabled(ctx context.Context, name string, disabled bool) error {
	if disabled {
		if err := a.notLastAdmin(ctx, name); err != nil {
			return err
		}
	}
	return a.change(ctx, name, true, `UPDATE users SET disabled = ? WHERE name = ?`, disabled, name)
}

// SetLang keeps a person's choice of language.
func (a *Accounts) SetLang(ctx context.Context, name, lang string) error {
	return a.change(ctx, name, false, `UPDATE users SET lang = ? WHERE name = ?`, lang, name)
}

func (a *Accounts) change(ctx context.Context, name string, endSessions bool, query string, args ...any) error {
	tx, err := a.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("change account %s: %w", name, err)
	}
	defer tx.Rollback()
	res, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("change account %s: %w", name, err)
	}
	if n, err := res.RowsAffected(); err == nil && n == 0 {
		return refuse("unknown_account", "name", name)
	}
	if endSessions {
		if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE owner = ?`, name); err != nil {
			return fmt.Errorf("end sessions of %s: %w", name, err)
		}
	}
	return tx.Commit()
}

func (a *Accounts) notLastAdmin(ctx context.Context, name string) error {
	var others int
	err := a.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM users WHERE role = 'admin' AND disabled = 0 AND name <> ?`, name).Scan(&others)
	if err != nil {
		return fmt.Errorf("count admins: %w", err)
	}
	if others == 0 {
		return refuse("last_admin", "name", name)
	}
	return nil
}

// Lookup returns a live account as a principal; sessions use it at each
// request, so that a disabled account is out at once.
func (a *Accounts) Lookup(ctx context.Context, name, via string) (Principal, error) {
	p := Principal{Name: name, Via: via}
	var disabled bool
	err := a.db.QueryRowContext(ctx, `SELECT role, lang, disabled FROM users WHERE name = ?`, name).Scan(&p.Role, &p.Lang, &disabled)
	if errors.Is(err, sql.ErrNoRows) || err == nil && disabled {
		return Principal{}, refuse("login_failed")
	}
	if err != nil {
		return Principal{}, fmt.Errorf("look up account: %w", err)
	}
	return p, nil
}

// Login checks a name and password from a remote address. Wrong ones are
// slowed down by name and by address; an unknown name costs as much as a
// wrong password.
func (a *Accounts) Login(ctx context.Context, name, password, remote string) (Principal, error) {
	now := a.now()
	if wait := a.throttle.wait(now, name, remote); wait > 0 {
		return Principal{}, refuse("too_many_tries", "wait", wait.Seconds())
	}
	var hash string
	err := a.db.QueryRowContext(ctx, `SELECT password FROM users WHERE name = ? AND disabled = 0`, name).Scan(&hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Principal{}, fmt.Errorf("log in: %w", err)
	}
	ok, verr := a.verify(ctx, hash, password)
	if verr != nil {
		return Principal{}, verr
	}
	if !ok {
		a.throttle.failed(now, name, remote)
		return Principal{}, refuse("login_failed")
	}
	a.throttle.succeeded(name, remote)
	return a.Lookup(ctx, name, "console")
}
