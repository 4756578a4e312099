package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"xunjian/alerting/calendar"
	"xunjian/alerting/roster"
)

// How far a rota in a calendar is laid out. It is laid out again with every
// reload.
const (
	rotaBack  = 35 * 24 * time.Hour
	rotaAhead = 400 * 24 * time.Hour
)

// layRotas reads the calendars that shifts name. Relative paths start at
// folder.
func (c *Config) layRotas(m *mistakes, r *roster.Roster, folder string) {
	for i := range r.Shifts {
		s := &r.Shifts[i]
		if s.Calendar == "" {
			continue
		}
		path := fmt.Sprintf("roster.shifts[%d].calendar", i)
		file := s.Calendar
		if !filepath.IsAbs(file) {
			file = filepath.Join(folder, file)
		}
		if !m.readable(path, file) {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			m.add(path, "%v; allowed: an iCalendar file", err)
			continue
		}
		now := time.Now()
		events, err := calendar.Occurrences(file, b, c.Location(), now.Add(-rotaBack), now.Add(rotaAhead))
		if err != nil {
			*m = append(*m, err)
			continue
		}
		s.Turns = nil
		for _, e := range events {
			id, ok := named(r.Holders(s.Role), e.Title)
			if !ok {
				m.add(path, "%s:%d: %q names nobody who holds the role %s; allowed: a title with one person's id or name in it", file, e.Line, clip(e.Title), s.Role)
				break
			}
			s.Turns = append(s.Turns, roster.Turn{Person: id, From: e.Start, To: e.End})
		}
		if len(events) == 0 {
			m.add(path, "%s holds no event from %s on", file, now.Add(-rotaBack).Format(time.DateOnly))
		}
	}
}

// named is the one whom a title names: by id or mail address as a word of its
// own, or by name.
func named(people []roster.Person, title string) (id string, ok bool) {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool { return strings.ContainsRune(" \t,;:/()（）：，；、<>[]【】", r) })
	for _, p := range people {
		if slices.Contains(words, p.ID) || p.Mail != "" && slices.Contains(words, strings.ToLower(p.Mail)) || strings.Contains(title, p.Name) {
			if ok {
				return "", false
			}
			id, ok = p.ID, true
		}
	}
	return id, ok
}
