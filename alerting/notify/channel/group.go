package channel

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// GroupConfig is what is said of every channel that is a group.
type GroupConfig struct {
	// Name tells it from the others of its kind.
	Name string `yaml:"name"`
	// Roles are those whose notices it is told; empty: all notices.
	Roles []string `yaml:"roles"`
	// Lang is the language it reads: zh-CN (default) or en.
	Lang string `yaml:"lang"`
}

var nameShape = regexp.MustCompile(`^[a-z0-9]+([._-][a-z0-9]+)*$`)

// Validate returns every mistake, joined, each beginning with the key.
func (c GroupConfig) Validate() error {
	var errs []error
	if !nameShape.MatchString(c.Name) || len(c.Name) > 64 {
		errs = append(errs, fmt.Errorf("name: %q is not a name; allowed: lower-case letters, digits and - . _ between them, at most 64", c.Name))
	}
	if !slices.Contains([]string{"", "zh-CN", "en"}, c.Lang) {
		errs = append(errs, fmt.Errorf("lang: unknown language %q; allowed: zh-CN, en", c.Lang))
	}
	return errors.Join(errs...)
}

// ValidateRoles returns the roles that nobody can hold under the plan in force.
func (c GroupConfig) ValidateRoles(known []string) error {
	var errs []error
	for i, role := range c.Roles {
		switch {
		case !slices.Contains(known, role):
			errs = append(errs, fmt.Errorf("roles[%d]: unknown role %q; allowed: %s", i, role, strings.Join(known, ", ")))
		case slices.Contains(c.Roles[:i], role):
			errs = append(errs, fmt.Errorf("roles[%d]: %q stands twice in this list", i, role))
		}
	}
	return errors.Join(errs...)
}

// Reads is the language word of what the group is told.
func (c GroupConfig) Reads() string {
	if c.Lang == "" {
		return "zh-CN"
	}
	return c.Lang
}
