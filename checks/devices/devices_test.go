package devices

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"

	"xunjian/checks"
	"xunjian/checks/checktest"
)

func profiles(t *testing.T) *Profiles {
	t.Helper()
	p, err := loadProfiles(nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func look(t *testing.T, d Device) checks.Result {
	t.Helper()
	return checks.RunOnce(t.Context(), newAsk(d, profiles(t)), time.Now())
}

// value is the one sample of a metric with these label values among its own.
func value(t *testing.T, res checks.Result, metric string, labels ...string) (float64, bool) {
	t.Helper()
	for _, s := range res.Samples {
		if s.Desc.Name == metric && !slices.ContainsFunc(labels, func(l string) bool { return !slices.Contains(s.Values, l) }) {
			return s.Value, true
		}
	}
	return 0, false
}

func wants(t *testing.T, res checks.Result, want map[string]float64) {
	t.Helper()
	for what, v := range want {
		metric, label, _ := strings.Cut(what, " ")
		var labels []string
		if label != "" {
			labels = []string{label}
		}
		if got, ok := value(t, res, metric, labels...); !ok || got < v-1e-9 || got > v+1e-9 {
			t.Errorf("%s is %v (there: %v), want %v", what, got, ok, v)
		}
	}
}

func codes(res checks.Result) string {
	var out []string
	for _, f := range res.Findings {
		out = append(out, f.Code)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

const entName = "1.3.6.1.2.1.47.1.1.1.1.7."

// makes are devices of each make, with one fan or power supply that is not in
// order, and components without a value.
var makes = map[string]struct {
	says     string
	want     map[string]float64
	findings string
}{
	"huawei": {says("1.3.6.1.4.1.2011.2.23.339",
		entName+"67108867", "octet_str", `"LPU Board 0"`, entName+"68157445", "octet_str", `"FAN 1"`,
		"1.3.6.1.4.1.2011.5.25.31.1.1.1.1.5.67108867", "integer", "23", "1.3.6.1.4.1.2011.5.25.31.1.1.1.1.5.68157445", "integer", "0",
		"1.3.6.1.4.1.2011.5.25.31.1.1.1.1.7.67108867", "integer", "61", "1.3.6.1.4.1.2011.5.25.31.1.1.1.1.11.67108867", "integer", "42",
		"1.3.6.1.4.1.2011.5.25.31.1.1.1.1.11.68157445", "integer", "2147483647",
		"1.3.6.1.4.1.2011.5.25.31.1.1.10.1.7.0.1", "integer", "1", "1.3.6.1.4.1.2011.5.25.31.1.1.10.1.7.0.2", "integer", "2",
		"1.3.6.1.4.1.2011.5.25.31.1.1.18.1.6.0.1", "integer", "1", "1.3.6.1.4.1.2011.5.25.31.1.1.18.1.6.0.2", "integer", "2"),
		map[string]float64{"xunjian_device_cpu_usage_ratio LPU Board 0": 0.23, "xunjian_device_memory_usage_ratio LPU Board 0": 0.61, "xunjian_device_temperature_celsius LPU Board 0": 42,
			"xunjian_device_fan_ok 0.1": 1, "xunjian_device_fan_ok 0.2": 0, "xunjian_device_power_supply_ok 0.1": 1, "xunjian_device_power_supply_ok 0.2": 0},
		"device.fan device.power"},
	"h3c": {says("1.3.6.1.4.1.25506.1.1192",
		entName+"1", "octet_str", `"Board"`, entName+"2", "octet_str", `"Fan 1"`, entName+"3", "octet_str", `"PSU 1"`,
		"1.3.6.1.2.1.47.1.1.1.1.5.1", "integer", "9", "1.3.6.1.2.1.47.1.1.1.1.5.2", "integer", "7", "1.3.6.1.2.1.47.1.1.1.1.5.3", "integer", "6",
		"1.3.6.1.4.1.25506.2.6.1.1.1.1.6.1", "integer", "12", "1.3.6.1.4.1.25506.2.6.1.1.1.1.8.1", "integer", "55", "1.3.6.1.4.1.25506.2.6.1.1.1.1.12.1", "integer", "38",
		"1.3.6.1.4.1.25506.2.6.1.1.1.1.19.1", "integer", "2", "1.3.6.1.4.1.25506.2.6.1.1.1.1.19.2", "integer", "41", "1.3.6.1.4.1.25506.2.6.1.1.1.1.19.3", "integer", "4"),
		map[string]float64{"xunjian_device_cpu_usage_ratio Board": 0.12, "xunjian_device_memory_usage_ratio Board": 0.55, "xunjian_device_fan_ok Fan 1": 0, "xunjian_device_part_ok Board": 1},
		"device.fan"},
	"ruijie": {says("1.3.6.1.4.1.4881.1.2.1.1.72",
		"1.3.6.1.4.1.4881.1.1.10.2.36.1.1.2.0", "integer", "9", "1.3.6.1.4.1.4881.1.1.10.2.35.1.1.1.3.1", "integer", "33", "1.3.6.1.4.1.4881.1.1.10.2.1.1.16.0", "integer", "41"),
		map[string]float64{"xunjian_device_cpu_usage_ratio 0": 0.09, "xunjian_device_memory_usage_ratio 1": 0.33, "xunjian_device_temperature_celsius 0": 41},
		"device.well"},
	"cisco": {says("1.3.6.1.4.1.9.1.1208",
		"1.3.6.1.4.1.9.9.109.1.1.1.1.7.1", "unsigned", "17", "1.3.6.1.4.1.9.9.48.1.1.1.2.1", "octet_str", `"Processor"`, "1.3.6.1.4.1.9.9.48.1.1.1.5.1", "unsigned", "300", "1.3.6.1.4.1.9.9.48.1.1.1.6.1", "unsigned", "100",
		"1.3.6.1.4.1.9.9.13.1.4.1.2.1", "octet_str", `"Fan tray"`, "1.3.6.1.4.1.9.9.13.1.4.1.3.1", "integer", "3", "1.3.6.1.4.1.9.9.13.1.5.1.2.1", "octet_str", `"PS A"`, "1.3.6.1.4.1.9.9.13.1.5.1.3.1", "integer", "1",
		"1.3.6.1.4.1.9.9.13.1.5.1.2.2", "octet_str", `"PS B"`, "1.3.6.1.4.1.9.9.13.1.5.1.3.2", "integer", "5"),
		map[string]float64{"xunjian_device_cpu_usage_ratio 1": 0.17, "xunjian_device_memory_usage_ratio Processor": 0.75, "xunjian_device_fan_ok Fan tray": 0, "xunjian_device_power_supply_ok PS A": 1},
		"device.fan"},
	"ups": {says("1.3.6.1.4.1.318.1.3.27",
		"1.3.6.1.2.1.33.1.2.1.0", "integer", "2", "1.3.6.1.2.1.33.1.2.2.0", "integer", "95", "1.3.6.1.2.1.33.1.2.3.0", "integer", "12", "1.3.6.1.2.1.33.1.2.4.0", "integer", "80",
		"1.3.6.1.2.1.33.1.4.1.0", "integer", "5", "1.3.6.1.2.1.33.1.4.4.1.5.1", "integer", "40", "1.3.6.1.2.1.33.1.6.1.0", "unsigned", "2"),
		map[string]float64{"upsSecondsOnBattery": 95, "xunjian_device_ups_remaining_seconds": 720, "xunjian_device_ups_charge_ratio": 0.8, "xunjian_device_ups_mains_ok": 0, "xunjian_device_ups_battery_ok": 1,
			"xunjian_device_ups_load_ratio 1": 0.4, "upsAlarmsPresent": 2},
		"device.ups_output"},
}

func TestMakes(t *testing.T) {
	s := simulate(t, says("1.3.6.1.4.1.9.1.1"))
	for name, m := range makes {
		t.Run(name, func(t *testing.T) {
			s.t = t
			s.configure(m.says)
			for _, l := range []Login{s.v2c(t), s.v3(t)} {
				res := look(t, s.device(l))
				if res.Error != "" || codes(res) != m.findings {
					t.Errorf("%s %q: %+v\n%s", codes(res), res.Error, res.Findings, s.log.String())
				}
				wants(t, res, m.want)
				wants(t, res, map[string]float64{"xunjian_device_up": 1})
				if up, ok := value(t, res, "sysUpTime"); !ok || up <= 0 {
					t.Errorf("up for %v", up)
				}
			}
			for what := range m.want {
				metric, _, _ := strings.Cut(what, " ")
				n := 0
				for _, sm := range look(t, s.device(s.v2c(t))).Samples {
					if sm.Desc.Name == metric {
						n++
					}
				}
				want := 0
				for other := range m.want {
					if o, _, _ := strings.Cut(other, " "); o == metric {
						want++
					}
				}
				if n != want {
					t.Errorf("%d of %s, want %d: a component without a value is none", n, metric, want)
				}
			}
		})
	}
}

// The machine under snmpd is a device of no make: its memory,
// and its interfaces as the kernel has them.
func TestInterfacesOfThisMachine(t *testing.T) {
	s := simulate(t, "sysName core\n")
	d := s.device(s.v2c(t))
	d.Exclude = "^none$"
	res := look(t, d)
	if codes(res) != "device.well" {
		t.Fatalf("%+v", res.Findings)
	}
	if v, ok := value(t, res, "ifOperStatus", "lo"); !ok || v != 1 {
		t.Errorf("lo is %v, %v", v, ok)
	}
	before, ok := value(t, res, "ifHCInOctets", "lo")
	b, err := os.ReadFile("/sys/class/net/lo/statistics/rx_bytes")
	var kernel float64
	fmt.Sscan(string(b), &kernel)
	if !ok || err != nil || before <= 0 || before > kernel {
		t.Errorf("lo has received %v (%v), the kernel says %v (%v)", before, ok, kernel, err)
	}
	if v, ok := value(t, res, "xunjian_device_memory_usage_ratio", "Physical memory"); !ok || v <= 0 || v > 1 {
		t.Errorf("memory: %v, %v", v, ok)
	}
	d.Exclude = ""
	if _, ok := value(t, look(t, d), "ifOperStatus", "lo"); ok {
		t.Error("a loopback is seen by default")
	}
}

// A device that is frozen, one that is gone, and one that does not know us do
// not answer: that is unknown, never well; no secret is said.
func TestSilence(t *testing.T) {
	for what, ask := range map[string]func(*testing.T, *simulated) Device{
		"wrong community": func(t *testing.T, s *simulated) Device {
			return s.device(Login{CommunityFile: file(t, "canary-wrong")})
		},
		"wrong pass phrase": func(t *testing.T, s *simulated) Device {
			wrong := s.v3(t)
			wrong.AuthPasswordFile = file(t, "canary-wrong-pass")
			return s.device(wrong)
		},
		"frozen": func(t *testing.T, s *simulated) Device {
			s.signal(syscall.SIGSTOP)
			return s.device(s.v2c(t))
		},
		"gone": func(t *testing.T, s *simulated) Device {
			d := s.device(s.v3(t))
			s.stop()
			return d
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, says("1.3.6.1.4.1.9.1.1"))
			res := look(t, ask(t, s))
			wants(t, res, map[string]float64{"xunjian_device_up": 0})
			if res.Verdict != checks.Unknown || codes(res) != "device.silent" {
				t.Errorf("%v %s", res.Verdict, codes(res))
			}
			if said := fmt.Sprintf("%+v", res); strings.Contains(said, "canary") {
				t.Errorf("a secret is said: %s", said)
			}
			if what == "frozen" {
				s.signal(syscall.SIGCONT)
				if res := look(t, s.device(s.v2c(t))); res.Verdict != checks.OK {
					t.Errorf("thawed: %v %+v", res.Verdict, res.Findings)
				}
			}
		})
	}
}

func TestEvidence(t *testing.T) {
	s := simulate(t, "sysName core\n")
	got, err := newAsk(s.device(s.v3(t)), profiles(t)).Evidence(t.Context())
	if err != nil || len(got) != 2 || got[0].Rows[0][0] != "core" || len(got[1].Rows) == 0 {
		t.Errorf("%+v %v", got, err)
	}
}

func TestConform(t *testing.T) {
	s := simulate(t, says("1.3.6.1.4.1.9.1.1"))
	d := s.device(s.v2c(t))
	gone := Device{Name: "sw1", Address: s.address, Login: Login{CommunityFile: "/nonexistent"}}
	checktest.Conform(t, func() checks.Check { return newAsk(d, profiles(t)) }, checktest.Soon(3*time.Second),
		checktest.Broken(func() checks.Check { return newAsk(gone, profiles(t)) }))
}

// Traps of Debian's snmptrap in versions 1, 2c and 3 and an inform are taken in
// from those who are known, and from nobody else.
func TestTraps(t *testing.T) {
	for _, p := range []string{"snmptrap", "snmpinform"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Fatalf("%s is missing, run make packages: %v", p, err)
		}
	}
	cfg := Traps{Listen: "127.0.0.1:0", CommunityFiles: []string{file(t, community)}, Users: []User{(&simulated{}).v3(t).User}}
	keeper := &kept{room: 4}
	tr := newTraps(cfg, []Device{{Name: "sw1", Address: "127.0.0.1"}}, profiles(t), keeper)
	ctx, cancel := context.WithCancel(t.Context())
	woken := make(chan struct{}, 100)
	done := make(chan error, 1)
	go func() { done <- tr.Serve(ctx, func() { woken <- struct{}{} }) }()
	<-woken
	run := func() checks.Result { return checks.RunOnce(t.Context(), tr, time.Now()) }
	if res := run(); codes(res) != "traps.quiet" {
		t.Errorf("at first: %s", codes(res))
	}
	send := func(program string, args ...string) error {
		tr.mu.Lock()
		at := tr.address
		tr.mu.Unlock()
		for n, a := range args {
			args[n] = strings.ReplaceAll(a, "TO", at)
		}
		cmd := exec.Command(program, args...)
		cmd.Env = append(os.Environ(), "MIBS=", "SNMP_PERSISTENT_DIR="+t.TempDir())
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		return err
	}
	const link = ".1.3.6.1.6.3.1.1.5.3"
	user := func(auth, priv string) []string {
		return []string{"-v3", "-e", "0x8000000001020304", "-u", "watch", "-l", "authPriv", "-a", "SHA-256", "-A", auth, "-x", "AES", "-X", priv}
	}
	index := []string{".1.3.6.1.2.1.2.2.1.1.7", "i", "7"}
	for name, args := range map[string][]string{
		"version 1":       append([]string{"-v1", "-c", community, "TO", ".1.3.6.1.4.1.9", "127.0.0.1", "2", "0", ""}, index...),
		"version 2c":      append([]string{"-v2c", "-c", community, "TO", "", link}, index...),
		"version 3":       append(append(user(authPass, privPass), "TO", "", link), index...),
		"wrong community": append([]string{"-v2c", "-c", "public", "TO", "", link}, index...),
		"wrong pass":      append(append(user("canary-wrong-pass", privPass), "TO", "", link), index...),
		"no pass":         append([]string{"-v3", "-e", "0x8000000001020304", "-u", "watch", "-l", "noAuthNoPriv", "TO", "", link}, index...),
		"unknown":         {"-v2c", "-c", community, "TO", "", ".1.3.6.1.4.1.99999.0.1"},
	} {
		if err := send("snmptrap", args...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := send("snmpinform", append([]string{"-v2c", "-c", community, "-r", "3", "-t", "5", "TO", "", link}, index...)...); err != nil {
		t.Errorf("an inform is not confirmed: %v", err)
	}
	var res checks.Result
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		res = run()
		n, _ := value(t, res, "xunjian_device_traps_total", "link-down")
		c, _ := value(t, res, "xunjian_device_traps_refused_total", "community")
		u, _ := value(t, res, "xunjian_device_traps_refused_total", "user")
		if n >= 4 && c >= 1 && u >= 2 {
			break
		}
	}
	wants(t, res, map[string]float64{"xunjian_device_traps_total link-down": 4, "xunjian_device_traps_total other": 1,
		"xunjian_device_traps_refused_total community": 1, "xunjian_device_traps_refused_total user": 2})
	if codes(res) != "traps.link_down" || res.Findings[0].Args["device"] != "sw1" || !strings.Contains(res.Findings[0].Evidence, "1.3.6.1.2.1.2.2.1.1.7=7") {
		t.Errorf("%+v", res.Findings)
	}
	// Each is kept, or counted as dropped.
	wants(t, res, map[string]float64{"xunjian_device_traps_dropped_total": 1})
	for _, k := range keeper.list {
		if k.Address != "127.0.0.1" || k.Device != "sw1" || k.At.IsZero() ||
			k.Event == "link-down" && (!k.Bad || k.OID != link[1:] || !slices.Contains(k.Values, Value{"1.3.6.1.2.1.2.2.1.1.7", "7"})) {
			t.Errorf("kept: %+v", k)
		}
	}
	if len(keeper.list) != 4 {
		t.Errorf("%d are kept", len(keeper.list))
	}
	if e, err := tr.Evidence(t.Context()); err != nil || len(e[0].Rows) != 5 {
		t.Errorf("%+v %v", e, err)
	}
	if len(woken) == 0 {
		t.Error("a bad trap wakes nobody")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// kept keeps a few traps.
type kept struct {
	room int
	list []Received
}

func (k *kept) Keep(t Received) bool {
	if len(k.list) == k.room {
		return false
	}
	k.list = append(k.list, t)
	return true
}

func TestAValueIsKeptWhole(t *testing.T) {
	for want, v := range map[string]any{
		"GigabitEthernet0/0/1  核心": []byte("GigabitEthernet0/0/1  核心"), "0xdec0deff": []byte{0xde, 0xc0, 0xde, 0xff}, "0x0a": []byte("\n"), "7": 7, "1.3.6": ".1.3.6", "": nil,
	} {
		if got := whole(gosnmp.SnmpPDU{Value: v}); got != want {
			t.Errorf("%v reads %q, want %q", v, got, want)
		}
	}
}

func FuzzTrap(f *testing.F) {
	f.Add([]byte("\x30\x26\x02\x01\x01\x04\x06public\xa7\x19\x02\x04\x00\x00\x00\x01\x02\x01\x00\x02\x01\x00\x30\x0b\x30\x09\x06\x05\x2b\x06\x01\x02\x01\x05\x00"))
	f.Add([]byte{0x30, 0x82, 0xff, 0xff})
	p, err := loadProfiles(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) { fuzzTrap(t, p, b) })
}
