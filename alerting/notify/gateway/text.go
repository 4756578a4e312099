package gateway

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"xunjian/alerting/notify/channel"
)

// The parts that a short message can be made of.
const (
	partSubject = "subject"
	partText    = "text"
	partFacts   = "facts"
	partLink    = "link"
)

// maxBody bounds a text before it is fitted, in characters: more goes in no
// number of segments that is allowed.
const maxBody = 2000

// maxID bounds the id of an incident, in characters: it is never left out.
const maxID = 40

var webAddress = regexp.MustCompile(`(?i)\b(?:[a-z][a-z0-9+.-]{0,20}://|www\.)[!-~]*`)

// neutral makes a text from outside one that a carrier and a telephone take for
// nothing but text: no control characters, no 【】, which mark the signature,
// and nothing that could be touched to open a page.
func neutral(s, lang string) string {
	s = webAddress.ReplaceAllString(channel.OneLine(s), word(lang, "[链接]", "[link]"))
	s = strings.NewReplacer("【", "〔", "】", "〕").Replace(s)
	var b strings.Builder
	for i := range len(s) {
		// A name like evil.example.org becomes evil .example .org.
		if s[i] == '.' && i > 0 && letterOrDigit(s[i-1]) && i+2 < len(s) && letter(s[i+1]) && (letterOrDigit(s[i+2]) || s[i+2] == '-') {
			b.WriteByte(' ')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func letterOrDigit(c byte) bool { return letter(c) || c >= '0' && c <= '9' }

func word(lang, zh, en string) string {
	if lang == "en" {
		return en
	}
	return zh
}

func drillMark(lang string) string { return word(lang, "[演练]", "[DRILL]") }

// drill is the mark of a drill as this kind of message has it.
func (c Config) drill(lang string) string {
	if c.Kind == Voice {
		return word(lang, "演练，", "Drill, ")
	}
	return drillMark(lang)
}

// signature is how a carrier marks who sends a message.
func signature(name string) string {
	if name == "" {
		return ""
	}
	return "【" + name + "】"
}

// without takes the mark of a drill and the id of the incident out of a text;
// both are put in where they belong.
func without(s, id, lang string) string {
	s = strings.TrimPrefix(s, drillMark(lang))
	if id != "" {
		s = strings.NewReplacer("（"+id+"）", "", " ("+id+")", "", "("+id+")", "").Replace(s)
	}
	return strings.TrimSpace(s)
}

// short is m as a short message of at most the configured number of segments,
// with the signature that goes before it. It ends with the id of the incident,
// and with the link where that is wanted and there is room.
func (c Config) short(m channel.Message) string {
	id := clip(neutral(m.Incident.ID, m.Lang), maxID)
	var pieces []string
	add := func(s string) {
		if s = without(neutral(s, m.Lang), id, m.Lang); s != "" {
			pieces = append(pieces, s)
		}
	}
	for _, part := range c.text() {
		switch part {
		case partSubject:
			add(m.Subject)
		case partText:
			for line := range strings.SplitSeq(m.Text, "\n") {
				add(line)
			}
		case partFacts:
			for _, f := range m.Facts {
				add(f.Name + word(m.Lang, "：", ": ") + f.Value)
			}
		}
	}
	body := clip(strings.Join(pieces, " "), maxBody)
	if m.Incident.Drill {
		body = c.drill(m.Lang) + body
	}
	tail := ""
	if id != "" {
		tail = " " + id
	}
	if link := channel.OneLine(m.Link); link != "" && slices.Contains(c.text(), partLink) {
		// Half a link is none, and a link alone says nothing.
		if text := c.fit(body, tail+" "+link); utf8.RuneCountInString(text)-utf8.RuneCountInString(tail+" "+link) >= min(20, utf8.RuneCountInString(body)) {
			return text
		}
	}
	return c.fit(body, tail)
}

// fit is body, shortened so that it goes with the signature and the tail in the
// configured number of segments.
func (c Config) fit(body, tail string) string {
	parts, sign := c.parts(), signature(c.SignName)
	if whole := strings.TrimSpace(body + tail); Fits(sign+whole, parts) {
		return whole
	}
	runes := []rune(body)
	cut := func(n int) string {
		more := "…"
		if _, unicode := Segments(sign + string(runes[:n]) + tail); !unicode {
			more = "..." // … would take the whole text out of GSM-7
		}
		return strings.TrimSpace(strings.TrimSpace(string(runes[:n])) + more + tail)
	}
	low, high := 0, len(runes) // low fits, or nothing does
	for low < high {
		if mid := (low + high + 1) / 2; Fits(sign+cut(mid), parts) {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return cut(low)
}

// clip shortens to at most n characters.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:max(0, n-1)]) + "…"
}

// param is one of a template's, with the name it has there.
type param struct{ name, value string }

// The facts that can go into a template.
var facts = []string{"subject", "text", "title", "code", "level", "system", "host", "incident", "scenario", "kind", "person"}

// params are the template's, in order. An empty one would be refused.
func (c Config) params(m channel.Message, most int) []param {
	i := m.Incident
	values := map[string]string{
		"subject": m.Subject, "text": strings.ReplaceAll(m.Text, "\n", " "), "title": i.Title.In(m.Lang), "code": i.Code, "level": string(i.Level),
		"system": i.System, "host": i.Host, "incident": i.ID, "scenario": i.Scenario, "kind": m.Kind, "person": m.Person.Name,
	}
	var out []param
	for n, p := range c.Params {
		name, fact := named(p)
		v := values[fact]
		if fact == "subject" || fact == "text" {
			v = strings.TrimPrefix(channel.OneLine(v), drillMark(m.Lang))
			if slices.ContainsFunc(c.Params, func(p string) bool { _, fact := named(p); return fact == "incident" }) {
				v = without(v, i.ID, m.Lang)
			}
		}
		if c.Kind == Voice {
			if fact == "level" && v != "" {
				v = levelWord(i.Level, m.Lang)
			}
			v = spoken(v, m.Lang, i.ID, most)
		}
		v = neutral(v, m.Lang)
		if v == "" {
			v = word(m.Lang, "无", "none")
		}
		if n == 0 && i.Drill {
			v = c.drill(m.Lang) + v
		}
		out = append(out, param{name, clip(v, most)})
	}
	return out
}

// named parts "name=fact"; a fact alone is its own name.
func named(p string) (name, fact string) {
	if name, fact, ok := strings.Cut(p, "="); ok {
		return name, fact
	}
	return p, p
}
