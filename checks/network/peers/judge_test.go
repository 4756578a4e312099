package peers

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// read reads a matrix drawn as who sees whom: rows are observers, columns the
// members in the same order; "." answers, "s" its agent is silent, "x" not
// reached, "?" not known, "-" itself. A row that is left out is of an agent that
// is not heard.
func read(t *testing.T, self, drawn string) Matrix {
	t.Helper()
	m := Matrix{Self: self, Rows: map[string]map[string]Entry{}}
	lines := strings.Fields(drawn)
	m.Members = strings.Split(lines[0], "")
	sights := map[rune]Sight{'.': Answers, 's': AgentSilent, 'x': Unreachable, '?': Untold}
	for _, line := range lines[1:] {
		observer, row, _ := strings.Cut(line, ":")
		m.Rows[observer] = map[string]Entry{}
		for i, c := range row {
			if c != '-' {
				m.Rows[observer][m.Members[i]] = Entry{Sight: sights[c]}
			}
		}
	}
	return m
}

func judged(j Judgement) string {
	var out []string
	for p, f := range j.Fates {
		if f != FateOK {
			out = append(out, p+" "+string(f))
		}
	}
	slices.Sort(out)
	if j.Isolated {
		out = append(out, "isolated")
	}
	return strings.Join(append(out, "told by "+j.Speaker), ", ")
}

func TestJudge(t *testing.T) {
	yes, no := true, false
	for name, tt := range map[string]struct {
		self, drawn string
		gateway     *bool
		want        string
	}{
		"all is well":          {"b", "abc a:-.. b:.-. c:..-", nil, "told by a"},
		"one server down":      {"b", "abcd a:-..x b:.-.x c:..-x", nil, "d server_down, told by a"},
		"the first one down":   {"c", "abcd b:x-.. c:x.-. d:x..-", nil, "a server_down, told by b"},
		"one agent down":       {"a", "abcd a:-..s b:.-.s c:..-s", nil, "d agent_down, told by a"},
		"agent down, for some": {"a", "abcd a:-..s b:.-.. c:..-. d:...-", nil, "told by a"},
		"cut from half": {"c", "abcde a:-...x b:.-..x c:..-.. d:...-. e:xx..-", nil,
			"a cut, b cut, e cut, told by c"},
		"cut from half, seen from the near side": {"a", "abcde a:-...x b:.-..x c:..-.. d:...-.", nil, "e cut, told by c"},
		"cut from half, seen from the far side":  {"e", "abcde c:..-.. d:...-. e:xx..-", nil, "a cut, b cut, told by c"},
		"cut in two, greater part":               {"a", "abcde a:-..xx b:.-.xx c:..-xx", nil, "d server_down, e server_down, told by a"},
		"cut in two, lesser part":                {"e", "abcde d:xxx-. e:xxx.-", nil, "a cut, b cut, c cut, told by d"},
		"cut in halves":                          {"a", "abcd a:-.xx b:.-xx", nil, "c cut, d cut, told by a"},
		"alone":                                  {"c", "abc c:xx-", nil, "a unknown, b unknown, isolated, told by c"},
		"alone of two, gateway there":            {"a", "ab a:-x", &yes, "b server_down, told by a"},
		"alone of two, no gateway":               {"a", "ab a:-x", &no, "b unknown, isolated, told by a"},
		"alone of two, gateway not known":        {"a", "ab a:-x", nil, "b unknown, isolated, told by a"},
		"two, agent down":                        {"b", "ab b:s-", nil, "a agent_down, told by b"},
		"at the start":                           {"a", "abc a:-??", nil, "b unknown, c unknown, told by a"},
		"one not known yet":                      {"a", "abc a:-.? b:.-?", nil, "c unknown, told by a"},
		"who may not ping says nothing":          {"a", "abcd a:-..? b:.-.x c:..-x", nil, "d server_down, told by a"},
		"heard, but not by others":               {"d", "abcd a:-..x b:.-.x c:..-x d:...-", nil, "d cut, told by d"},
	} {
		t.Run(name, func(t *testing.T) {
			m := read(t, tt.self, tt.drawn)
			m.Gateway = tt.gateway
			j := Judge(m)
			if got := judged(j); got != tt.want {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
			if j.Speaks != (j.Speaker == tt.self) {
				t.Errorf("speaks: %v", j.Speaks)
			}
		})
	}
}

// A way that loses is told once, whichever end sees it; one that is cut, or whose
// end is down, is told as that.
func TestLossy(t *testing.T) {
	m := read(t, "a", "abcd a:-..x b:.-.x c:..-x")
	set := func(o, p string, lost int) {
		e := m.Rows[o][p]
		e.Loss = float64(lost) / lossWindow
		m.Rows[o][p] = e
	}
	set("a", "b", 1)
	set("b", "a", 3)
	set("c", "b", 1) // one lost question is none
	set("a", "d", 30)
	set("c", "d", 30)
	if got := fmt.Sprint(m.lossy()); got != "[{a b 0.1}]" {
		t.Errorf("%s, want a and b", got)
	}
	delete(m.Rows, "b") // seen by one end only
	set("a", "b", 2)
	if got := m.lossy(); len(got) != 1 || got[0].A != "a" || got[0].B != "b" {
		t.Errorf("%v, want a and b", got)
	}
}

// What was asked before a peer was heard, or while it was away, is not the loss
// of the way to it.
func TestLossBeginsWithAnswers(t *testing.T) {
	p := &peer{}
	for range 3 {
		p.count(false)
	}
	if got := p.loss(); got != 0.1 {
		t.Errorf("3 lost: %v of the last %d", got, lossWindow)
	}
	w := newWatch(Default(), "me")
	w.peers["you"], p.name, p.sight = p, "you", Unreachable
	n := newNonce()
	w.waiting[n] = waiter{peer: "you", done: make(chan struct{})}
	w.heard(message{kind: answer, nonce: n, from: "you"}, w.now())
	p.count(true)
	p.count(false)
	if got := p.loss(); got != 1.0/lossWindow {
		t.Errorf("1 lost since it is back: %v", got)
	}
}

// Whatever single fault there is among up to six servers, all agents that see it
// agree on who says so, and nobody else does.
func TestOneSpeaks(t *testing.T) {
	for n := 3; n <= 6; n++ {
		names := strings.Split("abcdef"[:n], "")
		for lame := range n {
			// The lame one is cut from those in the mask.
			for mask := 1; mask < 1<<n; mask++ {
				if mask&(1<<lame) != 0 {
					continue
				}
				cut := func(a, b int) bool { return a == lame && mask&(1<<b) != 0 || b == lame && mask&(1<<a) != 0 }
				all := map[string]map[string]Entry{}
				for o := range n {
					all[names[o]] = map[string]Entry{}
					for p := range n {
						if s := Answers; o != p {
							if cut(o, p) {
								s = Unreachable
							}
							all[names[o]][names[p]] = Entry{Sight: s}
						}
					}
				}
				spoken := ""
				for o := range n {
					m := Matrix{Self: names[o], Members: names, Rows: map[string]map[string]Entry{}}
					for p := range n {
						if !cut(o, p) {
							m.Rows[names[p]] = all[names[p]]
						}
					}
					j := Judge(m)
					if bad := judged(j); j.Speaks && strings.Count(bad, ",") > 0 && !j.Isolated {
						spoken += names[o]
					}
				}
				if len(spoken) != 1 {
					t.Errorf("%d servers, %s cut from %s: told by %q, want one", n, names[lame], fmt.Sprintf("%0*b", n, mask), spoken)
				}
			}
		}
	}
}
