package report

import (
	"encoding/xml"
	"fmt"
	"strings"

	"xunjian/alerting/text"
)

// escape writes text for XML; what XML cannot hold becomes U+FFFD.
func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder does not fail
	return b.String()
}

func paragraph(style, properties, s string) string {
	return `<w:p><w:pPr><w:pStyle w:val="` + style + `"/>` + properties + `</w:pPr>` + run("", s) + `</w:p>`
}

func run(properties, s string) string {
	if s == "" {
		return ""
	}
	if properties != "" {
		properties = `<w:rPr>` + properties + `</w:rPr>`
	}
	return `<w:r>` + properties + `<w:t xml:space="preserve">` + escape(s) + `</w:t></w:r>`
}

// letterXML is the letter itself, in the order of GB/T 9704.
func (d Document) letterXML() string {
	var b strings.Builder
	add := func(style, properties, s string) {
		if s != "" {
			b.WriteString(paragraph(style, properties, s))
		}
	}
	b.WriteString(xmlHead + `<w:document ` + wordNS + `><w:body>`)
	if d.Drill {
		add("DrillMark", "", drillWarning(d.Lang))
	}
	d.headXML(&b)
	add("Title", "", d.Title)
	add("Boxed", "", d.Hold)
	add("Flush", "", d.salutation())
	d.blocksXML(&b, d.Body)
	if d.SMS != "" {
		add("Boxed", "", d.smsHead()+d.colon()+d.SMS)
	}
	d.attachedXML(&b)
	d.signedXML(&b)
	add("BodyText", "", d.note())
	for i, a := range d.Annexes {
		add("AnnexHead", "", d.annexHead(i))
		add("Title", "", a.Title)
		d.blocksXML(&b, a.Body)
	}
	add("Copies", "", d.copies()) // behind the annexes, on the last page
	b.WriteString(d.sectionXML() + `</w:body></w:document>`)
	return b.String()
}

// headXML is the red head with the number below it; papers without one have
// their number at the right.
func (d Document) headXML(b *strings.Builder) {
	switch {
	case d.Letterhead != "":
		// As large as fits one line, at most 36 points.
		size := max(32, min(72, 2*textWidth/20/max(1, cells(d.Letterhead))*2))
		b.WriteString(`<w:p><w:pPr><w:pStyle w:val="Letterhead"/></w:pPr>` +
			run(fmt.Sprintf(`<w:sz w:val="%d"/><w:szCs w:val="%[1]d"/>`, size), d.Letterhead) + `</w:p>`)
		b.WriteString(paragraph("Number", "", d.Number))
	case d.Number != "":
		b.WriteString(paragraph("Right", "", d.Number))
	}
}

func (d Document) blocksXML(b *strings.Builder, body []Block) {
	n := numbering{lang: d.Lang}
	for _, block := range body {
		switch block.Kind {
		case Heading:
			style := "Heading1"
			if block.Level == 2 {
				style = "Heading2"
			}
			b.WriteString(paragraph(style, "", n.heading(block)))
		case Table:
			tableXML(b, block.Rows)
		case Item:
			b.WriteString(paragraph("BodyText", "", d.label("· ", "– ")+block.Text))
		default:
			b.WriteString(paragraph("BodyText", "", block.Text))
		}
	}
}

func tableXML(b *strings.Builder, rows [][]string) {
	if len(rows) == 0 || len(rows[0]) == 0 {
		return
	}
	widths := columnWidths(rows)
	b.WriteString(`<w:tbl><w:tblPr><w:tblStyle w:val="TableGrid"/><w:tblW w:w="5000" w:type="pct"/><w:tblLayout w:type="fixed"/></w:tblPr><w:tblGrid>`)
	for _, w := range widths {
		fmt.Fprintf(b, `<w:gridCol w:w="%d"/>`, w)
	}
	b.WriteString(`</w:tblGrid>`)
	for i, row := range rows {
		style, repeat := "Cell", ""
		if i == 0 {
			style, repeat = "CellHead", `<w:tblHeader/>`
		}
		b.WriteString(`<w:tr><w:trPr><w:cantSplit/>` + repeat + `</w:trPr>`)
		for n, w := range widths {
			cell := ""
			if n < len(row) {
				cell = row[n]
			}
			fmt.Fprintf(b, `<w:tc><w:tcPr><w:tcW w:w="%d" w:type="dxa"/></w:tcPr>%s</w:tc>`, w, paragraph(style, "", cell))
		}
		b.WriteString(`</w:tr>`)
	}
	b.WriteString(`</w:tbl>`)
}

// columnWidths shares the width by the longest cell of each column, within
// bounds so that no column starves.
func columnWidths(rows [][]string) []int {
	weights, sum := make([]int, len(rows[0])), 0
	for i := range weights {
		longest := 0
		for _, r := range rows {
			if i < len(r) {
				longest = max(longest, cells(r[i]))
			}
		}
		weights[i] = max(8, min(40, longest))
		sum += weights[i]
	}
	for i := range weights {
		weights[i] = weights[i] * textWidth / sum
	}
	return weights
}

// cells is the width of a text in half characters.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n++
		if wide(r) {
			n++
		}
	}
	return n
}

func (d Document) attachedXML(b *strings.Builder) {
	list := d.attachments()
	if len(list) == 0 {
		return
	}
	b.WriteString(paragraph("BodyText", "", ""))
	word := d.label("附件：", "Attached: ")
	for i, a := range list {
		indent := `<w:ind w:leftChars="200" w:left="640" w:firstLineChars="0" w:firstLine="0"/>`
		if i > 0 {
			// Under the first one's number.
			indent = `<w:ind w:leftChars="500" w:left="1600" w:firstLineChars="0" w:firstLine="0"/>`
			word = ""
		}
		b.WriteString(paragraph("BodyText", indent, word+a))
	}
}

// signedXML is signature and date: the date four characters from the right, the
// signature centred over it, so that the seal finds its place.
func (d Document) signedXML(b *strings.Builder) {
	if d.Signature == "" && d.Date == "" {
		return
	}
	b.WriteString(paragraph("BodyText", `<w:keepNext/>`, ""))
	right, size := 8, sizeFor(d.Lang).Size
	over := right + (cells(d.Date)-cells(d.Signature))/2
	if over < 4 {
		// A long name stands two characters from the right, the date under its middle.
		right, over = right+4-over, 4
	}
	indent := func(half int) string {
		if d.Lang == text.EN {
			return `<w:ind w:right="0"/>`
		}
		return fmt.Sprintf(`<w:ind w:rightChars="%d" w:right="%d"/>`, half*50, half*size*5)
	}
	if d.Signature != "" {
		b.WriteString(paragraph("Right", indent(over), d.Signature))
	}
	if d.Date != "" {
		b.WriteString(paragraph("Right", `<w:keepNext w:val="0"/>`+indent(right), d.Date))
	}
}

func (d Document) sectionXML() string {
	grid := `<w:docGrid w:type="linesAndChars" w:linePitch="560" w:charSpace="-849"/>` // 28 characters a line
	if d.Lang == text.EN {
		grid = ""
	}
	refs := `<w:headerReference w:type="default" r:id="rId4"/><w:headerReference w:type="even" r:id="rId4"/>` +
		`<w:footerReference w:type="default" r:id="rId5"/><w:footerReference w:type="even" r:id="rId6"/>`
	return `<w:sectPr>` + refs +
		fmt.Sprintf(`<w:pgSz w:w="%d" w:h="%d"/><w:pgMar w:top="%d" w:right="%d" w:bottom="%d" w:left="%d" w:header="%d" w:footer="%d" w:gutter="0"/>`,
			pageWidth, pageHeight, marginTop, marginRight, marginBottom, marginLeft, headerAt, footerAt) + grid + `</w:sectPr>`
}
