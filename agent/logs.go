package agent

import (
	"context"
	"time"

	"xunjian/agent/config"
	"xunjian/checks/logs"
	"xunjian/checks/logs/archive"
	"xunjian/checks/logs/review"
)

// logRoom is the room of logs for a configuration: the one at work if nothing
// of it has changed, for its checks stay then.
func (a *Agent) logRoom(cfg *config.Config) (*logs.Room, error) {
	room, err := logs.New(cfg.Checks.Logs.Config, logs.Parts{Dir: cfg.Data, Archive: a.archive, Zone: cfg.Location(), Logger: a.log})
	if err != nil {
		return nil, err
	}
	if old := a.read.Load(); old != nil && old.Review.Identity() == room.Review.Identity() {
		return old, nil
	}
	a.read.Store(room)
	return room, nil
}

// logReview is the review of logs as console and API see it.
type logReview struct{ a *Agent }

// Overview says what was seen.
func (l logReview) Overview(f review.Filter) review.Overview {
	return l.a.read.Load().Review.Overview(f)
}

// Lines finds the lines of a pattern in the archive, the newest first.
func (l logReview) Lines(ctx context.Context, pattern, source string, from, to time.Time, before uint64, limit int) (archive.Page, error) {
	return l.a.archive.Search(ctx, archive.Query{Event: pattern, Source: source, From: from, To: to, Before: before, Limit: limit})
}
