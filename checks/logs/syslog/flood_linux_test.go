package syslog

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/ipv4"

	"xunjian/checks"
	"xunjian/checks/credential"
	"xunjian/checks/logs/archive"
)

// TestMain lets the test program be a receiver in a process of its own, whose
// memory and processor time can be told.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SYSLOG_RECEIVER"); dir != "" {
		if err := receive(dir, os.Getenv("SYSLOG_KIND"), credential.TLS{CertFile: os.Getenv("SYSLOG_CERT"), KeyFile: os.Getenv("SYSLOG_KEY")}); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
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
	// Runs counts the results of two checks with a beat of a second; LatestMS
	// is how long after its tick the latest of them was there.
	Runs     int
	LatestMS float64
	Sources  map[string]tallied
}

type tallied struct{ Received, Kept, Overflow uint64 }

// beats runs the syslog check, and one that looks at this machine, every second,
// and tells how late they came.
func beats(ctx context.Context, c *Check, out *account) (wait func(), err error) {
	every := checks.Schedule{Interval: time.Second}
	r := checks.NewRunner(checks.RunnerOptions{Sink: func(batch []checks.Result) {
		for _, res := range batch {
			out.Runs++
			out.LatestMS = max(out.LatestMS, float64(time.Since(res.Time).Microseconds())/1000)
		}
	}})
	err = r.Replace([]checks.Check{
		checks.Func{ID: "told", Every: every, Look: c.Run},
		checks.Func{ID: "alive", Every: every, Look: func(context.Context, *checks.Output) error {
			_, err := os.ReadFile("/proc/stat")
			return err
		}},
	}, nil)
	if err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() { defer close(ended); r.Run(ctx) }()
	return func() { <-ended }, nil
}

// receive says where it listens and takes in what comes, until it is told by
// its input how many were sent.
func receive(dir, kind string, certificate credential.TLS) error {
	a, err := archive.Open(dir, archiveConfig(), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	cfg := Default()
	cfg.Certificate = certificate
	*map[string]*string{"udp": &cfg.UDP, "tcp": &cfg.TCP, "tls": &cfg.TLS}[kind] = "127.0.0.1:0"
	c, err := NewCheck(cfg, Parts{Archive: a, Zone: time.UTC})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended, listens := make(chan error, 1), make(chan struct{}, 1)
	go func() {
		ended <- c.Serve(ctx, func() {
			select {
			case listens <- struct{}{}:
			default:
			}
		})
	}()
	select {
	case err := <-ended:
		return err
	case <-listens:
	}
	c.mu.Lock()
	fmt.Println(strings.Fields(c.on.where())[1])
	c.mu.Unlock()
	if name := os.Getenv("XUNJIAN_FLOOD_PROFILE"); name != "" {
		f, err := os.Create(name + "." + kind)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	var out account
	beating, stop := context.WithCancel(ctx)
	defer stop()
	wait, err := beats(beating, c, &out)
	if err != nil {
		return err
	}
	var sent uint64
	if _, err := fmt.Scan(&sent); err != nil {
		return fmt.Errorf("how many were sent: %w", err)
	}
	// Streams are read to their end before they are closed; what is in a UDP
	// socket Serve itself reads.
	for end := time.Now().Add(time.Minute); kind != "udp" && received(c) < sent && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	wait()
	cancel()
	if err := <-ended; err != nil {
		return err
	}
	return out.close(c, a)
}

func received(c *Check) (n uint64) {
	for _, s := range c.table.sources() {
		r, _ := c.queue.counts(s)
		n += r
	}
	return n
}

// close adds it all up and prints it.
func (out *account) close(c *Check, a *archive.Archive) error {
	out.Kernel, out.Waiting, out.Sources = c.kernelDropped(), uint64(c.queue.waiting()), map[string]tallied{}
	for _, s := range c.table.sources() {
		received, overflow := c.queue.counts(s)
		out.Received += received
		out.Overflow += overflow
		out.Kept += s.kept
		out.Unkept += s.unkept
		out.Sources[s.name] = tallied{received, s.kept, overflow}
	}
	var err error
	if out.CPUSeconds, out.MaxRSSBytes, err = usage(os.Getpid()); err != nil {
		return err
	}
	for _, err := range a.Lines(context.Background(), archive.Query{}) {
		if err != nil {
			return err
		}
		out.Lines++
	}
	if err := a.Close(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// shares is what each device sends of the whole: one floods, four talk.
var shares = []float64{0.6, 0.1, 0.1, 0.1, 0.1}

// flood sends messages of several devices at a rate, and returns how many the
// kernel took.
func flood(t testing.TB, kind, to string, rate int, lasts time.Duration) uint64 {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var sent uint64
	for d, share := range shares {
		wg.Go(func() {
			s, err := newSender(kind, to, d)
			if err != nil {
				t.Error(err)
				return
			}
			n, begun := uint64(0), time.Now()
			for {
				late := time.Since(begun)
				due := uint64(min(late, lasts).Seconds() * float64(rate) * share)
				for n < due && err == nil {
					var took int
					took, err = s.send(int(min(due-n, atOnce)))
					n += uint64(took)
				}
				if late >= lasts || err != nil {
					break
				}
				time.Sleep(time.Millisecond)
			}
			if err != nil {
				t.Errorf("device %d: %v", d, err)
			}
			if err := s.conn.Close(); err != nil {
				t.Errorf("device %d: %v", d, err)
			}
			mu.Lock()
			sent += n
			mu.Unlock()
		})
	}
	wg.Wait()
	return sent
}

// atOnce is how many messages go to the kernel in one call.
const atOnce = 64

// sender is one device. It makes its messages once and changes only a number
// in them, so that the receiver is what is measured.
type sender struct {
	conn    net.Conn
	packets *ipv4.PacketConn // of a UDP socket
	batch   []ipv4.Message
	text    []byte // of all messages, in a row
	size    int    // of one
	number  int    // where in a message it stands
	next    int
}

func newSender(kind, to string, device int) (*sender, error) {
	from := net.IPv4(127, 0, 1, byte(device+1))
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}
	if kind == "udp" {
		d.LocalAddr = &net.UDPAddr{IP: from}
	}
	conn, err := d.Dial(strings.Replace(kind, "tls", "tcp", 1), to)
	if err != nil {
		return nil, err
	}
	s := &sender{conn: conn}
	line := fmt.Sprintf("<190>Mar  1 12:00:00 2027 FW-%d %%%%10FILTER/6/FILTER_ZONE_EXECUTE: SrcZoneName(1025)=trust;DstZoneName(1035)=untrust;Protocol(1001)=TCP;SrcIPAddr(1003)=10.1.2.3;SrcPort(1004)=00000;DstIPAddr(1007)=198.51.100.7;DstPort(1008)=443;MatchCount(1069)=1;Event(1048)=permit;\n", device)
	s.size, s.number = len(line), strings.Index(line, "00000")
	s.text = []byte(strings.Repeat(line, atOnce))
	switch kind {
	case "udp":
		s.packets = ipv4.NewPacketConn(conn.(*net.UDPConn))
		for i := range atOnce {
			s.batch = append(s.batch, ipv4.Message{Buffers: [][]byte{s.text[i*s.size : (i+1)*s.size-1]}})
		}
	case "tls":
		s.conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	return s, nil
}

// send sends n messages and returns how many the kernel took.
func (s *sender) send(n int) (int, error) {
	for i := range n {
		at := s.text[i*s.size+s.number:]
		for k, v := 4, s.next; k >= 0; k, v = k-1, v/10 {
			at[k] = byte('0' + v%10)
		}
		s.next++
	}
	if s.packets != nil {
		return s.packets.WriteBatch(s.batch[:n], 0)
	}
	took, err := s.conn.Write(s.text[:n*s.size])
	return took / s.size, err
}

// TestFlood sends 50,000 messages a second over UDP, TCP and TLS: each is kept
// or counted as dropped, memory stays within its bound, no device loses a larger
// share than the one that floods, and checks keep their beat. A short form runs
// always; XUNJIAN_FLOOD=60s makes it a minute for each, and measures rsyslogd
// beside it.
func TestFlood(t *testing.T) {
	lasts, long := 300*time.Millisecond, false
	if d, err := time.ParseDuration(os.Getenv("XUNJIAN_FLOOD")); err == nil {
		lasts, long = d, true
	}
	const rate = 50_000
	for _, kind := range []string{"udp", "tcp", "tls"} {
		t.Run(kind, func(t *testing.T) {
			certificate := pair(t)
			sent, got := flooded(t, kind, certificate, rate, lasts)
			t.Logf("sent %d in %v; %+v", sent, lasts, got)
			got.hold(t, kind, sent)
			if long {
				besideRsyslog(t, kind, certificate, rate, lasts)
			}
		})
	}
}

// flooded floods a receiver in a process of its own.
func flooded(t *testing.T, kind string, certificate credential.TLS, rate int, lasts time.Duration) (sent uint64, got account) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SYSLOG_RECEIVER="+filepath.Join(t.TempDir(), "kept"), "SYSLOG_KIND="+kind,
		"SYSLOG_CERT="+certificate.CertFile, "SYSLOG_KEY="+certificate.KeyFile)
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
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	said := bufio.NewReader(pipe)
	at, err := said.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	sent = flood(t, kind, strings.TrimSpace(at), rate, lasts)
	fmt.Fprintln(in, sent)
	if answer, err := io.ReadAll(said); err != nil || json.Unmarshal(answer, &got) != nil {
		t.Fatalf("the receiver says %s %v", answer, err)
	}
	return sent, got
}

// hold holds an account against what was sent.
func (got account) hold(t *testing.T, kind string, sent uint64) {
	t.Helper()
	if sum := got.Kept + got.Overflow + got.Unkept + got.Kernel; sum != sent || got.Waiting != 0 {
		t.Errorf("sent %d; kept and dropped are %d: %+v", sent, sum, got)
	}
	if got.Received != got.Kept+got.Overflow+got.Unkept {
		t.Errorf("received is not kept and dropped: %+v", got)
	}
	if kind != "udp" && got.Kernel != 0 {
		t.Errorf("the kernel drops of a stream: %+v", got)
	}
	if got.Lines != got.Kept {
		t.Errorf("%d lines are found again of %d kept", got.Lines, got.Kept)
	}
	if got.Kept == 0 || got.Runs == 0 {
		t.Errorf("kept %d, results of checks %d", got.Kept, got.Runs)
	}
	lost := func(device int) float64 {
		s := got.Sources[fmt.Sprintf("127.0.1.%d", device+1)]
		return float64(s.Overflow) / float64(max(s.Received, 1))
	}
	for device := range shares {
		if lost(device) > lost(0) {
			t.Errorf("device %d loses %v of its messages, the one that floods %v", device, lost(device), lost(0))
		}
	}
	// The queue 32 MiB, the archive 32 MiB, what the collector has not taken yet
	// as much again; the race detector needs several times that.
	if limit := int64(1 << 30); got.MaxRSSBytes > limit {
		t.Errorf("%d bytes of memory", got.MaxRSSBytes)
	}
}

// besideRsyslog lets rsyslogd receive the same into a file.
func besideRsyslog(t *testing.T, kind string, certificate credential.TLS, rate int, lasts time.Duration) {
	dir := t.TempDir()
	free := freePort(t)
	file, ready := filepath.Join(dir, "all.log"), filepath.Join(dir, "rsyslog.pid")
	input := map[string]string{
		"udp": "module(load=\"imudp\")\ninput(type=\"imudp\" address=\"127.0.0.1\" port=%q rcvbufSize=\"16m\")",
		"tcp": "module(load=\"imtcp\")\ninput(type=\"imtcp\" address=\"127.0.0.1\" port=%q)",
		"tls": "module(load=\"imtcp\" StreamDriver.Name=\"gtls\" StreamDriver.Mode=\"1\" StreamDriver.AuthMode=\"anon\")\ninput(type=\"imtcp\" address=\"127.0.0.1\" port=%q)",
	}[kind]
	cmd := rsyslog(t, dir, fmt.Sprintf("global(workDirectory=%q defaultNetstreamDriverCAFile=%q defaultNetstreamDriverCertFile=%q defaultNetstreamDriverKeyFile=%q)\n"+
		input+"\naction(type=\"omfile\" file=%q)\n", dir, certificate.CertFile, certificate.CertFile, certificate.KeyFile, free, file), ready)
	time.Sleep(time.Second)
	sent := flood(t, kind, "127.0.0.1:"+free, rate, lasts)
	var size int64 = -1
	for now := int64(0); now != size; time.Sleep(2 * time.Second) { // until it writes no more
		size = now
		if info, err := os.Stat(file); err == nil {
			now = info.Size()
		}
	}
	cpu, rss, err := usage(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	kept := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		kept++
	}
	t.Logf("rsyslogd: sent %d, kept %d in %d bytes, %.2f s of CPU, %d bytes of memory", sent, kept, size, cpu, rss)
}

// freePort is one that neither TCP nor UDP uses.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return port(t, l.Addr())
}

// usage is what a process has used: of processors in seconds, and of memory at
// most, in bytes.
func usage(pid int) (cpu float64, rss int64, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	f := strings.Fields(rest)
	u, _ := strconv.ParseFloat(f[11], 64)
	s, _ := strconv.ParseFloat(f[12], 64)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(status)) {
		// Not that of getrusage, which begins with the parent's.
		if v, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			fmt.Sscan(v, &rss)
		}
	}
	return (u + s) / 100, rss << 10, nil
}
