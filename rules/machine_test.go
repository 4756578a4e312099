package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

// machine is a healthy server of about 600 series, as its checks tell of it.
type machine struct {
	sources []string
	points  map[string][]Point
	index   map[string]*Point
	every   map[string]time.Duration
}

func newMachine() *machine {
	m := &machine{points: map[string][]Point{}, index: map[string]*Point{}, every: map[string]time.Duration{}}
	m.cpu()
	m.memory()
	m.filesystems()
	m.disks()
	m.network()
	m.rest()
	for _, src := range m.sources {
		m.set(src, `xunjian_check_success{check="`+src+`"}`, 1)
		m.set(src, `xunjian_check_verdict{check="`+src+`"}`, 0)
		m.set(src, `xunjian_check_series_dropped_total{check="`+src+`"}`, 0)
		m.set(src, `xunjian_check_duration_seconds{check="`+src+`"}`, 0.01)
	}
	for src, points := range m.points {
		for i := range points {
			m.index[points[i].Labels.String()] = &m.points[src][i]
		}
	}
	return m
}

func (m *machine) set(src, series string, v float64) {
	if !slices.Contains(m.sources, src) {
		m.sources = append(m.sources, src)
	}
	ls, err := newParser().ParseMetric(series)
	if err != nil {
		panic(err)
	}
	ls = labels.NewBuilder(ls).Set("instance", "db1").Set("job", "xunjian").Labels()
	counter := strings.HasSuffix(ls.Get("__name__"), "_total") || strings.HasPrefix(ls.Get("__name__"), "node_netstat_") || strings.HasPrefix(ls.Get("__name__"), "node_vmstat_")
	m.points[src] = append(m.points[src], Point{Labels: ls, Value: v, Counter: counter})
}

// at returns the number of a series, to change it.
func (m *machine) at(t testing.TB, series string) *float64 {
	t.Helper()
	ls, err := newParser().ParseMetric(series)
	if err != nil {
		t.Fatal(err)
	}
	key := labels.NewBuilder(ls).Set("instance", "db1").Set("job", "xunjian").Labels().String()
	p := m.index[key]
	if p == nil {
		t.Fatalf("the machine has no %s", key)
	}
	return &p.Value
}

func (m *machine) cpu() {
	for cpu := range 4 {
		for mode, v := range map[string]float64{"idle": 9e5, "iowait": 1e3, "irq": 0, "nice": 10, "softirq": 500, "steal": 0, "system": 2e4, "user": 8e4} {
			m.set("cpu", fmt.Sprintf(`node_cpu_seconds_total{cpu="%d",mode="%s"}`, cpu, mode), v)
		}
	}
	for _, n := range []string{"node_load1", "node_load5", "node_load15"} {
		m.set("cpu", n, 0.7)
	}
	for _, n := range []string{"cpu_waiting", "io_stalled", "io_waiting", "memory_stalled", "memory_waiting"} {
		m.set("pressure", "node_pressure_"+n+"_seconds_total", 1000)
	}
}

func (m *machine) memory() {
	for i := range 40 {
		m.set("memory", fmt.Sprintf("node_memory_Field%d_bytes", i), 1e9)
	}
	for n, v := range map[string]float64{"MemTotal": 16e9, "MemAvailable": 9e9, "SwapTotal": 4e9, "SwapFree": 4e9} {
		m.set("memory", "node_memory_"+n+"_bytes", v)
	}
	for _, n := range []string{"pswpin", "pswpout", "oom_kill", "pgfault", "pgmajfault", "pgpgin", "pgpgout"} {
		m.set("memory", "node_vmstat_"+n, 100)
	}
}

func (m *machine) filesystems() {
	for _, mount := range []string{"/", "/boot", "/data", "/var", "/tmp", "/mnt/small"} {
		l := fmt.Sprintf(`{device="/dev/%s",fstype="ext4",mountpoint="%s"}`, strings.Trim(mount, "/"), mount)
		for n, v := range map[string]float64{"size_bytes": 1e8, "free_bytes": 7e7, "avail_bytes": 6e7, "files": 1e6, "files_free": 9e5, "readonly": 0, "device_error": 0} {
			m.set("filesystem", "node_filesystem_"+n+l, v)
		}
	}
}

func (m *machine) disks() {
	for _, d := range []string{"sda", "sdb", "dm-0"} {
		for _, n := range []string{"reads_completed_total", "reads_merged_total", "read_bytes_total", "read_time_seconds_total", "writes_completed_total", "writes_merged_total",
			"written_bytes_total", "write_time_seconds_total", "io_now", "io_time_seconds_total", "io_time_weighted_seconds_total", "discards_completed_total", "flush_requests_total"} {
			m.set("disk", fmt.Sprintf(`node_disk_%s{device="%s"}`, n, d), 1e5)
		}
	}
	for _, s := range []string{"active", "failed", "spare"} {
		m.set("raid", `node_md_disks{device="md0",state="`+s+`"}`, map[string]float64{"active": 2}[s])
	}
	m.set("raid", `node_md_disks_required{device="md0"}`, 2)
}

func (m *machine) network() {
	for _, d := range []string{"eth0", "eth1", "docker0"} {
		for _, dir := range []string{"receive", "transmit"} {
			for _, n := range []string{"bytes", "packets", "errs", "drop", "fifo", "compressed"} {
				m.set("network", fmt.Sprintf(`node_network_%s_%s_total{device="%s"}`, dir, n, d), 1e6)
			}
		}
		m.set("network", `node_network_carrier{device="`+d+`"}`, 1)
		m.set("network", `node_network_carrier_up_changes_total{device="`+d+`"}`, 1)
		m.set("network", `node_network_up{device="`+d+`"}`, 1)
	}
	for i := range 40 {
		m.set("sockets", fmt.Sprintf("node_netstat_Tcp_Field%d", i), 1e4)
	}
	m.set("sockets", "node_netstat_Tcp_RetransSegs", 1e3)
	m.set("sockets", "node_netstat_Tcp_OutSegs", 1e6)
	m.set("sockets", "node_netstat_TcpExt_ListenDrops", 0)
	m.set("conntrack", "node_nf_conntrack_entries", 500)
	m.set("conntrack", "node_nf_conntrack_entries_limit", 65536)
}

func (m *machine) rest() {
	m.set("files", "node_filefd_allocated", 2e3)
	m.set("files", "node_filefd_maximum", 1e6)
	m.set("processes", "node_processes_pids", 300)
	m.set("processes", "node_processes_max_processes", 32768)
	m.set("processes", `node_processes_state{state="Z"}`, 0)
	m.set("uptime", "node_boot_time_seconds", float64(epoch.Unix())-1e6)
	m.set("timesync", "node_timex_sync_status", 1)
	m.set("timesync", "node_timex_maxerror_seconds", 0.01)
	m.set("timesync", "node_timex_offset_seconds", 0.001)
	m.set("temperature", `node_hwmon_temp_celsius{chip="coretemp",sensor="temp1"}`, 45)
	m.set("temperature", `node_hwmon_temp_crit_celsius{chip="coretemp",sensor="temp1"}`, 100)
	m.set("ecc", `node_edac_uncorrectable_errors_total{controller="0"}`, 0)
	m.set("ecc", `node_edac_correctable_errors_total{controller="0"}`, 3)
	for i := range 50 {
		for _, s := range []string{"active", "activating", "deactivating", "inactive", "failed"} {
			m.set("units", fmt.Sprintf(`node_systemd_unit_state{name="unit%d.service",state="%s",type="simple"}`, i, s), map[string]float64{"active": 1}[s])
		}
	}
	m.set("units", `node_systemd_units{state="active"}`, 50)
	for i := range 20 {
		m.set("filesystem", fmt.Sprintf(`xunjian_finding_verdict{check="filesystem",subject="s%d",code="filesystem.space"}`, i), 0)
	}
	m.set("agent", "xunjian_rule_evaluation_failures_total", 0)
	m.set("agent", "xunjian_tsdb_samples_in_memory", 0)
	m.set("agent", "xunjian_outbox_depth", 0)
	m.set("agent", "xunjian_outbox_dead", 0)
	m.set("agent", `xunjian_channel_up{channel="mail"}`, 1)
	m.every["units"], m.every["temperature"] = time.Minute, time.Minute
}

func (m *machine) size() (n int) {
	for _, p := range m.points {
		n += len(p)
	}
	return n
}

// live lets the counters that grow on any machine grow for a while.
func (m *machine) live(d time.Duration) {
	for _, points := range m.points {
		for i := range points {
			name := points[i].Labels.Get("__name__")
			switch {
			case name == "node_cpu_seconds_total" && points[i].Labels.Get("mode") == "idle":
				points[i].Value += d.Seconds() * 0.9
			case strings.HasSuffix(name, "_packets_total"), strings.HasSuffix(name, "_bytes_total"), strings.HasSuffix(name, "s_completed_total"), strings.HasSuffix(name, "OutSegs"):
				points[i].Value += d.Seconds() * 100
			}
		}
	}
}

func (m *machine) batches(now time.Time) []Batch {
	out := make([]Batch, 0, len(m.sources))
	for _, src := range m.sources {
		out = append(out, Batch{Source: src, Time: now, Every: max(m.every[src], 15*time.Second), Points: m.points[src]})
	}
	return out
}

// newServer is an Engine with the default rules that has watched a healthy
// machine for a while.
func newServer(t testing.TB, m *machine, d time.Duration) *world {
	t.Helper()
	w := newWorld(t, "")
	w.close()
	w.cfg.Files = nil
	w.open()
	for range int(d / step) {
		m.live(step)
		w.tick(step, m.batches(w.now)...)
	}
	return w
}

func TestHealthyMachineIsSilent(t *testing.T) {
	m := newMachine()
	w := newServer(t, m, 40*time.Minute)
	for _, a := range w.engine.Alerts() {
		if a.Rule != "Watchdog" {
			t.Errorf("of a healthy machine it says %+v", a)
		}
	}
	for _, r := range w.engine.Rules() {
		if r.Health != "ok" {
			t.Errorf("rule %s: %s %s", r.Name, r.Health, r.Error)
		}
	}
	if s := w.engine.Stats(); s.Dropped != 0 || s.Failures != 0 {
		t.Errorf("%+v", s)
	}
}

func TestFullSmallDiskIsAnIncidentAtOnce(t *testing.T) {
	m := newMachine()
	w := newServer(t, m, 10*time.Minute)
	*m.at(t, `node_filesystem_avail_bytes{device="/dev/mnt/small",fstype="ext4",mountpoint="/mnt/small"}`) = 0
	said := w.tick(step, m.batches(w.now)...)
	if len(said) != 1 || !strings.HasPrefix(said[0], "HostFilesystemFull") || !strings.HasSuffix(said[0], "firing") {
		t.Fatalf("it says %v", said)
	}
	a := w.alert(t, "HostFilesystemFull")
	if a.Labels["code"] != "E01" || a.Labels["kind"] != KindIncident || a.Labels["incident"] != "space /mnt/small" || !slices.Equal(a.Sources, []string{"filesystem"}) {
		t.Errorf("the alert is %+v", a)
	}
	if !strings.Contains(a.Annotations["summary"], "/mnt/small is full, 0% left") || !strings.Contains(a.Annotations["summary_zh"], "/mnt/small 已写满") {
		t.Errorf("it reads %v", a.Annotations)
	}
	if lines, err := w.engine.AlertSeries(context.Background(), a, w.now.Add(-time.Hour), w.now, time.Minute); err != nil || len(lines) != 3 {
		t.Errorf("the series behind it are %v, %v", lines, err)
	}
	*m.at(t, `node_filesystem_avail_bytes{device="/dev/mnt/small",fstype="ext4",mountpoint="/mnt/small"}`) = 6e7
	if said := w.tick(step, m.batches(w.now)...); len(said) != 1 || !strings.HasSuffix(said[0], "firing → ended") {
		t.Errorf("after it was freed it says %v", said)
	}
}

func TestHungMountLosesWhatWasKnownOfIt(t *testing.T) {
	m := newMachine()
	w := newServer(t, m, 2*time.Minute)
	*m.at(t, `node_filesystem_avail_bytes{device="/dev/mnt/small",fstype="ext4",mountpoint="/mnt/small"}`) = 0
	w.tick(step, m.batches(w.now)...)
	*m.at(t, `node_filesystem_device_error{device="/dev/mnt/small",fstype="ext4",mountpoint="/mnt/small"}`) = 1
	m.points["filesystem"] = slices.DeleteFunc(m.points["filesystem"], func(p Point) bool {
		name := p.Labels.Get("__name__")
		return p.Labels.Get("mountpoint") == "/mnt/small" && name != "node_filesystem_device_error" && name != "node_filesystem_readonly"
	})
	var said []string
	for range 5 {
		said = append(said, w.tick(step, m.batches(w.now)...)...)
	}
	if len(said) != 2 || !strings.HasPrefix(said[0], "HostFilesystemFull") || !strings.HasSuffix(said[0], "firing → lost") || !strings.HasPrefix(said[1], "HostFilesystemUnanswering") {
		t.Errorf("it says %v", said)
	}
}

func TestBlindRulesAreShown(t *testing.T) {
	m := newMachine()
	w := newServer(t, m, time.Minute)
	blind := map[string][]string{}
	for _, r := range w.engine.Rules() {
		// This machine has neither databases nor devices that send their log.
		if len(r.Blind) > 0 && strings.HasPrefix(r.Name, "Host") {
			blind[r.Name] = r.Blind
		}
	}
	want := map[string][]string{
		"HostBondDegraded":           {"node_bonding_active", "node_bonding_slaves"},
		"HostFilesystemReadOnly":     {`xunjian_finding_verdict{code="filesystem.readonly"}`},
		"HostRequiredServiceMissing": {`xunjian_finding_verdict{code=~"processes.missing|units.inactive|units.missing"}`},
		"HostRequiredInterfaceDown":  {`xunjian_finding_verdict{code=~"network.missing|network.no_carrier"}`},
	}
	for name, metrics := range want {
		if !slices.Equal(blind[name], metrics) {
			t.Errorf("%s is blind for %v, want %v", name, blind[name], metrics)
		}
		delete(blind, name)
	}
	if len(blind) > 0 {
		t.Errorf("blind are also %v", blind)
	}
}

func TestOneLookAtAHealthyMachine(t *testing.T) {
	m := newMachine()
	first := m.batches(epoch)
	for i := range first {
		first[i].Points = slices.Clone(first[i].Points)
	}
	m.live(5 * time.Second)
	alerts, status, err := judgeNow(context.Background(), JudgeOptions{}, first, m.batches(epoch.Add(5*time.Second)))
	if err != nil || len(alerts) > 0 || len(status) < 50 {
		t.Errorf("one look says %v, %d rules, %v", alerts, len(status), err)
	}
	*m.at(t, `node_filesystem_avail_bytes{device="/dev/data",fstype="ext4",mountpoint="/data"}`) = 1e6
	for cpu := range 4 {
		*m.at(t, fmt.Sprintf(`node_cpu_seconds_total{cpu="%d",mode="idle"}`, cpu)) -= 4.4
	}
	alerts, _, err = judgeNow(context.Background(), JudgeOptions{}, first, m.batches(epoch.Add(5*time.Second)))
	var got []string
	for _, a := range alerts {
		got = append(got, a.Rule+strings.Join(a.Sources, ","))
	}
	want := []string{"HostCPUBusycpu", "HostFilesystemAlmostFullfilesystem", "HostFilesystemFullfilesystem", "HostFilesystemSpaceLowfilesystem"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("one look says %v, %v", got, err)
	}
}
