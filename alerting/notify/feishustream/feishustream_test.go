package feishustream_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/feishustream"
	"xunjian/alerting/notify/spoken"
	"xunjian/alerting/notify/spoken/spokentest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func desk() *spokentest.Desk { return &spokentest.Desk{Incidents: []string{inc}} }

func acts(d *spokentest.Desk, by string, a channel.Action) string {
	return cmp.Diff([]spokentest.Act{{Via: "feishu", By: by, Incident: inc, Action: a}}, d.Acts())
}

func TestAcknowledgesOnceInTheRightName(t *testing.T) {
	d := desk()
	f, _ := connected(t, d)
	for range 3 { // the same message, again and again
		if code := f.say("om_1", "ou_li", "ack "+inc); code != 200 {
			t.Errorf("acknowledged by %d", code)
		}
	}
	r := f.replied(1)
	if diff := acts(d, "li-si", channel.Action{Do: channel.Acknowledge}); diff != "" {
		t.Error(diff)
	}
	if r.Message != "om_1" || !strings.HasPrefix(r.Text, "Acknowledged: "+inc) || strings.Contains(r.Text, "<at") || r.UUID == "" {
		t.Errorf("%+v", r)
	}
	// Once more, in another frame and over another connection: it acts once still.
	f.cut()
	f.until("a second connection", func() bool { return f.opened == 2 })
	if code := f.deliver("another", f.event("om_1", "ou_li", "ack "+inc), 1); code != 200 {
		t.Errorf("acknowledged by %d", code)
	}
	f.say("om_2", "ou_zhang", "状态", func(m map[string]any) { m["chat_type"], m["mentions"] = "p2p", nil })
	if r := f.replied(2); r.Message != "om_2" || !strings.HasPrefix(r.Text, inc+"，III 级") {
		t.Errorf("%+v", r)
	}
	if len(d.Acts()) != 1 || f.given != 1 {
		t.Errorf("%+v, %d tokens", d.Acts(), f.given)
	}
}

func TestPayloadInParts(t *testing.T) {
	d := desk()
	f, _ := connected(t, d)
	note := strings.Repeat("重启了数据库 ", 90)
	if code := f.deliver("parts", f.event("om_1", "ou_zhang", "解决 "+note), 7); code != 200 {
		t.Errorf("acknowledged by %d", code)
	}
	f.replied(1)
	if diff := acts(d, "zhang-san", channel.Action{Do: channel.Resolve, Note: strings.TrimSpace(note)}); diff != "" {
		t.Error(diff)
	}
	if n := len(f.acked("parts")); n != 1 {
		t.Errorf("acknowledged %d times", n)
	}
}

func TestAnswersWhatIsNotDone(t *testing.T) {
	for name, c := range map[string]struct{ sender, text, refuse, want string }{
		"stranger": {"ou_x", "确认 " + inc, "", "请管理员把 ou_x 写进配置"},
		"refused":  {"ou_zhang", "解决", "请写明如何排除 <at user_id=\"all\"></at>", "请写明如何排除 ＜at"},
		"hostile":  {"ou_zhang", "确认 \u202e<at user_id=\"all\">x</at>\x00" + strings.Repeat("长", 5000), "", "可以这样说"},
		"too long": {"ou_zhang", "解决 " + strings.Repeat("x", spoken.MaxText), "", "这条消息太长"},
	} {
		t.Run(name, func(t *testing.T) {
			d := desk()
			d.Refuse = c.refuse
			f, _ := connected(t, d)
			if code := f.say("om_1", c.sender, c.text); code != 200 {
				t.Errorf("acknowledged by %d", code)
			}
			if r := f.replied(1); !strings.Contains(r.Text, c.want) || strings.ContainsAny(r.Text, "\u202e\x00<") {
				t.Errorf("%+v", r)
			}
			if len(d.Acts()) != 0 {
				t.Errorf("%+v", d.Acts())
			}
		})
	}
}

// What people say to each other is nothing to it, even where the app may read
// it.
func TestLeavesOthersAlone(t *testing.T) {
	d := desk()
	f, _ := connected(t, d)
	for n, change := range []func(m map[string]any){
		func(m map[string]any) { m["mentions"] = nil },
		func(m map[string]any) {
			m["mentions"] = []any{map[string]any{"key": "@_user_1", "name": "李四", "mentioned_type": "user"}}
		},
	} {
		if code := f.say(fmt.Sprint("om_", n), "ou_zhang", "确认", change); code != 200 {
			t.Errorf("acknowledged by %d", code)
		}
	}
	if code := f.deliver("card", []byte("{}"), 1); code != 200 {
		t.Errorf("acknowledged by %d", code)
	}
	f.say("om_9", "ou_zhang", "状态")
	if r := f.replied(1); r.Message != "om_9" || len(d.Acts()) != 0 {
		t.Errorf("%+v %+v", r, d.Acts())
	}
}

func TestTokenIsKeptWhileItHolds(t *testing.T) {
	f, l := connected(t, desk())
	say := func(n, given, attempted int) {
		t.Helper()
		f.say(fmt.Sprint("om_", n), "ou_zhang", "状态")
		f.replied(n)
		f.set(func() {
			if f.given != given || f.attempted != attempted {
				t.Errorf("message %d: %d tokens, %d attempts", n, f.given, f.attempted)
			}
		})
	}
	say(1, 1, 1)
	f.set(func() { f.offset = 114 * time.Minute })
	say(2, 1, 2)
	f.set(func() { f.offset = 116 * time.Minute }) // so near its end it is not used
	say(3, 2, 3)
	f.set(func() { f.token = "another" }) // the platform took it back
	say(4, 3, 5)
	if strings.Contains(l.String(), "level=WARN") {
		t.Error(l)
	}
}

func TestAnswerIsTriedAgain(t *testing.T) {
	for _, c := range []struct {
		trouble  []string
		attempts int
		want     string // in the log; empty: it arrives
	}{
		{[]string{`400 {"code":230020,"msg":"This operation triggers the frequency limit."}`, `503 <html>`}, 3, ""},
		{[]string{`429 {"code":99991400,"msg":"request trigger frequency limit"}`}, 2, ""},
		{[]string{`500 {"code":1,"msg":"x"}`, `500 {"code":1,"msg":"x"}`, `500 {"code":1,"msg":"x"}`}, 3, "HTTP status 500, error 1: x"},
		{[]string{`400 {"code":230002,"msg":"The bot can not be outside the group."}`}, 1, "HTTP status 400, error 230002: The bot can not be outside the group."},
		{[]string{`404 page not found`}, 1, "HTTP status 404 without a word"},
	} {
		f, l := connected(t, desk())
		f.set(func() { f.trouble = c.trouble })
		f.say("om_1", "ou_zhang", "状态")
		if c.want == "" {
			f.replied(1)
		} else {
			f.until("a word in the log", func() bool { return strings.Contains(l.String(), c.want) })
		}
		f.set(func() {
			if f.attempted != c.attempts {
				t.Errorf("%s: %d attempts", c.trouble, f.attempted)
			}
		})
	}
}

func TestNoAnswerWithoutAnID(t *testing.T) {
	d := desk()
	f, l := connected(t, d)
	f.deliver("frame", f.event("om_1/../../../x?", "ou_zhang", "确认"), 1)
	f.until("a word in the log", func() bool { return strings.Contains(l.String(), "no ID that can be answered") })
	if len(d.Acts()) != 1 {
		t.Errorf("%+v", d.Acts())
	}
}

func TestPings(t *testing.T) {
	f, l := connected(t, desk())
	f.until("three pings", func() bool { return f.pings >= 3 })
	if f.connections() != 1 || strings.Contains(l.String(), "level=WARN") {
		t.Errorf("%d connections\n%s", f.connections(), l)
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
	f.set(func() { f.deaf = false })
	f.until("a connection that is read", func() bool { return f.pings > 0 })
	n := f.connections()
	time.Sleep(2 * r.Silence) // its pings are answered, so it stays
	if m := f.connections(); m != n {
		t.Errorf("%d connections became %d", n, m)
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
	f.say("om_1", "ou_zhang", "接手")
	f.replied(1)
	if diff := acts(d, "zhang-san", channel.Action{Do: channel.Take}); diff != "" {
		t.Error(diff)
	}
}

func TestRefusedByTheGateway(t *testing.T) {
	f := newFake(t)
	f.refuse = http.Header{"Handshake-Status": {"514"}, "Handshake-Autherrcode": {"1000040350"}, "Handshake-Msg": {"exceed conn limit"}}
	l := f.start(f.config(), desk(), quick)
	f.until("a word in the log", func() bool {
		return strings.Contains(l.String(), "HTTP status 400 514 1000040350 exceed conn limit")
	})
	f.set(func() { f.refuse = nil })
	f.until("a connection", func() bool { return f.opened == 1 })
}

func TestRefusedCredentials(t *testing.T) {
	f := newFake(t)
	cfg := f.config()
	cfg.SecretFile = write(t, "wrong-secret-of-a-test")
	l := f.start(cfg, desk(), quick)
	f.until("a word in the log", func() bool { return strings.Contains(l.String(), "error 10003: invalid param <secret>") })
	// A corrected file holds at the next attempt.
	if err := os.WriteFile(cfg.SecretFile, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	f.until("a connection", func() bool { return f.opened == 1 })
}

func TestPanicCostsOneMessage(t *testing.T) {
	d := desk()
	d.Panic = true
	f, l := connected(t, d)
	f.send("frame-om_1", f.event("om_1", "ou_zhang", "确认"), 1)
	f.until("a word in the log", func() bool { return strings.Contains(l.String(), "panic in a message") })
	f.say("om_2", "ou_zhang", "接手")
	f.replied(1)
	if diff := acts(d, "zhang-san", channel.Action{Do: channel.Take}); diff != "" {
		t.Error(diff)
	}
	if f.connections() != 1 {
		t.Errorf("%d connections", f.connections())
	}
}

func TestNonsenseCostsNothing(t *testing.T) {
	d := desk()
	f, _ := connected(t, d)
	f.raw(websocket.TextMessage, []byte("{}"))
	f.raw(websocket.BinaryMessage, []byte{0x22, 0xff})
	f.raw(websocket.BinaryMessage, feishustream.Frame{Method: 9, Service: 33554678}.Bytes())
	f.raw(websocket.BinaryMessage, feishustream.Frame{Method: 1, Headers: []feishustream.Header{{Key: "sum", Value: "999999999"}, {Key: "seq", Value: "-1"}}}.Bytes())
	f.raw(websocket.BinaryMessage, feishustream.Frame{Method: 0, Headers: []feishustream.Header{{Key: "type", Value: "pong"}}, Payload: []byte("[")}.Bytes())
	if code := f.deliver("none", []byte("[]"), 1); code != 200 {
		t.Errorf("acknowledged by %d", code)
	}
	f.say("om_1", "ou_zhang", "确认")
	f.replied(1)
	if f.connections() != 1 || len(d.Acts()) != 1 {
		t.Errorf("%d connections, %+v", f.connections(), d.Acts())
	}
}

// More than can be dealt with is left to come again.
func TestTooManyAtOnce(t *testing.T) {
	f, _ := connected(t, desk())
	hold := make(chan struct{})
	f.set(func() { f.hold = hold })
	for n := range 16 {
		f.say(fmt.Sprint("om_", n), "ou_zhang", "状态")
	}
	if code := f.say("om_more", "ou_zhang", "状态"); code != 500 {
		t.Errorf("acknowledged by %d", code)
	}
	f.set(func() { f.hold = nil })
	close(hold)
	f.replied(16)
	f.until("a place for it", func() bool {
		f.mu.Unlock()
		defer f.mu.Lock()
		return f.say("om_more", "ou_zhang", "状态") == 200
	})
	f.replied(17)
}

func TestConfig(t *testing.T) {
	good := newFake(t).config()
	for want, change := range map[string]func(c *feishustream.Config){
		"name: ":                         func(c *feishustream.Config) { c.Name = "值班" },
		"app_id: is missing":             func(c *feishustream.Config) { c.AppID = "" },
		"secret_file: is missing":        func(c *feishustream.Config) { c.SecretFile = "" },
		"secret_file: cannot read /none": func(c *feishustream.Config) { c.SecretFile = "/none" },
		"people: is empty":               func(c *feishustream.Config) { c.People = nil },
		`api: "http://lark.example.org" would be sent in the clear`: func(c *feishustream.Config) { c.API = "http://lark.example.org" },
		"ca_file: ": func(c *feishustream.Config) { c.CAFile = "/none" },
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
	if _, err := feishustream.New(good, spoken.NewClerk("feishu", good.People, desk()), nil); err == nil {
		t.Error("opened without its certificates")
	}
}
