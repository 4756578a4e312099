// Package cards prints the plan on paper: a card for each playbook, with the
// people and their numbers, for the night when everything is down.
package cards

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunjian/alerting/plan"
	"xunjian/alerting/report/sheet"
	"xunjian/alerting/roster"
)

// Input is what is printed.
type Input struct {
	Plan   *plan.Plan
	Roster roster.Roster
	// Unit is the operator; the hotlines are the plan's two (Art. 6).
	Unit            plan.Text
	IncidentHotline []string
	CustomerHotline string
	// Scenarios are ids; none means all.
	Scenarios []string
	Lang      string
	Made      time.Time
}

// Print returns the cards as PDF, A5: a cover with the roles and their numbers,
// the levels and the times, then a card for each scenario. It returns an error
// for a scenario the plan does not have.
func Print(in Input) ([]byte, error) {
	for _, id := range in.Scenarios {
		if _, ok := in.Plan.Scenario(id); !ok {
			return nil, fmt.Errorf("print cards: the plan has no scenario %q", id)
		}
	}
	w := words[in.Lang]
	if w == nil {
		w = words["zh-CN"]
	}
	s, err := sheet.New(sheet.A5, sheet.Options{
		Title: in.Plan.Title.In(in.Lang), Made: in.Made, Number: w.number,
		Footer: fmt.Sprintf(w.footer, in.Plan.Title.In(in.Lang), in.Plan.Version, in.Made.Format("2006-01-02")),
	})
	if err != nil {
		return nil, err
	}
	p := printer{in: in, w: w, s: s}
	p.cover()
	for _, sc := range in.Plan.Scenarios {
		if len(in.Scenarios) == 0 || slices.Contains(in.Scenarios, sc.ID) {
			p.card(sc)
		}
	}
	return s.Bytes()
}

type printer struct {
	in Input
	w  *wording
	s  *sheet.Sheet
}

var (
	title = sheet.Style{Size: 16, Tone: sheet.Black}
	bar   = sheet.Style{Size: 12.5, Tone: sheet.Black}
	part  = sheet.Style{Size: 9.5, Tone: sheet.Black}
	body  = sheet.Style{Size: 9, Tone: sheet.Black}
	small = sheet.Style{Size: 8, Tone: sheet.Grey}
	limit = sheet.Style{Size: 8, Tone: sheet.Red}
)

// wide is the room for the number of a step, in points.
const wide = 40

func (p *printer) text(t plan.Text) string { return t.In(p.in.Lang) }

// cover is the first card: whom to call, how grave it is, how soon.
func (p *printer) cover() {
	s, pl := p.s, p.in.Plan
	s.Page()
	s.Text(title, p.text(pl.Title))
	s.Text(small, strings.TrimSpace(p.text(p.in.Unit)+"  "+p.w.version+pl.Version))
	s.Space(6)
	s.Bar(part, sheet.Pale, p.w.hotlines)
	s.Text(body, p.w.incident+orBlank(strings.Join(p.in.IncidentHotline, p.w.and)))
	s.Text(body, p.w.customer+orBlank(p.in.CustomerHotline))
	s.Space(4)
	s.Bar(part, sheet.Pale, p.w.levels)
	var rows [][]sheet.Cell
	for _, l := range pl.Levels {
		rows = append(rows, []sheet.Cell{
			{Text: string(l.ID) + "  " + p.text(l.Name)}, {Text: p.bound(l, plan.Business)}, {Text: p.bound(l, plan.Opening)},
			{Text: p.span(pl.Response.Acknowledge[l.ID])},
		})
	}
	s.Table(8, []sheet.Column{{Title: p.w.level, Share: 3}, {Title: p.w.business, Share: 3}, {Title: p.w.opening, Share: 3}, {Title: p.w.acknowledge, Share: 2}}, rows)
	s.Text(small, fmt.Sprintf(p.w.triage, p.span(pl.Triage.Within)))
	s.Space(4)
	s.Bar(part, sheet.Pale, p.w.roles)
	rows = nil
	for _, r := range pl.Roles {
		if !r.Anyone {
			rows = append(rows, []sheet.Cell{{Text: p.text(r.Name)}, {Text: p.people(r.ID)}})
		}
	}
	s.Table(8, []sheet.Column{{Share: 2}, {Share: 3}}, rows)
	s.Bar(part, sheet.Pale, p.w.duties)
	for _, d := range pl.Duties {
		p.step(16, "□", d)
	}
}

func orBlank(s string) string {
	if s == "" {
		return "________________"
	}
	return s
}

// bound says up to what outage a level reaches.
func (p *printer) bound(l plan.LevelDef, kind plan.SystemKind) string {
	if d := l.UpTo[kind]; d > 0 {
		return fmt.Sprintf(p.w.upTo, p.span(d))
	}
	return p.w.more
}

func (p *printer) card(sc plan.Scenario) {
	s := p.s
	s.Page()
	s.Bar(bar, sheet.Pale, strings.TrimSpace(sc.Code+"  "+p.text(sc.Title)))
	s.Text(small, p.text(sc.Trigger)+"  "+fmt.Sprintf(p.w.article, sc.Article))
	s.Space(3)
	s.Text(body, p.w.blanks)
	s.Rule()
	n := 0
	for _, st := range sc.Steps {
		n++
		p.step(wide, strconv.Itoa(n)+" □", st)
		for _, b := range sc.Branches {
			if b.After == st.ID {
				p.branch(sc, b, strconv.Itoa(n))
			}
		}
	}
	if s.Left() < 70 {
		return // no page for notes alone
	}
	s.Space(6)
	s.Text(small, p.w.notes)
	for s.Left() > 40 {
		s.Space(18)
		s.Rule()
	}
}

// branch prints what holds for one cause or decision, with the branches after
// its own steps.
func (p *printer) branch(sc plan.Scenario, b plan.Branch, after string) {
	p.s.Space(2)
	p.s.Item(part, 26, "  ◆", fmt.Sprintf(p.w.when, p.text(b.When)))
	for n, st := range b.Steps {
		mark := after + "." + strconv.Itoa(n+1) + " □"
		p.step(wide, mark, st)
		for _, next := range sc.Branches {
			if next.After == st.ID {
				p.branch(sc, next, after+"."+strconv.Itoa(n+1))
			}
		}
	}
}

func (p *printer) step(indent float64, mark string, st plan.Step) {
	p.s.Item(body, indent, mark, p.text(st.Do))
	var who []string
	for _, r := range []struct {
		as    string
		roles []string
	}{{p.w.responsible, st.Responsible}, {p.w.assisting, st.Assisting}} {
		var names []string
		for _, id := range r.roles {
			names = append(names, p.role(id))
		}
		if len(names) > 0 {
			who = append(who, r.as+strings.Join(names, p.w.and))
		}
	}
	p.s.Item(small, indent, "", strings.Join(who, p.w.semi))
	if st.Within > 0 {
		p.s.Item(limit, indent, "", fmt.Sprintf(p.w.within, p.span(st.Within)))
	}
	p.s.Space(3)
}

// role names a role with the first of its people, on whose card the others
// stand with the roles.
func (p *printer) role(id string) string {
	r, ok := p.in.Plan.Role(id)
	if !ok {
		return id
	}
	name := p.text(r.Name)
	for _, member := range append([]string{id}, p.members(id)...) {
		for _, h := range p.in.Roster.Holders(member) {
			return name + p.w.open + strings.TrimSpace(h.Name+" "+h.Phone) + p.w.close
		}
	}
	return name
}

func (p *printer) members(group string) []string {
	var out []string
	for _, r := range p.in.Plan.Roles {
		if r.PartOf == group {
			out = append(out, r.ID)
		}
	}
	return out
}

// people are all who hold a role.
func (p *printer) people(role string) string {
	var out []string
	for _, h := range p.in.Roster.Holders(role) {
		out = append(out, strings.TrimSpace(h.Name+"  "+h.Phone+"  "+h.Mail))
	}
	if len(out) == 0 {
		return "________________"
	}
	return strings.Join(out, "\n")
}

// span writes a time limit: 20 min, 1 h 30 min.
func (p *printer) span(d time.Duration) string {
	if d <= 0 {
		return "–"
	}
	var out []string
	if h := int(d.Hours()); h > 0 {
		out = append(out, fmt.Sprintf(p.w.hours, h))
	}
	if m := int(d.Minutes()) % 60; m > 0 {
		out = append(out, fmt.Sprintf(p.w.minutes, m))
	}
	return strings.Join(out, " ")
}
