package agent

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"xunjian/checks/self"
)

// newRegistry holds what the agent says of itself. A check reads it, so that
// the figures are in the local history as well as in /metrics.
func (a *Agent) newRegistry() *prometheus.Registry {
	r := self.NewRegistry(a.opt.Version)
	r.MustRegister(ownFigures{a})
	return r
}

// ownFigures are read from the rooms when they are asked for: no counter is
// kept twice.
type ownFigures struct{ a *Agent }

var (
	figIncidents = prometheus.NewDesc("xunjian_incidents",
		"Incidents by code, level and state; drills are left out.", []string{"code", "level", "state"}, nil)
	figAlerts = prometheus.NewDesc("xunjian_alerts",
		"Alerts of the local rules by state.", []string{"state"}, nil)
	figWaiting = prometheus.NewDesc("xunjian_outbox_depth",
		"Notices that wait to be delivered.", nil, nil)
	figDead = prometheus.NewDesc("xunjian_outbox_dead",
		"Notices that were given up.", nil, nil)
	figNotices = prometheus.NewDesc("xunjian_notices_total",
		"Attempts to deliver a notice since the start, by channel and result.", []string{"channel", "result"}, nil)
	figEvaluations = prometheus.NewDesc("xunjian_rule_evaluations_total",
		"Rules evaluated since the start.", nil, nil)
	figFailures = prometheus.NewDesc("xunjian_rule_evaluation_failures_total",
		"Rules whose evaluation failed since the start.", nil, nil)
	figEvalTime = prometheus.NewDesc("xunjian_rule_evaluation_seconds_total",
		"Time spent on evaluating rules since the start.", nil, nil)
	figSeries = prometheus.NewDesc("xunjian_tsdb_head_series",
		"Series in memory of the local history.", nil, nil)
	figSamples = prometheus.NewDesc("xunjian_tsdb_samples_appended_total",
		"Samples written to the local history since the start.", nil, nil)
	figSamplesDropped = prometheus.NewDesc("xunjian_tsdb_samples_dropped_total",
		"Samples that came out of order or twice since the start.", nil, nil)
	figDisk = prometheus.NewDesc("xunjian_tsdb_storage_bytes",
		"Size of the local history on disk.", nil, nil)
	figWaitingDisk = prometheus.NewDesc("xunjian_tsdb_samples_in_memory",
		"Samples that wait for a disk that takes them.", nil, nil)
	figWriteErrors = prometheus.NewDesc("xunjian_tsdb_write_errors_total",
		"Ticks whose samples could not be written since the start.", nil, nil)
	figConfigGood = prometheus.NewDesc("xunjian_config_last_reload_successful",
		"Whether the last configuration that was read is in force.", nil, nil)
)

// Describe sends nothing: which series there are depends on what happened.
func (ownFigures) Describe(chan<- *prometheus.Desc) {}

// Collect reads the figures.
func (f ownFigures) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	gauge(figConfigGood, truth(f.a.configError() == ""))
	f.incidents(ctx, ch, gauge)
	f.alerts(gauge)
	for name, c := range f.a.outbox.Counts() {
		counter(figNotices, float64(c.Delivered), name, "delivered")
		counter(figNotices, float64(c.Failed), name, "failed")
		counter(figNotices, float64(c.Dead), name, "dead")
	}
	st := f.a.engine.Stats()
	counter(figEvaluations, float64(st.Evaluations))
	counter(figFailures, float64(st.Failures))
	counter(figEvalTime, st.EvalTime.Seconds())
	gauge(figSeries, float64(st.Series))
	counter(figSamples, float64(st.Appended))
	counter(figSamplesDropped, float64(st.Dropped))
	gauge(figDisk, float64(st.DiskBytes))
	gauge(figWaitingDisk, float64(st.InMemory))
	counter(figWriteErrors, float64(st.WriteErrors))
}

// incidents says nothing about what it could not count: absent is not zero.
func (f ownFigures) incidents(ctx context.Context, ch chan<- prometheus.Metric, gauge func(*prometheus.Desc, float64, ...string)) {
	counts, err := f.a.store.CountIncidents(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(figIncidents, err)
		return
	}
	for _, c := range counts {
		gauge(figIncidents, float64(c.N), c.Code, c.Level, c.State)
	}
	waiting, dead, err := f.a.store.OutboxDepth(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(figWaiting, err)
		return
	}
	gauge(figWaiting, float64(waiting))
	gauge(figDead, float64(dead))
}

func (f ownFigures) alerts(gauge func(*prometheus.Desc, float64, ...string)) {
	counts := map[string]int{"pending": 0, "firing": 0, "lost": 0}
	for _, a := range f.a.engine.Alerts() {
		counts[string(a.State)]++
	}
	for state, n := range counts {
		gauge(figAlerts, float64(n), state)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
