package agent

import (
	"context"

	"xunjian/agent/config"
	"xunjian/checks/logs"
	"xunjian/checks/logs/access"
	"xunjian/checks/logs/novelty"
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

// logsInForce asks the checks of logs that are in force: a reload may have put
// others in their place.
type logsInForce struct{ a *Agent }

// Overview is what was seen of every log.
func (l logsInForce) Overview(f review.Filter) review.Overview {
	return l.a.read.Load().Review.Overview(f)
}

// Access is what is known of access records; nothing if they are not read.
func (l logsInForce) Access(ctx context.Context) (access.Report, error) {
	if c, ok := l.a.runner.Lookup(access.CheckName).(*access.Check); ok {
		return c.Report(ctx)
	}
	return access.Report{}, nil
}

// Novelty is which kinds of lines logs have.
func (l logsInForce) Novelty(ctx context.Context) (novelty.Report, error) {
	if c, ok := l.a.runner.Lookup(novelty.CheckName).(*novelty.Check); ok {
		return c.Report(ctx)
	}
	return novelty.Report{}, nil
}
