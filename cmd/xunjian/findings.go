package main

import (
	"xunjian/agent/api"
	"xunjian/cmd/xunjian/term"
)

// printFindings prints checks as a table: a row for each finding, and below
// them the alerts on the check's series. The name stands once.
func (c *cli) printFindings(list []api.Check) {
	t := term.NewTable(c.columns("verdict", "check", "subject", "*finding")...)
	for _, k := range list {
		c.checkRows(t, k)
	}
	t.Write(c.out)
}

func (c *cli) checkRows(t *term.Table, k api.Check) {
	name := cell(k.Name)
	row := func(verdict string, subject, text term.Cell) {
		mark := c.verdict(verdict)
		if verdict == "" {
			mark = term.Cell{}
		}
		t.Row(mark, name, subject, text)
		name = term.Cell{}
	}
	style := verdicts[k.Found].style
	if k.Error != "" && len(k.Findings) == 0 {
		row(k.Found, term.Cell{}, term.Cell{Text: k.Error, Style: style})
	}
	for _, f := range k.Findings {
		row(f.Verdict, cell(subject(f)), term.Cell{Text: f.Text, Style: textStyle(f.Verdict)})
	}
	if name.Text != "" {
		row(k.Found, term.Cell{}, cell(c.t("checks.nothing", nil)))
	}
	for _, a := range k.Alerts {
		if a.Kind == "watchdog" {
			continue
		}
		row(alertVerdict(a), term.Cell{Text: a.Rule, Style: term.Bold}, cell(c.t("alert_line", map[string]any{
			"summary": a.Summary, "state": c.t("state."+a.State, nil), "code": a.Code,
		})))
	}
}

// subject is what a finding is about, unless its text says it anyway.
func subject(f api.Finding) string {
	if len(f.Subject) > 40 {
		return term.Cut(f.Subject, 40)
	}
	return f.Subject
}

// textStyle sets off the text of what is wrong.
func textStyle(verdict string) term.Style {
	if verdict == "ok" {
		return term.Plain
	}
	return verdicts[verdict].style
}

// alertVerdict is what an alert comes to for its check.
func alertVerdict(a api.Alert) string {
	if a.Kind == "incident" && a.State != "pending" {
		return "abnormal"
	}
	return "attention"
}
