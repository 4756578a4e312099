package incident

import (
	"maps"
	"slices"
	"time"

	"xunjian/alerting/plan"
)

// Apply returns the incident after one more event.
func (i Incident) Apply(e Event) Incident {
	i.Version, i.UpdatedAt = e.Version, e.At
	switch d := e.Data.(type) {
	case Opened:
		i.open(e, d)
	case AlertJoined:
		a := i.Alerts[d.Alert]
		i.Alerts = with(i.Alerts, d.Alert, Alert{d.Rule, d.Labels, d.Annotations, d.Since, d.Value, AlertFiring, a.Times + 1})
		i.OutageUntil, i.HoldUntil = time.Time{}, time.Time{}
	case AlertEnded:
		i.setAlert(d.Alert, AlertIsOver)
		if i.Quiet() {
			i.OutageUntil = e.At
			i.Quiets = append(slices.Clone(i.Quiets), e.At)
			i.Quiets = i.Quiets[max(0, len(i.Quiets)-maxQuiets):]
		}
	case AlertLost:
		i.setAlert(d.Alert, AlertIsLost)
	case EvidenceTaken:
		i.Evidence = append(slices.Clone(i.Evidence), d)
	case Assigned:
		i.Assignee = d.To
	case Flapping:
		i.HoldUntil = e.At.Add(d.Hold)
	case Resolved:
		i.State, i.EndedAt = Done, e.At
	case FalseAlarm:
		i.State, i.EndedAt = NoIncident, e.At
	case Reopened:
		// A hold of before must not resolve what a person has just reopened.
		i.State, i.EndedAt, i.HoldUntil = Open, time.Time{}, time.Time{}
		i.ClosedAt = time.Time{}
		i.unacknowledge(e.At)
	case Closed:
		i.State, i.ClosedAt = IsClosed, e.At
	case Dismissed:
		i.State, i.EndedAt = Gone, e.At
	default:
		i.respond(e)
	}
	return i
}

// respond applies the events of the response and of what comes afterwards.
func (i *Incident) respond(e Event) {
	by, at := e.Actor.Name, e.At
	switch d := e.Data.(type) {
	case Acknowledged:
		i.State = Acked
		i.AckedAt, i.AckedBy, i.AckUntil = at, by, d.Until
		if i.FirstAckAt.IsZero() {
			i.FirstAckAt = at
		}
	case AckLapsed:
		i.State = Open
		i.unacknowledge(at)
	case LevelChanged:
		i.Level, i.ClockLevel, i.Decided = d.To, d.Clock, d.Decided
		i.reached(d.To, at)
	case LevelAnnounced:
		i.Announced = d.To
		if d.Held {
			i.ClockLevel = d.To
		}
	case KindChanged:
		i.SystemKind, i.Announced = d.To, ""
	case Triaged:
		if i.Scenario != d.Scenario {
			// The steps of one playbook mean nothing in another; what was done
			// stands in the timeline.
			i.Steps, i.Branches, i.Looks = nil, nil, nil
		}
		i.Code, i.Scenario, i.Cause, i.TriagedAt = d.Code, d.Scenario, d.Cause, at
	case Estimated:
		i.Estimate, i.EstimateAt = d.Restored, at
	case Reminded:
		i.Reminders = with(i.Reminders, d.Deadline, Reminder{d.From, d.N, at})
	case BranchChosen:
		i.Branches = with(i.Branches, d.After, Choice{d.Branch, by, at, d.Reason})
	case StepChanged:
		i.Steps = with(i.Steps, d.Step, Step{State: d.State, By: by, To: d.To, At: at, Note: d.Note})
	case StepLooked:
		i.Looks = append(slices.Clone(i.Looks), d)
	case Reported:
		i.Reports = append(slices.Clone(i.Reports), Call{d, by, at})
	case Analysed:
		i.TriagedAt = at
	case Promoted:
		i.promote(at, d)
	default:
		i.aftermath(e)
	}
}

// aftermath applies the events of duties, documents and Art. 18.
func (i *Incident) aftermath(e Event) {
	by, at := e.Actor.Name, e.At
	switch d := e.Data.(type) {
	case DutyChanged:
		i.Duties = with(i.Duties, d.Duty, Duty{d.State, by, at, d.To, d.Via, d.Note, d.Document, d.SHA256})
	case DocumentSaved:
		i.Documents = with(i.Documents, d.Duty+"/"+d.Lang, Document{d.ID, d.SHA256, by, at})
	case EntryAdded:
		i.Entries = append(slices.Clone(i.Entries), Entry{N: d.Entry, What: d.What, Project: d.Project, AddedBy: by, AddedAt: at})
	case EntryDone:
		i.Entries = slices.Clone(i.Entries)
		// A damaged timeline must not bring down who reads it.
		if n := d.Entry - 1; n >= 0 && n < len(i.Entries) {
			i.Entries[n].DoneBy, i.Entries[n].DoneAt, i.Entries[n].Note = by, at, d.Note
		}
	case Investigated:
		i.Investigation = with(i.Investigation, d.Heading, Writing{d.Text, by, at})
	case LessonAdded:
		i.Lessons = append(slices.Clone(i.Lessons), Lesson{N: d.Lesson, Text: d.Text, Owner: d.Owner, Due: d.Due, By: by, At: at})
	case LessonDone:
		i.Lessons = slices.Clone(i.Lessons)
		if n := d.Lesson - 1; n >= 0 && n < len(i.Lessons) {
			i.Lessons[n].DoneBy, i.Lessons[n].DoneAt, i.Lessons[n].Note = by, at, d.Note
		}
	}
}

func (i *Incident) open(e Event, d Opened) {
	i.ID, i.State, i.OpenedAt, i.AckFrom = e.Incident, Open, e.At, e.At
	i.Key, i.Code, i.Scenario, i.Cause = d.Key, d.Code, d.Scenario, d.Cause
	i.System, i.SystemKind = d.System, d.SystemKind
	i.Level, i.ClockLevel = d.Level, d.Level
	i.Title, i.Host, i.Resolve = d.Title, d.Host, d.Resolve
	i.Drill, i.Participants, i.Warning = d.Drill, d.Participants, d.Warning
	i.PlanVersion, i.PlanDigest, i.Reason, i.OutageSince = d.PlanVersion, d.PlanDigest, d.Reason, d.OutageSince
	if d.Warning != nil {
		i.State = Watched
		return
	}
	i.reached(d.Level, e.At)
}

// promote makes a warning an incident; its timeline goes on.
func (i *Incident) promote(at time.Time, d Promoted) {
	i.State, i.OpenedAt, i.AckFrom = Open, at, at
	i.Code, i.Scenario, i.SystemKind = d.Code, d.Scenario, d.SystemKind
	i.Level, i.ClockLevel = d.Level, d.Level
	i.OutageSince, i.Reason, i.TriagedAt = d.OutageSince, d.Reason, time.Time{}
	i.reached(d.Level, at)
}

// reached notes when each level up to l was reached first.
func (i *Incident) reached(l plan.Level, at time.Time) {
	if l.Graver(i.Peak) {
		i.Peak = l
	}
	for _, level := range plan.Levels {
		if _, before := i.LevelAt[level]; !before && !level.Graver(l) {
			i.LevelAt = with(i.LevelAt, level, at)
		}
	}
}

func (i *Incident) unacknowledge(at time.Time) {
	i.AckedAt, i.AckedBy, i.AckUntil, i.AckFrom = time.Time{}, "", time.Time{}, at
}

func (i *Incident) setAlert(key, state string) {
	a, ok := i.Alerts[key]
	if !ok {
		return
	}
	a.State = state
	i.Alerts = with(i.Alerts, key, a)
}

// with is m with one more entry; m stays as it is.
func with[K comparable, V any](m map[K]V, k K, v V) map[K]V {
	m = maps.Clone(m)
	if m == nil {
		m = map[K]V{}
	}
	m[k] = v
	return m
}
