package incident

import (
	"time"

	"xunjian/alerting/plan"
)

// turn gathers what one tick of the clock causes, each event on top of those
// before it.
type turn struct {
	i   Incident
	env Env
	out []Data
}

func (t *turn) add(d Data) {
	t.out = append(t.out, d)
	t.i = t.i.Apply(Event{Incident: t.i.ID, Version: t.i.Version + 1, At: t.env.Now, Data: d})
}

// tick lets the clock act: a hold ends, the level rises or is told beforehand,
// an acknowledgement lapses, those who are late are reminded.
func (i Incident) tick(env Env) []Data {
	t := turn{i: i, env: env}
	if !t.i.Ended() {
		t.running()
	}
	t.remind()
	return t.out
}

func (t *turn) running() {
	if t.env.Kind != "" && t.env.Kind != t.i.SystemKind {
		t.add(KindChanged{From: t.i.SystemKind, To: t.env.Kind})
	}
	if t.i.Quiet() {
		if t.i.Resolve == ResolveAuto && !t.i.HoldUntil.IsZero() && !t.env.Now.Before(t.i.HoldUntil) {
			t.add(Resolved{Note: NoteAuto})
			return
		}
	} else if t.i.State != Watched {
		t.level(ReasonClock)
		t.announce()
	}
	if t.i.State == Acked && !t.i.AckUntil.IsZero() && !t.env.Now.Before(t.i.AckUntil) {
		t.add(AckLapsed{By: t.i.AckedBy})
	}
}

// level raises the level where the outage, lost or likely, has passed a bound.
// Where the leading group decided, it only says so, once.
func (t *turn) level(reason string) {
	want := t.i.byTable(t.env.Plan, t.env.Now)
	switch {
	case !want.Graver(t.i.ClockLevel) || !want.Graver(t.i.Level):
	case t.i.Decided:
		t.add(LevelAnnounced{To: want, At: t.env.Now, Held: true})
	default:
		t.add(LevelChanged{From: t.i.Level, To: want, Clock: want, Reason: reason})
	}
}

// announce tells the next rise some time before it comes.
func (t *turn) announce() {
	to, at, ok := t.i.Rise(t.env.Plan)
	if ok && t.i.announces(to, t.env.Plan) && !t.env.Now.Before(at.Add(-t.env.Plan.Response.Announce)) {
		t.add(LevelAnnounced{To: to, At: at})
	}
}

// announces reports whether the rise to a level is still to be told.
func (i Incident) announces(to plan.Level, p *plan.Plan) bool {
	return p.Response.Announce > 0 && !i.Decided && to.Graver(i.Announced)
}

// Rise returns to which level the clock raises the incident next, and when,
// unless it is over before; ok is false if never.
func (i Incident) Rise(p *plan.Plan) (to plan.Level, at time.Time, ok bool) {
	if sc, _ := p.Scenario(i.Scenario); sc.NoOutage || i.Ended() || i.Quiet() || i.State == Watched {
		return "", time.Time{}, false
	}
	spent := time.Duration(0)
	for {
		next, after, ok := p.NextLevel(i.SystemKind, spent)
		if !ok {
			return "", time.Time{}, false
		}
		if next.Graver(i.ClockLevel) && next.Graver(i.Level) {
			// Over the bound, not at it: exactly 2 h is still the lower level.
			return next, i.OutageSince.Add(after + time.Millisecond), true
		}
		spent = after + time.Nanosecond
	}
}

// Next returns when the clock has to look at the incident again (the first
// moment at which tick would act); ok is false if never. A change of the
// system's kind is not foreseen: who knows of it ticks.
func (i Incident) Next(env Env) (at time.Time, ok bool) {
	sooner := func(t time.Time) {
		if !ok || t.Before(at) {
			at, ok = t, true
		}
	}
	if !i.Ended() {
		if i.Quiet() && i.Resolve == ResolveAuto && !i.HoldUntil.IsZero() {
			sooner(i.HoldUntil)
		}
		if to, rise, rises := i.Rise(env.Plan); rises {
			sooner(rise)
			if i.announces(to, env.Plan) {
				sooner(rise.Add(-env.Plan.Response.Announce))
			}
		}
		if i.State == Acked && !i.AckUntil.IsZero() {
			sooner(i.AckUntil)
		}
	}
	for _, d := range i.Deadlines(env) {
		if n, reminds := i.nextReminder(d, env.Plan.Response); reminds {
			sooner(d.Moment(n, env.Plan.Response))
		}
	}
	return at, ok
}
