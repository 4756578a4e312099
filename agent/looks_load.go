package agent

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"xunjian/alerting/incident"
	"xunjian/checks"
	"xunjian/checks/host"
)

// How many of each kind a look names.
const (
	lookProcesses  = 5
	lookInterfaces = 10
	lookPorts      = 5
	lookPeers      = 10
	lookCommand    = 160 // bytes
)

// lookResources sees what uses up the server, and which services fell.
func (a *Agent) lookResources(ctx context.Context) []incident.Line {
	return together(ctx,
		sight{"usage", func(context.Context) ([]incident.Line, error) {
			return a.found(true, "cpu", "memory", "pressure"), nil
		}},
		sight{"processes", topProcesses},
		sight{"services", func(context.Context) ([]incident.Line, error) {
			return a.found(false, "units", "processes"), nil
		}},
	)
}

func topProcesses(ctx context.Context) ([]incident.Line, error) {
	list, err := host.TopProcesses(ctx, lookProcesses)
	if err != nil {
		return nil, err
	}
	var lines []incident.Line
	for _, by := range []struct {
		code  string
		order func(a, b host.Process) int
	}{
		{"look.process_cpu", func(a, b host.Process) int { return cmp.Compare(b.CPU, a.CPU) }},
		{"look.process_memory", func(a, b host.Process) int { return cmp.Compare(b.Memory, a.Memory) }},
	} {
		slices.SortStableFunc(list, by.order)
		for _, p := range list[:min(lookProcesses, len(list))] {
			lines = append(lines, line(by.code, "name", p.Name, "pid", p.PID, "user", p.User, "cpu", p.CPU, "memory", p.Memory, "age", p.Age, "command", checks.SafeText(p.Command, lookCommand)))
		}
	}
	return lines, nil
}

// lookTraffic sees what flows through the interfaces, and with whom.
func (a *Agent) lookTraffic(ctx context.Context) []incident.Line {
	return together(ctx,
		sight{"traffic", a.rates},
		sight{"sockets", connections},
		sight{"peers", a.peers},
	)
}

// flow is what goes through one interface.
type flow struct{ in, out, errors, drops, speed float64 }

func (f flow) idle() bool { return f.in+f.out+f.errors+f.drops == 0 }

// rates asks our own history: of the last minute, or where the interfaces are
// looked at more seldom, of five.
func (a *Agent) rates(ctx context.Context) ([]incident.Line, error) {
	for _, window := range []time.Duration{time.Minute, 5 * time.Minute} {
		flows, err := a.flows(ctx, window)
		if err != nil {
			return nil, err
		}
		if len(flows) == 0 {
			continue
		}
		idle := slices.Sorted(maps.Keys(flows))
		idle = slices.DeleteFunc(idle, func(name string) bool { return !flows[name].idle() })
		for _, name := range idle {
			delete(flows, name)
		}
		names := slices.SortedFunc(maps.Keys(flows), func(x, y string) int {
			return cmp.Or(cmp.Compare(flows[y].in+flows[y].out, flows[x].in+flows[x].out), cmp.Compare(x, y))
		})
		var lines []incident.Line
		for _, name := range names[:min(lookInterfaces, len(names))] {
			f := flows[name]
			l := line("look.rate", "device", name, "in", f.in, "out", f.out, "errors", f.errors, "drops", f.drops, "window", window.Seconds())
			if f.speed > 0 {
				l.Args["speed"], l.Args["share"] = f.speed, max(f.in, f.out)/f.speed
			}
			lines = append(lines, l)
		}
		if more := len(names) - lookInterfaces; more > 0 {
			lines = append(lines, line("look.more", "count", more))
		}
		if len(idle) > 0 {
			lines = append(lines, line("look.rate_idle", "devices", strings.Join(idle, ", ")))
		}
		return lines, nil
	}
	return []incident.Line{line("look.rate_none")}, nil
}

// flows returns the rates by interface, loopback aside.
func (a *Agent) flows(ctx context.Context, window time.Duration) (map[string]flow, error) {
	w, now := fmt.Sprintf("[%ds]", int(window.Seconds())), time.Now()
	rate := func(family string) string {
		return `rate(node_network_` + family + `_total{device!="lo"}` + w + `)`
	}
	flows := map[string]flow{}
	for _, q := range []struct {
		expr  string
		rated bool // a rate of its own makes an interface worth a line
		set   func(*flow, float64)
	}{
		{rate("receive_bytes"), true, func(f *flow, v float64) { f.in = v }},
		{rate("transmit_bytes"), true, func(f *flow, v float64) { f.out = v }},
		{rate("receive_errs") + " + " + rate("transmit_errs"), false, func(f *flow, v float64) { f.errors = v }},
		{rate("receive_drop") + " + " + rate("transmit_drop"), false, func(f *flow, v float64) { f.drops = v }},
		{`node_network_speed_bytes > 0`, false, func(f *flow, v float64) { f.speed = v }},
	} {
		list, err := a.engine.Query(ctx, "max by (device) ("+q.expr+")", now)
		if err != nil {
			return nil, err
		}
		for _, s := range list {
			f, known := flows[s.Labels["device"]]
			if q.set(&f, s.Value); known || q.rated {
				flows[s.Labels["device"]] = f
			}
		}
	}
	return flows, nil
}

// connections counts what the sockets do, and names the busiest ports.
func connections(ctx context.Context) ([]incident.Line, error) {
	s, err := host.Sockets(ctx)
	if err != nil {
		return nil, err
	}
	lines := []incident.Line{line("look.sockets", "established", s.TCP["established"], "half_open", s.TCP["syn_recv"]+s.TCP["new_syn_recv"],
		"time_wait", s.TCP["time_wait"], "close_wait", s.TCP["close_wait"])}
	slices.SortStableFunc(s.Listening, func(a, b host.Listener) int {
		return cmp.Compare(b.Established+b.Queue, a.Established+a.Queue)
	})
	for _, l := range s.Listening[:min(lookPorts, len(s.Listening))] {
		if l.Established+l.Queue > 0 {
			lines = append(lines, line("look.port", "port", l.Port, "process", l.Process, "established", l.Established, "queue", l.Queue))
		}
	}
	return partial(lines, s.Partial), nil
}

func (a *Agent) peers(ctx context.Context) ([]incident.Line, error) {
	s, err := host.Peers(ctx, a.cfg.Load().Checks.Host, lookPeers)
	if err != nil {
		return nil, err
	}
	lines := []incident.Line{line("look.peers", "peers", s.Total, "connections", s.Connections)}
	for _, p := range s.Peers {
		code := "look.peer_out"
		if p.Incoming {
			code = "look.peer_in"
		}
		lines = append(lines, line(code, "address", p.Address, "connections", p.Connections, "port", p.Port))
	}
	return partial(lines, s.Partial), nil
}

// partial adds that not everything was seen.
func partial(lines []incident.Line, is bool) []incident.Line {
	if is {
		lines = append(lines, line("look.partial"))
	}
	return lines
}
