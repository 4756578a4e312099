package main

import (
	"slices"
	"strings"

	"xunjian/agent/api"
	"xunjian/cmd/xunjian/term"
)

// printFindings prints checks as a table: a row for each finding and each
// alert on the check's series, the worst first, so that a check's first row
// carries its verdict. The checks that have nothing to look at here share a
// line.
func (c *cli) printFindings(list []api.Check) {
	t := term.NewTable(c.columns("verdict", "check", "*finding")...)
	var elsewhere []string
	for _, k := range list {
		if k.Verdict == "not_applicable" && len(list) > 1 {
			elsewhere = append(elsewhere, k.Name)
			continue
		}
		name := cell(k.Name)
		for _, r := range c.checkRows(k) {
			t.Row(c.verdict(r.verdict), name, r.text)
			name = term.Cell{}
		}
	}
	if len(elsewhere) > 0 {
		v := c.verdict("not_applicable")
		t.Row(v, term.Cell{}, term.Cell{Text: strings.Join(elsewhere, c.t("comma", nil)), Style: v.Style})
	}
	t.Write(c.out)
}

// findingRow is one row under a check.
type findingRow struct {
	verdict string
	text    term.Cell
}

// badFirst orders verdicts as a person wants to see them.
var badFirst = []string{"abnormal", "unknown", "attention", "ok", "not_applicable"}

func (c *cli) checkRows(k api.Check) []findingRow {
	var rows []findingRow
	for _, f := range k.Findings {
		rows = append(rows, findingRow{f.Verdict, term.Cell{Lead: f.Subject, Text: f.Text, Style: textStyle(f.Verdict)}})
	}
	for _, a := range k.Alerts {
		if a.Kind != "watchdog" {
			rows = append(rows, c.alertRow(a))
		}
	}
	slices.SortStableFunc(rows, func(a, b findingRow) int {
		return slices.Index(badFirst, a.verdict) - slices.Index(badFirst, b.verdict)
	})
	switch {
	case len(rows) > 0:
	case k.Error != "":
		rows = append(rows, findingRow{k.Verdict, term.Cell{Text: k.Error, Style: textStyle(k.Verdict)}})
	case k.Verdict == "ok":
		rows = append(rows, findingRow{k.Verdict, term.Cell{Text: c.t("checks.nothing", nil), Style: term.Dim}})
	default:
		rows = append(rows, findingRow{k.Verdict, term.Cell{Text: c.t("checks.unsaid", nil), Style: textStyle(k.Verdict)}})
	}
	return rows
}

// alertRow is the row of an alert under its check.
func (c *cli) alertRow(a api.Alert) findingRow {
	v := alertVerdict(a)
	return findingRow{v, term.Cell{Lead: a.Rule, Style: textStyle(v), Text: c.t("alert_line", map[string]any{
		"summary": a.Summary, "state": c.t("state."+a.State, nil), "code": a.Code,
	})}}
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

// counts says how many checks there are by verdict, the worst first.
func (c *cli) counts(n map[string]int) string {
	var out []string
	for _, word := range badFirst {
		if n[word] > 0 {
			out = append(out, c.t("count", map[string]any{"n": n[word], "verdict": c.t("verdict."+word, nil)}))
		}
	}
	return strings.Join(out, c.t("comma", nil))
}

// summary is counts with the names of those that are not ok.
func (c *cli) summary(list api.CheckList) string {
	var out []string
	for _, word := range badFirst {
		var names []string
		for _, k := range list.Checks {
			if k.Verdict == word && word != "ok" && word != "not_applicable" {
				names = append(names, k.Name)
			}
		}
		if list.Counts[word] > 0 {
			out = append(out, c.t("count", map[string]any{
				"n": list.Counts[word], "verdict": c.t("verdict."+word, nil), "names": strings.Join(names, ", "),
			}))
		}
	}
	return strings.Join(out, c.t("comma", nil))
}
