package archive

import (
	"encoding/binary"
	"errors"
	"iter"
	"maps"
	"slices"
	"time"
)

// A block of lines is a plain row of entries; what comes again and again
// (sources, hosts, applications, events, names of fields) stands in it once, at
// its first use, and as a number from then on. So a block can be read from its
// beginning only, and grows at its end only: a reader may read up to the length
// that it saw while the writer goes on.

// block is a block of lines in memory.
type block struct {
	first uint64 // Seq of the first line
	count int
	raw   []byte
	words map[string]uint64
	prev  int64 // Received of the line before, in ms
	// again is what stood in each place of the line before: mostly the same
	// stands there now, and need not be looked up.
	again [places]lastWord
	sums
}

// The places of words in a line.
const (
	placeSource = iota
	placeKind
	placeHost
	placeApp
	placeEvent
	places
)

// lastWord is a word and its number; 0: none yet.
type lastWord struct {
	word string
	n    uint64
}

// sums is what is known of a block without reading it.
type sums struct {
	min, max   int64 // Received, in ms
	severities uint16
	sources    map[string]struct{}
	events     map[string]struct{}
	kinds      map[string]struct{}
}

func newBlock(first uint64) *block {
	return &block{first: first, words: map[string]uint64{}, sums: newSums()}
}

// after returns the block that follows b. It is likely to grow as large, and
// gets its room at once.
func (b *block) after() *block {
	next := newBlock(b.first + uint64(b.count))
	next.raw = make([]byte, 0, len(b.raw))
	return next
}

func newSums() sums {
	return sums{sources: map[string]struct{}{}, events: map[string]struct{}{}, kinds: map[string]struct{}{}}
}

// day is the day in UTC that the block belongs to.
func (s sums) day() string { return time.UnixMilli(s.min).UTC().Format(time.DateOnly) }

const (
	hasSaid = 1 << iota
	hasFields
)

// add appends a line. Its Seq is first+count, whatever r.Seq says.
func (b *block) add(r *Record) {
	at := r.Received.UnixMilli()
	if b.count == 0 {
		b.min, b.max = at, at
	}
	b.min, b.max = min(b.min, at), max(b.max, at)
	b.severities |= 1 << (r.Severity & 15)

	var flags byte
	if !r.Said.IsZero() {
		flags |= hasSaid
	}
	if len(r.Fields) > 0 {
		flags |= hasFields
	}
	b.raw = append(b.raw, flags, byte(r.Severity), byte(r.Facility))
	b.raw = binary.AppendVarint(b.raw, at-b.prev)
	b.prev = at
	if flags&hasSaid != 0 {
		b.raw = binary.AppendVarint(b.raw, r.Said.UnixMilli()-at)
	}
	for place, w := range [places]string{r.Source, r.Kind, r.Host, r.App, r.Event} {
		b.placed(place, w)
	}
	if flags&hasFields != 0 {
		b.fields(r.Fields)
	}
	b.text(bounded(r.Text, MaxText))
	b.count++
}

// placed appends a word that stands in a place of its own.
func (b *block) placed(place int, w string) {
	if last := &b.again[place]; last.n > 0 && last.word == w {
		b.raw = binary.AppendUvarint(b.raw, last.n)
		return
	}
	w = bounded(w, maxName)
	b.again[place] = lastWord{w, b.word(w)}
	switch place {
	case placeSource:
		b.sources[w] = struct{}{}
	case placeKind:
		b.kinds[w] = struct{}{}
	case placeEvent:
		b.events[w] = struct{}{}
	}
}

// word appends a word that is likely to come again: its number, or 0 and the
// word itself when it is new. It returns the number.
func (b *block) word(w string) uint64 {
	w = bounded(w, maxName)
	if n, ok := b.words[w]; ok {
		b.raw = binary.AppendUvarint(b.raw, n)
		return n
	}
	n := uint64(len(b.words) + 1)
	b.words[w] = n
	b.raw = append(b.raw, 0)
	b.text(w)
	return n
}

func (b *block) text(s string) {
	b.raw = binary.AppendUvarint(b.raw, uint64(len(s)))
	b.raw = append(b.raw, s...)
}

func (b *block) fields(f map[string]string) {
	keys := slices.Sorted(maps.Keys(f))
	keys = keys[:min(len(keys), maxFields)]
	b.raw = binary.AppendUvarint(b.raw, uint64(len(keys)))
	for _, k := range keys {
		b.word(k)
		b.text(bounded(f[k], maxValue))
	}
}

// errDamaged is a block that does not read as what was written.
var errDamaged = errors.New("a block of lines is damaged")

// view is one line as it lies in a block, before anything of it is copied.
type view struct {
	seq                            uint64
	received, said                 int64
	hasSaid                        bool
	severity                       Severity
	facility                       Facility
	source, kind, host, app, event string
	fields                         []field
	text                           []byte
}

type field struct {
	key   string
	value []byte
}

func (v *view) record() Record {
	r := Record{
		Seq: v.seq, Received: time.UnixMilli(v.received), Source: v.source, Kind: v.kind, Host: v.host, App: v.app, Event: v.event,
		Severity: v.severity, Facility: v.facility, Text: string(v.text),
	}
	if v.hasSaid {
		r.Said = time.UnixMilli(v.said)
	}
	if len(v.fields) > 0 {
		r.Fields = make(map[string]string, len(v.fields))
		for _, f := range v.fields {
			r.Fields[f.key] = string(f.value)
		}
	}
	return r
}

// views yields the lines of a block in order. The view is used again for the
// next one. An error ends it.
func views(first uint64, raw []byte) iter.Seq2[*view, error] {
	return func(yield func(*view, error) bool) {
		d := decoder{rest: raw, words: []string{""}}
		v := &view{seq: first}
		for len(d.rest) > 0 {
			if d.next(v); d.bad {
				yield(nil, errDamaged)
				return
			}
			if !yield(v, nil) {
				return
			}
			v.seq++
		}
	}
}

type decoder struct {
	rest  []byte
	words []string // from 1
	prev  int64
	bad   bool
}

func (d *decoder) next(v *view) {
	if len(d.rest) < 3 {
		d.bad = true
		return
	}
	flags := d.rest[0]
	v.severity, v.facility = Severity(d.rest[1]), Facility(d.rest[2])
	d.rest = d.rest[3:]
	d.prev += d.varint()
	v.received, v.hasSaid, v.fields = d.prev, flags&hasSaid != 0, v.fields[:0]
	if v.hasSaid {
		v.said = v.received + d.varint()
	}
	for _, w := range [...]*string{&v.source, &v.kind, &v.host, &v.app, &v.event} {
		*w = d.word()
	}
	if flags&hasFields != 0 {
		n := d.uvarint()
		d.bad = d.bad || n > maxFields
		for i := uint64(0); i < n && !d.bad; i++ {
			v.fields = append(v.fields, field{d.word(), d.bytes()})
		}
	}
	v.text = d.bytes()
}

func (d *decoder) varint() int64 {
	n, size := binary.Varint(d.rest)
	return n * int64(d.advance(size))
}

func (d *decoder) uvarint() uint64 {
	n, size := binary.Uvarint(d.rest)
	return n * uint64(d.advance(size))
}

// advance steps over a number of so many bytes and returns 1, or 0 if there was
// none.
func (d *decoder) advance(size int) int {
	if size <= 0 {
		d.bad, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[size:]
	return 1
}

func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if n > uint64(len(d.rest)) {
		d.bad, d.rest = true, nil
		return nil
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) word() string {
	n := d.uvarint()
	if n == 0 && !d.bad {
		w := string(d.bytes())
		d.words = append(d.words, w)
		return w
	}
	if n >= uint64(len(d.words)) {
		d.bad = true
		return ""
	}
	return d.words[n]
}
