package platform

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"xunjian/checks/credential"
)

// TestTalk speaks to a real server, line by line.
func TestTalk(t *testing.T) {
	s := theSite(t)
	plain, secure := strings.TrimPrefix(s.plain, "http://"), strings.TrimPrefix(s.secure["good"], "https://")
	head := []Exchange{{Send: "HEAD / HTTP/1.0\r\n", Expect: "^HTTP/1.1 200"}, {Expect: "^Server: nginx"}}
	for _, tc := range []struct {
		name string
		p    TCP
		code string
	}{
		{"only connects", TCP{Address: plain}, "probe.answered"},
		{"talks", TCP{Address: plain, Dialogue: head}, "probe.answered"},
		{"hears another thing", TCP{Address: plain, Dialogue: []Exchange{{Send: "HEAD / HTTP/1.0\r\n", Expect: "^220 ready"}}}, "probe.answer"},
		{"hears a line that does not fit", TCP{Address: plain, Dialogue: []Exchange{{Send: "NONSENSE", Expect: "^250 "}}}, "probe.answer"},
		{"talks over TLS", TCP{Address: secure, UseTLS: true, TLS: credential.TLS{CAFile: s.root}, Dialogue: head}, "probe.answered"},
		{"does not trust", TCP{Address: secure, UseTLS: true}, "probe.certificate_authority"},
		{"trusts whatever is shown", TCP{Address: secure, UseTLS: true, TLS: credential.TLS{InsecureSkipVerify: true}}, "probe.answered"},
		{"nobody listens", TCP{Address: "127.0.0.1:" + freePort()}, "probe.refused"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := attempt(t, Probe{TCP: &tc.p})
			if code, all := o.came(); code != tc.code {
				t.Errorf("it comes to %s %s, want %s\n%s", code, all, tc.code, strings.Join(o.log, "\n"))
			}
			if tc.p.UseTLS && o.value(t, "probe_ssl_earliest_cert_expiry") <= 0 {
				t.Error("the certificate's end is not told")
			}
		})
	}
}

// TestHungServer stops a real nginx: it accepts and says nothing. That costs
// one connection and one deadline, and shuts the door.
func TestHungServer(t *testing.T) {
	port := freePort()
	ca := authority{dir: filepath.Join(theSite(t).dir, "ca")}
	n, err := startNginx(filepath.Join(t.TempDir(), "nginx"), fmt.Sprintf("server { listen 127.0.0.1:%s ssl; ssl_certificate %s; ssl_certificate_key %s; }\n", port, ca.file("good.chain"), ca.file("good.key")), port)
	if err != nil {
		t.Fatal(err)
	}
	defer n.stop()
	n.signal(syscall.SIGSTOP)
	for name, p := range map[string]Probe{
		phaseProcessing: page(Step{URL: "http://127.0.0.1:" + port + "/"}),
		phaseTLS:        page(Step{URL: "https://127.0.0.1:" + port + "/"}),
	} {
		p.Interval, p.Timeout = 2*time.Second, time.Second
		began := time.Now()
		o := attempt(t, p)
		if took := time.Since(began); took < time.Second || took > 20*time.Second {
			t.Errorf("it took %v", took)
		}
		if code, _ := o.came(); code != "probe.timeout" || o.fault.phase != name || o.fault.class != classServer || o.value(t, "probe_success") != 0 {
			t.Errorf("it comes to %s: %+v", code, o.fault)
		}
	}
	n.signal(syscall.SIGCONT)
	p := page(Step{URL: "https://127.0.0.1:" + port + "/", Status: []int{200, 403, 404}})
	p.HTTP.TLS = credential.TLS{InsecureSkipVerify: true}
	if o := attempt(t, p); o.fault != nil {
		t.Errorf("after it goes on: %v", o.fault)
	}
}

// TestNoWayOut is in a network of its own: without a route, with a cable that
// was pulled, and with one that leads to nobody. Only the last says something
// of the other side.
func TestNoWayOut(t *testing.T) {
	type said struct{ code, all string }
	answers := make(chan said, 3)
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with its network
		failed <- func() error {
			if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
				return fmt.Errorf("a network of its own (the tests need root for it): %w", err)
			}
			p := Probe{Name: "door", Door: DoorOther, TCP: &TCP{Address: "192.0.2.1:443"}, Interval: time.Minute, Timeout: 8 * time.Second}.filled()
			for _, commands := range []string{
				"", // nothing but a loopback that is down
				"ip link set dev lo up && ip link add name near0 type veth peer name far0 && ip addr add 192.0.2.2/24 dev near0 && ip link set dev near0 up",
				"ip link set dev far0 up",
			} {
				if out, err := exec.Command("sh", "-c", commands).CombinedOutput(); err != nil {
					return fmt.Errorf("%s: %w\n%s", commands, err, out)
				}
				for end := time.Now().Add(20 * time.Second); strings.Contains(commands, "far0 up"); time.Sleep(10 * time.Millisecond) {
					if a, err := net.InterfaceByName("near0"); err != nil || time.Now().After(end) {
						return fmt.Errorf("the link does not come up: %v", err)
					} else if a.Flags&net.FlagRunning != 0 {
						break
					}
				}
				code, all := try(t.Context(), p, nil).came()
				answers <- said{code, all}
			}
			return nil
		}()
	}()
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	for i, want := range []said{{"probe.untried", "no way"}, {"probe.untried", "no link"}, {"probe.unreachable", "no route to host"}} {
		got := <-answers
		if got.code != want.code || !strings.Contains(got.all, want.all) {
			t.Errorf("%d: it comes to %s %s, want %s with %q", i, got.code, got.all, want.code, want.all)
		}
	}
}
