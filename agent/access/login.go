package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// maxWaiting bounds the logins that wait for the one place where passwords are
// hashed; more than that is a flood, not people.
const maxWaiting = 32

// Lookup returns a live account as a principal; sessions use it at each
// request, so that a disabled account is out at once.
func (a *Accounts) Lookup(ctx context.Context, name, via string) (Principal, error) {
	if !nameForm.MatchString(name) {
		return Principal{}, refuse("login_failed")
	}
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
	if err := a.mayTry(name, remote); err != nil {
		return Principal{}, err
	}
	select {
	case a.waiting <- struct{}{}:
		defer func() { <-a.waiting }()
	default:
		return Principal{}, slowDown(time.Second)
	}
	release, err := a.turn(ctx)
	if err != nil {
		return Principal{}, err
	}
	defer release()
	// Once more: a hundred tries at the same instant are a hundred tries.
	if err := a.mayTry(name, remote); err != nil {
		return Principal{}, err
	}
	ok, err := a.matches(ctx, name, password)
	if err != nil {
		return Principal{}, err
	}
	if !ok {
		a.throttle.failed(a.now(), name, remote)
		return Principal{}, refuse("login_failed")
	}
	a.throttle.succeeded(name, remote)
	return a.Lookup(ctx, name, "console")
}

func (a *Accounts) mayTry(name, remote string) error {
	if wait := a.throttle.wait(a.now(), name, remote); wait > 0 {
		return slowDown(wait)
	}
	return nil
}

// slowDown says the wait in whole seconds, never less than it is.
func slowDown(wait time.Duration) error {
	return refuse("too_many_tries", "wait", (wait + time.Second - 1).Truncate(time.Second).Seconds())
}

// matches does the same work whether or not there is such an account.
func (a *Accounts) matches(ctx context.Context, name, password string) (bool, error) {
	var phc string
	if nameForm.MatchString(name) {
		err := a.db.QueryRowContext(ctx, `SELECT password FROM users WHERE name = ? AND disabled = 0`, name).Scan(&phc)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return false, fmt.Errorf("log in: %w", err)
		}
	}
	if phc == "" || len(password) > maxPassword {
		a.verify(nobody, "")
		return false, nil
	}
	stored, err := parse(phc)
	if err != nil {
		return false, fmt.Errorf("password of %s: %w", name, err)
	}
	return a.verify(stored, password), nil
}
