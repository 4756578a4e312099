package agent

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"xunjian/agent/config"
	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/inspection"
	"xunjian/checks"
	"xunjian/rules"
)

// openRounds builds the office that makes the inspection rounds.
func (a *Agent) openRounds(cfg *config.Config) error {
	forms, err := cfg.LoadForms()
	if err != nil {
		return err
	}
	a.rounds = inspection.NewOffice(inspection.Options{
		Store: a.store, Source: measured{a.history, a.engine}, Since: a.engine.Since, Forms: forms, Occasions: a.occasions,
		Raise: a.raiseWarning, Settle: a.settleWarning,
		Host: cfg.Host, Zone: cfg.Location(), Workdays: cfg.Workdays(), Logger: a.log,
	})
	return nil
}

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

// measured is what checks and rules know, as the rounds take it.
type measured struct {
	history *checks.History
	engine  *rules.Engine
}

var roundVerdicts = map[checks.Verdict]inspection.Verdict{
	checks.OK: inspection.Normal, checks.Attention: inspection.Attention, checks.Abnormal: inspection.Abnormal,
	checks.Unknown: inspection.Unknown, checks.NotApplicable: inspection.NotApplicable,
}

// Found returns the last results of a check and of its instances.
func (m measured) Found(name string) []inspection.Found {
	var out []inspection.Found
	for _, r := range m.history.Latest() {
		if family, _, _ := strings.Cut(r.Check, "/"); r.Check != name && family != name {
			continue
		}
		f := inspection.Found{Check: r.Check, At: r.Time, Every: r.Every, Verdict: roundVerdicts[r.Verdict], Error: r.Error}
		for _, said := range r.Findings {
			if said.Verdict == checks.OK || said.Verdict == checks.NotApplicable {
				continue
			}
			f.Reasons = append(f.Reasons, inspection.Reason{
				Code: said.Code, Args: said.Args, Verdict: roundVerdicts[said.Verdict], Check: r.Check, Subject: said.Subject,
			})
		}
		out = append(out, f)
	}
	return out
}

// Query asks the local history.
func (m measured) Query(ctx context.Context, expr string, at time.Time) ([]inspection.Measured, error) {
	samples, err := m.engine.Query(ctx, expr, at)
	out := make([]inspection.Measured, len(samples))
	for n, s := range samples {
		out[n] = inspection.Measured{Labels: s.Labels, Value: s.Value}
	}
	return out, err
}

// Verdicts asks what a check came to over time.
func (m measured) Verdicts(ctx context.Context, check string, from, to time.Time, step time.Duration) ([]inspection.Point, error) {
	list, err := m.engine.QueryRange(ctx, `max(xunjian_check_verdict{check=`+strconv.Quote(check)+`})`, from, to, step)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	out := make([]inspection.Point, 0, len(list[0].Points))
	for _, p := range list[0].Points {
		sec, frac := math.Modf(p[0])
		out = append(out, inspection.Point{At: time.Unix(int64(sec), int64(frac*1e9)).UTC(), Verdict: int(p[1])})
	}
	return out, nil
}
