package dialect

import (
	"slices"
	"strings"

	"xunjian/checks/logs/syslog/message"
)

// Reading is what a dialect makes of a message.
type Reading struct {
	// Event is one of Events, or empty.
	Event string
	// Host and App are the message's, or what the dialect's own header says.
	Host, App string
	Fields    map[string]string
}

// Line is a message to be understood.
type Line struct {
	*message.Message
	letters letters
}

// NewLine returns m ready to be understood; m must not change from then on.
func NewLine(m *message.Message) *Line {
	l := &Line{Message: m}
	l.letters.read(m.Text)
	return l
}

// Read understands a message.
func (d *Dialect) Read(m *Line) Reading {
	out := Reading{Host: m.Host, App: m.App}
	if module := d.module(m.Text); module != "" {
		out.App = module
	}
	var pairs pairs
	for n := range d.Events {
		e := &d.Events[n]
		if !e.may(m, out.App) {
			continue
		}
		if len(e.Where) > 0 || len(e.Fields) > 0 {
			if pairs == nil {
				pairs = d.Pairs.read(m.Text)
			}
			if !e.where(pairs) {
				continue
			}
		}
		var found []int
		if e.match != nil {
			if found = e.match.FindStringSubmatchIndex(m.Text); found == nil {
				continue
			}
		}
		out.Event = e.Event
		out.Fields = e.fields(m.Text, found, pairs)
		break
	}
	if d.Host != "" && out.Host == "" {
		if pairs == nil {
			pairs = d.Pairs.read(m.Text)
		}
		out.Host, _ = pairs.get(d.Host)
	}
	return out
}

// may tells by words alone; app counts as a part of the line.
func (e *Event) may(m *Line, app string) bool {
	if len(e.App) > 0 && !slices.Contains(e.App, app) {
		return false
	}
	for i := range e.all {
		if w := &e.all[i]; !w.in(m.Text, &m.letters) && app != w.text {
			return false
		}
	}
	return !anyIn(e.not, m.Text, &m.letters) && (len(e.any) == 0 || anyIn(e.any, m.Text, &m.letters))
}

func (e *Event) where(p pairs) bool {
	for key, allowed := range e.Where {
		value, ok := p.get(key)
		if !ok || !fits(value, allowed) {
			return false
		}
	}
	return true
}

func fits(value string, allowed []string) bool {
	for _, want := range allowed {
		if begin, open := strings.CutSuffix(want, "*"); open {
			if len(value) >= len(begin) && strings.EqualFold(value[:len(begin)], begin) {
				return true
			}
		} else if strings.EqualFold(value, want) {
			return true
		}
	}
	return false
}

func (e *Event) fields(text string, found []int, p pairs) map[string]string {
	out := map[string]string{}
	for i, name := range e.names {
		if name != "" && found[2*i] >= 0 && found[2*i] < found[2*i+1] {
			out[name] = text[found[2*i]:found[2*i+1]]
		}
	}
	for field, key := range e.Fields {
		if v, _ := p.get(key); v != "" {
			out[field] = v
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// module is what the device's own header calls itself: SHELL in
// "%%10SHELL/5/SHELL_LOGIN:", SYS in "%SYS-5-CONFIG_I:".
func (d *Dialect) module(text string) string {
	if d.Header == "" {
		return ""
	}
	i := strings.IndexByte(text, '%')
	if i < 0 || i > 64 {
		return ""
	}
	s := strings.TrimLeft(text[i:], "%")
	sep := byte('-')
	if d.Header == "slash" {
		sep = '/'
		s = strings.TrimLeft(s, "0123456789") // the version: %%01, %%10
	}
	end := strings.IndexByte(s, sep)
	if end < 1 || end > 32 {
		return ""
	}
	for i := range end {
		if c := s[i]; !('A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_' || c == '-') {
			return ""
		}
	}
	return s[:end]
}

// pairs are keys and values of a line, as they stand there.
type pairs []struct{ key, value string }

// get returns the value of a key; that of the first of its name.
func (p pairs) get(key string) (string, bool) {
	for i := range p {
		if p[i].key == key {
			return p[i].value, true
		}
	}
	return "", false
}

// maxPairs bounds the pairs that are read of a line.
const maxPairs = 128

// read takes a line apart: key=value key="value with spaces". What is no pair
// is left out.
func (p Pairs) read(text string) pairs {
	out := make(pairs, 0, 16)
	skip, gap := " \t"+p.Between, p.gap()
	for len(text) > 0 && len(out) < maxPairs {
		text = strings.TrimLeft(text, skip)
		eq := strings.Index(text, p.Equals)
		if eq < 0 {
			break
		}
		key := text[:eq]
		// Words before the key that are no pair.
		if cut := strings.LastIndexAny(key, skip); cut >= 0 {
			key = key[cut+1:]
		}
		var value string
		value, text = p.value(strings.TrimLeft(text[eq+len(p.Equals):], gap))
		if key = strings.Trim(key, ` "[]`); key != "" {
			out = append(out, struct{ key, value string }{key, value})
		}
	}
	return out
}

// gap is what may stand between = and the value: nothing where a space already
// ends the pair.
func (p Pairs) gap() string {
	if p.Between == " " {
		return ""
	}
	return " "
}

// value reads a value, quoted or not, and returns what follows.
func (p Pairs) value(s string) (value, rest string) {
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		for i := 1; i < len(s); i++ {
			switch s[i] {
			case '\\':
				i++
			case s[0]:
				return s[1:i], s[i+1:]
			}
		}
	}
	end := strings.Index(s, p.Between)
	if end < 0 {
		end = len(s)
	}
	return strings.TrimSpace(s[:end]), s[end:]
}
