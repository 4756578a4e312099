package console

import (
	"net/url"
	"strconv"
	"time"
)

// query encodes parameters given as name and value in turn; empty values are
// left out. A page is given the whole address: behind a question mark of its own
// it would encode this once more, into one parameter without a name.
func query(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v.Encode()
}

// number reads a parameter that is a whole number in [low, high]; anything
// else is def.
func number(s string, def, low, high int) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		return def
	}
	return n
}

// day reads a date as browsers send it, as the begin of that day in the zone;
// zero if it is none.
func (w *words) day(s string) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, s, w.zone)
	if err != nil {
		return time.Time{}
	}
	return t
}

// minute reads a date with a time of day as browsers send it.
func (w *words) minute(s string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(layout, s, w.zone); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
