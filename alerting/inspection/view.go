package inspection

import (
	"embed"
	"time"
)

// Messages says rounds, their verdicts and reasons.
//
//go:embed messages/*.yaml
var Messages embed.FS

// Speaker says messages in the reader's language.
type Speaker interface {
	T(id string, args map[string]any) string
	Lang() string
}

// RoundView is a round as people read it, in one language.
type RoundView struct {
	ID      string `json:"id"`
	Version int    `json:"version"`
	Form    string `json:"form"`
	Title   string `json:"title"`
	// Verdict is the worst of all items, VerdictName its word.
	Verdict     Verdict `json:"verdict"`
	VerdictName string  `json:"verdict_name"`
	// Counts are how many items came to each verdict.
	Counts map[Verdict]int `json:"counts"`
	Due    time.Time       `json:"due"`
	Opened time.Time       `json:"opened"`
	From   time.Time       `json:"from"`
	To     time.Time       `json:"to"`
	Late   bool            `json:"late"`
	Missed int             `json:"missed"`
	// Done means that nobody is waited for; SignBy is when it should be signed.
	Done      bool        `json:"done"`
	SignBy    time.Time   `json:"sign_by,omitzero"`
	Overdue   bool        `json:"overdue"`
	Occasion  *Occasion   `json:"occasion,omitempty"`
	StartedBy string      `json:"started_by"`
	Inspector *Signature  `json:"inspector,omitempty"`
	Reviewer  *Signature  `json:"reviewer,omitempty"`
	Reminder  string      `json:"reminder,omitempty"`
	Groups    []GroupView `json:"groups"`
}

// GroupView is a heading with its items.
type GroupView struct {
	ID    string     `json:"id"`
	Title string     `json:"title"`
	Items []ItemView `json:"items"`
}

// ItemView is what became of one item.
type ItemView struct {
	ID          string  `json:"id"`
	Title       string  `json:"title"`
	Verdict     Verdict `json:"verdict"`
	VerdictName string  `json:"verdict_name"`
	// Before is the verdict of the round before, where it was another.
	Before     Verdict `json:"before,omitempty"`
	BeforeName string  `json:"before_name,omitempty"`
	// Covered is the share of the period in which its checks looked, 0 to 1;
	// negative where no check belongs to it.
	Covered  float64      `json:"covered"`
	Reasons  []ReasonView `json:"reasons"`
	Values   []ValueView  `json:"values"`
	Asked    bool         `json:"asked"`
	Question string       `json:"question,omitempty"`
	IfFails  string       `json:"if_fails,omitempty"`
	By       string       `json:"by,omitempty"`
	At       time.Time    `json:"at,omitzero"`
	Note     string       `json:"note,omitempty"`
	Files    []Attachment `json:"files,omitempty"`
	Incident string       `json:"incident,omitempty"`
}

// ReasonView says why an item has its verdict.
type ReasonView struct {
	Code    string  `json:"code"`
	Verdict Verdict `json:"verdict"`
	Check   string  `json:"check,omitempty"`
	Subject string  `json:"subject,omitempty"`
	Text    string  `json:"text"`
}

// ValueView is one number behind a verdict.
type ValueView struct {
	Figure  string  `json:"figure"`
	Title   string  `json:"title"`
	Subject string  `json:"subject,omitempty"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Text    string  `json:"text"`
	Verdict Verdict `json:"verdict"`
}

// Shown says a round to a reader, at a moment.
func (r *Round) Shown(say Speaker, now time.Time) RoundView {
	lang := say.Lang()
	v := RoundView{
		ID: r.ID, Version: r.Version, Form: r.Form.ID, Title: r.title().In(lang), Verdict: r.Worst(), Counts: map[Verdict]int{},
		Due: r.Due, Opened: r.Opened, From: r.From, To: r.To, Late: r.Late, Missed: r.Missed, Done: r.Done(), SignBy: r.SignBy(),
		Occasion: r.Occasion, StartedBy: r.StartedBy, Inspector: r.Inspector, Reviewer: r.Reviewer, Reminder: r.Reminder,
	}
	v.VerdictName = Word(say, v.Verdict)
	v.Overdue = !v.Done && !v.SignBy.IsZero() && !now.Before(v.SignBy)
	for _, o := range r.Outcomes {
		v.Counts[o.Verdict]++
	}
	for _, g := range r.Form.Groups {
		group := GroupView{ID: g.ID, Title: g.Title.In(lang)}
		for _, i := range g.Items {
			o, _ := r.Outcome(i.ID)
			group.Items = append(group.Items, shownItem(say, i, o))
		}
		v.Groups = append(v.Groups, group)
	}
	return v
}

// Word is the word for a verdict.
func Word(say Speaker, v Verdict) string { return say.T("round.verdict."+string(v), nil) }

func shownItem(say Speaker, i Item, o Outcome) ItemView {
	lang := say.Lang()
	v := ItemView{
		ID: i.ID, Title: i.Title.In(lang), Verdict: o.Verdict, VerdictName: Word(say, o.Verdict), Covered: o.Covered,
		Reasons: []ReasonView{}, Values: []ValueView{}, Asked: o.Asked, Question: i.Ask.In(lang), IfFails: i.IfFails.In(lang),
		By: o.By, At: o.At, Note: o.Note, Files: o.Files, Incident: o.Incident,
	}
	if o.Before != "" && o.Before != o.Verdict {
		v.Before, v.BeforeName = o.Before, Word(say, o.Before)
	}
	for _, why := range o.Reasons {
		about := why.Subject
		if why.Check == "" && about != "" { // a figure
			about = i.figure(about).Title.In(lang)
		}
		v.Reasons = append(v.Reasons, ReasonView{
			Code: why.Code, Verdict: why.Verdict, Check: why.Check, Subject: about, Text: say.T(why.Code, why.Args),
		})
	}
	for _, n := range o.Values {
		f := i.figure(n.Figure)
		v.Values = append(v.Values, ValueView{
			Figure: n.Figure, Title: f.Title.In(lang), Subject: n.Subject, Value: n.Value, Unit: f.Unit, Verdict: n.Verdict,
			Text: say.T("round.value."+f.Unit, map[string]any{"value": n.Value, "seconds": n.Value}),
		})
	}
	return v
}

func (i Item) figure(id string) Figure {
	for _, f := range i.Figures {
		if f.ID == id {
			return f
		}
	}
	return Figure{Unit: "number"}
}
