package console

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

func TestAlarmListsWhatWaits(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ask := func() alarmView {
		t.Helper()
		res := s.as("viewer", "en").get("/alarm")
		var v alarmView
		if err := json.Unmarshal([]byte(res.body), &v); res.code != 200 || err != nil {
			t.Fatalf("%d %v %s", res.code, err, res.body)
		}
		return v
	}
	if v := ask(); v.Waiting == nil || len(v.Waiting) != 0 {
		t.Errorf("before anything happened: %+v", v)
	}
	tell(s)
	waiting := map[string]bool{}
	for _, row := range ask().Waiting {
		waiting[row.ID] = true
		if i, _, err := s.desk.Get(t.Context(), row.ID); err != nil || i.State != "open" || i.Drill || row.URL != "/incidents/"+i.ID || !strings.Contains(row.Title, i.Code) {
			t.Errorf("%+v of %s %s, drill %v (%v)", row, i.ID, i.State, i.Drill, err)
		}
	}
	if len(waiting) == 0 {
		t.Error("nothing waits in the story")
	}
}

// The alarm pops up and sounds once for what is new, again for what is graver,
// counts in the title, and falls silent when it is turned off.
func TestAlarmInABrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := newChromium(t, s, "en", true)
	b.login("operator")
	b.open("/")
	// Headless browsers have no desktop: what the page would show is noted.
	note := `window.popped = []; window.Notification = class { static permission = "granted"; static requestPermission() { return Promise.resolve("granted") }
		constructor(head, o) { window.popped.push(head + "|" + o.body + "|" + o.requireInteraction) } close() {} };
		window.tones = 0; const start = OscillatorNode.prototype.start; OscillatorNode.prototype.start = function (at) { window.tones++; return start.call(this, at) }; true`
	_ = ask(b, chromedp.Evaluate[bool](note))
	b.text("#bell", "Alarm off")
	b.run(chromedp.Click(css("#bell")))
	b.text("#bell", "Alarm on")
	tell(s)
	await := func(js, what string) {
		t.Helper()
		ask(b, chromedp.Poll[bool](js, chromedp.WithPollingTimeout(60*time.Second)))
		b.quiet(what)
	}
	await(`window.popped.length > 0 && /^\(\d+\) /.test(document.title)`, "while it is on")
	n := ask(b, chromedp.Evaluate[int](`new Set(window.popped).size - window.popped.length + window.tones`))
	if n <= 0 {
		t.Errorf("it made no sound, or popped up twice: %s", ask(b, chromedp.Evaluate[string](`window.popped.join("\n") + " " + window.tones`)))
	}
	first := ask(b, chromedp.Evaluate[string](`window.popped[0]`))
	if !strings.Contains(first, "nobody has acknowledged it") {
		t.Errorf("it says %s", first)
	}
	b.run(chromedp.Click(css("#bell")))
	b.text("#bell", "Alarm off")
	await(`!/^\(\d+\) /.test(document.title)`, "after it was turned off")
}
