package agent

import (
	"context"

	"xunjian/checks/logs/access"
	"xunjian/checks/logs/novelty"
)

// logRoom asks the checks of logs that are in force: a reload may have put
// others in their place.
type logRoom struct{ a *Agent }

// Access is what is known of access records; nothing if they are not read.
func (l logRoom) Access(ctx context.Context) (access.Report, error) {
	if c, ok := l.a.runner.Lookup(access.CheckName).(*access.Check); ok {
		return c.Report(ctx)
	}
	return access.Report{}, nil
}

// Novelty is which kinds of lines logs have.
func (l logRoom) Novelty(ctx context.Context) (novelty.Report, error) {
	if c, ok := l.a.runner.Lookup(novelty.CheckName).(*novelty.Check); ok {
		return c.Report(ctx)
	}
	return novelty.Report{}, nil
}
