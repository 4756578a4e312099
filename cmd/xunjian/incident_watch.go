package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"xunjian/agent/api"
	"xunjian/cmd/xunjian/term"
)

func (c *cli) incidentWatchCommand() *cobra.Command {
	return c.command("incidents.watch", "watch", func(ctx context.Context, _ []string) error {
		w := watcher{cli: c, client: c.client()}
		err := w.client.Events(ctx, func(ch api.Change) error { return w.changed(ctx, ch) })
		switch {
		case ctx.Err() != nil:
			return nil // stopped by the person who watches
		case err == nil:
			return errors.New(c.t("error.agent_stopped", nil))
		}
		return err
	})
}

// watcher prints the events of incidents as they come.
type watcher struct {
	*cli
	client *api.Client
	seen   map[string]int // version that was printed, by incident; nil before the first look
}

// begin takes note of what is there and prints what is going on.
func (w *watcher) begin(list []api.Incident) {
	w.seen = map[string]int{}
	var active []api.Incident
	for _, i := range list {
		w.seen[i.ID] = i.Version
		if i.EndedAt.IsZero() {
			active = append(active, i)
		}
	}
	if w.asJSON() {
		return
	}
	if len(active) == 0 {
		w.none("incidents")
	} else {
		w.printIncidents(active)
	}
	w.out.Line("%s", w.out.Paint(term.Dim, w.t("incidents.watching", nil)))
}

// changed prints the new events of the incidents that changed.
func (w *watcher) changed(ctx context.Context, ch api.Change) error {
	ids := ch.Incidents
	if ch.All {
		list, err := w.client.Incidents(ctx, api.IncidentFilter{Limit: 500})
		if err != nil {
			return err
		}
		if w.seen == nil {
			w.begin(list.Incidents)
			return nil
		}
		for _, i := range list.Incidents {
			ids = append(ids, i.ID)
		}
	}
	for _, id := range ids {
		t, err := w.client.Timeline(ctx, id)
		if err != nil {
			return err
		}
		for _, e := range t.Events {
			if e.Version > w.seen[id] {
				w.seen[id] = e.Version
				if err := w.event(e); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (w *watcher) event(e api.Event) error {
	return w.show(e, func() {
		w.out.Line("%s  %s  %s  %s", e.At.Format("15:04:05"), w.out.Paint(term.Bold, e.Incident), term.Safe(w.actor(e.Actor)), term.Safe(e.Text))
	})
}
