package agent

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"xunjian/alerting/incident"
	"xunjian/checks"
)

// looksMessages says what is seen for the steps of a playbook.
//
//go:embed messages/*.yaml
var looksMessages embed.FS

const (
	// lookWithin is a little less than the desk waits, so that what was seen
	// is handed over.
	lookWithin = 4500 * time.Millisecond
	// maxLookLines bounds what one look says; the whole is in the evidence.
	maxLookLines = 100
	maxLookWord  = 512
)

// look does a step of the playbook that only needs eyes. It says what it saw
// as codes with arguments, since the reader's language is not known yet, and
// of what it could not see, that it could not.
func (a *Agent) look(ctx context.Context, i incident.Incident, what string) ([]incident.Line, error) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	var lines []incident.Line
	switch what {
	case "resources":
		lines = a.lookResources(ctx)
	case "traffic":
		lines = a.lookTraffic(ctx)
	case "path":
		lines = a.lookPath(ctx)
	case "devices":
		lines = a.lookDevices(ctx, i)
	case "accounts":
		lines = a.lookAccounts(ctx, i)
	case "reserve":
		lines = together(ctx, sight{"reserve", func(context.Context) ([]incident.Line, error) { return a.found(true, "reserve"), nil }})
	default:
		return nil, fmt.Errorf("the agent knows no look %q; correct looks in the response plan", what)
	}
	return bounded(lines), nil
}

// sight is one part of a look, taken apart from the others; its name is the end
// of its heading's code.
type sight struct {
	name string
	see  func(context.Context) ([]incident.Line, error)
}

// together takes all parts side by side and puts them in their order, each
// under its heading. Of a part that fails, or is not ready in time, the reason
// is said.
func together(ctx context.Context, parts ...sight) []incident.Line {
	said := make([][]incident.Line, len(parts))
	var g gather
	for n, p := range parts {
		said[n] = []incident.Line{line("look.part." + p.name)}
		g.take(p.name, func() (func(), error) {
			lines, err := p.see(ctx)
			if errors.Is(err, checks.ErrNotApplicable) {
				lines, err = append(lines, line("look.not_here")), nil
			}
			return func() { said[n] = append(said[n], lines...) }, err
		})
	}
	for _, fault := range g.wait(ctx) {
		name, why, _ := strings.Cut(fault, ": ")
		n := slices.IndexFunc(parts, func(p sight) bool { return p.name == name })
		said[n] = append(said[n], line("look.unread", "error", why))
	}
	return slices.Concat(said...)
}

// line makes a line of a code and its arguments in pairs.
func line(code string, args ...any) incident.Line {
	l := incident.Line{Code: code}
	for n := 0; n < len(args); n += 2 {
		if l.Args == nil {
			l.Args = map[string]any{}
		}
		l.Args[args[n].(string)] = args[n+1]
	}
	return l
}

// bounded makes lines fit for the timeline, whatever they came from: not too
// many, each of one line of safe text, and of numbers that JSON has.
func bounded(lines []incident.Line) []incident.Line {
	if more := len(lines) - maxLookLines; more > 0 {
		lines = append(slices.Clone(lines[:maxLookLines]), line("look.more", "count", more))
	}
	out := make([]incident.Line, 0, len(lines))
	for _, l := range lines {
		clean := incident.Line{Code: l.Code}
		for k, v := range l.Args {
			if clean.Args == nil {
				clean.Args = make(map[string]any, len(l.Args))
			}
			clean.Args[k] = plain(v)
		}
		out = append(out, clean)
	}
	return out
}

func plain(v any) any {
	switch v := v.(type) {
	case int:
		return v
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "–"
		}
		return v
	case string:
		return checks.SafeText(strings.NewReplacer("\n", "\uFFFD", "\t", " ").Replace(v), maxLookWord)
	}
	return checks.SafeText(fmt.Sprint(v), maxLookWord)
}

// clock writes a moment as people here read it: an argument must not be a time,
// which would come back from the timeline as a text.
func (a *Agent) clock(t time.Time) string {
	return t.In(a.cfg.Load().Location()).Format("2006-01-02 15:04:05")
}

// found says what the checks of these names found last; all of it, or only
// what is not ok. A check that has nothing to look at here, or has not looked,
// is named: its silence must not pass for health.
func (a *Agent) found(all bool, names ...string) []incident.Line {
	var lines []incident.Line
	var fine, absent, silent []string
	latest := a.history.Latest()
	for _, name := range names {
		heard := false
		for _, r := range latest {
			if base, _, _ := strings.Cut(r.Check, "/"); base != name {
				continue
			}
			heard = true
			said := len(lines)
			for _, f := range r.Findings {
				if f.Verdict == checks.NotApplicable || f.Verdict == checks.OK && !all {
					continue
				}
				if f.Verdict != checks.OK || f.Subject != "" {
					lines = append(lines, line("look.finding", "check", r.Check, "subject", f.Subject, "verdict", f.Verdict.String()))
				}
				lines = append(lines, incident.Line{Code: f.Code, Args: f.Args})
			}
			switch {
			case r.Verdict == checks.NotApplicable:
				absent = append(absent, r.Check)
			case len(lines) == said:
				fine = append(fine, r.Check)
			}
		}
		if !heard {
			silent = append(silent, name)
		}
	}
	for _, group := range []struct {
		code string
		list []string
	}{{"look.fine", fine}, {"look.absent", absent}, {"look.silent", silent}} {
		if len(group.list) > 0 {
			lines = append(lines, line(group.code, "checks", strings.Join(group.list, ", ")))
		}
	}
	return lines
}
