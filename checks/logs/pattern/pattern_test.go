package pattern

import "testing"

func TestOurOwnPatternsHold(t *testing.T) {
	list, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	m := NewMatcher(list)
	t.Logf("%d patterns", len(list))
	for _, s := range m.searches {
		n := 0
		for _, w := range s.first {
			n += len(w)
		}
		t.Logf("window %d: %d words, %d places", s.m, n, len(s.shift))
	}
}
