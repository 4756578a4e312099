package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"xunjian/agent"
	"xunjian/agent/api"
	"xunjian/alerting/text"
	"xunjian/checks"
	"xunjian/cmd/xunjian/term"
)

func (c *cli) incidentEvidenceCommand() *cobra.Command {
	cmd := c.command("incidents.evidence", "evidence ID [EVIDENCE]", func(ctx context.Context, args []string) error {
		i, err := c.client().Incident(ctx, args[0])
		if err != nil {
			return err
		}
		if len(i.Evidence) == 0 {
			return &fault{status: exitFailure, message: c.t("none.evidence", map[string]any{"id": i.ID})}
		}
		eid := cmp.Or(optional(args, 1), i.Evidence[0].ID)
		if !slices.ContainsFunc(i.Evidence, func(e api.Evidence) bool { return e.ID == eid }) {
			return &fault{status: exitFailure, message: c.t("none.such_evidence", map[string]any{"id": i.ID, "evidence": eid, "there": i.Evidence[0].ID})}
		}
		body, err := c.client().Evidence(ctx, args[0], eid)
		if err != nil {
			return err
		}
		return c.printEvidence(body)
	})
	cmd.ValidArgsFunction = c.completeIncidents
	return cmd
}

// printEvidence prints a snapshot; as JSON it is the very bytes that were
// hashed.
func (c *cli) printEvidence(body []byte) error {
	if c.asJSON() {
		_, err := c.out.Write(body)
		return err
	}
	var s agent.Snapshot
	if err := json.Unmarshal(body, &s); err != nil {
		return fmt.Errorf("read the evidence: %w", err)
	}
	c.out.Line("%s", c.out.Paint(term.Bold, c.t("evidence.title", map[string]any{"id": s.Incident, "time": clock(api.Moment{Time: s.TakenAt.Local()})})))
	// A finding is a code with arguments; its words are those of the checks.
	catalog, err := text.Load(time.Local, checks.Messages)
	if err != nil {
		return err
	}
	c.printEvidenceNumbers(s, catalog.For(c.say.Lang()))
	c.printExhibits(s, catalog.For(c.say.Lang()))
	c.printEvidenceHost(s)
	if len(s.Errors) > 0 {
		c.heading("evidence.missing", nil)
		for _, e := range s.Errors {
			c.out.Indented("  ", term.Safe(e), term.Magenta)
		}
	}
	return nil
}

// printEvidenceNumbers prints the alerts and findings of that moment.
func (c *cli) printEvidenceNumbers(s agent.Snapshot, say *text.Printer) {
	if len(s.Values) > 0 {
		c.heading("evidence.values", nil)
		t := term.NewTable(c.columns("rule", ">value", "*labels")...).Margin("  ")
		for _, v := range s.Values {
			t.Row(cell(v.Rule), cell(text.Number(v.Value)), cell(labelLine(v.Labels)))
		}
		t.Write(c.out)
	}
	found := slices.DeleteFunc(slices.Clone(s.Findings), func(f agent.FindingOf) bool { return f.Verdict == checks.NotApplicable })
	if len(found) > 0 {
		c.heading("evidence.findings", nil)
		t := term.NewTable(c.columns("verdict", "check", "*finding")...).Margin("  ")
		for _, f := range found {
			word := f.Verdict.String()
			t.Row(c.verdict(word), cell(f.Check), term.Cell{Lead: f.Subject, Text: say.T(f.Code, f.Args), Style: textStyle(word)})
		}
		t.Write(c.out)
	}
}

// exhibitRows is how many rows and lines of an exhibit are shown; the JSON has
// all.
const exhibitRows = 20

// printExhibits prints what the checks saw when they looked closer.
func (c *cli) printExhibits(s agent.Snapshot, say *text.Printer) {
	for _, e := range s.Exhibits {
		c.out.Line("%s", c.out.Paint(term.Bold, say.T(e.Code, e.Args)+"  "+e.Check))
		if len(e.Rows) > 0 && len(e.Columns) > 0 {
			columns := make([]term.Column, len(e.Columns))
			for n, name := range e.Columns {
				columns[n] = term.Column{Title: term.Safe(name)}
			}
			columns[len(columns)-1].Flex = 1
			t := term.NewTable(columns...).Margin("  ")
			for _, row := range e.Rows[:min(len(e.Rows), exhibitRows)] {
				row = row[:min(len(row), len(columns))]
				cells := make([]term.Cell, len(row))
				for n, v := range row {
					cells[n] = cell(term.Cut(term.Safe(v), commandShown))
				}
				t.Row(cells...)
			}
			t.Write(c.out)
		}
		if e.Text != "" {
			lines := strings.Split(strings.TrimRight(e.Text, "\n"), "\n")
			for _, line := range lines[:min(len(lines), exhibitRows)] {
				c.out.Indented("  ", term.Safe(line), term.Dim)
			}
		}
	}
}

// labelLine writes labels in a fixed order.
func labelLine(set map[string]string) string {
	var out []string
	for k, v := range set {
		if k != "alertname" {
			out = append(out, k+"="+v)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// kernelShown is how many of the newest kernel lines are shown; the JSON has
// all.
const kernelShown = 15

// commandShown is how much of a command line is shown, in columns.
const commandShown = 120

// printEvidenceHost prints what the machine was doing.
func (c *cli) printEvidenceHost(s agent.Snapshot) {
	if len(s.Processes) > 0 {
		c.heading("evidence.processes", nil)
		t := term.NewTable(c.columns(">pid", "user", ">cpu", ">memory", "*command")...).Margin("  ")
		for _, p := range s.Processes {
			t.Row(cell(strconv.Itoa(p.PID)), cell(p.User), cell(text.Percent(p.CPU)), cell(text.Bytes(p.Memory)), cell(term.Cut(term.Safe(cmp.Or(p.Command, p.Name)), commandShown)))
		}
		t.Write(c.out)
	}
	if s.Sockets != nil {
		c.heading("evidence.sockets", map[string]any{"udp": s.Sockets.UDP, "listening": len(s.Sockets.Listening)})
		var states []string
		for _, name := range slices.Sorted(maps.Keys(s.Sockets.TCP)) {
			states = append(states, fmt.Sprintf("%s %d", name, s.Sockets.TCP[name]))
		}
		c.out.Indented("  ", strings.Join(states, ", "), term.Plain)
	}
	if len(s.KernelLog) > 0 {
		c.heading("evidence.kernel", nil)
		for _, line := range s.KernelLog[max(0, len(s.KernelLog)-kernelShown):] {
			c.out.Indented("  ", term.Safe(line), term.Dim)
		}
	}
}
