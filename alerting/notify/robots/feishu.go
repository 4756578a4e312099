package robots

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
	"xunjian/alerting/plan"
)

// feishu: cards, of which every text is plain, so that nothing in it can be a
// mention or a link. A request has at most 20 KB; cards of applications may
// have 30. Robots of groups cannot mention by number: names and numbers are
// written.
type feishu struct{}

const (
	feishuLimit = 20_000
	feishuFrame = 1_500
)

var feishuColours = map[plan.Level]string{plan.LevelI: "red", plan.LevelII: "orange", plan.LevelIII: "yellow", plan.LevelIV: "blue"}

func (feishu) bodies(m channel.Message, _ []string) []map[string]any {
	colour := feishuColours[m.Incident.Level]
	if m.Incident.Over || colour == "" {
		colour = "grey"
	}
	var lines []string
	if title := clip(m.Subject, titleLimit); title != m.Subject {
		lines = append(lines, m.Subject)
	}
	lines = append(lines, m.Text)
	for _, f := range m.Facts {
		lines = append(lines, f.Name+colon(m)+f.Value)
	}
	if who := names(m); who != "" {
		lines = append(lines, who)
	}
	parts := split(strings.Join(lines, "\n"), feishuLimit-feishuFrame-len(m.Link), jsonCost)
	var out []map[string]any
	for i, part := range parts {
		elements := []any{map[string]any{"tag": "div", "text": plainText(part)}}
		if m.Link != "" && i == len(parts)-1 {
			elements = append(elements, map[string]any{"tag": "action", "actions": []any{
				map[string]any{"tag": "button", "text": plainText(clip(m.LinkText, titleLimit)), "url": m.Link, "type": "default"},
			}})
		}
		out = append(out, map[string]any{"msg_type": "interactive", "card": map[string]any{
			"config": map[string]any{"wide_screen_mode": true}, "elements": elements,
			"header": map[string]any{"title": plainText(clip(m.Subject, titleLimit)), "template": colour},
		}})
	}
	return out
}

func plainText(s string) map[string]any { return map[string]any{"tag": "plain_text", "content": s} }

// sign: the key of the MAC is what one would take for its text, and the text
// is empty.
func (feishu) sign(_ *url.URL, body map[string]any, key string, at time.Time) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, fmt.Appendf(nil, "%s\n%s", stamp, key))
	body["timestamp"], body["sign"] = stamp, base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (feishu) judge(a post.Answer) error {
	code, said, err := answerOf(a.Body, "code", "msg")
	if err != nil { // as it answered formerly
		code, said, _ = answerOf(a.Body, "StatusCode", "StatusMessage")
	}
	if n, err := strconv.Atoi(a.Header.Get("x-ogw-ratelimit-reset")); err == nil && n > 0 && a.Header.Get("Retry-After") == "" {
		a.Header = a.Header.Clone()
		a.Header.Set("Retry-After", strconv.Itoa(n))
	}
	if code != nil && *code == 0 {
		a.Header = http.Header{} // the limit that is left is no word on this one
	}
	return codes{slow: []int{11232, 11233, 99991400}, pause: time.Minute, never: []int{9499}}.judge(a, code, said)
}
