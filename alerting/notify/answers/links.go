package answers

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/roster"
)

// Keeper keeps small things by name.
type Keeper interface {
	LoadAll(ctx context.Context, prefix string) (map[string][]byte, error)
	Save(ctx context.Context, name string, body []byte) error
}

// Links are the addresses in mails by which a person acknowledges without a
// login: signed for one person and one incident, good for a week, and used
// once. Opening one changes nothing: programs look at links before people do.
type Links struct {
	answers *Answers
	keeper  Keeper
	key     []byte
	now     func() time.Time
	mu      sync.Mutex // one use at a time
}

const (
	linkKey   = "answer-key"
	usedName  = "answered/"
	linkHolds = 7 * 24 * time.Hour
)

// NewLinks returns the links of a server; its key is made once and kept.
func NewLinks(ctx context.Context, a *Answers, k Keeper, now func() time.Time) (*Links, error) {
	kept, err := k.LoadAll(ctx, linkKey)
	if err != nil {
		return nil, fmt.Errorf("read the key of answer links: %w", err)
	}
	key := kept[linkKey]
	if len(key) == 0 {
		key = make([]byte, 32)
		if _, err := rand.Read(key); err != nil {
			return nil, err
		}
		if err := k.Save(ctx, linkKey, key); err != nil {
			return nil, fmt.Errorf("keep the key of answer links: %w", err)
		}
	}
	return &Links{answers: a, keeper: k, key: key, now: now}, nil
}

// claim is what a link says.
type claim struct {
	incident, person string
	until            time.Time
}

func (l *Links) sign(body string) []byte {
	mac := hmac.New(sha256.New, l.key)
	mac.Write([]byte("acknowledge\x00" + body))
	return mac.Sum(nil)[:18]
}

// Token makes the end of a link by which a person acknowledges an incident; it
// is the same whenever it is made for a notice of one moment.
func (l *Links) Token(incident, person string, at time.Time) string {
	body := strings.Join([]string{incident, person, at.Add(linkHolds).UTC().Format("20060102T150405")}, "\x00")
	return base64.RawURLEncoding.EncodeToString(slices.Concat(l.sign(body), []byte(body)))
}

func (l *Links) read(token string) (claim, error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) < 18 || len(raw) > 400 || !hmac.Equal(raw[:18], l.sign(string(raw[18:]))) {
		return claim{}, channel.ErrBadLink
	}
	parts := strings.Split(string(raw[18:]), "\x00")
	if len(parts) != 3 {
		return claim{}, channel.ErrBadLink
	}
	until, err := time.Parse("20060102T150405", parts[2])
	if err != nil {
		return claim{}, channel.ErrBadLink
	}
	return claim{parts[0], parts[1], until}, nil
}

// Look says for whom a link is and how its incident stands; used says that it
// was used. It changes nothing.
func (l *Links) Look(ctx context.Context, token string) (by roster.Person, s channel.Standing, used bool, err error) {
	c, err := l.read(token)
	if err != nil {
		return by, s, false, err
	}
	if l.now().After(c.until) {
		return by, s, false, channel.ErrOldLink
	}
	n := slices.IndexFunc(l.answers.People(), func(p roster.Person) bool { return p.ID == c.person })
	if n < 0 {
		return by, s, false, channel.ErrBadLink // gone from the roster
	}
	by = l.answers.People()[n]
	if s, err = l.answers.Stands(ctx, c.incident, by.Reads()); err != nil {
		return by, s, false, err
	}
	used, err = l.used(ctx, token)
	return by, s, used, err
}

// Use acknowledges in the name of the person whom the link is for, once.
func (l *Links) Use(ctx context.Context, token, note string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	by, s, used, err := l.Look(ctx, token)
	switch {
	case err != nil:
		return err
	case used:
		return channel.ErrUsedLink
	}
	if err := l.answers.Act(ctx, "mail", by, s.Incident.ID, channel.Action{Do: channel.Acknowledge, Note: note}); err != nil {
		return err
	}
	return l.keeper.Save(ctx, usedName+hash(token), []byte(l.now().UTC().Format(time.RFC3339)))
}

func (l *Links) used(ctx context.Context, token string) (bool, error) {
	kept, err := l.keeper.LoadAll(ctx, usedName+hash(token))
	return len(kept) > 0, err
}

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:16])
}
