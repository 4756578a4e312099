package console

import (
	"regexp"
	"time"

	"xunjian/rules"
)

type rulesPage struct {
	Groups              []ruleGroup
	All, Blind, Failing int
}

type ruleGroup struct {
	File, Name string
	Rules      []ruleRow
}

type ruleRow struct {
	Name, Query, Summary string
	Recording            bool
	For, KeepFiring      time.Duration
	Labels               []label
	State                *state
	Alerts               int
	Health               state
	Error                string
	Blind                []string
	Evaluated            moment
	Took                 string
}

func showRules(r *request) error {
	var page rulesPage
	for _, s := range r.c.opt.Rules.Rules() {
		n := len(page.Groups)
		if n == 0 || page.Groups[n-1].Name != s.Group || page.Groups[n-1].File != s.File {
			page.Groups = append(page.Groups, ruleGroup{File: s.File, Name: s.Group})
			n++
		}
		page.Groups[n-1].Rules = append(page.Groups[n-1].Rules, r.ruleRow(s))
		page.All++
		if len(s.Blind) > 0 {
			page.Blind++
		}
		if s.Health == "err" {
			page.Failing++
		}
	}
	return r.show("rules", r.T("console.nav.rules"), page)
}

// holes are what the text of a rule leaves open until it fires.
var holes = regexp.MustCompile(`\{\{[^}]*\}\}`)

func (r *request) ruleRow(s rules.RuleStatus) ruleRow {
	row := ruleRow{
		Name: s.Name, Query: s.Query, Recording: s.Kind == "recording",
		Summary: cut(holes.ReplaceAllString(r.annotation("summary", "", s.Annotations), "…"), 300),
		For:     s.For, KeepFiring: s.KeepFiring, Labels: labelsOf(s.Labels), Alerts: s.Alerts,
		Health: state{s.Health, r.T("console.health." + s.Health)}, Error: s.Error, Blind: s.Blind,
		Evaluated: r.moment(s.LastEval, r.now), Took: s.EvalTook.Round(time.Microsecond).String(),
	}
	if s.State != "" {
		st := r.alertState(s.Labels, string(s.State))
		row.State = &st
	}
	return row
}
