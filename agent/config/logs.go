package config

import (
	"errors"
	"time"

	"xunjian/checks"
	"xunjian/checks/logs"
	"xunjian/checks/logs/archive"
)

// Logs says which lines of logs are taken in, judged and kept.
type Logs struct {
	logs.Config `yaml:",inline"`
	// Archive is where they are kept.
	Archive archive.Config `yaml:"archive"`
}

func defaultLogs() Logs { return Logs{Config: logs.Default(), Archive: archive.Default()} }

func (l Logs) validate() error {
	var m mistakes
	if err := l.Config.Validate(); err != nil {
		m = append(m, err)
	}
	m.join("archive", l.Archive.Validate())
	return errors.Join(m...)
}

// known returns the checks of logs that can be named, with their own schedules.
func (l Logs) known() map[string]checks.Schedule {
	return map[string]checks.Schedule{"logs_archive": {}, "logs": {Interval: 15 * time.Second}, "access": {Interval: 15 * time.Second}, "log_novelty": {Interval: time.Minute}}
}
