package api

import (
	"net/http"
	"time"

	"xunjian/alerting/incident"
)

// The bodies of the response to an incident and of what comes afterwards
// (Art. 7, 8, 18).
type (
	// AddReport joins a caller's report to an incident.
	AddReport struct {
		Caller  string `json:"caller"`
		Phone   string `json:"phone,omitempty"`
		Project string `json:"project,omitempty"`
		Bidder  string `json:"bidder,omitempty"`
		// Due is the deadline of the bid.
		Due     Moment `json:"due,omitzero"`
		Text    string `json:"text"`
		Version int    `json:"version,omitempty"`
	}
	// SetTriage confirms or changes code and scenario; empty confirms.
	SetTriage struct {
		Code     string `json:"code,omitempty"`
		Scenario string `json:"scenario,omitempty"`
		Cause    string `json:"cause,omitempty"`
		Note     string `json:"note,omitempty"`
		Version  int    `json:"version,omitempty"`
	}
	// SetEstimate says when the system is likely to be back.
	SetEstimate struct {
		Restored Moment `json:"restored"`
		Note     string `json:"note,omitempty"`
		Version  int    `json:"version,omitempty"`
	}
	// ChooseBranch decides for a branch of the playbook.
	ChooseBranch struct {
		Branch  string `json:"branch"`
		Reason  string `json:"reason,omitempty"`
		Version int    `json:"version,omitempty"`
	}
	// SetDuty says that a duty was done or is not needed.
	SetDuty struct {
		Duty    string   `json:"duty"`
		State   string   `json:"state"`
		To      []string `json:"to,omitempty"`
		Via     string   `json:"via,omitempty"`
		Note    string   `json:"note,omitempty"`
		Version int      `json:"version,omitempty"`
	}
	// Analyse says what was made of a warning.
	Analyse struct {
		Text    string `json:"text"`
		Watch   bool   `json:"watch,omitempty"`
		Version int    `json:"version,omitempty"`
	}
	// Promote makes a warning an incident.
	Promote struct {
		Code     string `json:"code,omitempty"`
		Scenario string `json:"scenario,omitempty"`
		Since    Moment `json:"since,omitzero"`
		Reason   string `json:"reason"`
		Version  int    `json:"version,omitempty"`
	}
	// Dismiss closes a warning that came to nothing.
	Dismiss struct {
		Reason  string `json:"reason"`
		Version int    `json:"version,omitempty"`
	}
	// AddEntry notes what was taken by hand and has to be entered.
	AddEntry struct {
		What    string `json:"what"`
		Project string `json:"project,omitempty"`
		Version int    `json:"version,omitempty"`
	}
	// CompleteEntry says that it was entered.
	CompleteEntry struct {
		Entry   int    `json:"entry"`
		Note    string `json:"note,omitempty"`
		Version int    `json:"version,omitempty"`
	}
	// Investigate writes under a heading of the investigation.
	Investigate struct {
		Heading string `json:"heading"`
		Text    string `json:"text"`
		Version int    `json:"version,omitempty"`
	}
	// AddLesson is a measure with an owner and a day.
	AddLesson struct {
		Text    string `json:"text"`
		Owner   string `json:"owner"`
		Due     Moment `json:"due"`
		Version int    `json:"version,omitempty"`
	}
	// CompleteLesson says that a measure was taken.
	CompleteLesson struct {
		Lesson  int    `json:"lesson"`
		Note    string `json:"note,omitempty"`
		Version int    `json:"version,omitempty"`
	}
	// Close ends the care afterwards.
	Close struct {
		Note    string `json:"note,omitempty"`
		Version int    `json:"version,omitempty"`
	}
)

func (b AddReport) command() (incident.Command, int) {
	return incident.AddReport{Caller: b.Caller, Phone: b.Phone, Project: b.Project, Bidder: b.Bidder, Due: whole(b.Due), Text: b.Text}, b.Version
}
func (b SetTriage) command() (incident.Command, int) {
	return incident.Triage{Code: b.Code, Scenario: b.Scenario, Cause: b.Cause, Note: b.Note}, b.Version
}
func (b SetEstimate) command() (incident.Command, int) {
	return incident.SetEstimate{Restored: b.Restored.Time, Note: b.Note}, b.Version
}
func (b ChooseBranch) command() (incident.Command, int) {
	return incident.ChooseBranch{Branch: b.Branch, Reason: b.Reason}, b.Version
}
func (b SetDuty) command() (incident.Command, int) {
	return incident.SetDuty{Duty: b.Duty, State: b.State, To: b.To, Via: b.Via, Note: b.Note}, b.Version
}
func (b Analyse) command() (incident.Command, int) {
	return incident.Analyse{Text: b.Text, Watch: b.Watch}, b.Version
}
func (b Promote) command() (incident.Command, int) {
	return incident.Promote{Code: b.Code, Scenario: b.Scenario, Since: b.Since.Time, Reason: b.Reason}, b.Version
}
func (b Dismiss) command() (incident.Command, int) {
	return incident.Dismiss{Reason: b.Reason}, b.Version
}
func (b AddEntry) command() (incident.Command, int) {
	return incident.AddEntry{What: b.What, Project: b.Project}, b.Version
}
func (b CompleteEntry) command() (incident.Command, int) {
	return incident.CompleteEntry{Entry: b.Entry, Note: b.Note}, b.Version
}
func (b Investigate) command() (incident.Command, int) {
	return incident.Investigate{Heading: b.Heading, Text: b.Text}, b.Version
}
func (b AddLesson) command() (incident.Command, int) {
	return incident.AddLesson{Text: b.Text, Owner: b.Owner, Due: b.Due.Time}, b.Version
}
func (b CompleteLesson) command() (incident.Command, int) {
	return incident.CompleteLesson{Lesson: b.Lesson, Note: b.Note}, b.Version
}
func (b Close) command() (incident.Command, int) { return incident.Close{Note: b.Note}, b.Version }

func whole(m Moment) time.Time {
	if m.IsZero() {
		return time.Time{}
	}
	return m.UTC().Truncate(time.Millisecond)
}

// Response is the state of the response to an incident: what is due, what was
// done, what is suggested.
type Response struct {
	Incident  string     `json:"incident"`
	Version   int        `json:"version"`
	Deadlines []Deadline `json:"deadlines"`
	Duties    []Duty     `json:"duties"`
	Branches  []Choice   `json:"branches"`
	Suggested []Choice   `json:"suggested"`
	Looks     []StepLook `json:"looks"`
	Reports   []Call     `json:"reports"`
	Entries   []Entry    `json:"entries"`
	// Investigation has every heading of the plan, those not written too.
	Investigation []Heading `json:"investigation"`
	Lessons       []Lesson  `json:"lessons"`
	// Missing is what has to be done before it can be closed.
	Missing  []string `json:"missing"`
	Estimate Moment   `json:"estimate,omitzero"`
	// LevelDecided says that the level is the leading group's word.
	LevelDecided bool  `json:"level_decided"`
	Times        Times `json:"times"`
}

// Times are how long it took from the opening, in seconds; 0 means not yet.
type Times struct {
	Acknowledged float64 `json:"acknowledged_seconds"`
	Triaged      float64 `json:"triaged_seconds"`
	Restored     float64 `json:"restored_seconds"`
	// Kept and Missed count deadlines.
	Kept   int `json:"kept"`
	Missed int `json:"missed"`
}

// Deadline is something that has to be done by a moment.
type Deadline struct {
	ID string `json:"id"`
	// Text names it in the language asked for.
	Text        string `json:"text"`
	Due         Moment `json:"due"`
	Met         Moment `json:"met,omitzero"`
	State       string `json:"state"` // open, overdue, kept, missed, void
	Responsible []Post `json:"responsible"`
	Reminders   int    `json:"reminders"`
	Article     string `json:"article,omitempty"`
}

// Duty is what the plan or the law demands.
type Duty struct {
	ID          string   `json:"id"`
	Do          Text     `json:"do"`
	Law         *Text    `json:"law,omitempty"`
	Article     string   `json:"article,omitempty"`
	Since       Moment   `json:"since"`
	Due         Moment   `json:"due,omitzero"`
	After       bool     `json:"after"` // what comes after the end
	Responsible []Post   `json:"responsible"`
	State       string   `json:"state"` // open, sent, waived
	By          string   `json:"by,omitempty"`
	At          Moment   `json:"at,omitzero"`
	To          []string `json:"to,omitempty"`
	Via         string   `json:"via,omitempty"`
	Note        string   `json:"note,omitempty"`
}

// Choice is a branch that was chosen, or that the evidence speaks for.
type Choice struct {
	After  string `json:"after"`
	Branch string `json:"branch"`
	When   Text   `json:"when"`
	By     string `json:"by,omitempty"`
	At     Moment `json:"at,omitzero"`
	Reason string `json:"reason,omitempty"`
}

// StepLook is what the agent saw for a step by itself.
type StepLook struct {
	Step  string   `json:"step"`
	Look  string   `json:"look"`
	Lines []string `json:"lines"`
}

// Call is a caller's report.
type Call struct {
	Caller  string `json:"caller"`
	Phone   string `json:"phone,omitempty"`
	Project string `json:"project,omitempty"`
	Bidder  string `json:"bidder,omitempty"`
	Due     Moment `json:"due,omitzero"`
	Text    string `json:"text"`
	By      string `json:"by"`
	At      Moment `json:"at"`
}

// Entry is something taken by hand that has to be entered.
type Entry struct {
	Entry   int    `json:"entry"`
	What    string `json:"what"`
	Project string `json:"project,omitempty"`
	AddedBy string `json:"added_by"`
	AddedAt Moment `json:"added_at"`
	DoneBy  string `json:"done_by,omitempty"`
	DoneAt  Moment `json:"done_at,omitzero"`
	Note    string `json:"note,omitempty"`
}

// Heading is a heading of the investigation, with what was written.
type Heading struct {
	Heading string `json:"heading"`
	Title   Text   `json:"title"`
	Text    string `json:"text,omitempty"`
	By      string `json:"by,omitempty"`
	At      Moment `json:"at,omitzero"`
}

// Lesson is a measure to be taken.
type Lesson struct {
	Lesson int    `json:"lesson"`
	Text   string `json:"text"`
	Owner  string `json:"owner"`
	Due    Moment `json:"due"`
	DoneBy string `json:"done_by,omitempty"`
	DoneAt Moment `json:"done_at,omitzero"`
	Note   string `json:"note,omitempty"`
}

func (s *server) response(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	i, _, err := s.Desk.Get(c.Context(), c.PathValue("id"))
	if err != nil {
		return nil, err
	}
	env, err := s.Desk.Env(c.Context(), i)
	if err != nil {
		return nil, err
	}
	b := s.binder(c)
	b.plan, b.incident = env.Plan, &i
	out := Response{
		Incident: i.ID, Version: i.Version, Missing: words(i.Missing(env)), Estimate: c.moment(i.Estimate), LevelDecided: i.Decided,
		Deadlines: []Deadline{}, Duties: []Duty{}, Branches: []Choice{}, Suggested: []Choice{}, Looks: []StepLook{},
		Reports: []Call{}, Entries: []Entry{}, Investigation: []Heading{}, Lessons: []Lesson{},
	}
	b.deadlines(&out, env)
	b.branches(&out, env)
	for _, l := range i.Looks {
		out.Looks = append(out.Looks, StepLook{Step: l.Step, Look: l.Look, Lines: c.lines(l.Lines)})
	}
	for _, r := range i.Reports {
		out.Reports = append(out.Reports, Call{r.Caller, r.Phone, r.Project, r.Bidder, c.moment(r.Due), r.Text, r.By, c.moment(r.At)})
	}
	b.aftermath(&out)
	out.Times.Acknowledged = since(i.OpenedAt, i.FirstAckAt)
	out.Times.Triaged = since(i.OpenedAt, i.TriagedAt)
	out.Times.Restored = since(i.OutageSince, restored(i))
	return out, nil
}

func since(from, to time.Time) float64 {
	if to.IsZero() {
		return 0
	}
	return max(0, to.Sub(from).Seconds())
}

// restored is when the fault was over: measured, or else said by a person.
func restored(i incident.Incident) time.Time {
	if i.OutageUntil.IsZero() {
		return i.EndedAt
	}
	return i.OutageUntil
}

func (c *call) lines(list []incident.Line) []string {
	out := make([]string, 0, len(list))
	for _, l := range list {
		out = append(out, c.say.T(l.Code, l.Args))
	}
	return out
}

func (b binder) deadlines(out *Response, env incident.Env) {
	sc, _ := env.Plan.Scenario(b.incident.Scenario)
	for _, d := range b.incident.Deadlines(env) {
		state := d.State(env.Now)
		switch state {
		case "kept":
			out.Times.Kept++
		case "missed", "overdue":
			out.Times.Missed++
		}
		row := Deadline{
			ID: d.ID, Due: b.moment(d.Due), Met: b.moment(d.Met), State: state, Article: d.Article, Responsible: b.posts(d.Responsible),
			Text: b.say.T("deadline.name", map[string]any{"what": incident.DeadlineName(d.ID, env.Plan, sc, b.say.Lang())}),
		}
		if r, ok := b.incident.Reminders[d.ID]; ok && r.From.Equal(d.From) {
			row.Reminders = r.N + 1
		}
		out.Deadlines = append(out.Deadlines, row)
	}
	for _, d := range b.incident.DueDuties(env) {
		row := Duty{
			ID: d.ID, Do: b.text(d.Do), Article: d.Article, Since: b.moment(d.Since), After: d.After,
			Responsible: b.posts(d.Responsible), State: "open",
		}
		if d.Within > 0 {
			row.Due = b.moment(d.Since.Add(d.Within))
		}
		if d.Law.ZH != "" {
			law := b.text(d.Law)
			row.Law = &law
		}
		if d.Done.State != "" {
			row.State, row.By, row.At, row.To = d.Done.State, d.Done.By, b.moment(d.Done.At), d.Done.To
			row.Via, row.Note = d.Done.Via, d.Done.Note
		}
		out.Duties = append(out.Duties, row)
	}
}

func (b binder) branches(out *Response, env incident.Env) {
	sc, _ := env.Plan.Scenario(b.incident.Scenario)
	for _, br := range sc.Branches {
		if ch := b.incident.Branches[br.After]; ch.Branch == br.ID {
			out.Branches = append(out.Branches, Choice{br.After, br.ID, b.text(br.When), ch.By, b.moment(ch.At), b.said(ch.Reason)})
		}
	}
	for _, s := range b.incident.Suggest(env) {
		br, _ := sc.Branch(s.Branch)
		out.Suggested = append(out.Suggested, Choice{After: s.After, Branch: s.Branch, When: b.text(br.When), Reason: b.say.T(s.Why.Code, s.Why.Args)})
	}
}

func (b binder) said(words string) string {
	if words == incident.ReasonStep {
		return b.say.T(words, nil)
	}
	return words
}

func (b binder) aftermath(out *Response) {
	i := b.incident
	for _, e := range i.Entries {
		out.Entries = append(out.Entries, Entry{e.N, e.What, e.Project, e.AddedBy, b.moment(e.AddedAt), e.DoneBy, b.moment(e.DoneAt), e.Note})
	}
	for _, h := range b.plan.Investigation {
		w := i.Investigation[h.ID]
		out.Investigation = append(out.Investigation, Heading{h.ID, b.text(h.Title), w.Text, w.By, b.moment(w.At)})
	}
	for _, l := range i.Lessons {
		out.Lessons = append(out.Lessons, Lesson{l.N, l.Text, l.Owner, b.moment(l.Due), l.DoneBy, b.moment(l.DoneAt), l.Note})
	}
}

// responseRoutes are the ways to respond to an incident.
func responseRoutes() []route {
	post := func(path string, h func(*server, *call) (any, error)) route {
		return route{http.MethodPost, "/incidents/{id}/" + path, operator, h, limits{}}
	}
	return []route{
		{http.MethodGet, "/incidents/{id}/response", viewer, (*server).response, limits{}},
		{http.MethodGet, "/incidents/{id}/explain", viewer, (*server).explain, limits{}},
		{http.MethodGet, "/incidents/{id}/documents/{kind}", viewer, (*server).paper, limits{}},
		{http.MethodPut, "/incidents/{id}/documents/{kind}", operator, (*server).savePaper, limits{body: 512 << 10}},
		post("report", do[AddReport]), post("triage", do[SetTriage]), post("estimate", do[SetEstimate]),
		post("branch", do[ChooseBranch]), post("duty", do[SetDuty]),
		post("analyse", do[Analyse]), post("promote", do[Promote]), post("dismiss", do[Dismiss]),
		post("entry", do[AddEntry]), post("entry-done", do[CompleteEntry]), post("investigation", do[Investigate]),
		post("lesson", do[AddLesson]), post("lesson-done", do[CompleteLesson]), post("close", do[Close]),
	}
}
