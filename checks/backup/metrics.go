package backup

import (
	"time"

	"xunjian/checks"
)

func gauge(name, help string) *checks.Desc {
	return checks.NewDesc("xunjian_backup_"+name, checks.Gauge, help, "set", "type", "system")
}

// What is measured of a set. No exporter has names for this that others know:
// those of restic, borg and pgBackRest each have their own, for one repository.
var (
	descFiles     = gauge("files", "Backups of the set that are there: files, folders, WAL segments or snapshots.")
	descNewest    = gauge("newest_timestamp_seconds", "When the newest backup of the set was made, good or not, in Unix time.")
	descLastGood  = gauge("last_success_timestamp_seconds", "When the newest good backup of the set was made, in Unix time.")
	descMaxAge    = gauge("max_age_seconds", "How old the newest good backup of the set may be.")
	descSize      = gauge("size_bytes", "Size of the newest backup of the set.")
	descMinSize   = gauge("min_size_bytes", "Size that a backup of the set has at least.")
	descRatio     = gauge("size_ratio", "Size of the newest backup against the median of up to seven before it.")
	descBroken    = gauge("broken", "Whether the newest backup of the set that was read is broken.")
	descVerified  = gauge("verified_timestamp_seconds", "When the newest good backup of the set was read to its end, in Unix time.")
	descMissing   = gauge("wal_missing_segments", "WAL segments missing on the way from the oldest to the newest one.")
	descLocked    = gauge("repository_lock_left", "Whether a lock was left behind in the repository.")
	descLocks     = gauge("repository_locks", "Locks in the repository.")
	descCheck     = gauge("repository_check_success", "Whether the last check of the repository by its own program found it sound.")
	descCheckTime = gauge("repository_check_timestamp_seconds", "When the repository was last checked by its own program, in Unix time.")

	descTest      = gauge("restore_test_success", "Whether the last restore test of the set succeeded.")
	descTestTime  = gauge("restore_test_timestamp_seconds", "When the last restore test of the set began, in Unix time.")
	descTestGood  = gauge("restore_test_last_success_timestamp_seconds", "When the last restore test of the set that succeeded began, in Unix time.")
	descTestDue   = gauge("restore_test_due_timestamp_seconds", "By when a restore test of the set should have succeeded again, in Unix time.")
	descTestTook  = gauge("restore_test_duration_seconds", "How long the last restore test of the set took.")
	descTestRows  = gauge("restore_test_rows", "Rows in all tables after the last restore test of the set.")
	descTestTable = gauge("restore_test_tables", "Tables after the last restore test of the set.")
	descTestRatio = gauge("restore_test_rows_ratio", "Rows after the last restore test against the one before it.")
)

func (s *set) set(out *checks.Output, d *checks.Desc, v float64) {
	out.Set(d, v, s.Set.Name, string(s.Kind), s.System)
}

func (s *set) setTime(out *checks.Output, d *checks.Desc, t time.Time) {
	if !t.IsZero() {
		s.set(out, d, float64(t.UnixMilli())/1000)
	}
}

// figures measures files and folders. s.mu is held.
func (s *set) figures(out *checks.Output, items []item, states []state, fresh int) {
	s.expectations(out)
	s.set(out, descFiles, float64(len(items)+fresh))
	s.setTime(out, descLastGood, s.mem.LastGood)
	if len(items) == 0 {
		return
	}
	s.setTime(out, descNewest, items[0].made)
	s.set(out, descSize, float64(items[0].size))
	if r, ok := s.mem.ratio(); ok && s.Kind != WAL {
		s.set(out, descRatio, r)
	}
	for _, st := range states {
		if st.read && st.Error == "" {
			s.set(out, descBroken, truth(st.Fault != nil))
			break
		}
	}
	for _, st := range states {
		if st.read && st.good() && s.readWhole() {
			s.setTime(out, descVerified, st.At)
			break
		}
	}
}

func (s *set) expectations(out *checks.Output) {
	s.set(out, descMaxAge, s.limit().Seconds())
	if s.MinSize > 0 {
		s.set(out, descMinSize, float64(s.MinSize))
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
