package slack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/secret"
)

// The limits of a request; the caller's context is over all of it.
const (
	connectWithin = 10 * time.Second
	answerWithin  = 20 * time.Second
	// maxAnswer bounds what Slack may say: a page of history with its blocks is
	// the largest.
	maxAnswer = 8 << 20
	// leftAlone is how long Slack is left alone after a limit without a word on
	// when to come back, and at most whatever it says.
	leftAlone, leftAloneMax = 30 * time.Second, time.Hour
)

// doer sends requests for the library: nowhere else than it is told, and it
// reads no more than there is reason for.
type doer struct {
	http *http.Client
	// opened paces apps.connections.open: the library opens the next connection
	// at once after one that broke.
	opened *pace
}

func newDoer() *doer {
	return &doer{
		opened: newPace(openBurst, openEvery),
		http: &http.Client{
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: connectWithin}).DialContext, TLSHandshakeTimeout: connectWithin,
				ResponseHeaderTimeout: answerWithin, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Do implements the library's interface of a client.
func (d *doer) Do(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/apps.connections.open") {
		if err := d.opened.wait(r.Context()); err != nil {
			return nil, err
		}
	}
	answer, err := d.http.Do(r)
	if err != nil {
		return nil, err
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(answer.Body, maxAnswer), answer.Body}
	return answer, nil
}

// The errors that no further attempt at the same message can mend.
var never = []string{
	"msg_too_long", "no_text", "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "invalid_metadata_format", "invalid_metadata_schema",
	"metadata_too_large", "invalid_attachments", "too_many_attachments",
}

// badBlocks are those of them that a message without blocks does not have.
var badBlocks = []string{"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"}

// lost are those that say that the thread is not there any more.
var lost = []string{"thread_not_found", "message_not_found", "invalid_thread_ts", "cannot_reply_to_message"}

// frozen are those that say that the message stays as it is.
var frozen = []string{"cant_update_message", "edit_window_closed", "update_forbidden"}

// mend says what an operator can do about an error.
func mend(code, needed string) string {
	switch code {
	case "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "not_allowed_token_type", "no_permission", "team_access_not_granted", "org_login_required", "access_denied":
		return "; do: install the app in the workspace again and put its new token into token_file"
	case "missing_scope":
		return "; do: give the app the scope " + channel.OneLine(needed) + " and install it again"
	case "channel_not_found":
		return "; do: check channel, and invite the app into it if it is private"
	case "not_in_channel":
		return "; do: invite the app into the channel"
	case "is_archived":
		return "; do: take the channel out of the archive, or name another one"
	case "restricted_action", "restricted_action_read_only_channel", "restricted_action_thread_only_channel", "restricted_action_non_threadable_channel", "restricted_action_thread_locked":
		return "; do: let the app post in the channel, which the workspace's rules forbid"
	}
	return ""
}

// said returns Slack's own word of an error; empty if it is none of Slack's.
func said(err error) string {
	var e slack.SlackErrorResponse
	if errors.As(err, &e) {
		return e.Err
	}
	return ""
}

func is(err error, codes []string) bool { return slices.Contains(codes, said(err)) }

// decided reports whether Slack has said that it did not take a message: after
// any other error it may have.
func decided(err error) bool {
	var limit *slack.RateLimitedError
	var later *channel.RetryAfter
	return errors.As(err, &limit) || errors.As(err, &later) || said(err) != "" && !slices.Contains([]string{"internal_error", "fatal_error", "service_unavailable", "request_timeout"}, said(err))
}

// judge says what an error of a method comes to. Secrets are taken out of it.
func (s *Slack) judge(method string, err error, secrets ...string) error {
	if err == nil {
		return nil
	}
	var limit *slack.RateLimitedError
	var status slack.StatusCodeError
	var e slack.SlackErrorResponse
	var later *channel.RetryAfter
	told := func(format string, args ...any) error {
		return fmt.Errorf("%s: %s: %.600s", s.Name(), method, channel.OneLine(secret.Mask(fmt.Sprintf(format, args...), secrets...)))
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %s: %w", s.Name(), method, err)
	case errors.As(err, &later):
		return &channel.RetryAfter{After: later.After, Err: told("%v", later.Err)}
	case errors.As(err, &limit):
		return &channel.RetryAfter{After: min(max(limit.RetryAfter, time.Second), leftAloneMax), Err: told("told too much")}
	case errors.As(err, &status) && status.Code == http.StatusTooManyRequests:
		return &channel.RetryAfter{After: leftAlone, Err: told("told too much")}
	case errors.As(err, &status) && status.Code == http.StatusRequestEntityTooLarge:
		return &channel.Permanent{Err: told("%v", err)}
	case errors.As(err, &e) && slices.Contains([]string{"ratelimited", "rate_limited", "message_limit_exceeded"}, e.Err):
		return &channel.RetryAfter{After: leftAlone, Err: told("%s", e.Err)}
	case errors.As(err, &e):
		text := told("%s%s %s", e.Err, mend(e.Err, e.Needed), strings.Join(e.ResponseMetadata.Messages, " "))
		if slices.Contains(never, e.Err) {
			return &channel.Permanent{Err: text}
		}
		return text
	}
	return told("%v", err)
}
