package roster

import (
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"
)

var (
	idShape    = regexp.MustCompile(`^[a-z0-9]+([._-][a-z0-9]+)*$`)
	phoneShape = regexp.MustCompile(`^\+?[0-9]([0-9 -]*[0-9])?((x|转)[0-9]{1,6})?$`)
	digits     = regexp.MustCompile(`[0-9]`)
)

// Validate returns every mistake in the roster, joined; each begins with the
// path of what is wrong, like "people[2].phone: …". roles are those that a
// person can hold under the plan in force.
//
// A telephone may be shared (an office line), a mail address not: it is how a
// delivery is told to be one person's.
func (r Roster) Validate(roles []string) error {
	v := validator{roles: roles, ids: map[string]int{}, mails: map[string]int{}}
	for i, p := range r.People {
		v.person(i, p)
	}
	v.shifts(r)
	return errors.Join(v.errs...)
}

func (v *validator) allowed() string { return strings.Join(v.roles, ", ") }

type validator struct {
	roles      []string
	ids, mails map[string]int
	errs       []error
}

func (v *validator) add(i int, field, format string, args ...any) {
	v.errs = append(v.errs, fmt.Errorf("people[%d].%s: "+format, append([]any{i, field}, args...)...))
}

func (v *validator) person(i int, p Person) {
	switch first, twice := v.ids[p.ID]; {
	case p.ID == "":
		v.add(i, "id", "is missing; allowed: lower-case letters, digits and - . _ between them")
	case !idShape.MatchString(p.ID):
		v.add(i, "id", "%q is not an id; allowed: lower-case letters, digits and - . _ between them", p.ID)
	case twice:
		v.add(i, "id", "%q stands twice; first at people[%d]", p.ID, first)
	default:
		v.ids[p.ID] = i
	}
	if strings.TrimSpace(p.Name) == "" {
		v.add(i, "name", "is missing")
	}
	v.held(i, p.Roles)
	v.reach(i, p)
	if p.Lang != "" && p.Lang != "zh-CN" && p.Lang != "en" {
		v.add(i, "lang", "unknown language %q; allowed: zh-CN, en", p.Lang)
	}
}

func (v *validator) held(i int, roles []string) {
	if len(roles) == 0 {
		v.add(i, "roles", "is empty; a person without a role is never told")
	}
	for n, role := range roles {
		field := fmt.Sprintf("roles[%d]", n)
		switch {
		case !slices.Contains(v.roles, role):
			v.add(i, field, "unknown role %q; allowed: %s", role, strings.Join(v.roles, ", "))
		case slices.Contains(roles[:n], role):
			v.add(i, field, "%q stands twice in this list", role)
		}
	}
}

func (v *validator) reach(i int, p Person) {
	n := len(digits.FindAllString(p.Phone, -1))
	if p.Phone != "" && (!phoneShape.MatchString(p.Phone) || n < 3 || n > 21) {
		v.add(i, "phone", "%q is not a telephone number; allowed: digits, spaces and -, a leading +, an extension after x or 转", p.Phone)
	}
	if p.Mail == "" {
		return
	}
	if a, err := mail.ParseAddress(p.Mail); err != nil || a.Address != p.Mail {
		v.add(i, "mail", "%q is not a mail address; allowed: name@example.org", p.Mail)
		return
	}
	key := strings.ToLower(p.Mail)
	if first, twice := v.mails[key]; twice {
		v.add(i, "mail", "%q is already that of people[%d]", p.Mail, first)
		return
	}
	v.mails[key] = i
}
