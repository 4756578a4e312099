package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/roster"
)

const (
	// via is this channel in the record of what people did.
	via = "slack"
	// maxWork bounds the requests under way, and workWithin each of them.
	maxWork    = 16
	workWithin = 30 * time.Second
	// maxNote bounds what people write, in characters, as Slack counts them;
	// maxNoteBytes bounds it again here.
	maxNote, maxNoteBytes = 1000, 4000
)

// asker is who asks for something, and where the answer goes.
type asker struct {
	user, channel, responseURL, trigger string
	person                              roster.Person
}

// start does work for one request in the background. It reports false when
// there is too much of it: the request is then not acknowledged, and Slack
// says so to who asked. A panic costs this one request.
func (s *Slack) start(work func(ctx context.Context)) bool {
	s.mu.Lock()
	full := s.working >= maxWork
	if !full {
		s.working++
	}
	s.mu.Unlock()
	if full {
		s.log.Warn("too much is asked from Slack at once; a request was turned away", "channel", s.Name())
		return false
	}
	leave := func() {
		s.mu.Lock()
		s.working--
		s.mu.Unlock()
	}
	started := s.background(func(ctx context.Context) {
		defer leave()
		defer func() {
			if p := recover(); p != nil {
				s.log.Error("a request from Slack failed by a fault of the program", "channel", s.Name(), "fault", fmt.Sprint(p), "stack", string(debug.Stack()))
			}
		}()
		ctx, cancel := context.WithTimeout(ctx, workWithin)
		defer cancel()
		work(ctx)
	})
	if !started {
		leave()
	}
	return started
}

// who finds the asker on the roster. A stranger is told so.
func (s *Slack) who(ctx context.Context, a *asker) bool {
	if id, ok := s.cfg.People[a.user]; ok {
		for _, p := range s.actions.People() {
			if p.ID == id {
				a.person = p
				return true
			}
		}
	}
	s.log.Info("somebody who is not on the roster asked for something in Slack", "channel", s.Name(), "user", channel.OneLine(a.user))
	s.tell(ctx, *a, fmt.Sprintf(stranger.In(s.Lang()), a.user))
	return false
}

// interact answers a pressed button, a choice or a filled form.
func (s *Slack) interact(ctx context.Context, ic slack.InteractionCallback) {
	a := asker{user: ic.User.ID, channel: ic.Channel.ID, responseURL: ic.ResponseURL, trigger: ic.TriggerID}
	switch ic.Type {
	case slack.InteractionTypeBlockActions:
		for _, b := range ic.ActionCallback.BlockActions {
			do, ours := strings.CutPrefix(b.ActionID, idPrefix)
			incident, named := strings.CutPrefix(b.BlockID, idPrefix)
			if !ours || !named {
				continue // the link, or another part's
			}
			if s.who(ctx, &a) {
				s.pressed(ctx, a, incident, do, b.SelectedOption.Value)
			}
			return
		}
	case slack.InteractionTypeViewSubmission:
		if ic.View.CallbackID == noteView {
			s.filled(ctx, a, ic.View)
		}
	}
}

// pressed does what a button is for, or asks first for what goes with it.
func (s *Slack) pressed(ctx context.Context, a asker, incident, do, value string) {
	switch do {
	case channel.Acknowledge, channel.Take:
		s.act(ctx, a, incident, channel.Action{Do: do})
	case channel.StepDone:
		if value != "" {
			s.act(ctx, a, incident, channel.Action{Do: do, Value: value})
		}
	case channel.SetLevel:
		if value != "" {
			s.form(ctx, a, form{Do: do, Incident: incident, Value: value})
		}
	case channel.Resolve:
		s.form(ctx, a, form{Do: do, Incident: incident})
	}
}

// form is what a form remembers of the button that opened it.
type form struct {
	Do       string `json:"do"`
	Incident string `json:"incident"`
	Value    string `json:"value,omitempty"`
	Channel  string `json:"channel,omitempty"`
	// Answer is where the one who fills it in is answered.
	Answer string `json:"answer,omitempty"`
}

// form opens a form that asks how, or why.
func (s *Slack) form(ctx context.Context, a asker, f form) {
	lang := a.person.Reads()
	title, ask := titleHow, askHow
	if f.Do == channel.SetLevel {
		title, ask = titleWhy, askWhy
	}
	f.Channel, f.Answer = a.channel, a.responseURL
	kept, err := json.Marshal(f)
	if err == nil && len(kept) > 3000 { // as much as Slack keeps
		f.Answer = ""
		kept, err = json.Marshal(f)
	}
	head := f.Incident
	if f.Value != "" {
		head += " → " + wordLevel.In(lang) + " " + f.Value
	}
	input := slack.NewPlainTextInputBlockElement(nil, noteInput)
	input.Multiline, input.MaxLength = true, maxNote
	view := slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: noteView, PrivateMetadata: string(kept),
		Title: plain(title.In(lang)), Submit: plain(wordSubmit.In(lang)), Close: plain(wordCancel.In(lang)),
		Blocks: slack.Blocks{BlockSet: []slack.Block{section(clip(head, titleLimit)), slack.NewInputBlock(noteBlock, plain(ask.In(lang)), nil, input)}},
	}
	api, bot, err2 := s.client()
	if err = errors.Join(err, err2); err == nil {
		_, err = api.OpenViewContext(ctx, a.trigger, view)
	}
	if err != nil {
		s.log.Warn("a form cannot be opened in Slack", "channel", s.Name(), "incident", f.Incident, "err", s.judge("views.open", err, bot))
		s.tell(ctx, a, fmt.Sprintf(trouble.In(lang), f.Incident))
	}
}

// filled does what a form was opened for.
func (s *Slack) filled(ctx context.Context, a asker, v slack.View) {
	var f form
	if err := json.Unmarshal([]byte(v.PrivateMetadata), &f); err != nil || f.Incident == "" || f.Do != channel.Resolve && f.Do != channel.SetLevel {
		s.log.Warn("a form came from Slack that was not opened here", "channel", s.Name())
		return
	}
	a.channel, a.responseURL = f.Channel, f.Answer
	if !s.who(ctx, &a) {
		return
	}
	note := ""
	if v.State != nil {
		note = v.State.Values[noteBlock][noteInput].Value
	}
	note = strings.TrimSpace(channel.Message{Text: note}.Lines().Text)
	if len(note) > maxNoteBytes {
		note = strings.ToValidUTF8(note[:maxNoteBytes], "")
	}
	s.act(ctx, a, f.Incident, channel.Action{Do: f.Do, Value: f.Value, Note: note})
}

// act carries an action out, says what came of it to who asked, and brings
// the head up to date whatever came of it: a button that is refused is one
// that should not be there.
func (s *Slack) act(ctx context.Context, a asker, incident string, do channel.Action) {
	lang := a.person.Reads()
	before := s.stands(ctx, incident)
	err := s.actions.Act(ctx, via, a.person, incident, do)
	var refused *channel.Refused
	text := fmt.Sprintf(done.In(lang), incident)
	switch {
	case err == nil:
	case errors.As(err, &refused):
		text = refused.Text
	case errors.Is(err, channel.ErrUnknown):
		s.tell(ctx, a, fmt.Sprintf(unknown.In(lang), incident))
		return
	default:
		s.log.Error("what was asked for in Slack failed", "channel", s.Name(), "incident", incident, "action", do.Do, "person", a.person.ID, "err", err)
		text = fmt.Sprintf(trouble.In(lang), incident)
	}
	m := channel.Message{Incident: channel.Incident{ID: incident}}
	if fault := s.refresh(ctx, m, func(t *thread) {
		if err == nil && (do.Do == channel.Acknowledge || do.Do == channel.Take) && before != nil && !before.Acknowledged {
			t.By = clip(channel.OneLine(a.person.Name), labelLimit)
		}
	}); fault != nil {
		s.log.Warn("the head of a thread is brought up to date later", "channel", s.Name(), "incident", incident, "err", fault)
		s.later(m, fault)
	}
	s.tell(ctx, a, text)
}

// command answers the slash command.
func (s *Slack) command(ctx context.Context, cmd slack.SlashCommand) {
	a := asker{user: cmd.UserID, channel: cmd.ChannelID, responseURL: cmd.ResponseURL, trigger: cmd.TriggerID}
	if !s.who(ctx, &a) {
		return
	}
	words := strings.Fields(cmd.Text)
	verb, incident := "list", ""
	if len(words) > 0 {
		verb = strings.ToLower(words[0])
	}
	if len(words) > 1 {
		incident = clip(strings.ToUpper(channel.OneLine(words[1])), labelLimit)
	}
	switch {
	case verb == "list" && len(words) <= 1:
		s.list(ctx, a)
	case verb == "show" && len(words) == 2:
		s.show(ctx, a, incident)
	case verb == "ack" && len(words) == 2:
		s.act(ctx, a, incident, channel.Action{Do: channel.Acknowledge})
	case verb == "take" && len(words) == 2:
		s.act(ctx, a, incident, channel.Action{Do: channel.Take})
	default:
		s.tell(ctx, a, fmt.Sprintf(usage.In(a.person.Reads()), channel.OneLine(cmd.Command)))
	}
}

// list says which incidents have not ended.
func (s *Slack) list(ctx context.Context, a asker) {
	lang := a.person.Reads()
	open, err := s.actions.Open(ctx, lang)
	if err != nil {
		s.log.Error("what was asked for in Slack failed", "channel", s.Name(), "action", "list", "err", err)
		s.tell(ctx, a, noTrouble.In(lang))
		return
	}
	var rows []string
	for _, st := range open {
		mark, assignee := "", st.Assignee
		if st.Incident.Drill {
			mark = "⚠ " + drill.In(lang) + " "
		}
		if assignee == "" {
			assignee = nobody.In(lang)
		}
		rows = append(rows, fmt.Sprintf("%s %s%s · %s · %s%s%s", st.Incident.ID, mark, clip(channel.OneLine(st.Subject), headerLimit), channel.OneLine(st.StateName),
			wordAssignee.In(lang), colon(lang), channel.OneLine(assignee)))
	}
	if len(rows) == 0 {
		s.tell(ctx, a, noneOpen.In(lang))
		return
	}
	text := inert(strings.Join(rows, "\n"))
	var blocks []slack.Block
	for _, part := range split(text, textLimit, 3) {
		blocks = append(blocks, section(part))
	}
	s.tell(ctx, a, text, blocks...)
}

// show says how one incident stands, with its buttons.
func (s *Slack) show(ctx context.Context, a asker, incident string) {
	lang := a.person.Reads()
	st, err := s.actions.Stands(ctx, incident, lang)
	switch {
	case errors.Is(err, channel.ErrUnknown):
		s.tell(ctx, a, fmt.Sprintf(unknown.In(lang), incident))
		return
	case err != nil:
		s.log.Error("what was asked for in Slack failed", "channel", s.Name(), "action", "show", "incident", incident, "err", err)
		s.tell(ctx, a, fmt.Sprintf(trouble.In(lang), incident))
		return
	}
	st.Message = st.Lines()
	t, _ := s.load(ctx, incident)
	blocks := append(body(st.Message, lang), section(clip(standing(st, lang, t.By), standLimit)))
	s.tell(ctx, a, st.Subject, append(blocks, buttons(st.Message, &st, lang)...)...)
}

// tell says something that only who asked can see.
func (s *Slack) tell(ctx context.Context, a asker, text string, blocks ...slack.Block) {
	api, bot, err := s.client()
	if err != nil {
		s.log.Warn("nobody can be answered in Slack", "channel", s.Name(), "err", err)
		return
	}
	if len(blocks) == 0 {
		blocks = []slack.Block{section(clip(inert(text), textLimit))}
	}
	options := []slack.MsgOption{slack.MsgOptionText(escape(clip(inert(text), noticeLimit)), false), slack.MsgOptionBlocks(blocks...)}
	if s.answers(a.responseURL) {
		if _, _, _, err = api.SendMessageContext(ctx, "", append(options, slack.MsgOptionResponseURL(a.responseURL, slack.ResponseTypeEphemeral))...); err == nil {
			return
		}
	}
	where := a.channel
	if where == "" {
		where = s.cfg.Channel
	}
	if _, err = api.PostEphemeralContext(ctx, where, a.user, options...); err != nil {
		s.log.Warn("somebody cannot be answered in Slack", "channel", s.Name(), "user", channel.OneLine(a.user), "err", s.judge("chat.postEphemeral", err, bot))
	}
}

// answers reports whether an address for an answer is Slack's: it came from
// outside.
func (s *Slack) answers(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	if own, err := url.Parse(s.cfg.endpoint()); err == nil && u.Scheme == own.Scheme && u.Host == own.Host {
		return true
	}
	host := strings.ToLower(u.Hostname())
	return u.Scheme == "https" && (strings.HasSuffix(host, ".slack.com") || strings.HasSuffix(host, ".slack-gov.com"))
}
