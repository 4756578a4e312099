package gateway

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/plan"
)

var (
	anyID     = regexp.MustCompile(`[（(]?\bINC-[0-9]{8}-[0-9]+\b[)）]?`)
	dateShape = regexp.MustCompile(`\b[0-9]{4}-([0-9]{2})-([0-9]{2})\b`)
	timeShape = regexp.MustCompile(`\b([0-9]{1,2}):([0-9]{2})(?::[0-9]{2})?\b`)
	levelZH   = regexp.MustCompile(`\b(IV|III|II|I) ?级`)
	levelEN   = regexp.MustCompile(`\[(IV|III|II|I)\]|\b[Ll]evel (?:is now )?(IV|III|II|I)\b`)
	pauses    = regexp.MustCompile(`[ ，,]*[，,][ ，,]*`)
	beforeEnd = regexp.MustCompile(`[ ，,]+([。！？；.!?])`)
	afterEnd  = regexp.MustCompile(`([。！？；])[ ，,]+`)
)

// levelWord is a level as it is said.
func levelWord(l plan.Level, lang string) string {
	n := map[plan.Level]int{plan.LevelI: 1, plan.LevelII: 2, plan.LevelIII: 3, plan.LevelIV: 4}[l]
	if n == 0 {
		return ""
	}
	return word(lang, []string{"", "一级", "二级", "三级", "四级"}[n], "level "+strconv.Itoa(n))
}

// spoken is a text as it is read aloud: without what would be noise, like ids
// and addresses, with pauses for brackets and signs, and with the digits of
// codes and long numbers said one by one. It has at most n characters.
func spoken(s, lang, id string, n int) string {
	s = webAddress.ReplaceAllString(channel.OneLine(s), "，")
	if id != "" {
		s = strings.ReplaceAll(s, id, "")
	}
	s = anyID.ReplaceAllString(s, "，")
	s = levelZH.ReplaceAllStringFunc(s, func(m string) string {
		return levelWord(plan.Level(levelZH.FindStringSubmatch(m)[1]), "zh-CN")
	})
	s = levelEN.ReplaceAllStringFunc(s, func(m string) string {
		found := levelEN.FindStringSubmatch(m)
		return "，" + levelWord(plan.Level(found[1]+found[2]), "en") + "，"
	})
	s = dateShape.ReplaceAllStringFunc(s, func(m string) string {
		part := dateShape.FindStringSubmatch(m)
		month, _ := strconv.Atoi(part[1])
		day, _ := strconv.Atoi(part[2])
		if month < 1 || month > 12 {
			return m
		}
		return word(lang, strconv.Itoa(month)+"月"+strconv.Itoa(day)+"日", time.Month(month).String()+" "+strconv.Itoa(day))
	})
	s = timeShape.ReplaceAllString(s, word(lang, "${1}点${2}分", "${1} ${2}"))
	s = pronounced(s)
	s = pauses.ReplaceAllString(s, word(lang, "，", ", "))
	s = afterEnd.ReplaceAllString(beforeEnd.ReplaceAllString(s, "$1"), "$1")
	s = strings.Trim(strings.Join(strings.Fields(s), " "), "，, ")
	return clipSpeech(s, n)
}

// pronounced turns signs into pauses, and spaces out the digits of codes and of
// numbers of three digits or more.
func pronounced(s string) string {
	var b strings.Builder
	runes := []rune(s)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case digit(r):
			end := i
			for end < len(runes) && digit(runes[end]) {
				end++
			}
			code := i > 0 && (latin(runes[i-1]) || runes[i-1] == '-' && i > 1 && latin(runes[i-2]))
			if code {
				b.WriteByte(' ')
			}
			for j := i; j < end; j++ {
				if j > i && (code || end-i > 2) {
					b.WriteByte(' ')
				}
				b.WriteRune(runes[j])
			}
			if end < len(runes) && latin(runes[end]) {
				b.WriteByte(' ')
			}
			i = end - 1
		case r == '.' && i > 0 && digit(runes[i-1]) && i+1 < len(runes) && digit(runes[i+1]), r == '%', r == '℃':
			b.WriteRune(r)
		case r == '-' || r == '_' || r == '/':
			b.WriteByte(' ')
		case unicode.IsLetter(r), r == ' ', strings.ContainsRune("，。！？；,.!?'", r):
			b.WriteRune(r)
		case unicode.IsPunct(r), unicode.IsSymbol(r):
			b.WriteRune('，')
		}
	}
	return b.String()
}

func digit(r rune) bool { return r >= '0' && r <= '9' }

func latin(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// clipSpeech shortens to at most n characters, at a pause where there is one in
// the second half: a voice cannot say …
func clipSpeech(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	runes = runes[:n]
	for i := n - 1; i > n/2; i-- {
		if strings.ContainsRune("，。！？；,.!?", runes[i]) {
			runes = runes[:i]
			break
		}
	}
	return strings.TrimRight(string(runes), " ，,")
}

// speech is m as it is read aloud.
func (c Config) speech(m channel.Message) string {
	mark := drillMark(m.Lang)
	text := strings.TrimPrefix(m.Subject, mark) + word(m.Lang, "。", ". ") + strings.ReplaceAll(strings.TrimPrefix(m.Text, mark), "\n", " ")
	before := ""
	if m.Incident.Drill {
		before = c.drill(m.Lang)
	}
	return before + spoken(text, m.Lang, m.Incident.ID, c.maxChars()-len([]rune(before)))
}
