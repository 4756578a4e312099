package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// shape walks a rule file's YAML before Prometheus' own parser reads it: that
// one stops at the first wrong duration and knows no columns of unknown keys.
type shape struct {
	file     string
	problems []Problem
	group    string
	rule     string
	seen     map[string]bool // names of groups
}

// checkShape returns every key that does not belong and every value that is
// not of its kind.
func checkShape(f file) (*yaml.Node, []Problem) {
	s := &shape{file: f.name, seen: map[string]bool{}}
	var doc yaml.Node
	if err := yaml.Unmarshal(f.content, &doc); err != nil {
		s.syntax(err, f.content)
		return nil, s.problems
	}
	if len(doc.Content) == 0 {
		return &doc, nil
	}
	s.fields(doc.Content[0], "the file", map[string]func(*yaml.Node){"groups": s.groups})
	return doc.Content[0], s.problems
}

// syntax reports YAML that does not parse: "yaml: line 3: ...".
func (s *shape) syntax(err error, content []byte) {
	message, line := strings.TrimPrefix(err.Error(), "yaml: "), 0
	if n, _ := fmt.Sscanf(message, "line %d:", &line); n == 1 {
		_, message, _ = strings.Cut(message, ": ")
	}
	column := 1
	if lines := strings.Split(string(content), "\n"); line > 0 && line <= len(lines) {
		column += len(lines[line-1]) - len(strings.TrimLeft(lines[line-1], " "))
	}
	s.problems = append(s.problems, Problem{File: s.file, Line: max(line, 1), Column: column, Message: message})
}

func (s *shape) add(at *yaml.Node, format string, args ...any) {
	s.problems = append(s.problems, Problem{
		File: s.file, Line: at.Line, Column: at.Column,
		Group: s.group, Rule: s.rule, Message: fmt.Sprintf(format, args...),
	})
}

// fields checks that n is a mapping with no other keys than these, none twice.
func (s *shape) fields(n *yaml.Node, of string, known map[string]func(*yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		s.add(n, "%s must be a mapping of %s", of, allowed(known))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], deref(n.Content[i+1])
		check, ok := known[key.Value]
		switch {
		case !ok:
			s.add(key, "unknown key %q in %s; allowed are %s", key.Value, of, allowed(known))
		case seen[key.Value]:
			s.add(key, "key %q stands twice", key.Value)
		default:
			check(val)
		}
		seen[key.Value] = true
	}
}

func allowed(known map[string]func(*yaml.Node)) string {
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func deref(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func (s *shape) list(n *yaml.Node, of string, each func(*yaml.Node)) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.SequenceNode {
		s.add(n, "%s must be a list", of)
		return
	}
	for _, item := range n.Content {
		each(deref(item))
	}
}

func (s *shape) groups(n *yaml.Node) { s.list(n, "groups", s.oneGroup) }

func (s *shape) oneGroup(n *yaml.Node) {
	s.group = scalarOf(n, "name")
	defer func() { s.group = "" }()
	switch name := child(n, "name"); {
	case s.group == "" && n.Kind == yaml.MappingNode:
		s.add(n, "the group needs a name")
	case name != nil && s.seen[s.group]:
		s.add(name, "there is a group of this name in the file already")
	}
	s.seen[s.group] = true
	s.fields(n, "a group", map[string]func(*yaml.Node){
		"name": s.text, "interval": s.duration, "query_offset": s.duration, "limit": s.integer,
		"labels": s.texts, "rules": func(n *yaml.Node) { s.list(n, "rules", s.oneRule) },
	})
}

func (s *shape) oneRule(n *yaml.Node) {
	s.rule = ruleName(n)
	defer func() { s.rule = "" }()
	s.fields(n, "a rule", map[string]func(*yaml.Node){
		"alert": s.text, "record": s.text, "expr": s.text, "for": s.duration, "keep_firing_for": s.duration,
		"labels": s.texts, "annotations": s.texts,
	})
}

func (s *shape) text(n *yaml.Node) {
	if n.Kind != yaml.ScalarNode {
		s.add(n, "must be a text")
	}
}

func (s *shape) texts(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		s.add(n, "must be a mapping of names to texts")
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if deref(n.Content[i+1]).Kind != yaml.ScalarNode {
			s.add(n.Content[i+1], "%q must be a text", n.Content[i].Value)
		}
	}
}

func (s *shape) duration(n *yaml.Node) {
	if n.Kind != yaml.ScalarNode {
		s.add(n, "must be a duration like 30s, 5m or 1h30m")
	} else if _, err := model.ParseDuration(n.Value); err != nil {
		s.add(n, "%q is not a duration; write it like 30s, 5m or 1h30m", n.Value)
	}
}

func (s *shape) integer(n *yaml.Node) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" {
		s.add(n, "%q is not a whole number", n.Value)
	}
}

// child returns the value of a key of a mapping, or nil.
func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return deref(n.Content[i+1])
		}
	}
	return nil
}

func scalarOf(n *yaml.Node, key string) string {
	if c := child(n, key); c != nil && c.Kind == yaml.ScalarNode {
		return c.Value
	}
	return ""
}

func ruleName(n *yaml.Node) string {
	if name := scalarOf(n, "alert"); name != "" {
		return name
	}
	return scalarOf(n, "record")
}
