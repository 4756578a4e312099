package pattern

import (
	"bytes"
	"testing"
)

// FuzzSearch holds the search for many words against one for each.
func FuzzSearch(f *testing.F) {
	f.Add("Failed password for \nsession opened\nError", []byte("x Failed password for Error session openedErrorError"))
	f.Add("aaaa\naaab\nbaaa", []byte("aaaaaabaaaaaab"))
	f.Add("abcdefghij\ncdefghijkl", []byte("abcdefghijkl"))
	f.Fuzz(func(t *testing.T, list string, text []byte) {
		var words []word
		for n, w := range bytes.Split([]byte(list), []byte{'\n'}) {
			if len(w) >= minLiteral && len(words) < 50 {
				words = append(words, word{text: w, id: n})
			}
		}
		for _, s := range classes(words) {
			// Every place at which one of its words stands is told of, by that
			// word or another that is found at the same window or before.
			found := map[int]map[int]bool{}
			last := -1
			for from := 0; from < len(text); {
				id, at, end := s.next(text, from)
				if id < 0 {
					break
				}
				if end <= last {
					t.Fatalf("%q in %q: no progress after %d", list, text, last)
				}
				last, from = end, end
				if found[id] == nil {
					found[id] = map[int]bool{}
				}
				found[id][at] = true
			}
			for _, w := range s.words {
				at := bytes.Index(text, w.text)
				if at < 0 && len(found[w.id]) > 0 {
					t.Fatalf("%q is found in %q", w.text, text)
				}
				for n := range found[w.id] {
					if !bytes.HasPrefix(text[n:], w.text) {
						t.Fatalf("%q does not stand at %d of %q", w.text, n, text)
					}
				}
				if at >= 0 && len(found) == 0 {
					t.Fatalf("%q is not found in %q", w.text, text)
				}
			}
		}
	})
}
