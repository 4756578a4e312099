package api

import (
	"context"
	"errors"
	"net/http"

	"xunjian/agent/access"
	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/inspection"
	"xunjian/checks"
)

// Error is what the API answers when it does not do what was asked; the
// client returns it.
type Error struct {
	Status int `json:"-"`
	// Code is stable; Message is for people, in their language.
	Code    string `json:"code"`
	Message string `json:"message"`
	// Field names the body field or parameter that is wrong.
	Field string `json:"field,omitempty"`
	// Version is the incident's, if it moved on since the caller looked.
	Version int `json:"version,omitempty"`
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// failure is an Error before it is said in a language.
type failure struct {
	Status int
	Code   string
	Args   map[string]any
	Field  string
	// Version is what the incident has come to, for changed_meanwhile.
	Version int
	// message is the id of its text, if it is not api.error.<Code>.
	message string
}

// Error says the failure for logs.
func (f *failure) Error() string { return f.Code }

// plain are the errors that say all by themselves.
var plain = []struct {
	err    error
	status int
	code   string
}{
	{access.ErrUnauthenticated, http.StatusUnauthorized, "unauthorized"},
	{access.ErrNotFound, http.StatusNotFound, "not_found"},
	{alerting.ErrNotFound, http.StatusNotFound, "not_found"},
	{alerting.ErrConflict, http.StatusConflict, "changed_meanwhile"},
	{inspection.ErrNotFound, http.StatusNotFound, "not_found"},
	{inspection.ErrConflict, http.StatusConflict, "changed_meanwhile"},
	{checks.ErrUnknownCheck, http.StatusNotFound, "not_found"},
	{checks.ErrStopped, http.StatusServiceUnavailable, "not_ready"},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "timeout"},
	{context.Canceled, statusClientGone, "client_gone"},
}

// statusClientGone is for the log only: nobody reads the answer.
const statusClientGone = 499

// refusals are the codes of incident.Refusal that are not a conflict with the
// state the incident is in, but a fault of the request.
var refusals = map[string]bool{
	"text_missing": true, "text_too_long": true, "unknown_level": true, "unknown_step": true,
	"unknown_step_state": true, "unknown_code": true, "unknown_scenario": true, "unknown_command": true,
	"unknown_branch": true, "unknown_source": true, "unknown_entry": true, "unknown_lesson": true, "unknown_heading": true,
	"unknown_duty_state": true, "estimate_before_outage": true, "estimate_too_far": true, "since_too_old": true, "drill_without_people": true,
}

// failureOf maps any error to what the caller is told. Whatever it does not
// know is internal: the log has the error, the caller a safe sentence.
func failureOf(err error) *failure {
	if f := (*failure)(nil); errors.As(err, &f) {
		return f
	}
	if r := (*incident.Refusal)(nil); errors.As(err, &r) {
		status := http.StatusConflict
		if refusals[r.Code] {
			status = http.StatusUnprocessableEntity
		}
		return &failure{Status: status, Code: r.Code, Args: r.Args, Field: refusedField(r), message: "incident.refused." + r.Code}
	}
	if r := (*inspection.Refusal)(nil); errors.As(err, &r) {
		return roundRefused(r)
	}
	if r := (*access.Refusal)(nil); errors.As(err, &r) {
		return denied(r)
	}
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return &failure{Status: http.StatusRequestEntityTooLarge, Code: "body_too_large", Args: map[string]any{"limit": tooLarge.Limit}}
	}
	for _, p := range plain {
		if errors.Is(err, p.err) {
			return &failure{Status: p.status, Code: p.code}
		}
	}
	return &failure{Status: http.StatusInternalServerError, Code: "internal"}
}

// roundRefused maps a refusal of an inspection round.
func roundRefused(r *inspection.Refusal) *failure {
	f := &failure{Status: http.StatusConflict, Code: r.Code, Args: r.Args, message: "round.refused." + r.Code}
	f.Field = map[string]string{
		"unknown_form": "form", "unknown_item": "item", "unknown_verdict": "verdict", "unknown_signature": "as",
		"note_missing": "note", "note_too_long": "note", "nobody_to_mail": "person", "unknown_format": "format", "bad_period": "from",
		"too_many_files": "files", "file_unnamed": "files", "file_empty": "files", "file_too_large": "files", "files_too_large": "files", "round_full": "files",
	}[r.Code]
	if f.Field != "" {
		f.Status = http.StatusUnprocessableEntity
	}
	return f
}

// denied maps a refusal of access, or of a change of an account.
func denied(r *access.Refusal) *failure {
	f := &failure{Status: http.StatusUnprocessableEntity, Code: r.Code, Args: r.Args, message: "access.refused." + r.Code}
	switch {
	case errors.Is(r, access.ErrUnauthenticated):
		f.Status = http.StatusUnauthorized
	case errors.Is(r, access.ErrNotFound):
		f.Status = http.StatusNotFound
	case r.Code == "name_taken" || r.Code == "last_admin":
		f.Status = http.StatusConflict
	case r.Code == "too_many_tries":
		f.Status = http.StatusTooManyRequests
	}
	f.Field = map[string]string{
		"bad_name": "name", "name_taken": "name", "bad_token_name": "name", "unknown_role": "role", "role_above_owner": "role",
		"password_short": "password", "password_long": "password", "password_bytes": "password",
	}[r.Code]
	return f
}

// refusedField names the body field that a refusal is about.
func refusedField(r *incident.Refusal) string {
	if field, ok := r.Args["field"].(string); ok {
		return field
	}
	return map[string]string{
		"unknown_level": "level", "unknown_step": "step", "unknown_step_state": "state",
		"unknown_code": "code", "unknown_scenario": "scenario", "still_firing": "note",
		"unknown_branch": "branch", "unknown_source": "warning", "unknown_entry": "entry", "unknown_lesson": "lesson",
		"unknown_heading": "heading", "unknown_duty_state": "state", "duty_not_due": "duty", "not_recovered": "note",
		"estimate_before_outage": "restored", "estimate_too_far": "restored", "since_too_old": "since",
		"drill_without_people": "participants",
	}[r.Code]
}

// fail answers err.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	f := failureOf(err)
	if f.Status >= http.StatusInternalServerError {
		s.Logger.Error("answer a request", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	id := f.message
	if id == "" {
		id = "api.error." + f.Code
	}
	if f.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="xunjian"`)
	}
	writeJSON(w, f.Status, map[string]*Error{"error": {
		Code: f.Code, Field: f.Field, Version: f.Version, Message: s.printer(r, access.Principal{}).T(id, f.Args),
	}})
}
