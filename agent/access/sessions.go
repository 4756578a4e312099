package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Sessions keeps the console's sessions, for alexedwards/scs. The cookie's
// token is stored as a hash: who reads the file cannot log in with it.
type Sessions struct {
	a *Accounts
	// Owner reads the account's name out of a session's data.
	Owner func(data []byte) string
}

// Sessions returns the session store.
func (a *Accounts) Sessions(owner func([]byte) string) *Sessions { return &Sessions{a, owner} }

// Find returns a session's data if it has not expired.
func (s *Sessions) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// FindCtx is Find within a context.
func (s *Sessions) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	var body []byte
	err := s.a.db.QueryRowContext(ctx, `SELECT body FROM sessions WHERE hash = ? AND expires > ?`, digest(token), s.a.now().UnixMilli()).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("find session: %w", err)
	}
	return body, true, nil
}

// Commit keeps a session until expiry.
func (s *Sessions) Commit(token string, body []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, body, expiry)
}

// CommitCtx is Commit within a context. Expired sessions go on the way.
func (s *Sessions) CommitCtx(ctx context.Context, token string, body []byte, expiry time.Time) error {
	owner := ""
	if s.Owner != nil {
		owner = s.Owner(body)
	}
	_, err := s.a.db.ExecContext(ctx, `INSERT INTO sessions (hash, owner, body, expires) VALUES (?, ?, ?, ?)
		ON CONFLICT (hash) DO UPDATE SET owner = excluded.owner, body = excluded.body, expires = excluded.expires`,
		digest(token), owner, body, expiry.UnixMilli())
	if err == nil {
		_, err = s.a.db.ExecContext(ctx, `DELETE FROM sessions WHERE expires <= ?`, s.a.now().UnixMilli())
	}
	if err != nil {
		return fmt.Errorf("keep session: %w", err)
	}
	return nil
}

// Delete ends a session.
func (s *Sessions) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// DeleteCtx is Delete within a context.
func (s *Sessions) DeleteCtx(ctx context.Context, token string) error {
	if _, err := s.a.db.ExecContext(ctx, `DELETE FROM sessions WHERE hash = ?`, digest(token)); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}
