package console

import (
	"strconv"
	"time"

	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
)

// oneLine are the fields of one line.
var oneLine = map[string]bool{"caller": true, "phone": true, "project": true, "bidder": true}

// responseActions are those of the response (Art. 7, 8).
func responseActions() []action {
	warned := func(i incident.Incident) bool { return i.State == incident.Watched }
	return []action{
		{"triage", []string{"scenario", "note"}, running,
			func(r *request) incident.Command {
				return incident.Triage{Scenario: r.field("scenario"), Note: r.field("note")}
			}, true},
		{"estimate", []string{"restored", "note"}, running,
			func(r *request) incident.Command {
				at, _ := r.minute(r.field("restored"))
				return incident.SetEstimate{Restored: at, Note: r.field("note")}
			}, true},
		{"level", []string{"level", "decided", "reason"}, running,
			func(r *request) incident.Command {
				return incident.SetLevel{Level: plan.Level(r.field("level")), Decided: r.field("decided") != "", Reason: r.field("reason")}
			}, false},
		{"report", []string{"caller", "phone", "project", "bidder", "bids_due", "text"}, func(i incident.Incident) bool { return !i.Ended() },
			func(r *request) incident.Command {
				due, _ := r.minute(r.field("bids_due"))
				return incident.AddReport{
					Caller: r.field("caller"), Phone: r.field("phone"), Project: r.field("project"), Bidder: r.field("bidder"),
					Due: due, Text: r.field("text"),
				}
			}, true},
		{"branch", []string{"branch", "reason"}, inPlace,
			func(r *request) incident.Command {
				return incident.ChooseBranch{Branch: r.field("branch"), Reason: r.field("reason")}
			}, true},
		{"duty", []string{"duty", "state", "to", "via", "note"}, inPlace,
			func(r *request) incident.Command {
				cmd := incident.SetDuty{Duty: r.field("duty"), State: r.field("state"), Via: r.field("via"), Note: r.field("note")}
				if to := r.field("to"); to != "" {
					cmd.To = []string{to}
				}
				return cmd
			}, true},
		{"analyse", []string{"text", "watch"}, warned,
			func(r *request) incident.Command {
				return incident.Analyse{Text: r.field("text"), Watch: r.field("watch") != ""}
			}, true},
		{"promote", []string{"scenario", "reason"}, warned,
			func(r *request) incident.Command {
				return incident.Promote{Scenario: r.field("scenario"), Reason: r.field("reason")}
			}, false},
		{"dismiss", []string{"reason"}, warned,
			func(r *request) incident.Command { return incident.Dismiss{Reason: r.field("reason")} }, false},
	}
}

// aftermathActions are those of what comes afterwards (Art. 18).
func aftermathActions() []action {
	over := func(i incident.Incident) bool { return i.State == incident.Done }
	real := func(i incident.Incident) bool { return i.State != incident.Watched && i.State != incident.Gone }
	return []action{
		{"entry", []string{"what", "project"}, real,
			func(r *request) incident.Command {
				return incident.AddEntry{What: r.field("what"), Project: r.field("project")}
			}, true},
		{"entry-done", []string{"entry", "note"}, inPlace,
			func(r *request) incident.Command {
				return incident.CompleteEntry{Entry: whole(r.field("entry")), Note: r.field("note")}
			}, true},
		{"investigate", []string{"heading", "text"}, inPlace,
			func(r *request) incident.Command {
				return incident.Investigate{Heading: r.field("heading"), Text: r.field("text")}
			}, true},
		{"lesson", []string{"text", "owner", "due"}, func(i incident.Incident) bool { return real(i) && i.Ended() },
			func(r *request) incident.Command {
				return incident.AddLesson{Text: r.field("text"), Owner: r.field("owner"), Due: endOf(r.day(r.field("due")))}
			}, true},
		{"lesson-done", []string{"lesson", "note"}, inPlace,
			func(r *request) incident.Command {
				return incident.CompleteLesson{Lesson: whole(r.field("lesson")), Note: r.field("note")}
			}, true},
		{"close", []string{"note"}, over,
			func(r *request) incident.Command { return incident.Close{Note: r.field("note")} }, false},
	}
}

// whole reads a number; what is none is 0, which no list has.
func whole(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

// endOf is the last second of a day; zero stays zero.
func endOf(day time.Time) time.Time {
	if day.IsZero() {
		return day
	}
	return day.AddDate(0, 0, 1).Add(-time.Second)
}

// scenarios are the playbooks to choose from.
func (r *request) scenarios(now, chosen string) []option {
	var out []option
	for _, s := range r.c.opt.Desk.Plan().Scenarios {
		label := s.Title.In(r.say.Lang())
		if s.Code != "" {
			label = s.Code + " " + label
		}
		out = append(out, option{s.ID, label, s.ID == chosen || chosen == "" && s.ID == now})
	}
	return out
}
