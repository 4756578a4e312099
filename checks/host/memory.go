package host

import (
	"context"
	"strings"

	"xunjian/checks"
)

// memoryLook is what one look at the memory sees. Sizes are in bytes.
type memoryLook struct {
	total, free, available float64
	swapTotal, swapFree    float64
	// oomKills counts processes killed for want of memory since boot.
	oomKills float64
	// samples holds everything else, ready to be recorded.
	samples []figure
}

// memoryCheck looks at memory and swap.
type memoryCheck struct {
	configured
	read  func(*memoryLook) error
	look  memoryLook
	kills float64
	seen  bool
}

func newMemory(read func(*memoryLook) error) *memoryCheck { return &memoryCheck{read: read} }

func (c *memoryCheck) Name() string { return "memory" }

func (c *memoryCheck) Run(_ context.Context, out *checks.Output) error {
	l := &c.look
	if err := c.read(l); err != nil {
		return err
	}
	for _, g := range l.samples {
		out.Set(g.desc, g.value)
	}
	out.Find(checks.Finding{Code: "memory.usage", Verdict: checks.OK, Args: map[string]any{
		"used":       ratio(l.total-l.available, l.total),
		"available":  l.available,
		"total":      l.total,
		"swap_used":  ratio(l.swapTotal-l.swapFree, l.swapTotal),
		"swap_total": l.swapTotal,
	}})
	if killed := l.oomKills - c.kills; c.seen && killed > 0 {
		out.Find(checks.Finding{Code: "memory.oom_kill", Verdict: checks.Attention, Args: map[string]any{"killed": killed}})
	}
	c.kills, c.seen = l.oomKills, true
	return nil
}

// meminfoDesc names a field as node_exporter does: Active(anon) in kB becomes
// node_memory_Active_anon_bytes. It is nil for a field that cannot be named.
func meminfoDesc(key string, kilobytes bool) *checks.Desc {
	name := strings.TrimSuffix(strings.ReplaceAll(key, "(", "_"), ")")
	if strings.IndexFunc(name, notInName) >= 0 {
		return nil
	}
	if kilobytes {
		return checks.NewDesc("node_memory_"+name+"_bytes", checks.Gauge, "Field "+key+" of /proc/meminfo, in bytes.")
	}
	return checks.NewDesc("node_memory_"+name, checks.Gauge, "Field "+key+" of /proc/meminfo.")
}

func notInName(c rune) bool {
	return c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
}
