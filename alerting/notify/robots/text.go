package robots

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/roster"
)

// maxParts bounds the requests of one notice, or it would take the robot's
// whole minute.
const maxParts = 8

// split cuts a text into parts of at most limit bytes as cost counts them,
// between characters, and between lines where there is one in the second half.
// What is over maxParts is left out, and that is shown.
func split(text string, limit int, cost func(r rune) int) []string {
	const mark = len("（8/8）\n") + 1 // the line break counts twice in JSON
	var parts []string
	for rest := text; rest != ""; {
		n := fits(rest, limit-mark, cost)
		if n < len(rest) {
			if nl := strings.LastIndexByte(rest[:n], '\n'); nl > n/2 {
				n = nl + 1
			}
		}
		parts, rest = append(parts, strings.TrimRight(rest[:n], "\n")), rest[n:]
		if len(parts) == maxParts && rest != "" {
			last := parts[maxParts-1]
			parts[maxParts-1] = last[:fits(last, limit-mark-len("…"), cost)] + "…"
			break
		}
	}
	if len(parts) > 1 {
		for i := range parts {
			parts[i] = fmt.Sprintf("（%d/%d）\n%s", i+1, len(parts), parts[i])
		}
	}
	return parts
}

// fits is the length of the longest beginning that costs at most limit.
func fits(s string, limit int, cost func(r rune) int) int {
	spent := 0
	for i, r := range s {
		if spent += cost(r); spent > limit {
			return i
		}
	}
	return len(s)
}

// plainCost counts a character's bytes; jsonCost those it has in JSON.
func plainCost(r rune) int { return utf8.RuneLen(r) }

func jsonCost(r rune) int {
	switch r {
	case '\n', '"', '\\':
		return 2
	}
	return utf8.RuneLen(r)
}

// clip shortens to at most limit bytes, between characters.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return s[:fits(s, limit-len("…"), plainCost)] + "…"
}

// inert takes the marks of links, mentions, headings and quotes out of a text:
// labels and notes are anybody's.
func inert(s string) string {
	s = strings.NewReplacer("](", "] (", "<", "＜").Replace(s)
	if s != "" && strings.ContainsRune("#>", rune(s[0])) {
		s = " " + s
	}
	return s
}

func colon(m channel.Message) string {
	if m.Lang == "en" {
		return ": "
	}
	return "："
}

// markdown says m for the platforms that read it; sep parts lines.
func markdown(m channel.Message, sep string) string {
	lines := []string{"**" + inert(m.Subject) + "**"}
	for line := range strings.SplitSeq(m.Text, "\n") {
		lines = append(lines, inert(line))
	}
	for _, f := range m.Facts {
		lines = append(lines, "> "+inert(f.Name)+colon(m)+inert(f.Value))
	}
	if m.Link != "" {
		lines = append(lines, "["+inert(m.LinkText)+"]("+strings.NewReplacer("(", "%28", ")", "%29").Replace(m.Link)+")")
	}
	return strings.Join(lines, sep)
}

// names are the people whom it concerns.
func names(m channel.Message) string {
	sep := "、"
	if m.Lang == "en" {
		sep = ", "
	}
	var out []string
	for _, p := range m.Concerned {
		out = append(out, strings.TrimSpace(channel.OneLine(p.Name)+" "+p.Phone))
	}
	return strings.Join(out, sep)
}

var mobileShape = regexp.MustCompile(`^(?:\+?86)?(1[3-9][0-9]{9})$`)

// mobiles are the mobile numbers of people, as the platforms know them; an
// office line is nobody's there.
func mobiles(people []roster.Person) []string {
	var out []string
	for _, p := range people {
		if m := mobileShape.FindStringSubmatch(strings.NewReplacer(" ", "", "-", "").Replace(p.Phone)); m != nil {
			out = append(out, m[1])
		}
	}
	return out
}

func lastPart(p string) string {
	if base := path.Base(p); len(base) > 8 {
		return base
	}
	return ""
}
