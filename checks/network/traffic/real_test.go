//go:build linux

package traffic

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/checktest"
	"xunjian/checks/network/nettest"
)

// within is the kernel as a machine sees it.
type within struct {
	m *nettest.Machine
	linux
}

func (w within) sockets(limit int) (s []Socket, all bool, err error) {
	w.m.Inside(func() { s, all, err = w.linux.sockets(limit) })
	return s, all, err
}

func (w within) queues() (q []Queue, err error) {
	w.m.Inside(func() { q, err = w.linux.queues() })
	return q, err
}

func checkOf(m *nettest.Machine) *Check {
	c := NewCheck(Default())
	c.kernel = within{m: m}
	return c
}

func look(t *testing.T, c checks.Check) checks.Result {
	t.Helper()
	res := checks.RunOnce(t.Context(), c, time.Now())
	if res.Error != "" {
		t.Fatal(res.Error)
	}
	return res
}

func value(t *testing.T, res checks.Result, family string, labels ...string) float64 {
	t.Helper()
	for _, s := range res.Samples {
		if s.Desc.Name == family && slices.Equal(s.Values, labels) {
			return s.Value
		}
	}
	t.Fatalf("no %s%v", family, labels)
	return 0
}

// cable is two machines and a cable.
func cable(t *testing.T) (a, b *nettest.Machine) {
	n := nettest.New(t)
	a, b = n.Machine("a"), n.Machine("b")
	n.Cable(a, "eth0", b, "eth0")
	a.Address("eth0", "10.80.0.1/24")
	b.Address("eth0", "10.80.0.2/24")
	return a, b
}

// A download: who sends it to whom, by which process, is named; both ends see it.
func TestTalkers(t *testing.T) {
	a, b := cable(t)
	var l net.Listener
	var err error
	a.Inside(func() { l, err = net.Listen("tcp", "10.80.0.1:8080") })
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	server, client := checkOf(a), checkOf(b)
	look(t, server)
	look(t, client)
	const size = 8 << 20
	go func() {
		conn, err := l.Accept()
		if err == nil {
			defer conn.Close()
			_, _ = io.CopyN(conn, zeros{}, size)
			_, _ = io.Copy(io.Discard, conn) // until the other end is closed
		}
	}()
	var conn net.Conn
	nettest.Until(t, "the server is reached", func() bool {
		b.Inside(func() { conn, err = net.DialTimeout("tcp", "10.80.0.1:8080", time.Second) })
		return err == nil
	})
	defer conn.Close()
	if _, err := io.CopyN(io.Discard, conn, size); err != nil {
		t.Fatal(err)
	}
	res := look(t, server)
	list, window := server.Talkers()
	if len(list) != 1 {
		t.Fatalf("%+v, want one", list)
	}
	self, _ := os.ReadFile("/proc/self/comm")
	top := list[0]
	if top.Peer.String() != "10.80.0.2" || top.Port != 8080 || !top.Incoming || top.PID != os.Getpid() || top.Process != strings.TrimSpace(string(self)) {
		t.Errorf("%+v", top)
	}
	if moved := top.Sent * window.Seconds(); moved < size*.99 || moved > size*1.01 {
		t.Errorf("%.0f bytes moved, want %d", moved, size)
	}
	if f := res.Findings[0]; f.Code != "traffic.talkers" || f.Args["port"] != 8080 || !strings.Contains(f.Evidence, "10.80.0.2\t8080\tin\t1\t") {
		t.Errorf("%+v", f)
	}
	if n := value(t, res, "node_tcp_connection_states", "established"); n != 1 {
		t.Errorf("%v established", n)
	}
	look(t, client)
	if list, _ := client.Talkers(); len(list) != 1 || list[0].Incoming || list[0].Port != 8080 || list[0].Received < 1 {
		t.Errorf("the client sees %+v", list)
	}
	x, err := client.Evidence(t.Context())
	if err != nil || len(x) != 1 || len(x[0].Rows[0]) != len(x[0].Columns) || x[0].Rows[0][2] != "10.80.0.1" {
		t.Errorf("%+v, %v", x, err)
	}
	if f := look(t, server).Findings[0]; f.Code != "traffic.quiet" {
		t.Errorf("when nothing moves: %+v", f)
	}
	server.cfg.MaxSockets = 1
	if f := look(t, server).Findings[0]; f.Code != "traffic.many" {
		t.Errorf("over the limit: %+v", f)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// A link that is slower than what is sent through it: its queue fills and drops.
func TestQueue(t *testing.T) {
	a, _ := cable(t)
	a.Run("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "100kbit", "burst", "2kb", "limit", "4kb")
	var conn net.Conn
	var err error
	a.Inside(func() { conn, err = net.Dial("udp", "10.80.0.2:9") })
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := checkOf(a)
	nettest.Until(t, "the queue drops", func() bool {
		for range 50 {
			_, _ = conn.Write(make([]byte, 1000))
		}
		res := look(t, c)
		return value(t, res, "node_qdisc_drops_total", "eth0", "tbf") > 0 && value(t, res, "node_qdisc_backlog", "eth0", "tbf") > 0 &&
			value(t, res, "node_qdisc_current_queue_length", "eth0", "tbf") > 0
	})
}

// Connections that nobody takes wait before the port.
func TestListenQueue(t *testing.T) {
	a, b := cable(t)
	var l net.Listener
	var err error
	a.Inside(func() { l, err = net.Listen("tcp", "10.80.0.1:8081") })
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range 3 {
		nettest.Until(t, "a connection is made", func() bool {
			var conn net.Conn
			b.Inside(func() { conn, err = net.DialTimeout("tcp", "10.80.0.1:8081", time.Second) })
			if err == nil {
				t.Cleanup(func() { conn.Close() })
			}
			return err == nil
		})
	}
	res := look(t, checkOf(a))
	if n := value(t, res, "xunjian_listen_queue_length", "8081"); n != 3 {
		t.Errorf("%v wait, want 3", n)
	}
	if n := value(t, res, "xunjian_listen_queue_limit", "8081"); n < 3 {
		t.Errorf("%v may wait", n)
	}
}

func TestConforms(t *testing.T) {
	checktest.Conform(t, func() checks.Check { return NewCheck(Default()) })
}

func TestOwners(t *testing.T) {
	proc := t.TempDir()
	fd := filepath.Join(proc, "42", "fd")
	if err := os.MkdirAll(fd, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, to := range []string{"socket:[7001]", "/dev/null", "socket:[x]", "socket:[7002]"} {
		if err := os.Symlink(to, filepath.Join(fd, strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(proc, "42", "comm"), []byte("nginx\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	os.Mkdir(filepath.Join(proc, "43"), 0o755) // gone meanwhile
	got := linux{}.owners(proc, map[uint32]bool{7001: true, 9: true})
	if fmt.Sprint(got) != "map[7001:{42 nginx}]" {
		t.Errorf("%v", got)
	}
	if got := (linux{}).owners(proc+"/none", map[uint32]bool{7001: true}); len(got) != 0 {
		t.Errorf("%v", got)
	}
}
