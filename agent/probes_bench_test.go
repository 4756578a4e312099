package agent_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkThousandProbes runs the built agent with a thousand probes at 10 s
// of a real nginx on this machine, whose own time is not counted: processor
// time, memory, and how evenly nginx is asked. Run it with -benchtime 1x.
func BenchmarkThousandProbes(b *testing.B) {
	for _, kind := range []string{"none", "http", "https"} {
		b.Run(kind, func(b *testing.B) {
			n := benchNginx(b)
			s := benchAgent(b, n, kind)
			time.Sleep(45 * time.Second) // the first tries and the surveys of most are over
			for b.Loop() {
				before := cpu(b, s.pid)
				asked := n.asked(b)
				time.Sleep(time.Minute)
				b.ReportMetric(float64((cpu(b, s.pid) - before).Milliseconds()), "cpu-ms/min")
				b.ReportMetric(resident(b, s.pid)/(1<<20), "rss-MB")
				total, peak := n.since(b, asked)
				b.ReportMetric(float64(total), "requests/min")
				b.ReportMetric(float64(peak), "peak-requests/100ms")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

type benchServer struct{ dir, plain, secure string }

func benchNginx(b *testing.B) benchServer {
	b.Helper()
	s := benchServer{b.TempDir(), freeAddr(b), freeAddr(b)}
	out, err := exec.Command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "90", "-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1",
		"-keyout", s.dir+"/key.pem", "-out", s.dir+"/cert.pem").CombinedOutput()
	if err != nil {
		b.Fatalf("openssl: %v\n%s", err, out)
	}
	conf := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log; events { worker_connections 4096; }
http { log_format at '$msec'; access_log %[1]s/access.log at; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
server { listen %[2]s; return 200 "ready"; }
server { listen %[3]s ssl http2; ssl_certificate %[1]s/cert.pem; ssl_certificate_key %[1]s/key.pem; return 200 "ready"; } }
`, s.dir, s.plain, s.secure)
	if err := os.WriteFile(s.dir+"/nginx.conf", []byte(conf), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command("nginx", "-e", s.dir+"/error.log", "-p", s.dir, "-c", s.dir+"/nginx.conf")
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return s
}

func benchAgent(b *testing.B, n benchServer, kind string) served {
	b.Helper()
	bin, err := binary()
	if err != nil {
		b.Fatal(err)
	}
	text := "systems: {trade: business}\nchecks:\n  platform:\n    probes:\n"
	for i := range 1000 {
		switch kind {
		case "http":
			text += fmt.Sprintf("      - {name: door-%d, system: trade, door: page, interval: 10s, http: {steps: [{url: \"http://%s/%d\", must_contain: [ready]}]}}\n", i, n.plain, i)
		case "https":
			text += fmt.Sprintf("      - {name: door-%d, system: trade, door: page, interval: 10s, http: {steps: [{url: \"https://%s/%d\", must_contain: [ready]}], tls: {ca_file: %s/cert.pem}}}\n", i, n.secure, i, n.dir)
		}
	}
	if kind == "none" {
		text = ""
	}
	data := b.TempDir()
	file := filepath.Join(data, "xunjian.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	addr := freeAddr(b)
	out := &lockedBuffer{}
	cmd := exec.Command(bin, "run", "--data", data, "--config", file, "--console", "127.0.0.1:0", "--metrics", addr)
	cmd.Stdout, cmd.Stderr = out, out
	return serve(b, cmd, addr, out)
}

// asked is how much of the log there is.
func (s benchServer) asked(b *testing.B) int64 {
	b.Helper()
	info, err := os.Stat(s.dir + "/access.log")
	if err != nil {
		b.Fatal(err)
	}
	return info.Size()
}

// since counts the requests after that, and the most within a tenth of a
// second.
func (s benchServer) since(b *testing.B, from int64) (total, peak int) {
	b.Helper()
	f, err := os.Open(s.dir + "/access.log")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Seek(from, 0); err != nil {
		b.Fatal(err)
	}
	counts := map[int64]int{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		at, err := strconv.ParseFloat(strings.TrimSpace(lines.Text()), 64)
		if err != nil {
			continue
		}
		total++
		slot := int64(at * 10)
		counts[slot]++
		peak = max(peak, counts[slot])
	}
	return total, peak
}
