package robots_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	token = "0123456789abcdef-token-of-a-test"
	key   = "SEC000example"
)

// fake answers as the platform's public documents say: signature, size and
// rate are checked, and each error comes within HTTP's 200.
type fake struct {
	t    *testing.T
	kind string
	// signed says that the robot was set up with a signature; unlimited that
	// it hears any number.
	signed, unlimited bool
	// answer, where it is set, is given to the nth request instead.
	answer func(n int) (status int, header http.Header, body string, ok bool)

	mu    sync.Mutex
	asked int
	times []time.Time // of what was taken, and of what came too fast
	taken []map[string]any
}

// path of the robot's address.
func (f *fake) path() string {
	return map[string]string{
		"dingtalk": "/robot/send?access_token=" + token, "wecom": "/cgi-bin/webhook/send?key=" + token, "feishu": "/open-apis/bot/v2/hook/" + token,
	}[f.kind]
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return // the other side hung up
	}
	if f.answer != nil {
		if status, header, body, ok := f.answer(f.asked); ok {
			for k, v := range header {
				w.Header()[k] = v
			}
			w.WriteHeader(status)
			io.WriteString(w, body)
			return
		}
	}
	var body map[string]any
	if r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") || json.Unmarshal(raw, &body) != nil {
		f.t.Errorf("%s %s: %.200s", r.Method, r.Header.Get("Content-Type"), raw)
	}
	said := map[string]func(*http.Request, []byte, map[string]any) string{"dingtalk": f.dingtalk, "wecom": f.wecom, "feishu": f.feishu}[f.kind](r, raw, body)
	if said == "" {
		f.taken = append(f.taken, body)
		said = map[string]string{
			"dingtalk": `{"errcode":0,"errmsg":"ok"}`, "wecom": `{"errcode":0,"errmsg":"ok"}`,
			"feishu": `{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}`,
		}[f.kind]
	}
	io.WriteString(w, said)
}

// tooFast counts a request and tells whether it is one too many.
func (f *fake) tooFast(n int, within time.Duration) bool {
	if f.unlimited {
		return false
	}
	now, recent := time.Now(), 0
	for _, at := range f.times {
		if now.Sub(at) < within {
			recent++
		}
	}
	return recent >= n
}

func mac(key, text string) string {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func (f *fake) dingtalk(r *http.Request, raw []byte, body map[string]any) string {
	q := r.URL.Query()
	ms, _ := strconv.ParseInt(q.Get("timestamp"), 10, 64)
	stale := time.Since(time.UnixMilli(ms)).Abs() > time.Hour
	switch {
	case r.URL.Path != "/robot/send" || q.Get("access_token") != token:
		return `{"errcode":300005,"errmsg":"token is not exist"}`
	case f.signed && (stale || q.Get("sign") != mac(key, q.Get("timestamp")+"\n"+key)):
		return `{"errcode":310000,"errmsg":"sign not match, more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]"}`
	case f.tooFast(20, time.Minute):
		return `{"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}`
	case len(raw) > 20_000:
		return `{"errcode":460101,"errmsg":"message too long, exceed 20000 bytes"}`
	}
	f.times = append(f.times, time.Now())
	text, _ := body["markdown"].(map[string]any)["text"].(string)
	for _, phone := range body["at"].(map[string]any)["atMobiles"].([]any) {
		if !strings.Contains(text, "@"+phone.(string)) {
			f.t.Errorf("%s is not in the text, so that nobody is mentioned", phone)
		}
	}
	return ""
}

func (f *fake) wecom(r *http.Request, _ []byte, body map[string]any) string {
	long := func(kind string, limit int) string {
		part, _ := body[kind].(map[string]any)
		if s, _ := part["content"].(string); len(s) > limit {
			return fmt.Sprintf(`{"errcode":40058,"errmsg":"%s.content exceed max length %d. invalid Request Parameter, hint: [1772438400]"}`, kind, limit)
		} else if body["msgtype"] == kind && s == "" {
			return `{"errcode":44004,"errmsg":"empty content, hint: [1772438400]"}`
		}
		return ""
	}
	switch {
	case r.URL.Path != "/cgi-bin/webhook/send" || r.URL.Query().Get("key") != token:
		return `{"errcode":93000,"errmsg":"invalid webhook url, hint: [1772438400]"}`
	case f.tooFast(20, time.Minute):
		return `{"errcode":45009,"errmsg":"api freq out of limit, hint: [1772438400]"}`
	case body["msgtype"] != "markdown" && body["msgtype"] != "text":
		return `{"errcode":40008,"errmsg":"invalid message type, hint: [1772438400]"}`
	}
	f.times = append(f.times, time.Now())
	return long("markdown", 4096) + long("text", 2048)
}

func (f *fake) feishu(r *http.Request, raw []byte, body map[string]any) string {
	stamp, _ := body["timestamp"].(string)
	sec, _ := strconv.ParseInt(stamp, 10, 64)
	stale := time.Since(time.Unix(sec, 0)).Abs() > time.Hour
	switch {
	case r.URL.Path != "/open-apis/bot/v2/hook/"+token:
		return `{"code":19001,"data":{},"msg":"param invalid: incoming webhook access token invalid"}`
	case f.signed && (stale || body["sign"] != mac(stamp+"\n"+key, "")):
		return `{"code":19021,"data":{},"msg":"sign match fail or timestamp is not within one hour from current time"}`
	case f.tooFast(100, time.Minute) || f.tooFast(5, time.Second):
		return `{"code":11232,"data":{},"msg":"frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]"}`
	case len(raw) > 20<<10 || body["msg_type"] != "interactive":
		return `{"code":9499,"msg":"Bad Request","data":{}}`
	}
	f.times = append(f.times, time.Now())
	return ""
}

// read are the texts of what was taken, as the group reads them.
func (f *fake) read() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, body := range f.taken {
		var texts []string
		collect(body, &texts)
		out = append(out, strings.Join(texts, "\n"))
	}
	return out
}

func (f *fake) requests() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

// collect finds every text that is shown.
func collect(v any, into *[]string) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range []string{"header", "title", "markdown", "text", "content", "card", "elements", "actions", "url"} {
			if s, ok := v[k].(string); ok {
				*into = append(*into, s)
			} else {
				collect(v[k], into)
			}
		}
	case []any:
		for _, e := range v {
			collect(e, into)
		}
	}
}
