package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/report"
	"xunjian/alerting/text"
)

// Papers is what the API needs of *papers.Papers.
type Papers interface {
	Document(ctx context.Context, id string, kind report.Kind, lang string) (doc report.Document, edited bool, err error)
	Letter(ctx context.Context, id string, kind report.Kind, lang string) ([]byte, error)
	Cards(lang string, scenarios []string) ([]byte, error)
	Save(ctx context.Context, id string, actor incident.Actor, doc report.Document) error
}

// Paper is a document that the plan demands of an incident.
type Paper struct {
	Incident string `json:"incident"`
	Kind     string `json:"kind"`
	Lang     string `json:"lang"`
	Name     Text   `json:"name"`
	// Edited says that a person changed it; otherwise it was composed now.
	Edited bool `json:"edited"`
	// Text is the whole document as plain text.
	Text string `json:"text"`
	// Document is the document as data, to be edited and sent back.
	Document json.RawMessage `json:"document"`
	// ShortMessage is how carriers count its short form, if it has one.
	ShortMessage *ShortMessage `json:"short_message,omitempty"`
}

// ShortMessage is how carriers count a short message.
type ShortMessage struct {
	Encoding string `json:"encoding"`
	Units    int    `json:"units"`
	Parts    int    `json:"parts"`
	Billed   int    `json:"billed"`
}

// SavePaper keeps a document as it was edited.
type SavePaper struct {
	Document json.RawMessage `json:"document"`
}

// paperPolicy is for documents shown by a browser: they need their own style
// and nothing else.
const paperPolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

func (s *server) paper(c *call) (any, error) {
	p := c.params()
	format := p.text("format")
	if err := p.close(); err != nil {
		return nil, err
	}
	id, kind, lang := c.PathValue("id"), report.Kind(c.PathValue("kind")), c.say.Lang()
	if format == "docx" {
		body, err := s.Papers.Letter(c.Context(), id, kind, lang)
		if err != nil {
			return nil, err
		}
		return raw{kind: "application/vnd.openxmlformats-officedocument.wordprocessingml.document", body: body, header: map[string]string{
			"Content-Disposition": fmt.Sprintf(`attachment; filename="%s-%s.docx"`, id, kind),
		}}, nil
	}
	doc, edited, err := s.Papers.Document(c.Context(), id, kind, lang)
	if err != nil {
		return nil, err
	}
	switch format {
	case "", "json":
		return c.describe(id, doc, edited)
	case "text":
		return raw{kind: "text/plain; charset=utf-8", body: []byte(doc.Text())}, nil
	case "html":
		body, err := doc.HTML()
		return raw{kind: "text/html; charset=utf-8", body: body, header: map[string]string{"Content-Security-Policy": paperPolicy}}, err
	}
	return nil, badField(http.StatusBadRequest, "format", "bad_format")
}

func (c *call) describe(id string, doc report.Document, edited bool) (any, error) {
	body, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	out := Paper{
		Incident: id, Kind: string(doc.Kind), Lang: doc.Lang, Name: c.text(doc.Kind.Name()), Edited: edited,
		Text: doc.Text(), Document: body,
	}
	if doc.SMS != "" {
		n := ShortMessage(report.SMS(doc.SMS))
		out.ShortMessage = &n
	}
	return out, nil
}

// cards prints the playbooks.
func (s *server) cards(c *call) (any, error) {
	p := c.params()
	scenarios := p.list("scenario")
	if err := p.close(); err != nil {
		return nil, err
	}
	body, err := s.Papers.Cards(c.say.Lang(), scenarios)
	if err != nil {
		return nil, err
	}
	return raw{kind: "application/pdf", body: body, header: map[string]string{"Content-Disposition": `attachment; filename="xunjian-cards.pdf"`}}, nil
}

// Cards returns the playbooks as cards: PDF.
func (c *Client) Cards(ctx context.Context, scenarios []string) ([]byte, error) {
	return get[[]byte](ctx, c, "/plan/cards", url.Values{"scenario": scenarios})
}

func (s *server) savePaper(c *call) (any, error) {
	var in SavePaper
	if err := readAll(c, &in); err != nil {
		return nil, err
	}
	var doc report.Document
	dec := json.NewDecoder(bytes.NewReader(in.Document))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		err = badBody(err, in.Document, &doc)
		if f := (*failure)(nil); errors.As(err, &f) {
			f.Field = strings.TrimSuffix("document."+f.Field, ".")
		}
		return nil, err
	}
	id, kind := c.PathValue("id"), report.Kind(c.PathValue("kind"))
	if !kind.Known() {
		return nil, alerting.ErrNotFound
	}
	if doc.Kind != kind || !text.Known(doc.Lang) || doc.Incident != id {
		return nil, badField(http.StatusUnprocessableEntity, "document", "other_document")
	}
	if err := s.Papers.Save(c.Context(), id, c.actor(), doc); err != nil {
		return nil, err
	}
	return c.describe(id, doc, true)
}
