package yamlfile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const durationWanted = "a duration like 30s, 5m, 2h or 15d"

const day = 24 * time.Hour

// ParseDuration reads a duration like 30s, 1h30m or 15d. A bare 0 is none; any
// other number needs a unit.
func ParseDuration(s string) (time.Duration, error) {
	wrong := func(why string) error {
		return fmt.Errorf("%q %s; want %s", clip(s), why, durationWanted)
	}
	rest, days := strings.TrimSpace(s), time.Duration(0)
	if head, tail, ok := strings.Cut(rest, "d"); ok {
		n, err := strconv.ParseUint(head, 10, 16)
		if err != nil {
			return 0, wrong("is not a duration")
		}
		rest, days = tail, time.Duration(n)*day
	}
	if rest == "" && days > 0 {
		return days, nil
	}
	if _, err := strconv.ParseFloat(rest, 64); err == nil && rest != "0" {
		return 0, wrong("has no unit")
	}
	clock, err := time.ParseDuration(rest)
	switch {
	case err != nil:
		return 0, wrong("is not a duration")
	case clock < 0:
		return 0, wrong("is negative")
	case clock+days < 0:
		return 0, errors.New(strconv.Quote(s) + " is too long")
	}
	return clock + days, nil
}

// FormatDuration writes a duration as people write it: 15d, 2h, 1h30m.
func FormatDuration(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	var b strings.Builder
	if d >= day && d%time.Hour == 0 {
		fmt.Fprintf(&b, "%dd", d/day)
		if d %= day; d == 0 {
			return b.String()
		}
	}
	s := d.String()
	s = strings.TrimSuffix(s, "0s")
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	if last := s[len(s)-1]; last >= '0' && last <= '9' || last == '.' {
		s = d.String() // 10s and the like
	}
	b.WriteString(s)
	return b.String()
}
