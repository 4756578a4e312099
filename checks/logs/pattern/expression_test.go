package pattern

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// agree holds the walk against regexp.
func agree(t *testing.T, e *expression, line []byte) {
	t.Helper()
	want := e.re.FindSubmatchIndex(line)
	got := e.find(line, nil)
	if !slices.Equal(got, want) {
		t.Fatalf("%s\non %q:\n got %v\nwant %v", e.re, line, got, want)
	}
}

// TestWalkAgreesWithRegexp on all lines that our patterns know and do not know,
// and on what becomes of them when pieces are cut out, doubled and put in.
func TestWalkAgreesWithRegexp(t *testing.T) {
	t.Parallel()
	list := ours(t)
	var lines [][]byte
	for _, p := range list {
		for _, s := range slices.Concat(p.Samples, p.Not) {
			lines = append(lines, []byte(s))
		}
	}
	r := rand.New(rand.NewPCG(3, 4))
	walked := 0
	for _, p := range list {
		if p.expr.start != nil {
			walked++
		}
		own := slices.Concat(p.Samples, p.Not)
		for _, s := range own {
			line := []byte(s)
			agree(t, &p.expr, line)
			agree(t, &p.expr, line[ParseHeader(line).Body:])
			for range 20 {
				m := slices.Clone(line[ParseHeader(line).Body:])
				for range 1 + r.IntN(3) {
					from := r.IntN(len(m) + 1)
					to := min(len(m), from+r.IntN(12))
					piece := slices.Clone(m[from:to])
					switch r.IntN(4) {
					case 0:
						m = slices.Delete(m, from, to)
					case 1:
						m = slices.Insert(m, from, piece...)
					case 2:
						other := lines[r.IntN(len(lines))]
						at := r.IntN(len(other))
						m = slices.Insert(m, from, other[at:min(len(other), at+r.IntN(40))]...)
					default:
						m = slices.Insert(m, from, []byte("登录 from ")...)
					}
				}
				agree(t, &p.expr, m)
			}
		}
	}
	if walked < len(list)*9/10 {
		t.Errorf("only %d of %d expressions are walked", walked, len(list))
	}
}

func FuzzExpression(f *testing.F) {
	for _, e := range []string{`a`, `^a(b|c)?d*$`, `\A(?:x(?P<n>.*) from (\S+?))`, `(?i)kernel: \bab+\B`, `[^:)]{2,5}x|y*?z`, `(a|ab)(c|bcd)(d*)`, `x*`, `()|a`, `.*?b$`} {
		for _, s := range []string{"", "abcd", "xq from b from c d", "KERNEL: abb9", "::::x", "zzz", "a登b"} {
			f.Add(e, []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, expr string, line []byte) {
		if len(expr) > 60 || len(line) > 200 {
			return
		}
		e, err := compile(expr)
		if err != nil {
			return
		}
		agree(t, &e, line)
	})
}

// BenchmarkExpression is the commonest line: a login that failed.
func BenchmarkExpression(b *testing.B) {
	for _, p := range ours(b) {
		if p.Name != "sshd_failed" {
			continue
		}
		line := []byte(p.Samples[0])
		line = line[ParseHeader(line).Body:]
		b.Run("walk", func(b *testing.B) {
			var groups []int
			for b.Loop() {
				groups = p.expr.find(line, groups)
			}
		})
		b.Run("regexp", func(b *testing.B) {
			for b.Loop() {
				p.expr.re.FindSubmatchIndex(line)
			}
		})
	}
}
