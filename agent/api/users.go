package api

import (
	"context"
	"net/http"
	"time"

	"xunjian/agent/access"
)

// Accounts is what the API needs of *access.Accounts.
type Accounts interface {
	List(ctx context.Context) ([]access.Account, error)
	Create(ctx context.Context, name string, role access.Role, password string) error
	SetPassword(ctx context.Context, name, password string) error
	SetRole(ctx context.Context, name string, role access.Role) error
	SetDisabled(ctx context.Context, name string, disabled bool) error
	Tokens(ctx context.Context, owner string) ([]access.Token, error)
	CreateToken(ctx context.Context, owner, name string, role access.Role, expires time.Time) (access.Token, string, error)
	RevokeToken(ctx context.Context, owner, id string) error
}

// UserList is every account.
type UserList struct {
	Users []User `json:"users"`
}

// User is one person's login.
type User struct {
	Name     string `json:"name"`
	Role     string `json:"role"`
	Lang     string `json:"lang,omitempty"`
	Disabled bool   `json:"disabled"`
	Created  Moment `json:"created"`
}

// NewUser makes an account.
type NewUser struct {
	Name     string `json:"name"`
	Role     string `json:"role"`
	Password string `json:"password"`
}

// UserChange changes one thing of an account: exactly one field is there, so
// that a refusal leaves nothing half done.
type UserChange struct {
	Role     *string `json:"role,omitempty"`
	Password *string `json:"password,omitempty"`
	Disabled *bool   `json:"disabled,omitempty"`
}

func (s *server) listUsers(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	list, err := s.Accounts.List(c.Context())
	if err != nil {
		return nil, err
	}
	out := UserList{Users: []User{}}
	for _, a := range list {
		out.Users = append(out.Users, c.user(a))
	}
	return out, nil
}

func (c *call) user(a access.Account) User {
	return User{Name: a.Name, Role: string(a.Role), Lang: a.Lang, Disabled: a.Disabled, Created: c.moment(a.Created)}
}

func (s *server) addUser(c *call) (any, error) {
	var in NewUser
	if err := readAll(c, &in); err != nil {
		return nil, err
	}
	if err := s.Accounts.Create(c.Context(), in.Name, access.Role(in.Role), in.Password); err != nil {
		return nil, err
	}
	s.Logger.Info("make an account", "name", in.Name, "role", in.Role, "by", c.who.Name)
	return s.oneUser(c, in.Name)
}

func (s *server) changeUser(c *call) (any, error) {
	var in UserChange
	if err := readAll(c, &in); err != nil {
		return nil, err
	}
	name := c.PathValue("name")
	change, what, err := s.userChange(c, name, in)
	if err != nil {
		return nil, err
	}
	if err := change(); err != nil {
		return nil, err
	}
	s.Logger.Info("change an account", "name", name, "what", what, "by", c.who.Name)
	return s.oneUser(c, name)
}

// userChange returns the one change that in asks for.
func (s *server) userChange(c *call, name string, in UserChange) (change func() error, what string, err error) {
	asked := 0
	if in.Role != nil {
		asked, what = asked+1, "role"
		change = func() error { return s.Accounts.SetRole(c.Context(), name, access.Role(*in.Role)) }
	}
	if in.Password != nil {
		asked, what = asked+1, "password"
		change = func() error { return s.Accounts.SetPassword(c.Context(), name, *in.Password) }
	}
	if in.Disabled != nil {
		asked, what = asked+1, "disabled"
		change = func() error { return s.Accounts.SetDisabled(c.Context(), name, *in.Disabled) }
	}
	if asked != 1 {
		return nil, "", &failure{Status: http.StatusUnprocessableEntity, Code: "one_change"}
	}
	return change, what, nil
}

func (s *server) oneUser(c *call, name string) (any, error) {
	list, err := s.Accounts.List(c.Context())
	if err != nil {
		return nil, err
	}
	for _, a := range list {
		if a.Name == name {
			return c.user(a), nil
		}
	}
	return nil, access.ErrNotFound
}

// TokenList is every token, without its secret.
type TokenList struct {
	Tokens []Token `json:"tokens"`
}

// Token lets a program in, in its owner's name.
type Token struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Owner    string `json:"owner"`
	Role     string `json:"role"`
	Created  Moment `json:"created"`
	Expires  Moment `json:"expires,omitzero"`
	LastUsed Moment `json:"last_used,omitzero"`
}

// NewToken asks for a token.
type NewToken struct {
	// Owner is the account in whose name it acts; absent means the caller's.
	Owner string `json:"owner,omitempty"`
	Name  string `json:"name"`
	Role  string `json:"role"`
	// Expires is absent for a token that does not.
	Expires Moment `json:"expires,omitzero"`
}

// IssuedToken is a new token with its secret, which is shown this once.
type IssuedToken struct {
	Token
	Secret string `json:"secret"`
}

// maxTokenName bounds the name of a token, in bytes.
const maxTokenName = 128

func (s *server) listTokens(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	list, err := s.Accounts.Tokens(c.Context(), "")
	if err != nil {
		return nil, err
	}
	out := TokenList{Tokens: []Token{}}
	for _, t := range list {
		out.Tokens = append(out.Tokens, c.token(t))
	}
	return out, nil
}

func (c *call) token(t access.Token) Token {
	return Token{
		ID: t.ID, Name: t.Name, Owner: t.Owner, Role: string(t.Role),
		Created: c.moment(t.Created), Expires: c.moment(t.Expires), LastUsed: c.moment(t.LastUsed),
	}
}

func (s *server) addToken(c *call) (any, error) {
	var in NewToken
	if err := readAll(c, &in); err != nil {
		return nil, err
	}
	switch {
	case in.Name == "" || len(in.Name) > maxTokenName:
		return nil, badField(http.StatusUnprocessableEntity, "name", "bad_length", "max", maxTokenName)
	case !in.Expires.IsZero() && !in.Expires.After(c.now):
		return nil, badField(http.StatusUnprocessableEntity, "expires", "in_the_past")
	case in.Owner == "":
		in.Owner = c.who.Name
	}
	t, secret, err := s.Accounts.CreateToken(c.Context(), in.Owner, in.Name, access.Role(in.Role), in.Expires.Time)
	if err != nil {
		return nil, err
	}
	s.Logger.Info("make a token", "id", t.ID, "owner", t.Owner, "role", string(t.Role), "by", c.who.Name)
	return IssuedToken{c.token(t), secret}, nil
}

func (s *server) revokeToken(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	id := c.PathValue("id")
	if err := s.Accounts.RevokeToken(c.Context(), "", id); err != nil {
		return nil, err
	}
	s.Logger.Info("revoke a token", "id", id, "by", c.who.Name)
	return done{}, nil
}
