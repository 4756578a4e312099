package slack_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/slack"
	"xunjian/alerting/plan"
)

// pressed is a button's or a choice's payload, as Slack sends it.
func pressed(f *fake, user, do, value string) object {
	trigger := fmt.Sprint(time.Now().UnixNano(), do)
	f.set(func(f *fake) { f.triggers[trigger] = true })
	action := object{"action_id": "xunjian/" + do, "block_id": "xunjian/" + incident, "type": "button", "value": incident, "action_ts": "1772438400.000001", "text": object{"type": "plain_text", "text": "x"}}
	if do == "step" || do == "level" {
		action["type"], action["selected_option"] = "static_select", object{"text": object{"type": "plain_text", "text": "x"}, "value": value}
		delete(action, "value")
	}
	return object{
		"type": "block_actions", "user": object{"id": user, "username": "x", "team_id": "T0000000001"}, "api_app_id": "A0000000001", "token": "deprecated", "trigger_id": trigger,
		"container": object{"type": "message", "message_ts": "1.000001", "channel_id": room, "is_ephemeral": false}, "team": object{"id": "T0000000001", "domain": "example"},
		"channel": object{"id": room, "name": "duty"}, "message": object{"type": "message", "ts": "1.000001"}, "state": object{"values": object{}},
		"response_url": f.server.URL + "/respond/" + user, "actions": []object{action},
	}
}

// filled is a form's payload, given what it was opened with.
func filled(f *fake, user, text string) object {
	views := f.forms()
	view := views[len(views)-1]
	input := list(view["blocks"])[1]
	return object{
		"type": "view_submission", "user": object{"id": user}, "team": object{"id": "T0000000001"}, "trigger_id": "2",
		"view": object{
			"id": "V1", "type": "modal", "callback_id": view["callback_id"], "private_metadata": view["private_metadata"], "hash": "1",
			"state": object{"values": object{str(input, "block_id"): object{str(input["element"].(object), "action_id"): object{"type": "plain_text_input", "value": text}}}},
		},
	}
}

func payload(v any) url.Values {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return url.Values{"payload": {string(b)}}
}

func slash(f *fake, user, text string) url.Values {
	return url.Values{
		"token": {"deprecated"}, "team_id": {"T0000000001"}, "channel_id": {"D0000000001"}, "user_id": {user}, "command": {"/xunjian"}, "text": {text},
		"response_url": {f.server.URL + "/respond/" + user}, "trigger_id": {"1.2"}, "api_app_id": {"A0000000001"},
	}
}

// sign is Slack's signature.
func sign(r *http.Request, key string, at time.Time, body string) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(mac, "v0:%s:%s", stamp, body)
	r.Header.Set("X-Slack-Request-Timestamp", stamp)
	r.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
}

// ask posts a signed request and returns the status.
func ask(t *testing.T, s *slack.Slack, form url.Values) int {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sign(r, signing, time.Now(), form.Encode())
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	if w.Code == http.StatusOK && w.Body.Len() > 0 {
		t.Errorf("it answers %q", w.Body)
	}
	return w.Code
}

// place is a channel with an incident that was told.
func place(t *testing.T) (*fake, *desk, *slack.Slack) {
	t.Helper()
	f, d := newFake(t), newDesk(note(1))
	s := open(t, config(t, f.server.URL+"/api"), slack.Options{Memory: newStore(), Actions: d})
	deliver(t, s, note(1))
	return f, d, s
}

// answered waits for the nth answer to somebody and returns it.
func answered(t *testing.T, f *fake, n int) ephemeral {
	t.Helper()
	eventually(t, fmt.Sprint("answer ", n), func() bool { return len(f.told()) >= n })
	return f.told()[n-1]
}

func TestPress(t *testing.T) {
	f, d, s := place(t)
	head := func() string { m := f.all()[0]; return m.reads() }
	for i, c := range []struct {
		user, do, value, asked, head, buttons, answer string
	}{
		{"U0000000001", "acknowledge", "", "slack wang " + incident + " acknowledge", "确认：王芳", "take step level resolve", incident + "：已办理。"},
		{"U0000000002", "take", "", "slack smith " + incident + " take", "处理人：J. Smith\n确认：王芳", "take step level resolve", incident + ": done."},
		{"U0000000001", "step", "s1", "slack wang " + incident + " step s1", "切换到备用 <b>", "take step level resolve", incident + "：已办理。"},
		{"U0000000001", "step", "s2", "slack wang " + incident + " step s2", "", "take level resolve", incident + "：已办理。"},
	} {
		if code := ask(t, s, payload(pressed(f, c.user, c.do, c.value))); code != 200 {
			t.Fatalf("%s: %d", c.do, code)
		}
		told := answered(t, f, i+1)
		if !told.byURL || told.user != c.user || told.text != c.answer {
			t.Errorf("%s: told %+v", c.do, told)
		}
		if asked := d.did(); asked[len(asked)-1] != c.asked {
			t.Errorf("%s: asked %q", c.do, asked)
		}
		if !strings.Contains(head(), c.head) || strings.Join(actionIDs(f.all()[0].blocks)[1:], " ") != c.buttons {
			t.Errorf("%s: the head is %s with %v", c.do, head(), actionIDs(f.all()[0].blocks))
		}
	}
	if len(d.did()) != 4 || len(f.all()) != 1 {
		t.Errorf("%q, %d messages", d.did(), len(f.all()))
	}
}

func TestForms(t *testing.T) {
	f, d, s := place(t)
	ask(t, s, payload(pressed(f, "U0000000002", "level", "II")))
	eventually(t, "a form", func() bool { return len(f.forms()) == 1 })
	if len(d.did()) > 0 {
		t.Fatalf("done before the form was filled in: %q", d.did())
	}
	if text := words(f.forms()[0]["blocks"]); !strings.Contains(text, "Why is the level changed?") || !strings.Contains(text, incident+" → Level II") {
		t.Error(text)
	}
	ask(t, s, payload(filled(f, "U0000000002", "Three halls\x00 are\nconcerned")))
	if told := answered(t, f, 1); told.user != "U0000000002" || !strings.Contains(f.all()[0].reads(), "级别：II") {
		t.Errorf("told %+v; head %s", told, f.all()[0].reads())
	}
	ask(t, s, payload(pressed(f, "U0000000001", "resolve", "")))
	eventually(t, "a form", func() bool { return len(f.forms()) == 2 })
	ask(t, s, payload(filled(f, "U0000000001", "  换了网线 "+strings.Repeat("长", 5000))))
	answered(t, f, 2)
	got := d.did()
	if len(got) != 2 || got[0] != "slack smith "+incident+" level II Three halls are\nconcerned" || !strings.HasPrefix(got[1], "slack wang "+incident+" resolve  换了网线 长长") || len(got[1]) > 4100 {
		t.Errorf("%.200q", got)
	}
	if ids := actionIDs(f.all()[0].blocks); !slices.Equal(ids, []string{"xunjian_link"}) {
		t.Errorf("the head of what is over has %v", ids)
	}
	// A form that was not opened here does nothing; neither does a stranger's.
	forged := filled(f, "U0000000001", "x")
	forged["view"].(object)["private_metadata"] = `{"do":"acknowledge","incident":"` + incident + `"}`
	ask(t, s, payload(forged))
	ask(t, s, payload(filled(f, "U0000000009", "x")))
	if told := answered(t, f, 3); !strings.Contains(told.text, "U0000000009") || len(d.did()) != 2 {
		t.Errorf("%+v, %.200q", told, d.did())
	}
}

// A stranger, one who left the roster, a refusal, an unknown incident, trouble:
// who asked is told, and nobody else.
func TestNotDone(t *testing.T) {
	for _, c := range []struct {
		user    string
		fail    error
		says    string
		ofWhom  int // of those asked for
		unknown bool
	}{
		{"U0000000009", nil, "您（U0000000009）不在值班名册上", 0, false},
		{"U0000000003", nil, "不在值班名册上", 0, false},
		{"U0000000001", &channel.Refused{Text: "演练<之外>不可 @here"}, "演练&lt;之外&gt;不可 ＠here", 1, false},
		{"U0000000001", fmt.Errorf("wrapped: %w", &channel.Refused{Text: "不行"}), "不行", 1, false},
		{"U0000000002", channel.ErrUnknown, "There is no incident " + incident, 1, true},
		{"U0000000002", errors.New("the database is locked"), "trouble in Xunjian itself", 1, false},
	} {
		f, d, s := place(t)
		d.set(func(d *desk) { d.fail, d.unknown = c.fail, c.unknown })
		ask(t, s, payload(pressed(f, c.user, "acknowledge", "")))
		told := answered(t, f, 1)
		if !strings.Contains(told.text, c.says) || told.user != c.user || len(d.did()) != c.ofWhom || len(f.all()) != 1 || strings.Contains(told.text, "database") {
			t.Errorf("%s %v: %+v, %q", c.user, c.fail, told, d.did())
		}
	}
}

// Where the address for the answer does not hold, the answer goes another way;
// it never goes to who is not Slack.
func TestAnswerElsewhere(t *testing.T) {
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("somebody else was answered") }))
	defer evil.Close()
	for _, address := range []string{"", "/respond/used", evil.URL, strings.Replace(evil.URL, "http://", "http://hooks.slack.com@", 1), "http://hooks.slack.com/x", "https://slack.com.example.org/", "file:///etc/passwd", "::"} {
		f, _, s := place(t)
		if strings.HasPrefix(address, "/") {
			address = f.server.URL + address
		}
		p := pressed(f, "U0000000001", "acknowledge", "")
		p["response_url"] = address
		ask(t, s, payload(p))
		if told := answered(t, f, 1); told.byURL || told.user != "U0000000001" || told.channel != room {
			t.Errorf("%s: %+v", address, told)
		}
	}
}

func TestCommand(t *testing.T) {
	f, d, s := place(t)
	d.set(func(d *desk) { d.st.Incident.Drill, d.st.Incident.Level = true, plan.LevelIII })
	for i, c := range []struct{ user, text, says, buttons string }{
		{"U0000000001", "", incident + " ⚠ 演练，不是真实事件 【IV 级】F03 开标大厅无法登录（第 1 号） · 未确认 · 处理人：尚无", ""},
		{"U0000000002", " LIST ", incident + " ⚠ Drill", ""},
		{"U0000000002", "show inc-20260302-0001", "State: 未确认\nLevel: III\nAssignee: nobody yet\nAcknowledged: not yet", "xunjian_link acknowledge take step level resolve"},
		{"U0000000001", "show INC-1", "没有事件 INC-1。", ""},
		{"U0000000001", "ack inc-20260302-0001", incident + "：已办理。", ""},
		{"U0000000002", "take " + incident, incident + ": done.", ""},
		{"U0000000002", "take", "Usage: /xunjian list", ""},
		{"U0000000001", "delete " + incident, "用法：/xunjian list", ""},
		{"U0000000001", "take <!channel>", "没有事件 <!CHANNEL>。", ""},
		{"U0000000009", "list", "不在值班名册上", ""},
	} {
		if code := ask(t, s, slash(f, c.user, c.text)); code != 200 {
			t.Fatal(code)
		}
		told := answered(t, f, i+1)
		m := message{text: told.text, blocks: told.blocks}
		if !strings.Contains(m.reads(), c.says) || strings.Join(actionIDs(told.blocks), " ") != c.buttons || len(m.controls()) > 0 {
			t.Errorf("%q: %s with %v, %v", c.text, m.reads(), actionIDs(told.blocks), m.controls())
		}
	}
	if got := d.did(); !slices.Equal(got, []string{"slack wang " + incident + " acknowledge", "slack smith " + incident + " take", "slack wang <!CHANNEL> take"}) {
		t.Errorf("%q", got)
	}
	d.set(func(d *desk) { d.st.Incident.Over = true })
	ask(t, s, slash(f, "U0000000002", "list"))
	if told := answered(t, f, 11); told.text != "No incident is open." {
		t.Errorf("%+v", told)
	}
}

// What is not signed by Slack, too old, from the future, shown again, too
// large or not understood does nothing.
func TestSignature(t *testing.T) {
	f, d, s := place(t)
	form := payload(pressed(f, "U0000000001", "acknowledge", "")).Encode()
	send := func(change func(r *http.Request), body string) int {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		sign(r, signing, time.Now(), body)
		if change != nil {
			change(r)
		}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		return w.Code
	}
	for name, c := range map[string]struct {
		change func(r *http.Request)
		body   string
		want   int
	}{
		"unsigned":         {func(r *http.Request) { r.Header.Del("X-Slack-Signature") }, form, 401},
		"no time":          {func(r *http.Request) { r.Header.Del("X-Slack-Request-Timestamp") }, form, 401},
		"another key":      {func(r *http.Request) { sign(r, "another", time.Now(), form) }, form, 401},
		"another body":     {func(r *http.Request) { sign(r, signing, time.Now(), form+"x") }, form, 401},
		"old":              {func(r *http.Request) { sign(r, signing, time.Now().Add(-5*time.Minute-2*time.Second), form) }, form, 401},
		"from the future":  {func(r *http.Request) { sign(r, signing, time.Now().Add(5*time.Minute+5*time.Second), form) }, form, 401},
		"another time":     {func(r *http.Request) { r.Header.Set("X-Slack-Request-Timestamp", fmt.Sprint(time.Now().Unix()-7)) }, form, 401},
		"too large":        {nil, "payload=" + strings.Repeat("x", 64<<10), 413},
		"no JSON":          {nil, "payload=x", 400},
		"neither":          {nil, "a=b", 400},
		"not posted":       {func(r *http.Request) { r.Method = http.MethodGet }, form, 405},
		"the check of TLS": {nil, "ssl_check=1", 200},
	} {
		if got := send(c.change, c.body); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	if len(d.did()) > 0 {
		t.Fatalf("done all the same: %q", d.did())
	}
	at := time.Now().Add(-4 * time.Minute)
	for i, upper := range []bool{false, false, true} {
		got := send(func(r *http.Request) {
			sign(r, signing, at, form)
			if upper { // the same signature to who reads hexadecimal
				r.Header.Set("X-Slack-Signature", "v0="+strings.ToUpper(r.Header.Get("X-Slack-Signature")[3:]))
			}
		}, form)
		if want := []int{200, 409, 409}[i]; got != want {
			t.Errorf("attempt %d: %d, want %d", i+1, got, want)
		}
	}
	answered(t, f, 1)
	if got := d.did(); len(got) != 1 {
		t.Errorf("%q", got)
	}
	// Nobody listens without a secret, or where nobody answers.
	cfg := config(t, f.server.URL+"/api")
	if code := ask(t, open(t, cfg, slack.Options{}), url.Values{}); code != 404 {
		t.Error(code)
	}
	cfg.SigningSecretFile = ""
	if code := ask(t, open(t, cfg, slack.Options{Actions: d}), url.Values{}); code != 404 {
		t.Error(code)
	}
}

// It acknowledges before it is done, turns away what is too much, and a panic
// costs one request.
func TestBusy(t *testing.T) {
	f, d, s := place(t)
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	post := func() int {
		body := payload(pressed(f, "U0000000001", "acknowledge", "")).Encode()
		r, err := http.NewRequest(http.MethodPost, server.URL, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		sign(r, signing, time.Now(), body)
		answer, err := (&http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		io.Copy(io.Discard, answer.Body)
		return answer.StatusCode
	}
	gate := make(chan struct{})
	d.set(func(d *desk) { d.gate, d.panics = gate, true })
	for range slack.MaxWork {
		if code := post(); code != 200 {
			t.Fatal(code)
		}
	}
	if code := post(); code != 503 {
		t.Errorf("one too many: %d", code)
	}
	close(gate)
	eventually(t, "all had their panic", func() bool { return len(d.did()) == slack.MaxWork })
	d.set(func(d *desk) { d.panics = false })
	eventually(t, "there is room again", func() bool { return post() == 200 })
	if told := answered(t, f, 1); told.text != incident+"：已办理。" {
		t.Errorf("%+v", told)
	}
	// Its end waits for what is under way, and it takes nothing after.
	d.set(func(d *desk) { d.gate = make(chan struct{}) })
	if code := post(); code != 200 {
		t.Error(code)
	}
	eventually(t, "the last is under way", func() bool { return d.inside.Load() == 1 })
	s.Close()
	if n := d.inside.Load(); n != 0 {
		t.Errorf("%d under way after the end", n)
	}
	if code := post(); code != 503 {
		t.Errorf("closed: %d", code)
	}
}

// An action for an incident that this channel was never told of changes no
// head.
func TestNoHead(t *testing.T) {
	f, d := newFake(t), newDesk(note(1))
	s := open(t, config(t, f.server.URL+"/api"), slack.Options{Memory: newStore(), Actions: d})
	ask(t, s, slash(f, "U0000000001", "ack "+incident))
	answered(t, f, 1)
	if len(d.did()) != 1 || f.count("chat.update")+f.count("chat.postMessage") > 0 {
		t.Errorf("%q, %d updates", d.did(), f.count("chat.update"))
	}
}

// A head that cannot be changed after an action is changed later.
func TestHeadAfterAction(t *testing.T) {
	f, _, s := place(t)
	f.set(func(f *fake) {
		f.answer = func(method string, n int) (int, http.Header, string, bool) {
			return 503, nil, "", method == "chat.update" && n < 3
		}
	})
	ask(t, s, payload(pressed(f, "U0000000001", "acknowledge", "")))
	eventually(t, "the head shows who acknowledged", func() bool { return strings.Contains(f.all()[0].reads(), "确认：王芳") })
	answered(t, f, 1)
}
