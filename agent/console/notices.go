package console

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/notify/policy"
	"xunjian/checks"
)

// Notices is what the console needs of *outlets.Outlets.
type Notices interface {
	Channels() []string
	Queue(ctx context.Context, dead bool, limit int) (list []alerting.Notice, waiting, gone int, err error)
	Retry(ctx context.Context, key string) (int, error)
	Silences() []policy.Silence
	Silence(ctx context.Context, s policy.Silence) (policy.Silence, error)
	EndSilence(ctx context.Context, id, by string) (policy.Silence, error)
}

type noticesPage struct {
	Channels         []channelRow
	Waiting, GivenUp int
	Queue, Dead      []queueRow
	Silences         []silenceRow
	Codes, Hours     []option
	Error            string
}

type channelRow struct {
	Name  string
	State state
	Why   string
}

type queueRow struct {
	Key, Incident, Kind, Channel, Error string
	Created, Next                       moment
	Attempts                            int
	Urgent                              bool
}

type silenceRow struct {
	policy.Silence
	Of       string
	From, To moment
	Active   bool
}

// mostQueued is how many notices the page lists of each sort.
const mostQueued = 50

func showNotices(r *request) error { return r.noticesPage(http.StatusOK, "") }

func (r *request) noticesPage(status int, fault string) error {
	n := r.c.opt.Notices
	page := noticesPage{Error: fault}
	for _, dead := range []bool{false, true} {
		list, waiting, gone, err := n.Queue(r.Context(), dead, mostQueued)
		if err != nil {
			return err
		}
		page.Waiting, page.GivenUp = waiting, gone
		for _, one := range list {
			row := queueRow{
				Key: one.Key, Incident: one.Incident, Kind: r.or("console.notice.kind."+one.Kind, one.Kind), Channel: one.Channel + " → " + cut(one.Recipient, 60), Error: cut(one.LastError, 300),
				Created: r.moment(one.Created, r.now), Next: r.moment(one.NotBefore, r.now), Attempts: one.Attempts, Urgent: one.Urgent,
			}
			if dead {
				page.Dead = append(page.Dead, row)
			} else {
				page.Queue = append(page.Queue, row)
			}
		}
	}
	failing := r.failingChannels()
	for _, name := range n.Channels() {
		row := channelRow{Name: name, State: state{"ok", r.T("console.notice.works")}}
		if f, ok := failing[name]; ok {
			row.State, row.Why = state{"abnormal", r.T("console.notice.fails")}, r.say.T(f.Code, f.Args)
		}
		page.Channels = append(page.Channels, row)
	}
	for _, s := range n.Silences() {
		page.Silences = append(page.Silences, silenceRow{
			Silence: s, Of: strings.Join(append(append([]string{}, s.Codes...), s.Systems...), ", "), From: r.moment(s.From, r.now), To: r.moment(s.To, r.now), Active: r.now.Before(s.To),
		})
	}
	for _, c := range r.c.opt.Desk.Plan().Codes() {
		name := c
		if k, ok := r.c.opt.Desk.Plan().Category(c); ok {
			name += " " + k.Name.In(r.say.Lang())
		}
		page.Codes = append(page.Codes, option{Value: c, Label: name})
	}
	for _, h := range []string{"1h", "2h", "4h", "8h", "24h"} {
		page.Hours = append(page.Hours, option{Value: h, Label: h, Chosen: h == "2h"})
	}
	return r.render(status, "notices", r.T("console.nav.notices"), page)
}

// failingChannels are the channels of which the agent's check says that nothing
// arrives.
func (r *request) failingChannels() map[string]checks.Finding {
	out := map[string]checks.Finding{}
	for _, res := range r.c.opt.Checks.Latest() {
		for _, f := range res.Findings {
			if f.Code == "self.channel_failing" {
				out[f.Subject] = f
			}
		}
	}
	return out
}

// changeNotices carries out what people ask for on the page.
func changeNotices(r *request) error {
	n := r.c.opt.Notices
	var err error
	switch r.PathValue("action") {
	case "retry":
		_, err = n.Retry(r.Context(), r.field("key"))
	case "silence":
		s := policy.Silence{Reason: r.field("reason"), Owner: r.who.Name}
		d, parsed := time.ParseDuration(r.field("for"))
		if parsed == nil {
			s.To = r.now.Add(d)
		}
		if code := r.field("code"); code != "" {
			s.Codes = []string{code}
		}
		if system := r.field("system"); system != "" {
			s.Systems = []string{system}
		}
		_, err = n.Silence(r.Context(), s)
	case "end":
		_, err = n.EndSilence(r.Context(), r.field("id"), r.who.Name)
	default:
		return errNotFound
	}
	if f := (*policy.Refusal)(nil); errors.As(err, &f) {
		return r.noticesPage(http.StatusUnprocessableEntity, r.say.T("policy.refused."+f.Code, f.Args))
	}
	if errors.Is(err, policy.ErrNoSilence) {
		return errNotFound
	}
	if err != nil {
		return err
	}
	return r.redirect("/notices")
}
