package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"xunjian/alerting/plan"
)

// Command is what somebody or something wants done with an incident.
type Command interface{ command() }

// The commands. Texts are bounded by MaxText bytes.
type (
	// Fire says that an alert fires (again).
	Fire AlertJoined
	// End says that an alert's condition is over: measured, and good.
	End struct{ Alert string }
	// Lose says that an alert's data is gone.
	Lose struct{ Alert string }
	// Attach refers to evidence that was taken.
	Attach EvidenceTaken
	// Acknowledge takes an incident in hand; Note says what is being done.
	Acknowledge struct{ Note string }
	// Comment adds a remark.
	Comment struct{ Text string }
	// Assign gives the work to a person.
	Assign struct{ To, Note string }
	// SetLevel sets the level, with the reason (Art. 8).
	SetLevel struct {
		Level  plan.Level
		Reason string
	}
	// SetStep marks a playbook step "done" or "skipped"; skipping needs a note.
	SetStep struct{ Step, State, Note string }
	// Resolve ends an incident. While an alert fires or its data is lost, the
	// note must say why.
	Resolve struct{ Note string }
	// Reopen opens an ended incident again, with the reason.
	Reopen struct{ Reason string }
	// MarkFalseAlarm ends an incident that was none, with the reason.
	MarkFalseAlarm struct{ Reason string }
	// Tick lets the clock act: levels rise, holds end.
	Tick struct{}
)

func (Fire) command()           {}
func (End) command()            {}
func (Lose) command()           {}
func (Attach) command()         {}
func (Acknowledge) command()    {}
func (Comment) command()        {}
func (Assign) command()         {}
func (SetLevel) command()       {}
func (SetStep) command()        {}
func (Resolve) command()        {}
func (Reopen) command()         {}
func (MarkFalseAlarm) command() {}
func (Tick) command()           {}

// MaxText bounds what a person can write into one event, in bytes.
const MaxText = 4096

// Refusal is why a command was not carried out: a code with arguments, said
// in the reader's language at the edge.
type Refusal struct {
	Code string // incident.refused.<Code> in the message files
	Args map[string]any
}

// Error says the refusal in English for logs.
func (r *Refusal) Error() string {
	if len(r.Args) == 0 {
		return "refused: " + strings.ReplaceAll(r.Code, "_", " ")
	}
	return fmt.Sprintf("refused: %s %v", strings.ReplaceAll(r.Code, "_", " "), r.Args)
}

func refuse(code string, args ...any) error {
	r := &Refusal{Code: code}
	for i := 0; i+1 < len(args); i += 2 {
		if r.Args == nil {
			r.Args = map[string]any{}
		}
		r.Args[args[i].(string)] = args[i+1]
	}
	return r
}

// Env is what a decision looks at besides the incident.
type Env struct {
	Plan *plan.Plan
	Now  time.Time
}

// Decide returns the events that follow from a command, in order; none when
// there is nothing to change. It returns a *Refusal when the command may not
// be carried out. It is pure: the same arguments, the same answer.
func Decide(i Incident, cmd Command, env Env) ([]Data, error) {
	switch c := cmd.(type) {
	case Fire:
		return i.fire(AlertJoined(c), env), nil
	case End:
		return i.end(c.Alert, env), nil
	case Lose:
		if i.Alerts[c.Alert].State != AlertFiring {
			return nil, nil
		}
		return []Data{AlertLost(c)}, nil
	case Attach:
		return []Data{EvidenceTaken(c)}, nil
	case Tick:
		return i.tick(env), nil
	case Comment:
		return one(Commented(c), Need("text", c.Text))
	case Reopen:
		if !i.Ended() {
			return nil, refuse("not_ended")
		}
		return one(Reopened(c), Need("reason", c.Reason))
	}
	if i.Ended() {
		return nil, refuse("already_ended", "state", string(i.State))
	}
	return i.handle(cmd, env)
}

// handle decides the commands of people who work on a running incident.
func (i Incident) handle(cmd Command, env Env) ([]Data, error) {
	switch c := cmd.(type) {
	case Acknowledge:
		if i.State == Acked {
			return nil, refuse("already_acknowledged", "by", i.AckedBy)
		}
		return one(Acknowledged(c), Need("note", c.Note))
	case Assign:
		return one(Assigned(c), Need("to", c.To), fits("note", c.Note))
	case SetLevel:
		return i.setLevel(c, env)
	case SetStep:
		return i.setStep(c, env)
	case Resolve:
		if len(i.Alerts) > 0 && !i.Quiet() && strings.TrimSpace(c.Note) == "" {
			return nil, refuse("still_firing")
		}
		return one(Resolved(c), fits("note", c.Note))
	case MarkFalseAlarm:
		return one(FalseAlarm(c), Need("reason", c.Reason))
	}
	return nil, refuse("unknown_command")
}

// one is a single event, unless something forbids it.
func one(d Data, forbidden ...error) ([]Data, error) {
	for _, err := range forbidden {
		if err != nil {
			return nil, err
		}
	}
	return []Data{d}, nil
}

// Need refuses an empty or oversized text.
func Need(field, text string) error {
	if strings.TrimSpace(text) == "" {
		return refuse("text_missing", "field", field)
	}
	return fits(field, text)
}

func fits(field, text string) error {
	if len(text) > MaxText {
		return refuse("text_too_long", "field", field, "max", MaxText)
	}
	return nil
}

func (i Incident) setLevel(c SetLevel, env Env) ([]Data, error) {
	if !c.Level.Valid() {
		return nil, refuse("unknown_level", "level", string(c.Level))
	}
	if err := Need("reason", c.Reason); err != nil {
		return nil, err
	}
	if c.Level == i.Level {
		return nil, nil
	}
	clock := env.Plan.LevelFor(i.SystemKind, i.Outage(env.Now))
	return []Data{LevelChanged{i.Level, c.Level, clock, c.Reason}}, nil
}

func (i Incident) setStep(c SetStep, env Env) ([]Data, error) {
	s, ok := env.Plan.Scenario(i.Scenario)
	if !ok || !slices.ContainsFunc(s.AllSteps(), func(st plan.Step) bool { return st.ID == c.Step }) {
		return nil, refuse("unknown_step", "step", c.Step)
	}
	switch c.State {
	case "done":
		return one(StepChanged(c), fits("note", c.Note))
	case "skipped":
		return one(StepChanged(c), Need("note", c.Note))
	}
	return nil, refuse("unknown_step_state", "state", c.State)
}

// fire adds an alert, or takes note that it fires again. A fold that already
// has it firing needs nothing: a repeat adds to an incident once.
func (i Incident) fire(a AlertJoined, env Env) []Data {
	if i.Alerts[a.Alert].State == AlertFiring && !i.Ended() {
		return nil
	}
	var out []Data
	if i.Ended() {
		out = append(out, Reopened{Reason: ReasonAgain})
	}
	return append(out, a)
}

// end takes note that an alert is over and, where the rule's word is that the
// incident may resolve by itself, resolves it: at once, or after a hold if it
// flaps.
func (i Incident) end(alert string, env Env) []Data {
	a, ok := i.Alerts[alert]
	if !ok || a.State == AlertIsOver {
		return nil
	}
	out := []Data{AlertEnded{Alert: alert}}
	after := i.Apply(Event{Incident: i.ID, Version: i.Version + 1, At: env.Now, Data: out[0]})
	if i.Ended() || !after.Quiet() || i.Resolve != ResolveAuto {
		return out
	}
	if hold := after.hold(env.Now); hold > 0 {
		return append(out, Flapping{Ends: len(after.recentQuiets(env.Now)), Hold: hold})
	}
	return append(out, Resolved{Note: NoteAuto})
}

// The words of Opened.Resolve.
const (
	ResolveAuto   = "auto"
	ResolveManual = "manual"
)

// What stands in place of a person's words in events that nobody made:
// message codes.
const (
	NoteAuto    = "incident.auto_resolved"
	ReasonAgain = "incident.alert_again"
	ReasonClock = "incident.level_by_clock"
)

// ReopenWithin is how long after its end an incident is opened again by its
// own alert; later the alert opens a new one.
const ReopenWithin = 15 * time.Minute

// A third end within flapWindow is flapping: the incident is then held open
// for flapHold, doubled with each further end, at most flapHoldMax.
const (
	flapWindow  = time.Hour
	flapEnds    = 3
	flapHold    = 5 * time.Minute
	flapHoldMax = time.Hour
	maxQuiets   = 16
)

func (i Incident) recentQuiets(now time.Time) []time.Time {
	from := slices.IndexFunc(i.Quiets, func(t time.Time) bool { return now.Sub(t) <= flapWindow })
	if from < 0 {
		return nil
	}
	return i.Quiets[from:]
}

// hold returns for how long a quiet incident is still held open at now.
func (i Incident) hold(now time.Time) time.Duration {
	n := len(i.recentQuiets(now))
	if n < flapEnds {
		return 0
	}
	return min(flapHoldMax, flapHold<<(n-flapEnds))
}

// tick lets the clock raise the level and end a hold.
func (i Incident) tick(env Env) []Data {
	if i.Ended() {
		return nil
	}
	if i.Quiet() {
		if i.Resolve == ResolveAuto && !i.HoldUntil.IsZero() && !env.Now.Before(i.HoldUntil) {
			return []Data{Resolved{Note: NoteAuto}}
		}
		return nil
	}
	want := env.Plan.LevelFor(i.SystemKind, i.Outage(env.Now))
	if !want.Graver(i.ClockLevel) || !want.Graver(i.Level) {
		return nil
	}
	return []Data{LevelChanged{i.Level, want, want, ReasonClock}}
}

// Next returns when the clock has to look at the incident again (the first
// moment at which tick would act); ok is false if never.
func (i Incident) Next(p *plan.Plan) (at time.Time, ok bool) {
	switch {
	case i.Ended():
		return time.Time{}, false
	case i.Quiet():
		return i.HoldUntil, i.Resolve == ResolveAuto && !i.HoldUntil.IsZero()
	}
	spent := time.Duration(0)
	for {
		next, after, ok := p.NextLevel(i.SystemKind, spent)
		if !ok {
			return time.Time{}, false
		}
		if next.Graver(i.ClockLevel) && next.Graver(i.Level) {
			// Over the bound, not at it: exactly 2 h is still the lower level.
			return i.OutageSince.Add(after + time.Millisecond), true
		}
		spent = after + time.Nanosecond
	}
}
