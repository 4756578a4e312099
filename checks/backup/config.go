package backup

import (
	"fmt"
	"time"
)

// Config says which backups there should be. Start from Default.
type Config struct {
	// ReadRate bounds how fast a backup is read to verify it, in bytes a second;
	// 0 reads as fast as the disk gives.
	ReadRate int64 `yaml:"read_rate"`
	// VerifyTimeout is how long one backup may be read, 1 min to 48 h.
	VerifyTimeout time.Duration `yaml:"verify_timeout"`
	Sets          []Set         `yaml:"sets"`
}

// Kind is how a set was made.
type Kind string

// The kinds.
const (
	Files        Kind = "files"
	PgDump       Kind = "pg_dump"
	MySQLDump    Kind = "mysqldump"
	PgBasebackup Kind = "pg_basebackup"
	WAL          Kind = "wal"
	Restic       Kind = "restic"
	Borg         Kind = "borg"
)

var kinds = []Kind{Files, PgDump, MySQLDump, PgBasebackup, WAL, Restic, Borg}

// repository reports whether the backups are in a repository of a program.
func (k Kind) repository() bool { return k == Restic || k == Borg }

// dump reports whether it can be restored into a database and counted there.
func (k Kind) dump() bool { return k == PgDump || k == MySQLDump }

// Set is one thing that is backed up again and again.
type Set struct {
	// Name makes the check backup/NAME.
	Name string `yaml:"name"`
	// System is the business system whose data it is; empty for none.
	System string `yaml:"system"`
	Kind   Kind   `yaml:"kind"`
	// Paths are patterns of the files, or of the folders, of which each is one
	// backup: * ? [] as in a shell. Not for repositories.
	Paths []string `yaml:"paths"`
	// Every is how often a new one is expected, 1 min to 1 year; Grace is how
	// much later it may be, 0 means a tenth of Every.
	Every time.Duration `yaml:"every"`
	Grace time.Duration `yaml:"grace"`
	// MinSize is what a backup has at least, in bytes; 0 does not ask.
	MinSize int64 `yaml:"min_size"`
	// Settle is for how long a backup has not changed before it is looked at; 0
	// means 2 min. What is still being written is nobody's fault.
	Settle time.Duration `yaml:"settle"`
	// Checksum wants a sum beside each backup, in FILE.sha256 or SHA256SUMS, and
	// holds it against that.
	Checksum bool `yaml:"checksum"`
	// Decompress reads each new backup to its end, once; not set means yes. With
	// false only its first and last bytes are looked at.
	Decompress *bool `yaml:"decompress"`
	// SegmentSize is that of a WAL segment in bytes; 0 takes it from the
	// segments.
	SegmentSize int64 `yaml:"segment_size"`

	Repository  Repository  `yaml:"repository"`
	RestoreTest RestoreTest `yaml:"restore_test"`
}

// Repository is where restic or borg keep backups.
type Repository struct {
	// Location is what the program takes: a folder, sftp:…, ssh://….
	Location string `yaml:"location"`
	// PasswordFile holds the password as its only line; credential:NAME is one
	// of systemd's.
	PasswordFile string `yaml:"password_file"`
	// Program is the absolute path of restic or borg; empty looks in the usual
	// folders. It and all folders above it belong to root, and nobody else may
	// write there.
	Program string `yaml:"program"`
	// Env is added to the few variables that the program gets; EnvFiles too,
	// each from a file like that of the password.
	Env      map[string]string `yaml:"env"`
	EnvFiles map[string]string `yaml:"env_files"`
	// LookEvery is how often the repository is asked, 1 min to 24 h; 0 means 10
	// min. CheckEvery is how often the program's own check runs, 1 h to 1 year;
	// 0 never does.
	LookEvery  time.Duration `yaml:"look_every"`
	CheckEvery time.Duration `yaml:"check_every"`
	// LockAfter is how old a lock may be before it counts as left behind, 1 min
	// to 7 days; 0 means 12 h. One whose process is gone counts at once.
	LockAfter time.Duration `yaml:"lock_after"`
}

// RestoreTest restores the newest dump into a database server of its own, which
// is gone afterwards.
type RestoreTest struct {
	// Every is how often, 1 h to 1 year, and At the time of day, like "02:00";
	// or Cron says both. None of them: never.
	Every time.Duration `yaml:"every"`
	At    string        `yaml:"at"`
	Cron  string        `yaml:"cron"`
	// Timeout of the whole test, 1 min to 48 h; 0 means 4 h.
	Timeout time.Duration `yaml:"timeout"`
	// Queries are what has to be in it.
	Queries []Query `yaml:"queries"`
	// WorkDir is where the server lives meanwhile; empty means /var/tmp. There
	// has to be SpaceFactor times the size of the plain dump free, and a tenth of
	// the filesystem more; 0 means 3.
	WorkDir     string  `yaml:"work_dir"`
	SpaceFactor float64 `yaml:"space_factor"`
	// Programs is the folder of the server's programs; empty looks in the usual
	// ones, for the newest.
	Programs string `yaml:"programs"`
	// User is as whom the server runs where the agent is root; empty means
	// postgres or mysql, or else nobody.
	User string `yaml:"user"`
}

// Query is one number of the restored data, and what it has to be.
type Query struct {
	// SQL yields one number.
	SQL string `yaml:"sql"`
	// Database to ask; empty means the one that was restored.
	Database string `yaml:"database"`
	Min      int64  `yaml:"min"`
	// Max is the most it may be; 0 is no bound.
	Max int64 `yaml:"max"`
}

// Defaults.
const (
	defaultReadRate  = 64 << 20
	defaultVerify    = 6 * time.Hour
	defaultSettle    = 2 * time.Minute
	defaultLook      = 10 * time.Minute
	defaultLockAfter = 12 * time.Hour
	defaultTest      = 4 * time.Hour
	defaultFactor    = 3
	defaultWorkDir   = "/var/tmp"
)

// Default returns a Config without sets.
func Default() Config { return Config{ReadRate: defaultReadRate, VerifyTimeout: defaultVerify} }

// Paths are the fields that hold paths of secrets.
func (c *Config) Paths() []*string {
	var out []*string
	for i := range c.Sets {
		out = append(out, &c.Sets[i].Repository.PasswordFile)
	}
	return out
}

// Names are those of the checks: "backup" for all of them, then each.
func (c Config) Names() []string {
	out := []string{family}
	for _, s := range c.Sets {
		out = append(out, family+"/"+s.Name)
	}
	return out
}

// Systems are the business systems that sets name, by the key that does.
func (c Config) Systems() map[string]string {
	out := map[string]string{}
	for i, s := range c.Sets {
		if s.System != "" {
			out[fmt.Sprintf("sets[%d].system", i)] = s.System
		}
	}
	return out
}

func (s Set) limit() time.Duration { // the age at which a backup is late
	if s.Grace > 0 {
		return s.Every + s.Grace
	}
	return s.Every + s.Every/10
}

func (s Set) settle() time.Duration { return orElse(s.Settle, defaultSettle) }

func (s Set) readWhole() bool { return s.Decompress == nil || *s.Decompress }

func (t RestoreTest) on() bool { return t.Every > 0 || t.Cron != "" }

func orElse[T comparable](v, other T) T {
	var zero T
	if v != zero {
		return v
	}
	return other
}
