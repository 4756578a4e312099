package checks

import (
	"fmt"
	"regexp"
)

var nameShape = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$`)

const maxName = 100

// ValidateName returns an error if name cannot be that of a check.
func ValidateName(name string) error {
	if len(name) > maxName || !nameShape.MatchString(name) {
		return fmt.Errorf("check name %q: want lower-case words joined by _, with an instance after / where there may be several, at most %d bytes", name, maxName)
	}
	return nil
}
