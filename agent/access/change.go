package access

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
)

// SetPassword changes a password and ends the account's sessions.
func (a *Accounts) SetPassword(ctx context.Context, name, password string) error {
	hash, err := a.hash(ctx, password)
	if err != nil {
		return err
	}
	return a.change(ctx, name, edit{endSessions: true}, `UPDATE users SET password = ? WHERE name = ?`, hash, name)
}

// SetRole changes a role. The last admin stays one.
func (a *Accounts) SetRole(ctx context.Context, name string, role Role) error {
	if !role.Valid() {
		return refuse("unknown_role", "role", string(role))
	}
	return a.change(ctx, name, edit{endSessions: true, takesAdmin: role != Admin}, `UPDATE users SET role = ? WHERE name = ?`, string(role), name)
}

// SetDisabled locks an account out, or lets it in again. The last admin cannot
// be locked out.
func (a *Accounts) SetDisabled(ctx context.Context, name string, disabled bool) error {
	return a.change(ctx, name, edit{endSessions: true, takesAdmin: disabled}, `UPDATE users SET disabled = ? WHERE name = ?`, disabled, name)
}

// langForm is a language tag's; which languages there are is the caller's to
// know.
var langForm = regexp.MustCompile(`^[a-zA-Z-]{0,16}$`)

// SetLang keeps a person's choice of language.
func (a *Accounts) SetLang(ctx context.Context, name, lang string) error {
	if !langForm.MatchString(lang) {
		return refuse("unknown_lang", "lang", lang)
	}
	return a.change(ctx, name, edit{}, `UPDATE users SET lang = ? WHERE name = ?`, lang, name)
}

// edit is what a change of an account entails.
type edit struct {
	endSessions bool
	takesAdmin  bool // it may leave the agent without an admin
}

func (a *Accounts) change(ctx context.Context, name string, e edit, query string, args ...any) error {
	if !nameForm.MatchString(name) {
		return refuse("unknown_account", "name", name)
	}
	if e.endSessions {
		a.ended.mu.Lock()
		defer a.ended.mu.Unlock()
	}
	tx, err := a.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("change account %s: %w", name, err)
	}
	defer tx.Rollback()
	if e.takesAdmin {
		// In the same transaction: two admins may be at it against each other.
		if err := notLastAdmin(ctx, tx, name); err != nil {
			return err
		}
	}
	res, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("change account %s: %w", name, err)
	}
	if n, err := res.RowsAffected(); err == nil && n == 0 {
		return refuse("unknown_account", "name", name)
	}
	var over []session
	if e.endSessions {
		if over, err = endSessions(ctx, tx, `owner = ?`, name); err != nil {
			return fmt.Errorf("end sessions of %s: %w", name, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("change account %s: %w", name, err)
	}
	if e.endSessions {
		a.ended.addLocked(a.now(), over)
	}
	return nil
}

func notLastAdmin(ctx context.Context, tx *sql.Tx, name string) error {
	var others int
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM users WHERE role = 'admin' AND disabled = 0 AND name <> ?`, name).Scan(&others)
	if err != nil {
		return fmt.Errorf("count admins: %w", err)
	}
	if others == 0 {
		return refuse("last_admin", "name", name)
	}
	return nil
}
