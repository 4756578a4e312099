package review

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/checktest"
	"xunjian/checks/logs/pattern"
	"xunjian/checks/logs/tail"
)

var beijing = time.FixedZone("", 8*3600)

func judgeOf(t *testing.T, change func(*Config)) *judge {
	t.Helper()
	cfg := Default()
	if change != nil {
		change(&cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	list, err := pattern.Default()
	if err != nil {
		t.Fatal(err)
	}
	return newJudge(cfg, list, beijing)
}

func (j *judge) feed(at time.Time, lines ...string) bool {
	return j.take(tail.Block{Source: "auth", Kind: "auth", Path: "/var/log/auth.log", Text: []byte(strings.Join(lines, "\n") + "\n"), Read: at})
}

func sshd(at time.Time, format string, args ...any) string {
	return at.In(beijing).Format(time.Stamp) + " web1 sshd[99]: " + fmt.Sprintf(format, args...)
}

func found(j *judge) string {
	var out []string
	for _, f := range j.findings(time.Time{}) {
		out = append(out, fmt.Sprintf("%s(%s) %s", f.Code, f.Subject, f.Verdict))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

// TestBruteForce counts failures of an address within a sliding window.
func TestBruteForce(t *testing.T) {
	at := time.Date(2026, 11, 29, 10, 0, 0, 0, beijing)
	j := judgeOf(t, nil)
	for n := range 9 {
		j.feed(at.Add(time.Duration(n)*time.Minute), sshd(at.Add(time.Duration(n)*time.Minute), "Failed password for root from 203.0.113.7 port 1 ssh2"))
	}
	want(t, "nine in nine minutes", found(j), "")
	last := at.Add(9 * time.Minute)
	if !j.feed(last, sshd(last, "Failed password for invalid user x from 203.0.113.7 port 1 ssh2")) {
		t.Error("the tenth is not grave")
	}
	want(t, "the tenth", found(j), "logs.bruteforce(203.0.113.7) attention")
	if users := j.findings(time.Time{})[0].Args["users"]; users != "root, x" {
		t.Errorf("users %v", users)
	}

	slow := judgeOf(t, nil)
	for n := range 40 {
		when := at.Add(time.Duration(n) * 2 * time.Minute)
		slow.feed(when, sshd(when, "Failed password for root from 203.0.113.7 port 1 ssh2"))
	}
	want(t, "one in two minutes", found(slow), "")

	many := judgeOf(t, nil)
	for n := range 40 {
		many.feed(at, sshd(at, "Failed password for root from 203.0.113.%d port 1 ssh2", n+1))
	}
	want(t, "one from each address", found(many), "")
}

// TestSuccessAfterFailures tells a found password from somebody who mistyped.
func TestSuccessAfterFailures(t *testing.T) {
	at := time.Date(2026, 11, 29, 10, 0, 0, 0, beijing)
	for failures, expected := range map[int]string{4: "", 5: "logs.breakin(203.0.113.7) abnormal"} {
		j := judgeOf(t, nil)
		for range failures {
			j.feed(at, sshd(at, "Failed password for root from 203.0.113.7 port 1 ssh2"))
		}
		grave := j.feed(at.Add(time.Second), sshd(at.Add(time.Second), "Accepted password for root from 203.0.113.7 port 1 ssh2"))
		want(t, fmt.Sprint(failures, " failures"), found(j), expected)
		if grave != (expected != "") {
			t.Errorf("%d failures: grave is %v", failures, grave)
		}
	}
	late := judgeOf(t, nil)
	for range 9 {
		late.feed(at, sshd(at, "Failed password for root from 203.0.113.7 port 1 ssh2"))
	}
	late.feed(at.Add(time.Hour), sshd(at.Add(time.Hour), "Accepted password for root from 203.0.113.7 port 1 ssh2"))
	want(t, "an hour later", found(late), "")
}

// TestToldByMany: a login that failed is one, however many tell of it; what only
// PAM tells of counts too, and different programs add up.
func TestToldByMany(t *testing.T) {
	at := time.Date(2026, 11, 29, 10, 0, 0, 0, beijing)
	pam := func(program string) string {
		return sshd(at, "pam_unix(%s:auth): authentication failure; logname= uid=0 euid=0 tty=x ruser= rhost=203.0.113.7  user=root", program)
	}
	audit := func(kind, op string) string {
		return fmt.Sprintf(`type=%s msg=audit(%d.100:7): pid=9 uid=0 auid=4294967295 ses=4294967295 msg='op=%s acct="root" exe="/usr/sbin/sshd" hostname=? addr=203.0.113.7 terminal=ssh res=failed'`, kind, at.Unix(), op)
	}
	failed := sshd(at, "Failed password for root from 203.0.113.7 port 1 ssh2")
	j := judgeOf(t, nil)
	for range 9 {
		j.feed(at, pam("sshd"), failed)
		j.take(tail.Block{Source: "audit", Kind: "audit", Text: []byte(audit("USER_AUTH", "PAM:authentication") + "\n" + audit("USER_AUTH", "password") + "\n" + audit("USER_LOGIN", "login") + "\n"), Read: at})
	}
	want(t, "nine told by five", found(j), "")
	if j.known.Failed != 9 {
		t.Errorf("%d logins failed, want 9", j.known.Failed)
	}
	j.feed(at, failed)
	want(t, "one more", found(j), "logs.bruteforce(203.0.113.7) attention")

	only := judgeOf(t, nil)
	for range 10 {
		only.feed(at, pam("vsftpd"))
	}
	want(t, "told by PAM alone", found(only), "logs.bruteforce(203.0.113.7) attention")

	local := judgeOf(t, nil)
	for range 10 {
		local.feed(at, sshd(at, "pam_unix(sudo:auth): authentication failure; logname=li uid=1000 euid=0 tty=/dev/pts/0 ruser=li rhost=  user=li"))
	}
	want(t, "of this machine", found(local), "")

	both := judgeOf(t, nil)
	for range 5 {
		both.feed(at, failed)
		both.take(tail.Block{Source: "pg", Kind: "postgresql", Text: []byte(at.Format("2006-01-02 15:04:05.000 MST") + ` [99] app@bids FATAL:  no pg_hba.conf entry for host "203.0.113.7", user "app", database "bids", SSL off` + "\n"), Read: at})
	}
	want(t, "five here, five there", found(both), "logs.bruteforce(203.0.113.7) attention")
}

// TestForgedLines: what a client gets sshd to log cannot name another address,
// and what other programs log is no login.
func TestForgedLines(t *testing.T) {
	at := time.Date(2026, 11, 29, 10, 0, 0, 0, beijing)
	j := judgeOf(t, nil)
	for range 20 {
		j.feed(at,
			sshd(at, "Failed password for invalid user root from 192.0.2.1 port 22 ssh2 from 203.0.113.7 port 1 ssh2"),
			"Nov 29 10:00:00 web1 logger: Failed password for root from 192.0.2.2 port 1 ssh2",
			"Nov 29 10:00:00 web1 app[1]: sshd[1]: Failed password for root from 192.0.2.3 port 1 ssh2")
	}
	want(t, "forged", found(j), "logs.bruteforce(203.0.113.7) attention")
}

// TestUnusualLogins learns for two weeks, and then tells what differs.
func TestUnusualLogins(t *testing.T) {
	begin := time.Date(2026, 11, 1, 9, 0, 0, 0, beijing)
	j := judgeOf(t, func(c *Config) { c.BackStep = 24 * time.Hour })
	for day := range 15 {
		at := begin.AddDate(0, 0, day)
		j.feed(at, sshd(at, "Accepted publickey for deploy from 192.0.2.7 port 1 ssh2"))
	}
	want(t, "as always", found(j), "")
	at := begin.AddDate(0, 0, 16)
	j.feed(at, sshd(at, "Accepted publickey for deploy from 192.0.2.99 port 1 ssh2"))
	j.feed(at.Add(time.Hour), sshd(at.Add(time.Hour), "Accepted publickey for deploy from 192.0.2.7 port 1 ssh2"))
	want(t, "the same network, an hour later", found(j), "")
	j.feed(at, sshd(at, "Accepted publickey for deploy from 198.51.100.1 port 1 ssh2"))
	want(t, "another place", found(j), "logs.login_place(deploy) attention")
	night := at.Add(18 * time.Hour)
	j.feed(night, sshd(night, "Accepted publickey for deploy from 192.0.2.7 port 1 ssh2"))
	j.feed(night, sshd(night, "Accepted password for mallory from 192.0.2.7 port 1 ssh2"))
	want(t, "at night, and a new account", found(j), "logs.login_account(mallory) attention, logs.login_hour(deploy) attention, logs.login_place(deploy) attention")
}

// TestTimeBackwards tells a clock that was set back, once.
func TestTimeBackwards(t *testing.T) {
	at := time.Date(2026, 11, 29, 10, 0, 0, 0, beijing)
	j := judgeOf(t, nil)
	j.feed(at, sshd(at, "x"), sshd(at.Add(-4*time.Minute), "a little out of order"))
	want(t, "four minutes", found(j), "")
	j.feed(at, sshd(at.Add(-time.Hour), "x"))
	want(t, "an hour", found(j), "logs.backwards(auth) attention")
	j.feed(at, sshd(at.Add(-59*time.Minute), "x"))
	if n := j.known.Held["logs.backwards\x00auth"].Total; n != 1 {
		t.Errorf("it was said %d times", n)
	}
}

// TestMemory: what is over is no finding any more, but is told of its week, and
// a crowd does not make one forget what is worse.
func TestMemory(t *testing.T) {
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, beijing)
	j := judgeOf(t, nil)
	for n := range 12 {
		j.feed(at.Add(time.Duration(n)*time.Second), sshd(at.Add(time.Duration(n)*time.Second), "Failed password for root from 198.51.100.7 port %d ssh2", n))
	}
	j.known.hold(checks.Finding{Code: "logs.emptied", Subject: "auth", Verdict: checks.Abnormal, Evidence: "a\nb", Args: map[string]any{"source": "auth"}}, at, j.cfg.Hold)
	told := func(from, to time.Time, f Filter) string {
		var out []string
		for _, e := range j.events(f, from, to) {
			out = append(out, fmt.Sprintf("%s(%s) %d", e.Finding.Code, e.Finding.Subject, e.Count))
		}
		return strings.Join(out, ", ")
	}
	week := at.Add(6 * 24 * time.Hour)
	j.known.expire(week)
	if got := j.findings(week); len(got) != 0 {
		t.Errorf("a week later it still finds %v", got)
	}
	want(t, "the week", told(at.Add(-time.Hour), week, Filter{}), "logs.bruteforce(198.51.100.7) 3, logs.emptied(auth) 1")
	want(t, "the grave of it", told(at.Add(-time.Hour), week, Filter{Verdict: checks.Abnormal}), "logs.emptied(auth) 1")
	want(t, "another source", told(at.Add(-time.Hour), week, Filter{Source: "web"}), "")
	want(t, "the week after", told(at.Add(time.Hour), week, Filter{}), "")
	if e := j.known.Held["logs.emptied\x00auth"].Finding.Evidence; e != "b" {
		t.Errorf("what is over keeps %q, want its last line", e)
	}
	for n := range maxHeld + 100 {
		j.known.hold(checks.Finding{Code: "logs.bruteforce", Subject: fmt.Sprint(n), Verdict: checks.Attention}, at, j.cfg.Hold)
	}
	if j.known.Held["logs.emptied\x00auth"] == nil || len(j.known.Held) != maxHeld || j.known.Forgotten.IsZero() {
		t.Errorf("of a crowd %d are remembered, forgotten at %v; that the log was emptied: %v", len(j.known.Held), j.known.Forgotten, j.known.Held["logs.emptied\x00auth"])
	}
	j.known.expire(at.Add(16 * 24 * time.Hour))
	if len(j.known.Held) != 0 {
		t.Errorf("%d are remembered for ever", len(j.known.Held))
	}
}

// TestRhythm knows the longest pause of the last days.
func TestRhythm(t *testing.T) {
	var r rhythm
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	if _, ok := r.usual(); ok {
		t.Error("nothing is known yet")
	}
	for range 3 * 24 {
		at = at.Add(time.Hour)
		r.came(at)
	}
	if s, ok := r.usual(); !ok || s != 3600 {
		t.Errorf("usual %v, %v", s, ok)
	}
	r.came(at.Add(20 * 24 * time.Hour))
	if len(r.Pauses) > rhythmDays {
		t.Errorf("%d days", len(r.Pauses))
	}
}

// once is a Review that looks by itself at one file.
func once(t *testing.T, path string, cfg Config) *Review {
	t.Helper()
	sources := []tail.Source{{Name: "auth", Kind: "auth", Files: []string{path}}}
	tailer := tail.New(tail.Options{Sources: sources, From: tail.Beginning})
	r, err := New(cfg, Parts{Tailer: tailer, Sources: sources, Identity: "x", Once: true})
	if err != nil {
		t.Fatal(err)
	}
	tailer.Subscribe(r)
	return r
}

// TestConforms holds the check against what is asked of every check; the log
// holds a line of each pattern.
func TestConforms(t *testing.T) {
	list, err := pattern.Default()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, p := range list {
		for _, s := range p.Samples {
			text.WriteString(s + "\n")
		}
	}
	path := filepath.Join(t.TempDir(), "auth.log")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	checktest.Conform(t, func() checks.Check { return once(t, path, Default()) },
		checktest.Broken(func() checks.Check { return once(t, t.TempDir(), Default()) }))
}

// TestServe reads as the agent does: a line that matters wakes the check at
// once, and what was counted is there after a restart.
func TestServe(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "auth.log")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	sources := []tail.Source{{Name: "auth", Kind: "auth", Files: []string{path}}}
	start := func() (*Review, chan struct{}, func()) {
		tailer := tail.New(tail.Options{Sources: sources, Dir: filepath.Join(dir, "state")})
		r, err := New(Default(), Parts{Tailer: tailer, Sources: sources, Identity: "x"})
		if err != nil {
			t.Fatal(err)
		}
		tailer.Subscribe(r)
		ctx, cancel := context.WithCancel(t.Context())
		woken, done := make(chan struct{}, 10), make(chan struct{})
		go func() {
			defer close(done)
			_ = r.Serve(ctx, func() { woken <- struct{}{} })
		}()
		return r, woken, func() { cancel(); <-done }
	}
	r, woken, stop := start()
	run := func(r *Review) map[string]float64 {
		out := checks.NewOutput(0)
		if err := r.Run(t.Context(), out); err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, s := range out.Samples() {
			got[s.Desc.Name+"/"+strings.Join(s.Values[:min(1, len(s.Values))], "")] = s.Value
		}
		return got
	}
	got := run(r)
	if v, ok := got["xunjian_log_events_total/kernel_io_error"]; !ok || v != 0 {
		t.Errorf("a counter does not begin with zero: %v, %v", v, ok)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// What comes before the first look is over is old: write until one is new.
	deadline := time.Now().Add(30 * time.Second)
	for run(r)["xunjian_log_lines_total/auth"] == 0 {
		if time.Now().After(deadline) {
			t.Fatal("the first line does not come")
		}
		fmt.Fprintln(f, "Nov 29 10:00:00 web1 app[1]: harmless")
		time.Sleep(10 * time.Millisecond)
	}
	began := time.Now()
	fmt.Fprintln(f, "Nov 29 10:00:00 web1 kernel: blk_update_request: I/O error, dev sda, sector 1")
	select {
	case <-woken:
		t.Logf("woken after %v", time.Since(began))
	case <-time.After(30 * time.Second):
		t.Fatal("nobody was woken")
	}
	if v := run(r)["xunjian_log_events_total/kernel_io_error"]; v != 1 {
		t.Errorf("counted %v", v)
	}
	if o := r.Overview(Filter{}); len(o.Patterns) != 1 || o.Patterns[0].Count != 1 || len(o.Patterns[0].Lines) != 1 {
		t.Errorf("overview %+v", o.Patterns)
	}
	stop()
	fmt.Fprintln(f, "Nov 29 10:00:01 web1 kernel: blk_update_request: I/O error, dev sda, sector 2")
	r, woken, stop = start()
	defer stop()
	select {
	case <-woken:
	case <-time.After(30 * time.Second):
		t.Fatal("what was written while nobody read is not seen")
	}
	if v := run(r)["xunjian_log_events_total/kernel_io_error"]; v != 2 {
		t.Errorf("after a restart counted %v", v)
	}
}

// TestMistakes names the key of each.
func TestMistakes(t *testing.T) {
	for expected, change := range map[string]func(*Config){
		"brute_force.failures: 2 is":   func(c *Config) { c.BruteForce.Failures = 2 },
		"brute_force.window: 1s is":    func(c *Config) { c.BruteForce.Window = time.Second },
		"brute_force.then_login: 0 is": func(c *Config) { c.BruteForce.ThenLogin = 0 },
		"hold: 0s is":                  func(c *Config) { c.Hold = 0 },
		"learn_logins: 1h0m0s is":      func(c *Config) { c.LearnLogins = time.Hour },
		"back_step: 0s is":             func(c *Config) { c.BackStep = 0 },
	} {
		cfg := Default()
		change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), expected) {
			t.Errorf("%s: got %v", expected, err)
		}
	}
}
