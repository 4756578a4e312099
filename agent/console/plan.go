package console

import (
	"time"

	"xunjian/alerting/plan"
)

type planPage struct {
	ID, Version, Title string
	Kinds              []string
	Levels             []levelRow
	Categories         []categoryRow
	Scenarios          []scenarioRow
	Roles              []roleRow
	Triage             time.Duration
}

type levelRow struct {
	level
	Article string
	// UpTo is the bound for each kind of system, 0 for none.
	UpTo []time.Duration
}

type categoryRow struct {
	Code, Name, What, Article string
	Scenarios                 []scenarioRow
}

type scenarioRow struct {
	ID, Title string
	Steps     int
}

type roleRow struct {
	post
	Article string
}

func showPlan(r *request) error {
	p, lang := r.c.opt.Desk.Plan(), r.say.Lang()
	page := planPage{ID: p.ID, Version: p.Version, Title: p.Title.In(lang), Triage: p.Triage.Within}
	for _, k := range plan.Kinds {
		page.Kinds = append(page.Kinds, r.T("console.system."+string(k)))
	}
	for _, def := range p.Levels {
		row := levelRow{level: r.level(def.ID), Article: def.Article}
		for _, k := range plan.Kinds {
			row.UpTo = append(row.UpTo, def.UpTo[k])
		}
		page.Levels = append(page.Levels, row)
	}
	for _, c := range p.Categories {
		page.Categories = append(page.Categories, categoryRow{
			c.Code, c.Name.In(lang), c.What.In(lang), c.Article, scenariosOf(p, c.Code, lang),
		})
	}
	page.Scenarios = scenariosOf(p, "", lang)
	b := binder{request: r}
	for _, role := range p.Roles {
		page.Roles = append(page.Roles, roleRow{b.post(role.ID), role.Article})
	}
	return r.show("plan", r.T("console.nav.plan"), page)
}

func scenariosOf(p *plan.Plan, code, lang string) []scenarioRow {
	var out []scenarioRow
	for _, s := range p.Scenarios {
		if s.Code == code {
			out = append(out, scenarioRow{s.ID, s.Title.In(lang), len(s.AllSteps())})
		}
	}
	return out
}

func showScenario(r *request) error {
	sc, ok := r.c.opt.Desk.Plan().Scenario(r.PathValue("id"))
	if !ok {
		return errNotFound
	}
	play := r.playbook(sc, nil, actForm{})
	return r.show("scenario", play.Title, play)
}

// printCards gives the playbooks as cards to print.
func printCards(r *request) error {
	var only []string
	if id := r.URL.Query().Get("scenario"); id != "" {
		only = []string{id}
	}
	body, err := r.c.opt.Papers.Cards(r.say.Lang(), only)
	if err != nil {
		return err
	}
	h := r.w.Header()
	h.Set("Content-Type", "application/pdf")
	h.Set("Content-Disposition", `attachment; filename="xunjian-cards.pdf"`)
	_, err = r.w.Write(body)
	return err
}
