package api

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"xunjian/agent/access"
	"xunjian/alerting/incident"
	"xunjian/alerting/text"
)

// call is one request on its way: who asks, and in which language to answer.
type call struct {
	*http.Request
	w    http.ResponseWriter
	who  access.Principal
	say  *text.Printer
	zone *time.Location
	now  time.Time
}

// actor is who the events of this request are by.
func (c *call) actor() incident.Actor {
	return incident.Actor{Kind: "person", Name: c.who.Name, Via: c.who.Via}
}

// handler makes a route a handler: language, who, role, limits, answer.
func (s *server) handler(rt route) http.Handler {
	return s.refuse(func(w http.ResponseWriter, r *http.Request) error {
		who, err := s.authenticate(r)
		if err != nil {
			return err
		}
		if !who.Role.Allows(rt.need) {
			return &failure{Status: http.StatusForbidden, Code: "forbidden",
				Args: map[string]any{"need": string(rt.need), "have": string(who.Role)}}
		}
		ctx, cancel := rt.limits.context(r.Context())
		defer cancel()
		if err := s.enter(ctx, rt.limits); err != nil {
			return err
		}
		defer s.leave(rt.limits)
		r.Body = http.MaxBytesReader(w, r.Body, rt.limits.bodyLimit())
		c := &call{Request: r.WithContext(ctx), w: w, who: who, say: s.printer(r, who), zone: s.Zone, now: s.Now()}
		answer, err := rt.serve(s, c)
		if err != nil {
			return err
		}
		return respond(c, answer)
	})
}

func (l limits) context(ctx context.Context) (context.Context, context.CancelFunc) {
	switch l.within {
	case forever:
		return context.WithCancel(ctx)
	case 0:
		return context.WithTimeout(ctx, defaultWithin)
	}
	return context.WithTimeout(ctx, l.within)
}

func (l limits) bodyLimit() int64 {
	if l.body == 0 {
		return defaultBody
	}
	return l.body
}

// enter waits for a place if the request computes a lot.
func (s *server) enter(ctx context.Context, l limits) error {
	if !l.heavy {
		return nil
	}
	select {
	case s.heavy <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for a place among the heavy requests: %w", ctx.Err())
	}
}

func (s *server) leave(l limits) {
	if l.heavy {
		<-s.heavy
	}
}

// printer chooses the language: the parameter lang, else the person's own
// choice, else the browser's, else the agent's.
func (s *server) printer(r *http.Request, who access.Principal) *text.Printer {
	return s.Catalog.For(text.Match(r.URL.Query().Get("lang"), who.Lang, r.Header.Get("Accept-Language"), s.Language))
}

// refuse makes a function that may fail a handler that answers the failure,
// and a panic costs one answer, never the agent.
func (s *server) refuse(f func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.Logger.Error("answer a request", "method", r.Method, "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				s.fail(w, r, fmt.Errorf("panic: %v", p))
			}
		}()
		if err := f(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

// guard keeps other sites from using a browser's session: requests that change
// something must come from the same origin, or from no browser at all.
func (s *server) guard(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(s.refuse(func(http.ResponseWriter, *http.Request) error {
		return &failure{Status: http.StatusForbidden, Code: "cross_origin"}
	}))
	return cross.Handler(next)
}
