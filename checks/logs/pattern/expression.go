package pattern

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"regexp/syntax"
)

// expression holds one expression against lines. Go's regexp keeps account of
// every place in every state; nearly all expressions of patterns are a row of
// words, runs of one class and a few alternatives, and nearly all lines ASCII.
// Those are walked directly, a tenth of the time. Whatever is otherwise, and
// lines on which the walk takes too many steps, are left to regexp, so that what
// matches, and the time that it can take, are regexp's.
type expression struct {
	re *regexp.Regexp
	// start is where the walk begins; nil leaves everything to re.
	start *step
	// anchored expressions match at the beginning or not at all; first are
	// the bytes with which others can begin.
	anchored bool
	first    set
}

// compile returns an expression of Go's syntax.
func compile(expr string) (expression, error) {
	re, err := regexp.Compile(expr)
	if err != nil {
		return expression{}, err
	}
	e := expression{re: re}
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return expression{}, err
	}
	var c walkCompiler
	start := c.chain(tree.Simplify(), &step{op: opDone})
	if c.refused {
		return e, nil
	}
	e.start, e.anchored = start, start.op == opBegin
	looks := 0
	var empty bool
	if e.first, empty = firstOf(start, &looks); empty {
		e.first = allBut(0x80)
	}
	return e, nil
}

// find returns the places of the match and of its groups in in, as
// regexp.FindSubmatchIndex does, nil if there is none. The room of groups is
// used again.
func (e *expression) find(in []byte, groups []int) []int {
	if e.start == nil || !ascii(in) {
		return e.re.FindSubmatchIndex(in)
	}
	n := 2 * (e.re.NumSubexp() + 1)
	if cap(groups) < n {
		groups = make([]int, n)
	}
	w := walk{in: in, groups: groups[:n], left: maxSteps}
	for at := 0; at <= len(in); at++ {
		if !e.anchored {
			for at < len(in) && !e.first.has(in[at]) {
				at++
			}
		}
		for n := range w.groups {
			w.groups[n] = -1
		}
		if w.from(e.start, at) {
			w.groups[0], w.groups[1] = at, w.end
			return w.groups
		}
		if w.left <= 0 {
			return e.re.FindSubmatchIndex(in)
		}
		if e.anchored {
			break
		}
	}
	return nil
}

func ascii(b []byte) bool {
	var or uint64
	for ; len(b) >= 8; b = b[8:] {
		or |= binary.LittleEndian.Uint64(b)
	}
	for _, c := range b {
		or |= uint64(c)
	}
	return or&0x8080808080808080 == 0
}

// set is a set of ASCII bytes.
type set [0x80]bool

func (s *set) has(c byte) bool { return s[c&0x7f] }

func (s *set) with(o set) set {
	out := *s
	for c, is := range o {
		out[c] = out[c] || is
	}
	return out
}

func allBut(c byte) set {
	var s set
	for n := range s {
		s[n] = byte(n) != c
	}
	return s
}

// step is a piece of an expression with what comes after it.
type step struct {
	op       stepOp
	text     []byte // of opText
	set      set    // of opRun
	least    int
	most     int // of opRun; -1 is as many as there are
	lazy     bool
	line     bool    // of opRun: all but a newline
	group    int     // of opGroup: the place in groups
	branches []*step // of opBranch; each goes on to what comes after by itself
	next     *step
}

type stepOp uint8

const (
	opDone stepOp = iota
	opText
	opRun    // some bytes of a set
	opGroup  // a group begins or ends
	opBranch // the first branch with which the rest matches
	opBegin
	opEnd
	opWord // a border of a word
	opNoWord
)

// maxSteps bounds a walk; an ordinary line takes a few dozen.
const maxSteps = 4 << 10

type walk struct {
	in     []byte
	groups []int
	end    int
	left   int
}

// from reports whether the rest of the expression matches at a place. The first
// way that does is the one that regexp finds too.
func (w *walk) from(s *step, at int) bool {
	for {
		if w.left--; w.left <= 0 {
			return false
		}
		switch s.op {
		case opDone:
			w.end = at
			return true
		case opText:
			if !bytes.HasPrefix(w.in[at:], s.text) {
				return false
			}
			at += len(s.text)
		case opRun:
			return w.run(s, at)
		case opGroup:
			was := w.groups[s.group]
			w.groups[s.group] = at
			if w.from(s.next, at) {
				return true
			}
			w.groups[s.group] = was
			return false
		case opBranch:
			for _, b := range s.branches {
				if w.from(b, at) {
					return true
				}
			}
			return false
		default:
			if !w.holds(s.op, at) {
				return false
			}
		}
		s = s.next
	}
}

// run tries how many bytes of a set may stand here.
func (w *walk) run(s *step, at int) bool {
	most := len(w.in) - at
	if s.most >= 0 {
		most = min(most, s.most)
	}
	if s.lazy {
		for n := 0; ; n++ {
			if n >= s.least && w.from(s.next, at+n) {
				return true
			}
			if n == most || w.left <= 0 || !s.set.has(w.in[at+n]) {
				return false
			}
		}
	}
	n := 0
	rest := w.in[at : at+most]
	if s.line {
		if n = bytes.IndexByte(rest, '\n'); n < 0 {
			n = most
		}
	} else {
		for n < len(rest) && s.set.has(rest[n]) {
			n++
		}
	}
	// What is a word after the run is looked for, not tried everywhere.
	word := following(s.next)
	for ; n >= s.least && w.left > 0; n-- {
		if word != nil {
			found := bytes.LastIndex(w.in[at+s.least:min(len(w.in), at+n+len(word))], word)
			if found < 0 {
				return false
			}
			n = s.least + found
		}
		if w.from(s.next, at+n) {
			return true
		}
	}
	return false
}

// following is the word that has to stand at s, if there is one.
func following(s *step) []byte {
	for s.op == opGroup {
		s = s.next
	}
	if s.op == opText {
		return s.text
	}
	return nil
}

// holds tells of the conditions that take no bytes.
func (w *walk) holds(op stepOp, at int) bool {
	switch op {
	case opBegin:
		return at == 0
	case opEnd:
		return at == len(w.in)
	}
	border := (at > 0 && isWord(w.in[at-1])) != (at < len(w.in) && isWord(w.in[at]))
	return border == (op == opWord)
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_'
}

// walkCompiler makes steps of a tree. refused says that it cannot.
type walkCompiler struct {
	refused bool
	made    int
}

// maxMade bounds how many steps alternatives grow into.
const maxMade = 2000

// chain returns the steps of re with next after them.
func (c *walkCompiler) chain(re *syntax.Regexp, next *step) *step {
	if c.made++; c.made > maxMade || c.refused {
		c.refused = true
		return next
	}
	switch re.Op {
	case syntax.OpEmptyMatch:
		return next
	case syntax.OpLiteral:
		return c.literal(re, next)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return c.runOf(re, 1, 1, false, next)
	case syntax.OpBeginText:
		return &step{op: opBegin, next: next}
	case syntax.OpEndText:
		return &step{op: opEnd, next: next}
	case syntax.OpWordBoundary:
		return &step{op: opWord, next: next}
	case syntax.OpNoWordBoundary:
		return &step{op: opNoWord, next: next}
	case syntax.OpCapture:
		end := &step{op: opGroup, group: 2*re.Cap + 1, next: next}
		return &step{op: opGroup, group: 2 * re.Cap, next: c.chain(re.Sub[0], end)}
	case syntax.OpConcat:
		for n := len(re.Sub) - 1; n >= 0; n-- {
			next = c.chain(re.Sub[n], next)
		}
		return next
	case syntax.OpAlternate:
		s := &step{op: opBranch}
		for _, sub := range re.Sub {
			s.branches = append(s.branches, c.chain(sub, next))
		}
		return s
	case syntax.OpStar:
		return c.runOf(re.Sub[0], 0, -1, re.Flags&syntax.NonGreedy != 0, next)
	case syntax.OpPlus:
		return c.runOf(re.Sub[0], 1, -1, re.Flags&syntax.NonGreedy != 0, next)
	case syntax.OpQuest:
		if re.Flags&syntax.NonGreedy != 0 {
			return &step{op: opBranch, branches: []*step{next, c.chain(re.Sub[0], next)}}
		}
		return &step{op: opBranch, branches: []*step{c.chain(re.Sub[0], next), next}}
	}
	c.refused = true
	return next
}

func (c *walkCompiler) literal(re *syntax.Regexp, next *step) *step {
	text := []byte(string(re.Rune))
	if len(text) == 0 || !ascii(text) {
		c.refused = true
		return next
	}
	if re.Flags&syntax.FoldCase == 0 {
		return &step{op: opText, text: text, next: next}
	}
	for n := len(text) - 1; n >= 0; n-- {
		s := &step{op: opRun, least: 1, most: 1, next: next}
		s.set[text[n]&0x7f] = true
		if l := text[n] | 0x20; l >= 'a' && l <= 'z' {
			s.set[l], s.set[l&^0x20] = true, true
		}
		next = s
	}
	return next
}

// runOf is a run of one class; what is more than that is refused.
func (c *walkCompiler) runOf(re *syntax.Regexp, least, most int, lazy bool, next *step) *step {
	s := &step{op: opRun, least: least, most: most, lazy: lazy, next: next}
	switch re.Op {
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		s.set = allBut(0x80)
		if re.Op == syntax.OpAnyCharNotNL {
			s.set, s.line = allBut('\n'), true
		}
	case syntax.OpCharClass:
		for n := 0; n+1 < len(re.Rune); n += 2 {
			for r := re.Rune[n]; r <= min(re.Rune[n+1], 0x7f); r++ {
				s.set[r] = true
			}
		}
	case syntax.OpLiteral:
		if len(re.Rune) != 1 || re.Rune[0] >= 0x80 || re.Flags&syntax.FoldCase != 0 {
			c.refused = true
			return next
		}
		s.set[re.Rune[0]] = true
	default:
		c.refused = true
	}
	return s
}

// firstOf returns the bytes with which a match at s can begin; empty says that
// it can begin with none, or that this takes too long to be told.
func firstOf(s *step, looks *int) (out set, empty bool) {
	if *looks++; *looks > maxMade {
		return out, true
	}
	switch s.op {
	case opDone, opEnd:
		return out, true
	case opText:
		out[s.text[0]&0x7f] = true
		return out, false
	case opRun:
		out = s.set
		if s.least > 0 {
			return out, false
		}
	case opBranch:
		for _, b := range s.branches {
			f, e := firstOf(b, looks)
			out, empty = out.with(f), empty || e
		}
		return out, empty
	}
	f, e := firstOf(s.next, looks)
	return out.with(f), e
}
