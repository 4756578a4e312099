package pattern

import (
	"bytes"
	"slices"
)

// Hit is a line that a pattern matches. It is valid until the function that got
// it returns.
type Hit struct {
	Pattern *Pattern
	// Number is the pattern's in the list of the Matcher.
	Number int
	// Line is the whole line without its end; Message what is after the syslog
	// header, the whole line if it has none.
	Line, Message []byte
	Header        Header
	groups        []int
	in            []byte // what groups counts in
	// stop is the end of the line that was last tried, tries how often.
	stop, tries int
}

// Bounds on what one line may cost: a line can be made of words alone.
const (
	maxTries   = 8
	maxMatched = 32 << 10 // bytes of a line that are held against expressions
)

// Field returns what a named field matched; nil if it took no part.
func (h *Hit) Field(name string) []byte {
	n := slices.Index(h.Pattern.fields, name)
	if n < 0 || 2*n+1 >= len(h.groups) || h.groups[2*n] < 0 {
		return nil
	}
	return h.in[h.groups[2*n]:h.groups[2*n+1]]
}

// Matcher looks for patterns. It is safe for concurrent use.
type Matcher struct {
	patterns []*Pattern
	searches []*search
	// byWord are the patterns of each word.
	byWord [][]int
}

// NewMatcher returns a Matcher of compiled patterns.
func NewMatcher(list []*Pattern) *Matcher {
	m := &Matcher{patterns: list}
	known := map[string]int{}
	var words []word
	for n, p := range list {
		for _, l := range p.Literals {
			id, ok := known[l]
			if !ok {
				id = len(m.byWord)
				known[l] = id
				m.byWord = append(m.byWord, nil)
				words = append(words, word{text: []byte(l), id: id})
			}
			if !slices.Contains(m.byWord[id], n) {
				m.byWord[id] = append(m.byWord[id], n)
			}
		}
	}
	m.searches = classes(words)
	return m
}

// Patterns returns what is looked for.
func (m *Matcher) Patterns() []*Pattern { return m.patterns }

// For returns a Matcher of those patterns that are looked for in a kind of
// source.
func For(list []*Pattern, kind string) *Matcher {
	var fit []*Pattern
	for _, p := range list {
		if kind == "" || len(p.Kinds) == 0 || slices.Contains(p.Kinds, kind) {
			fit = append(fit, p)
		}
	}
	return NewMatcher(fit)
}

// Scan looks at whole lines and calls found for each that a pattern matches. A
// line counts once: for the pattern whose word stands first, and if several
// have that word, for the first in the list.
func (m *Matcher) Scan(b []byte, found func(*Hit)) {
	switch len(m.searches) {
	case 0:
	case 1:
		m.one(b, found)
	default:
		m.several(b, found)
	}
}

func (m *Matcher) one(b []byte, found func(*Hit)) {
	var h Hit
	h.stop = -1
	s := m.searches[0]
	for from := 0; from < len(b); {
		id, at, end := s.next(b, from)
		if id < 0 {
			return
		}
		from = m.try(&h, b, id, at, end, found)
	}
}

// several goes on with the search whose word stands first.
func (m *Matcher) several(b []byte, found func(*Hit)) {
	var h Hit
	h.stop = -1
	type ahead struct{ id, at, end int }
	next := make([]ahead, len(m.searches))
	for n := range next {
		next[n].at = -1
	}
	for from := 0; from < len(b); {
		best := -1
		for n, s := range m.searches {
			if a := &next[n]; a.id >= 0 && a.at < from || a.at < 0 {
				a.id, a.at, a.end = s.next(b, max(from, a.end))
				if a.id < 0 {
					a.at = len(b)
				}
			}
			if next[n].id >= 0 && (best < 0 || next[n].at < next[best].at) {
				best = n
			}
		}
		if best < 0 {
			return
		}
		a := next[best]
		next[best].at = -1
		from = max(from, m.try(&h, b, a.id, a.at, a.end, found))
		next[best].end = from
	}
}

// try holds the patterns of a word against the line in which it stands, and
// returns where to go on.
func (m *Matcher) try(h *Hit, b []byte, id, at, end int, found func(*Hit)) int {
	begin := bytes.LastIndexByte(b[:at], '\n') + 1
	stop := len(b)
	if n := bytes.IndexByte(b[at:], '\n'); n >= 0 {
		stop = at + n
	}
	if h.tries++; stop != h.stop {
		h.stop, h.tries = stop, 1
	}
	if h.tries > maxTries {
		return stop + 1
	}
	line := b[begin:min(stop, begin+maxMatched)]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	h.Header = Header{}
	parsed := false
	for _, n := range m.byWord[id] {
		p := m.patterns[n]
		if len(p.Program) > 0 && !parsed {
			h.Header, parsed = ParseHeader(line), true
		}
		if m.match(h, p, line) {
			h.Pattern, h.Number, h.Line = p, n, line
			if !parsed {
				h.Header = ParseHeader(line)
			}
			h.Message = line[h.Header.Body:]
			found(h)
			return stop + 1
		}
	}
	return end
}

func (m *Matcher) match(h *Hit, p *Pattern, line []byte) bool {
	h.in = line
	if len(p.Program) > 0 {
		if !h.Header.is(p.Program) {
			return false
		}
		h.in = line[h.Header.Body:]
	}
	groups := p.expr.find(h.in, h.groups)
	if groups == nil {
		return false
	}
	h.groups = groups
	return true
}
