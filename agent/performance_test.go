package agent_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The benchmarks here run the built agent and Debian's node_exporter side by
// side, in one run on one machine: ratios hold, absolute times do not.

// served is a process with an HTTP page of metrics.
type served struct {
	pid int
	url string
}

func startAgentForBench(b *testing.B) served {
	b.Helper()
	bin, err := binary()
	if err != nil {
		b.Fatal(err)
	}
	addr := freeAddr(b)
	out := &lockedBuffer{}
	cmd := exec.Command(bin, "run", "--data", b.TempDir(), "--console", "127.0.0.1:0", "--metrics", addr)
	cmd.Stdout, cmd.Stderr = out, out
	return serve(b, cmd, addr, out)
}

func startNodeExporter(b *testing.B) served {
	b.Helper()
	addr := freeAddr(b)
	out := &lockedBuffer{}
	cmd := exec.Command("/usr/bin/prometheus-node-exporter", "--web.listen-address="+addr)
	cmd.Stdout, cmd.Stderr = out, out
	return serve(b, cmd, addr, out)
}

func serve(b *testing.B, cmd *exec.Cmd, addr string, out *lockedBuffer) served {
	b.Helper()
	if err := cmd.Start(); err != nil {
		b.Fatalf("start %s: %v", cmd.Path, err)
	}
	b.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	s := served{cmd.Process.Pid, "http://" + addr + "/metrics"}
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if resp, err := http.Get(s.url); err == nil {
			n, _ := io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if n > 10_000 {
				return s
			}
		}
		if time.Since(begun) > 30*time.Second {
			b.Fatalf("%s does not serve metrics\n%s", cmd.Path, out)
		}
	}
}

func freeAddr(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// cpu returns the processor time a process has used.
func cpu(b *testing.B, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	f := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// resident returns the resident memory of a process in bytes.
func resident(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	kb, _ := strconv.ParseFloat(string(m[1]), 64)
	return kb * 1024
}

// scrape reads the page once and returns how many series it holds.
func scrape(b *testing.B, url string) (series int) {
	b.Helper()
	resp, err := http.Get(url)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	for sc := bufio.NewScanner(resp.Body); sc.Scan(); {
		if !strings.HasPrefix(sc.Text(), "#") {
			series++
		}
	}
	return series
}

// BenchmarkScrape reads /metrics of the agent and of node_exporter. cpu-µs/op
// is the server's processor time, from its own accounts.
func BenchmarkScrape(b *testing.B) {
	for name, start := range map[string]func(*testing.B) served{"agent": startAgentForBench, "node_exporter": startNodeExporter} {
		b.Run(name, func(b *testing.B) {
			s := start(b)
			b.ReportMetric(float64(scrape(b, s.url)), "series")
			const rounds = 300
			used, begun := cpu(b, s.pid), time.Now()
			for range rounds {
				resp, err := http.Get(s.url)
				if err != nil {
					b.Fatal(err)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			took := time.Since(begun)
			b.ReportMetric(float64((cpu(b, s.pid)-used).Microseconds())/rounds, "cpu-µs/scrape")
			b.ReportMetric(float64(took.Microseconds())/rounds, "µs/scrape")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkFootprint lets each run for two minutes, scraped every 15 s as a
// Prometheus would, and reports resident memory and processor time.
func BenchmarkFootprint(b *testing.B) {
	for name, start := range map[string]func(*testing.B) served{"agent": startAgentForBench, "node_exporter": startNodeExporter} {
		b.Run(name, func(b *testing.B) {
			s := start(b)
			time.Sleep(20 * time.Second) // the first inspection is not the steady state
			used, begun := cpu(b, s.pid), time.Now()
			for time.Since(begun) < 2*time.Minute {
				scrape(b, s.url)
				time.Sleep(15 * time.Second)
			}
			minutes := time.Since(begun).Minutes()
			b.ReportMetric(float64((cpu(b, s.pid)-used).Milliseconds())/minutes, "cpu-ms/min")
			b.ReportMetric(resident(b, s.pid)/(1<<20), "MiB-resident")
			b.ReportMetric(0, "ns/op")
		})
	}
}
