package checks

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// Families turns metric families, as client libraries and parsers make them,
// into samples, and gives the same Desc to the same family each time.
type Families struct {
	descs map[string]*familyDesc
	key   []byte
}

type familyDesc struct {
	desc *Desc
	used bool
}

// NewFamilies returns Families that knows none yet.
func NewFamilies() *Families { return &Families{descs: map[string]*familyDesc{}} }

// Write writes all samples of a family to out, histograms and summaries part by
// part. The timestamps that samples may carry are left out.
func (f *Families) Write(out *Output, mf *dto.MetricFamily) {
	kind := kindOf(mf.GetType())
	for _, m := range mf.GetMetric() {
		labels := slices.SortedFunc(slices.Values(m.GetLabel()), func(a, b *dto.LabelPair) int {
			return cmp.Compare(a.GetName(), b.GetName())
		})
		names, values := make([]string, len(labels)), make([]string, len(labels))
		for i, l := range labels {
			names[i], values[i] = l.GetName(), l.GetValue()
		}
		w := partWriter{f, out, mf, kind, names, values}
		switch kind {
		case Histogram:
			w.histogram(m.GetHistogram())
		case Summary:
			w.summary(m.GetSummary())
		default:
			w.part("", simpleValue(m), "", 0)
		}
	}
}

// Sweep forgets the families that were not written since the last Sweep.
func (f *Families) Sweep() {
	for key, d := range f.descs {
		if !d.used {
			delete(f.descs, key)
		}
		d.used = false
	}
}

func (f *Families) desc(mf *dto.MetricFamily, kind Kind, names []string) *Desc {
	f.key = append(f.key[:0], byte(kind))
	f.key = append(f.key, mf.GetName()...)
	for _, n := range names {
		f.key = append(append(f.key, 0xff), n...)
	}
	f.key = append(append(f.key, 0xfe), mf.GetHelp()...)
	d := f.descs[string(f.key)]
	if d == nil {
		// A family without help is named twice rather than refused.
		help := strings.TrimSpace(mf.GetHelp())
		d = &familyDesc{desc: NewDesc(mf.GetName(), kind, cmp.Or(help, mf.GetName()), slices.Clone(names)...)}
		f.descs[string(f.key)] = d
	}
	d.used = true
	return d.desc
}

// partWriter writes the parts of one metric.
type partWriter struct {
	*Families
	out           *Output
	mf            *dto.MetricFamily
	kind          Kind
	names, values []string
}

// part writes one number; label, if there is one, tells it from its like.
func (w *partWriter) part(suffix string, v float64, label string, bound float64) {
	names, values := w.names, w.values
	if label != "" {
		names = append(slices.Clip(names), label)
		values = append(slices.Clip(values), strconv.FormatFloat(bound, 'g', -1, 64))
	}
	w.out.Sample(Sample{Desc: w.desc(w.mf, w.kind, names), Suffix: suffix, Values: values, Value: v})
}

func (w *partWriter) histogram(h *dto.Histogram) {
	count := cmp.Or(h.GetSampleCountFloat(), float64(h.GetSampleCount()))
	closed := false
	for _, b := range h.GetBucket() {
		closed = closed || math.IsInf(b.GetUpperBound(), 1)
		w.part("_bucket", cmp.Or(b.GetCumulativeCountFloat(), float64(b.GetCumulativeCount())), "le", b.GetUpperBound())
	}
	if !closed {
		w.part("_bucket", count, "le", math.Inf(1))
	}
	w.part("_sum", h.GetSampleSum(), "", 0)
	w.part("_count", count, "", 0)
}

func (w *partWriter) summary(s *dto.Summary) {
	for _, q := range s.GetQuantile() {
		w.part("", q.GetValue(), "quantile", q.GetQuantile())
	}
	w.part("_sum", s.GetSampleSum(), "", 0)
	w.part("_count", float64(s.GetSampleCount()), "", 0)
}

func simpleValue(m *dto.Metric) float64 {
	switch {
	case m.GetCounter() != nil:
		return m.GetCounter().GetValue()
	case m.GetGauge() != nil:
		return m.GetGauge().GetValue()
	}
	return m.GetUntyped().GetValue()
}

func kindOf(t dto.MetricType) Kind {
	switch t {
	case dto.MetricType_COUNTER:
		return Counter
	case dto.MetricType_GAUGE:
		return Gauge
	case dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM:
		return Histogram
	case dto.MetricType_SUMMARY:
		return Summary
	}
	return Untyped
}
