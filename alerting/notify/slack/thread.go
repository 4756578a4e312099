package slack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/slack-go/slack"

	"xunjian/alerting/notify/channel"
)

// Memory keeps what must outlast a restart, by name. Load returns nil, nil for
// what was never saved.
type Memory interface {
	Load(ctx context.Context, name string) ([]byte, error)
	Save(ctx context.Context, name string, body []byte) error
}

// thread is what is remembered of an incident.
type thread struct {
	// Channel and TS are the head message; TS is empty before there is one.
	Channel string `json:"channel"`
	TS      string `json:"ts,omitempty"`
	// First is the key of the notice that the head was posted for.
	First string `json:"first,omitempty"`
	// Keys are the notices that have arrived, the latest at the end.
	Keys []string `json:"keys,omitempty"`
	// Pending is the notice that went out and of which it is not known whether
	// it arrived; Since is when.
	Pending string    `json:"pending,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	// Stale says that the head shows less than is known; Frozen that it can never
	// be changed again.
	Stale  bool `json:"stale,omitempty"`
	Frozen bool `json:"frozen,omitempty"`
	// Shown is the moment of the notice that the head shows.
	Shown time.Time `json:"shown,omitzero"`
	// By is who acknowledged from here.
	By string `json:"by,omitempty"`
}

const (
	// maxKeys bounds the notices remembered: the worker comes back with the last
	// few.
	maxKeys = 200
	// maxUnsaved bounds the threads kept here because Memory did not take them.
	maxUnsaved = 1000
	// saveWithin bounds the wait for Memory after a message went out.
	saveWithin = 5 * time.Second
	// pageSize and maxPages bound the search in Slack's history.
	pageSize, maxPages = 200, 5
	// skew is more than two clocks differ by.
	skew = time.Hour

	eventType = "xunjian_notice"
	loose     = "notices" // those that belong to no incident
)

// keyOf is the key as Slack's metadata carries it.
func keyOf(m channel.Message) string {
	if len(m.Key) <= 255 {
		return m.Key
	}
	sum := sha256.Sum256([]byte(m.Key))
	return hex.EncodeToString(sum[:])
}

func (t thread) has(key string) bool { return slices.Contains(t.Keys, key) }

func (t *thread) add(key string) {
	if key == "" || t.has(key) {
		return
	}
	t.Keys = append(slices.Clone(t.Keys), key)
	t.Keys = t.Keys[max(0, len(t.Keys)-maxKeys):]
}

func (s *Slack) recordName(incident string) string {
	if incident == "" {
		incident = loose
	}
	return s.Name() + "/" + incident
}

// load returns what is remembered of an incident. It is not sure where Memory
// could not say: then Slack's history is asked, and people hear all the same.
func (s *Slack) load(ctx context.Context, incident string) (t thread, sure bool) {
	fresh := thread{Channel: s.cfg.Channel}
	name := s.recordName(incident)
	s.mu.Lock()
	kept, ok := s.unsaved[name]
	s.mu.Unlock()
	if ok {
		return kept, true
	}
	if s.memory == nil {
		return fresh, false
	}
	body, err := s.memory.Load(ctx, name)
	if err != nil {
		s.log.Warn("what was told in Slack cannot be read; its history is asked", "channel", s.Name(), "incident", incident, "err", err)
		return fresh, false
	}
	if body == nil {
		return fresh, true
	}
	if err := json.Unmarshal(body, &t); err != nil {
		s.log.Warn("what was told in Slack is not readable; its history is asked", "channel", s.Name(), "incident", incident, "err", err)
		return fresh, false
	}
	if t.Channel != s.cfg.Channel {
		return fresh, true // the operator moved it
	}
	return t, true
}

// save keeps t; here, where Memory does not take it.
func (s *Slack) save(ctx context.Context, incident string, t thread) {
	name := s.recordName(incident)
	err := error(nil)
	if s.memory != nil {
		var body []byte
		if body, err = json.Marshal(t); err == nil {
			sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveWithin)
			err = s.memory.Save(sctx, name, body)
			cancel()
		}
		if err != nil {
			s.log.Warn("what was told in Slack cannot be kept; after a restart its history is asked", "channel", s.Name(), "incident", incident, "err", err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.memory != nil && err == nil {
		delete(s.unsaved, name)
		return
	}
	if len(s.unsaved) >= maxUnsaved {
		clear(s.unsaved) // the history knows them still
	}
	s.unsaved[name] = t
}

// recover asks Slack's history what of an incident has arrived since. Where
// Slack does not let it read the history, nothing more is known than before.
func (s *Slack) recover(ctx context.Context, api *slack.Client, incident string, since time.Time, t thread) (thread, error) {
	me, err := api.AuthTestContext(ctx)
	if err != nil {
		return t, err
	}
	oldest := ""
	if !since.IsZero() {
		oldest = strconv.FormatInt(since.Add(-skew).Unix(), 10) + ".000000"
	}
	// Anybody's app can write such metadata: only what this one posted counts.
	mine := func(m slack.Message) (key string, head, ok bool) {
		if m.Metadata.EventType != eventType || m.User != me.UserID && (m.BotID == "" || m.BotID != me.BotID) {
			return "", false, false
		}
		of, _ := m.Metadata.EventPayload["incident"].(string)
		key, _ = m.Metadata.EventPayload["key"].(string)
		return key, m.ThreadTimestamp == "" || m.ThreadTimestamp == m.Timestamp, of == incident && key != ""
	}
	if t.TS == "" {
		cursor := ""
		for range maxPages {
			page, err := api.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{
				ChannelID: s.cfg.Channel, Oldest: oldest, Limit: pageSize, Cursor: cursor, IncludeAllMetadata: true,
			})
			if err != nil {
				return t, err
			}
			for _, m := range page.Messages {
				key, head, ok := mine(m)
				if !ok || !head {
					continue
				}
				t.add(key)
				if incident != "" && t.TS == "" { // the newest comes first
					t.TS, t.First, t.Stale = m.Timestamp, key, true
				}
			}
			if cursor = page.ResponseMetaData.NextCursor; cursor == "" {
				break
			}
		}
	}
	if t.TS != "" {
		cursor := ""
		for range maxPages {
			messages, _, next, err := api.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
				ChannelID: s.cfg.Channel, Timestamp: t.TS, Oldest: oldest, Limit: pageSize, Cursor: cursor, IncludeAllMetadata: true,
			})
			if is(err, lost) {
				t = thread{Channel: t.Channel, Keys: t.Keys, By: t.By}
				break
			}
			if err != nil {
				return t, err
			}
			for _, m := range messages {
				if key, _, ok := mine(m); ok && !t.has(key) {
					t.add(key)
					t.Stale = true
				}
			}
			if cursor = next; cursor == "" {
				break
			}
		}
	}
	t.Pending, t.Since = "", time.Time{}
	return t, nil
}
