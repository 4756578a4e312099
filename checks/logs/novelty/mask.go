package novelty

import "unicode/utf8"

// What differs from line to line is masked before lines are compared: numbers,
// addresses, identifiers, times, paths.

// Marks stand for what was masked.
const (
	number = "<n>"
	hexed  = "<hex>"
	addr   = "<addr>"
	pathed = "<path>"
	wild   = "<*>"
)

const (
	maxTokens = 40
	maxLine   = 4 << 10 // bytes of a line that are looked at
	maxToken  = 64
)

// tokens cuts a line into words, masked. The rest behind maxTokens words is one.
func tokens(line []byte, out []string) []string {
	out = out[:0]
	if len(line) > maxLine {
		line = line[:maxLine]
	}
	for n := 0; n < len(line); {
		for n < len(line) && (line[n] == ' ' || line[n] == '\t') {
			n++
		}
		end := n
		for end < len(line) && line[end] != ' ' && line[end] != '\t' {
			end++
		}
		if end > n {
			if len(out) == maxTokens {
				return append(out, wild)
			}
			out = append(out, mask(line[n:end]))
		}
		n = end
	}
	return out
}

// mask says what a word is, or the word with what varies in it masked:
// "sshd[811]:" becomes "sshd[<n>]:", "user=li12" "user=li<n>".
func mask(w []byte) string {
	if len(w) > 256 {
		return wild
	}
	if !hasDigit(w) && !hasByte(w, '/') {
		return cut(w)
	}
	if p := bare(w); len(p) > 1 && p[0] == '/' {
		return pathed
	}
	out := make([]byte, 0, len(w)+8)
	for n := 0; n < len(w); {
		end, digits, hex, dots, colons, letters := n, 0, true, 0, 0, 0
	run:
		for end < len(w) {
			c := w[end]
			switch {
			case c >= '0' && c <= '9':
				digits++
			case c|0x20 >= 'a' && c|0x20 <= 'f':
				letters++
			case c|0x20 >= 'g' && c|0x20 <= 'z' || c == '_' || c >= 0x80:
				letters++
				hex = false
			case c == '.' && end+1 < len(w) && isDigit(w[end+1]) && end > n && isDigit(w[end-1]):
				dots++
			case c == ':' && end+1 < len(w) && isHex(w[end+1]) && end > n && isHex(w[end-1]):
				colons++
			case c == '-' && hex && digits > 0 && end+1 < len(w) && isHex(w[end+1]):
			default:
				break run
			}
			end++
		}
		switch {
		case end == n:
			out = append(out, w[n])
			end++
		case digits == 0 && (!hex || colons == 0):
			out = append(out, w[n:end]...)
		case letters == 0 && dots == 3, hex && colons >= 2:
			out = append(out, addr...)
		case letters == 0:
			out = append(out, number...)
		case hex && end-n >= 6, letters > 0 && digits >= 4 && end-n >= 16:
			out = append(out, hexed...)
		default:
			out = digitsOut(out, w[n:end])
		}
		n = end
	}
	return cut(out)
}

// digitsOut masks the numbers within a word: "li12" becomes "li<n>".
func digitsOut(out, w []byte) []byte {
	for n := 0; n < len(w); {
		if !isDigit(w[n]) {
			out = append(out, w[n])
			n++
			continue
		}
		for n < len(w) && (isDigit(w[n]) || w[n] == '.' && n+1 < len(w) && isDigit(w[n+1])) {
			n++
		}
		out = append(out, number...)
	}
	return out
}

// bare is a word without the marks around it.
func bare(w []byte) []byte {
	for len(w) > 0 && (w[0] == '"' || w[0] == '\'' || w[0] == '(' || w[0] == '[') {
		w = w[1:]
	}
	return w
}

func cut(w []byte) string {
	if len(w) <= maxToken {
		return string(w)
	}
	n := maxToken
	for n > 0 && !utf8.RuneStart(w[n]) {
		n--
	}
	return string(w[:n])
}

func hasDigit(w []byte) bool {
	for _, c := range w {
		if isDigit(c) {
			return true
		}
	}
	return false
}

func hasByte(w []byte, b byte) bool {
	for _, c := range w {
		if c == b {
			return true
		}
	}
	return false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isHex(c byte) bool   { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }
