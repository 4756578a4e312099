package agent

import (
	"context"
	"errors"
	"strings"
	"time"

	"xunjian/agent/config"
	"xunjian/agent/measured"
	"xunjian/agent/reports"
	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/inspection"
	"xunjian/alerting/plan"
	"xunjian/checks"
)

// openRounds builds the office that makes the inspection rounds.
func (a *Agent) openRounds(cfg *config.Config) error {
	forms, err := cfg.LoadForms()
	if err != nil {
		return err
	}
	a.rounds = inspection.NewOffice(inspection.Options{
		Store: a.store, Source: measured.New(a.history, a.engine), Since: a.engine.Since, Forms: forms, Occasions: a.occasions,
		Raise: a.raiseWarning, Settle: a.settleWarning,
		Host: cfg.Host, Zone: cfg.Location(), Workdays: cfg.Workdays(), Logger: a.log,
	})
	return nil
}

// openReports builds what files the reports of rounds.
func (a *Agent) openReports(cfg *config.Config) (err error) {
	a.reports, err = reports.New(reports.Options{
		Store: a.store, Rounds: a.rounds, Desk: a.desk, Engine: a.engine, Logs: logsInForce{a}, Catalog: a.catalog, Zone: cfg.Location(), Host: cfg.Host,
		Unit: cfg.Unit.Name, Console: cfg.Console.URL, Template: cfg.Inspection.ReportTemplate, Keep: cfg.Inspection.KeepReports,
		Systems: func() map[string]plan.SystemKind { return a.cfg.Load().Systems }, Mail: cfg.Notify.Mail.Server != "", Wake: a.outbox.Wake, Logger: a.log,
	})
	return err
}

// settleWithin is how long the first round waits for the checks to have looked:
// one that is due at the start would find nothing inspected.
const settleWithin = 2 * time.Minute

// runRounds makes the inspection rounds, once every check has looked.
func (a *Agent) runRounds(ctx context.Context) error {
	settled := time.Now().Add(settleWithin)
	for t := time.NewTicker(time.Second); a.looking() && time.Now().Before(settled); {
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
	}
	return a.rounds.Run(ctx)
}

// looking reports whether some check has not said anything yet.
func (a *Agent) looking() bool { return len(a.history.Latest()) < a.runner.Stats().Checks }

// occasionsBack bounds how long before its start a round can be due. After the
// start none is made: it would look at the past.
const occasionsBack = 14 * 24 * time.Hour

// occasions are the bid openings that a round is due before, now.
func (a *Agent) occasions(now time.Time) []inspection.Occasion {
	var out []inspection.Occasion
	for _, in := range a.calendar.Calendar().Inspections(now.Add(-occasionsBack), now.Add(time.Nanosecond)) {
		if !in.Start.After(now) {
			continue
		}
		var titles []string
		for _, e := range in.Events {
			titles = append(titles, e.Title)
		}
		out = append(out, inspection.Occasion{
			Key: in.Key, Title: checks.SafeText(strings.Join(titles, "、"), 300), Start: in.Start.UTC(), Systems: in.Systems,
		})
	}
	return out
}

// raiseWarning tells people what an inspection round has to say.
func (a *Agent) raiseWarning(ctx context.Context, by inspection.Actor, w inspection.Warning) (string, error) {
	i, err := a.desk.Open(ctx, actorOf(a.cfg.Load().Host, by), alerting.Report{
		Key: w.Key, Title: w.Title.ZH, English: w.Title.EN, System: w.System, Warning: &incident.Sign{Source: "internal", Major: w.Major},
	})
	return i.ID, err
}

// settleWarning closes a warning whose round was signed. One that somebody
// closed or made an incident of meanwhile is theirs.
func (a *Agent) settleWarning(ctx context.Context, by inspection.Actor, id string) error {
	_, err := a.desk.Do(ctx, id, 0, actorOf(a.cfg.Load().Host, by), incident.Dismiss{Reason: incident.ReasonSigned})
	if refused := (*incident.Refusal)(nil); errors.As(err, &refused) {
		return nil
	}
	return err
}

func actorOf(host string, by inspection.Actor) incident.Actor {
	kind := "person"
	if by.Name == host && by.Via == "clock" {
		kind = "agent"
	}
	return incident.Actor{Kind: kind, Name: by.Name, Via: by.Via}
}
