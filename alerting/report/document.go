package report

import (
	"strconv"
	"strings"
	"time"

	"xunjian/alerting/text"
)

// Document is a document as data: a person reads and changes it before it goes.
type Document struct {
	Kind     Kind      `json:"kind"`
	Lang     string    `json:"lang"`
	Incident string    `json:"incident"`
	Drill    bool      `json:"drill,omitempty"`
	Made     time.Time `json:"made"`

	// Letterhead is the unit's name above the title; empty for papers that
	// are no letter.
	Letterhead string `json:"letterhead,omitempty"`
	Number     string `json:"number,omitempty"`
	Title      string `json:"title"`
	// Hold says what must have happened before the paper may leave the house.
	Hold string   `json:"hold,omitempty"`
	To   []string `json:"to,omitempty"`
	Copy []string `json:"copy,omitempty"`
	Body []Block  `json:"body"`
	// SMS is the short form for a telephone.
	SMS string `json:"sms,omitempty"`
	// Annexes come behind the signature, each on its own page.
	Annexes []Annex `json:"annexes,omitempty"`
	// Attachments names what else goes with the document.
	Attachments []string `json:"attachments,omitempty"`
	Signature   string   `json:"signature,omitempty"`
	Date        string   `json:"date,omitempty"`
	// Note stands below date and signature: whom to call.
	Note string `json:"note,omitempty"`
}

// BlockKind is what a block of a document is.
type BlockKind string

// The kinds of block. A Heading has level 1 or 2 and is numbered when it is
// written out, so that a section can go without the others being renumbered.
const (
	Heading   BlockKind = "heading"
	Paragraph BlockKind = "paragraph"
	Item      BlockKind = "item"
	Table     BlockKind = "table"
)

// Block is one block of a document's body. The first row of a table is its
// head; all rows have as many cells as the head.
type Block struct {
	Kind  BlockKind  `json:"kind"`
	Level int        `json:"level,omitempty"`
	Text  string     `json:"text,omitempty"`
	Rows  [][]string `json:"rows,omitempty"`
}

// Annex is a part that is attached to a document.
type Annex struct {
	Title string  `json:"title"`
	Body  []Block `json:"body"`
}

// Each returns one document for every addressee, for bodies that each get
// their own letter. A document without addressees comes back alone.
func (d Document) Each() []Document {
	if len(d.To) < 2 {
		return []Document{d}
	}
	var out []Document
	for _, to := range d.To {
		one := d
		one.To = []string{to}
		out = append(out, one)
	}
	return out
}

func drillMark(lang string) string {
	if lang == text.EN {
		return "[DRILL]"
	}
	return "[演练]"
}

func drillWarning(lang string) string {
	if lang == text.EN {
		return "This paper belongs to a drill. What it tells has not happened."
	}
	return "本件为应急演练文书，所述情况并非真实发生。"
}

// finished returns the document as it is written out: without characters that
// no paper can carry, and with the mark of a drill even if someone edited it
// away.
func (d Document) finished() Document {
	for _, s := range []*string{&d.Letterhead, &d.Number, &d.Title, &d.Hold, &d.SMS, &d.Signature, &d.Date, &d.Note} {
		*s = plain(*s)
	}
	d.To, d.Copy, d.Attachments = plainAll(d.To), plainAll(d.Copy), plainAll(d.Attachments)
	d.Body = plainBlocks(d.Body)
	var annexes []Annex
	for _, a := range d.Annexes {
		annexes = append(annexes, Annex{plain(a.Title), plainBlocks(a.Body)})
	}
	d.Annexes = annexes
	if d.Drill {
		d.Title, d.SMS = markTitle(d.Title, d.Lang), markSMS(d.SMS, d.Lang)
	}
	return d
}

func plainBlocks(in []Block) []Block {
	var out []Block
	for _, b := range in {
		b.Text = plain(b.Text)
		var rows [][]string
		for _, r := range b.Rows {
			rows = append(rows, plainAll(r))
		}
		b.Rows = rows
		out = append(out, b)
	}
	return out
}

func plainAll(in []string) []string {
	var out []string
	for _, s := range in {
		out = append(out, plain(s))
	}
	return out
}

func markTitle(title, lang string) string {
	m := drillMark(lang)
	if strings.HasPrefix(title, m) {
		return title
	}
	if lang == text.EN {
		m += " "
	}
	return m + title
}

// markSMS puts the mark behind the signature in 【】, which carriers want first.
func markSMS(sms, lang string) string {
	if sms == "" || strings.Contains(sms, drillMark(lang)) {
		return sms
	}
	if sign, rest, ok := strings.Cut(sms, "】"); ok && strings.HasPrefix(sign, "【") {
		return sign + "】" + markTitle(rest, lang)
	}
	return markTitle(sms, lang)
}

// numbering gives headings their numbers: 一、（一） or 1. 1.1.
type numbering struct {
	lang        string
	first, next int
}

func (n *numbering) heading(b Block) string {
	if b.Level == 2 {
		n.next++
		if n.lang == text.EN {
			return strconv.Itoa(max(1, n.first)) + "." + strconv.Itoa(n.next) + " " + b.Text
		}
		return "（" + chinese(n.next) + "）" + b.Text
	}
	n.first++
	n.next = 0
	if n.lang == text.EN {
		return strconv.Itoa(n.first) + ". " + b.Text
	}
	return chinese(n.first) + "、" + b.Text
}

// chinese writes 1 to 99 in Chinese; more sections no letter has.
func chinese(n int) string {
	digits := []rune("零一二三四五六七八九")
	switch {
	case n < 0 || n > 99:
		return strconv.Itoa(n)
	case n < 10:
		return string(digits[n])
	}
	s := "十"
	if n >= 20 {
		s = string(digits[n/10]) + s
	}
	if n%10 > 0 {
		s += string(digits[n%10])
	}
	return s
}

// The words that a layout needs besides the document's own.
func (d Document) label(zh, en string) string {
	if d.Lang == text.EN {
		return en
	}
	return zh
}

func (d Document) colon() string { return d.label("：", ": ") }

// salutation is the line of addressees, flush left.
func (d Document) salutation() string {
	if len(d.To) == 0 {
		return ""
	}
	return strings.Join(d.To, d.label("、", "; ")) + d.label("：", ":")
}

func (d Document) copies() string {
	if len(d.Copy) == 0 {
		return ""
	}
	return d.label("抄送：", "Copy: ") + strings.Join(d.Copy, d.label("，", "; ")) + d.label("。", "")
}

// attachments are the lines that list what comes with the letter.
func (d Document) attachments() []string {
	var out []string
	for _, a := range d.Annexes {
		out = append(out, a.Title)
	}
	out = append(out, d.Attachments...)
	if len(out) < 2 {
		return out
	}
	for i, a := range out {
		out[i] = strconv.Itoa(i+1) + ". " + a
	}
	return out
}

// annexHead is the mark above an annex: 附件, and its number if there are more.
func (d Document) annexHead(i int) string {
	head := d.label("附件", "Annex")
	if len(d.Annexes)+len(d.Attachments) > 1 {
		head += d.label("", " ") + strconv.Itoa(i+1)
	}
	return head
}

func (d Document) note() string {
	if d.Note == "" {
		return ""
	}
	return d.label("（", "(") + d.Note + d.label("）", ")")
}
