package archive

import (
	"context"
	"fmt"
	"strings"
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
	descDamaged  = checks.NewDesc("xunjian_logs_damaged_blocks", checks.Gauge, "Places of the kept lines that are known to be damaged, changed or missing.")
	descVerified = checks.NewDesc("xunjian_logs_verified_timestamp_seconds", checks.Gauge, "When all kept lines were last held against what was written, in Unix time.")
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

// Looking at everything once a day is often enough to say when something was
// changed, and a tenth of a core and of a disk seldom disturbs.
const (
	verifyEvery = 24 * time.Hour
	verifyFirst = 10 * time.Minute // after a start, when there is more to do
	verifyRest  = 9
)

// Serve looks at everything once a day.
func (c *Check) Serve(ctx context.Context, wake func()) error {
	for wait := verifyFirst; ; wait = verifyEvery {
		if due := verifyEvery - c.a.now().Sub(c.a.Stats().Verified); due <= verifyEvery {
			wait = max(wait, due)
		}
		if err := pause(ctx, wait); err != nil {
			return nil
		}
		v, err := c.a.Verify(ctx, verifyRest)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		c.a.noteVerified(v)
		wake()
	}
}

// Run tells the figures and the facts.
func (c *Check) Run(_ context.Context, out *checks.Output) error {
	s := c.a.Stats()
	if s.Appended+s.Dropped+s.Lines == 0 && s.Damaged == 0 && s.Error == "" && s.Forced.At.IsZero() {
		return fmt.Errorf("no lines are kept here: %w", checks.ErrNotApplicable)
	}
	writable := 1.0
	if s.Error != "" {
		writable = 0
	}
	for d, v := range map[*checks.Desc]float64{
		descLines: float64(s.Lines), descBytes: float64(s.Bytes), descBudget: float64(c.a.Config().BudgetBytes), descPending: float64(s.Pending),
		descAppended: float64(s.Appended), descText: float64(s.Text), descDropped: float64(s.Dropped), descDamaged: float64(s.Damaged),
		descWritable: writable,
	} {
		out.Set(d, v)
	}
	for d, at := range map[*checks.Desc]time.Time{descOldest: s.Oldest, descVerified: s.Verified} {
		if !at.IsZero() {
			out.Set(d, float64(at.UnixMilli())/1000)
		}
	}
	c.find(out, s)
	return nil
}

func (c *Check) find(out *checks.Output, s Stats) {
	now, cfg := c.a.now(), c.a.Config()
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
	if list := c.a.Damages(); len(list) > 0 {
		said = true
		out.Find(c.damaged(list))
	}
	if !said {
		args := map[string]any{"lines": float64(s.Lines), "bytes": float64(s.Bytes), "days": 0.0, "verified": ""}
		if !s.Verified.IsZero() {
			args["verified"] = s.Verified.In(c.zone).Format("2006-01-02 15:04")
		}
		if !s.Oldest.IsZero() {
			args["days"] = now.Sub(s.Oldest).Hours() / 24
		}
		find("logs_archive.kept", checks.OK, args)
	}
}

// damaged says what is damaged and what that cost; the places are the evidence.
func (c *Check) damaged(list []Damage) checks.Finding {
	const shown = 20
	first, last, lines := list[0].From, list[0].To, uint64(0)
	var evidence strings.Builder
	for n, d := range list {
		if d.From.Before(first) {
			first = d.From
		}
		if d.To.After(last) {
			last = d.To
		}
		lines += d.Lines
		if n < shown {
			fmt.Fprintf(&evidence, "%s byte=%d bytes=%d %s lines=%d %s – %s\n", d.File, d.At, d.Bytes, d.Why, d.Lines,
				d.From.In(c.zone).Format(time.DateTime), d.To.In(c.zone).Format(time.DateTime))
		}
	}
	return checks.Finding{Code: "logs_archive.damaged", Verdict: checks.Abnormal, Evidence: evidence.String(), Args: map[string]any{
		"blocks": float64(len(list)), "lines": float64(lines), "file": list[0].File,
		"from": first.In(c.zone).Format("2006-01-02 15:04"), "to": last.In(c.zone).Format("2006-01-02 15:04"),
	}}
}
