package main

import (
	"errors"
	"time"

	"github.com/prometheus/common/model"
)

// when is a flag for a moment: a date, a date and time in local time, RFC 3339,
// or how long ago, like 90m, 24h or 7d.
type when struct {
	time.Time
	now   time.Time
	given string
}

// String returns what was given.
func (w *when) String() string { return w.given }

// Type is the word for the value in the help.
func (w *when) Type() string { return "time" }

// Set reads the flag.
func (w *when) Set(s string) error {
	t, err := parseWhen(s, w.now, time.Local)
	if err == nil {
		w.Time, w.given = t, s
	}
	return err
}

func parseWhen(s string, now time.Time, zone *time.Location) (time.Time, error) {
	if ago, err := model.ParseDuration(s); err == nil {
		return now.Add(-time.Duration(ago)), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("not a time")
}
