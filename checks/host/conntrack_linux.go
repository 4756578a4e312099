package host

import (
	"bytes"
	"context"
	"errors"
	"io/fs"

	"xunjian/checks"
)

var (
	conntrackEntries = checks.NewDesc("node_nf_conntrack_entries", checks.Gauge, "Connections the firewall keeps track of.")
	conntrackLimit   = checks.NewDesc("node_nf_conntrack_entries_limit", checks.Gauge, "Connections the firewall can keep track of.")
)

// conntrackStats are the columns of /proc/net/stat/nf_conntrack that are
// shown, by their headings. node_exporter calls them gauges.
var conntrackStats = map[string]*checks.Desc{
	"found":          conntrackStat("found", "Look-ups that found an entry."),
	"invalid":        conntrackStat("invalid", "Packets that cannot be tracked."),
	"ignore":         conntrackStat("ignore", "Packets that belong to an entry already."),
	"insert":         conntrackStat("insert", "Entries made."),
	"insert_failed":  conntrackStat("insert_failed", "Entries that could not be made."),
	"drop":           conntrackStat("drop", "Packets dropped because tracking failed."),
	"early_drop":     conntrackStat("early_drop", "Entries dropped to make room for new ones."),
	"search_restart": conntrackStat("search_restart", "Look-ups begun anew because the table was resized."),
}

func conntrackStat(name, help string) *checks.Desc {
	return checks.NewDesc("node_nf_conntrack_stat_"+name, checks.Gauge, help)
}

// conntrackCheck looks at the firewall's table of connections.
type conntrackCheck struct {
	configured
	reader
	procfs string
}

func (c *conntrackCheck) Name() string { return "conntrack" }

func (c *conntrackCheck) Run(_ context.Context, out *checks.Output) error {
	folder := c.procfs + "/sys/net/netfilter/"
	entries, ok := c.value(folder + "nf_conntrack_count")
	limit, ok2 := c.value(folder + "nf_conntrack_max")
	if !ok || !ok2 {
		return missing(folder + "nf_conntrack_count (connection tracking)")
	}
	out.Set(conntrackEntries, entries)
	out.Set(conntrackLimit, limit)
	if err := c.stats(out); err != nil {
		return err
	}
	out.Find(checks.Finding{Code: "conntrack.table", Verdict: checks.OK, Args: map[string]any{
		"entries": entries, "limit": limit, "used": ratio(entries, limit),
	}})
	return nil
}

// stats sums the columns over the processors, one line each under a line of
// headings, in hexadecimal.
func (c *conntrackCheck) stats(out *checks.Output) error {
	b, err := c.all(c.procfs + "/net/stat/nf_conntrack")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	heading, b := cutLine(b)
	var sums, line [32]uint64
	for len(b) > 0 {
		var l []byte
		l, b = cutLine(b)
		for i := range hexNumbers(l, line[:]) {
			sums[i] += line[i]
		}
	}
	for i, h := range bytes.Fields(heading) {
		if d := conntrackStats[string(h)]; d != nil && i < len(sums) {
			out.Set(d, float64(sums[i]))
		}
	}
	return nil
}
