package config

import (
	"errors"

	"xunjian/checks"
	"xunjian/checks/logs/archive"
)

// Logs says which lines of logs are taken in, judged and kept.
type Logs struct {
	// Archive is where they are kept.
	Archive archive.Config `yaml:"archive"`
}

func defaultLogs() Logs { return Logs{Archive: archive.Default()} }

func (l Logs) validate() error {
	var m mistakes
	m.join("archive", l.Archive.Validate())
	return errors.Join(m...)
}

// known returns the checks of logs that can be named, with their own schedules.
func (l Logs) known() map[string]checks.Schedule {
	return map[string]checks.Schedule{"logs_archive": {}}
}
