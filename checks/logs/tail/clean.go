package tail

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Tally counts what was done to make lines readable.
type Tally struct {
	// Converted lines were in GB18030; Mended ones were in no encoding that
	// was looked for, or held NUL bytes.
	Converted, Mended uint64
}

// Clean returns whole lines as valid UTF-8 without NUL. Lines that are fine,
// nearly all, cost one look and no copy. raw may be changed.
//
// A line is taken for GB18030 (of which GBK is a part) if it is no UTF-8, all
// of it can be decoded, and no byte is decoded as a private or unassigned
// character: text in Latin-1 rarely passes.
func Clean(raw []byte, enc Encoding) ([]byte, Tally) {
	var tally Tally
	if bytes.IndexByte(raw, 0) >= 0 {
		tally.Mended += mendNUL(raw)
	}
	if enc == GB18030 || !utf8.Valid(raw) {
		return convert(raw, enc, tally)
	}
	return raw, tally
}

// mendNUL replaces each NUL by a space, in place, and counts the lines. A crash
// leaves runs of them in a file.
func mendNUL(raw []byte) (lines uint64) {
	end := -1
	for n := range raw {
		if raw[n] != 0 {
			continue
		}
		raw[n] = ' '
		if n > end {
			lines++
			if end = bytes.IndexByte(raw[n:], '\n'); end >= 0 {
				end += n
			} else {
				end = len(raw)
			}
		}
	}
	return lines
}

func convert(raw []byte, enc Encoding, tally Tally) ([]byte, Tally) {
	out := make([]byte, 0, len(raw)+len(raw)/2)
	for line := range bytes.Lines(raw) {
		if utf8.Valid(line) && enc != GB18030 || ascii(line) {
			out = append(out, line...)
			continue
		}
		if enc != UTF8 {
			if text, ok := fromGB(line); ok {
				out = append(out, text...)
				tally.Converted++
				continue
			}
		}
		out = append(out, bytes.ToValidUTF8(line, []byte("\uFFFD"))...)
		tally.Mended++
	}
	return out, tally
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// fromGB decodes a line, if it can be GB18030.
func fromGB(line []byte) ([]byte, bool) {
	// A line that was cut in the middle of a character is still one.
	text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(line)
	if err != nil {
		return nil, false
	}
	for _, r := range string(text) {
		if r == utf8.RuneError || r >= 0xE000 && r <= 0xF8FF || r >= 0x80 && r < 0xA0 {
			return nil, false
		}
	}
	return text, true
}
