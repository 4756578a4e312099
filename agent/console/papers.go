package console

import (
	"fmt"
	"net/http"
	"strconv"

	"xunjian/alerting/report"
)

// paperPage is a document: how it reads, and a form to change it.
type paperPage struct {
	ID, Kind, Name, Lang string
	Text                 string
	// Hold says what must have happened before it may leave the house.
	Hold          string
	Edited, Drill bool
	Title, SMS    string
	Count         string
	Blocks        []blockView
	URL           string // to post to; empty: not this person
	Error         string
}

type blockView struct {
	N       int
	Text    string
	Heading bool
}

func showPaper(r *request) error {
	id, kind, lang := r.PathValue("id"), report.Kind(r.PathValue("kind")), r.say.Lang()
	switch r.URL.Query().Get("as") {
	case "docx":
		body, err := r.c.opt.Papers.Letter(r.Context(), id, kind, lang)
		if err != nil {
			return err
		}
		h := r.w.Header()
		h.Set("Content-Type", "application/vnd.openxmlformats-officedocument.wordprocessingml.document")
		h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-%s.docx"`, id, kind))
		_, err = r.w.Write(body)
		return err
	case "html":
		doc, _, err := r.c.opt.Papers.Document(r.Context(), id, kind, lang)
		if err != nil {
			return err
		}
		body, err := doc.HTML()
		if err != nil {
			return err
		}
		h := r.w.Header()
		// A printed page has its own style, and nothing else.
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-modals")
		h.Set("Content-Type", "text/html; charset=utf-8")
		_, err = r.w.Write(body)
		return err
	}
	return r.paperPage(http.StatusOK, "")
}

func (r *request) paperPage(status int, failure string) error {
	id, kind, lang := r.PathValue("id"), report.Kind(r.PathValue("kind")), r.say.Lang()
	doc, edited, err := r.c.opt.Papers.Document(r.Context(), id, kind, lang)
	if err != nil {
		return err
	}
	page := paperPage{
		ID: id, Kind: string(kind), Name: kind.Name().In(lang), Lang: lang, Text: doc.Text(), Hold: doc.Hold,
		Edited: edited, Drill: doc.Drill, Title: doc.Title, SMS: doc.SMS, Error: failure,
	}
	if doc.SMS != "" {
		n := report.SMS(doc.SMS)
		page.Count = r.Ta("console.paper.count", "units", n.Units, "parts", n.Billed)
	}
	for n, b := range doc.Body {
		if b.Kind != report.Table {
			page.Blocks = append(page.Blocks, blockView{n, b.Text, b.Kind == report.Heading})
		}
	}
	if r.who.Role.Allows(operator) {
		page.URL = "/incidents/" + id + "/documents/" + string(kind)
	}
	return r.render(status, "paper", page.Name+" "+id, page)
}

// savePaper keeps the document with the texts of the form: what the form does
// not show (tables, annexes) stays as it is.
func savePaper(r *request) error {
	id, kind, lang := r.PathValue("id"), report.Kind(r.PathValue("kind")), r.say.Lang()
	doc, _, err := r.c.opt.Papers.Document(r.Context(), id, kind, lang)
	if err != nil {
		return err
	}
	if doc.Title = r.field("title"); doc.Title == "" {
		return r.paperPage(http.StatusUnprocessableEntity, r.T("console.paper.no_title"))
	}
	if doc.SMS != "" {
		doc.SMS = r.field("sms")
	}
	var body []report.Block
	for n, b := range doc.Body {
		if b.Kind != report.Table {
			if b.Text = r.field("b" + strconv.Itoa(n)); b.Text == "" {
				continue
			}
		}
		body = append(body, b)
	}
	doc.Body = body
	if err := r.c.opt.Papers.Save(r.Context(), id, r.actor(), doc); err != nil {
		return err
	}
	r.flash("console.done.paper")
	return r.redirect("/incidents/" + id + "/documents/" + string(kind))
}
