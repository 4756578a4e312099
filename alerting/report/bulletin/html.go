package bulletin

import (
	"encoding/base64"
	"fmt"
	"html"
	"strings"
)

// Picture is a chart beside a mail.
type Picture struct {
	ID  string // its Content-ID
	PNG []byte
}

// HTML writes the document as a page by itself, its charts within it.
func (d *Document) HTML() ([]byte, error) {
	page, _, err := d.page(func(p Picture) string { return "data:image/png;base64," + base64.StdEncoding.EncodeToString(p.PNG) })
	return page, err
}

// Mail writes the document as the page of a mail, with the charts that it names
// by Content-ID.
func (d *Document) Mail() ([]byte, []Picture, error) {
	return d.page(func(p Picture) string { return "cid:" + p.ID })
}

// The styles stand in the tags: mail programs drop all others. Every ground has
// its colour, so that a program which turns to dark turns all or nothing.
const (
	// pageWidth is what a picture has at the most, in points of the screen.
	pageWidth = 688
	faces     = `font-family:'PingFang SC','Microsoft YaHei','Noto Sans CJK SC','WenQuanYi Micro Hei',Helvetica,Arial,sans-serif;`
	cellStyle = `padding:6px 8px;border-bottom:1px solid #e4e7ec;vertical-align:top;font-size:13px;line-height:1.5;background-color:#ffffff;word-break:break-word;`
	headStyle = `padding:6px 8px;border-bottom:1px solid #cbd2d9;vertical-align:bottom;font-size:12px;line-height:1.4;background-color:#eef1f5;color:#52606d;text-align:left;font-weight:normal;word-break:break-word;`
)

func (d *Document) page(link func(Picture) string) ([]byte, []Picture, error) {
	p, err := newPen()
	if err != nil {
		return nil, nil, err
	}
	var b strings.Builder
	var pictures []Picture
	fmt.Fprintf(&b, `<!doctype html>
<html lang="%s"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light only"><meta name="supported-color-schemes" content="light"><title>%s</title></head>
<body style="margin:0;padding:0;background-color:#f4f6f8;">
<table role="presentation" width="100%%" cellpadding="0" cellspacing="0" border="0" bgcolor="#f4f6f8" style="background-color:#f4f6f8;"><tr><td align="center" style="padding:12px 4px;">
<table role="presentation" width="100%%" cellpadding="0" cellspacing="0" border="0" bgcolor="#ffffff" style="max-width:720px;background-color:#ffffff;color:#1f2933;%s">
<tr><td style="padding:18px 16px 12px;border-top:5px solid #%s;background-color:#ffffff;"><h1 style="margin:0 0 6px;font-size:20px;line-height:1.35;color:#1f2933;">%s</h1>`,
		html.EscapeString(d.Lang), html.EscapeString(d.Title), faces, hex[d.Verdict], html.EscapeString(d.Title))
	for _, l := range d.Lead {
		fmt.Fprintf(&b, `<div style="font-size:13px;line-height:1.6;color:#52606d;">%s</div>`, html.EscapeString(l))
	}
	b.WriteString("</td></tr>\n")
	open := func() {
		b.WriteString(`<tr><td style="padding:4px 16px;background-color:#ffffff;">`)
	}
	for _, part := range d.Parts {
		open()
		switch part := part.(type) {
		case Heading:
			tag, size := "h2", "17px;margin:14px 0 4px;border-left:4px solid #1f5fa8;padding-left:8px"
			if part.Minor {
				tag, size = "h3", "14px;margin:10px 0 2px"
			}
			fmt.Fprintf(&b, `<%s style="font-size:%s;line-height:1.4;color:#1f2933;">%s</%s>`, tag, size, html.EscapeString(part.Text), tag)
		case Text:
			fmt.Fprintf(&b, `<p style="margin:4px 0;font-size:14px;line-height:1.6;color:#%s;">%s</p>`, hex[part.Tone], lines(part.Text))
		case Table:
			part.html(&b)
		case Chart:
			raw, err := p.png(part)
			if err != nil {
				return nil, nil, fmt.Errorf("draw %s: %w", part.Title, err)
			}
			pic := Picture{ID: fmt.Sprintf("chart%d@xunjian", len(pictures)+1), PNG: raw}
			pictures = append(pictures, pic)
			fmt.Fprintf(&b, `<img src="%s" alt="%s" width="%d" style="display:block;width:100%%;max-width:%dpx;height:auto;border:0;background-color:#ffffff;">`,
				link(pic), html.EscapeString(part.Title), ChartWidth, pageWidth)
		case Signatures:
			part.html(&b)
		}
		b.WriteString("</td></tr>\n")
	}
	fmt.Fprintf(&b, `<tr><td style="padding:12px 16px;border-top:1px solid #e4e7ec;font-size:12px;line-height:1.5;color:#667085;background-color:#ffffff;">%s</td></tr>
</table></td></tr></table></body></html>
`, html.EscapeString(d.Footer))
	return []byte(b.String()), pictures, nil
}

func lines(s string) string { return strings.ReplaceAll(html.EscapeString(s), "\n", "<br>") }

func (t Table) html(b *strings.Builder) {
	whole := 0.0
	for _, c := range t.Columns {
		whole += c.Share
	}
	b.WriteString(`<table width="100%" cellpadding="0" cellspacing="0" border="0" style="border-collapse:collapse;table-layout:fixed;width:100%;margin:4px 0;"><tr>`)
	for _, c := range t.Columns {
		fmt.Fprintf(b, `<th width="%.0f%%" scope="col" style="%s%s">%s</th>`, c.Share/whole*100, headStyle, aligned(c), html.EscapeString(c.Title))
	}
	b.WriteString("</tr>\n")
	for _, row := range t.Rows {
		b.WriteString("<tr>")
		for n, c := range row {
			fmt.Fprintf(b, `<td style="%s%scolor:#%s;">%s</td>`, cellStyle, aligned(t.Columns[n]), hex[c.Tone], lines(c.Text))
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</table>")
}

func aligned(c Column) string {
	if c.Right {
		return "text-align:right;"
	}
	return ""
}

func (s Signatures) html(b *strings.Builder) {
	b.WriteString(`<table width="100%" cellpadding="0" cellspacing="0" border="0" style="border-collapse:collapse;margin:8px 0;">`)
	for _, who := range s {
		fmt.Fprintf(b, `<tr><td style="%swidth:22%%;">%s</td><td style="%s">%s&nbsp; %s</td></tr>`, cellStyle, html.EscapeString(who.As), cellStyle,
			html.EscapeString(strings.TrimSpace(who.By+"  "+who.At)), html.EscapeString(who.Note))
	}
	b.WriteString("</table>")
}

// Plain writes the document as text: the other half of a mail.
func (d *Document) Plain() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", d.Title, strings.Join(d.Lead, "\n"))
	for _, part := range d.Parts {
		switch part := part.(type) {
		case Heading:
			if part.Minor {
				fmt.Fprintf(&b, "\n· %s\n", part.Text)
				continue
			}
			fmt.Fprintf(&b, "\n== %s\n", part.Text)
		case Text:
			fmt.Fprintf(&b, "%s\n", part.Text)
		case Table:
			for _, row := range part.Rows {
				var cells []string
				for n, c := range row {
					switch {
					case c.Text == "":
					case n == 0 || part.Columns[n].Title == "":
						cells = append(cells, flat(c.Text))
					default:
						cells = append(cells, part.Columns[n].Title+" "+flat(c.Text))
					}
				}
				fmt.Fprintf(&b, "- %s\n", strings.Join(cells, " | "))
			}
		case Signatures:
			b.WriteByte('\n')
			for _, who := range part {
				fmt.Fprintf(&b, "%s %s %s %s\n", who.As, who.By, who.At, who.Note)
			}
		}
	}
	fmt.Fprintf(&b, "\n%s\n", d.Footer)
	return b.String()
}
