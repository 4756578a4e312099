package console

import (
	"fmt"
	"strings"
	"time"

	"xunjian/checks"
)

// drawing is a chart that a check's page offers. In its expression $w stands
// for the window of rates.
type drawing struct {
	title string // console.chart.<title>
	unit  string
	expr  string
}

// drawings are the charts of the checks we know, in the order they are shown.
func drawings() map[string][]drawing {
	return map[string][]drawing{
		"cpu": {
			{"cpu_use", "ratio", `1 - avg(rate(node_cpu_seconds_total{mode="idle"}[$w]))`},
			{"cpu_modes", "ratio", `avg by (mode) (rate(node_cpu_seconds_total{mode!="idle"}[$w]))`},
			{"cpu_cores", "ratio", `1 - sum by (cpu) (rate(node_cpu_seconds_total{mode="idle"}[$w]))`},
			{"load", "", `{__name__=~"node_load1|node_load5|node_load15"}`},
		},
		"memory": {
			{"memory_use", "ratio", `1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes`},
			{"memory", "bytes", `{__name__=~"node_memory_(MemAvailable|MemFree|Cached|Dirty|SwapFree)_bytes"}`},
		},
		"pressure": {
			{"pressure", "ratio", `rate({__name__=~"node_pressure_.+_waiting_seconds_total"}[$w])`},
		},
		"filesystem": {
			{"filesystem_use", "ratio", `1 - node_filesystem_avail_bytes / node_filesystem_size_bytes`},
			{"filesystem_free", "bytes", `node_filesystem_avail_bytes`},
			{"filesystem_inodes", "ratio", `1 - node_filesystem_files_free / (node_filesystem_files > 0)`},
		},
		"disk": {
			{"disk_busy", "ratio", `rate(node_disk_io_time_seconds_total[$w])`},
			{"disk_read", "bytes/s", `rate(node_disk_read_bytes_total[$w])`},
			{"disk_written", "bytes/s", `rate(node_disk_written_bytes_total[$w])`},
		},
		"network": {
			{"network_received", "bytes/s", `rate(node_network_receive_bytes_total[$w])`},
			{"network_sent", "bytes/s", `rate(node_network_transmit_bytes_total[$w])`},
			{"network_faults", "", `rate({__name__=~"node_network_(receive|transmit)_(errs|drop)_total"}[$w])`},
		},
		"processes": {
			{"processes", "", `{__name__=~"node_processes_(pids|threads)"}`},
			{"process_states", "", `node_processes_state`},
		},
		"conntrack": {
			{"conntrack", "ratio", `node_nf_conntrack_entries / node_nf_conntrack_entries_limit`},
		},
		"files": {
			{"files", "ratio", `node_filefd_allocated / node_filefd_maximum`},
		},
		"timesync": {
			{"time_offset", "seconds", `node_timex_offset_seconds`},
		},
		"temperature": {
			{"temperature", "", `{__name__=~"node_hwmon_temp_celsius|node_thermal_zone_temp"}`},
		},
		"units": {
			{"units", "", `node_systemd_units`},
		},
	}
}

// maxDrawn bounds the charts of a check we do not know.
const maxDrawn = 8

// checkCharts are the charts of a check: those made for it, or its own series
// as they are; last, how long it takes.
func (r *request) checkCharts(res checks.Result, s span) []lazyChart {
	window := max(time.Minute, 4*res.Every, s.step()).Truncate(time.Second)
	var out []lazyChart
	add := func(title, unit, expr string) {
		expr = strings.ReplaceAll(expr, "$w", fmt.Sprintf("%ds", int(window.Seconds())))
		out = append(out, lazyChart{title, unit, "/chart?" + query("expr", expr, "range", s.ID, "unit", unit)})
	}
	kind, _, _ := strings.Cut(res.Check, "/")
	made := drawings()[kind]
	for _, d := range made {
		add(r.T("console.chart."+d.title), d.unit, d.expr)
	}
	if len(made) == 0 {
		for _, d := range ownSeries(res) {
			add(d.title, d.unit, d.expr)
		}
	}
	add(r.T("console.chart.duration"), "seconds", fmt.Sprintf("xunjian_check_duration_seconds{check=%q}", res.Check))
	return out
}

// ownSeries draws the families a check measured, one chart each.
func ownSeries(res checks.Result) []drawing {
	var out []drawing
	seen := map[string]bool{}
	for _, s := range res.Samples {
		name := s.Desc.Name
		if seen[name] || s.Suffix != "" || strings.HasSuffix(name, "_info") || len(out) == maxDrawn {
			continue
		}
		seen[name] = true
		d := drawing{name, unitOf(name), name}
		if s.Desc.Kind == checks.Counter {
			d = drawing{"rate(" + name + ")", "", "rate(" + name + "[$w])"}
		}
		out = append(out, d)
	}
	return out
}

// unitOf reads the unit that a metric's name ends with.
func unitOf(name string) string {
	for suffix, unit := range map[string]string{"_bytes": "bytes", "_ratio": "ratio", "_seconds": "seconds"} {
		if strings.HasSuffix(name, suffix) {
			return unit
		}
	}
	return ""
}

// lazyChart is a chart that the page fetches by itself.
type lazyChart struct{ Title, Unit, URL string }
