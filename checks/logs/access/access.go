package access

import (
	"encoding/json"
	"hash/maphash"
	"regexp"
	"strings"
	"time"

	"github.com/corazawaf/coraza/v3"

	"xunjian/checks/logs/archive"
	"xunjian/checks/logs/tail"
)

// Access takes the lines of web servers' access records. Its methods are called
// by one goroutine at a time, as the Tailer does.
type Access struct {
	cfg   Config
	now   func() time.Time
	login *regexp.Regexp

	sites  map[string]*site // by source
	shapes shaper
	seen   *memory
	waf    coraza.WAF
	wafErr error
	// second and spent keep the judging within its rate.
	second int64
	spent  int
	// wake is called when an attack was answered.
	wake func()

	archive Archive
	records []archive.Record
}

// Archive keeps lines; it is *archive.Archive.
type Archive interface {
	Append([]archive.Record) int
}

const (
	maxShapes = 64 << 10
	maxSites  = 64
)

// New returns an Access; now is the clock (nil means time.Now).
func New(cfg Config, now func() time.Time) *Access {
	if now == nil {
		now = time.Now
	}
	a := &Access{cfg: cfg, now: now, sites: map[string]*site{}, shapes: shaper{seed: maphash.MakeSeed()}, seen: newMemory(maxShapes)}
	if cfg.Login != "" {
		a.login, _ = regexp.Compile(cfg.Login) // held by Validate
	}
	return a
}

// Kind is what the kinds of sources begin with whose lines are access records.
const Kind = "access"

// IsAccess tells a source of access records by its kind.
func IsAccess(kind string) bool { return kind == Kind || strings.HasPrefix(kind, Kind+"-") }

// Name is the key of its state.
func (*Access) Name() string { return "access" }

// Wants takes access records.
func (*Access) Wants(s tail.Source) bool { return IsAccess(s.Kind) }

// Take reads lines.
func (a *Access) Take(b tail.Block) {
	s := a.site(b.Source)
	if s == nil {
		return
	}
	for l := range b.Lines() {
		a.line(s, l)
	}
	if len(a.records) > 0 {
		a.archive.Append(a.records)
		a.records = a.records[:0]
	}
}

func (a *Access) site(name string) *site {
	s := a.sites[name]
	if s == nil {
		if len(a.sites) >= maxSites {
			return nil
		}
		s = newSite(a.now())
		s.reader = newReader(a.cfg.formats())
		a.sites[name] = s
	}
	return s
}

func (a *Access) line(s *site, l tail.Line) {
	var e Entry
	if !s.reader.parse(l.Text, &e) {
		if len(l.Text) > 0 && l.Text[0] != '#' {
			s.Unparsed++
		}
		return
	}
	at := s.clock.read(&e)
	if at.IsZero() || at.After(l.Time.Add(time.Hour)) {
		at = l.Time
	}
	s.count(&e, at)
	s.window(&e, at, a.login)
	if s.posted(&e, at, a.cfg.Learn) && a.wake != nil {
		a.wake()
	}
	what := webshellCall(&e)
	if what == nil && suspicious(&e) {
		what = a.suspect(s, &e)
	}
	if what == nil {
		return
	}
	if s.attacked(*what, &e, at) && a.wake != nil {
		a.wake()
	}
	a.keep(s, *what, &e, l, at)
}

// suspect judges a request that is not quite ordinary, unless its like was
// judged before; nil if it is none of an attack, or nobody knows.
func (a *Access) suspect(s *site, e *Entry) *Attack {
	s.Suspicious++
	key := a.shapes.of(e)
	found, known := a.seen.get(key)
	if !known {
		if !a.afford() {
			s.Unjudged++
			return nil
		}
		if found = a.judge(e); found == nil && a.wafErr != nil {
			s.Unjudged++
			return nil
		}
		s.Judged++
		a.seen.put(key, found)
	}
	return found
}

const (
	// AttackEvent is what kept lines of attacks are found by in the archive,
	// with the fields FieldClient, FieldClass and FieldOutcome.
	AttackEvent = "web-attack"
	// FieldClient is the field of the client's address, FieldClass that of the
	// attack's class, and FieldOutcome says answered or refused.
	FieldClient, FieldClass, FieldOutcome = "address", "class", "outcome"
	// keptAnHour bounds the lines of attacks on one log that are kept within an
	// hour: a scanner must not push out what is kept of others.
	keptAnHour = 5000
)

// keep puts the line of an attack into the archive.
func (a *Access) keep(s *site, what Attack, e *Entry, l tail.Line, at time.Time) {
	if a.archive == nil {
		return
	}
	if hour := l.Time.Unix() / 3600; hour != s.keptHour {
		s.keptHour, s.kept = hour, 0
	}
	if s.kept++; s.kept > keptAnHour {
		return
	}
	a.records = append(a.records, archive.Record{
		Received: l.Time, Said: at, Source: l.Source, Kind: "file", Event: AttackEvent,
		Fields: map[string]string{FieldClient: shown(e.Client, 64), FieldClass: what.Class, FieldOutcome: what.outcome(e.Status)},
		Text:   strings.ToValidUTF8(string(l.Text[:min(len(l.Text), archive.MaxText)]), ""),
	})
}

// afford keeps the judging within its rate: somebody who floods with odd
// requests must not take the machine's time as well.
func (a *Access) afford() bool {
	if now := a.now().Unix(); now != a.second {
		a.second, a.spent = now, 0
	}
	a.spent++
	return a.spent <= a.cfg.Rate
}

func (a *Access) judge(e *Entry) *Attack {
	if a.waf == nil && a.wafErr == nil {
		a.waf, a.wafErr = newWAF() // not before there is anything to be judged
	}
	if a.waf == nil {
		return nil
	}
	return judge(a.waf, e)
}

// KeepIn has the lines of attacks kept; nil keeps none.
func (a *Access) KeepIn(in Archive) { a.archive = in }

// Wake has f called when something happens that cannot wait.
func (a *Access) Wake(f func()) { a.wake = f }

// kept is the state.
type kept struct {
	Sites map[string]*site `json:"sites"`
}

// State returns what has to survive.
func (a *Access) State() (json.RawMessage, error) {
	for _, s := range a.sites {
		s.pack()
	}
	return json.Marshal(kept{a.sites})
}

// Restore gives it back.
func (a *Access) Restore(raw json.RawMessage) error {
	var k kept
	if err := json.Unmarshal(raw, &k); err != nil {
		return err
	}
	for name, s := range k.Sites {
		if s == nil || len(a.sites) >= maxSites {
			continue
		}
		fresh := newSite(a.now())
		fresh.unpack(s)
		fresh.reader = newReader(a.cfg.formats())
		a.sites[name] = fresh
	}
	return nil
}
