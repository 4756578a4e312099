package syslog

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/logs/archive"
)

// TestMain lets the test program be a receiver in a process of its own, whose
// memory and processor time can be told.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SYSLOG_RECEIVER"); dir != "" {
		receive(dir)
		return
	}
	os.Exit(m.Run())
}

// account is what a receiver tells at its end.
type account struct {
	Received, Kept, Overflow, Unkept, Kernel, Waiting uint64
	Lines                                             uint64 // found again in the archive
	CPUSeconds                                        float64
	MaxRSSBytes                                       int64
	Runs                                              int
	SlowestRun                                        float64 // seconds
}

// receive listens until its input ends, running the check every second.
func receive(dir string) {
	fail := func(err error) {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	a, err := archive.Open(dir, archiveConfig(), slog.New(slog.DiscardHandler))
	if err != nil {
		fail(err)
	}
	cfg := Default()
	cfg.UDP = "127.0.0.1:0"
	c, err := NewCheck(cfg, Parts{Archive: a, Zone: time.UTC})
	if err != nil {
		fail(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Serve(ctx, func() {}) }()
	for range 1000 {
		c.mu.Lock()
		on := c.on
		c.mu.Unlock()
		if on != nil {
			fmt.Println(on.udp.LocalAddr())
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	stop := make(chan struct{})
	go func() { io.Copy(io.Discard, os.Stdin); close(stop) }()
	var out account
	for beat := time.NewTicker(time.Second); stop != nil; {
		select {
		case <-stop:
			stop = nil
		case <-beat.C:
			begun := time.Now()
			if res := checks.RunOnce(ctx, c, begun); res.Success() {
				out.Runs++
			}
			out.SlowestRun = max(out.SlowestRun, time.Since(begun).Seconds())
		}
	}
	cancel() // what is in the kernel is read first
	if err := <-ended; err != nil {
		fail(err)
	}
	out.Kernel = c.kernelDropped()
	for _, s := range c.table.sources() {
		received, overflow := c.queue.counts(s)
		out.Received += received
		out.Overflow += overflow
		out.Kept += s.kept
		out.Unkept += s.unkept
	}
	out.Waiting = uint64(c.queue.waiting())
	var use syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &use)
	out.CPUSeconds = time.Duration(use.Utime.Nano() + use.Stime.Nano()).Seconds()
	out.MaxRSSBytes = use.Maxrss << 10
	for _, err := range a.Lines(context.Background(), archive.Query{}) {
		if err != nil {
			fail(err)
		}
		out.Lines++
	}
	if err := a.Close(); err != nil {
		fail(err)
	}
	json.NewEncoder(os.Stdout).Encode(out)
}

// flood sends messages of several devices at a rate, and returns how many the
// kernel took.
func flood(t testing.TB, to string, rate int, lasts time.Duration) uint64 {
	t.Helper()
	const devices = 5
	var wg sync.WaitGroup
	var mu sync.Mutex
	var sent uint64
	for d := range devices {
		wg.Go(func() {
			from := &net.UDPAddr{IP: net.IPv4(127, 0, 1, byte(d+1))}
			at, err := net.ResolveUDPAddr("udp", to)
			if err != nil {
				t.Error(err)
				return
			}
			c, err := net.DialUDP("udp", from, at)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			n, begun := uint64(0), time.Now()
			for {
				due := uint64(time.Since(begun).Seconds() * float64(rate) / devices)
				for ; n < due; n++ {
					line := fmt.Sprintf("<190>Mar  1 12:00:00 2027 FW-%d %%%%10FILTER/6/FILTER_ZONE_EXECUTE: SrcZoneName(1025)=trust;DstZoneName(1035)=untrust;Protocol(1001)=TCP;SrcIPAddr(1003)=10.1.%d.%d;SrcPort(1004)=%d;DstIPAddr(1007)=198.51.100.%d;DstPort(1008)=443;MatchCount(1069)=1;Event(1048)=permit;", d, n>>8&255, n&255, n&0xffff, n%250)
					if _, err := c.Write([]byte(line)); err != nil {
						break // refused: not sent
					}
				}
				if time.Since(begun) > lasts {
					break
				}
				time.Sleep(time.Millisecond)
			}
			mu.Lock()
			sent += n
			mu.Unlock()
		})
	}
	wg.Wait()
	return sent
}

// TestFlood sends 50,000 messages a second: each is kept or counted as dropped,
// memory stays within its bound, and the check keeps its beat. A short form runs
// always; XUNJIAN_FLOOD=60s makes it a minute, and measures rsyslogd beside it.
func TestFlood(t *testing.T) {
	lasts, long := 3*time.Second, false
	if d, err := time.ParseDuration(os.Getenv("XUNJIAN_FLOOD")); err == nil {
		lasts, long = d, true
	}
	const rate = 50_000
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SYSLOG_RECEIVER="+filepath.Join(dir, "kept"))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	said := bufio.NewReader(pipe)
	at, err := said.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	sent := flood(t, strings.TrimSpace(at), rate, lasts)
	in.Close()
	var got account
	if err := json.NewDecoder(said).Decode(&got); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	t.Logf("sent %d in %v; %+v", sent, lasts, got)
	if sum := got.Kept + got.Overflow + got.Unkept + got.Kernel; sum != sent || got.Waiting != 0 {
		t.Errorf("sent %d; kept and dropped are %d: %+v", sent, sum, got)
	}
	if got.Received != got.Kept+got.Overflow+got.Unkept {
		t.Errorf("received is not kept and dropped: %+v", got)
	}
	if got.Lines != got.Kept {
		t.Errorf("%d lines are found again of %d kept", got.Lines, got.Kept)
	}
	if got.Kept == 0 || got.Runs == 0 || got.SlowestRun > 10 {
		t.Errorf("kept %d, runs of the check %d, the slowest %v s", got.Kept, got.Runs, got.SlowestRun)
	}
	// The queue 32 MiB, the archive 32 MiB, a search over what was kept, and the
	// race detector several times as much.
	if limit := int64(1 << 30); got.MaxRSSBytes > limit {
		t.Errorf("%d bytes of memory", got.MaxRSSBytes)
	}
	if long {
		besideRsyslog(t, rate, lasts)
	}
}

// besideRsyslog lets rsyslogd receive the same into a file.
func besideRsyslog(t *testing.T, rate int, lasts time.Duration) {
	dir := t.TempDir()
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := port(t, l.LocalAddr())
	l.Close()
	file, ready := filepath.Join(dir, "all.log"), filepath.Join(dir, "rsyslog.pid")
	cmd := rsyslog(t, dir, fmt.Sprintf(`
global(workDirectory=%q)
module(load="imudp")
input(type="imudp" address="127.0.0.1" port=%q rcvbufSize="16m")
action(type="omfile" file=%q)
`, dir, free, file), ready)
	time.Sleep(time.Second)
	sent := flood(t, "127.0.0.1:"+free, rate, lasts)
	time.Sleep(2 * time.Second)
	cpu, rss := usage(t, cmd.Process.Pid)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("rsyslogd: sent %d, kept %d in %d bytes, %.2f s of CPU, %d bytes of memory", sent, strings.Count(string(data), "\n"), len(data), cpu, rss)
}

func usage(t *testing.T, pid int) (cpu float64, rss int64) {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	f := strings.Fields(rest)
	u, _ := strconv.ParseFloat(f[11], 64)
	s, _ := strconv.ParseFloat(f[12], 64)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			fmt.Sscan(v, &rss)
		}
	}
	return (u + s) / 100, rss << 10
}
