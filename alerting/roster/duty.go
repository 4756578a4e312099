package roster

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Shift has the holders of a role on call in turns. Outside of its shifts, and
// where the turn falls on nobody, all holders of the role are on call: a gap in
// a rota is no reason that nobody hears.
type Shift struct {
	Role string `yaml:"role" json:"role"`
	// People take turns in this order, by id; each has to hold the role.
	People []string `yaml:"people" json:"people"`
	// From is when the first turn of the first of them begins: local time like
	// 2026-11-23 09:00. Before it the shift does not hold.
	From string `yaml:"from" json:"from"`
	// Turn is how long one is on call, 1 h to 31 days. Turns of whole days begin
	// at the same hour of the clock, also where the clock changes.
	Turn time.Duration `yaml:"turn" json:"turn"`
	// Calendar is an iCalendar file in place of people, from and turn: its events
	// are the turns, and the title of each names who has it.
	Calendar string `yaml:"calendar" json:"calendar,omitempty"`
	// Turns are laid out from Calendar by whoever reads it.
	Turns []Turn `yaml:"-" json:"turns,omitempty"`
}

// Turn is one person's time on call, To exclusive.
type Turn struct {
	Person string    `json:"person"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
}

// Away puts somebody in a person's place for a time: leave, illness, a swap.
type Away struct {
	Person string `yaml:"person" json:"person"`
	// From and To bound it: local times like 2026-12-24 09:00, To exclusive.
	From string `yaml:"from" json:"from"`
	To   string `yaml:"to" json:"to"`
	// Substitute hears in their place; empty: nobody does.
	Substitute string `yaml:"substitute,omitempty" json:"substitute,omitempty"`
}

// timeForm is how times stand in a roster.
const timeForm = "2006-01-02 15:04"

const (
	leastTurn = time.Hour
	mostTurn  = 31 * 24 * time.Hour
)

// OnDuty is the roster as it holds at a moment: of a role with a shift only
// whoever's turn it is, in place of those who are away their substitutes. Times
// are read in zone. A role whose holders are all away without a substitute
// keeps them: better a person on leave than nobody.
func (r Roster) OnDuty(at time.Time, zone *time.Location) Roster {
	if len(r.Shifts) == 0 && len(r.Absences) == 0 {
		return r
	}
	out := Roster{People: slices.Clone(r.People), Shifts: r.Shifts, Absences: r.Absences}
	for n := range out.People {
		out.People[n].Roles = nil
	}
	for _, role := range r.roles() {
		for _, id := range r.onDuty(role, at, zone) {
			if n := slices.IndexFunc(out.People, func(p Person) bool { return p.ID == id }); n >= 0 {
				out.People[n].Roles = append(out.People[n].Roles, role)
			}
		}
	}
	return out
}

// Rotas are the roles that somebody takes turns for, sorted.
func (r Roster) Rotas() []string {
	var out []string
	for _, s := range r.Shifts {
		out = append(out, s.Role)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// OnCall are the ids of those who stand for a role at a moment; see OnDuty.
func (r Roster) OnCall(role string, at time.Time, zone *time.Location) []string {
	return r.onDuty(role, at, zone)
}

func (r Roster) roles() []string {
	var out []string
	for _, p := range r.People {
		for _, role := range p.Roles {
			if !slices.Contains(out, role) {
				out = append(out, role)
			}
		}
	}
	return out
}

// onDuty are the ids of those who stand for a role at a moment.
func (r Roster) onDuty(role string, at time.Time, zone *time.Location) []string {
	var holders []string
	for _, p := range r.Holders(role) {
		holders = append(holders, p.ID)
	}
	turn := holders
	for _, s := range r.Shifts {
		if ids := s.at(at, zone); s.Role == role && len(ids) > 0 {
			turn = ids
		}
	}
	if there := r.there(turn, at, zone); len(there) > 0 {
		return there
	}
	if there := r.there(holders, at, zone); len(there) > 0 {
		return there
	}
	return holders
}

// there are those of ids who are not away, or stand in for them.
func (r Roster) there(ids []string, at time.Time, zone *time.Location) []string {
	var out []string
	add := func(id string) {
		if id != "" && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	for _, id := range ids {
		if a, ok := r.away(id, at, zone); ok {
			// Who stands in and is away too has nobody behind: chains end here.
			if _, gone := r.away(a.Substitute, at, zone); !gone {
				add(a.Substitute)
			}
			continue
		}
		add(id)
	}
	return out
}

func (r Roster) away(id string, at time.Time, zone *time.Location) (Away, bool) {
	for _, a := range r.Absences {
		from, err1 := time.ParseInLocation(timeForm, a.From, zone)
		to, err2 := time.ParseInLocation(timeForm, a.To, zone)
		if a.Person == id && err1 == nil && err2 == nil && !at.Before(from) && at.Before(to) {
			return a, true
		}
	}
	return Away{}, false
}

// at is whose turn it is: of a calendar there may be several; nobody before the
// first and in a gap.
func (s Shift) at(at time.Time, zone *time.Location) []string {
	if s.Calendar != "" {
		var ids []string
		for _, t := range s.Turns {
			if !at.Before(t.From) && at.Before(t.To) && !slices.Contains(ids, t.Person) {
				ids = append(ids, t.Person)
			}
		}
		return ids
	}
	from, err := time.ParseInLocation(timeForm, s.From, zone)
	if err != nil || at.Before(from) || s.Turn <= 0 || len(s.People) == 0 {
		return nil
	}
	n := int(at.Sub(from) / s.Turn)
	if days := int(s.Turn / (24 * time.Hour)); s.Turn%(24*time.Hour) == 0 {
		// By the calendar: a day of 23 hours is a day.
		n = max(0, n-1)
		for !at.Before(from.AddDate(0, 0, days*(n+1))) {
			n++
		}
	}
	return s.People[n%len(s.People) : n%len(s.People)+1]
}

func (v *validator) shifts(r Roster) {
	for i, s := range r.Shifts {
		add := func(field, format string, args ...any) {
			v.errs = append(v.errs, fmt.Errorf("shifts[%d].%s: "+format, append([]any{i, field}, args...)...))
		}
		if !slices.Contains(v.roles, s.Role) {
			add("role", "unknown role %q; allowed: %s", s.Role, v.allowed())
		} else if n := slices.IndexFunc(r.Shifts[:i], func(o Shift) bool { return o.Role == s.Role }); n >= 0 {
			add("role", "%q has a shift already, shifts[%d]", s.Role, n)
		}
		if s.Calendar != "" {
			if len(s.People) > 0 || s.From != "" || s.Turn != 0 {
				add("calendar", "says whose turn it is; leave out people, from and turn, or calendar")
			}
			continue
		}
		if len(s.People) == 0 {
			add("people", "is empty; name who takes turns, or a calendar")
		}
		for n, id := range s.People {
			if !slices.ContainsFunc(r.Holders(s.Role), func(p Person) bool { return p.ID == id }) {
				add(fmt.Sprintf("people[%d]", n), "%q holds no role %s", id, s.Role)
			}
		}
		if err := checkTime(s.From); err != nil {
			add("from", "%w", err)
		}
		if s.Turn < leastTurn || s.Turn > mostTurn {
			add("turn", "%v is out of range; allowed: 1h to 744h (31 days)", s.Turn)
		}
	}
	for i, a := range r.Absences {
		add := func(field, format string, args ...any) {
			v.errs = append(v.errs, fmt.Errorf("away[%d].%s: "+format, append([]any{i, field}, args...)...))
		}
		known := func(id string) bool { return slices.ContainsFunc(r.People, func(p Person) bool { return p.ID == id }) }
		if !known(a.Person) {
			add("person", "%q is nobody of this roster", a.Person)
		}
		if a.Substitute != "" && (!known(a.Substitute) || a.Substitute == a.Person) {
			add("substitute", "%q is nobody else of this roster", a.Substitute)
		}
		errs := []error{checkTime(a.From), checkTime(a.To)}
		for n, field := range []string{"from", "to"} {
			if errs[n] != nil {
				add(field, "%w", errs[n])
			}
		}
		if errors.Join(errs...) == nil && a.To <= a.From {
			add("to", "%s is not after %s", a.To, a.From)
		}
	}
}

func checkTime(s string) error {
	if t, err := time.Parse(timeForm, s); err != nil || t.Format(timeForm) != s {
		return fmt.Errorf("%q is not a time; allowed: like 2026-11-23 09:00", s)
	}
	return nil
}
