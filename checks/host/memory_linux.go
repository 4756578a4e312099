package host

import (
	"bytes"
	"fmt"

	"xunjian/checks"
)

// memoryReader reads /proc/meminfo and the part of /proc/vmstat that
// node_exporter shows.
type memoryReader struct {
	reader
	meminfo, vmstat string
	// descs are made when a field is first seen: kernels differ in what they
	// have. A nil one is of a field that is not shown.
	descs map[string]*checks.Desc
}

func newMemoryReader(procfs string) *memoryReader {
	return &memoryReader{meminfo: procfs + "/meminfo", vmstat: procfs + "/vmstat", descs: map[string]*checks.Desc{}}
}

func (r *memoryReader) read(l *memoryLook) error {
	*l = memoryLook{samples: l.samples[:0], available: -1}
	b, err := r.all(r.meminfo)
	if err != nil {
		return err
	}
	for line := []byte(nil); len(b) > 0; {
		line, b = cutLine(b)
		r.meminfoLine(l, line)
	}
	if l.total == 0 {
		return fmt.Errorf("parse %s: no MemTotal in it", r.meminfo)
	}
	if l.available < 0 { // kernels before 3.14
		l.available = l.free
	}
	return r.readVMStat(l)
}

// meminfoLine takes a line such as "Active(anon):   1552 kB".
func (r *memoryReader) meminfoLine(l *memoryLook, line []byte) {
	key, rest, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return
	}
	field, unit := cutField(rest)
	n, ok := number(field)
	if !ok {
		return
	}
	value := float64(n)
	kilobytes := len(unit) > 0
	if kilobytes {
		value *= 1024
	}
	switch string(key) {
	case "MemTotal":
		l.total = value
	case "MemFree":
		l.free = value
	case "MemAvailable":
		l.available = value
	case "SwapTotal":
		l.swapTotal = value
	case "SwapFree":
		l.swapFree = value
	}
	d, known := r.descs[string(key)]
	if !known {
		d = meminfoDesc(string(key), kilobytes)
		r.descs[string(key)] = d
	}
	if d != nil {
		l.samples = append(l.samples, figure{d, value})
	}
}

func (r *memoryReader) readVMStat(l *memoryLook) error {
	b, err := r.all(r.vmstat)
	if err != nil {
		return err
	}
	for line := []byte(nil); len(b) > 0; {
		line, b = cutLine(b)
		key, rest := cutField(line)
		if !shownVMStat(key) {
			continue
		}
		field, _ := cutField(rest)
		n, ok := number(field)
		if !ok {
			continue
		}
		if string(key) == "oom_kill" {
			l.oomKills = float64(n)
		}
		d := r.descs[string(key)]
		if d == nil {
			d = checks.NewDesc("node_vmstat_"+string(key), checks.Untyped, "Field "+string(key)+" of /proc/vmstat.")
			r.descs[string(key)] = d
		}
		l.samples = append(l.samples, figure{d, float64(n)})
	}
	return nil
}

// shownVMStat picks the fields that node_exporter shows by default:
// oom_kill…, pgpg…, pswp…, pg…fault….
func shownVMStat(key []byte) bool {
	if len(key) == 0 || (key[0] != 'p' && key[0] != 'o') || bytes.IndexFunc(key, notInName) >= 0 {
		return false
	}
	has := func(prefix string) bool { return bytes.HasPrefix(key, []byte(prefix)) }
	return has("oom_kill") || has("pgpg") || has("pswp") || has("pg") && bytes.Contains(key, []byte("fault"))
}
