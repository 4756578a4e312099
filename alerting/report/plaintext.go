package report

import "strings"

// Text writes the document as plain text, for mail and for reading aloud.
func (d Document) Text() string {
	d = d.finished()
	var b strings.Builder
	para := func(s string) {
		if s != "" {
			b.WriteString(s + "\n\n")
		}
	}
	if d.Drill {
		para(drillMark(d.Lang) + d.label("", " ") + drillWarning(d.Lang))
	}
	para(d.Letterhead)
	para(d.Number)
	para(d.Title)
	if d.Hold != "" {
		para("【" + d.Hold + "】")
	}
	para(d.salutation())
	d.textBody(&b, d.Body)
	if d.SMS != "" {
		para(d.smsHead() + d.colon() + d.SMS)
	}
	if att := d.attachments(); len(att) > 0 {
		para(d.label("附件：", "Attached: ") + strings.Join(att, d.label("；", "; ")))
	}
	if d.Signature != "" {
		b.WriteString(d.Signature + "\n")
	}
	para(d.Date)
	para(d.note())
	for i, a := range d.Annexes {
		para(d.annexHead(i) + d.colon() + a.Title)
		d.textBody(&b, a.Body)
	}
	para(d.copies())
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func (d Document) textBody(b *strings.Builder, body []Block) {
	n := numbering{lang: d.Lang}
	for i, block := range body {
		switch block.Kind {
		case Heading:
			b.WriteString(n.heading(block) + "\n\n")
		case Item:
			b.WriteString(d.label("· ", "- ") + block.Text + "\n")
			if i+1 == len(body) || body[i+1].Kind != Item {
				b.WriteString("\n")
			}
		case Table:
			for _, row := range block.Rows {
				b.WriteString(strings.Join(row, " | ") + "\n")
			}
			b.WriteString("\n")
		default:
			b.WriteString(block.Text + "\n\n")
		}
	}
}
