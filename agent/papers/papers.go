// Package papers makes the documents of one incident for whoever asks, API or
// console: composed from its facts, or as a person edited them.
package papers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
	"xunjian/alerting/report"
	"xunjian/alerting/report/cards"
	"xunjian/alerting/roster"
)

// Desk is what papers need of *alerting.Desk.
type Desk interface {
	Get(ctx context.Context, id string) (incident.Incident, []incident.Event, error)
	Env(ctx context.Context, i incident.Incident) (incident.Env, error)
	Evidence(ctx context.Context, id string) (alerting.Blob, error)
	SaveDocument(ctx context.Context, id string, actor incident.Actor, duty, lang string, body []byte) (incident.Incident, error)
	Roster() roster.Roster
	Plan() *plan.Plan
}

// Config says who the operator is, and where his own texts are; config.Unit
// has the same fields.
type Config struct {
	Name            plan.Text
	Place           string
	IncidentHotline []string
	CustomerHotline string
	Texts, Letters  string
}

// Papers makes documents. It is safe for concurrent use.
type Papers struct {
	cfg   Config
	texts *report.Texts
	zone  *time.Location
	desk  Desk
	now   func() time.Time
}

// New loads the texts. It returns every mistake in the operator's own.
func New(cfg Config, zone *time.Location, desk Desk) (*Papers, error) {
	var own fs.FS
	if cfg.Texts != "" {
		if _, err := os.Stat(cfg.Texts); err != nil {
			return nil, fmt.Errorf("unit.texts: %w", err)
		}
		own = os.DirFS(cfg.Texts)
	}
	texts, err := report.Load(zone, own)
	if err != nil {
		return nil, fmt.Errorf("unit.texts: %w", err)
	}
	return &Papers{cfg: cfg, texts: texts, zone: zone, desk: desk, now: time.Now}, nil
}

// Cards prints the plan in force as cards, A5, with the people of the roster: of
// these scenarios, or of all where none is named. It returns
// alerting.ErrNotFound for a scenario there is not.
func (p *Papers) Cards(lang string, scenarios []string) ([]byte, error) {
	in := p.desk.Plan()
	for _, id := range scenarios {
		if _, ok := in.Scenario(id); !ok {
			return nil, fmt.Errorf("card of %q: %w", id, alerting.ErrNotFound)
		}
	}
	return cards.Print(cards.Input{
		Plan: in, Roster: p.desk.Roster(), Unit: p.cfg.Name, IncidentHotline: p.cfg.IncidentHotline, CustomerHotline: p.cfg.CustomerHotline,
		Scenarios: scenarios, Lang: lang, Made: p.now().In(p.zone),
	})
}

// Document returns a document of an incident, as it was edited, or composed
// now. It returns alerting.ErrNotFound for a kind there is not.
func (p *Papers) Document(ctx context.Context, id string, kind report.Kind, lang string) (doc report.Document, edited bool, err error) {
	i, facts, err := p.facts(ctx, id)
	if err != nil {
		return doc, false, err
	}
	if !kind.Known() {
		return doc, false, fmt.Errorf("document %q: %w", kind, alerting.ErrNotFound)
	}
	if kept, ok := i.Documents[string(kind)+"/"+lang]; ok {
		blob, err := p.desk.Evidence(ctx, kept.ID)
		if err != nil {
			return doc, false, err
		}
		return doc, true, json.Unmarshal(blob.Body, &doc)
	}
	doc, err = p.texts.Compose(kind, lang, facts)
	return doc, false, err
}

func (p *Papers) facts(ctx context.Context, id string) (incident.Incident, report.Facts, error) {
	i, events, err := p.desk.Get(ctx, id)
	if err != nil {
		return i, report.Facts{}, err
	}
	env, err := p.desk.Env(ctx, i)
	if err != nil {
		return i, report.Facts{}, err
	}
	return i, p.texts.Gather(report.Sources{
		Incident: i, Events: events, Plan: env.Plan, Roster: p.desk.Roster(), Operator: env.Operator,
		Unit: p.cfg.Name, Place: p.cfg.Place, IncidentHotline: p.cfg.IncidentHotline, CustomerHotline: p.cfg.CustomerHotline,
		Now: p.now(),
	}), nil
}

// Save keeps a document as a person edited it; its hash stands in the timeline.
func (p *Papers) Save(ctx context.Context, id string, actor incident.Actor, doc report.Document) error {
	body, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	_, err = p.desk.SaveDocument(ctx, id, actor, string(doc.Kind), doc.Lang, body)
	return err
}

// Letter writes a document as .docx: in the operator's own letter if there is
// one for it, else as an official letter after GB/T 9704.
func (p *Papers) Letter(ctx context.Context, id string, kind report.Kind, lang string) ([]byte, error) {
	doc, _, err := p.Document(ctx, id, kind, lang)
	if err != nil {
		return nil, err
	}
	if p.cfg.Letters == "" {
		return doc.DOCX()
	}
	own, err := os.ReadFile(filepath.Join(p.cfg.Letters, string(kind)+"."+lang+".docx"))
	if errors.Is(err, fs.ErrNotExist) {
		return doc.DOCX()
	}
	if err != nil {
		return nil, fmt.Errorf("read own letter: %w", err)
	}
	_, facts, err := p.facts(ctx, id)
	if err != nil {
		return nil, err
	}
	return report.Fill(own, p.texts.Values(lang, facts))
}
