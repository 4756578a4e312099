package console

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/calendar"
	"xunjian/alerting/incident"
	"xunjian/alerting/inspection"
	"xunjian/alerting/plan"
	"xunjian/checks"
	"xunjian/rules"
)

type boardPage struct {
	// Tone is the verdict word of the whole: what the headline is coloured by.
	Tone, Headline, Detail string
	// Unread is set when the incidents cannot be read: what is known without
	// them is still shown.
	Unread    bool
	Incidents []incidentRow
	More      bool
	Warnings  []alertRow
	// Signs are the warnings that people entered (Art. 7), Aftercare what is
	// resolved and still asks for something (Art. 18).
	Signs, Aftercare []incidentRow
	// Rounds are the inspection rounds that wait for a signature (Art. 7).
	Rounds []roundRow
	// Near are the openings and deadlines that run or are near, Next the next.
	Near, Next []bidRow
	Checks     []checkChip
	Counts     []verdictCount
	Updated    string
}

// maxBoard bounds the incidents on the board.
const maxBoard = 200

func showBoard(r *request) error {
	page := boardPage{Updated: r.say.Clock(r.now)}
	open, err := r.c.opt.Desk.Find(r.Context(), alerting.Query{
		States: []incident.State{incident.Open, incident.Acked}, Limit: maxBoard + 1,
	})
	if err != nil {
		r.c.opt.Logger.Error("read incidents for the board", "err", err)
		page.Unread = true
	}
	page.More = len(open) > maxBoard
	open = open[:min(len(open), maxBoard)]
	sortByGravity(open)
	for _, i := range open {
		page.Incidents = append(page.Incidents, r.incidentRow(i))
	}
	alerts := r.c.opt.Rules.Alerts()
	page.Warnings = r.warnings(alerts)
	page.Near, page.Next = r.bids()
	if err := r.besidesOpen(&page); err != nil {
		return err
	}
	page.Checks, page.Counts = r.chips(alerts)
	r.headline(&page, open)
	return r.showLive("board", r.T("console.nav.board"), page)
}

// bidRow is an event of the bid calendar.
type bidRow struct {
	Title, Kind, Systems, Project string
	Start, End                    moment
}

// nextBids is how many events that are not near yet the board shows.
const nextBids = 3

func (r *request) bids() (near, next []bidRow) {
	if r.c.opt.Upcoming == nil {
		return nil, nil
	}
	at, after := r.c.opt.Upcoming(r.now, nextBids)
	row := func(e calendar.Event) bidRow {
		return bidRow{
			cut(e.Title, 200), r.T("console.bid." + string(e.Kind)), strings.Join(e.Systems, ", "), cut(e.Project, 100),
			r.moment(e.Start, r.now), r.moment(e.End, r.now),
		}
	}
	for _, e := range at {
		near = append(near, row(e))
	}
	for _, e := range after {
		if e.From.After(r.now) {
			next = append(next, row(e))
		}
	}
	return near, next
}

// besidesOpen finds what asks for people though no fault goes on.
func (r *request) besidesOpen(page *boardPage) error {
	list, err := r.c.opt.Desk.Find(r.Context(), alerting.Query{States: []incident.State{incident.Watched, incident.Done}, Limit: maxBoard})
	if err != nil {
		return err
	}
	for _, i := range list {
		switch {
		case i.State == incident.Watched:
			page.Signs = append(page.Signs, r.incidentRow(i))
		case i.Pending():
			page.Aftercare = append(page.Aftercare, r.incidentRow(i))
		}
	}
	waiting, err := r.c.opt.Rounds.Find(r.Context(), inspection.Query{Open: true, Limit: maxWaiting})
	for _, x := range waiting {
		page.Rounds = append(page.Rounds, r.roundRow(x))
	}
	return err
}

// sortByGravity puts the gravest first, and among equals the one that has
// lasted longest.
func sortByGravity(list []incident.Incident) {
	slices.SortStableFunc(list, func(a, b incident.Incident) int {
		return cmp.Or(
			cmp.Compare(slices.Index(plan.Levels[:], b.Level), slices.Index(plan.Levels[:], a.Level)),
			a.OutageSince.Compare(b.OutageSince),
			cmp.Compare(a.ID, b.ID))
	})
}

// headline says the whole in one sentence.
func (r *request) headline(page *boardPage, open []incident.Incident) {
	worst := checks.NotApplicable
	bad := 0
	for _, k := range page.Checks {
		if k.verdict.Worse(worst) {
			worst = k.verdict
		}
		if k.verdict.Worse(checks.OK) {
			bad++
		}
	}
	page.Tone = worst.String()
	switch {
	case page.Unread:
		page.Tone, page.Headline = checks.Unknown.String(), r.T("console.board.unread")
	case len(open) > 0:
		page.Tone = checks.Abnormal.String()
		page.Headline = r.Ta("console.board.incidents", "n", len(open), "level", r.level(open[0].Level).Word)
		page.Detail = r.unacknowledged(open)
	case len(page.Checks) == 0:
		page.Tone, page.Headline = checks.Unknown.String(), r.T("console.board.nothing_yet")
	case bad > 0:
		page.Headline = r.Ta("console.board.checks", "n", bad, "all", len(page.Checks))
	default:
		page.Tone = checks.OK.String()
		page.Headline = r.Ta("console.board.well", "n", len(page.Checks))
	}
}

func (r *request) unacknowledged(open []incident.Incident) string {
	n := 0
	for _, i := range open {
		if i.State == incident.Open {
			n++
		}
	}
	if n == 0 {
		return r.T("console.board.all_acknowledged")
	}
	return r.Ta("console.board.unacknowledged", "n", n)
}

// incidentRow is an incident in a list.
type incidentRow struct {
	ID, Code, Category string
	Level              level
	Title              string
	State              state
	Since, Opened      moment
	Outage             string
	// Over is set when the outage has ended, Lost when nobody knows.
	Over, Lost, Drill bool
	Owner             string
}

// level is a level with its name.
type level struct {
	ID   plan.Level
	Name string
	Word string // both
}

func (r *request) level(id plan.Level) level {
	l := level{ID: id}
	for _, def := range r.c.opt.Desk.Plan().Levels {
		if def.ID == id {
			l.Name = def.Name.In(r.say.Lang())
		}
	}
	l.Word = r.Ta("console.level", "id", string(id), "name", l.Name)
	return l
}

// state is a word of a state with the class it is shown by.
type state struct{ ID, Word string }

func (w *words) state(id string) state { return state{id, w.T("console.state." + id)} }

func (r *request) incidentRow(i incident.Incident) incidentRow {
	row := incidentRow{
		ID: i.ID, Code: i.Code, Level: r.level(i.Level),
		Title: cut(i.Title.In(r.say.Lang()), 200), State: r.state(string(i.State)),
		Since: r.moment(i.OutageSince, r.now), Opened: r.moment(i.OpenedAt, r.now),
		Outage: r.say.Duration(i.Outage(r.now).Truncate(time.Second)),
		Over:   i.Ended() || !i.OutageUntil.IsZero(), Drill: i.Drill,
		Owner: cmp.Or(i.Assignee, i.AckedBy),
	}
	if c, ok := r.c.opt.Desk.Plan().Category(i.Code); ok {
		row.Category = c.Name.In(r.say.Lang())
	}
	for _, a := range i.Alerts {
		row.Lost = row.Lost || a.State == incident.AlertIsLost
	}
	return row
}

// warnings are the alerts that people should see and that opened no incident:
// neither watchdogs nor what is still pending.
func (r *request) warnings(alerts []rules.Alert) []alertRow {
	incidents := r.incidentsByAlert()
	var out []alertRow
	for _, a := range alerts {
		if a.State == rules.Pending || a.Labels[rules.LabelKind] == kindWatchdog || incidents[a.Key] != "" {
			continue
		}
		out = append(out, r.alertRow(a, ""))
	}
	return out
}

// kindWatchdog marks the alert that always fires, to show that alerts can.
const kindWatchdog = "watchdog"
