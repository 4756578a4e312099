package host

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"xunjian/checks"
)

var clockSeconds = checks.NewDesc("node_time_seconds", checks.Gauge, "The machine's clock, in seconds since 1970.")

// uptimeLook is what one look at the uptime sees.
type uptimeLook struct {
	uptime time.Duration
	// boot identifies this boot; it is not a time, which steps of the clock
	// would change. It is empty where the system has no such name.
	boot string
	// ordered tells whether the boot before this one ended by an ordered
	// shutdown; known is false if nothing tells.
	ordered, known bool
}

// uptimeCheck looks at how long the machine runs, and whether it was booted
// since the agent looked last.
type uptimeCheck struct {
	configured
	read   func() (uptimeLook, error)
	window time.Duration
	// state is the file with the boot seen last and when this one was noticed;
	// "" keeps none.
	state string

	boot    string
	noticed time.Time
}

func newUptime(cfg Config, read func() (uptimeLook, error)) *uptimeCheck {
	c := &uptimeCheck{read: read, window: cfg.Uptime.RebootWindow}
	if cfg.State != "" {
		c.state = filepath.Join(cfg.State, "boot")
	}
	return c
}

func (c *uptimeCheck) Name() string { return "uptime" }

func (c *uptimeCheck) Run(_ context.Context, out *checks.Output) error {
	l, err := c.read()
	if err != nil {
		return err
	}
	now := time.Now()
	out.Set(clockSeconds, float64(now.UnixNano())/1e9)
	out.Find(checks.Finding{Code: "uptime.up", Verdict: checks.OK, Args: map[string]any{"uptime": l.uptime.Seconds()}})
	if c.boot != l.boot || c.boot == "" {
		if err := c.notice(l, now); err != nil {
			return err
		}
		c.boot = l.boot
	}
	if !c.noticed.IsZero() && now.Sub(c.noticed) < c.window {
		out.Find(rebooted(l))
	}
	return nil
}

// rebooted is the finding of a reboot. One that was ordered needs no person.
func rebooted(l uptimeLook) checks.Finding {
	f := checks.Finding{Code: "uptime.rebooted", Verdict: checks.Attention, Args: map[string]any{"uptime": l.uptime.Seconds()}}
	switch {
	case l.known && l.ordered:
		f.Code, f.Verdict = "uptime.restarted", checks.OK
	case l.known:
		f.Code = "uptime.crashed"
	}
	return f
}

// notice decides when this boot was noticed: now, if the boot seen last was
// another; earlier, if it is the one seen last; never, if none was seen before.
// Without a state file, or a name of the boot, it is the moment of the boot.
func (c *uptimeCheck) notice(l uptimeLook, now time.Time) error {
	if c.state == "" || l.boot == "" {
		c.noticed = now.Add(-l.uptime)
		return nil
	}
	seen, err := os.ReadFile(c.state)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	boot, at, _ := strings.Cut(strings.TrimSpace(string(seen)), " ")
	switch {
	case boot == l.boot:
		if seconds, err := strconv.ParseInt(at, 10, 64); err == nil && seconds > 0 {
			c.noticed = time.Unix(seconds, 0)
		}
		return nil
	case boot == "":
		c.noticed = time.Time{}
	default:
		c.noticed = now
	}
	return c.remember(l.boot)
}

// remember writes the state file. It is replaced whole: half of it would be
// taken for another boot.
func (c *uptimeCheck) remember(boot string) error {
	at := int64(0)
	if !c.noticed.IsZero() {
		at = c.noticed.Unix()
	}
	draft := c.state + ".new"
	if err := os.WriteFile(draft, []byte(boot+" "+strconv.FormatInt(at, 10)+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(draft, c.state)
}
