package calendar

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// icsReader reads an iCalendar file (RFC 5545).
type icsReader struct {
	budget
	cfg         Config
	home        *time.Location
	wrong       *icsProblems
	definitions []*component
	zones       map[string]zone
	kinds       map[string]Kind
	doc         *document
}

// readICS reads the events of a file that mean something here.
func readICS(name string, b []byte, cfg Config, home *time.Location) (*document, error) {
	r := &icsReader{
		budget: budget{maxSteps}, cfg: cfg, home: home, wrong: &icsProblems{file: name},
		zones: map[string]zone{}, kinds: map[string]Kind{}, doc: &document{file: name},
	}
	for category, kind := range cfg.Categories {
		r.kinds[fold(category)] = kind
	}
	roots := components(b, r.wrong)
	if err := r.wrong.err(); err != nil {
		return nil, err
	}
	for _, root := range roots {
		for _, c := range root.children {
			if c.name == "VTIMEZONE" {
				r.definitions = append(r.definitions, c)
			}
		}
	}
	r.groups(roots)
	if err := r.wrong.err(); err != nil {
		return nil, err
	}
	return r.doc, nil
}

// group are the components of one UID: the event, and those that stand for
// single occurrences of it.
type group struct {
	uid     string
	master  *vevent
	replace []*vevent
}

// vevent is a component with what its categories say.
type vevent struct {
	*component
	kind      Kind
	project   string
	systems   []string
	uid       string
	cancelled bool
}

// groups reads the events by UID, in the order of the file.
func (r *icsReader) groups(roots []*component) {
	byUID := map[string]*group{}
	var order []*group
	for _, root := range roots {
		for _, c := range root.children {
			if c.name != "VEVENT" {
				continue
			}
			e := r.vevent(root, c)
			g := byUID[e.uid]
			if g == nil || e.uid == "" {
				g = &group{uid: e.uid}
				byUID[e.uid] = g
				order = append(order, g)
			}
			r.join(g, e)
		}
	}
	for _, g := range order {
		if r.wrong.full() {
			return
		}
		r.group(g)
	}
}

// join puts an event into its group. Of two versions the one with the higher
// SEQUENCE holds.
func (r *icsReader) join(g *group, e *vevent) {
	if len(e.all("RECURRENCE-ID")) > 0 {
		g.replace = append(g.replace, e)
		return
	}
	if g.master == nil {
		g.master = e
		return
	}
	switch was, is := g.master.sequence(), e.sequence(); {
	case is > was:
		g.master = e
	case is == was && (e.kind != "" || g.master.kind != "" || r.cfg.Unmarked != ""):
		r.wrong.add(e.begin.line, 0, "the UID %q stands twice; first in line %d. Give one of them a UID of its own, or a higher SEQUENCE",
			clip(e.uid), g.master.line())
	}
}

// sequence is the number of a version; without one it is the first.
func (e *vevent) sequence() int {
	n := 0
	for _, c := range e.says("SEQUENCE") {
		if c < '0' || c > '9' || n > 1<<30 {
			return 0
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// vevent reads what an event is and what it holds for.
func (r *icsReader) vevent(root, c *component) *vevent {
	e := &vevent{component: c}
	e.cancelled = c.says("STATUS") == "CANCELLED" || root.says("METHOD") == "CANCEL"
	if in := c.all("UID"); len(in) > 0 {
		e.uid = clean(in[0].text())
	}
	for _, in := range c.all("CATEGORIES") {
		for _, category := range in.texts() {
			if system := systemOf(category); system != "" {
				e.systems = append(e.systems, system)
			} else if k, ok := r.kinds[fold(category)]; ok && (e.kind == "" || graver(k, e.kind)) {
				e.kind = k
			}
		}
	}
	for _, in := range c.all("X-XUNJIAN-SYSTEMS") {
		for _, system := range in.texts() {
			if system = strings.TrimSpace(system); system != "" {
				e.systems = append(e.systems, system)
			}
		}
	}
	for _, in := range c.all("X-XUNJIAN-PROJECT") {
		e.project = bounded(in.text(), maxTitle)
	}
	return e
}

// graver tells which of two kinds an event is that is both.
func graver(a, b Kind) bool { return slices.Index(Kinds[:], a) < slices.Index(Kinds[:], b) }

// systemOf returns the system that a category names, like system:tendering or
// 系统:招标平台; empty if it names none.
func systemOf(category string) string {
	category = strings.TrimSpace(category)
	for _, prefix := range []string{"system:", "系统:", "系统："} {
		if len(category) > len(prefix) && strings.EqualFold(category[:len(prefix)], prefix) {
			return strings.TrimSpace(category[len(prefix):])
		}
	}
	return ""
}

// bounded makes one short line of a text from outside.
func bounded(s string, most int) string {
	s = clean(s)
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most-1]) + "…"
	}
	return s
}

// group reads an event and what replaces its occurrences, which are of its
// kind and hold for its systems unless they say otherwise.
func (r *icsReader) group(g *group) {
	kind := r.cfg.Unmarked
	var master *series
	if m := g.master; m != nil {
		if m.kind == "" {
			m.kind = kind
		}
		kind = m.kind
		if m.kind != "" && !m.cancelled {
			master = r.series(m)
		} else if m.kind == "" {
			r.skip(m)
		}
	}
	for _, e := range g.replace {
		if e.kind == "" {
			e.kind = kind
		}
		if e.kind == "" {
			r.skip(e)
			continue
		}
		r.replacement(g, master, e)
	}
	if master != nil {
		r.doc.series = append(r.doc.series, master)
	}
}

// maxSkipped bounds what is remembered of events that mean nothing here.
const maxSkipped = 1000

func (r *icsReader) skip(e *vevent) {
	if len(r.doc.skipped) >= maxSkipped || e.cancelled {
		return
	}
	title := ""
	if in := e.all("SUMMARY"); len(in) > 0 {
		title = bounded(in[0].text(), maxTitle)
	}
	r.doc.skipped = append(r.doc.skipped, Skipped{r.doc.file, e.line(), title})
}
