package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
)

// rules say how an answer is read.
type rules struct {
	// code and message are where they may stand, by the names of the fields with
	// dots between. Without code the whole body is one.
	code, message []string
	// field has to have the value equals, or any without it; no field: the whole
	// body.
	field, equals string
	retry         []retryRule
	permanent     []string
	// bare says that the HTTP status alone may be a word on this message.
	bare bool
}

func (f form) rules() rules {
	return rules{code: f.Code, message: f.Message, field: f.Success.Field, equals: f.Success.Equals, retry: f.Retry, permanent: f.Permanent}
}

func (s Success) rules() rules {
	r := rules{field: s.Field, equals: s.Equals, permanent: s.Permanent, bare: true}
	if s.Field != "" {
		r.code = []string{s.Field}
	}
	for _, code := range s.Retry {
		r.retry = append(r.retry, retryRule{Code: code})
	}
	return r
}

// judge says what an answer comes to; nil is a message that was taken on.
func (r rules) judge(a post.Answer, now time.Time) error {
	doc, _ := decode(a.Body)
	whole := strings.TrimSpace(string(a.Body))
	value, there := whole, whole != ""
	if r.field != "" {
		value, there = lookup(doc, r.field)
	}
	asked := r.field != "" || r.equals != ""
	if a.Status >= 200 && a.Status < 300 && (!asked || there && value != "" && (r.equals == "" || value == r.equals)) {
		return nil
	}
	code, said := whole, ""
	if len(r.code) > 0 {
		code = first(doc, r.code)
	}
	said = first(doc, r.message)
	err := fmt.Errorf("HTTP status %d: %.300s", a.Status, whole)
	if len(r.code) > 0 && code != "" {
		err = fmt.Errorf("HTTP status %d, %.100s: %.300s", a.Status, code, said)
		if len(r.message) == 0 {
			err = fmt.Errorf("HTTP status %d, %.100s: %.300s", a.Status, code, whole)
		}
	}
	if code != "" && slices.ContainsFunc(r.permanent, func(p string) bool { return matches(p, code) }) {
		return &channel.Permanent{Err: err}
	}
	wait := a.Wait(now)
	for _, rule := range r.retry {
		if code != "" && matches(rule.Code, code) && strings.Contains(said, rule.Says) {
			if wait = max(wait, rule.After); wait > 0 {
				return &channel.RetryAfter{After: wait, Err: err}
			}
			return err
		}
	}
	if wait > 0 && (a.Status == http.StatusTooManyRequests || a.Status >= 500) {
		return &channel.RetryAfter{After: wait, Err: err}
	}
	switch a.Status {
	// The rest of the 4xx is a matter of the account, the address or the time,
	// which can be mended.
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		if r.bare {
			return &channel.Permanent{Err: err}
		}
	}
	return err
}

// matches compares a code with one of a list, where a * at the end stands for
// anything.
func matches(pattern, code string) bool {
	if head, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(code, head)
	}
	return pattern == code
}

func decode(body []byte) (doc any, err error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	err = d.Decode(&doc)
	return doc, err
}

// first is the first of several fields that is there.
func first(doc any, paths []string) string {
	for _, p := range paths {
		if v, ok := lookup(doc, p); ok && v != "" {
			return v
		}
	}
	return ""
}

// lookup is the value of a field, by the names and places on the way to it.
func lookup(doc any, path string) (string, bool) {
	for name := range strings.SplitSeq(path, ".") {
		switch d := doc.(type) {
		case map[string]any:
			v, ok := d[name]
			if !ok {
				return "", false
			}
			doc = v
		case []any:
			n, err := strconv.Atoi(name)
			if err != nil || n < 0 || n >= len(d) {
				return "", false
			}
			doc = d[n]
		default:
			return "", false
		}
	}
	switch v := doc.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}
