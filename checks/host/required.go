package host

import (
	"context"
	"regexp"
	"slices"

	"xunjian/checks"
)

// wantedProcess is a RequiredProcess ready to be looked for.
type wantedProcess struct {
	title   string
	name    string
	command *regexp.Regexp
	min     int
}

// commBytes is how much of a program's name the kernel keeps.
const commBytes = 15

func newWanted(r RequiredProcess) wantedProcess {
	w := wantedProcess{title: r.Name, name: r.Name, min: max(1, r.Min)}
	if len(w.name) > commBytes {
		w.name = w.name[:commBytes]
	}
	if r.Command != "" {
		w.command = regexp.MustCompile(r.Command)
		if w.title == "" {
			w.title = r.Command
		}
	}
	return w
}

// findRequired says of each required process whether enough of it run. What
// cannot be told is unknown, never missing and never there.
func (c *processCheck) findRequired(ctx context.Context, out *checks.Output) {
	hidden := !slices.ContainsFunc(c.look.list, func(p process) bool { return p.pid <= initPID })
	for _, w := range c.required {
		have, blind := c.count(ctx, w)
		f := checks.Finding{Subject: w.title, Code: "processes.present", Verdict: checks.OK,
			Args: map[string]any{"name": w.title, "have": have, "min": w.min}}
		switch {
		case have >= w.min:
		case hidden || blind:
			f.Code, f.Verdict = "processes.unreadable", checks.Unknown
		default:
			f.Code, f.Verdict = "processes.missing", checks.Abnormal
		}
		out.Find(f)
	}
}

// initPID is a process that every Linux has; where it is not seen, others are
// hidden too (hidepid). Windows' first are 0 and 4.
const initPID = 1

// count returns how many processes fit, and whether there were some of which
// it could not be told. Dead ones do not count.
func (c *processCheck) count(ctx context.Context, w wantedProcess) (have int, blind bool) {
	for _, p := range c.look.list {
		if p.state == 'Z' || w.name != "" && p.name != w.name {
			continue
		}
		if w.command != nil {
			line, ok := c.command(ctx, p)
			blind = blind || !ok
			if !ok || !w.command.MatchString(line) {
				continue
			}
		}
		have++
	}
	return have, blind
}
