package archive

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Query says which lines are looked for. Zero fields ask for all.
type Query struct {
	// From and To bound when a line came: From ≤ Received < To.
	From, To time.Time
	// SaidFrom and SaidTo bound the time that a line claims, or when it came if
	// it claims none: SaidFrom ≤ Said < SaidTo.
	SaidFrom, SaidTo time.Time
	// Source, Kind, Host and Event have to be equal.
	Source, Kind, Host, Event string
	// Events asks for lines that are any of them; empty asks for all.
	Events []string
	// Fields have to be there with these values.
	Fields map[string]string
	// Severity asks for lines at least as severe; those without one are left
	// out.
	Severity Severity
	// Text has to occur in the line; ASCII letters match in either case.
	Text string
	// Regexp has to match the line.
	Regexp *regexp.Regexp
	// Before is the Seq before which to look: the cursor of the page before.
	Before uint64
	// Limit is how many lines a page holds: 1 to MaxLimit; 0 is DefaultLimit.
	Limit int
}

// Bounds of a page.
const (
	DefaultLimit = 100
	MaxLimit     = 10_000
	// maxPage bounds the text of a page in bytes.
	maxPage = 16 << 20
)

// Page is an answer of Search, newest line first.
type Page struct {
	Records []Record
	// Next is the Before of the next page; 0 if there is none.
	Next uint64
	// Partial says that the time was up before the page was full.
	Partial bool
	// Damaged counts blocks that could not be read.
	Damaged int
}

// Search looks for lines, newest first. When ctx is done it returns what it has
// found, Partial, and Next to go on from; it is an error only for ctx to be
// cancelled by the caller.
func (a *Archive) Search(ctx context.Context, q Query) (Page, error) {
	limit := min(cmp.Or(q.Limit, DefaultLimit), MaxLimit)
	var p Page
	s := a.newSearch(ctx, q)
	defer s.close()
	size := 0
	for r, err := range s.all() {
		if err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				p.Partial, p.Next, p.Damaged = true, s.at, s.damaged
				return p, nil
			}
			return Page{}, err
		}
		p.Records = append(p.Records, r)
		if size += len(r.Text); len(p.Records) == limit || size > maxPage {
			p.Next = r.Seq
			break
		}
	}
	if p.Next == 1 {
		p.Next = 0
	}
	p.Damaged = s.damaged
	return p, nil
}

// Lines yields every line that a query asks for, newest first, whatever its
// Limit. It holds one block at a time. The error ends it.
func (a *Archive) Lines(ctx context.Context, q Query) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		s := a.newSearch(ctx, q)
		defer s.close()
		for r, err := range s.all() {
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// search is one search under way.
type search struct {
	ctx     context.Context
	a       *Archive
	q       Query
	word    []byte   // Text in lower case
	musts   []string // words in lower case that a line must contain
	recent  []span   // blocks in memory, oldest first
	segs    []segment
	at      uint64 // Seq down to which all was looked at
	damaged int
	dec     *zstd.Decoder
	raw     []byte
	low     []byte
	hits    []Record
}

// span is a block in memory as it was when the search began.
type span struct {
	first uint64
	count int
	raw   []byte
}

func (a *Archive) newSearch(ctx context.Context, q Query) *search {
	s := &search{ctx: ctx, a: a, q: q, word: lowered([]byte(q.Text), nil), at: q.Before}
	if q.Text != "" {
		s.musts = append(s.musts, string(s.word))
	}
	if q.Regexp != nil {
		s.musts = append(s.musts, literals(q.Regexp)...)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, b := range append(a.pending[:len(a.pending):len(a.pending)], a.cur) {
		s.recent = append(s.recent, span{b.first, b.count, b.raw})
	}
	for _, seg := range a.segs {
		s.segs = append(s.segs, *seg)
	}
	if s.at == 0 {
		s.at = a.cur.first + uint64(a.cur.count)
	}
	return s
}

func (s *search) close() {
	if s.dec != nil {
		s.dec.Close()
	}
}

// all yields the lines found, newest first.
func (s *search) all() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for i := len(s.recent) - 1; i >= 0; i-- {
			b := s.recent[i]
			if s.before(b.first) && !s.emit(b.first, b.raw, yield) {
				return
			}
		}
		for i := len(s.segs) - 1; i >= 0; i-- {
			if !s.segment(&s.segs[i], yield) {
				return
			}
		}
	}
}

// before reports whether lines from this Seq on can be asked for.
func (s *search) before(first uint64) bool { return s.q.Before == 0 || first < s.q.Before }

// emit yields what is found in a block, and reports whether to go on.
func (s *search) emit(first uint64, raw []byte, yield func(Record, error) bool) bool {
	if err := s.ctx.Err(); err != nil {
		yield(Record{}, err)
		return false
	}
	if err := s.find(first, raw); err != nil {
		s.damaged++
	}
	for i := len(s.hits) - 1; i >= 0; i-- {
		s.at = s.hits[i].Seq
		if !yield(s.hits[i], nil) {
			return false
		}
	}
	s.at = first
	return true
}

func (s *search) segment(seg *segment, yield func(Record, error) bool) bool {
	if !s.before(seg.first) || !s.within(seg.min, seg.max) {
		return true
	}
	f, err := os.Open(seg.path)
	if errors.Is(err, fs.ErrNotExist) {
		return true // deleted since: it was old
	} else if err != nil {
		yield(Record{}, fmt.Errorf("search kept lines: %w", err))
		return false
	}
	defer f.Close()
	for end := seg.size; end > 0; {
		fr, err := frameBefore(f, end)
		if err != nil {
			return s.beside(seg, f, end, yield)
		}
		end = fr.at
		if !s.block(seg, f, fr, yield) {
			return false
		}
	}
	return true
}

// beside searches the blocks of a segment up to a byte, from which no way leads
// back to them: their places are looked for from the beginning.
func (s *search) beside(seg *segment, f *os.File, end int64, yield func(Record, error) bool) bool {
	var list []*frame
	for fr, g := range walk(f, end) {
		if g != nil {
			s.damaged++
			s.a.met(seg, g.at, g.end-g.at)
			continue
		}
		list = append(list, fr)
	}
	for _, fr := range slices.Backward(list) {
		if !s.block(seg, f, fr, yield) {
			return false
		}
	}
	return true
}

// block searches one block.
func (s *search) block(seg *segment, f *os.File, fr *frame, yield func(Record, error) bool) bool {
	if err := s.ctx.Err(); err != nil {
		yield(Record{}, err)
		return false
	}
	if !s.wanted(fr) {
		return true
	}
	var err error
	if s.raw, err = s.read(fr, f); err != nil {
		s.damaged++
		s.a.met(seg, fr.at, fr.size)
		return true
	}
	return s.emit(fr.first, s.raw, yield)
}

func (s *search) read(fr *frame, f *os.File) ([]byte, error) {
	if s.dec == nil {
		var err error
		if s.dec, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxRaw)); err != nil {
			return nil, err
		}
	}
	return fr.lines(f, s.dec, s.raw)
}

func (s *search) within(from, to int64) bool {
	return (s.q.From.IsZero() || to >= s.q.From.UnixMilli()) && (s.q.To.IsZero() || from < s.q.To.UnixMilli())
}

// wanted reports whether a block can hold what is looked for.
func (s *search) wanted(fr *frame) bool {
	if !s.before(fr.first) || !s.within(fr.min, fr.max) {
		return false
	}
	if s.q.Severity > 0 && fr.severities&(1<<(s.q.Severity+1)-2) == 0 {
		return false
	}
	for _, c := range []struct {
		set  map[string]struct{}
		want string
	}{{fr.kinds, s.q.Kind}, {fr.sources, s.q.Source}, {fr.events, s.q.Event}} {
		if _, ok := c.set[c.want]; c.want != "" && c.set != nil && !ok {
			return false
		}
	}
	if len(s.q.Events) > 0 && fr.events != nil && !slices.ContainsFunc(s.q.Events, func(e string) bool { _, ok := fr.events[e]; return ok }) {
		return false
	}
	for _, w := range s.musts {
		if !fr.filter.may(w) {
			return false
		}
	}
	return true
}

// find puts the lines of a block that match into hits, in order.
func (s *search) find(first uint64, raw []byte) error {
	s.hits = s.hits[:0]
	if len(s.musts) > 0 {
		// One look at the whole block, before it is taken apart.
		s.low = lowered(raw, s.low)
		for _, w := range s.musts {
			if !bytes.Contains(s.low, []byte(w)) {
				return nil
			}
		}
	}
	n := 0
	for v, err := range views(first, raw) {
		if err != nil {
			return err
		}
		if n++; n%1024 == 0 && s.ctx.Err() != nil {
			return nil // told at the next block
		}
		if s.match(v) {
			s.hits = append(s.hits, v.record())
		}
	}
	return nil
}

func (s *search) match(v *view) bool {
	q := &s.q
	switch {
	case q.Before != 0 && v.seq >= q.Before,
		!s.within(v.received, v.received),
		!s.says(v),
		q.Source != "" && v.source != q.Source,
		q.Kind != "" && v.kind != q.Kind,
		q.Host != "" && v.host != q.Host,
		q.Event != "" && v.event != q.Event,
		len(q.Events) > 0 && !slices.Contains(q.Events, v.event),
		q.Severity > 0 && (v.severity == NoSeverity || v.severity > q.Severity),
		len(s.word) > 0 && !containsFold(v.text, s.word),
		q.Regexp != nil && !q.Regexp.Match(v.text):
		return false
	}
	for name, want := range q.Fields {
		if !slices.ContainsFunc(v.fields, func(f field) bool { return f.key == name && string(f.value) == want }) {
			return false
		}
	}
	return true
}

// says reports whether a line claims a time that is asked for.
func (s *search) says(v *view) bool {
	at := v.received
	if v.hasSaid {
		at = v.said
	}
	return (s.q.SaidFrom.IsZero() || at >= s.q.SaidFrom.UnixMilli()) && (s.q.SaidTo.IsZero() || at < s.q.SaidTo.UnixMilli())
}

// containsFold reports whether text contains word, which is in lower case.
func containsFold(text, word []byte) bool {
	first, upper := word[0], word[0]
	if 'a' <= first && first <= 'z' {
		upper -= 'a' - 'A'
	}
	for i := 0; i+len(word) <= len(text); i++ {
		if c := text[i]; c != first && c != upper {
			continue
		}
		n := 1
		for n < len(word) && lower(text[i+n]) == word[n] {
			n++
		}
		if n == len(word) {
			return true
		}
	}
	return false
}

// literals are words in lower case that whatever an expression matches must
// contain, so that blocks can be ruled out.
func literals(re *regexp.Regexp) []string {
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		return nil
	}
	var out []string
	var walk func(*syntax.Regexp)
	walk = func(t *syntax.Regexp) {
		switch t.Op {
		case syntax.OpLiteral:
			word := string(t.Rune)
			// Folded letters beyond ASCII have more than two forms.
			if t.Flags&syntax.FoldCase != 0 && strings.IndexFunc(word, func(r rune) bool { return r >= 0x80 || r == 'k' || r == 'K' || r == 's' || r == 'S' }) >= 0 {
				return
			}
			out = append(out, string(lowered([]byte(word), nil)))
		case syntax.OpConcat, syntax.OpCapture, syntax.OpPlus:
			for _, sub := range t.Sub {
				walk(sub)
			}
		}
	}
	walk(tree.Simplify())
	return out
}

// met takes note of a place that a search could not read.
func (a *Archive) met(s *segment, at, bytes int64) {
	from, to := s.bounds()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tell([]Damage{{File: filepath.Base(s.path), At: at, Bytes: bytes, Why: Unreadable, From: time.UnixMilli(from), To: time.UnixMilli(to)}})
}
