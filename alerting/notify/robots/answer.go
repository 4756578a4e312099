package robots

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
)

// codes say what the numbers of a platform come to. What is in neither list is
// tried again: most are a matter of the robot's settings, which can be mended.
type codes struct {
	// slow asks for a pause, never says that this message will not do.
	slow, never []int
	pause       time.Duration
}

// judge reads the code and the words of an answer; code is nil where there was
// none, which is no success.
func (c codes) judge(a post.Answer, code *int, said string) error {
	wait := max(a.Wait(time.Now()), 0)
	var err error
	switch {
	case code == nil:
		err = fmt.Errorf("HTTP status %d without a word that can be understood: %.200q", a.Status, a.Body)
	case *code == 0 && a.Status == http.StatusOK:
		return nil
	default:
		err = fmt.Errorf("HTTP status %d, error %d: %.500s", a.Status, *code, said)
	}
	if code != nil && slices.Contains(c.never, *code) {
		return &channel.Permanent{Err: err}
	}
	if code != nil && slices.Contains(c.slow, *code) || a.Status == http.StatusTooManyRequests {
		wait = max(wait, c.pause)
	}
	if wait > 0 {
		return &channel.RetryAfter{After: wait, Err: err}
	}
	return err
}

// answerOf reads JSON, by the keys of this platform.
func answerOf(body []byte, code, words string) (*int, string, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return nil, "", err
	}
	var n *int
	var said string
	if raw, ok := fields[code]; ok {
		if err := json.Unmarshal(raw, &n); err != nil {
			return nil, "", err
		}
	} else {
		return nil, "", errors.New("no " + code)
	}
	if raw, ok := fields[words]; ok {
		_ = json.Unmarshal(raw, &said)
	}
	return n, said, nil
}
