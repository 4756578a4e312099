package console

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"xunjian/agent/access"
	"xunjian/alerting/incident"
)

// request is one request on its way: who asks, and in which language to
// answer.
type request struct {
	*http.Request
	*words
	c   *Console
	w   http.ResponseWriter
	who access.Principal // empty before login
	now time.Time
	// byAlert is which incident each alert belongs to, once it was asked for.
	byAlert map[string]string
}

const (
	answerWithin = 20 * time.Second
	maxForm      = 64 << 10 // bytes
)

// page makes a route a handler: session, role, limits, language, answer.
func (c *Console) page(rt route) http.Handler {
	return c.public(func(r *request) error {
		if rt.need == nobody {
			return rt.serve(r)
		}
		if err := r.identify(); err != nil {
			return err
		}
		if r.who.Name == "" {
			return r.askLogin()
		}
		if !r.who.Role.Allows(rt.need) {
			return forbidden(rt.need)
		}
		return rt.serve(r)
	})
}

// public makes a function that may fail a handler that says the failure; a
// panic costs one answer, never the agent.
func (c *Console) public(serve func(*request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		ctx, cancel := context.WithTimeout(hr.Context(), answerWithin)
		defer cancel()
		hr = hr.WithContext(ctx)
		limit := int64(maxForm)
		if carriesFiles(hr) && takesFiles(hr) {
			limit = maxUpload // read only when it is known who asks
		}
		hr.Body = http.MaxBytesReader(w, hr.Body, limit)
		r := &request{Request: hr, c: c, w: w, now: c.opt.Now()}
		r.words = c.wordsFor(hr, "")
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				c.opt.Logger.Error("answer a page", "method", hr.Method, "path", hr.URL.Path, "panic", p, "stack", string(debug.Stack()))
				r.fail(errInternal)
			}
		}()
		w.Header().Set("Cache-Control", "no-store")
		if err := r.parse(); err != nil {
			r.fail(err)
			return
		}
		if err := serve(r); err != nil {
			r.fail(err)
		}
	})
}

// parse reads the form of a request that carries one.
func (r *request) parse() error {
	err := r.ParseForm()
	tooLarge := (*http.MaxBytesError)(nil)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &tooLarge):
		return err
	}
	return fmt.Errorf("%w: %w", errBadForm, err)
}

// field is a field of the posted form, in the line endings of the rest of the
// world.
func (r *request) field(name string) string {
	return strings.TrimSpace(strings.ReplaceAll(r.PostForm.Get(name), "\r\n", "\n"))
}

// actor is who the events of this request are by.
func (r *request) actor() incident.Actor {
	return incident.Actor{Kind: "person", Name: r.who.Name, Via: "console"}
}

// live reports whether the page itself asks for a fresh part of it.
func (r *request) live() bool { return r.Header.Get("HX-Request") == "true" }

// redirect answers a form with the page to look at next, so that reloading it
// does not send the form again.
func (r *request) redirect(path string) error {
	http.Redirect(r.w, r.Request, path, http.StatusSeeOther)
	return nil
}

// remote is the address that a request came from, without its port.
func (r *request) remote() string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// local returns a path of this console to go to, or "/" if it is none: what
// stands in a URL may be anybody's.
func local(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/") ||
		strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") || u.Path == "/login" {
		return "/"
	}
	return path
}

// enter waits for a place among the requests that compute a lot; leave must
// then be called.
func (r *request) enter() (leave func(), err error) {
	select {
	case r.c.heavy <- struct{}{}:
		return func() { <-r.c.heavy }, nil
	case <-r.Context().Done():
		return nil, fmt.Errorf("wait for a place among the heavy requests: %w", r.Context().Err())
	}
}
