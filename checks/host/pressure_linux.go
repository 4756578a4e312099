package host

import (
	"bytes"
	"context"
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"xunjian/checks"
)

var (
	pressureCPU       = checks.NewDesc("node_pressure_cpu_waiting_seconds_total", checks.Counter, "Seconds in which tasks waited for a processor.")
	pressureIO        = checks.NewDesc("node_pressure_io_waiting_seconds_total", checks.Counter, "Seconds in which tasks waited for I/O.")
	pressureIOAll     = checks.NewDesc("node_pressure_io_stalled_seconds_total", checks.Counter, "Seconds in which every task waited for I/O, so that nothing went on.")
	pressureMemory    = checks.NewDesc("node_pressure_memory_waiting_seconds_total", checks.Counter, "Seconds in which tasks waited for memory.")
	pressureMemoryAll = checks.NewDesc("node_pressure_memory_stalled_seconds_total", checks.Counter, "Seconds in which every task waited for memory, so that nothing went on.")
	pressureIRQAll    = checks.NewDesc("node_pressure_irq_stalled_seconds_total", checks.Counter, "Seconds in which interrupts kept every task from going on.")
)

// pressureResources are the files of /proc/pressure and the families of their
// lines "some" and "full".
var pressureResources = [...]struct {
	name       string
	some, full *checks.Desc
}{
	{"cpu", pressureCPU, nil},
	{"io", pressureIO, pressureIOAll},
	{"memory", pressureMemory, pressureMemoryAll},
	{"irq", nil, pressureIRQAll},
}

// pressureCheck looks at what tasks wait for (PSI).
type pressureCheck struct {
	configured
	reader
	folder string
}

func (c *pressureCheck) Name() string { return "pressure" }

func (c *pressureCheck) Run(_ context.Context, out *checks.Output) error {
	args := map[string]any{"cpu": 0.0, "io": 0.0, "memory": 0.0}
	found := false
	for _, res := range pressureResources {
		b, err := c.all(c.folder + res.name)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.EOPNOTSUPP):
			continue // an older kernel, or one booted with psi=0
		case err != nil:
			return err
		}
		found = true
		for line := []byte(nil); len(b) > 0; {
			line, b = cutLine(b)
			p, ok := parsePressure(line)
			switch {
			case !ok:
			case p.some && res.some != nil:
				out.Set(res.some, p.total)
				args[res.name] = p.avg60
			case !p.some && res.full != nil:
				out.Set(res.full, p.total)
			}
		}
	}
	if !found {
		return missing(c.folder + " (kernel 4.20 with PSI turned on)")
	}
	out.Find(checks.Finding{Code: "pressure.waiting", Verdict: checks.OK, Args: args})
	return nil
}

// pressure is one line of /proc/pressure: avg60 as a ratio, total in seconds.
type pressure struct {
	some         bool
	avg60, total float64
}

// parsePressure reads "some avg10=0.00 avg60=0.00 avg300=0.00 total=123".
func parsePressure(line []byte) (p pressure, ok bool) {
	kind, rest := cutField(line)
	p.some = string(kind) == "some"
	if !p.some && string(kind) != "full" {
		return p, false
	}
	for len(rest) > 0 {
		var f []byte
		f, rest = cutField(rest)
		key, value, _ := bytes.Cut(f, []byte("="))
		switch string(key) {
		case "avg60":
			v, _ := float(value)
			p.avg60 = v / 100
		case "total":
			n, isNumber := number(value)
			p.total, ok = float64(n)/1e6, isNumber
		}
	}
	return p, ok
}
