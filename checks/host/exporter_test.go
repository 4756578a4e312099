//go:build linux

package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"xunjian/checks"
)

// exporter starts Debian's node_exporter with the collectors that stand beside
// our checks, looking at the same machine and leaving out the same things, and
// returns a function that scrapes it.
func exporter(t *testing.T, cfg Config) func() map[string]*dto.MetricFamily {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	args := []string{
		"--web.listen-address=" + address, "--web.disable-exporter-metrics", "--log.level=error",
		"--path.procfs=" + cfg.Procfs, "--path.sysfs=" + cfg.Sysfs, "--path.rootfs=" + cfg.Rootfs,
		"--path.udev.data=" + filepath.Join(cfg.Rootfs, "run/udev/data"),
		"--collector.disable-defaults", "--no-collector.netdev.netlink",
		"--collector.filesystem.mount-points-exclude=" + cfg.Filesystem.IgnoredMounts,
		"--collector.filesystem.fs-types-exclude=" + cfg.Filesystem.IgnoredTypes,
		"--collector.diskstats.device-exclude=" + cfg.Disk.IgnoredDevices,
		"--collector.netdev.device-exclude=" + cfg.Network.IgnoredDevices,
		"--collector.netclass.ignored-devices=" + cfg.Network.IgnoredDevices,
		"--collector.netstat.fields=" + netstatShown.String(),
	}
	for _, c := range []string{"bonding", "conntrack", "cpu", "diskstats", "edac", "filefd", "filesystem", "hwmon", "loadavg",
		"mdadm", "meminfo", "netclass", "netdev", "netstat", "os", "pressure", "processes", "sockstat", "softnet", "stat",
		"thermal_zone", "time", "timex", "uname", "vmstat"} {
		args = append(args, "--collector."+c)
	}
	cmd := exec.Command("prometheus-node-exporter", args...)
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatalf("start node_exporter (Debian package prometheus-node-exporter): %v", err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("node_exporter said: %s", log.String())
		}
	})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	scrape := func() map[string]*dto.MetricFamily {
		t.Helper()
		var body string
		for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
			if body, err = get(client, "http://"+address+"/metrics"); err == nil {
				break
			}
			if time.Since(began) > 10*time.Second {
				t.Fatalf("scrape node_exporter: %v\n%s", err, log.String())
			}
		}
		parser := expfmt.NewTextParser(model.LegacyValidation)
		families, err := parser.TextToMetricFamilies(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		maps.DeleteFunc(families, func(name string, _ *dto.MetricFamily) bool {
			return !strings.HasPrefix(name, "node_") || strings.HasPrefix(name, "node_scrape_") || name == "node_exporter_build_info"
		})
		return families
	}
	return scrape
}

func get(client *http.Client, url string) (string, error) {
	resp, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, b)
	}
	return string(b), err
}

// scraped is one series of node_exporter's.
type scraped struct {
	kind  string
	value float64
}

func flatten(families map[string]*dto.MetricFamily) map[string]scraped {
	all := map[string]scraped{}
	for name, f := range families {
		for _, m := range f.Metric {
			var pairs []string
			for _, l := range m.Label {
				pairs = append(pairs, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			slices.Sort(pairs)
			key := name
			if len(pairs) > 0 {
				key += "{" + strings.Join(pairs, ",") + "}"
			}
			v := m.GetGauge().GetValue() + m.GetCounter().GetValue() + m.GetUntyped().GetValue()
			all[key] = scraped{strings.ToLower(f.GetType().String()), v}
		}
	}
	return all
}

// ours are the samples of all checks, by series.
func ours(t *testing.T, list []checks.Check) map[string]checks.Sample {
	t.Helper()
	all := map[string]checks.Sample{}
	for _, s := range lookAll(t, list) {
		if s.err != nil && !errors.Is(s.err, checks.ErrNotApplicable) {
			t.Fatalf("%s: %v", s.name, s.err)
		}
		for _, x := range s.out.Samples() {
			if _, twice := all[series(x)]; twice {
				t.Errorf("%s is there twice", series(x))
			}
			all[series(x)] = x
		}
	}
	return all
}

func family(series string) string {
	name, _, _ := strings.Cut(series, "{")
	return name
}

// left are the families that node_exporter has and we leave out, each for a
// reason.
var left = map[string]string{
	"node_cooling_device_cur_state":        "says nothing that the temperature does not",
	"node_cooling_device_max_state":        "says nothing that the temperature does not",
	"node_processes_threads_state":         "costs a read of every thread of the machine",
	"node_network_address_assign_type":     "never asked for; twelve files less to read for each interface",
	"node_network_device_id":               "the same",
	"node_network_dormant":                 "the same",
	"node_network_iface_id":                "the same",
	"node_network_iface_link":              "the same",
	"node_network_iface_link_mode":         "the same",
	"node_network_name_assign_type":        "the same",
	"node_network_net_dev_group":           "the same",
	"node_network_protocol_type":           "the same",
	"node_network_receive_nohandler_total": "only netlink has it",
	"node_time_clocksource_available_info": "says nothing of the clock's state",
	"node_time_clocksource_current_info":   "says nothing of the clock's state",
	"node_time_zone_offset_seconds":        "says nothing of the clock's state",
}

// mended are the series in which Debian's node_exporter 1.5 differs from later
// ones, which we follow.
var mended = regexp.MustCompile(`^node_(cpu_(guest_)?seconds_total|softnet_\w+)\{cpu="[23]"` + // made up a processor that is offline
	`|^node_disk_info\{device="sda",.*,serial="(SHORT1|PRINTED1)"` + // prefers the serial that is printed on the disk
	`|^node_filesystem_readonly\{.*mountpoint="/gone"`) // tells it of mounts that fail, too

// compareShapes tells where names, types and label sets differ.
func compareShapes(t *testing.T, mine map[string]checks.Sample, theirs map[string]scraped, mended *regexp.Regexp) {
	t.Helper()
	families := map[string]bool{}
	for _, s := range mine {
		families[s.Desc.Name] = true
	}
	shared := map[string]bool{}
	for key, s := range theirs {
		name := family(key)
		if _, known := left[name]; known {
			if families[name] {
				t.Errorf("%s stands among those left out, but is there", name)
			}
			continue
		}
		shared[name] = true
		m, ok := mine[key]
		switch {
		case !ok && mended.MatchString(key):
		case !ok:
			t.Errorf("node_exporter has %s %v, we do not", key, s.value)
		case m.Desc.Kind.String() != s.kind:
			t.Errorf("%s is a %s, node_exporter has a %s", key, m.Desc.Kind, s.kind)
		}
	}
	for key := range mine {
		if _, ok := theirs[key]; !ok && shared[family(key)] && !mended.MatchString(key) {
			t.Errorf("we have %s, node_exporter does not", key)
		}
	}
	if len(shared) == 0 {
		t.Error("no family is shared")
	}
	t.Logf("%d series of %d families compared", len(theirs), len(shared))
}

// The fixture stands still, so every value must be the same to the last bit.
func TestSameAsNodeExporterOnFixture(t *testing.T) {
	cfg := machine(t)
	scrape := exporter(t, cfg)
	theirs := flatten(scrape())
	mine := ours(t, Checks(cfg))
	compareShapes(t, mine, theirs, mended)
	known := map[string]bool{}
	for key := range theirs {
		known[family(key)] = true
	}
	for key := range mine {
		if !known[family(key)] {
			t.Errorf("we have %s, of a family that node_exporter does not know", key)
		}
	}
	for key, s := range theirs {
		m, ok := mine[key]
		name := family(key)
		if !ok || name == "node_time_seconds" || strings.HasPrefix(name, "node_timex_") || strings.HasPrefix(name, "node_filesystem_") {
			continue
		}
		if m.Value != s.value {
			t.Errorf("%s is %v, node_exporter has %v", key, m.Value, s.value)
		}
	}
}

// On the living machine node_exporter looks between two looks of ours: counters
// must lie between, gauges near. What moves fast gets a few tries.
func TestSameAsNodeExporterLive(t *testing.T) {
	cfg := Default()
	cfg.Filesystem.IgnoredTypes = cfg.Filesystem.IgnoredTypes[:len(cfg.Filesystem.IgnoredTypes)-2] + `|tmpfs)$` // other tests mount some
	scrape, list := exporter(t, cfg), Checks(cfg)
	scrape() // the first one is slow
	var wrong []string
	for range 5 {
		before := ours(t, list)
		theirs := flatten(scrape())
		after := ours(t, list)
		wrong = nil
		for key, s := range theirs {
			a, ok := before[key]
			b, ok2 := after[key]
			if ok && ok2 && !between(a, b, s.value) {
				wrong = append(wrong, fmt.Sprintf("%s is %v before and %v after, node_exporter has %v between", key, a.Value, b.Value, s.value))
			}
		}
		if len(wrong) == 0 {
			maps.DeleteFunc(theirs, func(key string, _ scraped) bool { return comesAndGoes(key) })
			maps.DeleteFunc(after, func(key string, _ checks.Sample) bool { return comesAndGoes(key) })
			compareShapes(t, after, theirs, pattern(""))
			return
		}
	}
	t.Errorf("values differ at each of five tries; at the last:\n%s", strings.Join(wrong, "\n"))
}

// comesAndGoes tells the series that are there only while a process is in that
// state.
func comesAndGoes(key string) bool { return family(key) == "node_processes_state" }

func between(a, b checks.Sample, v float64) bool {
	if a.Desc.Kind == checks.Counter {
		return v >= a.Value-1e-6 && v <= b.Value+1e-6
	}
	low, high := min(a.Value, b.Value), max(a.Value, b.Value)
	slack := math.Abs(high) * 0.02
	switch name := a.Desc.Name; {
	case strings.HasPrefix(name, "node_memory_"):
		slack += 64 << 20 // other tests run beside this one
	case strings.HasPrefix(name, "node_proc"), strings.HasPrefix(name, "node_sockstat_"), strings.HasPrefix(name, "node_filefd_"):
		slack += 40
	case name == "node_filesystem_avail_bytes", name == "node_filesystem_free_bytes":
		slack += 256 << 20
	case name == "node_disk_io_now", strings.HasPrefix(name, "node_load"), strings.HasPrefix(name, "node_netstat_"), strings.HasPrefix(name, "node_nf_conntrack"):
		slack += 10
	}
	return v >= low-slack && v <= high+slack
}

// The names pass promtool's own check, but for the words that node_exporter
// itself writes in camel case because the kernel does.
func TestPromtoolCheck(t *testing.T) {
	var text strings.Builder
	seen := map[string]bool{}
	for _, s := range lookAll(t, fixed(Checks(machine(t)))) {
		for _, x := range s.out.Samples() {
			if !seen[x.Desc.Name] {
				fmt.Fprintf(&text, "# HELP %s %s\n# TYPE %s %s\n", x.Desc.Name, x.Desc.Help, x.Desc.Name, x.Desc.Kind)
			}
			seen[x.Desc.Name] = true
			fmt.Fprintf(&text, "%s %v\n", strings.ReplaceAll(series(x), "\\x", "x"), x.Value)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "promtool", "check", "metrics")
	cmd.Stdin = strings.NewReader(groupFamilies(text.String()))
	said, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 3) { // 3: there was something to say
		t.Fatalf("promtool check metrics: %v\n%s", err, said)
	}
	for line := range strings.Lines(string(said)) {
		name, complaint, _ := strings.Cut(strings.TrimSpace(line), " ")
		camel := strings.Contains(complaint, "snake_case")
		if !camel || !strings.HasPrefix(name, "node_memory_") && !strings.HasPrefix(name, "node_netstat_") {
			t.Errorf("promtool: %s", line)
		}
	}
}

// groupFamilies puts the lines of each family together, as the format wants.
func groupFamilies(text string) string {
	heads, bodies := map[string]string{}, map[string][]string{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if f[0] == "#" {
			heads[f[2]] += line
			continue
		}
		bodies[family(f[0])] = append(bodies[family(f[0])], line)
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(heads)) {
		b.WriteString(heads[name] + strings.Join(bodies[name], ""))
	}
	return b.String()
}
