package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
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

// CommitCtx is Commit within a context. Expired sessions go on the way. A
// session that was ended stays so.
func (s *Sessions) CommitCtx(ctx context.Context, token string, body []byte, expiry time.Time) error {
	owner := ""
	if s.Owner != nil {
		owner = s.Owner(body)
	}
	hash := digest(token)
	s.a.ended.mu.Lock()
	defer s.a.ended.mu.Unlock()
	if s.a.ended.hasLocked(hash) {
		return nil
	}
	_, err := s.a.db.ExecContext(ctx, `INSERT INTO sessions (hash, owner, body, expires) VALUES (?, ?, ?, ?)
		ON CONFLICT (hash) DO UPDATE SET owner = excluded.owner, body = excluded.body, expires = excluded.expires`,
		hash, owner, body, expiry.UnixMilli())
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
	s.a.ended.mu.Lock()
	defer s.a.ended.mu.Unlock()
	over, err := endSessions(ctx, s.a.db, `hash = ?`, digest(token))
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	s.a.ended.addLocked(s.a.now(), over)
	return nil
}

// ended remembers the sessions that were ended by a person, until they would
// have been over anyway. A request that was under way at that moment keeps its
// session's data when it is done: that must not bring the session back.
type ended struct {
	mu sync.Mutex
	at map[string]time.Time // by hash, when to forget it
}

// session is one that was ended.
type session struct {
	hash    string
	expires time.Time
}

func (e *ended) hasLocked(hash string) bool {
	_, has := e.at[hash]
	return has
}

func (e *ended) addLocked(now time.Time, over []session) {
	for hash, until := range e.at {
		if now.After(until) {
			delete(e.at, hash)
		}
	}
	for _, s := range over {
		if e.at == nil {
			e.at = map[string]time.Time{}
		}
		// An idle timeout lets a request under way prolong its session.
		e.at[s.hash] = s.expires.Add(time.Hour)
	}
}

// endSessions deletes those that meet the condition and says which they were.
func endSessions(ctx context.Context, db interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}, condition string, args ...any) ([]session, error) {
	rows, err := db.QueryContext(ctx, `DELETE FROM sessions WHERE `+condition+` RETURNING hash, expires`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []session
	for rows.Next() {
		var s session
		var expires int64
		if err := rows.Scan(&s.hash, &expires); err != nil {
			return nil, err
		}
		s.expires = time.UnixMilli(expires)
		out = append(out, s)
	}
	return out, rows.Err()
}
