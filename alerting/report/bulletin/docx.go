package bulletin

import (
	"archive/zip"
	"bytes"
	"embed"
	"encoding/xml"
	"fmt"
	"strings"
	"time"
)

//go:embed word/*.xml
var word embed.FS

// Measures of the pages in twentieths of a point: A4 with margins of 20 mm; and
// of pictures in English Metric Units.
const (
	docxWidth  = 11906 - 2*1134
	emuPerDXA  = 635
	docxMargin = `<w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1134" w:right="1134" w:bottom="1134" w:left="1134" w:header="567" w:footer="567" w:gutter="0"/>`
	namespaces = `xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"`
	xmlHead    = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	officeRel  = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
)

// DOCX writes the document to be edited, its headings as headings.
func (d *Document) DOCX() ([]byte, error) {
	p, err := newPen()
	if err != nil {
		return nil, err
	}
	w := wordWriter{pen: p}
	w.para("Title", d.Title, Plain)
	for _, l := range d.Lead {
		w.para("Subtitle", l, Plain)
	}
	for _, part := range d.Parts {
		switch part := part.(type) {
		case Heading:
			style := "Heading1"
			if part.Minor {
				style = "Heading2"
			}
			w.para(style, part.Text, Plain)
		case Text:
			w.para("", part.Text, part.Tone)
		case Table:
			w.table(part)
		case Chart:
			if err := w.chart(part); err != nil {
				return nil, err
			}
		case Signatures:
			w.signatures(part)
		}
	}
	rels := fmt.Sprintf(`<Relationship Id="styles" Type="%sstyles" Target="styles.xml"/><Relationship Id="footer" Type="%sfooter" Target="footer1.xml"/>`, officeRel, officeRel)
	for n := range w.pictures {
		rels += fmt.Sprintf(`<Relationship Id="chart%d" Type="%simage" Target="media/chart%d.png"/>`, n+1, officeRel, n+1)
	}
	files := []struct {
		name string
		body []byte
	}{
		{"[Content_Types].xml", packed("content_types.xml")}, {"_rels/.rels", packed("rels.xml")}, {"word/styles.xml", packed("styles.xml")},
		{"word/document.xml", []byte(xmlHead + `<w:document ` + namespaces + `><w:body>` + w.String() +
			`<w:sectPr><w:footerReference w:type="default" r:id="footer"/>` + docxMargin + `</w:sectPr></w:body></w:document>`)},
		{"word/footer1.xml", []byte(xmlHead + `<w:ftr ` + namespaces + `><w:p><w:pPr><w:pStyle w:val="Subtitle"/></w:pPr><w:r><w:t xml:space="preserve">` + escaped(d.Footer) +
			`  </w:t></w:r>` + field("PAGE") + `<w:r><w:t xml:space="preserve"> / </w:t></w:r>` + field("NUMPAGES") + `</w:p></w:ftr>`)},
		{"word/_rels/document.xml.rels", []byte(xmlHead + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` + rels + `</Relationships>`)},
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	add := func(name string, body []byte) error {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: d.Made.UTC().Truncate(2 * time.Second)})
		if err == nil {
			_, err = f.Write(body)
		}
		return err
	}
	for _, f := range files {
		if err := add(f.name, f.body); err != nil {
			return nil, fmt.Errorf("write the report's %s: %w", f.name, err)
		}
	}
	for n, raw := range w.pictures {
		if err := add(fmt.Sprintf("word/media/chart%d.png", n+1), raw); err != nil {
			return nil, fmt.Errorf("write the report's chart: %w", err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("write the report: %w", err)
	}
	return b.Bytes(), nil
}

func packed(name string) []byte {
	raw, err := word.ReadFile("word/" + name)
	if err != nil {
		panic(err) // it is in the binary
	}
	return raw
}

func field(code string) string {
	return `<w:fldSimple w:instr="` + code + `"><w:r><w:t>1</w:t></w:r></w:fldSimple>`
}

// escaped is a text as XML; what XML cannot hold is replaced.
func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}

type wordWriter struct {
	strings.Builder
	pen      *pen
	pictures [][]byte
}

func (w *wordWriter) para(style, text string, t Tone) {
	props := ""
	if style != "" {
		props = `<w:pPr><w:pStyle w:val="` + style + `"/></w:pPr>`
	}
	w.WriteString(`<w:p>` + props + runs(text, t) + `</w:p>`)
}

func runs(text string, t Tone) string {
	var out string
	for n, l := range strings.Split(text, "\n") {
		br := ""
		if n > 0 {
			br = `<w:br/>`
		}
		out += `<w:r><w:rPr><w:color w:val="` + hex[t] + `"/></w:rPr>` + br + `<w:t xml:space="preserve">` + escaped(l) + `</w:t></w:r>`
	}
	return out
}

func (w *wordWriter) table(t Table) {
	whole := 0.0
	for _, c := range t.Columns {
		whole += c.Share
	}
	widths := make([]int, len(t.Columns))
	w.WriteString(`<w:tbl><w:tblPr><w:tblStyle w:val="TableGrid"/><w:tblW w:w="5000" w:type="pct"/><w:tblLayout w:type="fixed"/></w:tblPr><w:tblGrid>`)
	for n, c := range t.Columns {
		widths[n] = int(c.Share / whole * docxWidth)
		fmt.Fprintf(w, `<w:gridCol w:w="%d"/>`, widths[n])
	}
	w.WriteString(`</w:tblGrid>`)
	row := func(props string, cell func(n int) (fill, text string, t Tone), n int) {
		w.WriteString(`<w:tr><w:trPr><w:cantSplit/>` + props + `</w:trPr>`)
		for k := range n {
			fill, text, tone := cell(k)
			jc := "left"
			if t.Columns[k].Right {
				jc = "right"
			}
			fmt.Fprintf(w, `<w:tc><w:tcPr><w:tcW w:w="%d" w:type="dxa"/>%s</w:tcPr><w:p><w:pPr><w:pStyle w:val="Cell"/><w:jc w:val="%s"/></w:pPr>%s</w:p></w:tc>`,
				widths[k], fill, jc, runs(text, tone))
		}
		w.WriteString(`</w:tr>`)
	}
	row(`<w:tblHeader/>`, func(n int) (string, string, Tone) {
		return `<w:shd w:val="clear" w:color="auto" w:fill="EEF1F5"/>`, t.Columns[n].Title, Dim
	}, len(t.Columns))
	for _, r := range t.Rows {
		row("", func(n int) (string, string, Tone) { return "", r[n].Text, r[n].Tone }, len(r))
	}
	w.WriteString(`</w:tbl>`)
	w.para("Cell", "", Plain) // two tables in a row would become one
}

func (w *wordWriter) chart(c Chart) error {
	raw, err := w.pen.png(c)
	if err != nil {
		return fmt.Errorf("draw %s: %w", c.Title, err)
	}
	w.pictures = append(w.pictures, raw)
	n := len(w.pictures)
	cx := docxWidth * emuPerDXA
	cy := cx * ChartHeight / ChartWidth
	fmt.Fprintf(w, `<w:p><w:r><w:drawing><wp:inline distT="0" distB="0" distL="0" distR="0"><wp:extent cx="%d" cy="%d"/><wp:docPr id="%d" name="chart%d" descr="%s"/><a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:pic><pic:nvPicPr><pic:cNvPr id="%d" name="chart%d.png"/><pic:cNvPicPr/></pic:nvPicPr><pic:blipFill><a:blip r:embed="chart%d"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill><pic:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="%d" cy="%d"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></pic:spPr></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>`,
		cx, cy, n, n, escaped(c.Title), n, n, n, cx, cy)
	return nil
}

func (w *wordWriter) signatures(s Signatures) {
	for _, who := range s {
		by := strings.TrimSpace(who.By + "  " + who.At)
		if by == "" {
			by = "____________________    ______ - ____ - ____"
		}
		w.para("", "", Plain)
		w.para("", who.As+"    "+by, Plain)
		if who.Note != "" {
			w.para("", who.Note, Dim)
		}
	}
}
