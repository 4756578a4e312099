package pattern

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
)

// search finds any of many words in a block by Wu and Manber's method: a window
// of the length of the shortest word moves over the text, and the four bytes at
// its end tell how far it can move at least before a word may end there. The
// longer the shortest word, the longer the steps; so words are sorted into a
// few classes of length, each with a search of its own.
type search struct {
	m int // length of the window
	// shift tells by the hash of four bytes how far the window moves; 0 means
	// that a word may stand here.
	shift []uint8
	mask  uint32
	// last is, by hash, where in words those begin whose window ends so; they
	// end where more is false.
	last  []uint16
	words []word
}

// word is a literal at its place in the window.
type word struct {
	text []byte
	// at is where the window begins within text.
	at int
	id int
	// end are the bytes by which its window is known; more says that the
	// next word has the same hash.
	end  uint32
	more bool
}

// blockLen is how many bytes are looked at to tell a step.
const blockLen = 4

func hash(v uint32) uint32 { return v * 0x9E3779B1 }

// newSearch makes a search for words of at least m bytes.
func newSearch(m int, words []word) *search {
	size := 1 << max(12, min(16, bits.Len(uint(len(words)*m*2))))
	s := &search{m: m, shift: make([]uint8, size), mask: uint32(32 - bits.Len(uint(size-1))), last: make([]uint16, size)}
	for i := range s.shift {
		s.shift[i] = uint8(m - blockLen + 1)
	}
	byHash := map[uint32][]word{}
	for _, w := range words {
		w.at = rarest(w.text, m)
		win := w.text[w.at : w.at+m]
		for end := blockLen; end <= m; end++ {
			w.end = binary.LittleEndian.Uint32(win[end-blockLen:])
			h := hash(w.end) >> s.mask
			s.shift[h] = min(s.shift[h], uint8(m-end))
			if end == m {
				byHash[h] = append(byHash[h], w)
			}
		}
	}
	for h, list := range byHash {
		s.last[h] = uint16(len(s.words))
		for n, w := range list {
			w.more = n+1 < len(list)
			s.words = append(s.words, w)
		}
	}
	return s
}

// rarest is where the window of m bytes begins that text has least in common
// with others.
func rarest(text []byte, m int) int {
	best, at := -1, 0
	for i := 0; i+m <= len(text); i++ {
		score := 0
		for _, c := range text[i : i+m] {
			score += rarity(c)
		}
		// The end of the window decides first.
		for _, c := range text[i+m-blockLen : i+m] {
			score += 2 * rarity(c)
		}
		if score > best {
			best, at = score, i
		}
	}
	return at
}

func rarity(c byte) int {
	switch {
	case c == ' ', c == 'e', c == 't', c == 's', c == 'o', c == 'r', c == 'i', c == 'n', c == 'a':
		return 1
	case c >= 'a' && c <= 'z':
		return 2
	case c >= '0' && c <= '9', c == ':', c == '[', c == ']', c == '-', c == '.', c == '=':
		return 2
	case c >= 'A' && c <= 'Z':
		return 4
	}
	return 5
}

// next returns the first word at or after from: its number, and where it
// begins. n is -1 if there is none. end is where to go on after it.
func (s *search) next(b []byte, from int) (id, start, end int) {
	pos := from + s.m - blockLen
	last := len(b) - blockLen
	shift, mask := s.shift, s.mask
	for pos <= last {
		v := binary.LittleEndian.Uint32(b[pos:])
		h := hash(v) >> mask
		step := int(shift[h])
		if step != 0 {
			pos += step
			continue
		}
		begin := pos + blockLen - s.m
		for n := int(s.last[h]); ; n++ {
			w := &s.words[n]
			if w.end == v {
				at := begin - w.at
				if at >= from-w.at && at >= 0 && at+len(w.text) <= len(b) && bytes.Equal(b[at:at+len(w.text)], w.text) {
					return w.id, at, pos + 1 - (s.m - blockLen)
				}
			}
			if !w.more {
				break
			}
		}
		pos++
	}
	return -1, 0, len(b)
}

// classes sorts words by length into searches.
func classes(words []word) []*search {
	var out []*search
	for _, c := range []struct{ least, most int }{{10, 1 << 30}, {minLiteral, 9}} {
		var in []word
		m := 16
		for _, w := range words {
			if len(w.text) >= c.least && len(w.text) <= c.most {
				in = append(in, w)
				m = min(m, len(w.text))
			}
		}
		if len(in) > 0 {
			out = append(out, newSearch(m, in))
		}
	}
	return slices.Clip(out)
}
