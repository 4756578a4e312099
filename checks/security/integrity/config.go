// Package integrity guards what nobody changes without saying so: the web root,
// programs, configuration. Files are hashed and held against a baseline that a
// person has approved; each difference is named, with who made it and when
// where the audit log tells. A page that was defaced or a webshell that was
// dropped is an attack on the system (A01 of the plan).
//
// A watcher makes it fast; the walk over the whole tree is the truth. Large
// trees are read within a budget, at the lowest priority, and go on where they were
// after a restart.
package integrity

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Kind says what a tree holds: what a change of it means follows from that.
type Kind string

// The kinds.
const (
	Web      Kind = "web"
	Binaries Kind = "binaries"
	Settings Kind = "config"
)

// Config says what is guarded. Start from Default.
type Config struct {
	// Paths are the trees (or single files); none: the check does not apply.
	Paths []Tree `yaml:"paths"`
	// Rate bounds how fast files are read, in bytes a second; 64 KiB to 10 GiB.
	Rate int64 `yaml:"rate_bytes"`
	// Interval is how often every file's size, owner and times are looked at;
	// what differs is hashed. 10 s to 24 h.
	Interval time.Duration `yaml:"interval"`
	// Full is how old a hash may get before the file is read again, whatever
	// its times say; 1 h to 30 d.
	Full time.Duration `yaml:"full"`
	// KeepBytes bounds the compressed copies of small text files that the
	// differences are told from; 0 keeps none.
	KeepBytes int64 `yaml:"keep_bytes"`
	// Private are patterns of files of which no copy is kept and no difference
	// shown, beside those that others may not read.
	Private []string `yaml:"private"`
	// AuditLog is where auditd writes; empty: nobody is named from there.
	AuditLog string `yaml:"audit_log"`
}

// Tree is one folder or file that is guarded.
type Tree struct {
	Path string `yaml:"path"`
	Kind Kind   `yaml:"kind"`
	// Include leaves out files that match none of these patterns; empty: all.
	// Exclude leaves out files and whole folders. A pattern without "/" is held
	// against the name, one with it against the path inside the tree; "/**" at
	// the end means all below.
	Include []string `yaml:"include"`
	Exclude []string `yaml:"exclude"`
}

const (
	minRate = 64 << 10
	maxRate = 10 << 30
	maxKeep = 10 << 30
	day     = 24 * time.Hour
)

// Default returns the Config of an operator who has named nothing.
func Default() Config {
	return Config{
		Rate: 20 << 20, Interval: 5 * time.Minute, Full: day, KeepBytes: 64 << 20, AuditLog: "/var/log/audit/audit.log",
		Private: []string{"*.key", "*.pem", "*.p12", "*.pfx", "*.jks", "*.keystore", "id_*", "*secret*", "*passw*", "*credential*", "shadow*", "gshadow*", ".env*", "*.kdbx", ".htpasswd*", ".pgpass", ".my.cnf"},
	}
}

// Files returns the fields that hold paths, for the agent to make absolute.
func (c *Config) Files() []*string {
	out := []*string{&c.AuditLog}
	for n := range c.Paths {
		out = append(out, &c.Paths[n].Path)
	}
	return out
}

// Validate returns every mistake in c, joined, each beginning with the key.
func (c Config) Validate() error {
	var m mistakes
	if c.Rate < minRate || c.Rate > maxRate {
		m.add("rate_bytes", "%d is out of range; allowed: %d to %d", c.Rate, minRate, int64(maxRate))
	}
	if c.Interval < 10*time.Second || c.Interval > day {
		m.add("interval", "%v is out of range; allowed: 10s to 24h", c.Interval)
	}
	if c.Full < time.Hour || c.Full > 30*day {
		m.add("full", "%v is out of range; allowed: 1h to 720h", c.Full)
	}
	if c.KeepBytes < 0 || c.KeepBytes > maxKeep {
		m.add("keep_bytes", "%d is out of range; allowed: 0 to %d", c.KeepBytes, int64(maxKeep))
	}
	m.patterns("private", c.Private)
	for n, t := range c.Paths {
		at := fmt.Sprintf("paths[%d]", n)
		t.validate(&m, at)
		for k, other := range c.Paths[:n] {
			if t.Path != "" && (within(t.Path, other.Path) || within(other.Path, t.Path)) {
				m.add(at+".path", "%q overlaps paths[%d]; a file belongs to one tree, so leave one of them out", t.Path, k)
			}
		}
	}
	return errors.Join(m...)
}

func (t Tree) validate(m *mistakes, at string) {
	switch {
	case t.Path == "":
		m.add(at+".path", "is missing; name a folder or a file, like /var/www")
	case strings.ContainsRune(t.Path, 0):
		m.add(at+".path", "holds a NUL")
	}
	if !slices.Contains([]Kind{Web, Binaries, Settings}, t.Kind) {
		m.add(at+".kind", "%q is unknown; allowed: web, binaries, config", t.Kind)
	}
	m.patterns(at+".include", t.Include)
	m.patterns(at+".exclude", t.Exclude)
}

// takes reports whether a file, by its path inside the tree, is guarded.
func (t Tree) takes(rel string) bool {
	return !matchesAny(t.Exclude, rel) && (len(t.Include) == 0 || matchesAny(t.Include, rel))
}

// matchesAny holds a slash-separated path against patterns; one that matches a
// folder matches all below.
func matchesAny(patterns []string, rel string) bool {
	for _, p := range patterns {
		if matches(p, rel) {
			return true
		}
	}
	return false
}

func matches(pattern, rel string) bool {
	pattern = strings.TrimSuffix(pattern, "/**")
	named := !strings.Contains(strings.TrimSuffix(pattern, "/"), "/")
	pattern = strings.Trim(pattern, "/")
	for at := rel; at != "." && at != ""; at = path.Dir(at) {
		whole := at
		if named {
			whole = path.Base(at)
		}
		if ok, _ := path.Match(pattern, whole); ok {
			return true
		}
	}
	return false
}

// within reports whether a path is another or lies below it.
func within(p, parent string) bool {
	rel, err := filepath.Rel(parent, p)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

type mistakes []error

func (m *mistakes) add(path, format string, args ...any) {
	*m = append(*m, fmt.Errorf("%s: "+format, append([]any{path}, args...)...))
}

func (m *mistakes) patterns(at string, list []string) {
	for n, p := range list {
		if _, err := path.Match(strings.TrimSuffix(p, "/**"), "x"); err != nil || strings.Trim(p, "/*") == "" && p != "*" {
			m.add(fmt.Sprintf("%s[%d]", at, n), "%q is no pattern; allowed: like *.log, cache/** or uploads/*.jpg", p)
		}
	}
}
