//go:build linux

package ping

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"xunjian/checks"
	"xunjian/checks/network/nettest"
	"xunjian/checks/network/path"
)

// far is a machine from which all of 10.82.0.0/16 is as far away as delay says.
func far(t testing.TB, delay func(to netip.Addr, seq int) time.Duration) (*nettest.Machine, *nettest.Relay) {
	m := nettest.New(t).Machine("m")
	return m, m.Relay("10.82.0.1/16", delay)
}

// farConfig pings nothing but these, by the last two bytes of their addresses.
func farConfig(last ...int) Config {
	cfg := Default()
	cfg.Gateways, cfg.Resolvers, cfg.MTUEvery = false, false, 0
	for _, n := range last {
		a := fmt.Sprintf("10.82.%d.%d", n>>8, n&255)
		cfg.Targets = append(cfg.Targets, TargetConfig{Name: a, Address: a})
	}
	return cfg
}

// answered are the log's pings of a target in the order in which their answers
// went.
func answered(log []nettest.Echo, to netip.Addr) (held []time.Duration) {
	mine := slices.DeleteFunc(slices.Clone(log), func(e nettest.Echo) bool { return e.To != to })
	slices.SortFunc(mine, func(a, b nettest.Echo) int { return a.Went.Compare(b.Went) })
	for _, e := range mine {
		held = append(held, e.Held())
	}
	return held
}

// What is measured is what the way really took, which the far end logs: one of
// 5 ms, one of 20 ms, one that changes between the two, one of next to nothing.
func TestDelay(t *testing.T) {
	m, relay := far(t, func(to netip.Addr, seq int) time.Duration {
		last := int(to.As4()[3])
		if last == 99 {
			last = 5 + seq%2*15
		}
		return time.Duration(last-2) * time.Millisecond
	})
	c := inside(m, farConfig(7, 22, 99, 2), nil)
	// How long a busy machine takes to run anybody is not in the log: a look that
	// was kept waiting proves nothing, and there is another.
	nettest.Until(t, "a look that agrees with the log", func() bool {
		relay.Take()
		c.state = map[string]*tally{} // percentiles of this look alone
		res := look1(t, c)
		log := relay.Take()
		agrees := true
		for _, l := range c.last {
			held := answered(log, l.to.Addr)
			if l.err != nil {
				t.Log(l.err) // too busy
				return false
			}
			if len(held) != 4 || len(l.answer.RTTs) != 4 {
				t.Fatalf("%s: %d went, %d came of 4", l.to.Name, len(held), len(l.answer.RTTs))
			}
			for i, rtt := range l.answer.RTTs {
				// Clocks are slewed by less than a thousandth.
				if rtt < held[i]-held[i]/1000 {
					t.Fatalf("%s: answer %d took %v, and was kept for %v", l.to.Name, i+1, rtt, held[i])
				}
			}
			agrees = agree(t, find(t, res, "ping.answers", "target "+l.to.Name), held) && agrees
		}
		return agrees
	})
}

// agree says whether all that is said of a target is within a millisecond of what
// was logged.
func agree(t *testing.T, f checks.Finding, held []time.Duration) bool {
	t.Helper()
	sum, steps := time.Duration(0), time.Duration(0)
	for i, h := range held {
		sum += h
		if i > 0 {
			steps += (h - held[i-1]).Abs()
		}
	}
	sorted := slices.Sorted(slices.Values(held))
	agrees := true
	for arg, want := range map[string]time.Duration{
		"least": sorted[0], "greatest": sorted[3], "mean": sum / 4, "jitter": steps / 3, "p50": sorted[2], "p95": sorted[3], "p99": sorted[3],
	} {
		got := f.Args[arg].(float64)
		if off := got - want.Seconds()*1000; off < -1 || off > 1 {
			t.Logf("%s: %s %.3f ms, logged %v", f.Subject, arg, got, want)
			agrees = false
		}
	}
	return agrees
}

// Hundreds of targets are pinged one after another, not at once, and all are
// measured.
func TestHundreds(t *testing.T) {
	const n = 500
	m, relay := far(t, func(netip.Addr, int) time.Duration { return 0 })
	var last []int
	for i := range n {
		last = append(last, 256+i)
	}
	m.Run("sysctl", "-w", "net.ipv4.ping_group_range=0 0")
	c := inside(m, farConfig(last...), nil)
	// A target begins each step, and those that began before it send too.
	step, _ := pace(t.Context(), n, c.cfg.Count, c.cfg.Wait)
	each := 10 * time.Millisecond
	design := c.cfg.Count * (int(each/step) + 1)
	nettest.Until(t, "a look without a burst", func() bool {
		relay.Take()
		if err := c.Run(t.Context(), checks.NewOutput(1)); err != nil { // no deadline: 5 s for all
			t.Log(err)
			return false
		}
		log := relay.Take()
		answer := 0
		for _, l := range c.last {
			if l.err == nil && l.answer.Received == c.cfg.Count && len(l.answer.RTTs) == c.cfg.Count {
				answer++
			}
		}
		most := densest(log, each)
		t.Logf("%d of %d answer all; %d pings in %v, at most %d within %v; by design %d", answer, n, len(log), log[len(log)-1].Came.Sub(log[0].Came).Round(time.Millisecond), most, each, design)
		// A process waits for its turn now and then: there is another look.
		return answer == n && len(log) == n*c.cfg.Count && most <= 4*design
	})
}

// However many there are, all begin within the time that a look has, and those in
// flight are few.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for n, want := range map[int][2]time.Duration{
			1:    {stepMost, gapMost},
			50:   {stepMost, gapMost},
			100:  {57 * time.Millisecond, gapMost},
			500:  {11400 * time.Microsecond, 60800 * time.Microsecond},
			1000: {5700 * time.Microsecond, 30400 * time.Microsecond},
		} {
			step, gap := pace(ctx, n, 4, time.Second)
			if step != want[0] || gap != want[1] {
				t.Errorf("%d targets: %v and %v, want %v", n, step, gap, want)
			}
		}
	})
}

// densest is the greatest number of pings that came within a time.
func densest(log []nettest.Echo, within time.Duration) int {
	most, first := 0, 0
	for i, e := range log {
		for e.Came.Sub(log[first].Came) > within {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// A process that is kept from running says so, and only of what it missed.
func TestPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := takePulse(250 * time.Millisecond)
		begun := time.Now()
		time.Sleep(3 * time.Second)
		if err := p.missed(begun); err != nil {
			t.Errorf("it ran all the time: %v", err)
		}
		p.stop()
		synctest.Wait() // from here on nobody feels it but this
		time.Sleep(300 * time.Millisecond)
		if p.missed(begun) == nil {
			t.Error("nothing ran for 300 ms, and it does not know")
		}
		p.feel()
		if p.missed(begun) == nil {
			t.Error("what was missed is forgotten")
		}
		time.Sleep(time.Millisecond)
		if err := p.missed(time.Now()); err != nil {
			t.Errorf("what began afterwards missed nothing: %v", err)
		}
	})
}

// A loss that the machine's own load made is unknown, never a loss.
func TestBusyIsUnknown(t *testing.T) {
	c := NewCheck(farConfig(2, 3), nil)
	c.trace = func(context.Context, Target) (path.Trace, error) {
		t.Error("a way is followed that lost nothing")
		return path.Trace{}, nil
	}
	c.echo = func(_ context.Context, to Target, o Round) (Answer, error) {
		if to.Addr.As4()[3] == 2 {
			return Answer{Sent: o.Count, Received: o.Count}, nil
		}
		// A child stops this process for longer than pings may wait.
		if err := exec.Command("sh", "-c", "kill -STOP $PPID; sleep 0.6; kill -CONT $PPID").Run(); err != nil {
			t.Error(err)
		}
		return Answer{Sent: o.Count, Received: 1}, nil
	}
	res := look1(t, c)
	if f := find(t, res, "ping.unmeasured", "target 10.82.0.3"); f.Verdict != checks.Unknown || f.Args["error"] != errBusy.Error() {
		t.Errorf("%+v", f)
	}
	find(t, res, "ping.answers", "target 10.82.0.2")
}

// BenchmarkError tells how far off a ping on a way of one millisecond is, beside
// that of iputils: the median and the 95th percentile of what was measured over
// what the far end logged, which has the kernel's part in it.
func BenchmarkError(b *testing.B) {
	to := netip.MustParseAddr("10.82.0.3")
	m, relay := far(b, func(netip.Addr, int) time.Duration { return time.Millisecond })
	m.Run("sysctl", "-w", "net.ipv4.ping_group_range=0 0")
	const each = 20
	for name, round := range map[string]func() []time.Duration{
		"group": func() []time.Duration { return echoOf(b, m, to, each, Unprivileged) },
		"raw":   func() []time.Duration { return echoOf(b, m, to, each, Privileged) },
		"iputils": func() (rtts []time.Duration) {
			for _, f := range regexp.MustCompile(`time=([0-9.]+) ms`).FindAllStringSubmatch(m.Run("ping", "-n", "-c", strconv.Itoa(each), "-i", "0.02", to.String()), -1) {
				ms, _ := strconv.ParseFloat(f[1], 64)
				rtts = append(rtts, time.Duration(ms*float64(time.Millisecond)))
			}
			return rtts
		},
	} {
		b.Run(name, func(b *testing.B) {
			var off []time.Duration
			relay.Take()
			for b.Loop() {
				rtts := round()
				held := answered(relay.Take(), to)
				if len(rtts) != each || len(held) != each {
					b.Fatalf("%d measured, %d logged, want %d", len(rtts), len(held), each)
				}
				for i, rtt := range rtts {
					off = append(off, rtt-held[i])
				}
			}
			slices.Sort(off)
			b.ReportMetric(float64(off[len(off)/2].Microseconds()), "µs-median-error")
			b.ReportMetric(float64(off[len(off)*95/100].Microseconds()), "µs-95%-error")
			b.ReportMetric(0, "ns/op") // mostly waiting
		})
	}
}

// BenchmarkHundreds tells what a look at 500 targets costs, of which each look has
// 15 s: processor time, that of the far end included, and the most memory that
// the process ever had.
func BenchmarkHundreds(b *testing.B) {
	const n = 500
	m, _ := far(b, func(netip.Addr, int) time.Duration { return 0 })
	for name, group := range map[string]string{"group": "0 0", "raw": "1 0"} {
		b.Run(name, func(b *testing.B) {
			m.Run("sysctl", "-w", "net.ipv4.ping_group_range="+group)
			var last []int
			for i := range n {
				last = append(last, 256+i)
			}
			c := inside(m, farConfig(last...), nil)
			lost, unmeasured := 0, 0
			var before, after unix.Rusage
			unix.Getrusage(unix.RUSAGE_SELF, &before)
			for b.Loop() {
				if err := c.Run(b.Context(), checks.NewOutput(1)); err != nil {
					b.Fatal(err)
				}
				for _, l := range c.last {
					if l.err != nil {
						unmeasured++
					}
					lost += c.cfg.Count - l.answer.Received
				}
			}
			unix.Getrusage(unix.RUSAGE_SELF, &after)
			b.ReportMetric(float64(after.Utime.Nano()+after.Stime.Nano()-before.Utime.Nano()-before.Stime.Nano())/1e6/float64(b.N), "ms-CPU/look")
			b.ReportMetric(float64(after.Maxrss)/1024, "MB-most")
			b.ReportMetric(float64(lost)/float64(b.N), "lost/look")
			b.ReportMetric(float64(unmeasured)/float64(b.N), "unmeasured/look")
			b.ReportMetric(0, "ns/op") // mostly waiting
		})
	}
}

func echoOf(b *testing.B, m *nettest.Machine, to netip.Addr, n int, right Right) []time.Duration {
	var a Answer
	var err error
	m.Inside(func() {
		a, err = NewEcho().ping(b.Context(), to, Round{Count: n, Interval: 20 * time.Millisecond, Wait: time.Second, Size: 56}, right)
	})
	if err != nil {
		b.Fatal(err)
	}
	return a.RTTs
}
