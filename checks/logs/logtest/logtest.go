// Package logtest makes logs for tests and benchmarks: what a server of the
// platform writes on an ordinary day, with a few lines that matter.
package logtest

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// Mixture writes at least size bytes of auth.log and syslog, mixed, to w. The
// same seed writes the same. About one line in twelve is a login, a failed
// login or a fault.
func Mixture(w io.Writer, size int64, seed uint64) error {
	g := &generator{w: bufio.NewWriterSize(w, 1<<20), r: rand.New(rand.NewPCG(seed, 1)), now: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	for g.written < size {
		g.line()
	}
	return g.w.Flush()
}

type generator struct {
	w       *bufio.Writer
	r       *rand.Rand
	now     time.Time
	written int64
}

func (g *generator) put(program, format string, args ...any) {
	g.now = g.now.Add(time.Duration(g.r.IntN(2000)) * time.Millisecond)
	n, _ := fmt.Fprintf(g.w, "%s web1 %s: %s\n", g.now.Format(time.Stamp), program, fmt.Sprintf(format, args...))
	g.written += int64(n)
}

func (g *generator) pid() int        { return 300 + g.r.IntN(60000) }
func (g *generator) address() string { return fmt.Sprintf("203.0.113.%d", g.r.IntN(254)+1) }
func (g *generator) user() string {
	return []string{"root", "admin", "postgres", "test", "oracle", "deploy", "ubuntu", "git"}[g.r.IntN(8)]
}

func (g *generator) of(program string) string { return fmt.Sprintf("%s[%d]", program, g.pid()) }

// line writes one event, by its share.
func (g *generator) line() {
	switch n := g.r.IntN(1000); {
	case n < 60:
		g.put(g.of("sshd"), "Failed password for invalid user %s from %s port %d ssh2", g.user(), g.address(), g.pid())
	case n < 70:
		g.put(g.of("sshd"), "Accepted publickey for deploy from 192.0.2.%d port %d ssh2: ED25519 SHA256:0aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789abcdefg", g.r.IntN(9), g.pid())
	case n < 75:
		g.put("sudo", "  deploy : PWD=/home/deploy ; USER=root ; COMMAND=/usr/bin/systemctl status app%d", g.r.IntN(20))
	case n < 77:
		g.put("kernel", "[%d.%06d] blk_update_request: I/O error, dev sd%c, sector %d op 0x0:(READ) flags 0x80700", g.pid(), g.pid(), 'a'+rune(g.r.IntN(4)), g.pid())
	case n < 79:
		g.put("systemd[1]", "app%d.service: Failed with result 'exit-code'.", g.r.IntN(20))
	default:
		g.noise(n)
	}
}

func (g *generator) noise(n int) {
	switch {
	case n < 200:
		g.put(g.of("CRON"), "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)")
	case n < 320:
		g.put(g.of("CRON"), "pam_unix(cron:session): session closed for user root")
	case n < 420:
		g.put(g.of("sshd"), "Connection closed by invalid user %s %s port %d [preauth]", g.user(), g.address(), g.pid())
	case n < 480:
		g.put(g.of("sshd"), "Disconnected from authenticating user %s %s port %d [preauth]", g.user(), g.address(), g.pid())
	case n < 560:
		g.put("systemd[1]", "Started session-%d.scope - Session %d of User deploy.", g.pid(), g.pid())
	case n < 640:
		g.put(g.of("CRON"), "(root) CMD (   cd / && run-parts --report /etc/cron.hourly)")
	case n < 700:
		g.put(g.of("systemd-logind"), "New session %d of user deploy.", g.pid())
	case n < 760:
		g.put(g.of("postfix/smtpd"), "connect from mail%d.example.org[192.0.2.%d]", g.r.IntN(99), g.r.IntN(254))
	case n < 820:
		g.put(g.of("dhclient"), "DHCPREQUEST for 192.0.2.%d on eth0 to 192.0.2.1 port 67", g.r.IntN(254))
	case n < 880:
		g.put("kernel", "[%d.%06d] IPv6: ADDRCONF(NETDEV_CHANGE): veth%08x: link becomes ready", g.pid(), g.pid(), g.r.Uint32())
	case n < 940:
		g.put(g.of("app"), "INFO c.e.bids.OfferService - offer %d of bidder %d stored in %d ms, %d bytes, trace=%016x", g.pid(), g.pid(), g.r.IntN(900), g.pid(), g.r.Uint64())
	default:
		g.put(g.of("rsyslogd"), "action 'action-%d-builtin:omfile' resumed (module 'builtin:omfile') [v8.2302.0 try https://www.rsyslog.com/e/2359 ]", g.r.IntN(9))
	}
}
