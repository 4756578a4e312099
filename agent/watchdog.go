package agent

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// watchdog tells systemd that the agent is ready, and then that it lives, as
// long as checks go on: a process that only sits there is restarted.
func (a *Agent) watchdog(ctx context.Context) error {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		a.log.Warn("read the watchdog's interval", "err", err)
	}
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		a.log.Warn("tell systemd that the agent is ready", "err", err)
	}
	defer daemon.SdNotify(false, daemon.SdNotifyStopping)
	if every <= 0 {
		<-ctx.Done()
		return nil
	}
	t := time.NewTicker(every / 3)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-t.C:
			if a.alive(now) {
				daemon.SdNotify(false, daemon.SdNotifyWatchdog)
			}
		}
	}
}

// stillAfter is how long the agent may go without any result before it counts
// as stuck. The slowest pace of all checks together is far below.
const stillAfter = 2 * time.Minute

func (a *Agent) alive(now time.Time) bool {
	last := a.observer.last.Load()
	return last == nil || now.Sub(*last) < stillAfter
}
