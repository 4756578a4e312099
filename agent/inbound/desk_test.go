package inbound_test

import (
	"context"
	"strings"
	"sync"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
)

// deskOfTest keeps alerts in memory, for tests in a bubble of time, where no
// database can be.
type deskOfTest struct {
	mu      sync.Mutex
	err     error
	signals []alerting.Signal
}

func planOfTest() *plan.Plan { return planfile.Default() }

func (d *deskOfTest) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}

func (d *deskOfTest) said() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, s := range d.signals {
		out = append(out, string(s.Status))
	}
	return strings.Join(out, " ")
}

func (d *deskOfTest) Signals(_ context.Context, s []alerting.Signal) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.signals = append(d.signals, s...)
	}
	return d.err
}

func (d *deskOfTest) Alerts() []alerting.AlertRecord {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []alerting.AlertRecord
	for _, s := range d.signals {
		out = append(out, alerting.AlertRecord{Key: s.Key, Rule: s.Rule, Labels: s.Labels, Status: s.Status, Basis: s.Basis})
	}
	return out
}

func (d *deskOfTest) Get(context.Context, string) (incident.Incident, []incident.Event, error) {
	return incident.Incident{}, nil, alerting.ErrNotFound
}

func (d *deskOfTest) Do(context.Context, string, int, incident.Actor, incident.Command) (incident.Incident, error) {
	return incident.Incident{}, alerting.ErrNotFound
}
