package feishustream

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunjian/alerting/notify/channel"
)

// eventMessage is the event of a message to the bot, or in a group with it.
const eventMessage = "im.message.receive_v1"

// event is what the payload of a data frame says, version 2.0.
type event struct {
	Header struct {
		ID    string `json:"event_id"`
		Type  string `json:"event_type"`
		AppID string `json:"app_id"`
	} `json:"header"`
	Event struct {
		Sender struct {
			ID   id     `json:"sender_id"`
			Type string `json:"sender_type"`
		} `json:"sender"`
		Message struct {
			ID       string    `json:"message_id"`
			Created  string    `json:"create_time"` // milliseconds
			ChatType string    `json:"chat_type"`   // p2p, group or topic_group
			Type     string    `json:"message_type"`
			Content  string    `json:"content"`
			Mentions []mention `json:"mentions"`
		} `json:"message"`
	} `json:"event"`
}

type id struct {
	OpenID string `json:"open_id"`
}

type mention struct {
	Key  string `json:"key"` // what stands in the text, like @_user_1
	ID   id     `json:"id"`
	Name string `json:"name"`
	// Type is user, bot or app; the platform did not say it formerly, nor of
	// which app a bot is.
	Type string `json:"mentioned_type"`
	Bot  struct {
		AppID string `json:"app_id"`
	} `json:"bot_info"`
}

// may reports whether it can be the bot of this app that is mentioned.
func (m mention) may(appID string) bool {
	return m.Type != "user" && (m.Bot.AppID == "" || m.Bot.AppID == appID)
}

func parseEvent(payload []byte) (event, error) {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return event{}, err
	}
	if e.Header.Type == "" {
		return event{}, errors.New("an event without a type")
	}
	return e, nil
}

// concerns reports whether somebody says something to the bot. An app that may
// read all messages of its groups gets those between people too: they are
// nothing to it. Nor is what other bots say.
func (e event) concerns(appID string) bool {
	m := e.Event.Message
	if e.Header.Type != eventMessage || e.Header.AppID != "" && e.Header.AppID != appID || e.Event.Sender.Type != "" && e.Event.Sender.Type != "user" {
		return false
	}
	if m.ChatType == "p2p" {
		return true
	}
	return slices.ContainsFunc(m.Mentions, func(x mention) bool { return x.may(appID) })
}

// said is the message without what is Feishu's alone.
func (e event) said() channel.Said {
	m := e.Event.Message
	s := channel.Said{ID: m.ID, Sender: e.Event.Sender.ID.OpenID, Text: e.words()}
	if s.ID == "" {
		s.ID = e.Header.ID
	}
	if milli, err := strconv.ParseInt(m.Created, 10, 64); err == nil && milli > 0 {
		s.At = time.UnixMilli(milli)
	}
	return s
}

var mentionShape = regexp.MustCompile(`@_user_[0-9]+`)

// words are those of a text, or of a text with formats; nothing for a picture.
// Mentions stand there by name, without spaces, so that each is one word.
func (e event) words() string {
	m := e.Event.Message
	var text string
	switch m.Type {
	case "text":
		var c struct {
			Text string `json:"text"`
		}
		if json.Unmarshal([]byte(m.Content), &c) != nil {
			return ""
		}
		text = c.Text
	case "post":
		var c struct {
			Title   string `json:"title"`
			Content [][]struct {
				Tag  string `json:"tag"`
				Text string `json:"text"`
			} `json:"content"`
		}
		if json.Unmarshal([]byte(m.Content), &c) != nil {
			return ""
		}
		lines := []string{c.Title}
		for _, line := range c.Content {
			var b strings.Builder
			for _, part := range line {
				if part.Tag == "text" || part.Tag == "a" {
					b.WriteString(part.Text)
				}
			}
			lines = append(lines, b.String())
		}
		text = strings.Join(lines, "\n")
	}
	return mentionShape.ReplaceAllStringFunc(text, func(key string) string {
		if i := slices.IndexFunc(m.Mentions, func(x mention) bool { return x.Key == key }); i >= 0 {
			return " @" + strings.Join(strings.Fields(m.Mentions[i].Name), "") + " "
		}
		return key
	})
}
