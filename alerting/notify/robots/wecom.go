package robots

import (
	"net/url"
	"time"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
)

// weCom: markdown of at most 4096 bytes. Only its plain texts (2048 bytes)
// mention people by mobile number, so one of those follows. It knows no
// signature.
type weCom struct{}

const (
	weComMarkdown = 4096
	weComText     = 2048
)

func (weCom) bodies(m channel.Message, phones []string) []map[string]any {
	var out []map[string]any
	for _, part := range split(markdown(m, "\n"), weComMarkdown, plainCost) {
		out = append(out, map[string]any{"msgtype": "markdown", "markdown": map[string]any{"content": part}})
	}
	if len(phones) > 0 {
		out = append(out, map[string]any{"msgtype": "text", "text": map[string]any{
			"content": clip(names(m)+colon(m)+m.Subject, weComText), "mentioned_mobile_list": phones,
		}})
	}
	return out
}

func (weCom) sign(*url.URL, map[string]any, string, time.Time) {}

func (weCom) judge(a post.Answer) error {
	code, said, _ := answerOf(a.Body, "errcode", "errmsg")
	return codes{
		slow: []int{45009, 45033}, pause: time.Minute,
		// A wrong kind, a wrong or too long text, none at all.
		never: []int{40008, 40058, 44004, 45002},
	}.judge(a, code, said)
}
