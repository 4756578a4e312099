package agent

import (
	"context"
	"time"

	"xunjian/agent/config"
	"xunjian/alerting/calendar"
	"xunjian/alerting/plan"
)

// calendarEvery is how often the calendar's files are looked at.
const calendarEvery = 15 * time.Second

// openCalendar reads the bid calendar. A file that cannot be read is no reason
// not to start: it is told, and read when it is mended.
func (a *Agent) openCalendar(cfg *config.Config) {
	a.calendar = calendar.NewSource(cfg.Calendar, cfg.Location())
	if _, err := a.calendar.Reload(time.Now()); err != nil {
		a.log.Error("read the bid calendar", "err", err)
	}
}

// watchCalendar reads the calendar's files again when they change.
func (a *Agent) watchCalendar(ctx context.Context) error {
	if len(a.cfg.Load().Calendar.Paths) == 0 {
		<-ctx.Done()
		return nil
	}
	t := time.NewTicker(calendarEvery)
	defer t.Stop()
	said := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		changed, err := a.calendar.Reload(time.Now())
		switch {
		case err != nil && err.Error() != said:
			said = err.Error()
			a.log.Error("read the bid calendar; what it held before stays in force", "err", err)
		case err == nil:
			said = ""
		}
		if changed {
			a.log.Info("bid calendar in force", "events", a.calendar.Calendar().Len())
		}
	}
}

// systemKind tells what a system is at a moment: a business system counts as an
// opening system while an opening runs on it or is near.
func (a *Agent) systemKind(system string, at time.Time) plan.SystemKind {
	base, ok := a.cfg.Load().Systems[system]
	if !ok {
		base = plan.Business
	}
	if system == "" {
		return base
	}
	kind, _ := a.calendar.Calendar().KindOf(system, at, base)
	return kind
}

// upcoming are the events that run or are near, then the next ones.
func (a *Agent) upcoming(now time.Time, n int) (near, next []calendar.Event) {
	c := a.calendar.Calendar()
	return c.At(now), c.Next(now, n)
}
