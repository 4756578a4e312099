package policy

import (
	"embed"
	"iter"
	"slices"
	"strings"
	"time"

	"xunjian/alerting/plan"
)

// Event is what people may be told of.
type Event struct {
	// Type is incident, warning or drill; Kind that of the event.
	Type, Kind   string
	Code, System string
	Level        plan.Level
	At           time.Time
	// Ends says that something is over, which is never kept from people.
	Ends bool
	// Host is where it is, as far as its alerts say.
	Host            string
	Scenario, Cause string
	// Others are the incidents that go on beside it; nil: none are known.
	Others iter.Seq[Other]
}

// Manner is how people are told, beside what the plan says.
type Manner struct {
	// Also are roles that hear beside those that the event is for.
	Also []string
	// Only are the channels that are used, as patterns; nil: all.
	Only []string
	// NotBefore holds the notices back; the zero time: at once.
	NotBefore time.Time
	// Untold: no notice but the journal's.
	Untold bool
	// Why are the grounds, in the order they were found.
	Why []Ground
}

// Ground is why: a code with arguments, which the reader's language turns into a
// sentence.
type Ground struct {
	Code string
	Args map[string]any
}

func (m *Manner) why(code string, args map[string]any) { m.Why = append(m.Why, Ground{code, args}) }

// Policy decides by a configuration. It changes nothing and may be used by
// several at once.
type Policy struct {
	cfg     Config
	zone    *time.Location
	working func(time.Time) bool
}

// New returns the policy of a valid configuration. Times are read in zone;
// working tells the working days of the calendar.
func New(cfg Config, zone *time.Location, working func(time.Time) bool) *Policy {
	return &Policy{cfg, zone, working}
}

// Manner says how people are told of an event.
func (p *Policy) Manner(e Event) Manner {
	var m Manner
	for _, r := range p.cfg.Rules {
		until, ok := p.matches(r.Match, e)
		if !ok {
			continue
		}
		args := map[string]any{"policy": r.Name}
		if len(r.Also) > 0 {
			m.Also = append(m.Also, r.Also...)
			m.why("also", map[string]any{"policy": r.Name, "roles": strings.Join(r.Also, ", ")})
		}
		if len(r.Channels) > 0 {
			m.Only = r.Channels
			m.why("channels", map[string]any{"policy": r.Name, "channels": strings.Join(r.Channels, ", ")})
		}
		switch {
		case (r.Hold || r.Drop) && e.Ends:
			m.why("end_is_told", args)
		case r.Drop:
			m.Untold = true
			m.why("dropped", args)
		case r.Hold && until.After(m.NotBefore):
			m.NotBefore = until
			m.why("held", map[string]any{"policy": r.Name, "until": until})
		}
		if r.Stop {
			m.why("stopped", args)
			break
		}
	}
	for _, in := range p.cfg.Inhibitions {
		if o, ok := in.keepsBack(e); ok && e.Ends {
			m.why("end_is_told", map[string]any{"policy": in.Name})
		} else if ok {
			m.Untold = true
			m.why("inhibited", map[string]any{"policy": in.Name, "incident": o.ID})
		}
	}
	for _, w := range p.cfg.Windows {
		if !p.within(w, e) {
			continue
		}
		args := map[string]any{"window": w.Name, "owner": w.Owner, "until": w.To}
		if e.Ends {
			m.why("end_is_told", map[string]any{"policy": w.Name})
			continue
		}
		m.Untold = true
		m.why("maintenance", args)
	}
	return m
}

// matches reports whether an event is meant, and until when the hours last that
// it falls into.
func (p *Policy) matches(m Match, e Event) (until time.Time, ok bool) {
	if !m.subject().is(e) || len(m.Kinds) > 0 && !slices.Contains(m.Kinds, e.Kind) {
		return time.Time{}, false
	}
	at := e.At.In(p.zone)
	if len(m.Hours) == 0 {
		return time.Time{}, p.day(m.Days, at)
	}
	for _, h := range m.Hours {
		from, to, err := hours(h)
		if err != nil {
			continue
		}
		// Those that began today, and those of yesterday that run over midnight.
		for _, back := range []int{0, 1} {
			day := at.AddDate(0, 0, -back)
			begin, end := clock(day, from), clock(day, to)
			if to <= from {
				end = clock(day.AddDate(0, 0, 1), to)
			}
			if !at.Before(begin) && at.Before(end) && p.day(m.Days, day) && end.After(until) {
				until, ok = end, true
			}
		}
	}
	return until, ok
}

// clock is a time of the wall clock on a day.
func clock(day time.Time, minutes int) time.Time {
	y, m, d := day.Date()
	return time.Date(y, m, d, minutes/60, minutes%60, 0, 0, day.Location())
}

func (p *Policy) day(days []string, at time.Time) bool {
	if len(days) == 0 {
		return true
	}
	return slices.ContainsFunc(days, func(d string) bool {
		switch d {
		case "working":
			return p.working(at)
		case "off":
			return !p.working(at)
		}
		return d == strings.ToLower(at.Weekday().String()[:3])
	})
}

func (p *Policy) within(w Window, e Event) bool {
	from, err1 := time.ParseInLocation(timeForm, w.From, p.zone)
	to, err2 := time.ParseInLocation(timeForm, w.To, p.zone)
	return err1 == nil && err2 == nil && !e.At.Before(from) && e.At.Before(to) && about(w.Systems, w.Codes, e) && !grave(e)
}

// grave incidents are never kept from people: announced work does not take the
// platform away from bidders.
func grave(e Event) bool {
	return e.Type == "incident" && (e.Level == plan.LevelI || e.Level == plan.LevelII)
}

func about(systems, codes []string, e Event) bool {
	return (len(systems) == 0 || slices.Contains(systems, e.System)) && (len(codes) == 0 || slices.Contains(codes, e.Code))
}

// Messages says grounds and refusals.
//
//go:embed messages/*.yaml
var Messages embed.FS
