package integrity

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/checktest"
)

// site is a guarded web root with a Keeper that walks it.
type site struct {
	t    *testing.T
	root string
	dir  string
	cfg  Config
	k    *Keeper
	woke atomic.Int64
	stop func()
}

func (s *site) write(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	return path
}

func newSite(t *testing.T, kind Kind) *site {
	s := &site{t: t, root: t.TempDir(), dir: t.TempDir(), cfg: Default()}
	s.cfg.AuditLog = ""
	s.cfg.Paths = []Tree{{Path: s.root, Kind: kind, Exclude: []string{"cache/**", "*.log"}}}
	s.write("index.html", "<h1>Tenders</h1>\n<p>Welcome</p>\n")
	s.write("inc/db.php", "<?php\n$pdo = new PDO($dsn);\n")
	s.write("cache/page.html", "x")
	return s
}

// start walks and watches until the test ends or stop is called.
func (s *site) start() {
	s.t.Helper()
	var err error
	if s.k, err = Open(s.dir, time.Now); err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	c := NewCheck(s.cfg, s.k)
	go func() {
		defer close(ended)
		c.Serve(ctx, func() { s.woke.Add(1) })
	}()
	s.stop = func() { cancel(); <-ended }
	s.t.Cleanup(s.stop)
}

func (s *site) report() Report {
	s.t.Helper()
	r, err := s.k.Report()
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s *site) until(what string, ok func(Report) bool) Report {
	s.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for {
		r := s.report()
		if ok(r) {
			return r
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("no %s: %+v", what, r)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (s *site) complete() Report {
	return s.until("complete look", func(r Report) bool { return len(r.Trees) == 1 && r.Trees[0].Complete })
}

func (s *site) approveAll() {
	s.t.Helper()
	if _, err := s.k.Approve(s.t.Context(), Actor{"li", "cli"}, "release 7", []string{s.complete().Trees[0].ID}); err != nil {
		s.t.Fatal(err)
	}
}

// run is one Run of the check, by code and subject.
func (s *site) run() map[string]checks.Finding {
	s.t.Helper()
	r := checks.RunOnce(s.t.Context(), NewCheck(s.cfg, s.k), time.Now())
	if r.Error != "" {
		s.t.Fatal(r.Error)
	}
	out := map[string]checks.Finding{}
	for _, f := range r.Findings {
		out[f.Code] = f
	}
	return out
}

func TestDefacedPageIsSeenApprovedAndForgotten(t *testing.T) {
	s := newSite(t, Web)
	s.start()
	s.complete()
	if f := s.run()["integrity.unapproved"]; f.Verdict != checks.Attention || f.Args["files"] != 2 {
		t.Fatalf("before anyone approved: %+v, want attention over the two files that are not left out", f)
	}
	s.approveAll()
	if f := s.run()["integrity.intact"]; f.Verdict != checks.OK || f.Args["by"] != "li" {
		t.Fatalf("after the approval: %+v", f)
	}
	woke := s.woke.Load()
	page := s.write("index.html", "<h1>Hacked by nobody</h1>\n<p>Welcome</p>\n")
	s.write("cache/page.html", "y")
	s.write("access.log", "y")
	r := s.until("change", func(r Report) bool { return r.Total > 0 })
	if r.Total != 1 || r.Changes[0].Path != page || r.Changes[0].Code != codePage || !slices.Equal(r.Changes[0].What, []string{content}) {
		t.Fatalf("changes %+v, want only the content of %s", r.Changes, page)
	}
	for deadline := time.Now().Add(30 * time.Second); s.woke.Load() == woke; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the check was not woken")
		}
	}
	f := s.run()[codePage]
	if f.Verdict != checks.Abnormal || f.Subject != page || !strings.Contains(f.Evidence, "-<h1>Tenders</h1>\n+<h1>Hacked by nobody</h1>\n <p>Welcome</p>") {
		t.Fatalf("finding %+v, want the diff as evidence", f)
	}
	if _, err := s.k.Approve(t.Context(), Actor{"li", "console"}, "it was us", []string{r.Changes[0].ID}); err != nil {
		t.Fatal(err)
	}
	if now := s.run(); now["integrity.intact"].Code == "" || now[codePage].Code != "" {
		t.Fatalf("after the approval of the change: %+v", now)
	}
	r = s.report()
	if a := r.Approvals[0]; a.By != "li" || a.Via != "console" || a.Reason != "it was us" || !slices.Equal(a.Paths, []string{page}) {
		t.Fatalf("record %+v", a)
	}
}

func TestChangeTakenBackIsNoChange(t *testing.T) {
	s := newSite(t, Web)
	s.start()
	s.approveAll()
	s.write("index.html", "defaced")
	s.until("change", func(r Report) bool { return r.Total == 1 })
	s.write("index.html", "<h1>Tenders</h1>\n<p>Welcome</p>\n")
	s.until("its end", func(r Report) bool { return r.Total == 0 })
}

func TestWhatChangesMean(t *testing.T) {
	s := newSite(t, Web)
	s.start()
	s.approveAll()
	s.write("up/a.php", "<?php echo 1;")
	s.write("up/b.php", "<?php @eval($_POST['x']); ?>")
	s.write("up/c.jpg", "\xff\xd8\xff\xe0<?php phpinfo();")
	s.write("up/d.css", "body{}")
	if err := os.Remove(filepath.Join(s.root, "index.html")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(s.root, "inc/db.php"), 0o666); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"up/a.php": codeScript, "up/b.php": codeShell, "up/c.jpg": codeShell, "up/d.css": codeWebElse, "up": codeWebElse,
		"index.html": codePage, "inc/db.php": codeWebElse,
	}
	r := s.until("all changes", func(r Report) bool { return r.Total == len(want) })
	for _, c := range r.Changes {
		rel, _ := filepath.Rel(s.root, c.Path)
		if c.Code != want[rel] {
			t.Errorf("%s is %s (%v), want %s", rel, c.Code, c.What, want[rel])
		}
	}
	if r.Changes[0].Code != codeShell {
		t.Errorf("first is %s, want the gravest", r.Changes[0].Code)
	}
}

// TestShellIsNotWavedThrough: whoever approves a whole baseline approves no
// webshell in it.
func TestShellIsNotWavedThrough(t *testing.T) {
	s := newSite(t, Web)
	shell := s.write("img/x.php", "<?php system($_GET['c']);")
	s.start()
	s.approveAll()
	r := s.report()
	if r.Total != 1 || r.Changes[0].Path != shell || r.Changes[0].Code != codeShell {
		t.Fatalf("after the whole was approved: %+v, want the shell still there", r.Changes)
	}
	if _, text, ok := s.k.Diff(r.Changes[0].ID); !ok || !strings.Contains(text, "+<?php system($_GET['c']);") {
		t.Errorf("its text is %q", text)
	}
	if _, err := s.k.Approve(t.Context(), Actor{"li", "cli"}, "a honeypot", []string{r.Changes[0].ID}); err != nil {
		t.Fatal(err)
	}
	if r := s.report(); r.Total != 0 {
		t.Fatalf("after its own approval: %+v", r.Changes)
	}
	// A full walk takes the hash again: the approval holds.
	s.stop()
	s.cfg.Full = time.Nanosecond
	s.start()
	s.until("walk", func(r Report) bool { return len(r.Trees) == 1 && !r.Trees[0].Walked.IsZero() })
	if r := s.report(); r.Total != 0 {
		t.Fatalf("after a restart: %+v", r.Changes)
	}
}

func TestNobodyApprovesWhatTheyHaveNotSeen(t *testing.T) {
	s := newSite(t, Web)
	s.start()
	s.approveAll()
	s.write("index.html", "harmless")
	seen := s.until("change", func(r Report) bool { return r.Total == 1 }).Changes[0].ID
	s.write("index.html", "harmful, and longer")
	s.until("the second change", func(r Report) bool { return r.Total == 1 && r.Changes[0].ID != seen })
	_, err := s.k.Approve(t.Context(), Actor{"li", "cli"}, "looks fine", []string{seen})
	if refused, ok := errors.AsType[*Refusal](err); !ok || refused.Code != "changed_since" {
		t.Fatalf("approved what changed since: %v", err)
	}
	for _, bad := range []struct {
		why  string
		ids  []string
		code string
	}{{" ", []string{seen}, "no_reason"}, {"x", nil, "nothing_named"}} {
		_, err := s.k.Approve(t.Context(), Actor{}, bad.why, bad.ids)
		if refused, ok := errors.AsType[*Refusal](err); !ok || refused.Code != bad.code {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestBaselineOutlivesRestart(t *testing.T) {
	s := newSite(t, Web)
	s.start()
	s.approveAll()
	s.stop()
	s.write("index.html", "changed while nobody looked")
	if err := os.Remove(filepath.Join(s.root, "inc/db.php")); err != nil {
		t.Fatal(err)
	}
	s.start()
	r := s.until("both changes", func(r Report) bool { return r.Total == 2 })
	if r.Trees[0].Approved == nil || r.Trees[0].Approved.By != "li" {
		t.Errorf("the approval is gone: %+v", r.Trees[0])
	}
}

// TestSameTimesHideNothing: a content that was exchanged under its old size and
// times is seen, since nobody sets the time of the inode.
func TestSameTimesHideNothing(t *testing.T) {
	s := newSite(t, Web)
	s.start()
	s.approveAll()
	s.stop()
	path := filepath.Join(s.root, "index.html")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	s.write("index.html", "<h1>Tendars</h1>\n<p>Welcome</p>\n")
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.until("change", func(r Report) bool { return r.Total == 1 })
}

func TestDamageIsNotInnocence(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"cut baseline": func(dir string) error { return os.Truncate(filepath.Join(dir, stateFile), 40) },
		"edited record": func(dir string) error {
			path := filepath.Join(dir, approvalsFile)
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, []byte(strings.Replace(string(b), `"li"`, `"wu"`, 1)), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, Web)
			s.start()
			s.approveAll()
			s.write("index.html", "x")
			c := s.until("change", func(r Report) bool { return r.Total == 1 }).Changes[0]
			if _, err := s.k.Approve(t.Context(), Actor{"li", "cli"}, "again", []string{c.ID}); err != nil {
				t.Fatal(err)
			}
			s.stop()
			if err := spoil(s.dir); err != nil {
				t.Fatal(err)
			}
			s.start()
			r := checks.RunOnce(t.Context(), NewCheck(s.cfg, s.k), time.Now())
			if r.Verdict != checks.Unknown || !strings.Contains(r.Error, "integrity") {
				t.Fatalf("verdict %v, error %q", r.Verdict, r.Error)
			}
		})
	}
}

func TestVanishedRootIsUnknown(t *testing.T) {
	s := newSite(t, Web)
	s.start()
	s.approveAll()
	s.stop()
	if err := os.Rename(s.root, s.root+".away"); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(s.root + ".away")
	s.start()
	s.until("fault", func(r Report) bool { return len(r.Trees) == 1 && r.Trees[0].Fault != "" })
	if f := s.run()["integrity.unseen"]; f.Verdict != checks.Unknown {
		t.Fatalf("%+v", s.run())
	}
}

func TestBinariesAndSettings(t *testing.T) {
	s := newSite(t, Binaries)
	s.start()
	s.approveAll()
	if err := os.Chmod(filepath.Join(s.root, "index.html"), 0o755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	r := s.until("setuid", func(r Report) bool { return r.Total == 1 })
	if c := r.Changes[0]; c.Code != codeBinary || c.What[0] != rights || !strings.HasPrefix(c.After.Mode, "u") {
		t.Fatalf("%+v", c)
	}
}

// TestSecretsAreNotKept: neither a key nor what others may not read lies in the
// folder of copies, and a password in a page is not shown.
func TestSecretsAreNotKept(t *testing.T) {
	s := newSite(t, Settings)
	s.write("server.key", "word-of-the-key")
	private := s.write("app.conf", "word-of-the-app")
	if err := os.Chmod(private, 0o640); err != nil {
		t.Fatal(err)
	}
	s.write("open.conf", "host=db\npassword = hunter2-word\n")
	s.start()
	s.approveAll()
	s.write("open.conf", "host=db2\npassword = hunter3-word\n")
	s.write("server.key", "other-word")
	r := s.until("changes", func(r Report) bool { return r.Total == 2 })
	for _, c := range r.Changes {
		_, text, _ := s.k.Diff(c.ID)
		if strings.Contains(text, "word") && !strings.Contains(text, "password") || strings.Contains(text, "hunter") {
			t.Errorf("%s shows a secret:\n%s", c.Path, text)
		}
		if strings.HasSuffix(c.Path, "open.conf") && !strings.Contains(text, "+host=db2") {
			t.Errorf("the diff of open.conf is %q", text)
		}
	}
	list, err := os.ReadDir(filepath.Join(s.dir, "copies"))
	if err != nil || len(list) == 0 {
		t.Fatalf("no copies: %v", err)
	}
	for _, d := range list {
		b, err := s.k.copies.read(d.Name())
		if err != nil || strings.Contains(string(b), "of-the-") || strings.Contains(string(b), "other-word") {
			t.Errorf("a copy holds %q, %v", b, err)
		}
	}
}

func TestGBKPageIsReadable(t *testing.T) {
	s := newSite(t, Web)
	s.write("gbk.html", "\xd5\xd0\xb1\xea\n") // 招标
	s.start()
	s.approveAll()
	s.write("gbk.html", "\xb9\xab\xb8\xe6\n") // 公告
	c := s.until("change", func(r Report) bool { return r.Total == 1 }).Changes[0]
	if _, text, _ := s.k.Diff(c.ID); !strings.Contains(text, "-招标\n+公告") {
		t.Errorf("diff %q", text)
	}
}

func TestConform(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "a.html"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg := Default()
	cfg.Paths = []Tree{{Path: root, Kind: Web}}
	k, err := Open(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(t.TempDir(), "b")
	if err := os.MkdirAll(broken, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(broken, stateFile), []byte("no gzip"), 0o600); err != nil {
		t.Fatal(err)
	}
	damaged, err := Open(broken, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	checktest.Conform(t, func() checks.Check { return NewCheck(cfg, k) }, checktest.Broken(func() checks.Check { return NewCheck(cfg, damaged) }))
}

func TestNothingConfigured(t *testing.T) {
	r := checks.RunOnce(t.Context(), NewCheck(Default(), nil), time.Now())
	if r.Verdict != checks.NotApplicable {
		t.Errorf("verdict %v", r.Verdict)
	}
}

func TestPace(t *testing.T) {
	p := pace{rate: 1 << 20}
	began := time.Now()
	for range 4 {
		if err := p.spend(t.Context(), 100<<10); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took < 350*time.Millisecond {
		t.Errorf("400 KiB at 1 MiB/s took %v, want 390 ms or more", took)
	}
}
