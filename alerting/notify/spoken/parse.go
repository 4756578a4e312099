// Package spoken is the language in which people ask for something from a
// chat: what a message means, who sent it, and what they are answered.
package spoken

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/plan"
)

// What can be asked for beside the actions of package channel.
const (
	Status = "status" // how one incident stands, or which are open
	Help   = "help"   // what can be said; also the meaning of whatever is not understood
)

// Command is what a message asks for.
type Command struct {
	// Do is one of the actions of package channel, Status or Help.
	Do string
	// Incident is the one that was named; empty: the only one that is open.
	Incident string
	// Value and Note are as in channel.Action. Note is one line of at most 2000
	// characters.
	Value, Note string
}

// Acts reports whether the command changes something.
func (c Command) Acts() bool { return c.Do != Status && c.Do != Help }

// word is a way to say a command, in lower case and narrow characters.
type word struct{ say, do string }

// words, the longer before those they begin with.
var words = []word{
	{"acknowledge", channel.Acknowledge}, {"ack", channel.Acknowledge}, {"确认", channel.Acknowledge}, {"收到", channel.Acknowledge},
	{"take", channel.Take}, {"接手", channel.Take},
	{"status", Status}, {"list", Status}, {"状态", Status}, {"列表", Status},
	{"step", channel.StepDone}, {"步骤", channel.StepDone},
	{"level", channel.SetLevel}, {"升级", channel.SetLevel}, {"降级", channel.SetLevel}, {"定级", channel.SetLevel},
	{"resolved", channel.Resolve}, {"resolve", channel.Resolve}, {"已解决", channel.Resolve}, {"解决了", channel.Resolve}, {"解决", channel.Resolve},
	{"help", Help}, {"帮助", Help},
}

// done are the words that may follow a step's ID. Anything else could say the
// opposite.
var done = []string{"done", "完成", "已完成", "做完了"}

var levels = map[string]plan.Level{
	"i": plan.LevelI, "ii": plan.LevelII, "iii": plan.LevelIII, "iv": plan.LevelIV,
	"1": plan.LevelI, "2": plan.LevelII, "3": plan.LevelIII, "4": plan.LevelIV,
	"一": plan.LevelI, "二": plan.LevelII, "三": plan.LevelIII, "四": plan.LevelIV,
	"ⅰ": plan.LevelI, "ⅱ": plan.LevelII, "ⅲ": plan.LevelIII, "ⅳ": plan.LevelIV,
}

var (
	incidentShape = regexp.MustCompile(`^inc-[0-9]{8}-[0-9]{1,9}$`)
	// glued is an incident that follows a word without a space.
	glued = regexp.MustCompile(`^inc-[0-9]`)
	// gluedLevel is a level that follows a word without a space.
	gluedLevel = regexp.MustCompile(`^(为|到)?([ivⅰⅱⅲⅳ]+|[1-4一二三四])级?$`)
	stepShape  = regexp.MustCompile(`^[a-z0-9]+([._-][a-z0-9]+)*$`)
)

// maxStep bounds the ID of a step, in bytes.
const maxStep = 100

// Parse says what a message asks for. Wide and narrow characters, upper and
// lower case, punctuation and mentions around the words make no difference; a
// leading / may stand before the word. What it does not understand whole is
// Help, and so is a question: nothing is done on a guess.
func Parse(text string) Command {
	r := reader{said: []rune(text)}
	r.plain = make([]rune, len(r.said))
	for i, c := range r.said {
		r.plain[i] = fold(c)
	}
	c, ok := r.command()
	if !ok || c.Acts() && r.asks() {
		return Command{Do: Help}
	}
	return c
}

// fold makes a character narrow and small; to one belongs one, so that a place
// in the folded text is one in the text.
func fold(r rune) rune {
	switch {
	case r >= '！' && r <= '～':
		r -= '！' - '!'
	case unicode.IsSpace(r), unicode.IsControl(r), unicode.In(r, unicode.Cf):
		return ' '
	}
	switch r {
	case '‐', '‑', '‒', '–', '—', '―', '−', '﹣':
		return '-'
	}
	return unicode.ToLower(r)
}

// reader goes through a message, word by word.
type reader struct {
	said, plain []rune
	at          int
}

// gap is what may stand between words.
func gap(r rune) bool {
	return r == ' ' || strings.ContainsRune(",.;:!?，。；：！、~…[]()<>{}【】（）「」『』《》“”‘’\"'`*|#", r)
}

// skip passes gaps and mentions.
func (r *reader) skip() {
	for r.at < len(r.plain) {
		switch {
		case gap(r.plain[r.at]):
			r.at++
		case r.plain[r.at] == '@':
			for r.at < len(r.plain) && r.plain[r.at] != ' ' {
				r.at++
			}
		default:
			return
		}
	}
}

// peek is the next word and where it ends.
func (r *reader) peek() (string, int) {
	r.skip()
	end := r.at
	for end < len(r.plain) && r.plain[end] != '@' && (!gap(r.plain[end]) || r.inside(end)) {
		end++
	}
	return string(r.plain[r.at:end]), end
}

// inside reports whether a dot stands within a word, as in an ID.
func (r *reader) inside(i int) bool {
	return r.plain[i] == '.' && i > r.at && i+1 < len(r.plain) && ascii(r.plain[i-1]) && ascii(r.plain[i+1])
}

func ascii(r rune) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' }

// incident takes the next word if it is the ID of one.
func (r *reader) incident(c *Command) {
	if c.Incident != "" {
		return
	}
	if w, end := r.peek(); incidentShape.MatchString(w) {
		c.Incident, r.at = strings.ToUpper(w), end
	}
}

func (r *reader) command() (c Command, ok bool) {
	r.incident(&c)
	r.skip()
	if r.at < len(r.plain) && r.plain[r.at] == '/' {
		r.at++
	}
	w, end := r.peek()
	i := slices.IndexFunc(words, func(x word) bool {
		rest, found := strings.CutPrefix(w, x.say)
		return found && (rest == "" || glued.MatchString(rest) || x.do == channel.SetLevel && (gluedLevel.MatchString(rest) || rest == "为" || rest == "到"))
	})
	if i < 0 {
		return c, false
	}
	c.Do = words[i].do
	r.at = end - (len([]rune(w)) - len([]rune(words[i].say)))
	r.incident(&c)
	switch c.Do {
	case channel.StepDone:
		c.Value, ok = r.step()
		if !ok {
			return c, false
		}
		r.incident(&c)
		if w, end := r.peek(); slices.Contains(done, w) {
			r.at = end
		}
		return c, r.ended()
	case channel.SetLevel:
		if w, _ := r.peek(); strings.HasPrefix(w, "为") || strings.HasPrefix(w, "到") {
			r.at++
		}
		w, end := r.peek()
		level, known := levels[strings.TrimSuffix(w, "级")]
		if !known {
			return c, false
		}
		c.Value, r.at = string(level), end
		r.incident(&c)
		c.Note = r.rest()
		return c, true
	case channel.Resolve:
		c.Note = r.rest()
		return c, true
	case Help:
		return Command{Do: Help}, true
	}
	return c, r.ended()
}

// step takes the ID of a step.
func (r *reader) step() (string, bool) {
	w, end := r.peek()
	if len(w) > maxStep || !stepShape.MatchString(w) {
		return "", false
	}
	r.at = end
	return w, true
}

// ended reports whether nothing follows that could mean something.
func (r *reader) ended() bool {
	r.skip()
	return r.at == len(r.plain)
}

// rest is what follows, as it was said.
func (r *reader) rest() string {
	r.skip()
	return channel.OneLine(string(r.said[r.at:]))
}

// asks reports whether the message is a question.
func (r *reader) asks() bool {
	for i := len(r.plain) - 1; i >= 0; i-- {
		switch c := r.plain[i]; {
		case c == '?' || c == '吗' || c == '么':
			return true
		case gap(c):
		default:
			return false
		}
	}
	return false
}
