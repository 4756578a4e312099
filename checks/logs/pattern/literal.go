package pattern

import (
	"regexp/syntax"
	"slices"
)

// literalsOf returns words of which one stands in every line that expr matches,
// the rarest that can be told; nil if there are none that are long enough.
func literalsOf(expr string) []string {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil
	}
	best := required(re.Simplify())
	if slices.ContainsFunc(best, func(s string) bool { return len(s) < minLiteral }) {
		return nil
	}
	return best
}

// maxAlternatives bounds how many words stand for one place.
const maxAlternatives = 24

// required returns the best set of words of which one stands in every match of
// re.
func required(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase != 0 {
			return nil
		}
		return []string{string(re.Rune)}
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpAlternate:
		var out []string
		for _, sub := range re.Sub {
			words := required(sub)
			if len(words) == 0 || len(out)+len(words) > maxAlternatives {
				return nil
			}
			out = append(out, words...)
		}
		return out
	case syntax.OpConcat:
		return bestOf(re.Sub)
	}
	return nil
}

// bestOf looks at the parts of a concatenation; literals next to each other
// are one, and an alternation between two literals makes words of both.
func bestOf(parts []*syntax.Regexp) []string {
	var best []string
	run := []string{""}
	take := func(words []string) {
		if better(words, best) {
			best = slices.Clone(words)
		}
	}
	flush := func() { take(run); run = []string{""} }
	for _, p := range parts {
		words, whole := exact(p)
		if !whole || len(run)*len(words) > maxAlternatives {
			flush()
			take(required(p))
			continue
		}
		// Before it grows into several: the one word may be rarer.
		if len(words) > 1 {
			take(run)
		}
		next := make([]string, 0, len(run)*len(words))
		for _, a := range run {
			for _, b := range words {
				next = append(next, a+b)
			}
		}
		run = next
	}
	flush()
	return best
}

// exact returns all that p can match, if that is a few words.
func exact(p *syntax.Regexp) ([]string, bool) {
	switch p.Op {
	case syntax.OpLiteral:
		if p.Flags&syntax.FoldCase != 0 {
			return nil, false
		}
		return []string{string(p.Rune)}, true
	case syntax.OpCapture:
		return exact(p.Sub[0])
	case syntax.OpQuest:
		words, ok := exact(p.Sub[0])
		return append(words, ""), ok && len(words) < 8
	case syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText, syntax.OpEmptyMatch, syntax.OpWordBoundary:
		return []string{""}, true
	case syntax.OpAlternate:
		var out []string
		for _, sub := range p.Sub {
			words, ok := exact(sub)
			if !ok || len(out)+len(words) > maxAlternatives {
				return nil, false
			}
			out = append(out, words...)
		}
		return out, true
	case syntax.OpConcat:
		out := []string{""}
		for _, sub := range p.Sub {
			words, ok := exact(sub)
			if !ok || len(out)*len(words) > maxAlternatives {
				return nil, false
			}
			var next []string
			for _, a := range out {
				for _, b := range words {
					next = append(next, a+b)
				}
			}
			out = next
		}
		return out, true
	}
	return nil, false
}

// better compares sets by their weakest word.
func better(a, b []string) bool {
	wa, wb := worth(a), worth(b)
	return wa > wb || wa == wb && len(a) < len(b)
}

// worth is the length of the shortest word, up to where more does not help; of
// several words each costs a little.
func worth(words []string) int {
	if len(words) == 0 {
		return 0
	}
	least := len(words[0])
	for _, w := range words {
		least = min(least, len(w))
	}
	return min(least, 24)*4 - len(words)
}
