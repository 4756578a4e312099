package config

import (
	"errors"
	"time"

	"xunjian/checks"
	"xunjian/checks/logs"
	"xunjian/checks/logs/archive"
	"xunjian/checks/logs/syslog"
)

// Logs says which lines of logs are taken in, judged and kept.
type Logs struct {
	logs.Config `yaml:",inline"`
	// Archive is where they are kept.
	Archive archive.Config `yaml:"archive"`
	// Syslog takes in what network and security devices say.
	Syslog syslog.Config `yaml:"syslog"`
}

func defaultLogs() Logs {
	return Logs{Config: logs.Default(), Archive: archive.Default(), Syslog: syslog.Default()}
}

func (l Logs) validate() error {
	var m mistakes
	if err := l.Config.Validate(); err != nil {
		m = append(m, err)
	}
	m.join("archive", l.Archive.Validate())
	m.join("syslog", l.Syslog.Validate())
	return errors.Join(m...)
}

// known returns the checks of logs that can be named, with their own schedules.
func (l Logs) known() map[string]checks.Schedule {
	return map[string]checks.Schedule{"logs_archive": {}, "syslog": {}, "access": {Interval: 15 * time.Second}, "log_novelty": {Interval: time.Minute}, "logs": {Interval: 15 * time.Second}}
}
