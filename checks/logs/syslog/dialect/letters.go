package dialect

import "strings"

// letters says in a few steps that a word does not occur in a text: a bit for
// each three letters in a row. Most lines tell nothing that matters, and the
// words of a make are many; looking for each of them was half of what a message
// cost.
type letters [letterBits / 64]uint64

const letterBits = 1 << 12

// place is the bit of three letters.
func place(h uint32) uint16 { return uint16((h & 0xffffff) * 0x9E3779B1 >> 20) }

// read takes note of a text.
func (l *letters) read(text string) {
	var h uint32
	for i := range len(text) {
		h = h<<8 | uint32(text[i])
		if i >= 2 {
			n := place(h)
			l[n/64] |= 1 << (n % 64)
		}
	}
}

// word is a word to look for.
type word struct {
	text string
	at   []uint16 // its bits; none of a word of less than three letters
}

// maxPlaces is how many bits of a word are looked at before the text itself is.
const maxPlaces = 4

func newWord(text string) word {
	w := word{text: text}
	var h uint32
	for i := range len(text) {
		if h = h<<8 | uint32(text[i]); i >= 2 && len(w.at) < maxPlaces {
			w.at = append(w.at, place(h))
		}
	}
	return w
}

func newWords(texts []string) []word {
	out := make([]word, len(texts))
	for i, t := range texts {
		out[i] = newWord(t)
	}
	return out
}

// in reports whether the word occurs in a text, of which l are the letters.
func (w *word) in(text string, l *letters) bool {
	for _, n := range w.at {
		if l[n/64]&(1<<(n%64)) == 0 {
			return false
		}
	}
	return strings.Contains(text, w.text)
}

// anyIn reports whether one of the words occurs.
func anyIn(words []word, text string, l *letters) bool {
	for i := range words {
		if words[i].in(text, l) {
			return true
		}
	}
	return false
}
