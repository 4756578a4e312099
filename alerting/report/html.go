package report

import (
	"bytes"
	_ "embed"
	"html/template"
)

//go:embed layout.html
var layout string

// HTML writes the document as one page that needs nothing else: for preview
// and for printing on A4. It is well-formed XML too.
func (d Document) HTML() ([]byte, error) {
	d = d.finished()
	page, err := template.New("layout").Parse(layout)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := page.Execute(&b, htmlPage(d)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

type htmlView struct {
	Document
	Mark, Warning, Salutation, SMSHead string
	AttachmentWord                     string
	Attached                           []string
	Note, Copies                       string
	Blocks                             []htmlBlock
	AnnexBlocks                        []htmlAnnex
}

type htmlAnnex struct {
	Head, Title string
	Blocks      []htmlBlock
}

type htmlBlock struct {
	Tag, Text string
	Head      []string
	Rows      [][]string
}

func htmlPage(d Document) htmlView {
	v := htmlView{
		Document: d, Salutation: d.salutation(), Attached: d.attachments(),
		AttachmentWord: d.label("附件：", "Attached: "), Note: d.note(), Copies: d.copies(),
	}
	if d.Drill {
		v.Mark, v.Warning = drillMark(d.Lang), drillWarning(d.Lang)
	}
	if d.SMS != "" {
		v.SMSHead = d.smsHead()
	}
	v.Blocks = htmlBlocks(d.Lang, d.Body)
	for i, a := range d.Annexes {
		v.AnnexBlocks = append(v.AnnexBlocks, htmlAnnex{d.annexHead(i), a.Title, htmlBlocks(d.Lang, a.Body)})
	}
	return v
}

func htmlBlocks(lang string, body []Block) []htmlBlock {
	var out []htmlBlock
	n := numbering{lang: lang}
	for _, b := range body {
		h := htmlBlock{Tag: "p", Text: b.Text}
		switch b.Kind {
		case Heading:
			h = htmlBlock{Tag: "h2", Text: n.heading(b)}
			if b.Level == 2 {
				h.Tag = "h3"
			}
		case Item:
			h.Tag = "item"
		case Table:
			if len(b.Rows) == 0 {
				continue
			}
			h = htmlBlock{Tag: "table", Head: b.Rows[0], Rows: b.Rows[1:]}
		}
		out = append(out, h)
	}
	return out
}
