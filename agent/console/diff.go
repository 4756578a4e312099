package console

import "strings"

// diffLines takes a unified diff apart, so that the page can show what came and
// went by more than a sign.
func diffLines(text string) []diffLine {
	if text == "" {
		return nil
	}
	var out []diffLine
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		kind := ""
		switch {
		case strings.HasPrefix(line, "@@"), strings.HasPrefix(line, "+++ "), strings.HasPrefix(line, "--- "):
			kind = "at"
		case strings.HasPrefix(line, "+"):
			kind = "add"
		case strings.HasPrefix(line, "-"):
			kind = "del"
		}
		out = append(out, diffLine{kind, cut(line, 500)})
		if len(out) == mostDiffLine {
			return append(out, diffLine{"at", "…"})
		}
	}
	return out
}
