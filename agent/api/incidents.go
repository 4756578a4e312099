package api

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"xunjian/alerting"
	"xunjian/alerting/incident"
)

// IncidentList is a page of incidents, newest first.
type IncidentList struct {
	Incidents []Incident `json:"incidents"`
	Limit     int        `json:"limit"`
	Offset    int        `json:"offset"`
	// More says that there are further ones behind this page.
	More bool `json:"more"`
}

// Incident is what an incident has come to: the fold of its timeline.
type Incident struct {
	ID      string `json:"id"`
	Version int    `json:"version"` // counts its events
	State   string `json:"state"`
	Key     string `json:"key"`
	Code    string `json:"code"`
	// Category is the name of the code's class of incidents.
	Category    Text   `json:"category"`
	Scenario    string `json:"scenario"`
	Cause       string `json:"cause,omitempty"`
	System      string `json:"system,omitempty"`
	SystemKind  string `json:"system_kind"`
	Level       string `json:"level"`
	Title       Text   `json:"title"`
	Host        string `json:"host"`
	Resolve     string `json:"resolve"` // auto or manual
	PlanVersion string `json:"plan_version"`
	Reason      string `json:"reason"`
	Drill       bool   `json:"drill"`

	OutageSince   Moment  `json:"outage_since"`
	OutageUntil   Moment  `json:"outage_until,omitzero"`
	OutageSeconds float64 `json:"outage_seconds"` // so far, or in all

	OpenedAt       Moment `json:"opened_at"`
	AcknowledgedAt Moment `json:"acknowledged_at,omitzero"`
	AcknowledgedBy string `json:"acknowledged_by,omitempty"`
	Assignee       string `json:"assignee,omitempty"`
	EndedAt        Moment `json:"ended_at,omitzero"`
	UpdatedAt      Moment `json:"updated_at"`
	// HoldUntil is the moment before which a flapping incident does not
	// resolve by itself.
	HoldUntil Moment `json:"hold_until,omitzero"`

	Alerts   []IncidentAlert `json:"alerts"`
	Evidence []Evidence      `json:"evidence"`
	// Next is what the clock will do, absent if nothing.
	Next *Next `json:"next,omitempty"`
}

// IncidentAlert is what an incident knows of one of its alerts.
type IncidentAlert struct {
	Key         string            `json:"key"`
	Rule        string            `json:"rule"`
	Summary     string            `json:"summary"`
	State       string            `json:"state"` // firing, ended, lost
	Times       int               `json:"times"` // it fired
	Since       Moment            `json:"since"`
	Value       float64           `json:"value"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// Evidence refers to a snapshot.
type Evidence struct {
	ID     string `json:"id"`
	SHA256 string `json:"sha256"`
	Bytes  int    `json:"bytes"`
	// Late is set when the agent was restarted between opening and taking.
	Late bool `json:"late"`
}

// Next is the next moment at which the clock acts by itself.
type Next struct {
	At    Moment `json:"at"`
	What  string `json:"what"`            // level_rises or resolves
	Level string `json:"level,omitempty"` // that it rises to
	Text  string `json:"text"`
}

// IncidentDetail is an incident with what the plan says to do.
type IncidentDetail struct {
	Incident
	// Playbook is absent if the plan in force no longer has the scenario.
	Playbook *Playbook `json:"playbook,omitempty"`
	// Duties are what the plan demands at a level, whatever the scenario.
	Duties []Step `json:"duties"`
}

// incident describes an incident.
func (s *server) incident(c *call, i incident.Incident) Incident {
	out := Incident{
		ID: i.ID, Version: i.Version, State: string(i.State), Key: i.Key, Code: i.Code,
		Scenario: i.Scenario, Cause: i.Cause, System: i.System, SystemKind: string(i.SystemKind),
		Level: string(i.Level), Title: c.text(i.Title), Host: i.Host, Resolve: resolveWord(i.Resolve),
		PlanVersion: i.PlanVersion, Reason: i.Reason, Drill: i.Drill,
		OutageSince: c.moment(i.OutageSince), OutageUntil: c.moment(i.OutageUntil),
		OutageSeconds: i.Outage(c.now).Seconds(),
		OpenedAt:      c.moment(i.OpenedAt), AcknowledgedAt: c.moment(i.AckedAt), AcknowledgedBy: i.AckedBy,
		Assignee: i.Assignee, EndedAt: c.moment(i.EndedAt), UpdatedAt: c.moment(i.UpdatedAt),
		HoldUntil: c.moment(i.HoldUntil),
		Alerts:    []IncidentAlert{}, Evidence: []Evidence{}, Next: s.next(c, i),
	}
	if category, ok := s.Desk.Plan().Category(i.Code); ok {
		out.Category = c.text(category.Name)
	}
	for _, key := range slices.Sorted(maps.Keys(i.Alerts)) {
		out.Alerts = append(out.Alerts, c.incidentAlert(key, i.Alerts[key]))
	}
	for _, e := range i.Evidence {
		out.Evidence = append(out.Evidence, Evidence(e))
	}
	return out
}

// resolveWord makes a rule that says nothing say what the desk takes it for.
func resolveWord(s string) string {
	if s == incident.ResolveAuto {
		return s
	}
	return incident.ResolveManual
}

func (c *call) incidentAlert(key string, a incident.Alert) IncidentAlert {
	return IncidentAlert{
		Key: key, Rule: a.Rule, Summary: summary(c.say.Lang(), a.Rule, a.Annotations),
		State: a.State, Times: a.Times, Since: c.moment(a.Since), Value: bounded(a.Value),
		Labels: labelSet(a.Labels), Annotations: labelSet(a.Annotations),
	}
}

// next says what the clock will do with an incident, and when.
func (s *server) next(c *call, i incident.Incident) *Next {
	level, at, rises := i.Rise(s.Desk.Plan())
	if at = cmp.Or(at, i.HoldUntil); !rises && (i.Ended() || i.Resolve != incident.ResolveAuto || at.IsZero()) {
		return nil
	}
	n := &Next{At: c.moment(at), What: "resolves"}
	if rises {
		n.What, n.Level = "level_rises", string(level)
	}
	n.Text = c.say.T("api.next."+n.What, map[string]any{"at": at, "level": n.Level})
	return n
}

// The states an incident can be asked for by; active is short for the two
// that have not ended.
var stateWords = []string{"active", string(incident.Open), string(incident.Acked), string(incident.Done), string(incident.NoIncident),
	string(incident.IsClosed), string(incident.Watched), string(incident.Gone)}

func (s *server) listIncidents(c *call) (any, error) {
	p := c.params()
	q := alerting.Query{
		Code: p.text("code"), Text: p.text("q"), From: p.time("from"), To: p.time("to"),
		Limit: p.number("limit", 50, 1, 500), Offset: p.number("offset", 0, 0, 1_000_000_000),
	}
	for _, word := range p.list("state") {
		switch {
		case word == "active":
			q.States = append(q.States, incident.Open, incident.Acked)
		case slices.Contains(stateWords, word):
			q.States = append(q.States, incident.State(word))
		default:
			p.bad("state", "bad_word", "value", word, "known", strings.Join(stateWords, ", "))
		}
	}
	if err := p.close(); err != nil {
		return nil, err
	}
	q.Limit++ // one more tells whether there are more
	list, err := s.Desk.Find(c.Context(), q)
	if err != nil {
		return nil, err
	}
	out := IncidentList{Incidents: []Incident{}, Limit: q.Limit - 1, Offset: q.Offset, More: len(list) == q.Limit}
	for _, i := range list[:min(len(list), out.Limit)] {
		out.Incidents = append(out.Incidents, s.incident(c, i))
	}
	return out, nil
}

func (s *server) showIncident(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	i, _, err := s.Desk.Get(c.Context(), c.PathValue("id"))
	if err != nil {
		return nil, err
	}
	b := s.binder(c)
	b.incident = &i
	out := IncidentDetail{Incident: s.incident(c, i), Duties: b.steps(s.Desk.Plan().Duties)}
	if sc, ok := s.Desk.Plan().Scenario(i.Scenario); ok {
		p := b.playbook(sc)
		out.Playbook = &p
	}
	return out, nil
}

// Report opens an incident for what only people see.
type Report struct {
	// Key lets a caller repeat a report whose answer was lost: the same key
	// is the same incident while that is active.
	Key      string `json:"key,omitempty"`
	Code     string `json:"code,omitempty"`
	Scenario string `json:"scenario,omitempty"`
	System   string `json:"system,omitempty"`
	Title    string `json:"title"`
	// Since is when the trouble began; absent means now.
	Since Moment `json:"since,omitzero"`
	// Call is the caller's report, if somebody called.
	Call *AddReport `json:"call,omitempty"`
	// Warning makes it a warning: "internal" or "external"; Major tells the
	// leading group.
	Warning string `json:"warning,omitempty"`
	Major   bool   `json:"major,omitempty"`
	// Drill makes it an exercise for Participants, ids of people.
	Drill        bool     `json:"drill,omitempty"`
	Participants []string `json:"participants,omitempty"`
}

func (r Report) report() alerting.Report {
	out := alerting.Report{
		Key: r.Key, Code: r.Code, Scenario: r.Scenario, System: r.System, Title: r.Title, Since: r.Since.Time,
		Drill: r.Drill, Participants: r.Participants,
	}
	if r.Call != nil {
		cmd, _ := r.Call.command()
		call := incident.Reported(cmd.(incident.AddReport))
		out.Call = &call
	}
	if r.Warning != "" {
		out.Warning = &incident.Sign{Source: r.Warning, Major: r.Major}
	}
	return out
}

func (s *server) openIncident(c *call) (any, error) {
	var in Report
	if err := readAll(c, &in); err != nil {
		return nil, err
	}
	i, err := s.Desk.Open(c.Context(), c.actor(), in.report())
	if err != nil {
		return nil, err
	}
	return s.incident(c, i), nil
}

// evidence answers a snapshot as it was hashed.
func (s *server) evidence(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	i, _, err := s.Desk.Get(c.Context(), c.PathValue("id"))
	if err != nil {
		return nil, err
	}
	eid := c.PathValue("eid")
	n := slices.IndexFunc(i.Evidence, func(e incident.EvidenceTaken) bool { return e.ID == eid })
	if n < 0 {
		return nil, alerting.ErrNotFound
	}
	blob, err := s.Desk.Evidence(c.Context(), eid)
	if err != nil {
		return nil, err
	}
	sum, err := hex.DecodeString(blob.SHA256)
	if err != nil {
		return nil, err
	}
	return raw{kind: "application/json", body: blob.Body, header: map[string]string{
		"Content-Digest": "sha-256=:" + base64.StdEncoding.EncodeToString(sum) + ":",
	}}, nil
}

// Verification says whether the chain of events is whole.
type Verification struct {
	Whole     bool     `json:"whole"`
	Events    int64    `json:"events"`
	Incidents int      `json:"incidents"`
	Blobs     int      `json:"blobs"`
	Head      string   `json:"head"`
	Faults    []string `json:"faults"`
}

func (s *server) verify(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	v, err := s.Desk.Verify(c.Context())
	if err != nil {
		return nil, err
	}
	return Verification{
		Whole: len(v.Faults) == 0, Events: v.Events, Incidents: v.Incidents, Blobs: v.Blobs,
		Head: v.Head, Faults: words(v.Faults),
	}, nil
}
