package access

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"time"
)

// Attacker is one client that attacked.
type Attacker struct {
	Client string    `json:"client"`
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
	Count  uint64    `json:"count"`
	// Classes counts the attacks by class.
	Classes map[string]uint64 `json:"classes"`
	// Answered are the attacks that were answered as if they had worked:
	// injection of SQL or code, traversal or a webshell, with a status 2xx.
	Answered     uint64    `json:"answered"`
	LastAnswered time.Time `json:"last_answered,omitzero"`
	// Samples are a few of the requests, one of each class at first, those that
	// were answered before others.
	Samples []Sample `json:"samples"`
}

// Sample is one attack as people read it.
type Sample struct {
	At     time.Time `json:"at"`
	Method string    `json:"method"`
	// Target is decoded.
	Target string `json:"target"`
	Status int    `json:"status"`
	Agent  string `json:"agent"`
	Attack
}

const (
	maxAttackers = 256
	maxSamples   = 8
	// KeepAttackers is how long one is remembered.
	KeepAttackers = 7 * 24 * time.Hour
)

// grave are the classes whose attacks got what they wanted if they were
// answered.
var grave = map[string]bool{"sql": true, "command": true, "php": true, "java": true, "traversal": true, "inclusion": true, "webshell": true}

const answeredWord, refusedWord = "answered", "refused"

// outcome says whether an attack with this answer got what it wanted.
func (a Attack) outcome(status int) string {
	if status >= 200 && status < 300 && grave[a.Class] {
		return answeredWord
	}
	return refusedWord
}

// attacked takes an attack; true if it was answered and the first such one of
// its client for a while.
func (s *site) attacked(a Attack, e *Entry, at time.Time) (grievous bool) {
	outcome := a.outcome(e.Status)
	answered := outcome == answeredWord
	s.Attacks[a.Class+" "+outcome]++
	who := shown(e.Client, 64)
	k := s.Attackers[who]
	if k == nil {
		s.makeRoom(at)
		k = &Attacker{Client: who, First: at, Classes: map[string]uint64{}}
		s.Attackers[who] = k
	}
	if k.Classes == nil {
		k.Classes = map[string]uint64{}
	}
	k.Count++
	k.Classes[a.Class]++
	if at.After(k.Last) {
		k.Last = at
	}
	if answered {
		k.Answered++
		grievous = at.Sub(k.LastAnswered) > time.Minute
		if at.After(k.LastAnswered) {
			k.LastAnswered = at
		}
	}
	k.sample(a, e, at, answered)
	return grievous
}

func (k *Attacker) sample(a Attack, e *Entry, at time.Time, answered bool) {
	of := 0
	for _, s := range k.Samples {
		if s.Class == a.Class {
			of++
		}
	}
	if of >= 2 && !answered || of >= 4 {
		return
	}
	if len(k.Samples) >= maxSamples {
		return
	}
	target := e.Target
	if len(e.Query) > 0 {
		target = bytes.Join([][]byte{e.Target, e.Query}, []byte("?"))
	}
	k.Samples = append(k.Samples, Sample{At: at, Method: shown(e.Method, 16), Target: shown(target, 600), Status: e.Status, Agent: shown(e.Agent, 200), Attack: a})
}

// makeRoom forgets those who came longest ago.
func (s *site) makeRoom(at time.Time) {
	if len(s.Attackers) < maxAttackers {
		return
	}
	list := slices.SortedFunc(maps.Values(s.Attackers), func(a, b *Attacker) int {
		return cmp.Or(cmp.Compare(min(a.Answered, 1), min(b.Answered, 1)), a.Last.Compare(b.Last))
	})
	for n, k := range list {
		if n < maxAttackers/4 || at.Sub(k.Last) > KeepAttackers {
			delete(s.Attackers, k.Client)
		}
	}
}

// NewPost is a page that had never taken a POST.
type NewPost struct {
	Path   string    `json:"path"`
	At     time.Time `json:"at"`
	Client string    `json:"client"`
	Status int       `json:"status"`
}

const (
	maxPosts = 5000
	maxNews  = 20
)

// posted learns which pages take a POST; true for one that is new after the
// time of learning.
func (s *site) posted(e *Entry, at time.Time, learn time.Duration) bool {
	if !bytes.Equal(e.Method, []byte("POST")) || e.Status < 200 || e.Status >= 300 {
		return false
	}
	p := plain(limit(e.Path(), 256))
	if _, known := s.Posts[p]; known {
		return false
	}
	if len(s.Posts) >= maxPosts {
		return false // addresses with something of each person in them: nothing can be told
	}
	s.Posts[p] = at.Unix()
	if at.Sub(s.Since) < learn {
		return false
	}
	if len(s.News) >= maxNews {
		s.News = s.News[1:]
	}
	s.News = append(s.News, NewPost{shown([]byte(p), 256), at, shown(e.Client, 64), e.Status})
	return true
}

// plain is a path with its numbers and long tokens taken out.
func plain(p []byte) string {
	out := make([]byte, 0, len(p))
	for n := 0; n < len(p); {
		end, digits := n, 0
		for end < len(p) && (letter(p[end]) || digit(p[end]) || p[end] == '-') {
			if digit(p[end]) {
				digits++
			}
			end++
		}
		switch {
		case end == n:
			out = append(out, p[n])
			end++
		case digits == end-n, digits >= 3 && end-n >= 8:
			out = append(out, '*')
		default:
			out = append(out, p[n:end]...)
		}
		n = end
	}
	return string(out)
}
