package dingstream

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"xunjian/alerting/notify/channel"
)

// The kinds of frames and the topics that matter here.
const (
	typeSystem      = "SYSTEM"
	typeCallback    = "CALLBACK"
	topicPing       = "ping"
	topicDisconnect = "disconnect"
	topicMessage    = "/v1.0/im/bot/messages/get"
)

// What an answer to a frame says.
const (
	codeOK       = 200
	codeNotFound = 404 // nobody here for this topic
	codeBusy     = 500 // say it again later
)

// frame is what DingTalk sends: text in JSON, whose data is text in JSON.
type frame struct {
	Type    string `json:"type"`
	Headers struct {
		MessageID string `json:"messageId"`
		Topic     string `json:"topic"`
	} `json:"headers"`
	Data string `json:"data"`
}

func parseFrame(data []byte) (frame, error) {
	var f frame
	if err := json.Unmarshal(data, &f); err != nil {
		return frame{}, err
	}
	if f.Type == "" || f.Headers.MessageID == "" {
		return frame{}, errors.New("a frame without a type or a messageId")
	}
	return f, nil
}

// answer is what a frame is answered; data is JSON.
func (f frame) answer(code int, data string) []byte {
	message := "OK"
	if code != codeOK {
		message = "not dealt with"
	}
	b, err := json.Marshal(map[string]any{
		"code": code, "headers": map[string]string{"contentType": "application/json", "messageId": f.Headers.MessageID}, "message": message, "data": data,
	})
	if err != nil { // texts and a number always are JSON
		panic(err)
	}
	return b
}

// message is what somebody wrote to the robot.
type message struct {
	ID               string `json:"msgId"`
	ConversationType string `json:"conversationType"` // 1: with one; 2: a group
	SenderStaffID    string `json:"senderStaffId"`
	SenderCorpID     string `json:"senderCorpId"`
	ChatbotCorpID    string `json:"chatbotCorpId"`
	SentMilli        int64  `json:"createAt"`
	Webhook          string `json:"sessionWebhook"`
	WebhookEndMilli  int64  `json:"sessionWebhookExpiredTime"`
	Kind             string `json:"msgtype"`
	Text             struct {
		Content string `json:"content"`
	} `json:"text"`
	Content json.RawMessage `json:"content"`
}

func parseMessage(data string) (message, error) {
	var m message
	if err := json.Unmarshal([]byte(data), &m); err != nil {
		return message{}, err
	}
	return m, nil
}

// said is the message without what is DingTalk's alone. A userid belongs to a
// company: that of another's sender could be anybody's here.
func (m message) said(frameID string) channel.Said {
	s := channel.Said{ID: m.ID, Sender: m.SenderStaffID, Text: m.words()}
	if s.ID == "" {
		s.ID = frameID
	}
	if m.SenderCorpID != m.ChatbotCorpID && m.SenderCorpID != "" && m.ChatbotCorpID != "" {
		s.Sender = ""
	}
	if m.SentMilli > 0 {
		s.At = time.UnixMilli(m.SentMilli)
	}
	return s
}

// words are those of a text, or of a text with formats; nothing for a picture.
func (m message) words() string {
	if m.Kind != "richText" {
		return m.Text.Content
	}
	var rich struct {
		RichText []struct {
			Text string `json:"text"`
		} `json:"richText"`
	}
	if json.Unmarshal(m.Content, &rich) != nil {
		return ""
	}
	var b strings.Builder
	for _, part := range rich.RichText {
		b.WriteString(part.Text)
	}
	return b.String()
}
