package external

import "fmt"

// Secret is a text that is not to be seen: whatever prints it prints <secret>.
type Secret string

const masked = "<secret>"

// Format implements fmt.Formatter, for all verbs.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(masked)) }

// String returns <secret>.
func (Secret) String() string { return masked }

// MarshalText writes <secret>, in JSON and YAML too.
func (Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }
