package yamlfile

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseDuration(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"0": 0, "30s": 30 * time.Second, "5m": 5 * time.Minute, "1h30m": 90 * time.Minute, "15d": 15 * 24 * time.Hour,
		"1d12h": 36 * time.Hour, "250ms": 250 * time.Millisecond, "1.5h": 90 * time.Minute, " 2h ": 2 * time.Hour,
	} {
		if got, err := ParseDuration(s); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", s, got, err, want)
		}
	}
}

func TestParseDurationRefuses(t *testing.T) {
	for s, want := range map[string]string{
		"":       `"" is not a duration; want a duration like 30s, 5m, 2h or 15d`,
		"15":     `"15" has no unit; want a duration like 30s, 5m, 2h or 15d`,
		"1.5":    `"1.5" has no unit; want a duration like 30s, 5m, 2h or 15d`,
		"-1h":    `"-1h" is negative; want a duration like 30s, 5m, 2h or 15d`,
		"1 hour": `"1 hour" is not a duration; want a duration like 30s, 5m, 2h or 15d`,
		"d":      `"d" is not a duration; want a duration like 30s, 5m, 2h or 15d`,
		"-3d":    `"-3d" is not a duration; want a duration like 30s, 5m, 2h or 15d`,
		"99999d": `"99999d" is not a duration; want a duration like 30s, 5m, 2h or 15d`,
		"三十分钟":   `"三十分钟" is not a duration; want a duration like 30s, 5m, 2h or 15d`,
	} {
		got, err := ParseDuration(s)
		if err == nil {
			t.Errorf("%q was read as %v", s, got)
		} else if err.Error() != want {
			t.Errorf("%q: %s\nwant %s", s, err, want)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0": 0, "10s": 10 * time.Second, "30s": 30 * time.Second, "1m": time.Minute, "10m": 10 * time.Minute, "1m10s": 70 * time.Second,
		"2h": 2 * time.Hour, "10h": 10 * time.Hour, "1h30m": 90 * time.Minute, "1d": 24 * time.Hour, "15d": 15 * 24 * time.Hour,
		"1d1h": 25 * time.Hour, "24h1m": 24*time.Hour + time.Minute, "100ms": 100 * time.Millisecond, "20m": 20 * time.Minute,
	} {
		if got := FormatDuration(d); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
	}
}

// TestDurationRoundTrip: what is written reads back as the same.
func TestDurationRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, time.Minute, time.Hour, day}).Draw(t, "unit")
		d := time.Duration(rapid.IntRange(0, 5000).Draw(t, "n")) * unit
		got, err := ParseDuration(FormatDuration(d))
		if err != nil || got != d {
			t.Fatalf("%v → %q → %v, %v", d, FormatDuration(d), got, err)
		}
	})
}
