package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/notify/channel"
	"xunjian/alerting/roster"
)

const (
	// handoversEvery is how often it is looked who is on call.
	handoversEvery = 15 * time.Second
	// onCallKept is the name under which those on call are kept: a change while
	// the agent was off is told at the next start.
	onCallKept = "on-call"
)

// onCall are the ids of those on call, by role.
type onCall map[string][]string

// runHandovers tells both sides when one person takes over a role from
// another, with what goes on at that moment.
func (a *Agent) runHandovers(ctx context.Context) error {
	var last onCall
	if kept, err := a.store.LoadAll(ctx, onCallKept); err != nil {
		a.log.Error("read who was on call", "err", err)
	} else if err := json.Unmarshal(kept[onCallKept], &last); err != nil && len(kept) > 0 {
		a.log.Error("read who was on call", "err", err)
	}
	t := time.NewTicker(handoversEvery)
	defer t.Stop()
	for {
		last = a.handOver(ctx, last, time.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// handOver compares who is on call with who was, and tells of the changes. It
// returns what to compare with next time.
func (a *Agent) handOver(ctx context.Context, was onCall, now time.Time) onCall {
	zone := a.cfg.Load().Location()
	people := a.desk.Roster()
	is := onCall{}
	var notices []alerting.Notice
	for _, role := range people.Rotas() {
		is[role] = people.OnCall(role, now, zone)
		if before, known := was[role]; known && !slices.Equal(before, is[role]) {
			notices = append(notices, a.handoverNotices(handover{role, before, is[role], now}, people)...)
		}
	}
	if slices.Equal(was.flat(), is.flat()) {
		return is
	}
	if len(notices) > 0 {
		// What is told first is told twice at the worst, never lost.
		if err := a.store.Send(ctx, notices); err != nil {
			a.log.Error("tell of a hand-over; it is tried again", "err", err)
			return was
		}
		a.outbox.Wake()
	}
	body, err := json.Marshal(is)
	if err == nil {
		err = a.store.Save(ctx, onCallKept, body)
	}
	if err != nil {
		a.log.Error("keep who is on call", "err", err)
	}
	return is
}

// flat is c to compare.
func (c onCall) flat() []string {
	var out []string
	for role, ids := range c {
		out = append(out, role+"="+strings.Join(ids, ","))
	}
	slices.Sort(out)
	return out
}

// handover is one change of those on call for a role.
type handover struct {
	role    string
	from    []string
	to      []string
	changed time.Time
}

// id names a hand-over in notices; all that is told of it can be read from it.
func (h handover) id() string {
	return strings.Join([]string{h.role, strings.Join(h.from, ","), strings.Join(h.to, ","), h.changed.UTC().Format(time.RFC3339)}, "/")
}

func parseHandover(id string) (handover, error) {
	parts := strings.Split(id, "/")
	if len(parts) != 4 {
		return handover{}, fmt.Errorf("%q names no hand-over", id)
	}
	at, err := time.Parse(time.RFC3339, parts[3])
	if err != nil {
		return handover{}, fmt.Errorf("%q names no hand-over: %w", id, err)
	}
	ids := func(s string) []string { return strings.FieldsFunc(s, func(r rune) bool { return r == ',' }) }
	return handover{parts[0], ids(parts[1]), ids(parts[2]), at}, nil
}

// handoverNotices are one for each of both sides on each way to them. Groups are
// left alone: it is between two people.
func (a *Agent) handoverNotices(h handover, people roster.Roster) []alerting.Notice {
	var to []roster.Person
	for _, p := range people.People {
		if slices.Contains(h.from, p.ID) != slices.Contains(h.to, p.ID) {
			to = append(to, p)
		}
	}
	var out []alerting.Notice
	now := time.Now()
	for _, r := range a.outlets.Routes(alerting.Audience{People: to, Kind: alerting.KindHandover}) {
		if !slices.ContainsFunc(to, func(p roster.Person) bool { return p.ID == r.Recipient }) {
			continue
		}
		out = append(out, alerting.Notice{
			Key: "handover/" + h.id() + "/" + r.Channel + "/" + r.Recipient, Incident: h.id(), Version: 1, Kind: alerting.KindHandover,
			Channel: r.Channel, Recipient: r.Recipient, Lang: r.Lang, Created: now, NotBefore: now,
		})
	}
	return out
}

// handoverMost is how many incidents a hand-over lists.
const handoverMost = 20

// handoverMessage puts a hand-over into words at the moment it is sent: what
// goes on is what the one who takes over needs to know.
func (a *Agent) handoverMessage(ctx context.Context, n alerting.Notice) (channel.Message, error) {
	h, err := parseHandover(n.Incident)
	if err != nil {
		return channel.Message{}, &channel.Permanent{Err: err}
	}
	say := a.catalog.For(n.Lang)
	people := a.desk.Roster()
	names := func(ids []string) string {
		var out []string
		for _, id := range ids {
			out = append(out, people.NameOf(id))
		}
		return strings.Join(out, say.T("notice.handover.and", nil))
	}
	role := h.role
	if r, ok := a.desk.Plan().Role(h.role); ok {
		role = r.Name.In(n.Lang)
	}
	cfg := a.cfg.Load()
	args := map[string]any{"role": role, "from": names(h.from), "to": names(h.to), "at": say.Clock(h.changed), "host": cfg.Host}
	open, err := a.desk.Find(ctx, alerting.Query{States: []incident.State{incident.Open, incident.Acked, incident.Watched}, Limit: handoverMost + 1})
	if err != nil {
		return channel.Message{}, err
	}
	args["open"] = len(open)
	lines := []string{say.T("notice.handover.text", args)}
	for _, i := range open[:min(len(open), handoverMost)] {
		lines = append(lines, say.T("notice.handover.incident", map[string]any{
			"id": i.ID, "level": string(i.Level), "code": i.Code, "title": channel.OneLine(i.Title.In(n.Lang)), "assignee": people.NameOf(i.Assignee),
		}))
	}
	if len(open) > handoverMost {
		lines = append(lines, say.T("notice.handover.more", nil))
	}
	m := channel.Message{
		Key: n.Key, Recipient: n.Recipient, Lang: n.Lang, Kind: n.Kind, At: n.Created,
		Subject: say.T("notice.handover.subject", args), Text: strings.Join(lines, "\n"), Link: strings.TrimSuffix(cfg.Console.URL, "/"),
	}
	if m.Link != "" {
		m.LinkText = say.T("notice.handover.link", nil)
	}
	m.Incident = channel.Incident{ID: n.Incident, Host: cfg.Host, Key: n.Incident, Over: true}
	for _, p := range people.People {
		if p.ID == n.Recipient {
			m.Person, m.To = p, p.Name
		}
	}
	return m, nil
}

// besideIncidents puts the notices into words that are about no incident.
func (a *Agent) besideIncidents(ctx context.Context, n alerting.Notice) (channel.Message, error) {
	if n.Kind == alerting.KindHandover {
		return a.handoverMessage(ctx, n)
	}
	return a.reports.Message(ctx, n)
}
