package access

import "hash/maphash"

// What a request looks like to the rule set hardly depends on its numbers and
// ordinary words: requests of one shape are judged once.

// shaper makes shapes. Its seed is its own, so that nobody can make two
// requests collide on purpose.
type shaper struct {
	seed maphash.Seed
	buf  []byte
}

// of returns the shape of a request: digits become one, letters become one,
// unless they are part of a word that attacks are made of or follow an odd
// byte, for there a word may be a command.
func (s *shaper) of(e *Entry) uint64 {
	s.buf = append(s.buf[:0], e.Method...)
	for _, b := range [][]byte{e.Target, e.Query, e.Referer} {
		s.buf = append(s.buf, 0)
		s.reduce(limit(b, maxInput))
	}
	s.buf = append(s.buf, 0)
	s.buf = append(s.buf, limit(e.Agent, 512)...)
	return maphash.Bytes(s.seed, s.buf)
}

func (s *shaper) reduce(b []byte) {
	after := false // an odd byte came before: keep what follows
	for n := 0; n < len(b); {
		c := b[n]
		if !letter(c) && c < 0x80 {
			if !digit(c) {
				after = odd[c] || c == '&' || c == '%' && after
				s.buf = append(s.buf, c)
				n++
				if c == '%' && n+1 < len(b) && unhex(b[n]) >= 0 && unhex(b[n+1]) >= 0 {
					v := byte(unhex(b[n])<<4 | unhex(b[n+1]))
					if v >= 0x80 {
						s.buf[len(s.buf)-1] = 'h' // part of a letter of another script
						n += 2
						for n+2 < len(b) && b[n] == '%' && unhex(b[n+1]) >= 8 && unhex(b[n+2]) >= 0 {
							n += 3
						}
						continue
					}
					s.buf = append(s.buf, lower[b[n]], lower[b[n+1]])
					after = after || odd[v] || v == '&'
					n += 2
				}
				continue
			}
			for n < len(b) && digit(b[n]) {
				n++
			}
			s.buf = append(s.buf, '0')
			after = false
			continue
		}
		end := n
		for end < len(b) && (letter(b[end]) || digit(b[end]) || b[end] >= 0x80) {
			end++
		}
		run := b[n:end]
		if _, at := inTarget.find(run); after && len(run) <= 24 || at >= 0 {
			for _, c := range run {
				s.buf = append(s.buf, lower[c])
			}
		} else {
			s.buf = append(s.buf, 'a')
		}
		n, after = end, false
	}
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

// memory remembers verdicts of shapes, a bounded number of them: when it is
// full the older half goes.
type memory struct {
	young, old map[uint64]*Attack
	cap        int
}

func newMemory(n int) *memory { return &memory{young: map[uint64]*Attack{}, cap: n / 2} }

func (m *memory) get(k uint64) (*Attack, bool) {
	if a, ok := m.young[k]; ok {
		return a, true
	}
	a, ok := m.old[k]
	if ok {
		m.put(k, a)
	}
	return a, ok
}

func (m *memory) put(k uint64, a *Attack) {
	if len(m.young) >= m.cap {
		m.old, m.young = m.young, make(map[uint64]*Attack, m.cap/4)
	}
	m.young[k] = a
}
