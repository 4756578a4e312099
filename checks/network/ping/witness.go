package ping

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"xunjian/checks"
)

// Evidence shows the targets as they last answered, what the wire knows of the
// gateways, and the way to those that lose.
func (c *Check) Evidence(ctx context.Context) ([]checks.Exhibit, error) {
	c.mu.Lock()
	looks := slices.Clone(c.last)
	c.mu.Unlock()
	if len(looks) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(looks, func(a, b look) int { return cmp.Compare(b.answer.Loss(), a.answer.Loss()) })
	table := checks.Exhibit{Code: "ping.exhibit", Columns: []string{"host", "ip", "role", "sent", "lost", "min_ms", "avg_ms", "max_ms", "ttl", "error"}}
	wire := checks.Exhibit{Code: "ping.exhibit_neighbours", Columns: []string{"ip", "device", "state", "mac"}}
	for _, l := range looks {
		table.Rows = append(table.Rows, row(l))
		if l.to.Role != RoleGateway {
			continue
		}
		n, err := c.neighbour(l.to)
		if err != nil {
			n.State = err.Error()
		}
		wire.Rows = append(wire.Rows, []string{l.to.Addr.String(), l.to.Device, n.State, n.MAC})
	}
	out := []checks.Exhibit{table}
	if len(wire.Rows) > 0 {
		out = append(out, wire)
	}
	for _, l := range looks[:min(len(looks), maxTraces)] {
		if l.answer.Loss() == 0 && l.err == nil {
			continue
		}
		out = append(out, c.ways(ctx, l.to)...)
	}
	return out, ctx.Err()
}

// ways are the way as it was when the loss began, and as it is now.
func (c *Check) ways(ctx context.Context, t Target) []checks.Exhibit {
	c.mu.Lock()
	then := ""
	if y := c.state[keyOf(t)]; y != nil {
		then = y.trace
	}
	c.mu.Unlock()
	args := map[string]any{"name": t.Name, "ip": t.Addr.String()}
	var out []checks.Exhibit
	if then != "" {
		out = append(out, checks.Exhibit{Code: "ping.exhibit_way_then", Args: args, Text: then})
	}
	now, err := c.trace(ctx, t)
	text := now.String()
	if err != nil {
		text += err.Error() + "\n"
	}
	return append(out, checks.Exhibit{Code: "ping.exhibit_way_now", Args: args, Text: text})
}

func row(l look) []string {
	f := figuresOf(l.answer.RTTs)
	ms := func(s float64) string {
		if len(l.answer.RTTs) == 0 {
			return ""
		}
		return fmt.Sprintf("%.3f", s*1000)
	}
	said := ""
	if l.err != nil {
		said = l.err.Error()
	} else if l.answer.Unsent != nil {
		said = l.answer.Unsent.Error()
	}
	ttl := ""
	if l.answer.Received > 0 {
		ttl = fmt.Sprint(l.answer.TTL)
	}
	return []string{l.to.Name, l.to.Addr.String(), l.to.Role, fmt.Sprint(l.answer.Sent), fmt.Sprint(l.answer.Sent - l.answer.Received),
		ms(f.least), ms(f.mean), ms(f.greatest), ttl, said}
}
