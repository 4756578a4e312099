package api

import (
	"context"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"xunjian/alerting/incident"
	"xunjian/alerting/inspection"
)

// Rounds is what the API needs of *inspection.Office.
type Rounds interface {
	Forms() []inspection.Form
	Find(ctx context.Context, q inspection.Query) ([]inspection.Round, error)
	Get(ctx context.Context, id string) (inspection.Round, []inspection.Event, error)
	Start(ctx context.Context, by inspection.Actor, form string) (inspection.Round, error)
	Answer(ctx context.Context, id string, expect int, by inspection.Actor, in inspection.Reply) (inspection.Round, error)
	Attachment(ctx context.Context, round, id string) (inspection.Kept, error)
	JudgeAgain(ctx context.Context, id string, by inspection.Actor) (inspection.Round, error)
	RaiseWarning(ctx context.Context, id string, by inspection.Actor, item string) (inspection.Round, error)
	Sign(ctx context.Context, id string, expect int, by inspection.Actor, as, why string) (inspection.Round, error)
}

type (
	// RoundList answers a search for rounds, newest first.
	RoundList struct {
		Rounds []inspection.RoundView `json:"rounds"`
	}
	// FormList are the forms that rounds are made of.
	FormList struct {
		Forms []FormHead `json:"forms"`
	}
	// FormHead is a form at a glance.
	FormHead struct {
		ID      string `json:"id"`
		Version string `json:"version"`
		Title   Text   `json:"title"`
		// Schedule is when a round is due, as the form says it.
		Schedule       string  `json:"schedule,omitempty"`
		BeforeOpenings bool    `json:"before_openings"`
		Period         float64 `json:"period_seconds"`
		Items          int     `json:"items"`
	}
	// StartRound makes a round now.
	StartRound struct {
		Form string `json:"form"`
	}
	// AnswerItem is a person's word on an item.
	AnswerItem struct {
		Item    string `json:"item"`
		Verdict string `json:"verdict"`
		Note    string `json:"note,omitempty"`
		Version int    `json:"version,omitempty"`
		// Files are kept with the answer, beside those of answers before.
		Files []inspection.File `json:"files,omitempty"`
	}
	// WarnItem opens a warning about an item.
	WarnItem struct {
		Item string `json:"item"`
	}
	// SignRound signs a round.
	SignRound struct {
		As      string `json:"as"`
		Note    string `json:"note,omitempty"`
		Version int    `json:"version,omitempty"`
	}
)

func roundRoutes() []route {
	look := limits{within: time.Minute, heavy: true}
	return []route{
		{http.MethodGet, "/forms", viewer, (*server).listForms, limits{}},
		{http.MethodGet, "/rounds", viewer, (*server).listRounds, limits{}},
		{http.MethodPost, "/rounds", operator, (*server).startRound, look},
		{http.MethodGet, "/rounds/{id}", viewer, (*server).showRound, limits{}},
		{http.MethodPost, "/rounds/{id}/judge", operator, (*server).judgeRound, look},
		{http.MethodPost, "/rounds/{id}/answer", operator, (*server).answerItem, limits{within: time.Minute, body: inspection.MaxReplyBytes*4/3 + defaultBody}},
		{http.MethodGet, "/rounds/{id}/files/{file}", viewer, (*server).roundFile, limits{}},
		{http.MethodPost, "/rounds/{id}/warning", operator, (*server).warnItem, limits{}},
		{http.MethodPost, "/rounds/{id}/sign", operator, (*server).signRound, limits{}},
	}
}

func (c *call) inspector() inspection.Actor {
	return inspection.Actor{Name: c.who.Name, Via: c.who.Via}
}

// told is what a body says in a field.
type told struct{ field, text string }

// readRound reads a body, and refuses words that are too long.
func readRound[T any](c *call, in *T, said func() []told) error {
	if err := readAll(c, in); err != nil {
		return err
	}
	for _, w := range said() {
		if w.text != "" && len(w.text) > incident.MaxText {
			return incident.Need(w.field, w.text)
		}
	}
	return nil
}

func (s *server) listForms(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	out := FormList{Forms: []FormHead{}}
	for _, f := range s.Rounds.Forms() {
		h := FormHead{
			ID: f.ID, Version: f.Version, Title: c.text(f.Title), BeforeOpenings: f.BeforeOpenings, Period: f.Period.Seconds(),
			Schedule: f.Schedule.Cron,
		}
		if f.Schedule.Cron == "" && !f.Schedule.Zero() {
			h.Schedule = f.Schedule.Days + " " + f.Schedule.At
		}
		for _, g := range f.Groups {
			h.Items += len(g.Items)
		}
		out.Forms = append(out.Forms, h)
	}
	return out, nil
}

func (s *server) listRounds(c *call) (any, error) {
	p := c.params()
	q := inspection.Query{Form: p.text("form"), From: p.time("from"), To: p.time("to"), Limit: p.number("limit", 50, 1, 500)}
	switch waits := p.text("open"); waits {
	case "", "false":
	case "true":
		q.Open = true
	default:
		p.bad("open", "bad_truth")
	}
	if err := p.close(); err != nil {
		return nil, err
	}
	list, err := s.Rounds.Find(c.Context(), q)
	out := RoundList{Rounds: []inspection.RoundView{}}
	for _, r := range list {
		out.Rounds = append(out.Rounds, c.round(r))
	}
	return out, err
}

func (c *call) round(r inspection.Round) inspection.RoundView {
	v := r.Shown(c.say, c.now)
	for _, t := range []*time.Time{&v.Due, &v.Opened, &v.From, &v.To, &v.SignBy} {
		if !t.IsZero() {
			*t = t.In(c.zone)
		}
	}
	return v
}

func (s *server) showRound(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	r, _, err := s.Rounds.Get(c.Context(), c.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return c.round(r), nil
}

// changed answers a command on a round.
func (c *call) changedRound(r inspection.Round, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return c.round(r), nil
}

func (s *server) startRound(c *call) (any, error) {
	var in StartRound
	if err := readRound(c, &in, func() []told { return []told{{"form", in.Form}} }); err != nil {
		return nil, err
	}
	return c.changedRound(s.Rounds.Start(c.Context(), c.inspector(), in.Form))
}

func (s *server) judgeRound(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	return c.changedRound(s.Rounds.JudgeAgain(c.Context(), c.PathValue("id"), c.inspector()))
}

func (s *server) answerItem(c *call) (any, error) {
	var in AnswerItem
	if err := readRound(c, &in, func() []told { return []told{{"item", in.Item}, {"verdict", in.Verdict}, {"note", in.Note}} }); err != nil {
		return nil, err
	}
	return c.changedRound(s.Rounds.Answer(c.Context(), c.PathValue("id"), in.Version, c.inspector(), inspection.Reply{
		Item: in.Item, Verdict: inspection.Verdict(in.Verdict), Note: in.Note, Files: in.Files,
	}))
}

// roundFile hands out what somebody attached: never as a page of this server's.
func (s *server) roundFile(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	f, err := s.Rounds.Attachment(c.Context(), c.PathValue("id"), c.PathValue("file"))
	if err != nil {
		return nil, err
	}
	return raw{kind: "application/octet-stream", body: f.Body, header: map[string]string{
		"Content-Disposition": mime.FormatMediaType("attachment", map[string]string{"filename": f.Name}),
	}}, nil
}

func (s *server) warnItem(c *call) (any, error) {
	var in WarnItem
	if err := readRound(c, &in, func() []told { return []told{{"item", in.Item}} }); err != nil {
		return nil, err
	}
	return c.changedRound(s.Rounds.RaiseWarning(c.Context(), c.PathValue("id"), c.inspector(), in.Item))
}

func (s *server) signRound(c *call) (any, error) {
	var in SignRound
	if err := readRound(c, &in, func() []told { return []told{{"as", in.As}, {"note", in.Note}} }); err != nil {
		return nil, err
	}
	return c.changedRound(s.Rounds.Sign(c.Context(), c.PathValue("id"), in.Version, c.inspector(), in.As, in.Note))
}

// Forms returns the forms that rounds are made of.
func (c *Client) Forms(ctx context.Context) (FormList, error) {
	return get[FormList](ctx, c, "/forms", nil)
}

// Rounds returns rounds, newest first; form and open may be empty and false.
func (c *Client) Rounds(ctx context.Context, form string, open bool, limit int) (RoundList, error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if form != "" {
		q.Set("form", form)
	}
	if open {
		q.Set("open", "true")
	}
	return get[RoundList](ctx, c, "/rounds", q)
}

// Round returns one round.
func (c *Client) Round(ctx context.Context, id string) (inspection.RoundView, error) {
	return get[inspection.RoundView](ctx, c, "/rounds/"+url.PathEscape(id), nil)
}

// StartRound makes a round of a form now.
func (c *Client) StartRound(ctx context.Context, form string) (inspection.RoundView, error) {
	return post[inspection.RoundView](ctx, c, "/rounds", StartRound{form})
}

// RoundFile returns a file that a round keeps.
func (c *Client) RoundFile(ctx context.Context, id, file string) ([]byte, error) {
	return get[[]byte](ctx, c, "/rounds/"+url.PathEscape(id)+"/files/"+url.PathEscape(file), nil)
}

// ChangeRound carries out judge, answer, warning or sign on a round.
func (c *Client) ChangeRound(ctx context.Context, id, what string, in any) (inspection.RoundView, error) {
	return post[inspection.RoundView](ctx, c, "/rounds/"+url.PathEscape(id)+"/"+what, in)
}
