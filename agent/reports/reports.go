// Package reports files the report of each inspection round, brings it to
// people, and makes it in every form and language for whoever asks.
package reports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/inspection"
	"xunjian/alerting/notify/channel"
	"xunjian/alerting/plan"
	"xunjian/alerting/report"
	"xunjian/alerting/roster"
	"xunjian/alerting/text"
	"xunjian/rules"
)

// The interfaces belong to the room that calls them.
type (
	// Store keeps reports.
	Store interface {
		File(ctx context.Context, r inspection.Filed, notices []alerting.Notice) error
		Send(ctx context.Context, notices []alerting.Notice) error
		Reports(ctx context.Context, form string, limit int) ([]inspection.Filed, error)
		Report(ctx context.Context, id string) (inspection.Filed, error)
		ForgetReports(ctx context.Context, before time.Time) error
	}
	// Rounds are those of the office.
	Rounds interface {
		Find(ctx context.Context, q inspection.Query) ([]inspection.Round, error)
		Look(ctx context.Context, form string, from, to time.Time) (inspection.Round, error)
		Changed() <-chan struct{}
	}
	// Desk knows the incidents, and who is who.
	Desk interface {
		Find(ctx context.Context, q alerting.Query) ([]incident.Incident, error)
		Env(ctx context.Context, i incident.Incident) (incident.Env, error)
		Roster() roster.Roster
		Plan() *plan.Plan
	}
	// Engine knows what was measured.
	Engine interface {
		Since() time.Time
		Query(ctx context.Context, expr string, at time.Time) ([]rules.Sample, error)
		QueryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]rules.Series, error)
	}
)

// Options are what Reports are made of.
type Options struct {
	Store  Store
	Rounds Rounds
	Desk   Desk
	Engine Engine
	// Logs is the review of logs; nil: reports say nothing of it.
	Logs    Logs
	Catalog *text.Catalog
	Zone    *time.Location
	Host    string
	Unit    plan.Text
	Console string // its address; empty: nobody was told
	// Template is the operator's own .docx; empty: ours.
	Template string
	// Keep is how long reports are kept.
	Keep time.Duration
	// Systems are the business systems on this server.
	Systems func() map[string]plan.SystemKind
	// Mail says that there is a mail server.
	Mail   bool
	Wake   func()
	Now    func() time.Time // nil means time.Now
	Logger *slog.Logger
}

// Reports is safe for concurrent use.
type Reports struct{ opt Options }

// roundID is the id of a round, without an edition.
var roundID = regexp.MustCompile(`^RND-\d{8}-\d+$`)

// New returns Reports; Run makes them file what is due. It returns an error for
// a template that cannot be filled.
func New(opt Options) (*Reports, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.Wake == nil {
		opt.Wake = func() {}
	}
	opt.Keep = max(opt.Keep, inspection.LeastKept)
	if opt.Template != "" {
		if _, err := os.Stat(opt.Template); err != nil {
			return nil, fmt.Errorf("inspection.report_template: %w", err)
		}
	}
	return &Reports{opt: opt}, nil
}

const (
	// filedWithin is how far back a round is filed that was not: the agent was
	// off right after it.
	filedWithin = 10 * 24 * time.Hour
	// sentWithin is how old a round may be to be mailed: nobody reads the mail
	// of a week that nobody missed.
	sentWithin = 3 * 24 * time.Hour
	every      = time.Minute
)

// Run files what is due until ctx is done.
func (r *Reports) Run(ctx context.Context) error {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		changed := r.opt.Rounds.Changed()
		if err := r.Tick(ctx); err != nil && ctx.Err() == nil {
			r.opt.Logger.Error("inspection reports", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-t.C:
		}
	}
}

// Tick files the report of every round that has none of its edition yet, queues
// the mails that bring it, and forgets what was kept for long enough.
func (r *Reports) Tick(ctx context.Context) error {
	now := r.opt.Now()
	rounds, err := r.opt.Rounds.Find(ctx, inspection.Query{From: now.Add(-filedWithin), Limit: 500})
	if err != nil {
		return err
	}
	filed, err := r.opt.Store.Reports(ctx, "", 1000)
	if err != nil {
		return err
	}
	var errs []error
	for _, round := range slices.Backward(rounds) {
		id := fmt.Sprintf("%s-%d", round.ID, round.Edition())
		if slices.ContainsFunc(filed, func(f inspection.Filed) bool { return f.ID == id }) {
			continue
		}
		errs = append(errs, r.file(ctx, round, id, now))
	}
	return errors.Join(append(errs, r.opt.Store.ForgetReports(ctx, now.Add(-r.opt.Keep)))...)
}

func (r *Reports) file(ctx context.Context, round inspection.Round, id string, now time.Time) error {
	f, err := r.gather(ctx, round)
	if err != nil {
		return err
	}
	f.ID = id
	body, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("report %s: %w", id, err)
	}
	filed := inspection.Filed{
		ID: id, Round: round.ID, Form: round.Form.ID, Edition: round.Edition(), Verdict: round.Worst(), Made: f.Made, From: f.From, To: f.To, Body: body,
	}
	var notices []alerting.Notice
	if now.Sub(round.Opened) < sentWithin && filed.Edition < 3 {
		notices = r.notices(filed, r.readers(round.Form), "")
	}
	if err := r.opt.Store.File(ctx, filed, notices); err != nil {
		return err
	}
	r.opt.Wake()
	return nil
}

// readers are the people with an address who hold a role that the form's report
// is for.
func (r *Reports) readers(f inspection.Form) []roster.Person {
	var out []roster.Person
	seen := map[string]bool{}
	for _, role := range f.Report {
		for _, member := range r.opt.Desk.Plan().Members(role) {
			for _, p := range r.opt.Desk.Roster().Holders(member) {
				if p.Mail != "" && !seen[p.ID] {
					seen[p.ID] = true
					out = append(out, p)
				}
			}
		}
	}
	return out
}

func (r *Reports) notices(f inspection.Filed, to []roster.Person, again string) []alerting.Notice {
	if !r.opt.Mail {
		return nil
	}
	now := r.opt.Now().UTC()
	var out []alerting.Notice
	for _, p := range to {
		key := f.ID + "/mail/" + p.ID
		if again != "" {
			key += "/" + again
		}
		out = append(out, alerting.Notice{
			Key: key, Incident: f.Round, Version: f.Edition, Kind: alerting.KindReport, Channel: "mail", Recipient: p.ID, Lang: p.Reads(), Created: now, NotBefore: now,
		})
	}
	return out
}

// Send mails a filed report once more, to one person or, with "", to all whom
// it is for. It returns how many mails are queued, and a Refusal where there is
// nobody to mail it to.
func (r *Reports) Send(ctx context.Context, id, person string) (int, error) {
	filed, f, err := r.load(ctx, id)
	if err != nil {
		return 0, err
	}
	to := r.readers(f.Round.Form)
	if person != "" {
		to = nil
		for _, p := range r.opt.Desk.Roster().People {
			if p.ID == person && p.Mail != "" {
				to = append(to, p)
			}
		}
	}
	notices := r.notices(filed, to, r.opt.Now().UTC().Format("20060102T150405.000"))
	switch {
	case !r.opt.Mail:
		return 0, &inspection.Refusal{Code: "no_mail_server"}
	case len(notices) == 0:
		return 0, &inspection.Refusal{Code: "nobody_to_mail", Args: map[string]any{"person": person, "roles": strings.Join(f.Round.Form.Report, ", ")}}
	}
	if err := r.opt.Store.Send(ctx, notices); err != nil {
		return 0, err
	}
	r.opt.Wake()
	return len(notices), nil
}

// List returns what is filed, newest first.
func (r *Reports) List(ctx context.Context, form string, limit int) ([]inspection.Filed, error) {
	return r.opt.Store.Reports(ctx, form, limit)
}

// load reads a report; the id of a round stands for its newest edition.
func (r *Reports) load(ctx context.Context, id string) (inspection.Filed, Facts, error) {
	var f Facts
	filed, err := r.opt.Store.Report(ctx, id)
	for n := 3; n > 0 && errors.Is(err, inspection.ErrNotFound) && roundID.MatchString(id); n-- {
		filed, err = r.opt.Store.Report(ctx, fmt.Sprintf("%s-%d", id, n))
	}
	if err == nil {
		if err = json.Unmarshal(filed.Body, &f); err != nil {
			err = fmt.Errorf("report %s cannot be read: %w", id, err)
		}
	}
	return filed, f, err
}

// Formats are the forms that a report can be had in.
var Formats = []string{"html", "pdf", "xlsx", "docx", "json", "text"}

// Filed returns a report that is filed, in a format and language. It returns
// inspection.ErrNotFound if there is none.
func (r *Reports) Filed(ctx context.Context, id, format, lang string) ([]byte, error) {
	_, f, err := r.load(ctx, id)
	if err != nil {
		return nil, err
	}
	return r.render(f, format, lang)
}

// Look makes the report of a form over any period, and keeps nothing. A period
// that begins before anything was measured begins with that.
func (r *Reports) Look(ctx context.Context, form string, from, to time.Time, format, lang string) ([]byte, error) {
	round, err := r.opt.Rounds.Look(ctx, form, from, to)
	if err != nil {
		return nil, err
	}
	f, err := r.gather(ctx, round)
	if err != nil {
		return nil, err
	}
	return r.render(f, format, lang)
}

func (r *Reports) render(f Facts, format, lang string) ([]byte, error) {
	return Render(f, r.opt.Catalog.For(lang), r.opt.Zone, format, r.opt.Template)
}

// Render writes facts in a format and the language of say. template is an
// operator's own .docx, or empty.
func Render(f Facts, say inspection.Speaker, zone *time.Location, format, template string) ([]byte, error) {
	if format == "json" {
		return json.MarshalIndent(f, "", "  ")
	}
	d := Compose(f, say, zone)
	switch format {
	case "html":
		return d.HTML()
	case "pdf":
		return d.PDF()
	case "xlsx":
		return d.XLSX()
	case "text":
		return []byte(d.Plain()), nil
	case "docx":
		if template == "" {
			return d.DOCX()
		}
		own, err := os.ReadFile(template)
		if err != nil {
			return nil, fmt.Errorf("inspection.report_template: %w", err)
		}
		out, err := report.Fill(own, d.Fields)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", template, err)
		}
		return out, nil
	}
	return nil, &inspection.Refusal{Code: "unknown_format", Args: map[string]any{"format": format, "formats": strings.Join(Formats, ", ")}}
}

// Message words the mail that brings a report: the same at every attempt, since
// what is filed does not change.
func (r *Reports) Message(ctx context.Context, n alerting.Notice) (channel.Message, error) {
	id := fmt.Sprintf("%s-%d", n.Incident, n.Version)
	_, f, err := r.load(ctx, id)
	if err != nil {
		if errors.Is(err, inspection.ErrNotFound) {
			err = &channel.Permanent{Err: err}
		}
		return channel.Message{}, err
	}
	d := Compose(f, r.opt.Catalog.For(n.Lang), r.opt.Zone)
	page, pictures, err := d.Mail()
	if err != nil {
		return channel.Message{}, err
	}
	pdf, err := d.PDF()
	if err != nil {
		return channel.Message{}, err
	}
	m := channel.Message{
		Key: n.Key, Recipient: n.Recipient, Lang: n.Lang, Kind: n.Kind, At: f.Made, Text: d.Plain(), Page: string(page),
		Subject: fmt.Sprintf("%s %s ~ %s %s", d.Title, f.From.In(r.opt.Zone).Format(time.DateOnly), f.To.In(r.opt.Zone).Format(time.DateOnly),
			inspection.Word(r.opt.Catalog.For(n.Lang), f.Round.Worst())),
		Files: []channel.File{{Name: id + ".pdf", Type: "application/pdf", Body: pdf}},
	}
	m.Incident.ID, m.Incident.Host = n.Incident, f.Host
	for _, p := range pictures {
		m.Pictures = append(m.Pictures, channel.File{Name: p.ID, Type: "image/png", Body: p.PNG})
	}
	for _, p := range r.opt.Desk.Roster().People {
		if p.ID == n.Recipient {
			m.Person, m.To = p, p.Mail
		}
	}
	if r.opt.Console != "" {
		m.Link = strings.TrimSuffix(r.opt.Console, "/") + "/rounds/" + n.Incident
		m.LinkText = d.Title
	}
	return m, nil
}
