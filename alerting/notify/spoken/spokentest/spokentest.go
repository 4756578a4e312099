// Package spokentest has incidents to speak of in tests.
package spokentest

import (
	"context"
	"errors"
	"slices"
	"sync"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
)

// Act is what was asked for, and by whom.
type Act struct {
	Via, By, Incident string
	channel.Action
}

// Desk keeps what it was asked for. Its people are zhang-san, who reads
// Chinese, and li-si, who reads English.
type Desk struct {
	// Incidents are those that are open, newest first.
	Incidents []string
	// Refuse is the text with which every action is refused; empty: none is.
	Refuse string
	// Broken makes everything fail; Panic makes the next action panic, once.
	// Stuck makes it wait for the end of its context.
	Broken, Panic, Stuck bool

	mu   sync.Mutex
	acts []Act
}

// Acts are those that were carried out.
func (d *Desk) Acts() []Act {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.acts)
}

// Set changes the desk while it is in use.
func (d *Desk) Set(change func(d *Desk)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

// Act implements channel.Actions.
func (d *Desk) Act(ctx context.Context, via string, by roster.Person, incident string, a channel.Action) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.Stuck {
		<-ctx.Done()
	}
	switch {
	case d.Panic:
		d.Panic = false
		panic("the desk panics")
	case ctx.Err() != nil:
		return ctx.Err()
	case d.Broken:
		return errors.New("the desk is broken")
	case d.Refuse != "":
		return &channel.Refused{Text: d.Refuse}
	case !slices.Contains(d.Incidents, incident):
		return channel.ErrUnknown
	}
	d.acts = append(d.acts, Act{via, by.ID, incident, a})
	return nil
}

// Stands implements channel.Actions.
func (d *Desk) Stands(_ context.Context, incident, lang string) (channel.Standing, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.Broken {
		return channel.Standing{}, errors.New("the desk is broken")
	}
	if !slices.Contains(d.Incidents, incident) {
		return channel.Standing{}, channel.ErrUnknown
	}
	return d.standing(incident, lang), nil
}

func (d *Desk) standing(incident, lang string) channel.Standing {
	state, step := "处置中", "重启数据库"
	if lang == "en" {
		state, step = "under way", "Restart the database"
	}
	return channel.Standing{
		Message: channel.Message{Lang: lang, Incident: channel.Incident{
			ID: incident, Level: plan.LevelIII, Title: plan.Text{ZH: "数据库停止 <at user_id=\"all\">所有人</at>", EN: "Database stopped <at user_id=\"all\">all</at>"},
		}},
		StateName: state, Assignee: "张三\u202e", Next: []channel.Step{{ID: "restart-db", Title: step}},
	}
}

// Open implements channel.Actions.
func (d *Desk) Open(_ context.Context, lang string) ([]channel.Standing, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.Broken {
		return nil, errors.New("the desk is broken")
	}
	var out []channel.Standing
	for _, id := range d.Incidents {
		out = append(out, d.standing(id, lang))
	}
	return out, nil
}

// People implements channel.Actions.
func (d *Desk) People() []roster.Person {
	return []roster.Person{
		{ID: "zhang-san", Name: "张三", Roles: []string{"tech-staff"}, Phone: "010-5550-0101"},
		{ID: "li-si", Name: "李四", Roles: []string{"leader"}, Lang: "en"},
	}
}
