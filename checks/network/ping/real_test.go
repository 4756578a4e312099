//go:build linux

package ping

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/checktest"
	"xunjian/checks/network/nettest"
	"xunjian/checks/network/path"
)

// inside makes a check that does all in a machine.
func inside(m *nettest.Machine, cfg Config, peers func() []Target) *Check {
	c := NewCheck(cfg, peers)
	echo, trace, mtu, neighbour, gateways := c.echo, c.trace, c.mtu, c.neighbour, c.around.gateways
	c.echo = func(ctx context.Context, t Target, o Round) (a Answer, err error) {
		m.Inside(func() { a, err = echo(ctx, t, o) })
		return a, err
	}
	c.trace = func(ctx context.Context, t Target) (w path.Trace, err error) {
		m.Inside(func() { w, err = trace(ctx, t) })
		return w, err
	}
	c.mtu = func(ctx context.Context, t Target) (w path.MTU, err error) {
		m.Inside(func() { w, err = mtu(ctx, t) })
		return w, err
	}
	c.neighbour = func(t Target) (n path.Neighbour, err error) {
		m.Inside(func() { n, err = neighbour(t) })
		return n, err
	}
	c.around.gateways = func() (g []path.Gateway, err error) {
		m.Inside(func() { g, err = gateways() })
		return g, err
	}
	return c
}

// patient gives a look the time that it needs on a busy machine: one that is
// abandoned goes on beside the next.
type patient struct{ *Check }

func (patient) Schedule() checks.Schedule {
	return checks.Schedule{Interval: 2 * nettest.Patience, Timeout: nettest.Patience, SeriesLimit: 10_000}
}

func look1(t *testing.T, c *Check) checks.Result {
	t.Helper()
	return checks.RunOnce(t.Context(), patient{c}, time.Now())
}

func find(t *testing.T, res checks.Result, code, subject string) checks.Finding {
	t.Helper()
	for _, f := range res.Findings {
		if f.Code == code && f.Subject == subject {
			return f
		}
	}
	t.Fatalf("no %s of %q in %+v (%s)", code, subject, res.Findings, res.Error)
	return checks.Finding{}
}

// until looks until there is a finding.
func until(t *testing.T, c *Check, code, subject string) (checks.Result, checks.Finding) {
	t.Helper()
	var res checks.Result
	nettest.Until(t, code+" of "+subject, func() bool {
		res = look1(t, c)
		return slices.ContainsFunc(res.Findings, func(f checks.Finding) bool { return f.Code == code && f.Subject == subject })
	})
	return res, find(t, res, code, subject)
}

func value(t *testing.T, res checks.Result, family, host string, more ...string) float64 {
	t.Helper()
	for _, s := range res.Samples {
		if s.Desc.Name+s.Suffix == family && s.Values[0] == host && !slices.ContainsFunc(more, func(m string) bool { return !slices.Contains(s.Values, m) }) {
			return s.Value
		}
	}
	t.Fatalf("no %s of %s", family, host)
	return 0
}

// lan is a client with a gateway and a server on one switch.
func lan(t *testing.T) (client, gateway, server *nettest.Machine) {
	n := nettest.New(t)
	sw := n.Switch("sw")
	client, gateway, server = n.Machine("c"), n.Machine("g"), n.Machine("s")
	client.Plug(sw, "10.78.0.2/24", "fd78::2/64")
	gateway.Plug(sw, "10.78.0.1/24", "fd78::1/64")
	server.Plug(sw, "10.78.0.9/24", "fd78::9/64")
	client.IP("route", "add", "default", "via", "10.78.0.1")
	client.IP("-6", "route", "add", "default", "via", "fd78::1")
	client.Doubt("eth0")
	return client, gateway, server
}

func lanConfig() Config {
	cfg := Default()
	cfg.Resolvers, cfg.Wait = false, 300*time.Millisecond
	cfg.Targets = []TargetConfig{
		{Name: "server", Address: "10.78.0.9", System: "portal"},
		{Name: "server6", Address: "fd78::9"},
	}
	return cfg
}

// watched is a LAN on which all have answered the client once.
func watched(t *testing.T) (client, gateway, server *nettest.Machine, c *Check, res checks.Result) {
	client, gateway, server = lan(t)
	c = inside(client, lanConfig(), func() []Target {
		return []Target{{Name: "db1", Addr: netip.MustParseAddr("fd78::9"), Role: RolePeer}}
	})
	until(t, c, "ping.answers", "server6") // ARP and neighbour discovery
	res, _ = until(t, c, "ping.answers", "server")
	return client, gateway, server, c, res
}

func TestLAN(t *testing.T) {
	nettest.Together(t, map[string]func(*testing.T){"loss": answersAndLoss, "server gone": serverGone, "gateway gone": gatewayGone})
}

// All answer; then some packets are lost.
func answersAndLoss(t *testing.T) {
	_, _, server, c, res := watched(t)
	for _, subject := range []string{"gateway 10.78.0.1", "gateway fd78::1", "server6", "db1"} {
		if f := find(t, res, "ping.answers", subject); f.Verdict != checks.OK {
			t.Errorf("%+v", f)
		}
	}
	f := find(t, res, "ping.answers", "server")
	if f.Args["mean"].(float64) <= 0 || f.Args["least"].(float64) > f.Args["greatest"].(float64) || f.Args["p99"].(float64) < f.Args["p50"].(float64) {
		t.Errorf("%v", f.Args)
	}
	for family, want := range map[string]float64{"probe_success": 1, "xunjian_ping_loss_ratio": 0, "probe_icmp_reply_hop_limit": 64, "smokeping_response_duplicates_total": 0} {
		if got := value(t, res, family, "server", "portal", RoleTarget); got != want {
			t.Errorf("%s = %v, want %v", family, got, want)
		}
	}
	sent := value(t, res, "smokeping_requests_total", "server")
	if got := value(t, res, "smokeping_response_duration_seconds_bucket", "server", "+Inf"); got > sent || got < 4 || value(t, res, "smokeping_response_duration_seconds_count", "server") != got {
		t.Errorf("%v answers of %v in the histogram", got, sent)
	}
	res = look1(t, c)
	if now := value(t, res, "smokeping_requests_total", "server"); now != sent+4 {
		t.Errorf("%v requests after %v, want 4 more", now, sent)
	}
	if got := value(t, res, "xunjian_path_mtu_bytes", "server"); got != 1500 {
		t.Errorf("path MTU %v", got)
	}

	// Every second packet is lost on its way in.
	server.Filter("input", "icmp type echo-request numgen inc mod 2 == 0 drop")
	res, f = until(t, c, "ping.loses", "server")
	if f.Verdict != checks.OK || f.Args["lost"] != 2 || !strings.Contains(f.Evidence, " 1  10.78.0.9  ") {
		t.Errorf("%+v; want half lost, and the way to it", f)
	}
	if got := value(t, res, "xunjian_ping_loss_ratio", "server"); got != .5 {
		t.Errorf("loss %v", got)
	}
	if f := find(t, res, "ping.answers", "server6"); f.Evidence != "" {
		t.Errorf("IPv6 goes on: %+v", f)
	}
	server.Filter("input")
	if _, f := until(t, c, "ping.answers", "server"); f.Evidence != "" {
		t.Errorf("the way is kept after the loss: %q", f.Evidence)
	}
}

// Sent nowhere, by this machine's own firewall; then a server that is gone.
func serverGone(t *testing.T) {
	client, _, server, c, _ := watched(t)
	client.Filter("output", "ip daddr 10.78.0.9 drop")
	if _, f := until(t, c, "ping.unsent", "server"); f.Verdict != checks.Attention || !strings.Contains(f.Args["error"].(string), "not permitted") {
		t.Errorf("%+v", f)
	}
	client.Filter("output")
	server.IP("link", "set", "eth0", "down")
	res, f := until(t, c, "ping.silent", "server")
	if f.Verdict != checks.Attention || value(t, res, "probe_success", "server") != 0 {
		t.Errorf("%+v", f)
	}
	evidence(t, c)
}

// A gateway that answers no pings is there; then it is gone. One that never was
// there did not go.
func gatewayGone(t *testing.T) {
	client, gateway, _, c, _ := watched(t)
	client.IP("route", "add", "default", "via", "10.78.0.77", "metric", "90")
	gateway.Filter("input", "icmp type echo-request drop")
	if res, f := until(t, c, "ping.gateway_mute", "gateway 10.78.0.1"); f.Verdict != checks.OK || value(t, res, "xunjian_gateway_reachable", "10.78.0.1") != 1 {
		t.Errorf("%+v", f)
	}
	gateway.IP("link", "set", "eth0", "down")
	res, f := until(t, c, "ping.gateway_gone", "gateway 10.78.0.1")
	if f.Verdict != checks.Abnormal || value(t, res, "xunjian_gateway_reachable", "10.78.0.1") != 0 {
		t.Errorf("%+v", f)
	}
	if f := find(t, res, "ping.gateway_never", "gateway 10.78.0.77"); f.Verdict != checks.Attention || value(t, res, "xunjian_gateway_reachable", "10.78.0.77") != 0 {
		t.Errorf("%+v", f)
	}
}

// evidence holds what is shown when an incident opens on it.
func evidence(t *testing.T, c *Check) {
	t.Helper()
	list, err := c.Evidence(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, x := range list {
		codes = append(codes, x.Code)
		for _, row := range x.Rows {
			if len(row) != len(x.Columns) {
				t.Errorf("%s: %d cells below %d columns", x.Code, len(row), len(x.Columns))
			}
		}
	}
	if got := strings.Join(codes, " "); !strings.HasPrefix(got, "ping.exhibit ping.exhibit_neighbours ping.exhibit_way_then ping.exhibit_way_now") {
		t.Errorf("exhibits %s", got)
	}
	if worst := list[0].Rows[0]; worst[3] != worst[4] {
		t.Errorf("the one that lost all is not first: %v", worst)
	}
}

func TestConforms(t *testing.T) {
	client, _, _ := lan(t)
	cfg := lanConfig()
	nobody := func() checks.Check {
		c := inside(client, cfg, nil)
		c.echo = func(context.Context, Target, Round) (Answer, error) { return Answer{}, ErrForbidden }
		return c
	}
	checktest.Conform(t, func() checks.Check { return inside(client, cfg, nil) }, checktest.Broken(nobody), checktest.Soon(400*time.Millisecond))
}

// Without any right it says so, with the command that grants it; the command
// does, and then pings go without privileges. A process of nobody's in a machine
// of its own shows all three.
func TestRights(t *testing.T) {
	const mark = "XUNJIAN_TEST_RIGHTS"
	if os.Getenv(mark) != "" {
		c := NewCheck(Config{Count: 2, Wait: time.Second, Size: 56, Targets: []TargetConfig{{Name: "self", Address: "10.78.1.1"}, {Name: "self6", Address: "fd78:1::1"}}}, nil)
		res := look1(t, c)
		for _, f := range res.Findings {
			t.Logf("FOUND %s %s %v", f.Code, f.Verdict, f.Args["command"])
		}
		right, err := rightTo(false)
		t.Logf("RIGHT %d %v", right, errors.Is(err, ErrForbidden))
		return
	}
	m := nettest.New(t).Machine("m")
	m.Address("lo", "10.78.1.1/32")
	m.Address("lo", "fd78:1::1/128")
	binary := t.TempDir() + "/ping.test"
	b, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, b, 0o755); err != nil {
		t.Fatal(err)
	}
	for dir := binary; dir != "/tmp"; dir = dir[:strings.LastIndex(dir, "/")] {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	asNobody := func() string {
		var out []byte
		m.Inside(func() {
			cmd := exec.Command(binary, "-test.run=^TestRights$", "-test.v", "-test.count=1")
			cmd.Env, cmd.Dir = append(os.Environ(), mark+"=1"), "/"
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			out, err = cmd.CombinedOutput()
		})
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	m.Run("sysctl", "-w", "net.ipv4.ping_group_range=1 0")
	command := `sysctl -w net.ipv4.ping_group_range="65534 65534"`
	if said := asNobody(); !strings.Contains(said, "FOUND ping.forbidden unknown "+command) || !strings.Contains(said, "RIGHT 0 true") {
		t.Fatalf("without rights:\n%s", said)
	}
	m.Run("sh", "-c", command)
	if said := asNobody(); strings.Count(said, "FOUND ping.answers ok") != 2 || !strings.Contains(said, "RIGHT 1 false") {
		t.Errorf("after the command:\n%s", said)
	}
	m.Inside(func() {
		if right, err := rightTo(true); right != Privileged || err != nil {
			t.Errorf("as root: %v, %v", right, err)
		}
	})
}
