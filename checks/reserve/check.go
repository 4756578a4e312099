package reserve

import (
	"context"
	"fmt"
	"time"

	"xunjian/checks"
)

var (
	descItems = checks.NewDesc("xunjian_reserve_items", checks.Gauge,
		"Spare devices, contracts and backups in force that are recorded for a need of the plan.", "need")
	descExpiry = checks.NewDesc("xunjian_reserve_expiry_timestamp_seconds", checks.Gauge,
		"End of the last day of a contract or spare device, in Unix time.", "need", "item")
)

// Check holds the record against what the plan needs.
type Check struct {
	cfg   Config
	needs []Need
	zone  *time.Location
	now   func() time.Time
}

// NewCheck returns the check. zone is where days begin and end; now is the
// clock.
func NewCheck(cfg Config, needs []Need, zone *time.Location, now func() time.Time) *Check {
	return &Check{cfg: cfg, needs: needs, zone: zone, now: now}
}

// Name is that of a single check.
func (*Check) Name() string { return "reserve" }

// Schedule is slow: contracts end by the day.
func (*Check) Schedule() checks.Schedule { return checks.Schedule{Interval: 5 * time.Minute} }

// Identity changes with the record and with the plan's needs.
func (c *Check) Identity() string { return fmt.Sprint(c.cfg, c.needs, c.zone) }

// Run says what is missing, what ran out or soon will, and what nobody tried
// for too long.
func (c *Check) Run(_ context.Context, out *checks.Output) error {
	if len(c.needs) == 0 {
		return fmt.Errorf("the plan names nothing to have ready: %w", checks.ErrNotApplicable)
	}
	if len(c.cfg.Items) == 0 {
		// Not abnormal: the record of a unit with several servers stands on one
		// of them.
		out.Find(checks.Finding{Code: "reserve.nothing", Verdict: checks.Attention, Args: map[string]any{"count": len(c.needs)}})
		return nil
	}
	now := c.now()
	for _, need := range c.needs {
		inForce := 0
		for _, i := range c.cfg.Items {
			if i.For == need.ID && c.item(out, need, i, now) {
				inForce++
			}
		}
		out.Set(descItems, float64(inForce), need.ID)
		if inForce == 0 {
			out.Find(checks.Finding{Code: "reserve.missing", Subject: need.ID, Verdict: checks.Abnormal, Args: need.args()})
		}
	}
	return nil
}

// item says how one thing stands, and reports whether it is in force.
func (c *Check) item(out *checks.Output, need Need, i Item, now time.Time) bool {
	args := i.args(need)
	find := func(code string, v checks.Verdict) {
		out.Find(checks.Finding{Code: code, Subject: i.Name, Verdict: v, Args: args})
	}
	if end, ok := c.endOf(i.Expires); ok {
		out.Set(descExpiry, float64(end.Unix()), need.ID, i.Name)
		args["expires"], args["left"] = i.Expires, end.Sub(now).Seconds()
		switch {
		case !now.Before(end):
			find("reserve.expired", checks.Abnormal)
			return false
		case now.After(end.Add(-c.cfg.WarnBefore)):
			find("reserve.expiring", checks.Attention)
			return true
		}
	}
	if i.TestEvery > 0 {
		tested, ok := c.endOf(i.Tested)
		if args["tested"] = i.Tested; !ok || now.After(tested.Add(i.TestEvery)) {
			find("reserve.untested", checks.Attention)
			return true
		}
	}
	find("reserve.ready", checks.OK)
	return true
}

// endOf is the midnight after a day.
func (c *Check) endOf(date string) (time.Time, bool) {
	t, err := time.ParseInLocation(time.DateOnly, date, c.zone)
	if err != nil {
		return time.Time{}, false
	}
	return t.AddDate(0, 0, 1), true
}

func (n Need) args() map[string]any { return map[string]any{"need_zh": n.ZH, "need_en": n.EN} }

func (i Item) args(n Need) map[string]any {
	args := n.args()
	for k, v := range map[string]string{"where": i.Where, "contact": i.Contact, "phone": i.Phone} {
		args[k] = v
	}
	args["arrives"] = i.ArrivesWithin.Seconds()
	return args
}
