package gateway

import (
	"regexp"
	"strings"
)

// defaultNumbers are mobile numbers of the Chinese mainland.
const defaultNumbers = `^(\+86)?1[3-9][0-9]{9}$`

// number is a telephone number in digits, with a + where it begins with the
// code of a country. Without, it is one of the Chinese mainland.
type number string

// clean takes out what people put between digits, and what stands before +86.
func clean(s string) number {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= '０' && r <= '９':
			return r - '０' + '0'
		case strings.ContainsRune(" \t-–—.()（）　\u00a0", r):
			return -1
		case r == '＋':
			return '+'
		}
		return r
	}, s)
	if rest, ok := strings.CutPrefix(s, "00"); ok {
		s = "+" + rest
	}
	if len(s) == 13 && strings.HasPrefix(s, "861") {
		s = "+" + s
	}
	return number(s)
}

var digits = regexp.MustCompile(`^\+?[0-9]{3,15}$`)

// taken reports whether n is a number at all, and one of those that a gateway
// takes.
func (n number) taken(by *regexp.Regexp) bool {
	return digits.MatchString(string(n)) && by.MatchString(string(n))
}

// e164 is the number with + and the code of its country.
func (n number) e164() string {
	if strings.HasPrefix(string(n), "+") {
		return string(n)
	}
	return "+86" + string(n)
}

// national is the number without the +86 of the mainland; any other keeps the
// code of its country, without the +.
func (n number) national() string {
	return strings.TrimPrefix(strings.TrimPrefix(n.e164(), "+86"), "+")
}

// masked is the number as a log may show it.
func (n number) masked() string {
	s := n.national()
	if len(s) < 8 {
		return "***"
	}
	return s[:3] + "****" + s[len(s)-4:]
}

// hide masks the number in a text from outside.
func (n number) hide(text string) string {
	return strings.NewReplacer(n.e164(), n.masked(), strings.TrimPrefix(n.e164(), "+"), n.masked(), n.national(), n.masked()).Replace(text)
}
