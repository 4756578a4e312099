package dingstream_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/dingstream"
	"xunjian/alerting/notify/spoken"
	"xunjian/alerting/notify/spoken/spokentest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func desk() *spokentest.Desk { return &spokentest.Desk{Incidents: []string{inc}} }

func acts(d *spokentest.Desk, by, do string) string {
	return cmp.Diff([]spokentest.Act{{Via: "dingtalk", By: by, Incident: inc, Action: channel.Action{Do: do}}}, d.Acts())
}

func TestAcknowledgesOnceInTheRightName(t *testing.T) {
	d := desk()
	f, _ := connected(t, d)
	for range 3 { // the same message, again and again
		a := f.say("m1", "staff-li", " ack "+inc)
		if diff := cmp.Diff(ack{Code: 200, Headers: map[string]string{"contentType": "application/json", "messageId": "frame-m1"}, Message: "OK", Data: `{"response":null}`}, a); diff != "" {
			t.Error(diff)
		}
	}
	r := f.replied(1)
	if diff := acts(d, "li-si", channel.Acknowledge); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(r.Text.Content, "Acknowledged: "+inc) || len(r.At.AtUserIDs) != 1 || r.At.AtUserIDs[0] != "staff-li" || r.At.IsAtAll {
		t.Errorf("%+v", r)
	}
	// Once more, in another way and over another connection: it acts once still.
	f.cut()
	f.until("a second connection", func() bool { return f.opened == 2 })
	f.say("m1", "staff-li", "ack "+inc)
	f.say("m2", "staff-zhang", "状态", func(m map[string]any) { m["conversationType"] = "1" })
	if r := f.replied(2); !strings.HasPrefix(r.Text.Content, inc+"，III 级") || r.At.AtUserIDs != nil {
		t.Errorf("%+v", r)
	}
	if len(d.Acts()) != 1 {
		t.Errorf("%+v", d.Acts())
	}
}

func TestAnswersWhatIsNotDone(t *testing.T) {
	for name, c := range map[string]struct {
		sender, text, refuse, want string
		change                     func(m map[string]any)
	}{
		"stranger":          {"staff-x", "确认 " + inc, "", "请管理员把 staff-x 写进配置", nil},
		"another company's": {"staff-zhang", "确认 " + inc, "", "不属于本单位", func(m map[string]any) { m["senderCorpId"] = "corp2" }},
		"refused":           {"staff-zhang", "解决", "请写明如何排除", "请写明如何排除", nil},
		"hostile":           {"staff-zhang", "确认 \u202e@all <script> [x](dingtalk://dingtalkclient/x)\x00" + strings.Repeat("长", 5000), "", "可以这样说", nil},
		"too long":          {"staff-zhang", "解决 " + strings.Repeat("x", spoken.MaxText), "", "这条消息太长", nil},
		"a picture": {"staff-zhang", "", "", "可以这样说", func(m map[string]any) {
			delete(m, "text")
			m["msgtype"], m["content"] = "picture", map[string]string{"downloadCode": "x"}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d := desk()
			d.Refuse = c.refuse
			f, _ := connected(t, d)
			change := c.change
			if change == nil {
				change = func(map[string]any) {}
			}
			if a := f.say("m1", c.sender, c.text, change); a.Code != 200 {
				t.Errorf("%+v", a)
			}
			if r := f.replied(1); !strings.Contains(r.Text.Content, c.want) || strings.ContainsAny(r.Text.Content, "\u202e\x00") {
				t.Errorf("%+v", r)
			}
			if len(d.Acts()) != 0 {
				t.Errorf("%+v", d.Acts())
			}
		})
	}
}

func TestPongSaysTheSame(t *testing.T) {
	f, _ := connected(t, desk())
	f.send("SYSTEM", "ping", "ping1", `{"opaque":"0d75a3b2"}`)
	f.until("a pong", func() bool { return len(f.acks["ping1"]) == 1 })
	if diff := cmp.Diff(ack{Code: 200, Headers: map[string]string{"contentType": "application/json", "messageId": "ping1"}, Message: "OK", Data: `{"opaque":"0d75a3b2"}`}, f.acked("ping1")[0]); diff != "" {
		t.Error(diff)
	}
	f.send("EVENT", "*", "event1", "{}")
	f.until("a word on the event", func() bool { return len(f.acks["event1"]) == 1 })
	if a := f.acked("event1")[0]; a.Code != 404 {
		t.Errorf("%+v", a)
	}
}

func TestDisconnectMakesANewConnection(t *testing.T) {
	d := desk()
	f, l := connected(t, d)
	f.send("SYSTEM", "disconnect", "d1", `{"reason":"persistent connection is timeout"}`)
	f.until("a second connection", func() bool { return f.opened == 2 })
	f.say("m1", "staff-zhang", "接手")
	f.replied(1)
	if diff := acts(d, "zhang-san", channel.Take); diff != "" {
		t.Error(diff)
	}
	if len(f.acked("d1")) != 0 || strings.Contains(l.String(), "level=WARN") {
		t.Errorf("%+v\n%s", f.acked("d1"), l)
	}
}

func TestServerGoneAndBack(t *testing.T) {
	d := desk()
	f, l := connected(t, d)
	f.set(func() { f.down = true })
	f.cut()
	f.until("a word in the log", func() bool { return strings.Contains(l.String(), "HTTP status 503") })
	time.Sleep(200 * time.Millisecond) // several attempts
	if n := strings.Count(l.String(), "HTTP status 503"); n != 1 {
		t.Errorf("said %d times that it is not connected", n)
	}
	f.set(func() { f.down = false })
	f.until("a second connection", func() bool { return f.opened == 2 })
	f.say("m1", "staff-zhang", "确认")
	f.replied(1)
	if diff := acts(d, "zhang-san", channel.Acknowledge); diff != "" {
		t.Error(diff)
	}
}

// A connection over which nothing comes any more is given up.
func TestSilenceMakesANewConnection(t *testing.T) {
	f := newFake(t)
	f.deaf = true
	r := quick
	r.Silence = time.Second
	f.start(f.config(), desk(), r)
	f.until("a second connection", func() bool { return f.opened >= 2 })
	f.set(func() { f.deaf, f.pings = false, 0 })
	f.until("a connection that is read", func() bool { return f.pings > 0 })
	n := f.connections()
	time.Sleep(2 * r.Silence) // its pings are answered, so it stays
	if m := f.connections(); m != n {
		t.Errorf("%d connections became %d", n, m)
	}
}

func TestPanicCostsOneMessage(t *testing.T) {
	d := desk()
	d.Panic = true
	f, l := connected(t, d)
	f.send("CALLBACK", "/v1.0/im/bot/messages/get", "frame-m1", f.message("m1", "staff-zhang", "确认"))
	f.until("a word in the log", func() bool { return strings.Contains(l.String(), "panic in a message") })
	f.say("m2", "staff-zhang", "接手")
	f.replied(1)
	if diff := acts(d, "zhang-san", channel.Take); diff != "" {
		t.Error(diff)
	}
	if f.connections() != 1 {
		t.Errorf("%d connections", f.connections())
	}
}

func TestNonsenseCostsNothing(t *testing.T) {
	d := desk()
	f, _ := connected(t, d)
	f.raw(websocket.TextMessage, []byte("{"))
	f.raw(websocket.BinaryMessage, []byte{0, 1, 2})
	f.raw(websocket.TextMessage, []byte(`{"type":"SYSTEM","headers":{"messageId":"1","topic":"CONNECTED"}}`))
	f.send("CALLBACK", "/v1.0/im/bot/messages/get", "none", "[]")
	f.until("the acknowledgement of what is none", func() bool { return len(f.acks["none"]) == 1 })
	f.say("m1", "staff-zhang", "确认")
	f.replied(1)
	if f.connections() != 1 || len(d.Acts()) != 1 {
		t.Errorf("%d connections, %+v", f.connections(), d.Acts())
	}
}

// An answer goes nowhere but to DingTalk.
func TestAnswersNobodyElse(t *testing.T) {
	elsewhere := newFake(t)
	for _, address := range []string{
		elsewhere.server.URL + "/robot/sendBySession?session=" + session, "https://oapi.dingtalk.com.example.org/?session=" + session,
		"http://oapi.dingtalk.com/robot/sendBySession?session=" + session, "https://me@oapi.dingtalk.com/?session=" + session, "file:///etc/passwd", "", "://",
	} {
		d := desk()
		f, l := connected(t, d)
		f.say("m1", "staff-zhang", "确认", func(m map[string]any) { m["sessionWebhook"] = address })
		f.until("a word in the log", func() bool { return strings.Contains(l.String(), "none of DingTalk's") })
		if len(d.Acts()) != 1 || len(elsewhere.replies) != 0 {
			t.Errorf("%s: %+v, %+v", address, d.Acts(), elsewhere.replies)
		}
	}
}

func TestAnswerThatCannotBeGiven(t *testing.T) {
	d := desk()
	f, l := connected(t, d)
	f.say("m1", "staff-zhang", "状态", func(m map[string]any) {
		m["sessionWebhookExpiredTime"] = time.Now().Add(-time.Second).UnixMilli()
	})
	f.until("a word in the log", func() bool { return strings.Contains(l.String(), "the time to answer is over") })
	f.say("m2", "staff-zhang", "状态", func(m map[string]any) {
		m["sessionWebhook"] = f.server.URL + "/robot/sendBySession?session=old-" + session
	})
	f.until("a word in the log", func() bool { return strings.Contains(l.String(), "error 300001: session <secret> 不存在") })
}

// More than can be dealt with is left to come again.
func TestTooManyAtOnce(t *testing.T) {
	f, _ := connected(t, desk())
	hold := make(chan struct{})
	f.set(func() { f.hold = hold })
	for n := range 16 {
		f.say(fmt.Sprint("m", n), "staff-zhang", "状态")
	}
	if a := f.say("more", "staff-zhang", "状态"); a.Code != 500 {
		t.Errorf("%+v", a)
	}
	f.set(func() { f.hold = nil })
	close(hold)
	f.replied(16)
	f.until("a place for it", func() bool {
		f.mu.Unlock()
		defer f.mu.Lock()
		return f.say("more", "staff-zhang", "状态").Code == 200
	})
	f.replied(17)
}

func TestRefusedCredentials(t *testing.T) {
	f := newFake(t)
	cfg := f.config()
	cfg.SecretFile = write(t, "wrong-secret-of-a-test")
	l := f.start(cfg, desk(), quick)
	f.until("a word in the log", func() bool { return strings.Contains(l.String(), "HTTP status 401: authFailed 鉴权失败: <secret>") })
	// A corrected file holds at the next attempt.
	if err := os.WriteFile(cfg.SecretFile, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	f.until("a connection", func() bool { return f.opened == 1 })
}

func TestUntrustedServer(t *testing.T) {
	f := newFake(t)
	f.server.Config.ErrorLog = nil
	cfg := f.config()
	cfg.CAFile = ""
	l := f.start(cfg, desk(), quick)
	f.until("a word in the log", func() bool { return strings.Contains(l.String(), "certificate") })
	if f.connections() != 0 {
		t.Errorf("%d connections", f.connections())
	}
}

func TestConfig(t *testing.T) {
	good := newFake(t).config()
	for want, change := range map[string]func(c *dingstream.Config){
		"name: ":                              func(c *dingstream.Config) { c.Name = "值班" },
		"client_id: is missing":               func(c *dingstream.Config) { c.ClientID = "" },
		"secret_file: is missing":             func(c *dingstream.Config) { c.SecretFile = "" },
		"secret_file: cannot read /none":      func(c *dingstream.Config) { c.SecretFile = "/none" },
		"people: is empty":                    func(c *dingstream.Config) { c.People = nil },
		"api: \"http://ding.example.org\" wo": func(c *dingstream.Config) { c.API = "http://ding.example.org" },
		"ca_file: ":                           func(c *dingstream.Config) { c.CAFile = "/none" },
	} {
		c := good
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s…", err, want)
		}
	}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	if paths := good.Paths(); len(paths) != 2 || good.Secrets()["secret_file"] == "" {
		t.Errorf("%v %v", paths, good.Secrets())
	}
	good.CAFile = "/none"
	if _, err := dingstream.New(good, spoken.NewClerk("dingtalk", good.People, desk()), nil); err == nil {
		t.Error("opened without its certificates")
	}
}
