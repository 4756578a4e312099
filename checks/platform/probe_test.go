package platform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/checktest"
)

func TestConform(t *testing.T) {
	s := theSite(t)
	one := func(p Probe) func() checks.Check {
		p.Name, p.Door, p.Interval, p.Timeout = "door", DoorUpload, time.Minute, 20*time.Second
		return func() checks.Check { return newProbe(p, true) }
	}
	missing := page(Step{URL: s.plain + "/", BearerFile: filepath.Join(t.TempDir(), "none")})
	checktest.Conform(t, one(page(Step{URL: s.plain + "/"})), checktest.Broken(one(missing)))
	checktest.Conform(t, one(door(s, "good")))
	checktest.Conform(t, one(door(s, "expired")))
	checktest.Conform(t, one(Probe{TCP: &TCP{Address: strings.TrimPrefix(s.plain, "http://")}}))
	ca := authority{dir: filepath.Join(s.dir, "ca")}
	checktest.Conform(t, func() checks.Check {
		return newCertificates([]Certificates{{Name: "a", Door: DoorCA, Files: []string{ca.file("*.pem")}}})
	})
}

// TestEveryFaultHasItsWords says each finding of this package in both
// languages, with the arguments that it really has.
func TestEveryFaultHasItsWords(t *testing.T) {
	s := theSite(t)
	for _, kind := range []string{"expired", "early", "wrongname", "incomplete", "selfsigned", "weak", "revoked"} {
		p := door(s, kind)
		p.Name, p.Door, p.Interval, p.Timeout = "door", DoorUpload, time.Minute, 20*time.Second
		checktest.Conform(t, func() checks.Check { return newProbe(p, true) })
	}
	slow := page(Step{URL: s.plain + "/app/slow"})
	for _, p := range []Probe{
		page(Step{URL: "http://127.0.0.1:" + freePort()}), page(Step{URL: s.plain + "/none"}), page(Step{URL: s.plain + "/loop"}), page(Step{URL: s.plain + "/cut"}), slow,
		page(Step{URL: s.plain + "/", MustContain: []string{"x y"}}), page(Step{URL: s.plain + "/", MustNotContain: []string{"欢迎"}}),
		page(Step{URL: s.plain + "/", Capture: map[string]string{"a": "(zz)"}}), page(Step{URL: s.plain + "/", Integrity: &Integrity{Title: "x", MustContain: []string{"y"}, SHA256: []string{strings.Repeat("0", 64)}}}),
		{HTTP: &HTTP{HTTP2: "required", Steps: []Step{{URL: s.plain + "/"}}}},
		{TCP: &TCP{Address: strings.TrimPrefix(s.plain, "http://"), Dialogue: []Exchange{{Send: "x", Expect: "^220"}}}},
	} {
		p.Name, p.Door, p.Interval, p.Timeout = "door", DoorUpload, 2*time.Second, 500*time.Millisecond
		checktest.Conform(t, func() checks.Check { return newProbe(p, true) })
	}
	checktest.Texts(t, checks.Messages)
}

// TestInTheBackground runs a probe as the agent does: a fault is said at once,
// by a wake, and what is said between is what the last try saw.
func TestInTheBackground(t *testing.T) {
	port := freePort()
	dir := filepath.Join(t.TempDir(), "nginx")
	conf := fmt.Sprintf("server { listen 127.0.0.1:%s; return 200 ok; }\n", port)
	n, err := startNginx(dir, conf, port)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { n.stop() }()
	p := page(Step{URL: "http://127.0.0.1:" + port + "/"})
	p.Name, p.Door, p.Interval, p.Timeout = "door", DoorPage, time.Second, 500*time.Millisecond
	c := newProbe(p, false)
	run := func() (*checks.Output, error) {
		out := checks.NewOutput(0)
		return out, c.Run(t.Context(), out)
	}
	out, err := run()
	if err != nil || len(out.Samples()) > 0 || out.Findings()[0].Code != "probe.pending" || out.Findings()[0].Verdict != checks.Unknown {
		t.Errorf("before the first try it says %v %+v", err, out.Findings())
	}
	c.born = c.born.Add(-time.Minute)
	if _, err := run(); err == nil {
		t.Error("a probe that is never tried is no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	woken := make(chan struct{}, 100)
	var served sync.WaitGroup
	served.Go(func() { c.Serve(ctx, func() { woken <- struct{}{} }) })
	defer served.Wait()
	defer cancel()
	awoken := func(code string) *checks.Output {
		t.Helper()
		for end := time.After(60 * time.Second); ; {
			select {
			case <-woken:
			case <-end:
				t.Fatalf("nothing wakes for %s", code)
			}
			out, _ := run()
			if out.Findings()[0].Code == code {
				return out
			}
		}
	}
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if out, _ := run(); out.Findings()[0].Code == "probe.answered" {
			break
		} else if time.Now().After(end) {
			t.Fatalf("it says %+v", out.Findings())
		}
	}
	n.signal(syscall.SIGSTOP)
	out = awoken("probe.timeout")
	if v, ok := figure(out, "xunjian_probe_fault", classServer); !ok || v != 1 {
		t.Errorf("the figures of a hung server: %+v", out.Samples())
	}
	n.signal(syscall.SIGCONT)
	awoken("probe.answered")
	n.stop()
	awoken("probe.refused")
	if n, err = startNginx(dir, conf, port); err != nil {
		t.Fatal(err)
	}
	awoken("probe.answered")
	// The failures outlive the successes.
	exhibits, err := c.Evidence(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%+v", exhibits)
	for _, want := range []string{"refused at connect", "timeout at processing", "success", "probe.evidence.phases", "connection refused"} {
		if !strings.Contains(all, want) {
			t.Errorf("the evidence lacks %q: %s", want, all)
		}
	}
	cancel()
	served.Wait()
	// What was not tried any more is not known, whatever it was.
	c.mu.Lock()
	old := *c.last
	old.at = old.at.Add(-time.Minute)
	c.last = &old
	c.mu.Unlock()
	if out, err := run(); err == nil || out.Findings()[0].Code != "probe.stale" || len(out.Samples()) > 0 {
		t.Errorf("an old try comes to %v %+v", err, out.Findings())
	}
}

// TestMomentsAreSpread: a thousand probes do not knock at once, and one keeps
// its moment over a restart.
func TestMomentsAreSpread(t *testing.T) {
	const n, parts = 1000, 10
	var counts [parts]int
	for i := range n {
		p := Probe{Name: fmt.Sprintf("door-%d", i), Interval: 10 * time.Second, NTP: &NTP{}}
		c, again := newProbe(p, false), newProbe(p, false)
		if c.phase != again.phase || c.phase < 0 || c.phase >= 10*time.Second {
			t.Fatalf("moment %v, again %v", c.phase, again.phase)
		}
		counts[int(c.phase/time.Second)]++
		now := time.Unix(1_700_000_000, int64(i)*7_000_001)
		at := now.Add(c.untilMoment(now))
		if off := time.Duration(at.UnixNano())%(10*time.Second) - c.phase; off != 0 {
			t.Errorf("the moment is missed by %v", off)
		}
	}
	for part, count := range counts {
		if count < 60 || count > 140 {
			t.Errorf("in second %d of the interval there are %d of %d", part, count, n)
		}
	}
}

func TestIdentity(t *testing.T) {
	yes := true
	base := func() Probe {
		return Probe{Name: "a", HTTP: &HTTP{Survey: &yes, Steps: []Step{{URL: "http://x/", Integrity: &Integrity{Title: "t"}}}}}
	}
	id := newProbe(base(), false).Identity()
	if again := newProbe(base(), false).Identity(); again != id {
		t.Errorf("one configuration has two identities:\n%s\n%s", id, again)
	}
	for name, change := range map[string]func(*Probe){
		"title":  func(p *Probe) { p.HTTP.Steps[0].Integrity.Title = "u" },
		"url":    func(p *Probe) { p.HTTP.Steps[0].URL = "http://y/" },
		"system": func(p *Probe) { p.System = "s" },
		"survey": func(p *Probe) { no := false; p.HTTP.Survey = &no },
	} {
		p := base()
		change(&p)
		if newProbe(p, false).Identity() == id {
			t.Errorf("another %s is not seen", name)
		}
	}
}

func TestNothingConfigured(t *testing.T) {
	list := Checks(Default(), Options{})
	if len(list) != 3 {
		t.Fatalf("%d checks", len(list))
	}
	for _, c := range list {
		if err := c.Run(t.Context(), checks.NewOutput(0)); !errors.Is(err, checks.ErrNotApplicable) {
			t.Errorf("%s: %v", c.Name(), err)
		}
	}
}

// FuzzAnswers: whatever a page, a list or a file holds, nothing breaks.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte("<title>x</title>"), "  0: 0100007F:1F90 00000000:0000 0A 0 0 0 0 0 7 1")
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "")
	f.Add([]byte{0x30, 0x82, 0xff, 0xff}, "\x00")
	f.Fuzz(func(t *testing.T, b []byte, line string) {
		if s := titleOf(b); strings.ContainsAny(s, "\n") {
			t.Errorf("a title of lines: %q", s)
		}
		if len(excerptOf(b)) > maxExcerpt+len("…") {
			t.Error("an excerpt beyond its bound")
		}
		parseCertificates(b, os.DevNull)
	})
}
