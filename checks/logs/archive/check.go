package archive

import (
	"context"
	"fmt"
	"time"

	"xunjian/checks"
)

var (
	descLines    = checks.NewDesc("xunjian_logs_kept_lines", checks.Gauge, "Lines of logs that are kept on the disk.")
	descBytes    = checks.NewDesc("xunjian_logs_kept_bytes", checks.Gauge, "Room that kept lines take on the disk, compressed.")
	descBudget   = checks.NewDesc("xunjian_logs_budget_bytes", checks.Gauge, "Room that kept lines may take.")
	descOldest   = checks.NewDesc("xunjian_logs_oldest_timestamp_seconds", checks.Gauge, "When the oldest line that is kept came, in Unix time.")
	descPending  = checks.NewDesc("xunjian_logs_pending_bytes", checks.Gauge, "Lines in memory that wait for the disk or for their block to be full.")
	descAppended = checks.NewDesc("xunjian_logs_appended_total", checks.Counter, "Lines taken in to be kept.")
	descText     = checks.NewDesc("xunjian_logs_appended_bytes_total", checks.Counter, "Text of the lines taken in to be kept.")
	descDropped  = checks.NewDesc("xunjian_logs_dropped_total", checks.Counter, "Lines not taken in because the disk took none and memory was full.")
	descDamaged  = checks.NewDesc("xunjian_logs_damaged_total", checks.Counter, "Blocks of kept lines that could not be read.")
	descWritable = checks.NewDesc("xunjian_logs_writable", checks.Gauge, "Whether lines can be kept: 1, or 0.")
)

// Check tells how the archive does: whether lines can be kept, for how long, and
// what was lost.
type Check struct {
	a    *Archive
	zone *time.Location
}

// NewCheck returns the check of an archive. zone is that of the days it names.
func NewCheck(a *Archive, zone *time.Location) *Check { return &Check{a: a, zone: zone} }

// Name is that of a single check.
func (*Check) Name() string { return "logs_archive" }

// Identity is that of the archive, which outlives a change of configuration.
func (c *Check) Identity() string { return c.a.dir }

// Run tells the figures and the facts.
func (c *Check) Run(_ context.Context, out *checks.Output) error {
	s := c.a.Stats()
	if s.Appended+s.Dropped+s.Lines+s.Damaged == 0 && s.Error == "" && s.Forced.At.IsZero() {
		return fmt.Errorf("no lines are kept here: %w", checks.ErrNotApplicable)
	}
	writable := 1.0
	if s.Error != "" {
		writable = 0
	}
	for d, v := range map[*checks.Desc]float64{
		descLines: float64(s.Lines), descBytes: float64(s.Bytes), descBudget: float64(c.a.cfg.BudgetBytes), descPending: float64(s.Pending),
		descAppended: float64(s.Appended), descText: float64(s.Text), descDropped: float64(s.Dropped), descDamaged: float64(s.Damaged),
		descWritable: writable,
	} {
		out.Set(d, v)
	}
	if !s.Oldest.IsZero() {
		out.Set(descOldest, float64(s.Oldest.UnixMilli())/1000)
	}
	c.find(out, s)
	return nil
}

func (c *Check) find(out *checks.Output, s Stats) {
	now, cfg := c.a.now(), c.a.cfg
	said := false
	find := func(code string, v checks.Verdict, args map[string]any) {
		said = true
		out.Find(checks.Finding{Code: code, Verdict: v, Args: args})
	}
	if s.Error != "" {
		find("logs_archive.unwritable", checks.Abnormal, map[string]any{
			"error": s.Error, "for": now.Sub(s.Since).Seconds(), "dropped": float64(s.Dropped), "pending": float64(s.Pending),
		})
	}
	// A hole within the time for which lines have to be kept stays a finding
	// until it has grown out of it.
	if f := s.Forced; !f.At.IsZero() && now.Sub(f.To) < MinKeep {
		find("logs_archive.deleted_early", checks.Abnormal, map[string]any{
			"until": f.To.In(c.zone).Format("2006-01-02 15:04"), "at": f.At.In(c.zone).Format("2006-01-02 15:04"),
			"days": now.Sub(f.To).Hours() / 24, "budget": float64(cfg.BudgetBytes),
		})
	} else if holds := time.Duration(float64(cfg.BudgetBytes) / float64(max(s.PerDay, 1)) * 24 * float64(time.Hour)); s.PerDay > 0 && holds >= 0 && holds < cfg.Keep {
		find("logs_archive.budget_short", checks.Attention, map[string]any{
			"days": holds.Hours() / 24, "keep": cfg.Keep.Hours() / 24, "per_day": float64(s.PerDay), "budget": float64(cfg.BudgetBytes),
		})
	}
	if s.Damaged > 0 {
		find("logs_archive.damaged", checks.Abnormal, map[string]any{"blocks": float64(s.Damaged)})
	}
	if !said {
		args := map[string]any{"lines": float64(s.Lines), "bytes": float64(s.Bytes), "days": 0.0}
		if !s.Oldest.IsZero() {
			args["days"] = now.Sub(s.Oldest).Hours() / 24
		}
		find("logs_archive.kept", checks.OK, args)
	}
}
