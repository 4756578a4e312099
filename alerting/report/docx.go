package report

import (
	"archive/zip"
	"bytes"
	"embed"
	"fmt"
	"strings"
	"text/template"
	"time"

	"xunjian/alerting/text"
)

//go:embed letter/*.xml
var letter embed.FS

// Measures of GB/T 9704, in twentieths of a point: A4 with margins of 37, 35, 28
// and 26 mm, 22 lines of 28 points a page, characters of 16 points. English
// letters keep the page and take smaller type.
const (
	pageWidth, pageHeight   = 11906, 16838
	marginTop, marginBottom = 2098, 1984
	marginLeft, marginRight = 1587, 1474
	textWidth               = pageWidth - marginLeft - marginRight
	footerAt, headerAt      = 1304, 851
)

type typeSize struct{ Size, Line, Indent int }

func sizeFor(lang string) typeSize {
	if lang == text.EN {
		return typeSize{Size: 24, Line: 400, Indent: 480}
	}
	return typeSize{Size: 32, Line: 560, Indent: 640}
}

// DOCX writes the document as an official letter after GB/T 9704.
func (d Document) DOCX() ([]byte, error) {
	d = d.finished()
	styles, err := d.styles()
	if err != nil {
		return nil, err
	}
	parts := []struct{ name, file, content string }{
		{name: "[Content_Types].xml", file: "content_types.xml"},
		{name: "_rels/.rels", file: "rels.xml"},
		{name: "docProps/core.xml", content: d.properties()},
		{name: "word/document.xml", content: d.letterXML()},
		{name: "word/_rels/document.xml.rels", file: "document_rels.xml"},
		{name: "word/styles.xml", content: styles},
		{name: "word/settings.xml", file: "settings.xml"},
		{name: "word/fontTable.xml", file: "fontTable.xml"},
		{name: "word/header1.xml", content: d.headerXML()},
		{name: "word/footer1.xml", content: footerXML(`<w:ind w:rightChars="100" w:right="280"/><w:jc w:val="right"/>`)},
		{name: "word/footer2.xml", content: footerXML(`<w:ind w:leftChars="100" w:left="280"/><w:jc w:val="left"/>`)},
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, p := range parts {
		if p.file != "" {
			raw, err := letter.ReadFile("letter/" + p.file)
			if err != nil {
				return nil, err
			}
			p.content = string(raw)
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: p.name, Method: zip.Deflate, Modified: d.stamp()})
		if err != nil {
			return nil, fmt.Errorf("write the letter's %s: %w", p.name, err)
		}
		if _, err := w.Write([]byte(p.content)); err != nil {
			return nil, fmt.Errorf("write the letter's %s: %w", p.name, err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("write the letter: %w", err)
	}
	return b.Bytes(), nil
}

// stamp is the time of the files inside, which cannot be before 1980.
func (d Document) stamp() time.Time {
	if d.Made.Year() < 1980 || d.Made.Year() > 2107 {
		return time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return d.Made.UTC()
}

func (d Document) styles() (string, error) {
	raw, err := letter.ReadFile("letter/styles.xml")
	if err != nil {
		return "", err
	}
	t, err := template.New("styles.xml").Parse(string(raw))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := t.Execute(&b, sizeFor(d.Lang)); err != nil {
		return "", err
	}
	return b.String(), nil
}

const (
	xmlHead = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	wordNS  = `xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"`
)

func (d Document) properties() string {
	return xmlHead + `<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">` +
		`<dc:title>` + escape(d.Title) + `</dc:title><dc:subject>` + escape(d.Incident) + `</dc:subject><dc:creator>` + escape(d.Signature) + `</dc:creator><dc:language>` + escape(d.Lang) + `</dc:language>` +
		`<dcterms:created xsi:type="dcterms:W3CDTF">` + d.stamp().Format("2006-01-02T15:04:05Z") + `</dcterms:created></cp:coreProperties>`
}

// headerXML is empty but for the mark of a drill, on every page.
func (d Document) headerXML() string {
	mark := paragraph("Header", "", "")
	if d.Drill {
		mark = paragraph("DrillMark", "", drillMark(d.Lang))
	}
	return xmlHead + `<w:hdr ` + wordNS + `>` + mark + `</w:hdr>`
}

func footerXML(place string) string {
	return xmlHead + `<w:ftr ` + wordNS + `><w:p><w:pPr><w:pStyle w:val="Footer"/>` + place + `</w:pPr>` +
		`<w:r><w:t xml:space="preserve">— </w:t></w:r><w:fldSimple w:instr=" PAGE "><w:r><w:t>1</w:t></w:r></w:fldSimple>` +
		`<w:r><w:t xml:space="preserve"> —</w:t></w:r></w:p></w:ftr>`
}
