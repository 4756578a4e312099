package inspection

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"xunjian/alerting/plan"
)

// Verdict is what an item comes to.
type Verdict string

// The verdicts.
const (
	Normal        Verdict = "normal"
	Attention     Verdict = "attention"
	Abnormal      Verdict = "abnormal"
	Unknown       Verdict = "unknown"        // it was looked at and could not be told
	NotInspected  Verdict = "not_inspected"  // nobody looked
	NotApplicable Verdict = "not_applicable" // there is nothing of the kind here
)

// Verdicts lists them from the least to the one that needs a person most.
var Verdicts = []Verdict{NotApplicable, Normal, Attention, NotInspected, Unknown, Abnormal}

// Worse reports whether v needs a person more than w does.
func (v Verdict) Worse(w Verdict) bool {
	return slices.Index(Verdicts, v) > slices.Index(Verdicts, w)
}

// Settled reports whether nothing is left to do about it.
func (v Verdict) Settled() bool { return v == Normal || v == NotApplicable }

// Reason says why an item has its verdict: a code with arguments, which the
// reader's language turns into a sentence.
type Reason struct {
	Code    string         `json:"code"`
	Args    map[string]any `json:"args,omitempty"`
	Verdict Verdict        `json:"verdict"`
	// Check and Subject are what it is said of.
	Check   string `json:"check,omitempty"`
	Subject string `json:"subject,omitempty"`
}

// Value is one number behind a verdict.
type Value struct {
	Figure  string  `json:"figure"`
	Subject string  `json:"subject,omitempty"`
	Value   float64 `json:"value"`
	Verdict Verdict `json:"verdict"`
}

// Outcome is what became of one item.
type Outcome struct {
	Item    string  `json:"item"`
	Verdict Verdict `json:"verdict"`
	// Before is the verdict in the round before this one, empty if there was
	// none.
	Before  Verdict  `json:"before,omitempty"`
	Reasons []Reason `json:"reasons,omitempty"`
	Values  []Value  `json:"values,omitempty"`
	// Covered is the share of the period in which its checks looked, 0 to 1;
	// negative where no check belongs to it.
	Covered float64 `json:"covered"`
	// Asked means that a person has to say what it is.
	Asked bool `json:"asked,omitempty"`
	// By, At and Note are the person's who said it.
	By   string    `json:"by,omitempty"`
	At   time.Time `json:"at,omitzero"`
	Note string    `json:"note,omitempty"`
	// Files are what people attached, of all answers.
	Files []Attachment `json:"files,omitempty"`
	// Incident is the warning or incident that was opened about it.
	Incident string `json:"incident,omitempty"`
}

// Signature is a person's word for a round.
type Signature struct {
	By   string    `json:"by"`
	At   time.Time `json:"at"`
	Note string    `json:"note,omitempty"`
}

// Occasion is the bid opening that a round was made before.
type Occasion struct {
	Key     string    `json:"key"`
	Title   string    `json:"title"`
	Start   time.Time `json:"start"`
	Systems []string  `json:"systems,omitempty"`
}

// Round is one run of a form: the fold of its events.
type Round struct {
	ID      string `json:"id"`
	Version int    `json:"version"`
	// Form is as it was when the round was opened.
	Form Form `json:"form"`
	// Due is when it was to be made; From and To are the period.
	Due    time.Time `json:"due"`
	Opened time.Time `json:"opened"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	// Late means that the machine was off when it was due.
	Late bool `json:"late,omitempty"`
	// Missed is how many were due before it and are not made up for.
	Missed    int       `json:"missed,omitempty"`
	Occasion  *Occasion `json:"occasion,omitempty"`
	StartedBy string    `json:"started_by"`
	Outcomes  []Outcome `json:"outcomes"`
	// Inspector signs first, Reviewer after him, another person.
	Inspector *Signature `json:"inspector,omitempty"`
	Reviewer  *Signature `json:"reviewer,omitempty"`
	// Reminder is the warning by which people were told that it waits for a
	// signature.
	Reminder string `json:"reminder,omitempty"`
}

// Outcome returns what became of an item.
func (r *Round) Outcome(item string) (Outcome, bool) {
	for _, o := range r.Outcomes {
		if o.Item == item {
			return o, true
		}
	}
	return Outcome{}, false
}

// Worst is the verdict of the whole round.
func (r *Round) Worst() Verdict {
	worst := NotApplicable
	for _, o := range r.Outcomes {
		if o.Verdict.Worse(worst) {
			worst = o.Verdict
		}
	}
	return worst
}

// Green reports whether every item is normal or there is nothing of its kind.
func (r *Round) Green() bool { return len(r.Outcomes) > 0 && r.Worst().Settled() }

// Count counts the items of a verdict.
func (r *Round) Count(v Verdict) int {
	n := 0
	for _, o := range r.Outcomes {
		if o.Verdict == v {
			n++
		}
	}
	return n
}

// Done reports whether nobody is waited for any more.
func (r *Round) Done() bool {
	return r.Inspector != nil || r.Form.GreenUnsigned && r.Green() || r.Form.SignWithin == 0 && r.Occasion == nil && len(r.Outcomes) > 0
}

// SignBy is the moment by which it is to be signed, the zero time if it need
// not be: before an opening, the opening itself at the latest.
func (r *Round) SignBy() time.Time {
	var by time.Time
	if r.Form.SignWithin > 0 {
		by = r.Opened.Add(r.Form.SignWithin)
	}
	if o := r.Occasion; o != nil && (by.IsZero() || o.Start.Before(by)) {
		by = o.Start
	}
	return by
}

// Event is one change of a round.
type Event struct {
	Round   string    `json:"round"`
	Version int       `json:"version"`
	At      time.Time `json:"at"`
	// By is the login, or the host's name for what the agent does itself; Via
	// is the way in: console, api, clock.
	By   string `json:"by"`
	Via  string `json:"via"`
	Data Data   `json:"data"`
	// Prev and Hash chain it to the event before it in the store.
	Prev string `json:"prev,omitempty"`
	Hash string `json:"hash,omitempty"`
}

// Data is the content of an event; one type for each kind.
type Data interface {
	// Kind is the stable word stored.
	Kind() string
	apply(*Round, Event)
}

type (
	// Opened is the first event.
	Opened struct {
		Form     Form      `json:"form"`
		Due      time.Time `json:"due"`
		From     time.Time `json:"from"`
		To       time.Time `json:"to"`
		Late     bool      `json:"late,omitempty"`
		Missed   int       `json:"missed,omitempty"`
		Occasion *Occasion `json:"occasion,omitempty"`
		// Outcomes are what the machine found.
		Outcomes []Outcome `json:"outcomes"`
	}
	// Judged is the machine looking again; what people said stays.
	Judged struct {
		To       time.Time `json:"to"`
		Outcomes []Outcome `json:"outcomes"`
	}
	// Answered is a person's word on an item.
	Answered struct {
		Item    string       `json:"item"`
		Verdict Verdict      `json:"verdict"`
		Note    string       `json:"note,omitempty"`
		Files   []Attachment `json:"files,omitempty"`
	}
	// Raised says that a warning or an incident was opened about an item.
	Raised struct {
		Item     string `json:"item"`
		Incident string `json:"incident"`
	}
	// Signed is a signature.
	Signed struct {
		As   string `json:"as"` // "inspector" or "reviewer"
		Note string `json:"note,omitempty"`
	}
	// Reminded says that people were told that it waits.
	Reminded struct {
		Incident string `json:"incident"`
	}
)

// Kind of the event.
func (Opened) Kind() string { return "opened" }

// Kind of the event.
func (Judged) Kind() string { return "judged" }

// Kind of the event.
func (Answered) Kind() string { return "answered" }

// Kind of the event.
func (Raised) Kind() string { return "raised" }

// Kind of the event.
func (Signed) Kind() string { return "signed" }

// Kind of the event.
func (Reminded) Kind() string { return "reminded" }

func (d Opened) apply(r *Round, e Event) {
	*r = Round{
		ID: e.Round, Form: d.Form, Due: d.Due, Opened: e.At, From: d.From, To: d.To, Late: d.Late, Missed: d.Missed,
		Occasion: d.Occasion, StartedBy: e.By, Outcomes: slices.Clone(d.Outcomes),
	}
}

func (d Judged) apply(r *Round, _ Event) {
	r.To = d.To
	for n, o := range r.Outcomes {
		k := slices.IndexFunc(d.Outcomes, func(fresh Outcome) bool { return fresh.Item == o.Item })
		if k < 0 || o.By != "" {
			continue
		}
		fresh := d.Outcomes[k]
		fresh.Before, fresh.Incident = o.Before, o.Incident
		r.Outcomes[n] = fresh
	}
}

func (d Answered) apply(r *Round, e Event) {
	r.change(d.Item, func(o *Outcome) {
		o.Verdict, o.Note, o.By, o.At = d.Verdict, d.Note, e.By, e.At
		o.Files = slices.Concat(o.Files, d.Files)
	})
}

func (d Raised) apply(r *Round, _ Event) {
	r.change(d.Item, func(o *Outcome) { o.Incident = d.Incident })
}

func (d Signed) apply(r *Round, e Event) {
	s := &Signature{By: e.By, At: e.At, Note: d.Note}
	if d.As == Reviewer {
		r.Reviewer = s
		return
	}
	r.Inspector = s
}

func (d Reminded) apply(r *Round, _ Event) { r.Reminder = d.Incident }

func (r *Round) change(item string, f func(*Outcome)) {
	for n := range r.Outcomes {
		if r.Outcomes[n].Item == item {
			f(&r.Outcomes[n])
		}
	}
}

// The two who sign.
const (
	Inspector = "inspector" // 巡检人
	Reviewer  = "reviewer"  // 复核人
)

// Apply returns the round after e.
func (r Round) Apply(e Event) Round {
	r.Outcomes = slices.Clone(r.Outcomes)
	e.Data.apply(&r, e)
	r.Version = e.Version
	return r
}

// Fold returns the round that events make, in order.
func Fold(events []Event) Round {
	var r Round
	for _, e := range events {
		r = r.Apply(e)
	}
	return r
}

// EncodeData writes an event's content for the store.
func EncodeData(d Data) (kind string, body []byte, err error) {
	body, err = json.Marshal(d)
	return d.Kind(), body, err
}

// DecodeData reads what EncodeData wrote.
func DecodeData(kind string, body []byte) (Data, error) {
	switch kind {
	case "opened":
		return decode[Opened](body)
	case "judged":
		return decode[Judged](body)
	case "answered":
		return decode[Answered](body)
	case "raised":
		return decode[Raised](body)
	case "signed":
		return decode[Signed](body)
	case "reminded":
		return decode[Reminded](body)
	}
	return nil, fmt.Errorf("unknown kind of a round's event %q; it was written by a newer version", kind)
}

func decode[D Data](body []byte) (Data, error) {
	var d D
	err := json.Unmarshal(body, &d)
	return d, err
}

// title is the form's with the occasion's.
func (r *Round) title() plan.Text {
	t := r.Form.Title
	if r.Occasion != nil {
		t.ZH, t.EN = t.ZH+"（"+r.Occasion.Title+"）", t.EN+" ("+r.Occasion.Title+")"
	}
	return t
}
