package backup

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

const (
	day  = 24 * time.Hour
	year = 366 * day
)

var (
	setName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	userName = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)
)

// Validate returns every mistake in c, joined, each beginning with the key.
func (c Config) Validate() error {
	var m mistakes
	if c.ReadRate < 0 || c.ReadRate > 0 && c.ReadRate < 1<<20 {
		m.add("read_rate", "%d is out of range; allowed: 0 for no bound, or at least 1048576 bytes a second", c.ReadRate)
	}
	m.between("verify_timeout", c.VerifyTimeout, time.Minute, 48*time.Hour)
	seen := map[string]int{}
	for i, s := range c.Sets {
		at := fmt.Sprintf("sets[%d]", i)
		if !setName.MatchString(s.Name) {
			m.add(at+".name", "%q is no name; use letters, digits, '.', '_' and '-', at most 64, a letter or digit first", s.Name)
		} else if first, twice := seen[s.Name]; twice {
			m.add(at+".name", "%q stands twice; first at sets[%d]", s.Name, first)
		}
		seen[s.Name] = i
		s.validate(&m, at)
	}
	return errors.Join(m...)
}

func (s Set) validate(m *mistakes, at string) {
	if !slices.Contains(kinds, s.Kind) {
		m.add(at+".kind", "%q is not known; allowed: files, pg_dump, mysqldump, pg_basebackup, wal, restic, borg", s.Kind)
		return
	}
	m.between(at+".every", s.Every, time.Minute, year)
	if s.Grace < 0 || s.Grace > year {
		m.add(at+".grace", "%v is out of range; allowed: 0s to 8784h", s.Grace)
	}
	if s.Settle < 0 || s.Settle > day {
		m.add(at+".settle", "%v is out of range; allowed: 0s to 24h", s.Settle)
	}
	if s.MinSize < 0 {
		m.add(at+".min_size", "%d is negative; give bytes, 0 does not ask", s.MinSize)
	}
	s.validatePlace(m, at)
	s.validateReading(m, at)
	s.RestoreTest.validate(m, at+".restore_test", s.Kind)
}

// validatePlace looks at where the backups are.
func (s Set) validatePlace(m *mistakes, at string) {
	if s.Kind.repository() {
		if len(s.Paths) > 0 {
			m.add(at+".paths", "is not for %s; give repository.location", s.Kind)
		}
		s.Repository.validate(m, at+".repository", s.Kind)
		return
	}
	if s.Repository.set() {
		m.add(at+".repository", "is only for restic and borg")
	}
	if len(s.Paths) == 0 {
		m.add(at+".paths", "is missing; give at least one pattern, like /backup/bids-*.dump")
	}
	for i, p := range s.Paths {
		key := fmt.Sprintf("%s.paths[%d]", at, i)
		if !filepath.IsAbs(p) {
			m.add(key, "%q is not an absolute path", p)
		} else if _, err := filepath.Match(p, "/"); err != nil {
			m.add(key, "%q is no pattern; a [ wants its ]", p)
		}
	}
}

// validateReading looks at how they are read.
func (s Set) validateReading(m *mistakes, at string) {
	if s.Checksum && (s.Kind.repository() || s.Kind == WAL || s.Kind == PgBasebackup) {
		m.add(at+".checksum", "is not for %s, which has sums of its own", s.Kind)
	}
	if s.Checksum && !s.readWhole() {
		m.add(at+".checksum", "wants the whole file read; take decompress: false away")
	}
	if s.Decompress != nil && s.Kind.repository() {
		m.add(at+".decompress", "is not for %s; give repository.check_every", s.Kind)
	}
	if s.SegmentSize != 0 && s.Kind != WAL {
		m.add(at+".segment_size", "is only for wal")
	} else if n := s.SegmentSize; n != 0 && (n < 1<<20 || n > 1<<30 || n&(n-1) != 0) {
		m.add(at+".segment_size", "%d is no size of a segment; allowed: a power of two from 1048576 to 1073741824", n)
	}
}

func (r Repository) set() bool {
	return r.Location != "" || r.PasswordFile != "" || r.Program != "" || len(r.Env)+len(r.EnvFiles) > 0 ||
		r.LookEvery != 0 || r.CheckEvery != 0 || r.LockAfter != 0
}

func (r Repository) validate(m *mistakes, at string, kind Kind) {
	switch {
	case r.Location == "":
		m.add(at+".location", "is missing; give what %s takes, like /backup/repo or sftp:host:/repo", kind)
	case strings.HasPrefix(r.Location, "-") || strings.ContainsAny(r.Location, "\x00\n"):
		m.add(at+".location", "%q cannot be given to a program", r.Location)
	case hasPassword(r.Location):
		m.add(at+".location", "holds a password; put it into a file and name that by password_file or env_files")
	}
	if r.PasswordFile == "" && kind == Restic {
		m.add(at+".password_file", "is missing; restic has no repositories without a password")
	}
	if r.Program != "" && !filepath.IsAbs(r.Program) {
		m.add(at+".program", "%q is not an absolute path", r.Program)
	}
	for _, vars := range []struct {
		key  string
		vars map[string]string
	}{{"env", r.Env}, {"env_files", r.EnvFiles}} {
		for _, name := range slices.Sorted(maps.Keys(vars.vars)) {
			if !variable.MatchString(name) || strings.Contains(vars.vars[name], "\x00") {
				m.add(at+"."+vars.key, "%q cannot be set", name)
			} else if vars.key == "env" && strings.Contains(name, "PASS") || vars.key == "env" && strings.Contains(name, "SECRET") {
				m.add(at+".env", "%s looks like a secret; put it into a file and name that by password_file or env_files", name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.EnvFiles)) {
		if ref := r.EnvFiles[name]; !filepath.IsAbs(ref) && !strings.HasPrefix(ref, "credential:") {
			m.add(at+".env_files", "%s: %q is neither an absolute path nor credential:NAME", name, ref)
		}
	}
	m.optional(at+".look_every", r.LookEvery, time.Minute, day)
	m.optional(at+".check_every", r.CheckEvery, time.Hour, year)
	m.optional(at+".lock_after", r.LockAfter, time.Minute, 7*day)
}

var userinfo = regexp.MustCompile(`://[^/@:]*:[^/@]+@`)

func hasPassword(location string) bool { return userinfo.MatchString(location) }

func (t RestoreTest) validate(m *mistakes, at string, kind Kind) {
	if !t.on() {
		if t.At != "" || len(t.Queries) > 0 || t.Timeout != 0 || t.WorkDir != "" || t.Programs != "" || t.User != "" || t.SpaceFactor != 0 {
			m.add(at, "says not when; give every or cron")
		}
		return
	}
	if !kind.dump() {
		m.add(at, "is only for pg_dump and mysqldump, not for %s", kind)
		return
	}
	t.validateTimes(m, at)
	for i, q := range t.Queries {
		key := fmt.Sprintf("%s.queries[%d]", at, i)
		if strings.TrimSpace(q.SQL) == "" {
			m.add(key+".sql", "is missing; give a query that yields one number")
		}
		if q.Max != 0 && q.Max < q.Min {
			m.add(key+".max", "%d is less than min, %d", q.Max, q.Min)
		}
	}
	for key, p := range map[string]string{".work_dir": t.WorkDir, ".programs": t.Programs} {
		if p != "" && !filepath.IsAbs(p) {
			m.add(at+key, "%q is not an absolute path", p)
		}
	}
	if t.SpaceFactor != 0 && (t.SpaceFactor < 1 || t.SpaceFactor > 100) {
		m.add(at+".space_factor", "%v is out of range; allowed: 1 to 100", t.SpaceFactor)
	}
	if t.User != "" && (!userName.MatchString(t.User) || t.User == "root") {
		m.add(at+".user", "%q cannot run a database; name a user without privileges", t.User)
	}
}

func (t RestoreTest) validateTimes(m *mistakes, at string) {
	if t.Cron != "" {
		if t.Every != 0 || t.At != "" {
			m.add(at+".cron", "says when; take every and at away")
		}
		if _, err := cron.ParseStandard(t.Cron); err != nil {
			m.add(at+".cron", "%q is no cron expression: %v", t.Cron, err)
		}
	}
	m.optional(at+".every", t.Every, time.Hour, year)
	if _, err := time.Parse("15:04", t.At); t.At != "" && err != nil {
		m.add(at+".at", "%q is no time of day; allowed: 00:00 to 23:59", t.At)
	}
	m.optional(at+".timeout", t.Timeout, time.Minute, 48*time.Hour)
}

type mistakes []error

func (m *mistakes) add(path, format string, args ...any) {
	*m = append(*m, fmt.Errorf("%s: "+format, append([]any{path}, args...)...))
}

func (m *mistakes) between(path string, d, low, high time.Duration) {
	if d < low || d > high {
		m.add(path, "%s is out of range; allowed: %s to %s", short(d), short(low), short(high))
	}
}

// short is a duration without what is zero at its end.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// optional is between for what 0 leaves to the default.
func (m *mistakes) optional(path string, d, low, high time.Duration) {
	if d != 0 {
		m.between(path, d, low, high)
	}
}
