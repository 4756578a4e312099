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
		case strings.ContainsRune(" \t-－–—.()（）　\u00a0", r):
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

// e164 is the number with + and the code of its country, without the 0 that
// stands before an area code within it.
func (n number) e164() string {
	if strings.HasPrefix(string(n), "+") {
		return string(n)
	}
	return "+86" + strings.TrimPrefix(string(n), "0")
}

// landline is a number of the mainland that begins with an area code, as it
// stands behind +86.
var landline = regexp.MustCompile(`^(10[0-9]{8}|2[0-9]{9}|([35679][0-9]|[48][1-9])[0-9]{8,9})$`)

// national is the number as it is dialled on the mainland, an area code with its
// 0; any other keeps the code of its country, without the +.
func (n number) national() string {
	s, ours := strings.CutPrefix(n.e164(), "+86")
	switch {
	case !ours:
		return strings.TrimPrefix(s, "+")
	case landline.MatchString(s):
		return "0" + s
	}
	return s
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
