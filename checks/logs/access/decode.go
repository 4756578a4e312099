package access

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"

	"xunjian/checks"
)

// unescape takes back how servers write bytes that would break a line: nginx
// and Apache write \x22 for a quote.
func unescape(b []byte) []byte {
	if bytes.IndexByte(b, '\\') < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for n := 0; n < len(b); n++ {
		if b[n] != '\\' || n+1 >= len(b) {
			out = append(out, b[n])
			continue
		}
		switch c := b[n+1]; {
		case c == 'x' && n+3 < len(b) && unhex(b[n+2]) >= 0 && unhex(b[n+3]) >= 0:
			out = append(out, byte(unhex(b[n+2])<<4|unhex(b[n+3])))
			n += 3
		case c == '"' || c == '\\':
			out = append(out, c)
			n++
		default:
			out = append(out, '\\')
		}
	}
	return out
}

// maxDecode is how often percent signs are taken back: attackers hide behind
// two layers.
const maxDecode = 3

// decode takes percent signs and pluses back, as far as there are any.
func decode(b []byte) []byte {
	for range maxDecode {
		if bytes.IndexByte(b, '%') < 0 && bytes.IndexByte(b, '+') < 0 {
			break
		}
		out := make([]byte, 0, len(b))
		changed := false
		for n := 0; n < len(b); n++ {
			switch {
			case b[n] == '%' && n+2 < len(b) && unhex(b[n+1]) >= 0 && unhex(b[n+2]) >= 0:
				out = append(out, byte(unhex(b[n+1])<<4|unhex(b[n+2])))
				n += 2
				changed = true
			case b[n] == '+':
				out = append(out, ' ')
			default:
				out = append(out, b[n])
			}
		}
		b = out
		if !changed {
			break
		}
	}
	return b
}

// shown makes bytes of a request readable: decoded, GBK or UTF-8, without what
// could harm a reader.
func shown(b []byte, limit int) string {
	b = decode(unescape(b))
	if !utf8.Valid(b) {
		if out, err := simplifiedchinese.GB18030.NewDecoder().Bytes(b); err == nil && !bytes.ContainsRune(out, utf8.RuneError) {
			b = out
		}
	}
	return checks.SafeText(string(bytes.ReplaceAll(b, []byte("\n"), []byte("␊"))), limit)
}
