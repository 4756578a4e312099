package host

import (
	"context"
	"strings"
	"time"
)

// Login is one login to this machine.
type Login struct {
	User string `json:"user"`
	// Line is the terminal; From the machine it came from, as that one was
	// named, or its address; both are empty where there is none.
	Line string    `json:"line,omitempty"`
	From string    `json:"from,omitempty"`
	At   time.Time `json:"at"`
	// Until is when it ended; zero if it has not, or nobody wrote it down.
	Until time.Time `json:"until,omitzero"`
	// Gone says that it ended, though nobody wrote down when.
	Gone bool `json:"gone,omitempty"`
	PID  int  `json:"pid,omitempty"`
}

// LoginHistory are the last logins.
type LoginHistory struct {
	// Logins, the newest first.
	Logins []Login `json:"logins,omitempty"`
	// Since is the first moment that the history covers; zero if it is empty.
	Since time.Time `json:"since,omitzero"`
	// Elsewhere names the database that keeps the history in place of wtmp and
	// is not read here.
	Elsewhere string `json:"elsewhere,omitempty"`
}

// Sessions returns who is logged in now: by utmp, or where the system keeps
// none any more, by systemd-logind.
func Sessions(ctx context.Context, cfg Config) ([]Login, error) { return sessions(ctx, cfg) }

// LastLogins returns the last n logins by wtmp. A machine that keeps no such
// file has no history, which is no error.
func LastLogins(ctx context.Context, cfg Config, n int) (LoginHistory, error) {
	return lastLogins(ctx, cfg, n)
}

// Administrators returns the local accounts with the user number 0, in the
// order of /etc/passwd. Each of them may do anything.
func Administrators(ctx context.Context, cfg Config) ([]string, error) {
	return administrators(ctx, cfg)
}

// ChangedFile is a file that was changed.
type ChangedFile struct {
	Path string `json:"path"`
	// At is when the file or what stands about it was changed, by the kernel's
	// count: unlike the time of modification, nobody can set it back.
	At    time.Time `json:"at"`
	Owner string    `json:"owner,omitempty"`
	Size  float64   `json:"size_bytes"`
}

// Changes are files that were changed since a moment.
type Changes struct {
	// Files, the newest first.
	Files []ChangedFile `json:"files,omitempty"`
	// Total counts the changed files, Seen all that were looked at, Unread the
	// files and folders that could not be.
	Total  int `json:"total"`
	Seen   int `json:"seen"`
	Unread int `json:"unread,omitempty"`
	// Skipped are the folders that were not looked into: other machines'
	// mounts, and what is no folder of files.
	Skipped []string `json:"skipped,omitempty"`
	// Partial says that there was more than could be looked at.
	Partial bool `json:"partial,omitempty"`
}

// AccountFiles returns which of the files that hold accounts, groups and
// rights were changed since a moment, at most n.
func AccountFiles(ctx context.Context, cfg Config, since time.Time, n int) (Changes, error) {
	return accountFiles(ctx, cfg, since, n)
}

// KeyFiles returns which lists of keys that let their owners in by ssh were
// changed since a moment, at most n. Homes on other machines are left alone.
func KeyFiles(ctx context.Context, cfg Config, since time.Time, n int) (Changes, error) {
	return keyFiles(ctx, cfg, since, n)
}

// ChangedFiles returns the files below folders that were changed since a
// moment, at most n. It looks at 20,000 files at most and for two seconds, and
// stays on the folders' own filesystems.
func ChangedFiles(ctx context.Context, cfg Config, folders []string, since time.Time, n int) (Changes, error) {
	return changedFiles(ctx, cfg, folders, since, n)
}

// oneLine makes a name from outside fit to be shown in a line of a list: a
// newline in it must not look like the next entry.
func oneLine(s string) string {
	return safe(strings.NewReplacer("\n", "\uFFFD", "\t", "\uFFFD").Replace(s))
}
