package feishustream

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"

	"xunjian/alerting/notify/stream"
)

var whole = frame{
	SeqID: 7, LogID: 1 << 63, Service: 33554678, Method: methodData, Headers: []header{{headerType, typeEvent}, {headerSum, "1"}, {"empty", ""}},
	PayloadEncoding: "gzip", Kind: "json", Payload: []byte(`{"a":1}`), LogIDNew: "20260302",
}

// The bytes are written down by hand from the definition of the message.
func TestFrameAsBytes(t *testing.T) {
	const want = "080010001801200" + "02a0c0a04747970651204" + "70696e67"
	if got := hex.EncodeToString(ping(1)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, f := range []frame{whole, {Method: methodControl}, {Service: -1, Method: -2}, {Payload: []byte{}}} {
		got, err := parseFrame(f.append(nil))
		if diff := cmp.Diff(f, got); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
	}
	// What a later version adds is passed over.
	more := protowire.AppendString(protowire.AppendTag(whole.append(nil), 10, protowire.BytesType), "new")
	more = protowire.AppendFixed64(protowire.AppendTag(more, 11, protowire.Fixed64Type), 1)
	if got, err := parseFrame(more); err != nil || cmp.Diff(whole, got) != "" {
		t.Errorf("%+v %v", got, err)
	}
}

func TestFrameThatIsNone(t *testing.T) {
	long := frame{Method: 1, Headers: make([]header, maxHeaders+1)}
	for name, b := range map[string][]byte{
		"nothing": {}, "text": []byte(`{"type":"x"}`), "cut": whole.append(nil)[:22], "no method": {8, 1}, "method as bytes": {0x22, 1, 1}, "payload as number": {0x20, 1, 0x40, 1},
		"great method": protowire.AppendVarint([]byte{0x20}, 1<<40), "header cut": {0x20, 1, 0x2a, 2, 0x0a, 9}, "too many headers": long.append(nil), "endless length": {0x20, 1, 0x42, 0xff, 0xff, 0xff, 0xff, 0x0f},
	} {
		if f, err := parseFrame(b); err == nil {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestAnswer(t *testing.T) {
	got, err := parseFrame(whole.answer(codeOK, 12))
	want := whole
	want.Headers = append(want.Headers[:3:3], header{"biz_rt", "12"})
	want.Payload = []byte(`{"code":200,"headers":null,"data":null}`)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

// FuzzFrame holds that whatever comes is an error, or a frame that means the
// same when it is said again.
func FuzzFrame(f *testing.F) {
	f.Add(whole.append(nil))
	f.Add(ping(1))
	f.Add([]byte{0x20, 1, 0x42, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Add(frame{Method: 1, Payload: []byte(text)}.append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		fr, err := parseFrame(data)
		if err != nil {
			return
		}
		again, err := parseFrame(fr.append(nil))
		if diff := cmp.Diff(fr, again); diff != "" || err != nil {
			t.Fatalf("%v %s", err, diff)
		}
		if _, err := parseFrame(fr.answer(codeOK, 1)); err != nil && len(fr.Headers) < maxHeaders {
			t.Fatal(err)
		}
		if e, err := parseEvent(fr.Payload); err == nil {
			e.concerns("cli_x")
			e.said()
		}
	})
}

func TestParts(t *testing.T) {
	at := time.Unix(1772438400, 0)
	add := func(p *parts, id string, sum, seq int, payload string, at time.Time) string {
		t.Helper()
		b, ok, err := p.add(id, sum, seq, []byte(payload), at)
		if err != nil {
			return "error"
		}
		if !ok {
			return "wait"
		}
		return string(b)
	}
	var p parts
	for _, c := range []struct {
		id       string
		sum, seq int
		payload  string
		after    time.Duration
		want     string
	}{
		{"", 1, 0, "alone", 0, "alone"}, {"", 0, 0, "none said", 0, "none said"},
		{"a", 3, 2, "!", 0, "wait"}, {"b", 2, 0, "other ", 0, "wait"}, {"a", 3, 0, "hel", 0, "wait"}, {"a", 3, 0, "hel", 0, "wait"}, {"a", 3, 1, "lo", time.Second, "hello!"},
		{"b", 2, 1, "late", time.Minute, "wait"}, {"b", 2, 0, "again ", time.Minute, "again late"},
		{"c", 2, 2, "x", 0, "error"}, {"c", 2, -1, "x", 0, "error"}, {"c", maxParts + 1, 0, "x", 0, "error"}, {"", 2, 0, "x", 0, "error"}, {"c", 2, 0, "", 0, "error"},
		{"d", 3, 0, strings.Repeat("x", maxWhole-1), 0, "wait"}, {"d", 3, 1, "xx", 0, "error"}, {"d", 3, 1, "x", 0, "wait"},
	} {
		if got := add(&p, c.id, c.sum, c.seq, c.payload, at.Add(c.after)); got != c.want {
			t.Errorf("%s %d/%d: %.50q, want %q", c.id, c.seq, c.sum, got, c.want)
		}
	}
	for n := range 100 {
		add(&p, string(rune('A'+n)), 2, 0, "x", at)
	}
	if len(p.pending) != maxPending {
		t.Errorf("%d are kept", len(p.pending))
	}
}

const text = `{"schema":"2.0","header":{"event_id":"ev1","token":"","create_time":"1772438400000","event_type":"im.message.receive_v1","tenant_key":"t1","app_id":"cli_x"},
"event":{"sender":{"sender_id":{"union_id":"on_1","user_id":"","open_id":"ou_1"},"sender_type":"user","tenant_key":"t1"},
"message":{"message_id":"om_1","create_time":"1772438400000","chat_id":"oc_1","chat_type":"group","message_type":"text","content":"{\"text\":\"@_user_1 确认 @_user_10\"}",
"mentions":[{"key":"@_user_1","id":{"open_id":"ou_bot"},"name":"Xun Jian","tenant_key":"t1"},{"key":"@_user_10","id":{"open_id":"ou_2"},"name":"李四","tenant_key":"t1"}]}}}`

func TestEvent(t *testing.T) {
	e, err := parseEvent([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if s := e.said(); s.ID != "om_1" || s.Sender != "ou_1" || strings.Join(strings.Fields(s.Text), " ") != "@XunJian 确认 @李四" || !s.At.Equal(time.Unix(1772438400, 0)) {
		t.Errorf("%+v", s)
	}
	for name, c := range map[string]struct {
		change func(e *event)
		want   bool
	}{
		"as it is":    {func(*event) {}, true},
		"to one":      {func(e *event) { e.Event.Message.ChatType, e.Event.Message.Mentions = "p2p", nil }, true},
		"to nobody":   {func(e *event) { e.Event.Message.Mentions = nil }, false},
		"to a person": {func(e *event) { e.Event.Message.Mentions = []mention{{Type: "user"}} }, false},
		"to the bot":  {func(e *event) { e.Event.Message.Mentions = []mention{{Type: "user"}, {Type: "bot"}} }, true},
		"to another bot": {func(e *event) {
			m := mention{Type: "bot"}
			m.Bot.AppID = "cli_y"
			e.Event.Message.Mentions = []mention{m}
		}, false},
		"by a bot":           {func(e *event) { e.Event.Sender.Type = "app" }, false},
		"to another app":     {func(e *event) { e.Header.AppID = "cli_y" }, false},
		"of another kind":    {func(e *event) { e.Header.Type = "im.message.reaction.created_v1" }, false},
		"in a topic's group": {func(e *event) { e.Event.Message.ChatType = "topic_group" }, true},
	} {
		e, err := parseEvent([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		c.change(&e)
		if got := e.concerns("cli_x"); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, bad := range []string{"", "[]", "{}", `{"header":{}}`} {
		if _, err := parseEvent([]byte(bad)); err == nil {
			t.Errorf("%q is an event", bad)
		}
	}
}

func TestWords(t *testing.T) {
	for _, c := range []struct{ kind, content, want string }{
		{"text", `{"text":"确认"}`, "确认"}, {"text", "no JSON", ""}, {"text", `{"text":1}`, ""}, {"text", `{"text":"@_user_9 x"}`, "@_user_9 x"}, {"image", `{"image_key":"x"}`, ""},
		{"post", `{"title":"","content":[[{"tag":"at","user_id":"@_user_1"},{"tag":"text","text":"解决 "},{"tag":"text","text":"重启","style":["bold"]}],[{"tag":"img"},{"tag":"text","text":"完"}]]}`, "\n解决 重启\n完"},
		{"post", `[]`, ""},
	} {
		var e event
		e.Event.Message.Type, e.Event.Message.Content = c.kind, c.content
		if got := e.words(); got != c.want {
			t.Errorf("%s: %q, want %q", c.content, got, c.want)
		}
	}
}

func TestRhythmHasBounds(t *testing.T) {
	for c, want := range map[clientConfig]stream.Rhythm{
		{}: {First: 5 * time.Second, Most: 2 * time.Minute, Beat: 2 * time.Minute, Silence: 270 * time.Second},
		{ReconnectInterval: 120, ReconnectNonce: 30, PingInterval: 90}:               {First: 30 * time.Second, Most: 2 * time.Minute, Beat: 90 * time.Second, Silence: 210 * time.Second},
		{ReconnectInterval: 1, ReconnectNonce: -1, PingInterval: 1}:                  {First: 5 * time.Second, Most: 30 * time.Second, Beat: 10 * time.Second, Silence: 50 * time.Second},
		{ReconnectInterval: 1 << 40, ReconnectNonce: 1 << 40, PingInterval: 1 << 62}: {First: 30 * time.Second, Most: 10 * time.Minute, Beat: 5 * time.Minute, Silence: 630 * time.Second},
	} {
		if diff := cmp.Diff(want, c.rhythm()); diff != "" {
			t.Errorf("%+v: %s", c, diff)
		}
	}
}

func TestInert(t *testing.T) {
	if got := inert(`<at user_id="all">x</at> [a](b) &lt;at`); strings.Contains(got, "<") || strings.Contains(got, "](") || strings.Contains(got, "&lt;") {
		t.Error(got)
	}
}
