package rules

import (
	"fmt"
	"strings"
)

// Problem is one mistake in a rule file.
type Problem struct {
	File         string
	Line, Column int // from 1; 0 if unknown
	Group, Rule  string
	Message      string
}

// String writes file:line:column: group, rule: message.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": ")
	if p.Group != "" {
		fmt.Fprintf(&b, "group %q: ", p.Group)
	}
	if p.Rule != "" {
		fmt.Fprintf(&b, "rule %q: ", p.Rule)
	}
	b.WriteString(p.Message)
	return b.String()
}

// LoadError is every mistake in a set of rule files.
type LoadError struct {
	Problems []Problem
}

// Error writes one problem a line.
func (e *LoadError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}
