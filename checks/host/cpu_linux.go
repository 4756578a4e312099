package host

import (
	"bytes"
	"fmt"

	"xunjian/checks"
)

// userHZ is the unit of the times in /proc/stat and /proc/PID/stat on every
// architecture that Go runs on.
const userHZ = 100

// statReader reads /proc/stat and /proc/loadavg.
type statReader struct {
	reader
	stat, loadavg string
}

func newStatReader(procfs string) *statReader {
	return &statReader{stat: procfs + "/stat", loadavg: procfs + "/loadavg"}
}

func (r *statReader) read(l *cpuLook) error {
	b, err := r.all(r.stat)
	if err != nil {
		return err
	}
	l.cores, l.kernel = l.cores[:0], l.kernel[:0]
	for line := []byte(nil); len(b) > 0; {
		line, b = cutLine(b)
		l.line(line)
	}
	if len(l.cores) == 0 {
		return fmt.Errorf("parse %s: no processor in it", r.stat)
	}
	return r.readLoad(l)
}

// line takes one line of /proc/stat. The line of all processors together is
// left out: it is their sum.
func (l *cpuLook) line(line []byte) {
	key, rest := cutField(line)
	if id, ok := bytes.CutPrefix(key, []byte("cpu")); ok {
		if n, ok := number(id); ok {
			l.cores = append(l.cores, core{int(n), parseCore(rest)})
		}
		return
	}
	var d *checks.Desc
	switch string(key) {
	case "intr":
		d = interrupts
	case "ctxt":
		d = contextSwitches
	case "btime":
		d = bootTime
	case "processes":
		d = forks
	case "procs_running":
		d = procsRunning
	case "procs_blocked":
		d = procsBlocked
	default:
		return
	}
	field, _ := cutField(rest)
	if n, ok := number(field); ok {
		l.kernel = append(l.kernel, figure{d, float64(n)})
	}
}

func parseCore(rest []byte) (t coreTimes) {
	var ticks [cpuModes]uint64
	numbers(rest, ticks[:])
	for i, n := range ticks {
		t[i] = float64(n) / userHZ
	}
	return t
}

func (r *statReader) readLoad(l *cpuLook) error {
	b, err := r.one(r.loadavg)
	if err != nil {
		return err
	}
	for i := range l.load {
		var f []byte
		f, b = cutField(b)
		v, ok := float(f)
		if !ok {
			return fmt.Errorf("parse %s: %q is not a load", r.loadavg, f)
		}
		l.load[i] = v
	}
	return nil
}
