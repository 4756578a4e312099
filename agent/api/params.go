package api

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// params reads query parameters as strictly as bodies: what was not asked
// for is refused by close.
type params struct {
	values url.Values
	asked  []string
	err    error
}

// maxParam bounds one parameter, in bytes.
const maxParam = 4096

func (c *call) params() *params {
	p := &params{asked: []string{"lang"}}
	var err error
	// URL.Query would leave out what it cannot read, and a filter that is left
	// out shows more than was asked for.
	if p.values, err = url.ParseQuery(c.URL.RawQuery); err != nil {
		p.err = &failure{Status: http.StatusBadRequest, Code: "bad_parameters"}
	}
	return p
}

// text returns a parameter, empty if it is not there.
func (p *params) text(name string) string {
	p.asked = append(p.asked, name)
	for _, v := range p.values[name] {
		switch {
		case len(v) > maxParam:
			p.bad(name, "parameter_too_long", "max", maxParam)
		case !keepable(v):
			p.bad(name, "bad_text")
		}
	}
	return p.values.Get(name)
}

// must is text of a parameter that has to be there.
func (p *params) must(name string) string {
	v := p.text(name)
	if v == "" {
		p.bad(name, "parameter_missing")
	}
	return v
}

// list returns a parameter that may stand several times, or once with commas.
func (p *params) list(name string) []string {
	p.text(name)
	var out []string
	for _, v := range p.values[name] {
		for word := range strings.SplitSeq(v, ",") {
			if word = strings.TrimSpace(word); word != "" {
				out = append(out, word)
			}
		}
	}
	return out
}

// number returns a whole number within [low, high].
func (p *params) number(name string, otherwise, low, high int) int {
	s := p.text(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		p.bad(name, "bad_number", "low", low, "high", high)
	}
	return n
}

// time returns a moment; a zero one if it is not there.
func (p *params) time(name string) time.Time {
	s := p.text(name)
	if s == "" {
		return time.Time{}
	}
	t, err := ParseMoment(s)
	if err != nil {
		p.bad(name, "bad_time", "value", s)
	}
	return t
}

// The bounds of a parameter in seconds; a year is no step of a chart.
const minSeconds, maxSeconds = 0.001, 366 * 86400

// seconds returns a positive number of seconds; 0 if it is not there.
func (p *params) seconds(name string) time.Duration {
	s := p.text(name)
	if s == "" {
		return 0
	}
	n, err := strconv.ParseFloat(s, 64)
	// NaN is neither over nor under a bound.
	if err != nil || !(n >= minSeconds && n <= maxSeconds) {
		p.bad(name, "bad_seconds", "low", minSeconds, "high", maxSeconds)
		return 0
	}
	return time.Duration(n * float64(time.Second))
}

// bad keeps the first mistake.
func (p *params) bad(name, code string, args ...any) {
	if p.err == nil {
		p.err = badField(http.StatusBadRequest, name, code, args...)
	}
}

// badField is a failure that names a body field or parameter; args are names
// and values in turn.
func badField(status int, name, code string, args ...any) error {
	f := &failure{Status: status, Code: code, Field: name, Args: map[string]any{"field": name}}
	for n := 0; n+1 < len(args); n += 2 {
		f.Args[args[n].(string)] = args[n+1]
	}
	return f
}

// close returns the first mistake of all parameters.
func (p *params) close() error {
	for _, name := range slices.Sorted(maps.Keys(p.values)) {
		if !slices.Contains(p.asked, name) {
			p.bad(name, "unknown_parameter", "known", strings.Join(p.asked, ", "))
		}
	}
	return p.err
}
