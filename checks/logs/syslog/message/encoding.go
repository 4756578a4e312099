package message

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Encoding is how a source writes what is not ASCII.
type Encoding string

// The encodings. Auto takes UTF-8 for what is valid UTF-8 and GB18030, of which
// GBK and GB 2312 are parts, for the rest.
const (
	Auto Encoding = "auto"
	UTF8 Encoding = "utf-8"
	GBK  Encoding = "gbk"
)

// Decode returns a message as valid UTF-8, without what ends it on the wire
// (newline, carriage return, NUL) and without a byte order mark. Everything
// else stays, control characters too: the archive keeps what was sent.
func Decode(raw []byte, enc Encoding) string {
	for len(raw) > 0 {
		if c := raw[len(raw)-1]; c != '\n' && c != '\r' && c != 0 && c != ' ' {
			break
		}
		raw = raw[:len(raw)-1]
	}
	if enc == GBK && !ascii(raw) || !utf8.Valid(raw) && enc != UTF8 {
		if s, err := simplifiedchinese.GB18030.NewDecoder().Bytes(raw); err == nil && (enc == GBK || !strings.ContainsRune(string(s), utf8.RuneError)) {
			return string(s)
		}
	}
	s := string(raw)
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return strings.TrimPrefix(s, "\ufeff")
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}
