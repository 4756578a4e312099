package incident

import (
	"cmp"
	"time"

	"xunjian/alerting/plan"
)

// Reason explains one thing about an incident: which article asks for it, and
// which input led to it.
type Reason struct {
	// About is "code", "level", "deadline/…", "duty/…" or "reminder/…".
	About string
	// Article of the plan, empty where it is a law or the operator's own figure.
	Article string
	Law     plan.Text
	At      time.Time
	Why     Line
}

// Explain says for code, level, each deadline, duty and reminder where it comes
// from, in a language and in the order in which it came about.
func Explain(i Incident, events []Event, env Env, lang string) []Reason {
	x := explainer{i: i, env: env, lang: lang}
	for _, e := range events {
		x.event(e)
	}
	for _, d := range i.Deadlines(env) {
		x.add("deadline/"+d.ID, d.Article, d.From, "explain.deadline", map[string]any{
			"what": DeadlineName(d.ID, env.Plan, x.scenario, x.lang), "within": d.Due.Sub(d.From).Seconds(), "due": d.Due,
		})
	}
	for _, d := range i.DueDuties(env) {
		r := Reason{About: "duty/" + d.ID, Article: d.Article, Law: d.Law, At: d.Since}
		switch {
		case d.After:
			r.Why = Line{Code: "explain.duty_after"}
		default:
			r.Why = Line{"explain.duty", map[string]any{"level": string(cmp.Or(d.FromLevel, plan.LevelIV)), "at": d.Since}}
		}
		x.out = append(x.out, r)
	}
	return x.out
}

type explainer struct {
	i        Incident
	env      Env
	lang     string
	scenario plan.Scenario
	out      []Reason
}

func (x *explainer) add(about, article string, at time.Time, code string, args map[string]any) {
	x.out = append(x.out, Reason{About: about, Article: article, At: at, Why: Line{code, args}})
}

func (x *explainer) event(e Event) {
	switch d := e.Data.(type) {
	case Opened:
		x.scenario, _ = x.env.Plan.Scenario(d.Scenario)
		x.add("code", x.scenario.Article, e.At, "explain.code_"+e.Actor.Kind, map[string]any{"code": d.Code, "by": e.Actor.Name, "cause": d.Cause})
		x.level(e.At, d.SystemKind, d.Level, e.At.Sub(d.OutageSince))
	case Promoted:
		x.scenario, _ = x.env.Plan.Scenario(d.Scenario)
		x.add("code", "7", e.At, "explain.code_promoted", map[string]any{"code": d.Code, "by": e.Actor.Name, "reason": d.Reason})
		x.level(e.At, d.SystemKind, d.Level, e.At.Sub(d.OutageSince))
	case Triaged:
		x.scenario, _ = x.env.Plan.Scenario(d.Scenario)
		x.add("code", "8", e.At, "explain.code_triaged", map[string]any{"code": d.Code, "by": e.Actor.Name})
	case LevelChanged:
		x.change(e, d)
	case Reminded:
		x.add("reminder/"+d.Deadline, "8", e.At, "explain.reminded", map[string]any{
			"what": DeadlineName(d.Deadline, x.env.Plan, x.scenario, x.lang), "n": d.N, "to": speaker{x.env.Plan, x.scenario, x.lang}.roles(d.To), "due": d.Due,
		})
	}
}

// level explains a level by the row of the table.
func (x *explainer) level(at time.Time, kind plan.SystemKind, level plan.Level, lost time.Duration) {
	def, _ := x.env.Plan.LevelDef(level)
	x.add("level", "4", at, "explain.level_table", map[string]any{
		"level": string(level), "kind": string(kind), "lost": lost.Seconds(), "up_to": def.UpTo[kind].Seconds(), "none": x.scenario.NoOutage,
	})
}

func (x *explainer) change(e Event, d LevelChanged) {
	article, code := "8", "explain.level_person"
	switch {
	case d.Decided:
		article, code = "6", "explain.level_decided"
	case d.Reason == ReasonClock:
		article, code = "4", "explain.level_clock"
	case d.Reason == ReasonEstimate:
		article, code = "4", "explain.level_estimate"
	}
	x.add("level", article, e.At, code, map[string]any{
		"from": string(d.From), "to": string(d.To), "by": e.Actor.Name, "reason": d.Reason, "kind": string(x.i.SystemKind),
		"restored": x.i.Estimate,
	})
}
