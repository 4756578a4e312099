// Package rules decides when what was measured matters: Prometheus' own TSDB,
// PromQL engine and alerting rules, inside the agent, without any second
// timer. Collecting, appending and evaluating are one Tick.
//
// A rule file here is a rule file there: promtool checks it, a central
// Prometheus loads it unchanged.
package rules

import (
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

// Labels by which a rule says its place in the response plan.
const (
	LabelCode     = "code"     // plan code: E01
	LabelScenario = "scenario" // stable id of a scenario, where the code has several
	LabelCause    = "cause"    // cause (branch) the rule points at
	LabelSystem   = "system"   // business system concerned
	LabelKind     = "kind"     // warning or incident
	LabelResolve  = "resolve"  // auto or manual: whether the incident may resolve by itself
	LabelIncident = "incident" // alerts with the same code and this are one incident
)

// AnnotationEndedIf is a query in a rule's annotations, for rules whose series
// vanish with their cause: when they have, the alert has ended if the query
// yields something, and is lost otherwise.
const AnnotationEndedIf = "ended_if"

// Values of LabelKind and LabelResolve. A rule without a kind and without a
// code opens nothing: its alerts are shown, and that is all. A watchdog always
// fires, and says that rules are evaluated.
const (
	KindWarning   = "warning"
	KindIncident  = "incident"
	KindWatchdog  = "watchdog"
	ResolveAuto   = "auto"
	ResolveManual = "manual"
)

// Batch is what one source (one check) measured in one run.
type Batch struct {
	// Source names the check. A series that the source's previous batch had
	// and this one lacks is marked stale.
	Source string
	// Time of the measurement; milliseconds count.
	Time   time.Time
	Points []Point
	// Every is the source's rhythm. A source that misses three of them loses
	// its series; one slower than the look-back of PromQL has its last values
	// repeated in between. 0: learned from the distance of its batches.
	Every time.Duration
}

// Point is one number. Labels include the metric name. Callers should hand in
// the same Labels value again for the same series.
type Point struct {
	Labels labels.Labels
	Value  float64
	// Counter says that the number only grows; Suppose has to know.
	Counter bool
}

// State of an alert.
type State string

// The states. Lost is ours: the alert was firing and the data it stood on is
// gone, so nobody knows. Ended and lost are different ends (Unknown is never
// ok).
const (
	Pending State = "pending"
	Firing  State = "firing"
	Lost    State = "lost"
	Ended   State = "ended"
)

// Alert is a rule that is pending, firing or lost for one label set.
type Alert struct {
	// Key identifies rule name and label set; stable over restarts.
	Key         string            `json:"key"`
	Rule        string            `json:"rule"`
	Group       string            `json:"group"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	State       State             `json:"state"`
	// Value is the rule's value at the last evaluation that had one; NaN is
	// given as 0 and an infinity as ±math.MaxFloat64, for JSON has neither.
	Value float64 `json:"value"`
	// Basis are the selectors of the rule that had series when it fired,
	// narrowed to this alert. Data for all of them must be there before the
	// alert can be said to have ended. Keep it with the alert.
	Basis []string `json:"basis,omitempty"`
	// Sources are the checks whose series those are.
	Sources []string `json:"sources,omitempty"`
	// ActiveAt is the first measurement that failed: the outage clock starts
	// here, not at FiredAt.
	ActiveAt time.Time `json:"active_at"`
	FiredAt  time.Time `json:"fired_at,omitzero"`
	// ChangedAt is the time of the last change of State.
	ChangedAt time.Time `json:"changed_at"`
}

// Transition is one change of an alert: to firing, to lost, or to ended.
// Firing again after lost is a transition too.
type Transition struct {
	Alert Alert
	From  State // empty when it was not known before
}

// RuleStatus describes one rule for people.
type RuleStatus struct {
	File        string            `json:"file"`
	Group       string            `json:"group"`
	Name        string            `json:"name"`
	Kind        string            `json:"kind"` // alerting or recording
	Query       string            `json:"query"`
	For         time.Duration     `json:"for"`
	KeepFiring  time.Duration     `json:"keep_firing_for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Health      string            `json:"health"` // ok, err, unknown
	Error       string            `json:"error,omitempty"`
	// Metrics are the names of the series the query selects.
	Metrics []string `json:"metrics"`
	// Blind lists those of Metrics that have no series here: such a rule can
	// never fire, and must not look as if it guarded anything.
	Blind    []string      `json:"blind,omitempty"`
	LastEval time.Time     `json:"last_evaluation"`
	EvalTook time.Duration `json:"evaluation_took"`
	// State is the worst state of its alerts, empty if none.
	State  State `json:"state,omitempty"`
	Alerts int   `json:"alerts"`
}
