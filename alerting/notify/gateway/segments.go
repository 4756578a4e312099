package gateway

import (
	"strings"
	"unicode/utf16"
)

// The characters of GSM-7 (3GPP TS 23.038): those of one septet, and those that
// take two behind an escape.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmTwo   = "^{}\\[~]|€\f"
)

// The length of a message that goes in one segment, and of each of several.
const (
	gsmAlone, gsmEach   = 160, 153 // septets
	ucs2Alone, ucs2Each = 70, 67   // UTF-16 units
)

// Segments is how many short messages a text takes, 0 if it is empty. unicode
// says that it has to go in UCS-2, where 70 characters make one, or 67 each of
// several, and not in GSM-7 with its 160 and 153. A character of two units is
// never divided between two.
func Segments(text string) (n int, unicode bool) {
	var sizes []int
	for _, r := range text {
		switch {
		case strings.ContainsRune(gsmBasic, r):
			sizes = append(sizes, 1)
		case strings.ContainsRune(gsmTwo, r):
			sizes = append(sizes, 2)
		default:
			unicode = true
		}
	}
	alone, each := gsmAlone, gsmEach
	if unicode {
		alone, each, sizes = ucs2Alone, ucs2Each, sizes[:0]
		for _, r := range text {
			sizes = append(sizes, max(1, utf16.RuneLen(r)))
		}
	}
	total := 0
	for _, s := range sizes {
		total += s
	}
	if total <= alone {
		return min(total, 1), unicode
	}
	n = 1
	room := each
	for _, s := range sizes {
		if s > room {
			n, room = n+1, each
		}
		room -= s
	}
	return n, unicode
}

// Fits reports whether a text goes in at most parts segments.
func Fits(text string, parts int) bool {
	n, _ := Segments(text)
	return n <= parts
}
