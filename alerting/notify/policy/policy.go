package policy

import (
	"embed"
	"slices"
	"strings"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
)

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
func (p *Policy) Manner(o alerting.Occasion) alerting.Manner {
	var m alerting.Manner
	why := func(code string, args map[string]any) { m.Why = append(m.Why, alerting.Ground{Code: code, Args: args}) }
	for _, r := range p.cfg.Rules {
		until, ok := p.matches(r.Match, o)
		if !ok {
			continue
		}
		args := map[string]any{"policy": r.Name}
		if len(r.Also) > 0 {
			m.Also = append(m.Also, r.Also...)
			why("also", map[string]any{"policy": r.Name, "roles": strings.Join(r.Also, ", ")})
		}
		if len(r.Channels) > 0 {
			m.Only = r.Channels
			why("channels", map[string]any{"policy": r.Name, "channels": strings.Join(r.Channels, ", ")})
		}
		switch {
		case (r.Hold || r.Drop) && o.Ends():
			why("end_is_told", args)
		case r.Drop:
			m.Untold = true
			why("dropped", args)
		case r.Hold && until.After(m.NotBefore):
			m.NotBefore = until
			why("held", map[string]any{"policy": r.Name, "until": until})
		}
		if r.Stop {
			why("stopped", args)
			break
		}
	}
	for _, w := range p.cfg.Windows {
		if !p.within(w, o) {
			continue
		}
		args := map[string]any{"window": w.Name, "owner": w.Owner, "until": w.To}
		if o.Ends() {
			why("end_is_told", map[string]any{"policy": w.Name})
			continue
		}
		m.Untold = true
		why("maintenance", args)
	}
	return m
}

// Type is the word of policies for what an incident is.
func Type(o alerting.Occasion) string {
	switch {
	case o.Incident.Drill:
		return "drill"
	case o.Incident.State == incident.Watched || o.Incident.State == incident.Gone:
		return "warning"
	}
	return "incident"
}

// matches reports whether an event is meant, and until when the hours last that
// it falls into.
func (p *Policy) matches(m Match, o alerting.Occasion) (until time.Time, ok bool) {
	i := o.Incident
	switch {
	case len(m.Types) > 0 && !slices.Contains(m.Types, Type(o)),
		len(m.Codes) > 0 && !slices.Contains(m.Codes, i.Code),
		len(m.Levels) > 0 && !slices.Contains(m.Levels, i.Level),
		len(m.Systems) > 0 && !slices.Contains(m.Systems, i.System),
		len(m.Kinds) > 0 && !slices.Contains(m.Kinds, o.Kind):
		return time.Time{}, false
	}
	at := o.At.In(p.zone)
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

func (p *Policy) within(w Window, o alerting.Occasion) bool {
	from, err1 := time.ParseInLocation(timeForm, w.From, p.zone)
	to, err2 := time.ParseInLocation(timeForm, w.To, p.zone)
	return err1 == nil && err2 == nil && !o.At.Before(from) && o.At.Before(to) && about(w.Systems, w.Codes, o) && !grave(o)
}

// grave incidents are never kept from people: announced work does not take the
// platform away from bidders.
func grave(o alerting.Occasion) bool {
	return Type(o) == "incident" && (o.Incident.Level == plan.LevelI || o.Incident.Level == plan.LevelII)
}

func about(systems, codes []string, o alerting.Occasion) bool {
	return (len(systems) == 0 || slices.Contains(systems, o.Incident.System)) && (len(codes) == 0 || slices.Contains(codes, o.Incident.Code))
}

// Messages says grounds and refusals.
//
//go:embed messages/*.yaml
var Messages embed.FS
