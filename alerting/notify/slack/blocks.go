package slack

import (
	"net/url"
	"regexp"
	"strings"
	"unicode/utf16"

	"github.com/slack-go/slack"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/plan"
)

// The limits of Block Kit, in UTF-16 units after escaping; Slack says
// characters, of which there are never more. All texts of a message together
// stay below 12,000, over which Slack refuses it whatever its blocks are.
const (
	headerLimit  = 150
	titleLimit   = 1000
	textLimit    = 2300 // of a section; Slack takes 3000
	factsLimit   = 2000
	standLimit   = 600
	nameLimit    = 40
	noticeLimit  = 3000 // what a telephone shows, and a reader of screens says
	labelLimit   = 75
	linkLimit    = 3000
	optionsLimit = 25 // Slack takes 100
	idLimit      = 75
	maxMentions  = 30
)

// The ids of what people can press. The incident stands in the block's.
const (
	idPrefix   = "xunjian/"
	linkButton = "xunjian_link"
	noteView   = "xunjian_note"
	noteBlock  = "xunjian_why"
	noteInput  = "xunjian_why_text"
)

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

var callsAll = regexp.MustCompile(`(?i)(^|[^a-z0-9])@(channel|here|everyone|group|all)\b`)

// inert makes a text from outside call nobody: the @ of what would call many
// is one that Slack does not know.
func inert(s string) string { return callsAll.ReplaceAllString(s, "$1＠$2") }

// escape makes it plain text for Slack.
func escape(s string) string { return escaper.Replace(s) }

func cost(r rune) int {
	switch r {
	case '&':
		return len("&amp;")
	case '<', '>':
		return len("&lt;")
	}
	return utf16.RuneLen(r)
}

// fits is the length of the longest beginning that costs at most limit.
func fits(s string, limit int) int {
	spent := 0
	for i, r := range s {
		if spent += cost(r); spent > limit {
			return i
		}
	}
	return len(s)
}

// clip shortens to at most limit as escaped, between characters.
func clip(s string, limit int) string {
	if fits(s, limit) == len(s) {
		return s
	}
	return s[:fits(s, limit-1)] + "…"
}

// split cuts a text into at most n parts, between lines where there is one in
// the second half. What is over is left out, and that is shown.
func split(s string, limit, n int) []string {
	var parts []string
	for s = strings.Trim(s, "\n"); s != ""; s = strings.TrimLeft(s, "\n") {
		if len(parts) == n-1 {
			return append(parts, clip(s, limit))
		}
		end := fits(s, limit)
		if end < len(s) {
			if nl := strings.LastIndexByte(s[:end], '\n'); nl > end/2 {
				end = nl
			}
		}
		parts, s = append(parts, strings.TrimRight(s[:end], "\n")), s[end:]
	}
	return parts
}

// plain is a text in which Slack reads no marks at all.
func plain(s string) *slack.TextBlockObject {
	off := false
	return &slack.TextBlockObject{Type: slack.PlainTextType, Text: escape(s), Emoji: &off}
}

// label is a plain text as buttons and options bear it.
func label(s string) *slack.TextBlockObject { return plain(clip(inert(s), labelLimit)) }

func section(s string) slack.Block { return slack.NewSectionBlock(plain(s), nil, nil) }

func colon(lang string) string {
	if lang == "en" {
		return ": "
	}
	return "："
}

// facts are one row each.
func facts(m channel.Message, lang string) string {
	var rows []string
	for _, f := range m.Facts {
		rows = append(rows, f.Name+colon(lang)+f.Value)
	}
	return inert(strings.Join(rows, "\n"))
}

// body is what a notice says, without what can be done about it.
func body(m channel.Message, lang string) []slack.Block {
	var out []slack.Block
	if m.Incident.Drill {
		out = append(out, section("⚠ "+drill.In(lang)))
	}
	subject := inert(m.Subject)
	if subject != "" {
		out = append(out, slack.NewHeaderBlock(plain(clip(subject, headerLimit))))
	}
	if clip(subject, headerLimit) != subject {
		out = append(out, section(clip(subject, titleLimit)))
	}
	for _, part := range split(inert(m.Text), textLimit, 2) {
		out = append(out, section(part))
	}
	for _, part := range split(facts(m, lang), factsLimit, 1) {
		out = append(out, section(part))
	}
	return out
}

// calls mentions those whom a notice is meant for: by their users where Slack
// knows them, else by name and number.
func (s *Slack) calls(m channel.Message) string {
	var users, names []string
	for _, p := range m.Concerned {
		found := s.cfg.users(p.ID)
		for _, user := range found {
			users = append(users, "<@"+user+">")
		}
		if len(found) == 0 {
			names = append(names, escape(inert(clip(strings.TrimSpace(channel.OneLine(p.Name)+" "+channel.OneLine(p.Phone)), nameLimit))))
		}
	}
	all := append(users, names...)
	if len(all) > maxMentions {
		all = append(all[:maxMentions:maxMentions], "…")
	}
	return strings.Join(all, " ")
}

// marked is text of this package's own making, in which mentions hold.
func marked(s string) slack.Block {
	return slack.NewSectionBlock(&slack.TextBlockObject{Type: slack.MarkdownType, Text: s, Verbatim: true}, nil, nil)
}

// standing says how the incident stands. by is who acknowledged from Slack.
func standing(st channel.Standing, lang, by string) string {
	row := func(name plan.Text, value string) string { return name.In(lang) + colon(lang) + channel.OneLine(value) }
	rows := []string{row(wordState, st.StateName), row(wordLevel, string(st.Incident.Level))}
	assignee := st.Assignee
	if assignee == "" {
		assignee = nobody.In(lang)
	}
	acknowledged := notYet.In(lang)
	if st.Acknowledged {
		if acknowledged = yes.In(lang); by != "" {
			acknowledged = by
		}
	}
	return inert(strings.Join(append(rows, row(wordAssignee, assignee), row(wordAcknowledged, acknowledged)), "\n"))
}

// bare says how the incident stood when a notice was made; for a channel that
// nobody answers from.
func bare(m channel.Message, lang string) string {
	state := m.Incident.State
	if t, ok := states[state]; ok {
		state = t.In(lang)
	}
	if state == "" && m.Incident.Level == "" {
		return ""
	}
	return inert(wordState.In(lang) + colon(lang) + channel.OneLine(state) + "\n" + wordLevel.In(lang) + colon(lang) + channel.OneLine(string(m.Incident.Level)))
}

// link leads to the console; nil where there is no address that Slack takes.
func link(m channel.Message, lang string) slack.BlockElement {
	u, err := url.Parse(m.Link)
	if err != nil || m.Link == "" || len(m.Link) > linkLimit || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil
	}
	text := m.LinkText
	if text == "" {
		text = wordOpen.In(lang)
	}
	b := slack.NewButtonBlockElement(linkButton, "", label(text))
	b.URL = m.Link
	return b
}

// press is what can be done about an incident as it stands.
func press(st channel.Standing, lang string) []slack.BlockElement {
	id := st.Incident.ID
	if st.Incident.Over || id == "" || len(idPrefix+id) > 255 {
		return nil
	}
	button := func(do string, text plan.Text, style slack.Style) slack.BlockElement {
		b := slack.NewButtonBlockElement(idPrefix+do, id, label(text.In(lang)))
		b.Style = style
		return b
	}
	choose := func(do string, text plan.Text, options []*slack.OptionBlockObject) slack.BlockElement {
		return slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, label(text.In(lang)), idPrefix+do, options...)
	}
	var out []slack.BlockElement
	if !st.Acknowledged {
		out = append(out, button(channel.Acknowledge, doAcknowledge, slack.StylePrimary))
	}
	out = append(out, button(channel.Take, doTake, slack.StyleDefault))
	var steps, levels []*slack.OptionBlockObject
	for _, step := range st.Next {
		if title := channel.OneLine(step.Title); step.ID != "" && len(step.ID) <= idLimit && title != "" && len(steps) < optionsLimit {
			steps = append(steps, slack.NewOptionBlockObject(step.ID, label(title), nil))
		}
	}
	for _, level := range st.Levels {
		levels = append(levels, slack.NewOptionBlockObject(string(level), label(wordLevel.In(lang)+" "+string(level)), nil))
	}
	if len(steps) > 0 {
		out = append(out, choose(channel.StepDone, doStep, steps))
	}
	if len(levels) > 0 {
		out = append(out, choose(channel.SetLevel, doLevel, levels))
	}
	return append(out, button(channel.Resolve, doResolve, slack.StyleDanger))
}

// buttons is the row under a message; none where there is nothing to press.
func buttons(m channel.Message, st *channel.Standing, lang string) []slack.Block {
	var elements []slack.BlockElement
	id := ""
	if l := link(m, lang); l != nil {
		elements = append(elements, l)
	}
	if st != nil {
		if p := press(*st, lang); len(p) > 0 {
			id, elements = idPrefix+st.Incident.ID, append(elements, p...)
		}
	}
	if len(elements) == 0 {
		return nil
	}
	return []slack.Block{slack.NewActionBlock(id, elements...)}
}

// head is the first message of a thread, as the incident stands: st is nil
// where that is not known.
func (s *Slack) head(m channel.Message, st *channel.Standing, by string) []slack.Block {
	lang := s.Lang()
	blocks := body(m, lang)
	if st != nil {
		blocks = append(blocks, section(clip(standing(*st, lang, by), standLimit)))
	} else if text := bare(m, lang); text != "" {
		blocks = append(blocks, section(clip(text, standLimit)))
	}
	if who := s.calls(m); who != "" {
		blocks = append(blocks, marked(who))
	}
	return append(blocks, buttons(m, st, lang)...)
}

// reply is a later message of a thread.
func (s *Slack) reply(m channel.Message) []slack.Block {
	blocks := body(m, s.Lang())
	if who := s.calls(m); who != "" {
		blocks = append(blocks, marked(who))
	}
	return append(blocks, buttons(m, nil, s.Lang())...)
}

// notice is the message in one text: what a telephone shows of it.
func notice(m channel.Message, lang string) string {
	text := m.Subject + "\n" + m.Text
	if m.Incident.Drill {
		text = drill.In(lang) + "\n" + text
	}
	return escape(clip(strings.TrimSpace(inert(text)), noticeLimit))
}

// whole is the message without blocks, for where Slack does not take them.
func (s *Slack) whole(m channel.Message) string {
	text := notice(m, s.Lang())
	if f := facts(m, s.Lang()); f != "" {
		text += "\n" + escape(clip(f, factsLimit))
	}
	if who := s.calls(m); who != "" {
		text += "\n" + who
	}
	if m.Link != "" && len(m.Link) <= linkLimit {
		text += "\n" + escape(m.Link)
	}
	return text
}
