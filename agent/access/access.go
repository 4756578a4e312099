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
	"unicode"

	"golang.org/x/crypto/argon2"
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
	return r.Valid() && need.Valid() && slices.Index(Roles[:], r) >= slices.Index(Roles[:], need)
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
		v := args[i+1]
		if s, ok := v.(string); ok {
			v = shown(s, 64)
		}
		r.Args[args[i].(string)] = v
	}
	return r
}

// shown makes what somebody sent fit to be said back, on a terminal too.
func shown(s string, most int) string {
	var out []rune
	for _, r := range s {
		if len(out) == most {
			return string(out) + "…"
		}
		if !unicode.IsPrint(r) {
			r = unicode.ReplacementChar
		}
		out = append(out, r)
	}
	return string(out)
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
	ended    ended
	// hashing lets one password be hashed at a time: each takes 19 MiB.
	// waiting bounds the logins that queue for it.
	hashing, waiting chan struct{}
	// derive is argon2.IDKey; tests count how often it is asked.
	derive func(password, salt []byte, passes, memory uint32, lanes uint8, keyLen uint32) []byte
}

// New returns the accounts kept in db (the store's tables users, tokens,
// sessions). now may be nil.
func New(db *sql.DB, now func() time.Time) *Accounts {
	if now == nil {
		now = time.Now
	}
	return &Accounts{
		db: db, now: now, throttle: newThrottle(), derive: argon2.IDKey,
		hashing: make(chan struct{}, 1), waiting: make(chan struct{}, maxWaiting),
	}
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
	if err := a.Create(ctx, "admin", Admin, password); err != nil {
		if r := (*Refusal)(nil); errors.As(err, &r) && r.Code == "name_taken" {
			return "", "", nil // another was quicker, and tells its password
		}
		return "", "", err
	}
	return "admin", password, nil
}

// readable returns a random password of 80 bits in groups that can be read
// aloud.
func readable() string {
	text := strings.ToLower(rand.Text())[:16]
	return strings.Join([]string{text[:4], text[4:8], text[8:12], text[12:]}, "-")
}

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._@-]{0,63}$`)

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
