package agent

import (
	"context"
	"errors"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/schedule"
)

const (
	// drillsEvery is how often the plan of drills is looked at.
	drillsEvery = 20 * time.Second
	// drillLate is how late a drill may begin: when the agent was off for
	// longer, those who were to take part have gone.
	drillLate = 30 * time.Minute
)

// runDrills begins the drills that the configuration has on its calendar.
func (a *Agent) runDrills(ctx context.Context) error {
	t := time.NewTicker(drillsEvery)
	defer t.Stop()
	for {
		a.beginDrills(ctx, time.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// beginDrills begins what is due. The key of a drill's moment makes it one
// incident, however often this is called, and over a restart.
func (a *Agent) beginDrills(ctx context.Context, now time.Time) {
	cfg := a.cfg.Load()
	for _, d := range cfg.Drills {
		s, err := schedule.New(d.Config, cfg.Location(), cfg.Workdays())
		if err != nil { // refused at the configuration already
			a.log.Error("plan a drill", "drill", d.Name, "err", err)
			continue
		}
		due := s.Last(now.Add(-drillLate), now)
		if due.IsZero() {
			continue
		}
		r := alerting.Report{
			Key: "drill/" + d.Name + "/" + due.UTC().Format(time.RFC3339), Scenario: d.Scenario, System: d.System, Title: d.Title,
			Drill: true, Participants: d.People,
		}
		actor := incident.Actor{Kind: "agent", Name: cfg.Host, Via: "clock"}
		_, err = a.desk.Open(ctx, actor, r)
		if refused := (*incident.Refusal)(nil); errors.As(err, &refused) || err != nil && ctx.Err() == nil {
			a.log.Error("begin a drill", "drill", d.Name, "due", due, "err", err)
		}
	}
}
