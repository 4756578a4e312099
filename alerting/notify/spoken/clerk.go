package spoken

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/roster"
)

// The bounds of what is heard and answered.
const (
	// MaxText bounds a message, in bytes; of a longer one nothing is read.
	MaxText = 64 << 10
	// maxAnswer bounds an answer, in bytes.
	maxAnswer = 4000
	// remembered is how many messages are known again, and keep for how long.
	remembered = 4096
	keep       = 24 * time.Hour
	// actWithin leaves time to answer that it could not be done.
	actWithin = 20 * time.Second
	// stale is the age from which on a message has to name its incident: the only
	// open one may be another by now.
	stale = 10 * time.Minute
)

// The words that a platform's connection and the clerk have in common.
type (
	Said   = channel.Said
	People = channel.People
)

// Clerk carries out what people say in a chat.
type Clerk struct {
	via     string
	people  People
	actions channel.Actions

	mu    sync.Mutex
	heard map[string]time.Time
	order []string // of heard, the oldest first
}

// NewClerk returns a Clerk; via is the channel's word, as in channel.Actions.
func NewClerk(via string, people People, actions channel.Actions) *Clerk {
	return &Clerk{via: via, people: people, actions: actions, heard: map[string]time.Time{}}
}

// Hear carries out a message and returns what to answer, in lines of plain text
// that steer nothing but may hold the platform's own markup. first is false,
// and nothing happens, where this message was heard before. An error is trouble
// here, for the log; the answer says so too.
func (c *Clerk) Hear(ctx context.Context, s Said) (answer string, first bool, err error) {
	if !c.first(s) {
		return "", false, nil
	}
	by, known := c.person(s.Sender)
	if !known {
		return clip(stranger(s.Sender)), true, nil
	}
	w := in(by.Reads())
	if len(s.Text) > MaxText {
		return w.long, true, nil
	}
	cmd := Parse(s.Text)
	if cmd.Acts() && cmd.Incident == "" && !s.At.IsZero() && time.Since(s.At) > stale {
		return w.stale, true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, actWithin)
	defer cancel()
	answer, err = c.Carry(ctx, by, cmd)
	return answer, true, err
}

// first notes a message and reports whether it is new.
func (c *Clerk) first(s Said) bool {
	key := s.ID
	if key == "" {
		key = fmt.Sprintf("%s %d %.200s", s.Sender, s.At.UnixMilli(), s.Text)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if at, ok := c.heard[key]; ok && now.Sub(at) <= keep {
		return false
	}
	for len(c.order) > 0 && (len(c.order) >= remembered || now.Sub(c.heard[c.order[0]]) > keep) {
		delete(c.heard, c.order[0])
		c.order = c.order[1:]
	}
	c.heard[key], c.order = now, append(c.order, key)
	return true
}

// person is who sent it, as the roster has them now.
func (c *Clerk) person(sender string) (roster.Person, bool) {
	id := c.people[sender]
	if sender == "" || id == "" {
		return roster.Person{}, false
	}
	people := c.actions.People()
	i := slices.IndexFunc(people, func(p roster.Person) bool { return p.ID == id })
	if i < 0 {
		return roster.Person{}, false
	}
	return people[i], true
}

// Carry carries out a command in a person's name and returns the answer, in
// their language. An error is trouble here; the answer says so too.
func (c *Clerk) Carry(ctx context.Context, by roster.Person, cmd Command) (string, error) {
	lang := by.Reads()
	answer, err := c.carry(ctx, by, lang, cmd)
	var refused *channel.Refused
	switch {
	case errors.As(err, &refused):
		return clip(lines(refused.Text)), nil
	case errors.Is(err, channel.ErrUnknown):
		return fmt.Sprintf(in(lang).none, cmd.Incident), nil
	case err != nil:
		return in(lang).trouble, fmt.Errorf("%s asked for %s: %w", by.ID, cmd.Do, err)
	}
	return clip(answer), nil
}

func (c *Clerk) carry(ctx context.Context, by roster.Person, lang string, cmd Command) (string, error) {
	w := in(lang)
	if cmd.Do == Help {
		return w.help, nil
	}
	if cmd.Incident == "" {
		open, err := c.actions.Open(ctx, lang)
		switch {
		case err != nil:
			return "", err
		case len(open) == 0:
			return w.quiet, nil
		case cmd.Do == Status && len(open) > 1:
			return list(w.open, open, lang), nil
		case len(open) > 1:
			return list(w.which, open, lang), nil
		}
		cmd.Incident = open[0].Incident.ID
	}
	if cmd.Do != Status {
		err := c.actions.Act(ctx, c.via, by, cmd.Incident, channel.Action{Do: cmd.Do, Value: cmd.Value, Note: cmd.Note})
		if err != nil {
			return "", err
		}
	}
	s, err := c.actions.Stands(ctx, cmd.Incident, lang)
	switch {
	case err != nil && cmd.Do != Status: // it is done all the same
		return w.did[cmd.Do] + cmd.Incident, nil
	case err != nil:
		return "", err
	case cmd.Do != Status:
		return w.did[cmd.Do] + one(s, lang) + next(s, w), nil
	}
	return one(s, lang) + next(s, w), nil
}

// one is how an incident stands, in a line.
func one(s channel.Standing, lang string) string {
	w := in(lang)
	parts := []string{s.Incident.ID}
	if s.Incident.Level != "" {
		parts = append(parts, fmt.Sprintf(w.level, s.Incident.Level))
	}
	title := s.Incident.Title.In(lang)
	if title == "" {
		title = s.Subject
	}
	for _, p := range []string{title, s.StateName, s.Assignee} {
		if p = channel.OneLine(p); p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, w.comma)
}

// next are the steps that are not done yet, each in a line.
func next(s channel.Standing, w *language) string {
	if len(s.Next) == 0 {
		return ""
	}
	out := "\n" + w.next
	for _, step := range s.Next {
		out += "\n- " + channel.OneLine(step.ID) + w.colon + channel.OneLine(step.Title)
	}
	return out
}

func list(head string, open []channel.Standing, lang string) string {
	for _, s := range open {
		head += "\n- " + one(s, lang)
	}
	return head
}

// lines takes from a text what could steer.
func lines(s string) string {
	var out []string
	for l := range strings.SplitSeq(s, "\n") {
		out = append(out, channel.OneLine(l))
	}
	return strings.Join(out, "\n")
}

// clip shortens an answer to maxAnswer, between characters.
func clip(s string) string {
	if len(s) <= maxAnswer {
		return s
	}
	return strings.ToValidUTF8(s[:maxAnswer-len("…")], "") + "…"
}
