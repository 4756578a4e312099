package console

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"xunjian/agent/access"
	"xunjian/alerting"
	"xunjian/alerting/incident"
)

// failure is what a person is told when a page cannot be shown or a form not
// be carried out.
type failure struct {
	Status int
	// message is the id of its sentence.
	message string
	Args    map[string]any
}

// Error says the failure for logs.
func (f *failure) Error() string { return f.message }

func failing(status int, name string) *failure {
	return &failure{Status: status, message: "console.error." + name}
}

// The failures of the console itself.
var (
	errNotFound    = failing(http.StatusNotFound, "not_found")
	errMethod      = failing(http.StatusMethodNotAllowed, "method")
	errCrossOrigin = failing(http.StatusForbidden, "cross_origin")
	errBadForm     = failing(http.StatusBadRequest, "bad_form")
	errSession     = failing(http.StatusUnauthorized, "session")
	errInternal    = failing(http.StatusInternalServerError, "internal")
)

func forbidden(need access.Role) *failure {
	f := failing(http.StatusForbidden, "forbidden")
	f.Args = map[string]any{"need": "console.role." + string(need)}
	return f
}

// plain are errors of other rooms that say all by themselves.
var plain = []struct {
	err    error
	status int
	name   string
}{
	{alerting.ErrNotFound, http.StatusNotFound, "not_found"},
	{alerting.ErrConflict, http.StatusConflict, "conflict"},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "timeout"},
	{context.Canceled, statusClientGone, "timeout"},
}

// statusClientGone is for the log only: nobody reads the answer.
const statusClientGone = 499

// failureOf maps any error to what a person is told. What it does not know is
// internal: the log has the error, the person a safe sentence.
func failureOf(err error) *failure {
	if f := (*failure)(nil); errors.As(err, &f) {
		return f
	}
	if f, ok := refusalOf(err); ok {
		return f
	}
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		f := failing(http.StatusRequestEntityTooLarge, "too_large")
		f.Args = map[string]any{"limit": tooLarge.Limit}
		return f
	}
	for _, p := range plain {
		if errors.Is(err, p.err) {
			return failing(p.status, p.name)
		}
	}
	return errInternal
}

// refusalOf says the refusals of incidents and accounts: the page that holds
// the form shows them beside it.
func refusalOf(err error) (*failure, bool) {
	if r := (*incident.Refusal)(nil); errors.As(err, &r) {
		return &failure{http.StatusUnprocessableEntity, refusalMessage(r.Code), r.Args}, true
	}
	r := (*access.Refusal)(nil)
	if !errors.As(err, &r) {
		return nil, false
	}
	status := http.StatusUnprocessableEntity
	switch r.Code {
	case "login_failed":
		status = http.StatusUnauthorized
	case "too_many_tries":
		status = http.StatusTooManyRequests
	}
	return &failure{status, "access.refused." + r.Code, r.Args}, true
}

// ownRefusals are said by the console in its own words; the others as the
// incident says them everywhere.
var ownRefusals = []string{
	"not_ended", "already_ended", "already_acknowledged", "still_firing", "text_missing", "text_too_long", "unknown_level",
	"unknown_step", "unknown_step_state", "unknown_command", "unknown_code", "unknown_scenario", "other_open",
}

func refusalMessage(code string) string {
	if slices.Contains(ownRefusals, code) {
		return "console.refused." + code
	}
	return "incident.refused." + code
}

// fail answers err with a page of its own.
func (r *request) fail(err error) {
	f := failureOf(err)
	if f.Status >= http.StatusInternalServerError {
		r.c.opt.Logger.Error("answer a page", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	data := errorPage{Status: f.Status, Text: r.sayFailure(f)}
	if err := r.render(f.Status, "error", r.T("console.error.title"), data); err != nil {
		r.c.opt.Logger.Error("show an error page", "path", r.URL.Path, "err", err)
		r.bare(f.Status)
	}
}

type errorPage struct {
	Status int
	Text   string
}

// sayFailure says a failure. Arguments that are themselves messages are said
// in the same language.
func (w *words) sayFailure(f *failure) string {
	args := make(map[string]any, len(f.Args))
	for k, v := range f.Args {
		args[k] = v
	}
	if need, ok := args["need"].(string); ok {
		args["need"] = w.T(need)
	}
	if field, ok := args["field"].(string); ok {
		args["field"] = w.or("console.field."+field, field)
	}
	return w.Tm(f.message, args)
}

// bare is the last resort, when not even the page of an error can be made.
func (r *request) bare(status int) {
	r.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	r.w.WriteHeader(status)
	_, _ = r.w.Write([]byte("页面出错，详情见运行日志。\nThe page broke; the agent's log has the details.\n"))
}
