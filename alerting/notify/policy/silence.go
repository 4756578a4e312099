package policy

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Silence keeps notices about something back for a while, because a person says
// so.
type Silence struct {
	ID string `json:"id"`
	// Systems and Codes say of what; one of them at least.
	Systems []string `json:"systems,omitempty"`
	Codes   []string `json:"codes,omitempty"`
	Reason  string   `json:"reason"`
	// Owner is the account that made it, which answers for it.
	Owner string    `json:"owner"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	// EndedBy is who ended it before its time.
	EndedBy string `json:"ended_by,omitempty"`
}

// Keeper keeps small things by name.
type Keeper interface {
	LoadAll(ctx context.Context, prefix string) (map[string][]byte, error)
	Save(ctx context.Context, name string, body []byte) error
}

// The limits of silences.
const (
	MaxSilence  = 24 * time.Hour
	maxReason   = 1000
	keptFor     = 30 * 24 * time.Hour
	silencesKey = "silences"
)

// The refusals of silences, as codes.
var (
	ErrNoSilence = errors.New("there is no such silence in force")
)

// Refusal says what is wrong with a silence: a code with arguments, and the
// field.
type Refusal struct {
	Code, Field string
	Args        map[string]any
}

func (r *Refusal) Error() string { return fmt.Sprintf("%s: %s %v", r.Field, r.Code, r.Args) }

// Silences are those in force. They are kept over a restart.
type Silences struct {
	keeper Keeper
	now    func() time.Time

	mu   sync.Mutex
	list map[string]Silence
}

// LoadSilences reads what was kept.
func LoadSilences(ctx context.Context, k Keeper, now func() time.Time) (*Silences, error) {
	s := &Silences{keeper: k, now: now, list: map[string]Silence{}}
	kept, err := k.LoadAll(ctx, silencesKey)
	if err != nil {
		return nil, fmt.Errorf("read the silences: %w", err)
	}
	if body := kept[silencesKey]; len(body) > 0 {
		if err := json.Unmarshal(body, &s.list); err != nil {
			return nil, fmt.Errorf("read the silences: %w", err)
		}
	}
	return s, nil
}

// Add makes a silence of at most a day; it is in force when Add returns.
func (s *Silences) Add(ctx context.Context, in Silence) (Silence, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now().UTC().Truncate(time.Second)
	in.Reason = strings.TrimSpace(in.Reason)
	switch {
	case len(in.Systems) == 0 && len(in.Codes) == 0:
		return Silence{}, &Refusal{"silence_of_all", "codes", nil}
	case in.Reason == "":
		return Silence{}, &Refusal{"silence_reason", "reason", nil}
	case len(in.Reason) > maxReason:
		return Silence{}, &Refusal{"text_too_long", "reason", map[string]any{"max": maxReason}}
	case !in.To.After(now) || in.To.Sub(now) > MaxSilence:
		return Silence{}, &Refusal{"silence_end", "to", map[string]any{"max": MaxSilence.Seconds()}}
	}
	in.ID, in.From, in.To, in.EndedBy = "SIL-"+rand.Text()[:10], now, in.To.UTC().Truncate(time.Second), ""
	return in, s.keep(ctx, in)
}

// End ends one before its time.
func (s *Silences) End(ctx context.Context, id, by string) (Silence, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.list[id]
	now := s.now().UTC().Truncate(time.Second)
	if !ok || !now.Before(one.To) {
		return Silence{}, ErrNoSilence
	}
	one.To, one.EndedBy = now, by
	return one, s.keep(ctx, one)
}

// keep writes them all, with one changed; those that ended long ago are left
// out.
func (s *Silences) keep(ctx context.Context, one Silence) error {
	next := maps.Clone(s.list)
	next[one.ID] = one
	now := s.now()
	maps.DeleteFunc(next, func(_ string, o Silence) bool { return now.Sub(o.To) > keptFor })
	body, err := json.Marshal(next)
	if err != nil {
		return err
	}
	if err := s.keeper.Save(ctx, silencesKey, body); err != nil {
		return fmt.Errorf("keep the silences: %w", err)
	}
	s.list = next
	return nil
}

// List returns them, those in force first, then the newest.
func (s *Silences) List() []Silence {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.list), func(a, b Silence) int { return b.To.Compare(a.To) })
}

// Manner adds the silences to what a policy said.
func (s *Silences) Manner(e Event, m Manner) Manner {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.list)) {
		one := s.list[id]
		if e.At.Before(one.From) || !e.At.Before(one.To) || !about(one.Systems, one.Codes, e) {
			continue
		}
		args := map[string]any{"silence": one.ID, "owner": one.Owner, "until": one.To, "reason": one.Reason}
		if e.Ends || grave(e) {
			m.why("louder_than_silence", args)
			continue
		}
		m.Untold = true
		m.why("silenced", args)
	}
	return m
}
