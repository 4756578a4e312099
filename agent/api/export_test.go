package api

import (
	"net/http"
	"net/url"
	"time"
)

// Heartbeat is the pause of a silent event stream.
const Heartbeat = heartbeat

// RouteLine is what a test may know of a route.
type RouteLine struct{ Method, Path, Need string }

// RouteLines lists the routes.
func RouteLines() []RouteLine {
	var out []RouteLine
	for _, rt := range routes() {
		out = append(out, RouteLine{rt.method, rt.path, string(rt.need)})
	}
	return out
}

// OpenAPI is the embedded description.
func OpenAPI() []byte { return openAPI }

// Read is what the parameters of a query came to.
type Read struct {
	Text   string
	Words  []string
	Number int
	Moment time.Time
	Span   time.Duration
	Err    *Error
}

// The bounds that ReadParams asks for, and those of every parameter.
const (
	Low, High              = 1, 500
	MaxParam               = maxParam
	MinSeconds, MaxSeconds = minSeconds, maxSeconds
)

// ReadParams reads a query as a handler does that knows one parameter of each
// kind.
func ReadParams(query string) Read {
	c := call{Request: &http.Request{URL: &url.URL{RawQuery: query}}}
	p := c.params()
	r := Read{
		Text: p.text("text"), Words: p.list("words"), Number: p.number("number", 50, Low, High),
		Moment: p.time("moment"), Span: p.seconds("seconds"),
	}
	if err := p.close(); err != nil {
		f := failureOf(err)
		r.Err = &Error{Status: f.Status, Code: f.Code, Field: f.Field}
	}
	return r
}
