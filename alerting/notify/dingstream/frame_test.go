package dingstream

import (
	"encoding/json"
	"testing"
	"time"
)

func TestParseFrame(t *testing.T) {
	f, err := parseFrame([]byte(`{"specVersion":"1.0","type":"SYSTEM","headers":{"contentType":"application/json","messageId":"c0a8","time":"1683279456460","topic":"disconnect"},"data":"{\"reason\":\"persistent connection is timeout\"}"}`))
	if err != nil || f.Type != typeSystem || f.Headers.Topic != topicDisconnect || f.Headers.MessageID != "c0a8" || f.Data != `{"reason":"persistent connection is timeout"}` {
		t.Errorf("%+v %v", f, err)
	}
	for _, bad := range []string{"", "[]", "{}", `{"type":"SYSTEM"}`, `{"headers":{"messageId":"1"}}`, `{"type":"SYSTEM","headers":[]}`, `{"type":1}`} {
		if f, err := parseFrame([]byte(bad)); err == nil {
			t.Errorf("%s: %+v", bad, f)
		}
	}
}

func TestSaid(t *testing.T) {
	const whole = `{"msgId":"msg1","conversationType":"2","senderStaffId":"staff1","senderCorpId":"corp1","chatbotCorpId":"corp1","createAt":1772438400000,"msgtype":"text","text":{"content":" 确认 "}}`
	m, err := parseMessage(whole)
	if err != nil {
		t.Fatal(err)
	}
	if s := m.said("frame1"); s.ID != "msg1" || s.Sender != "staff1" || s.Text != " 确认 " || !s.At.Equal(time.Unix(1772438400, 0)) {
		t.Errorf("%+v", s)
	}
	m.SenderCorpID, m.ID, m.SentMilli = "corp2", "", 0
	if s := m.said("frame1"); s.ID != "frame1" || s.Sender != "" || !s.At.IsZero() {
		t.Errorf("one of another company: %+v", s)
	}
	for content, want := range map[string]string{`{"richText":[{"text":"确认 "},{"downloadCode":"x"},{"text":"INC-20260302-0001"}]}`: "确认 INC-20260302-0001", `[]`: "", `"x"`: ""} {
		m := message{Kind: "richText", Content: json.RawMessage(content)}
		if got := m.words(); got != want {
			t.Errorf("%s: %q", content, got)
		}
	}
}

// FuzzFrame holds that whatever comes is a frame that can be answered, or an
// error.
func FuzzFrame(f *testing.F) {
	for _, s := range []string{
		`{"specVersion":"1.0","type":"CALLBACK","headers":{"messageId":"1","topic":"/v1.0/im/bot/messages/get"},"data":"{\"msgId\":\"m\",\"text\":{\"content\":\"ack\"},\"msgtype\":\"text\"}"}`,
		`{"type":"SYSTEM","headers":{"messageId":"2","topic":"ping"},"data":"{\"opaque\":\"x\"}"}`, `{"type":"CALLBACK","headers":{"messageId":"\u0000"},"data":"{\"content\":{\"richText\":[]},\"msgtype\":\"richText\"}"}`, `{`, "\xff",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fr, err := parseFrame(data)
		if err != nil {
			return
		}
		var back struct {
			Code    int               `json:"code"`
			Headers map[string]string `json:"headers"`
			Data    string            `json:"data"`
		}
		if err := json.Unmarshal(fr.answer(codeOK, fr.Data), &back); err != nil || back.Code != 200 || back.Headers["messageId"] != fr.Headers.MessageID || back.Data != fr.Data {
			t.Fatalf("%+v %v", back, err)
		}
		if m, err := parseMessage(fr.Data); err == nil && m.said(fr.Headers.MessageID).ID == "" {
			t.Fatalf("no ID: %+v", m)
		}
	})
}
