package agent

import (
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"xunjian/agent/inbound"
	"xunjian/alerting"
	"xunjian/checks"
	"xunjian/rules"
)

// bridge is where rooms meet: what checks measured becomes what rules judge,
// and what rules say becomes what the desk hears. It is used by the one
// goroutine that takes results.
type bridge struct {
	// target are the labels that a scrape of this agent would add, so that a
	// rule reads the same here and in a central Prometheus.
	target []labels.Label
	series map[*checks.Desc]map[string]*known
	key    []byte
	round  uint32
}

type known struct {
	labels labels.Labels
	seen   uint32
}

// job is the job label of the local series.
const job = "xunjian"

func newBridge(instance string) *bridge {
	return &bridge{
		target: []labels.Label{{Name: "instance", Value: instance}, {Name: "job", Value: job}},
		series: map[*checks.Desc]map[string]*known{},
	}
}

// forgetAfter is how many rounds a series may be away before its labels are
// dropped from the cache.
const forgetAfter = 512

// batches converts results; each check is a source.
func (b *bridge) batches(results []checks.Result) []rules.Batch {
	b.round++
	out := make([]rules.Batch, 0, len(results))
	for _, r := range results {
		points := make([]rules.Point, 0, len(r.Samples))
		for _, s := range r.Samples {
			points = append(points, rules.Point{Labels: b.labels(s), Value: s.Value, Counter: s.Desc.Kind == checks.Counter || s.Suffix != ""})
		}
		out = append(out, rules.Batch{Source: r.Check, Time: r.Time, Points: points})
	}
	if b.round%forgetAfter == 0 {
		b.forget()
	}
	return out
}

// labels returns the labels of a sample, made once for each series.
func (b *bridge) labels(s checks.Sample) labels.Labels {
	b.key = append(b.key[:0], s.Suffix...)
	for _, v := range s.Values {
		b.key = append(b.key, 0xff)
		b.key = append(b.key, v...)
	}
	family := b.series[s.Desc]
	if family == nil {
		family = map[string]*known{}
		b.series[s.Desc] = family
	}
	k := family[string(b.key)]
	if k == nil {
		k = &known{labels: b.build(s)}
		family[string(b.key)] = k
	}
	k.seen = b.round
	return k.labels
}

func (b *bridge) build(s checks.Sample) labels.Labels {
	lb := labels.NewBuilder(labels.EmptyLabels())
	for _, l := range b.target {
		lb.Set(l.Name, l.Value)
	}
	for i, name := range s.Desc.Labels {
		// A scrape renames a label that it sets itself; so do we.
		if name == "instance" || name == "job" {
			name = "exported_" + name
		}
		lb.Set(name, s.Values[i])
	}
	lb.Set(model.MetricNameLabel, s.Desc.Name+s.Suffix)
	return lb.Labels()
}

func (b *bridge) forget() {
	for desc, family := range b.series {
		for key, k := range family {
			if b.round-k.seen > forgetAfter {
				delete(family, key)
			}
		}
		if len(family) == 0 {
			delete(b.series, desc)
		}
	}
}

// signals says transitions in the desk's words.
func signals(transitions []rules.Transition) []alerting.Signal {
	out := make([]alerting.Signal, 0, len(transitions))
	for _, t := range transitions {
		a := t.Alert
		out = append(out, alerting.Signal{
			Key: a.Key, Status: alerting.Status(a.State), Rule: a.Rule,
			Labels: a.Labels, Annotations: a.Annotations, Value: a.Value,
			Basis: a.Basis, Sources: a.Sources,
			Since: a.ActiveAt, At: a.ChangedAt, Via: "rules",
		})
	}
	return out
}

// restored says the desk's alerts in the engine's words.
func restored(records []alerting.AlertRecord) []rules.Alert {
	out := make([]rules.Alert, 0, len(records))
	for _, r := range records {
		if inbound.Owns(r.Key) {
			continue // not the engine's to end
		}
		out = append(out, rules.Alert{
			Key: r.Key, Rule: r.Rule, Labels: r.Labels, Annotations: r.Annotations,
			State: rules.State(r.Status), Value: r.Value, Basis: r.Basis, Sources: r.Sources,
			ActiveAt: r.Since, FiredAt: r.FiredAt, ChangedAt: r.ChangedAt,
		})
	}
	return out
}
