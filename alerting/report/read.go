package report

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// headKeys are the words before the line --- of a text, in both languages.
// Those that return a list may stand several times.
func headKeys(d *Document) map[string]any {
	keys := map[string]any{
		"title": &d.Title, "letterhead": &d.Letterhead, "number": &d.Number, "hold": &d.Hold,
		"to": &d.To, "copy": &d.Copy, "attachment": &d.Attachments,
		"signature": &d.Signature, "date": &d.Date, "note": &d.Note, "sms": &d.SMS,
	}
	for zh, en := range map[string]string{
		"标题": "title", "版头": "letterhead", "文号": "number", "限制": "hold",
		"主送": "to", "抄送": "copy", "附件": "attachment",
		"署名": "signature", "日期": "date", "附注": "note", "短信": "sms",
	} {
		keys[zh] = keys[en]
	}
	return keys
}

// read takes a made-up text apart: head, a line ---, body.
func read(d *Document, s string) error {
	lines := strings.Split(s, "\n")
	body := -1
	keys := headKeys(d)
	for i, line := range lines {
		line = trim(line)
		if line == "---" {
			body = i + 1
			break
		}
		if line == "" {
			continue
		}
		if err := readHead(keys, line); err != nil {
			return err
		}
	}
	switch {
	case body < 0:
		return fmt.Errorf("the line --- that ends the head is missing")
	case d.Title == "":
		return fmt.Errorf("the head has no title")
	}
	r := reader{}
	for _, line := range lines[body:] {
		if err := r.line(line); err != nil {
			return err
		}
	}
	r.flush()
	d.Body, d.Annexes = r.out, nil
	if len(r.annexes) > 0 {
		r.annexes[len(r.annexes)-1].Body = r.out
		d.Body, d.Annexes = r.body, r.annexes
	}
	return nil
}

func readHead(keys map[string]any, line string) error {
	at := strings.IndexAny(line, ":：")
	if at < 0 {
		return fmt.Errorf("the line %q in the head has no colon; want a key like title: or 标题：", short(show(line)))
	}
	_, size := utf8.DecodeRuneInString(line[at:])
	key, value := strings.TrimSpace(line[:at]), show(strings.TrimSpace(line[at+size:]))
	switch field := keys[strings.ToLower(key)].(type) {
	case *string:
		if *field != "" {
			return fmt.Errorf("%q stands twice in the head", key)
		}
		*field = value
	case *[]string:
		if value != "" {
			*field = append(*field, value)
		}
	default:
		return fmt.Errorf("unknown key %q in the head; allowed: title, letterhead, number, hold, to, copy, attachment, signature, date, note, sms (标题、版头、文号、限制、主送、抄送、附件、署名、日期、附注、短信)", short(show(key)))
	}
	return nil
}

func trim(line string) string {
	return strings.TrimSpace(strings.ReplaceAll(line, string(lineNC), ""))
}

func short(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// reader makes blocks from the lines of a body.
type reader struct {
	body    []Block // once the annexes have begun
	annexes []Annex
	out     []Block
	para    string // of the paragraph or item that goes on
	kind    BlockKind
}

func (r *reader) line(raw string) error {
	line := trim(raw)
	switch {
	case line == "" && strings.ContainsRune(raw, lineNC):
		// A paragraph may go on behind an {{if}}, an item does not.
		if r.kind == Item {
			r.flush()
		}
	case line == "":
		r.flush()
	case strings.HasPrefix(line, "=== "):
		r.annex(show(strings.TrimSpace(line[4:])))
	case strings.HasPrefix(line, "## "):
		r.flush()
		r.out = append(r.out, Block{Kind: Heading, Level: 2, Text: show(strings.TrimSpace(line[3:]))})
	case strings.HasPrefix(line, "# "):
		r.flush()
		r.out = append(r.out, Block{Kind: Heading, Level: 1, Text: show(strings.TrimSpace(line[2:]))})
	case strings.HasPrefix(line, "- "):
		r.flush()
		r.kind, r.para = Item, strings.TrimSpace(line[2:])
	case strings.HasPrefix(line, "|"):
		return r.row(line)
	default:
		r.more(line)
	}
	return nil
}

// annex ends the letter, or the annex before, and begins one.
func (r *reader) annex(title string) {
	r.flush()
	if n := len(r.annexes); n > 0 {
		r.annexes[n-1].Body = r.out
	} else {
		r.body = r.out
	}
	r.annexes, r.out = append(r.annexes, Annex{Title: title}), nil
}

// more adds a line to the paragraph, with a space where the script wants one.
func (r *reader) more(line string) {
	if r.para == "" {
		r.kind, r.para = Paragraph, line
		return
	}
	last, _ := utf8.DecodeLastRuneInString(r.para)
	first, _ := utf8.DecodeRuneInString(line)
	if !wide(last) && !wide(first) {
		r.para += " "
	}
	r.para += line
}

func (r *reader) flush() {
	if r.para != "" {
		r.out = append(r.out, Block{Kind: r.kind, Text: show(r.para)})
	}
	r.para = ""
}

// row adds a row to the table before it, whatever empty lines stand between.
func (r *reader) row(line string) error {
	r.flush()
	line = strings.TrimSuffix(line[1:], "|")
	var cells []string
	for _, c := range strings.Split(line, "|") {
		cells = append(cells, show(strings.TrimSpace(c)))
	}
	if n := len(r.out); n > 0 && r.out[n-1].Kind == Table {
		t := &r.out[n-1]
		if len(cells) != len(t.Rows[0]) {
			return fmt.Errorf("the row %q has %d columns, the head of its table %d", short(strings.Join(cells, " | ")), len(cells), len(t.Rows[0]))
		}
		t.Rows = append(t.Rows, cells)
		return nil
	}
	r.out = append(r.out, Block{Kind: Table, Rows: [][]string{cells}})
	return nil
}
