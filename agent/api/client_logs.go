package api

import (
	"context"
	"net/url"
	"time"
)

// LineQuery says which kept lines are looked for; zero fields ask for all.
type LineQuery struct {
	From, To                            time.Time
	Source, Kind, Host, Event, Severity string
	Text, Regexp                        string
	Before                              int64
	Limit                               int
}

// SearchLines returns a page of kept lines, newest first.
func (c *Client) SearchLines(ctx context.Context, q LineQuery) (LinePage, error) {
	v := url.Values{}
	setTime(v, "from", q.From)
	setTime(v, "to", q.To)
	for name, value := range map[string]string{
		"source": q.Source, "kind": q.Kind, "host": q.Host, "event": q.Event, "severity": q.Severity, "text": q.Text, "regexp": q.Regexp,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	setNumber(v, "before", int(q.Before))
	setNumber(v, "limit", q.Limit)
	return get[LinePage](ctx, c, "/logs/search", v)
}
