package syslog

import (
	"slices"
	"sync"
	"time"

	"xunjian/checks"
	"xunjian/checks/logs/archive"
	"xunjian/checks/logs/syslog/dialect"
)

// notable keeps the newest lines of each event of each source, as evidence.
type notable struct {
	mu    sync.Mutex
	lines map[notableKey][]archive.Record // oldest first
}

type notableKey struct{ source, event string }

// maxNotable is how many lines of one event of one source are kept.
const maxNotable = 10

func newNotable() *notable { return &notable{lines: map[notableKey][]archive.Record{}} }

func (n *notable) add(r *archive.Record) {
	n.mu.Lock()
	defer n.mu.Unlock()
	k := notableKey{r.Source, r.Event}
	list := n.lines[k]
	if len(list) == maxNotable {
		list = append(list[:0], list[1:]...)
	}
	n.lines[k] = append(list, *r)
}

// since returns the lines of some events that came after a moment, newest
// first; no events: all.
func (n *notable) since(at time.Time, events ...string) []archive.Record {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []archive.Record
	for k, list := range n.lines {
		if len(events) > 0 && !slices.Contains(events, k.event) {
			continue
		}
		for _, r := range list {
			if r.Received.After(at) {
				out = append(out, r)
			}
		}
	}
	slices.SortFunc(out, func(a, b archive.Record) int { return b.Received.Compare(a.Received) })
	return out
}

// exhibit makes a table of lines.
func exhibit(lines []archive.Record, zone *time.Location) checks.Exhibit {
	e := checks.Exhibit{
		Code: "syslog.lines", Args: map[string]any{"lines": len(lines)},
		Columns: []string{"time", "source", "event", "user", "address", "line"},
	}
	for _, r := range lines {
		e.Rows = append(e.Rows, []string{
			r.Received.In(zone).Format("01-02 15:04:05"), r.Source, r.Event, r.Fields["user"], r.Fields["address"], r.Text,
		})
	}
	return e.Safe()
}

// telling are the events that are evidence by themselves.
var telling = []string{
	dialect.LoginFailed, dialect.ConfigChanged, dialect.PrivilegeChanged, dialect.LinkDown, dialect.Attack, dialect.AttackBlocked,
	dialect.DeviceRestarted, dialect.HASwitch, dialect.HardwareFault,
}
