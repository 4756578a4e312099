package alerting

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"xunjian/alerting/incident"
)

// clean makes a signal one that can be kept: what comes from outside may hold
// bytes that are no text, numbers that JSON does not have, and any time. One
// bad signal must not keep the others of its batch from being committed.
func clean(s Signal, now time.Time) Signal {
	s.Key, s.Rule, s.Via = valid(s.Key), bounded(s.Rule), bounded(s.Via)
	s.Labels, s.Annotations = texts(s.Labels), texts(s.Annotations)
	s.Value = finite(s.Value)
	if s.At.IsZero() {
		s.At = now
	}
	if s.Since.IsZero() {
		s.Since = s.At
	}
	if s.Since.After(now) {
		s.Since = now // an outage does not begin in the future
	}
	return s
}

// finite is 0 for what is no number, and the greatest for the infinite.
func finite(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return max(-math.MaxFloat64, min(v, math.MaxFloat64))
}

func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// bounded is s as text of at most incident.MaxText bytes.
func bounded(s string) string {
	if s = valid(s); len(s) <= incident.MaxText {
		return s
	}
	end := incident.MaxText
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// texts bounds the values of a map; it copies it only if it has to.
func texts(m map[string]string) map[string]string {
	sound := true
	for k, v := range m {
		sound = sound && utf8.ValidString(k) && utf8.ValidString(v) && len(v) <= incident.MaxText
	}
	if sound {
		return m
	}
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[valid(k)] = bounded(v)
	}
	return out
}
