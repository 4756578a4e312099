package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"xunjian/alerting/report/bulletin"
)

func (c *composer) incidents() {
	c.head(c.w.incidents)
	columns := []bulletin.Column{
		{Title: c.w.id, Share: 2.1}, {Title: c.w.title, Share: 3}, {Title: c.w.opened, Share: 1.7}, {Title: c.w.acked, Share: 1.4}, {Title: c.w.ended, Share: 1.5}, {Title: c.w.deadlines, Share: 1.3},
	}
	table := func(drill bool) bulletin.Table {
		t := bulletin.Table{Name: c.w.incidents, Columns: columns}
		if drill {
			t.Name = c.w.drills
		}
		for _, i := range c.f.Incidents {
			if i.Drill != drill {
				continue
			}
			state := c.w.open
			tone := bulletin.Bad
			if !i.Ended.IsZero() {
				state, tone = c.span(i.Lost), bulletin.Plain
				if i.Warning {
					state = c.span(i.Ended.Sub(i.Opened))
				}
			}
			acked := c.w.none
			if !i.Acked.IsZero() {
				acked = c.span(i.Acked.Sub(i.Opened))
			}
			kind := strings.TrimSpace(i.Code + " " + string(i.Level))
			if i.Warning {
				kind = strings.TrimSpace(i.Code + " " + c.w.warning)
			}
			kept := bulletin.Cell{Text: fmt.Sprintf("%d/%d", i.Kept, i.Missed)}
			if i.Missed > 0 {
				kept.Tone = bulletin.Warn
			}
			t.Rows = append(t.Rows, []bulletin.Cell{
				{Text: i.ID + "\n" + kind}, {Text: i.Title.In(c.say.Lang())}, {Text: c.clock(i.Opened)}, {Text: acked}, {Text: state, Tone: tone}, kept,
			})
		}
		return t
	}
	if t := table(false); len(t.Rows) > 0 {
		c.add(t)
	} else {
		c.text(bulletin.Good, "%s", c.w.noIncidents)
	}
	c.add(bulletin.Heading{Text: c.w.missed, Minor: true})
	if len(c.f.Missed) == 0 {
		c.text(bulletin.Plain, "%s", c.w.noMissed)
	} else {
		t := bulletin.Table{Name: c.w.missed, Columns: []bulletin.Column{{Title: c.w.id, Share: 2}, {Title: c.w.what, Share: 4.6}, {Title: c.w.due, Share: 1.7}, {Title: c.w.met, Share: 1.7}}}
		for _, m := range c.f.Missed {
			met := bulletin.Cell{Text: c.w.notMet, Tone: bulletin.Bad}
			if !m.Met.IsZero() {
				met = bulletin.Cell{Text: c.clock(m.Met), Tone: bulletin.Warn}
			}
			t.Rows = append(t.Rows, []bulletin.Cell{{Text: m.Incident}, {Text: m.What.In(c.say.Lang())}, {Text: c.clock(m.Due)}, met})
		}
		c.add(t)
	}
	if t := table(true); len(t.Rows) > 0 {
		c.add(bulletin.Heading{Text: c.w.drills, Minor: true}, t)
	}
}

func (c *composer) systems() {
	c.head(c.w.systems)
	if len(c.f.Systems) == 0 {
		c.text(bulletin.Plain, "%s", c.w.noSystems)
		return
	}
	period := c.f.To.Sub(c.f.From)
	t := bulletin.Table{Name: c.w.systems, Columns: []bulletin.Column{
		{Title: c.w.system, Share: 3}, {Title: c.w.availability, Share: 2, Right: true}, {Title: c.w.lost, Share: 2, Right: true}, {Title: c.w.unknown, Share: 2, Right: true}, {Title: c.w.number2, Share: 1, Right: true},
	}}
	probed := slices.ContainsFunc(c.f.Systems, func(s System) bool { return s.Probed != nil })
	if probed {
		t.Columns = append(t.Columns, bulletin.Column{Title: c.w.probed, Share: 2, Right: true}, bulletin.Column{Title: c.w.probedUnknown, Share: 2, Right: true})
	}
	for _, s := range c.f.Systems {
		v, ok := s.Availability(period)
		share := c.share(v, ok, s.Lost > 0)
		t.Rows = append(t.Rows, []bulletin.Cell{
			{Text: strings.TrimSpace(s.Name + "  " + c.w.kinds[string(s.Kind)])}, share, {Text: c.span(s.Lost), Value: s.Lost.Seconds()},
			{Text: c.span(s.Unknown), Value: s.Unknown.Seconds()}, {Text: fmt.Sprint(s.Incidents), Value: s.Incidents},
		})
		if row := &t.Rows[len(t.Rows)-1]; s.Probed != nil {
			v, ok := s.Probed.Availability()
			*row = append(*row, c.share(v, ok, s.Probed.Bad > 0), bulletin.Cell{Text: c.span(s.Probed.Unknown), Value: s.Probed.Unknown.Seconds()})
		} else if probed {
			*row = append(*row, bulletin.Cell{Text: c.w.none}, bulletin.Cell{Text: c.w.none})
		}
	}
	c.add(t)
}

// share is an availability as a cell.
func (c *composer) share(v float64, known, lost bool) bulletin.Cell {
	if !known {
		return bulletin.Cell{Text: c.w.unknown, Tone: bulletin.Bad}
	}
	// Cut, not rounded: 99.999 is not all of it.
	cell := bulletin.Cell{Text: fmt.Sprintf("%.3f%%", math.Floor(v*1e5)/1e3), Value: v}
	if lost {
		cell.Tone = bulletin.Warn
	}
	return cell
}

func (c *composer) lessons() {
	c.head(c.w.lessons)
	if len(c.f.Lessons) == 0 {
		c.text(bulletin.Good, "%s", c.w.noLessons)
		return
	}
	t := bulletin.Table{Name: c.w.lessons, Columns: []bulletin.Column{{Title: c.w.id, Share: 2}, {Title: c.w.measure, Share: 4.5}, {Title: c.w.owner, Share: 1.5}, {Title: c.w.byWhen, Share: 2}}}
	for _, l := range c.f.Lessons {
		due := bulletin.Cell{Text: c.clock(l.Due)}
		if l.Due.Before(c.f.To) {
			due.Text, due.Tone = due.Text+c.w.overdue, bulletin.Bad
		}
		t.Rows = append(t.Rows, []bulletin.Cell{{Text: l.Incident}, {Text: l.Text}, {Text: l.Owner}, due})
	}
	c.add(t)
}
