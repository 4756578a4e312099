package robots_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/notifytest"
	"xunjian/alerting/notify/robots"
	"xunjian/alerting/roster"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var kinds = []string{robots.DingTalk, robots.WeCom, robots.Feishu}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func config(t *testing.T, f *fake, server string) robots.Config {
	t.Helper()
	cfg := robots.Config{GroupConfig: channel.GroupConfig{Name: "duty"}, Kind: f.kind, URLFile: write(t, server+f.path()+"\n")}
	if f.signed {
		cfg.SecretFile = write(t, key+"\n")
	}
	return cfg
}

func open(t *testing.T, cfg robots.Config) *robots.Robot {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	r, err := robots.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.Hurry()
	return r
}

// serve is a robot whose platform is f.
func serve(t *testing.T, f *fake) *robots.Robot {
	t.Helper()
	f.t, f.unlimited, f.signed = t, true, f.kind != robots.WeCom
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return open(t, config(t, f, server.URL))
}

func note(n int) channel.Message { return notifytest.Message(notifytest.Place{}, "zh-CN", n) }

func TestContract(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			notifytest.Run(t, func(t *testing.T) notifytest.Place {
				f := &fake{kind: kind}
				r := serve(t, f)
				silent, err := net.Listen("tcp", "127.0.0.1:0") // nobody ever accepts
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { silent.Close() })
				return notifytest.Place{
					Channel: r, Refused: open(t, config(t, f, "http://127.0.0.1:1")), Silent: open(t, config(t, f, "http://"+silent.Addr().String())),
					Secrets: []string{token, key},
					Arrived: func(*testing.T) []notifytest.Arrival {
						var out []notifytest.Arrival
						for _, text := range f.read() {
							out = append(out, notifytest.Arrival{Text: text})
						}
						return out
					},
				}
			})
		})
	}
}

// What each answer comes to. HTTP's 200 says nothing.
func TestAnswers(t *testing.T) {
	ok := http.StatusOK
	for _, c := range []struct {
		kind      string
		status    int
		header    http.Header
		body      string
		permanent bool
		wait      time.Duration
	}{
		{"dingtalk", ok, nil, `{"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}`, false, 10 * time.Minute},
		{"dingtalk", ok, nil, `{"errcode":310000,"errmsg":"keywords not in content"}`, false, 0},
		{"dingtalk", ok, nil, `{"errcode":-1,"errmsg":"系统繁忙"}`, false, 0},
		{"dingtalk", ok, nil, `{"errcode":460101,"errmsg":"message too long"}`, true, 0},
		{"dingtalk", ok, nil, `{}`, false, 0},
		{"dingtalk", ok, nil, `{"errcode":null}`, false, 0},
		{"dingtalk", ok, nil, `<html>sign in to the guest network</html>`, false, 0},
		{"dingtalk", ok, nil, ``, false, 0},
		{"dingtalk", 302, http.Header{"Location": {"http://127.0.0.1:1/"}}, ``, false, 0},
		{"dingtalk", 500, nil, `{"errcode":0,"errmsg":"ok"}`, false, 0},
		{"wecom", ok, nil, `{"errcode":45009,"errmsg":"api freq out of limit"}`, false, time.Minute},
		{"wecom", ok, nil, `{"errcode":93000,"errmsg":"invalid webhook url"}`, false, 0},
		{"wecom", ok, nil, `{"errcode":40058,"errmsg":"markdown.content exceed max length 4096"}`, true, 0},
		{"wecom", 503, http.Header{"Retry-After": {"7"}}, `busy`, false, 7 * time.Second},
		{"feishu", ok, nil, `{"code":11232,"msg":"frequency limited"}`, false, time.Minute},
		{"feishu", 429, http.Header{"X-Ogw-Ratelimit-Reset": {"90"}}, `{"code":99991400,"msg":"request trigger frequency limit"}`, false, 90 * time.Second},
		{"feishu", 400, nil, `{"code":9499,"msg":"Bad Request"}`, true, 0},
		{"feishu", ok, nil, `{"code":19024,"msg":"Key Words Not Found"}`, false, 0},
		{"feishu", ok, nil, `{"StatusCode":19001,"StatusMessage":"param invalid"}`, false, 0},
		{"feishu", ok, nil, `{"code":19021,"msg":"no robot ` + token + `, no key ` + key + `"}`, false, 0},
	} {
		f := &fake{kind: c.kind, answer: func(int) (int, http.Header, string, bool) { return c.status, c.header, c.body, true }}
		r := serve(t, f)
		err := r.Deliver(t.Context(), note(1))
		var permanent *channel.Permanent
		var after *channel.RetryAfter
		var wait time.Duration
		if errors.As(err, &after) {
			wait = after.After
		}
		if err == nil || errors.As(err, &permanent) != c.permanent || wait != c.wait || f.requests() != 1 {
			t.Errorf("%s %d %s: %v after %v, %d requests; want permanent: %v, after %v", c.kind, c.status, c.body, err, wait, f.requests(), c.permanent, c.wait)
		}
		if err != nil && (strings.Contains(err.Error(), token) || strings.Contains(err.Error(), key)) {
			t.Errorf("shows a secret: %v", err)
		}
	}
}

// The formerly documented answer of success is one.
func TestOldSuccess(t *testing.T) {
	f := &fake{kind: robots.Feishu, answer: func(int) (int, http.Header, string, bool) {
		return 200, nil, `{"Extra":null,"StatusCode":0,"StatusMessage":"success"}`, true
	}}
	if err := serve(t, f).Deliver(t.Context(), note(1)); err != nil {
		t.Error(err)
	}
}

// A long notice that broke in the middle goes on there.
func TestGoesOnWhereItBroke(t *testing.T) {
	f := &fake{kind: robots.WeCom, answer: func(n int) (int, http.Header, string, bool) { return 502, nil, "bad gateway", n == 2 }}
	r := serve(t, f)
	m := note(1)
	m.Text = strings.Repeat("长", 1900)
	if err := r.Deliver(t.Context(), m); err == nil || !strings.Contains(err.Error(), "502") {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.Deliver(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	var firsts []string
	for _, text := range f.read() {
		firsts = append(firsts, text[:len("（1/2）")])
	}
	// Once whole in two attempts, and once more, as it is another delivery.
	if got := fmt.Sprint(firsts); got != "[（1/2） （2/2） （1/2） （2/2）]" {
		t.Error(got)
	}
}

// People are mentioned by their mobile numbers where the platform can. The one
// here is put together when the test runs, in a block that no carrier has.
func TestMention(t *testing.T) {
	number := fmt.Sprintf("154%08d", 101)
	spaced, dashed := number[:3]+" "+number[3:7]+" "+number[7:], number[:3]+"-"+number[3:7]+"-"+number[7:]
	people := []roster.Person{
		{ID: "a", Name: "王芳", Phone: "+86 " + spaced}, {ID: "b", Name: "李明", Phone: "010-5550-0101"}, {ID: "c", Name: "赵六"}, {ID: "d", Name: "钱七", Phone: dashed + "转8001"},
	}
	if got := robots.Mobiles(people); len(got) != 1 || got[0] != number {
		t.Errorf("mobiles %v", got)
	}
	for kind, want := range map[string]string{
		robots.DingTalk: `"atMobiles":["` + number + `"]`, robots.WeCom: `"mentioned_mobile_list":["` + number + `"]`, robots.Feishu: "王芳 +86 " + spaced + "、李明 010-5550-0101、赵六",
	} {
		for _, quiet := range []bool{false, true} {
			f := &fake{kind: kind}
			serve(t, f)
			server := httptest.NewServer(f)
			cfg := config(t, f, server.URL)
			cfg.NoMention = quiet
			m := note(1)
			m.Concerned = people
			if err := open(t, cfg).Deliver(t.Context(), m); err != nil {
				t.Error(err)
			}
			server.Close()
			var all strings.Builder
			for _, body := range f.taken {
				fmt.Fprintf(&all, "%s\n", encoded(t, body))
			}
			if got := strings.Contains(all.String(), want); got != (!quiet || kind == robots.Feishu) {
				t.Errorf("%s, no mention: %v: %s", kind, quiet, all.String())
			}
		}
	}
}

func TestHTTPFaults(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			notifytest.HTTPFaults(t, roster.Person{}, []string{token, key}, func(t *testing.T, s notifytest.Side) channel.Channel {
				return open(t, config(t, &fake{kind: kind, signed: kind != robots.WeCom}, s.URL))
			})
		})
	}
}
