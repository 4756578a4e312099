package console

import (
	"context"
	"errors"
	"net/http"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/roster"
)

// Links is what the console needs of *answers.Links: the links in mails by
// which a person acknowledges without a login.
type Links interface {
	Look(ctx context.Context, token string) (by roster.Person, s channel.Standing, used bool, err error)
	Use(ctx context.Context, token, note string) error
}

type answerPage struct {
	Person, Subject, Text, State, Error string
	Facts                               []channel.Fact
	// Open: the person can acknowledge now. Done: this is the answer to it.
	Open, Done bool
}

// showAnswer says what a link is for. It changes nothing: mail programs and
// their guards open links before people do.
func showAnswer(r *request) error { return r.answerPage(http.StatusOK, "", false) }

func (r *request) answerPage(status int, fault string, done bool) error {
	by, s, used, err := r.c.opt.Links.Look(r.Context(), r.PathValue("token"))
	if f, ok := badLink(err); ok {
		return f
	}
	if err != nil {
		return err
	}
	r.words = r.c.wordsFor(r.Request, by.Reads())
	page := answerPage{
		Person: by.Name, Subject: s.Subject, Text: s.Text, State: s.StateName, Facts: s.Facts, Error: fault, Done: done,
		Open: !s.Acknowledged && !used,
	}
	return r.render(status, "answer", r.T("console.answer.title"), page)
}

// giveAnswer acknowledges in the name of the person whom the link is for.
func giveAnswer(r *request) error {
	err := r.c.opt.Links.Use(r.Context(), r.PathValue("token"), r.field("note"))
	if f := (*channel.Refused)(nil); errors.As(err, &f) {
		return r.answerPage(http.StatusUnprocessableEntity, f.Text, false)
	}
	if f, ok := badLink(err); ok {
		return f
	}
	if err != nil {
		return err
	}
	return r.answerPage(http.StatusOK, "", true)
}

func badLink(err error) (*failure, bool) {
	switch {
	case errors.Is(err, channel.ErrBadLink), errors.Is(err, channel.ErrUnknown):
		return failing(http.StatusNotFound, "bad_link"), true
	case errors.Is(err, channel.ErrOldLink):
		return failing(http.StatusGone, "old_link"), true
	case errors.Is(err, channel.ErrUsedLink):
		return failing(http.StatusConflict, "used_link"), true
	}
	return nil, false
}
