package self

import (
	"context"
	"fmt"

	"xunjian/checks"
)

var descMemoryLimit = checks.NewDesc("xunjian_memory_limit_bytes", checks.Gauge,
	"How much resident memory the agent may use, by its configuration or its control group.")

// Shares of the limit.
const (
	memoryHigh = 0.8
	memoryFull = 0.95
)

// memory watches what the agent uses.
type memory struct {
	limit float64                 // bytes; 0: none
	used  func() (float64, error) // resident, bytes
	group func() float64          // limit of the control group; 0: none
}

func (m memory) look(_ context.Context, out *checks.Output) error {
	used, err := m.used()
	if err != nil {
		return err
	}
	limit := m.limit
	if g := m.group(); g > 0 && (limit == 0 || g < limit) {
		limit = g
	}
	if limit == 0 {
		return fmt.Errorf("%w: no limit of memory", checks.ErrNotApplicable)
	}
	out.Set(descMemoryLimit, limit)
	f := checks.Finding{Code: "self.memory", Verdict: checks.OK, Args: map[string]any{"used": used, "limit": limit}}
	switch {
	case used > memoryFull*limit:
		f.Verdict = checks.Abnormal
	case used > memoryHigh*limit:
		f.Verdict = checks.Attention
	}
	out.Find(f)
	return nil
}
