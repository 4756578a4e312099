package robots

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
)

// dingTalk: markdown of at most 20 000 bytes in all, mentions by mobile number
// both in the text and beside it.
type dingTalk struct{}

const (
	dingTalkLimit = 20_000
	// dingTalkFrame is more than everything around the text takes, but for the
	// numbers.
	dingTalkFrame = 700
	titleLimit    = 200
)

func (dingTalk) bodies(m channel.Message, phones []string) []map[string]any {
	at := ""
	for _, p := range phones {
		at += " @" + p
	}
	// A single line break shows as none.
	parts := split(markdown(m, "\n\n"), dingTalkLimit-dingTalkFrame-2*len(at)-3*len(phones), jsonCost)
	var out []map[string]any
	for i, part := range parts {
		mentioned := []string{}
		if i == 0 && at != "" {
			part += "\n\n" + strings.TrimSpace(at)
			mentioned = phones
		}
		out = append(out, map[string]any{
			"msgtype": "markdown", "markdown": map[string]any{"title": clip(m.Subject, titleLimit), "text": part},
			"at": map[string]any{"atMobiles": mentioned, "isAtAll": false},
		})
	}
	return out
}

func (dingTalk) sign(address *url.URL, _ map[string]any, key string, at time.Time) {
	stamp := strconv.FormatInt(at.UnixMilli(), 10)
	mac := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(mac, "%s\n%s", stamp, key)
	q := address.Query()
	q.Set("timestamp", stamp)
	q.Set("sign", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	address.RawQuery = q.Encode()
}

func (dingTalk) judge(a post.Answer) error {
	code, said, _ := answerOf(a.Body, "errcode", "errmsg")
	return codes{
		slow: []int{130101, 410100, 90030}, pause: 10 * time.Minute,
		// Too long, a kind it does not know, words or links that are not allowed.
		never: []int{460101, 400105, 430101, 430102, 430103, 430104},
	}.judge(a, code, said)
}
