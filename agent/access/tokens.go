package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// Token lets a program in, in its owner's name.
type Token struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Owner    string    `json:"owner"`
	Role     Role      `json:"role"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires,omitzero"`
	LastUsed time.Time `json:"last_used,omitzero"`
}

// tokenPrefix makes a token known for what it is when it turns up where it
// should not.
const (
	tokenPrefix = "xj_"
	tokenBytes  = 32
)

// maxTokenName bounds the name of a token, in bytes.
const maxTokenName = 128

// CreateToken makes a token of at most the owner's role and returns its
// secret, which is kept nowhere.
func (a *Accounts) CreateToken(ctx context.Context, owner, name string, role Role, expires time.Time) (Token, string, error) {
	p, err := a.Lookup(ctx, owner, "api")
	if errors.Is(err, ErrUnauthenticated) {
		return Token{}, "", refuse("unknown_account", "name", owner)
	}
	if err != nil {
		return Token{}, "", err
	}
	if name == "" || len(name) > maxTokenName || name != shown(name, maxTokenName) {
		return Token{}, "", refuse("bad_token_name", "name", name, "max", maxTokenName)
	}
	if !expires.IsZero() && !expires.After(a.now()) {
		return Token{}, "", refuse("token_expired")
	}
	if !role.Valid() {
		return Token{}, "", refuse("unknown_role", "role", string(role))
	}
	if !p.Role.Allows(role) {
		return Token{}, "", refuse("role_above_owner", "role", string(role))
	}
	var raw [tokenBytes]byte
	rand.Read(raw[:])
	secret := tokenPrefix + base64.RawURLEncoding.EncodeToString(raw[:])
	t := Token{ID: rand.Text()[:10], Name: name, Owner: owner, Role: role, Created: a.now().UTC().Truncate(time.Millisecond), Expires: expires}
	_, err = a.db.ExecContext(ctx, `INSERT INTO tokens (id, name, owner, role, hash, created, expires, last_used) VALUES (?, ?, ?, ?, ?, ?, ?, 0)`,
		t.ID, name, owner, string(role), digest(secret), millis(t.Created), millis(expires))
	if err != nil {
		return Token{}, "", fmt.Errorf("create token: %w", err)
	}
	return t, secret, nil
}

// Tokens lists the tokens of an owner, or all with owner "".
func (a *Accounts) Tokens(ctx context.Context, owner string) ([]Token, error) {
	rows, err := a.db.QueryContext(ctx, `SELECT id, name, owner, role, created, expires, last_used FROM tokens
		WHERE ? = '' OR owner = ? ORDER BY created`, owner, owner)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	defer rows.Close()
	var out []Token
	for rows.Next() {
		var t Token
		var created, expires, used int64
		if err := rows.Scan(&t.ID, &t.Name, &t.Owner, &t.Role, &created, &expires, &used); err != nil {
			return nil, fmt.Errorf("list tokens: %w", err)
		}
		t.Created, t.Expires, t.LastUsed = instant(created), instant(expires), instant(used)
		out = append(out, t)
	}
	return out, rows.Err()
}

// RevokeToken ends a token. owner restricts whose; "" means anybody's.
func (a *Accounts) RevokeToken(ctx context.Context, owner, id string) error {
	res, err := a.db.ExecContext(ctx, `DELETE FROM tokens WHERE id = ? AND (? = '' OR owner = ?)`, id, owner, owner)
	if err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	if n, err := res.RowsAffected(); err == nil && n == 0 {
		return refuse("unknown_token", "id", id)
	}
	return nil
}

// ByToken returns who a token's secret lets in, with the lesser of its role
// and its owner's.
func (a *Accounts) ByToken(ctx context.Context, secret string) (Principal, error) {
	if len(secret) != len(tokenPrefix)+base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return Principal{}, refuse("bad_token")
	}
	var id, owner string
	var role Role
	var expires, used int64
	err := a.db.QueryRowContext(ctx, `SELECT id, owner, role, expires, last_used FROM tokens WHERE hash = ?`, digest(secret)).
		Scan(&id, &owner, &role, &expires, &used)
	if errors.Is(err, sql.ErrNoRows) {
		return Principal{}, refuse("bad_token")
	}
	if err != nil {
		return Principal{}, fmt.Errorf("look up token: %w", err)
	}
	now := a.now()
	if expires != 0 && now.UnixMilli() >= expires {
		return Principal{}, refuse("bad_token")
	}
	p, err := a.Lookup(ctx, owner, "api")
	if errors.Is(err, ErrUnauthenticated) {
		return Principal{}, refuse("bad_token")
	}
	if err != nil {
		return Principal{}, err
	}
	if p.Role.Allows(role) {
		p.Role = role
	}
	// Once a minute is enough to see which tokens are in use. It is only for
	// the list: a full disk must not keep a program out.
	if now.UnixMilli()-used > time.Minute.Milliseconds() {
		_, _ = a.db.ExecContext(ctx, `UPDATE tokens SET last_used = ? WHERE id = ?`, now.UnixMilli(), id)
	}
	return p, nil
}

func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
