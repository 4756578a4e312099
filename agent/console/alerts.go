package console

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"xunjian/alerting"
	"xunjian/rules"
)

// alertRow is an alert in a list.
type alertRow struct {
	Rule, Summary, Description string
	State                      state
	Kind                       string
	Labels                     []label
	Value                      float64
	Since, Changed             moment
	Incident                   string
	order                      int
}

type label struct{ Name, Value string }

// labelsOf are the labels of a series or alert that tell people something, by
// name.
func labelsOf(m map[string]string) []label {
	var out []label
	for _, name := range slices.Sorted(maps.Keys(m)) {
		switch name {
		case "alertname", "__name__", "job", "instance", "kind", "severity", "resolve":
		default:
			out = append(out, label{name, cut(m[name], 120)})
		}
	}
	return out
}

func (r *request) incidentsByAlert() map[string]string {
	if r.byAlert == nil {
		r.byAlert = map[string]string{}
		for _, a := range r.c.opt.Desk.Alerts() {
			r.byAlert[a.Key] = a.Incident
		}
	}
	return r.byAlert
}

func (r *request) alertRow(a rules.Alert, incident string) alertRow {
	return alertRow{
		Rule: a.Rule, Summary: cut(r.annotation("summary", a.Rule, a.Annotations), 300),
		Description: cut(r.annotation("description", "", a.Annotations), 600),
		State:       r.alertState(a.Labels, string(a.State)), Kind: r.or("console.kind."+a.Labels[rules.LabelKind], a.Labels[rules.LabelKind]),
		Labels: labelsOf(a.Labels), Value: a.Value, Incident: incident,
		Since: r.moment(a.ActiveAt, r.now), Changed: r.moment(a.ChangedAt, r.now),
		order: orderOf(a),
	}
}

// orderOf puts what fires first and the watchdog last.
func orderOf(a rules.Alert) int {
	if a.Labels[rules.LabelKind] == kindWatchdog {
		return 9
	}
	return slices.Index([]rules.State{rules.Firing, rules.Lost, rules.Pending}, a.State)
}

// alertState says a state. The watchdog fires as long as all is well.
func (r *request) alertState(labels map[string]string, id string) state {
	if labels[rules.LabelKind] == kindWatchdog && id == string(rules.Firing) {
		return state{"ok", r.T("console.state.watchdog")}
	}
	return r.state(id)
}

// pastAlert is an alert of the log.
type pastAlert struct {
	alertRow
	Fired, Ended moment
	Lasted       string
}

type alertsPage struct {
	Current []alertRow
	Log     []pastAlert
	// Older is where the next page of the log is, empty if there is none.
	Older string
	Days  int
}

const (
	alertLogPage = 50
	alertLogDays = 15
	maxLogPages  = 200
)

func showAlerts(r *request) error {
	page := alertsPage{}
	incidents := r.incidentsByAlert()
	for _, a := range r.c.opt.Rules.Alerts() {
		page.Current = append(page.Current, r.alertRow(a, incidents[a.Key]))
	}
	slices.SortStableFunc(page.Current, func(a, b alertRow) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.Rule, b.Rule))
	})
	if err := r.alertLog(&page); err != nil {
		return err
	}
	return r.showLive("alerts", r.T("console.nav.alerts"), page)
}

// alertLog reads one page of what alerts did, newest first. All pages look
// back from the moment at which the first one was asked for, so that nothing
// shifts while somebody reads on.
func (r *request) alertLog(page *alertsPage) error {
	page.Days = alertLogDays
	q := r.URL.Query()
	to := r.now.Add(time.Millisecond)
	if ms, err := strconv.ParseInt(q.Get("to"), 10, 64); err == nil && ms > 0 && ms < to.UnixMilli() {
		to = time.UnixMilli(ms)
	}
	n := number(q.Get("page"), 0, 0, maxLogPages)
	list, err := r.c.opt.Desk.AlertLog(r.Context(), to.AddDate(0, 0, -alertLogDays), to, (n+1)*alertLogPage+1)
	if err != nil {
		return err
	}
	list = list[min(len(list), n*alertLogPage):]
	if len(list) > alertLogPage {
		list = list[:alertLogPage]
		page.Older = "/alerts?" + query("to", strconv.FormatInt(to.UnixMilli(), 10), "page", strconv.Itoa(n+1)) + "#h-log"
	}
	for _, a := range list {
		page.Log = append(page.Log, r.pastAlert(a))
	}
	return nil
}

func (r *request) pastAlert(a alerting.AlertRecord) pastAlert {
	end := a.EndedAt
	if end.IsZero() {
		end = r.now
	}
	return pastAlert{
		alertRow: alertRow{
			Rule: a.Rule, Summary: cut(r.annotation("summary", a.Rule, a.Annotations), 300),
			State: r.alertState(a.Labels, string(a.Status)), Kind: r.or("console.kind."+a.Labels[rules.LabelKind], a.Labels[rules.LabelKind]),
			Labels: labelsOf(a.Labels), Value: a.Value, Incident: a.Incident,
			Since: r.moment(a.Since, r.now), Changed: r.moment(a.ChangedAt, r.now),
		},
		Fired: r.moment(a.FiredAt, r.now), Ended: r.moment(a.EndedAt, r.now),
		Lasted: r.say.Duration(end.Sub(a.Since).Truncate(time.Second)),
	}
}
