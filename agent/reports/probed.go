package reports

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Probed is how a system was there by its probes. It is there while every
// probe of it that was made succeeds; when none could be made, nobody knows,
// and that time is neither good nor bad.
type Probed struct {
	Good    time.Duration `json:"good_ns"`
	Bad     time.Duration `json:"bad_ns"`
	Unknown time.Duration `json:"unknown_ns"`
}

// Availability is the share of the known time that was good; ok is false where
// nothing is known.
func (p Probed) Availability() (share float64, ok bool) {
	known := p.Good + p.Bad
	if known <= 0 {
		return 0, false
	}
	return float64(p.Good) / float64(known), true
}

const (
	// probedSteps is into how many parts the period is cut at most.
	probedSteps = 5000
	// probedLeast is the shortest of them.
	probedLeast = 30 * time.Second
)

// probed reckons how each system was there by its probes: the period is cut
// into parts, each of which is known if a probe was made in it.
func (r *Reports) probed(ctx context.Context, f *Facts) error {
	period := f.To.Sub(f.From)
	if period < time.Second {
		return nil // a query looks back over whole seconds
	}
	rhythm, err := r.opt.Engine.Query(ctx, fmt.Sprintf(`max by (system) (max_over_time(xunjian_probe_interval_seconds{system!=""}[%ds]))`, int(period.Seconds())), f.To)
	if err != nil {
		return err
	}
	slowest := map[string]time.Duration{}
	for _, s := range rhythm {
		slowest[s.Labels["system"]] = time.Duration(s.Value * float64(time.Second))
	}
	for i := range f.Systems {
		s := &f.Systems[i]
		every, some := slowest[s.Name]
		if !some {
			continue
		}
		// Wide enough to hold a try of the slowest probe.
		parts := max(1, int(period/max(period/probedSteps, probedLeast, 2*every)))
		step := max(period/time.Duration(parts), time.Second).Truncate(time.Millisecond)
		list, err := r.opt.Engine.QueryRange(ctx, `min by (system) (avg_over_time(probe_success{system=`+strconv.Quote(s.Name)+`}[`+strconv.FormatInt(step.Milliseconds(), 10)+`ms]))`,
			f.To.Add(-time.Duration(parts-1)*step), f.To, step)
		if err != nil {
			return err
		}
		s.Probed = &Probed{Unknown: period}
		for _, series := range list {
			for _, point := range series.Points {
				if math.IsNaN(point[1]) {
					continue
				}
				good := time.Duration(point[1] * float64(step))
				s.Probed.Good += good
				s.Probed.Bad += step - good
				s.Probed.Unknown -= step
			}
		}
		s.Probed.Unknown = max(s.Probed.Unknown, 0)
	}
	return nil
}
