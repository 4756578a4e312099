package webhook_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/webhook"
)

// What each answer comes to.
func TestAnswers(t *testing.T) {
	later := time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat)
	for _, c := range []struct {
		status    int
		after     string
		delivered bool
		permanent bool
		wait      time.Duration
	}{
		{200, "", true, false, 0}, {202, "", true, false, 0}, {204, "", true, false, 0}, {299, "", true, false, 0},
		{429, "120", false, false, 2 * time.Minute}, {429, "", false, false, 0}, {503, "7", false, false, 7 * time.Second}, {503, later, false, false, 90 * time.Second},
		{503, "soon", false, false, 0}, {503, "-5", false, false, 0}, {500, "", false, false, 0}, {502, "", false, false, 0},
		{400, "", false, true, 0}, {400, "60", false, true, 0}, {401, "", false, true, 0}, {404, "", false, true, 0}, {410, "", false, true, 0}, {413, "", false, true, 0}, {422, "", false, true, 0},
		{408, "", false, false, 0}, {425, "", false, false, 0}, {301, "", false, false, 0}, {307, "", false, false, 0}, {600, "", false, false, 0},
	} {
		r := &receiver{status: c.status, header: http.Header{"Location": {"https://elsewhere.example.org/"}}, says: "no, not with " + key}
		if c.after != "" {
			r.header.Set("Retry-After", c.after)
		}
		h, _ := serve(t, r, "")
		err := h.Deliver(t.Context(), note(1))
		var permanent *channel.Permanent
		var after *channel.RetryAfter
		var wait time.Duration
		if errors.As(err, &after) {
			wait = after.After
		}
		if (err == nil) != c.delivered || errors.As(err, &permanent) != c.permanent || (wait-c.wait).Abs() > 3*time.Second {
			t.Errorf("%d %s: %v after %v, want permanent: %v, after %v", c.status, c.after, err, wait, c.permanent, c.wait)
		}
		if err != nil && (strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), strconv.Itoa(c.status))) {
			t.Error(err)
		}
	}
}

// An address from a file is a secret: no error shows it.
func TestAddressIsASecret(t *testing.T) {
	const token = "token-of-a-test"
	r := &receiver{status: 500, says: "no hook at /hook/" + token + "?k=" + token}
	_, cfg := serve(t, r, "")
	file := func(address string) webhook.Config {
		c := cfg
		c.URL, c.URLFile = "", write(t, address+"\n")
		return c
	}
	for _, address := range []string{cfg.URL + "/" + token + "?k=" + token, "https://127.0.0.1:1/" + token, "https://no-such-host.invalid/" + token} {
		err := open(t, file(address)).Deliver(t.Context(), note(1))
		if err == nil || strings.Contains(err.Error(), token) {
			t.Errorf("%v", err)
		}
	}
}
