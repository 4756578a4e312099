package self

import (
	"context"
	"errors"
	"regexp"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"xunjian/checks"
)

// NewRegistry returns a registry with what is known of the process: its Go
// runtime (the part that is cheap to read), its use of the system, its version.
func NewRegistry(version string) *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(
		collectors.NewGoCollector(
			collectors.WithGoCollectorMemStatsMetricsDisabled(),
			collectors.WithGoCollectorRuntimeMetrics(collectors.GoRuntimeMetricsRule{
				Matcher: regexp.MustCompile(`^/(gc/heap/(allocs|live):bytes|memory/classes/(total|heap/objects|heap/released):bytes)$`),
			}),
		),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		buildInfo(version),
	)
	return reg
}

func buildInfo(version string) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "xunjian_build_info",
		Help:        "The version of the agent; always 1.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH},
	}, func() float64 { return 1 })
}

// ownMetrics turns the agent's own metrics into samples, so that they are in the
// local database and rules can judge them.
type ownMetrics struct {
	source   prometheus.Gatherer
	families *checks.Families
}

func newMetrics(source prometheus.Gatherer) *ownMetrics {
	return &ownMetrics{source, checks.NewFamilies()}
}

// Name is that of a single check.
func (m *ownMetrics) Name() string { return "self_metrics" }

// Run gathers. What a broken collector costs is only its own.
func (m *ownMetrics) Run(_ context.Context, out *checks.Output) error {
	families, err := m.source.Gather()
	if len(families) == 0 {
		if err == nil {
			err = errors.New("the agent has no metrics of its own")
		}
		return err
	}
	for _, mf := range families {
		m.families.Write(out, mf)
	}
	m.families.Sweep()
	if err != nil {
		out.Find(checks.Finding{Code: "self.metrics", Verdict: checks.Unknown, Args: map[string]any{"error": err.Error()}})
	}
	return nil
}
