package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"xunjian/agent/reports"
	"xunjian/alerting/plan"
	"xunjian/checks"
	"xunjian/checks/logs/access"
	"xunjian/checks/logs/novelty"
	"xunjian/checks/logs/review"
	"xunjian/checks/security/integrity"
)

// LogFacts is what logs and guarded files came to within a period, for reports.
func (l logsInForce) LogFacts(ctx context.Context, from, to time.Time) reports.LogFacts {
	o := l.Overview(review.Filter{From: from, To: to})
	f := reports.LogFacts{
		Since: o.Since, Attackers: time.Now().Add(-access.KeepAttackers), Forgotten: o.Forgotten, Sources: []reports.LogSource{}, Patterns: []reports.LogPattern{}, Events: []reports.LogEvent{},
		Attacks: []reports.LogAttack{}, Templates: []reports.LogKind{}, Learning: []string{}, Files: []reports.LogEvent{}, Approvals: []reports.FileApproval{},
	}
	for _, s := range o.Sources {
		f.Sources = append(f.Sources, reports.LogSource{Name: s.Source, Error: checks.SafeText(s.Error, 300), Silent: s.Silent, Last: s.LastLine, Lines: s.Read, Behind: s.Behind})
	}
	for _, p := range o.Patterns {
		f.Patterns = append(f.Patterns, reports.LogPattern{Name: p.Name, Title: plan.Text{ZH: p.Title.ZH, EN: p.Title.EN}, Verdict: p.Verdict.String(), Code: p.Code, Count: p.Count, Sources: p.BySource})
	}
	for _, e := range o.Events {
		f.Events = append(f.Events, logEvent(e.Finding, e.First, e.Last, e.Count))
	}
	l.addAttacks(ctx, &f, from, to)
	l.addKinds(ctx, &f, from, to)
	l.addFiles(&f, from, to)
	return f
}

// logEvent is a finding as a report keeps it, with the last of its lines.
func logEvent(f checks.Finding, first, last time.Time, count int) reports.LogEvent {
	lines := strings.Split(strings.TrimRight(f.Evidence, "\n"), "\n")
	return reports.LogEvent{
		Code: f.Code, Args: f.Args, Subject: checks.SafeText(f.Subject, 200), Verdict: f.Verdict.String(), First: first, Last: last, Count: count, Line: checks.SafeText(lines[len(lines)-1], 300),
	}
}

// inPeriod tells times within a period; those that lines say have no fractions
// of a second.
func inPeriod(at, from, to time.Time) bool {
	return !at.Before(from.Truncate(time.Second)) && !at.After(to)
}

func (l logsInForce) addAttacks(ctx context.Context, f *reports.LogFacts, from, to time.Time) {
	got, err := l.Access(ctx)
	if err != nil {
		f.Faults = append(f.Faults, err.Error())
	}
	for _, s := range got.Sites {
		for _, k := range s.Attackers {
			if !inPeriod(k.Last, from, to) && !inPeriod(k.First, from, to) {
				continue
			}
			one := reports.LogAttack{Source: s.Source, Client: k.Client, Classes: strings.Split(k.Kinds(), ", "), Count: k.Count, Answered: k.Answered, Last: k.Last}
			if len(k.Samples) > 0 {
				first := k.Samples[0]
				one.Line = checks.SafeText(fmt.Sprintf("%s %s → %d", first.Method, first.Target, first.Status), 300)
			}
			f.Attacks = append(f.Attacks, one)
		}
		for _, n := range s.News {
			if inPeriod(n.At, from, to) {
				f.Events = append(f.Events, reports.LogEvent{
					Code: "access.new_post", Args: map[string]any{"source": s.Source, "client": n.Client, "status": n.Status}, Subject: checks.SafeText(n.Path, 200), Verdict: checks.Attention.String(), First: n.At, Last: n.At, Count: 1,
				})
			}
		}
	}
}

func (l logsInForce) addKinds(ctx context.Context, f *reports.LogFacts, from, to time.Time) {
	got, err := l.Novelty(ctx)
	if err != nil {
		f.Faults = append(f.Faults, err.Error())
	}
	for _, s := range got.Sources {
		if s.Learning {
			f.Learning = append(f.Learning, s.Source)
		}
		for _, t := range s.Templates {
			if k, ok := kindOf(s.Source, t, from, to); ok {
				f.Templates = append(f.Templates, k)
			}
		}
	}
}

// kindOf says whether a kind of line was news within a period.
func kindOf(source string, t novelty.Template, from, to time.Time) (reports.LogKind, bool) {
	k := reports.LogKind{Source: source, Text: checks.SafeText(t.Text(), 300), Count: t.Count}
	if len(t.Samples) > 0 {
		k.Text = t.Samples[len(t.Samples)-1]
	}
	switch {
	case !t.Burst.IsZero() && inPeriod(t.Burst, from, to):
		k.Burst, k.At = true, t.Burst
	case !t.News.IsZero() && inPeriod(t.News, from, to):
		k.At = t.News
	default:
		return k, false
	}
	return k, true
}

func (l logsInForce) addFiles(f *reports.LogFacts, from, to time.Time) {
	got, err := l.a.integrity.Report()
	if err != nil {
		f.Faults = append(f.Faults, err.Error())
		if !errors.Is(err, integrity.ErrDamaged) {
			return
		}
	}
	f.Guarded = len(got.Trees)
	for _, c := range got.Changes {
		if !c.Since.After(to) { // what nobody approved goes on, however old
			f.Files = append(f.Files, logEvent(c.Finding(""), c.Since, c.Since, 1))
		}
	}
	for _, a := range got.Approvals {
		if inPeriod(a.At, from, to) {
			f.Approvals = append(f.Approvals, reports.FileApproval{At: a.At, By: a.By, Reason: a.Reason, Count: a.Count})
		}
	}
	for _, t := range got.Trees {
		if t.Fault != "" {
			f.Faults = append(f.Faults, checks.SafeText(t.Path+": "+t.Fault, 300))
		}
	}
}
