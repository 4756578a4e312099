package console

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"xunjian/alerting/inspection"
	"xunjian/checks/security/integrity"
)

// chromium is a real browser, and what it complains of.
type chromium struct {
	context.Context
	t    *testing.T
	s    *site
	mu   sync.Mutex
	said []string
}

// one is the browser that all tests share: to start it takes seconds.
var one struct {
	sync.Once
	ctx context.Context
	end func()
}

func TestMain(m *testing.M) {
	code := m.Run()
	if one.end != nil {
		one.end()
	}
	os.Exit(code)
}

// startOne starts the shared browser.
func startOne() {
	dir, err := os.MkdirTemp("", "xunjian-browser")
	if err != nil {
		panic(err)
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(dir),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
	)
	actx, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, quit := chromedp.NewContext(actx)
	one.ctx, one.end = ctx, func() { quit(); stop(); os.RemoveAll(dir) }
	if err := chromedp.Do(ctx); err != nil {
		panic(fmt.Sprintf("start chromium: %v", err))
	}
}

// newChromium opens a window that reads lang, with cookies of its own.
func newChromium(t *testing.T, s *site, lang string, scripts bool) *chromium {
	t.Helper()
	one.Do(startOne)
	first, cancel := chromedp.NewContext(one.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	b := &chromium{Context: first, t: t, s: s}
	must(t, chromedp.Listen(first, b.hear))
	b.Context, cancel = context.WithTimeout(first, 3*time.Minute)
	t.Cleanup(cancel)
	call(b, network.Enable, network.EnableParams{})
	call(b, cdplog.Enable, cdp.Empty{})
	call(b, runtime.Enable, cdp.Empty{})
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts})
	call(b, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": lang}})
	return b
}

// call runs a command of the browser's protocol.
func call[P, R any](b *chromium, cmd cdp.Command[P, R], params P) {
	b.t.Helper()
	_, err := chromedp.Call(b, cmd, params)
	must(b.t, err)
}

// ask runs an action that answers.
func ask[T any](b *chromium, a chromedp.Action[T]) T {
	b.t.Helper()
	v, err := chromedp.Run(b.Context, a)
	if err != nil {
		b.t.Fatalf("%v\nthe browser said: %v", err, b.complaints())
	}
	return v
}

func (b *chromium) hear(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := ev.(type) {
	case *cdplog.EventEntryAdded:
		// An answer that refuses a form is no fault of the page.
		if !strings.Contains(e.Entry.Text, "the server responded with a status of 4") {
			b.said = append(b.said, fmt.Sprintf("%s %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
		}
	case *runtime.EventConsoleAPICalled:
		b.said = append(b.said, fmt.Sprintf("console %s", e.Type))
	case *runtime.EventExceptionThrown:
		b.said = append(b.said, "exception "+e.ExceptionDetails.Text)
	}
}

func (b *chromium) run(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.Context, actions...); err != nil {
		b.t.Fatalf("%v\nthe browser said: %v", err, b.complaints())
	}
}

// complaints are what the browser has said since the last call: errors,
// violations of the policy, exceptions.
func (b *chromium) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.said
	b.said = nil
	return out
}

func (b *chromium) quiet(what string) {
	b.t.Helper()
	for _, s := range b.complaints() {
		b.t.Errorf("%s: the browser says: %s", what, s)
	}
}

func (b *chromium) open(path string) {
	b.t.Helper()
	b.run(chromedp.Navigate(b.s.server.URL + path))
}

func (b *chromium) login(role string) {
	b.t.Helper()
	b.open("/login")
	b.run(chromedp.SendKeys(css("#name"), role), chromedp.SendKeys(css("#password"), password),
		chromedp.Submit(css("#password")), chromedp.WaitVisible(css("nav.main")))
}

// text waits until the element's text contains want.
func (b *chromium) text(sel, want string) {
	b.t.Helper()
	var got string
	for range 100 {
		got = ask(b, chromedp.Text(css(sel)))
		if strings.Contains(got, want) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.t.Fatalf("%s reads %q, want %q in it", sel, got, want)
}

type css = chromedp.CSS

// everyPage lists one URL for each page of the console.
func everyPage(s *site) []string {
	e, d := s.one("E01").ID, s.one("D01").ID
	round, err := s.rounds.Start(s.t.Context(), inspection.Actor{Name: "zhang", Via: "test"}, "weekly")
	must(s.t, err)
	_, err = s.rounds.Answer(s.t.Context(), round.ID, 0, inspection.Actor{Name: "zhang", Via: "test"}, inspection.Reply{
		Item: "os-logs", Verdict: inspection.Attention, Note: "夜间有三次登录失败，来自运维终端。",
		Files: []inspection.File{{Name: "登录记录.png", Body: picture()}, {Name: strings.Repeat("scan-report-of-the-week-", 4) + ".pdf", Body: []byte("%PDF-1.7")}},
	})
	must(s.t, err)
	return []string{
		"/", "/incidents", "/incidents?state=resolved&offset=50", "/incidents/" + e, "/incidents/" + d + "?order=oldest", "/incidents/new", "/incidents/" + e + "/documents/file-in-writing", "/incidents/" + e + "/documents/notify-bidders",
		"/answer/" + s.links.Token(e, "zhang", noon), "/rounds", "/rounds/" + round.ID, "/checks", "/checks/filesystem?range=24h", "/checks/cpu?range=6h", "/checks/plugin/oracle", "/network", "/alerts", "/notices", "/rules", "/plan", "/plan/server-failure",
		"/logs", "/logs/sshd_failed", "/logs/lines?verdict=attention", "/logs/access", "/logs/access/lines?hours=24", "/logs/templates", "/logs/templates/" + s.template() + "?source=app", "/integrity", "/explore", "/explore?" + url.Values{"expr": {"node_load1"}, "range": {"24h"}}.Encode(), "/about?verify", "/account", "/users", "/nowhere", "/logs/search", "/logs/search?event=login-failed&text=root&severity=debug",
	}
}

// template is the first kind of lines of the application's log.
func (s *site) template() string {
	got, err := siteLogs{s}.Novelty(s.t.Context())
	must(s.t, err)
	for _, one := range got.Sources {
		if one.Source == "app" {
			return one.Templates[0].ID
		}
	}
	s.t.Fatal("the log of the application has no kinds of lines")
	return ""
}

// TestEveryPage tells one site a bad morning and looks at every page of it: what
// it allows the browser, and in both languages on a telephone and on a desk that
// nothing sticks out and the browser has nothing to complain of. With
// XUNJIAN_SHOTS=folder it keeps pictures.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	tell(s)
	s.attacked()
	root := s.guard(t)
	tree := s.seen(t, func(integrity.Report) bool { return true }).Trees[0].ID
	_, err := s.guarded.Approve(t.Context(), integrity.Actor{Name: "zhang", Via: "test"}, "门户 7.2 发布", []string{tree})
	must(t, err)
	must(t, os.WriteFile(filepath.Join(root, "index.html"), []byte("<h1>Hacked</h1>\n"), 0o644))
	s.seen(t, func(r integrity.Report) bool { return r.Total == 2 })
	pages := everyPage(s)
	t.Run("policy", func(t *testing.T) {
		b := s.as(admin, "zh-CN")
		for _, path := range pages {
			policyOf(t, path, b.get(path))
		}
	})
	for _, lang := range []string{"zh-CN", "en"} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			b := newChromium(t, s, lang, true)
			dir := os.Getenv("XUNJIAN_SHOTS")
			b.looks(dir, lang, "/login")
			b.login("admin")
			for _, p := range pages {
				b.looks(dir, lang, p)
			}
		})
	}
}

// looks opens a page and checks it at both widths.
func (b *chromium) looks(dir, lang, path string) {
	b.t.Helper()
	b.run(chromedp.EmulateViewport(1440, 900))
	b.open(path)
	b.fits(dir, lang, 1440, path)
	b.run(chromedp.EmulateViewport(390, 900))
	b.fits(dir, lang, 390, path)
}

// fits checks the page that is open.
func (b *chromium) fits(dir, lang string, width int64, path string) {
	b.t.Helper()
	what := fmt.Sprintf("%s at %d px in %s", path, width, lang)
	waiting := 1
	for n := 0; n < 100 && waiting > 0; n++ {
		waiting = ask(b, chromedp.Evaluate[int](`document.querySelectorAll("figure.chart:not(.bare) .plot:empty").length`))
		if waiting > 0 {
			time.Sleep(30 * time.Millisecond)
		}
	}
	if waiting > 0 {
		b.t.Errorf("%s: %d charts are not drawn", what, waiting)
	}
	// Charts follow a change of width only after the browser told them.
	wide := width + 1
	for n := 0; n < 100 && wide > width; n++ {
		if wide = ask(b, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`)); wide > width {
			time.Sleep(30 * time.Millisecond)
		}
	}
	if wide > width {
		who := ask(b, chromedp.Evaluate[string](`Array.from(document.querySelectorAll("body *")).filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, nav, pre")).slice(0, 5).map(e => e.tagName + "." + e.className).join(", ")`))
		b.t.Errorf("%s is %d px wide: %s", what, wide, who)
	}
	if raw := ask(b, chromedp.Evaluate[string](`(document.body.innerText.match(/\bconsole\.[a-z_]+\.[a-z_]+/) || [""])[0]`)); raw != "" {
		b.t.Errorf("%s: %s has no text", what, raw)
	}
	b.quiet(what)
	if dir == "" {
		return
	}
	png := ask(b, chromedp.FullScreenshot(100))
	name := strings.Trim(strings.NewReplacer("/", "_", "?", "_", "&", "_", "=", "_").Replace(path), "_")
	if name == "" {
		name = "board"
	}
	must(b.t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", lang, width, name)), png, 0o644))
}
