//go:build linux

package host

import (
	"context"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"slices"
	"testing"

	psnet "github.com/shirou/gopsutil/v3/net"

	"xunjian/checks"
)

// What other systems get through gopsutil is, on this one, what the direct
// readers get.
func TestPortableAgrees(t *testing.T) {
	cfg := Default()
	procs := newProcesses(cfg.Processes)
	procs.read, procs.command = portableProcesses, portableCommand
	network := newNetwork(cfg.Network)
	network.read = portableInterfaces
	disks := newDisk(cfg.Disk)
	disks.read = portableDisks
	list := Checks(cfg)
	for _, c := range []checks.Check{newCPU(portableCPU), newMemory(portableMemory), disks, network, procs} {
		direct := pickCheck(t, list, c.Name())
		var wrong []string
		for range 5 { // the machine does not stand still
			if wrong = disagreements(run(t, direct), run(t, c), run(t, direct)); len(wrong) == 0 {
				break
			}
		}
		for _, w := range wrong {
			t.Errorf("%s: %s", c.Name(), w)
		}
	}
}

// disagreements tells the samples of other that are far from those of direct
// looks before and after it.
func disagreements(before, other, after *checks.Output) (wrong []string) {
	direct := map[string][2]float64{}
	for _, s := range before.Samples() {
		direct[series(s)] = [2]float64{s.Value, s.Value}
	}
	for _, s := range after.Samples() {
		direct[series(s)] = [2]float64{direct[series(s)][0], s.Value}
	}
	if len(other.Samples()) == 0 {
		wrong = append(wrong, "nothing to compare")
	}
	for _, s := range other.Samples() {
		d, ok := direct[series(s)]
		low, high := min(d[0], d[1]), max(d[0], d[1])
		slack := 0.02*math.Abs(high) + 20
		if s.Desc.Kind == checks.Gauge && high > 1<<20 {
			slack += 64 << 20
		}
		if s.Desc != netUp && (!ok || s.Value < low-slack || s.Value > high+slack) { // gopsutil tells whether it is turned on
			wrong = append(wrong, fmt.Sprintf("%s is %v through gopsutil, directly between %v and %v", series(s), s.Value, low, high))
		}
	}
	return wrong
}

func TestPortableFilesystem(t *testing.T) {
	c := newFilesystem(Default().Filesystem)
	c.mounts, c.usage = portableMounts, portableUsage
	f := finding(t, run(t, c), "filesystem.space", "/")
	g := finding(t, run(t, pickCheck(t, Checks(Default()), "filesystem")), "filesystem.space", "/")
	for _, key := range []string{"used", "size", "files_used"} {
		if a, b := f.Args[key].(float64), g.Args[key].(float64); math.Abs(a-b) > 0.01*max(a, b) {
			t.Errorf("%s is %v through gopsutil, directly %v", key, a, b)
		}
	}
}

func TestPortableNames(t *testing.T) {
	l, err := portableSystem()
	if err != nil || l.uname[4] == "" || l.release["ID"] == "" {
		t.Errorf("%+v, %v", l, err)
	}
	u, err := portableUptime()
	direct, err2 := newUptimeReader(Default()).read()
	if err != nil || err2 != nil || (u.uptime-direct.uptime).Abs().Seconds() > 5 {
		t.Errorf("uptime %v, directly %v, %v %v", u.uptime, direct.uptime, err, err2)
	}
}

func TestPortableCommand(t *testing.T) {
	self := process{pid: os.Getpid()}
	if line, ok := portableCommand(t.Context(), self); !ok || line == "" {
		t.Errorf("%q, %v", line, ok)
	}
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if line, ok := portableCommand(t.Context(), process{pid: cmd.Process.Pid}); !ok || line != "" {
		t.Errorf("a process that is gone: %q, %v", line, ok)
	}
}

func TestPortableSockets(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	s, err := portableSockets(t.Context(), psnet.ConnectionsWithContext)
	if err != nil {
		t.Fatal(err)
	}
	want := Listener{Protocol: "tcp", Address: "127.0.0.1", Port: port, PID: os.Getpid()}
	if !slices.Contains(s.Listening, want) || s.TCP["listen"] == 0 {
		t.Errorf("%+v is not in %+v", want, s)
	}
	failing := func(context.Context, string) ([]psnet.ConnectionStat, error) { return nil, os.ErrPermission }
	if _, err := portableSockets(t.Context(), failing); err == nil {
		t.Error("no error")
	}
}
