package channel

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"xunjian/alerting/roster"
)

// People says who is who: the roster's ID by the platform's ID of a person.
type People map[string]string

// Validate returns every mistake, joined, each beginning with the key.
func (p People) Validate() error {
	if len(p) == 0 {
		return errors.New("people: is empty; give at least one person, the platform's user ID and the roster's ID, or nobody can say anything")
	}
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(p)) {
		switch {
		case strings.TrimSpace(id) != id || id == "" || len(id) > 128:
			errs = append(errs, fmt.Errorf("people: %.150q is not the platform's ID of a user; allowed: 1 to 128 bytes without spaces around them", id))
		case p[id] == "":
			errs = append(errs, fmt.Errorf("people: %q has no ID of the roster behind it", id))
		}
	}
	return errors.Join(errs...)
}

// ValidateKnown returns those who are not on the roster.
func (p People) ValidateKnown(known []roster.Person) error {
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(p)) {
		if !slices.ContainsFunc(known, func(k roster.Person) bool { return k.ID == p[id] }) {
			errs = append(errs, fmt.Errorf("people: %q stands for %q, who is not on the roster", id, p[id]))
		}
	}
	return errors.Join(errs...)
}
