package console

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"xunjian/alerting/incident"
)

// TestOpeningHall plays a whole outage of the bid-opening hall (F03) in a real
// browser: a caller's report, the 20-minute branch, a level raised by the
// clock, duties, the all-clear, the investigation, the end.
func TestOpeningHall(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := newChromium(t, s, "zh-CN", true)
	b.run(chromedp.EmulateViewport(1440, 900))
	b.login("operator")

	b.open("/incidents/new?scenario=opening-hall")
	b.fill("#title", "全部投标人无法登录开标大厅")
	b.fill("#system", "开标大厅")
	b.send("form:has(#title) button.primary")
	b.text("#head", "F03")
	i := s.one("F03")
	if i.SystemKind != "opening" {
		t.Fatalf("the system counts as %s", i.SystemKind)
	}

	b.act("report", "#report-caller", "北辰招标代理", "#report-phone", "010-5550-0142", "#report-text", "五家投标人都登录不了")
	b.text("#response", "北辰招标代理")
	b.act("triage", "#triage-note", "是系统问题")
	b.branch("system")
	b.text("#playbook", "选定")

	s.set(s.clock().Add(21 * time.Minute))
	b.open("/incidents/" + i.ID)
	b.text("#response", "逾期")
	b.text("#playbook", "建议：已持续 21 分")
	b.branch("not-solved-within-20-minutes")
	b.act("acknowledge", "#acknowledge-note", "组织投标人使用电子开标系统")

	s.set(s.clock().Add(40 * time.Minute))
	b.act("comment", "#comment-text", "仍在修复") // wakes the clock
	b.text("#head", "III")
	b.text("#response", "本级别须履行的义务")
	for _, d := range []string{
		"report-to-leading-group", "report-upward", "tell-business-posts", "post-notices", "notify-bidders", "file-in-writing", "cybersecurity-report",
	} {
		b.duty(d, "sent", "已办")
	}
	b.duty("speak-to-media", "waived", "无媒体询问")

	b.act("entry", "#entry-what", "第三标段开标记录")
	b.act("resolve", "#resolve-note", "程序已修复")
	b.text("#head", "已解决")
	b.send(`form[action$="/entry-done"] button`)
	for _, d := range []string{"all-clear", "check-data", "investigate"} {
		b.duty(d, "sent", "核对无误")
	}
	for _, h := range s.desk.Plan().Investigation {
		b.fill("#inv-"+h.ID, "见附件："+h.ID)
		b.send(`form:has(#inv-` + h.ID + `) button`)
	}
	b.act("lesson", "#lesson-text", "增加压力测试", "#lesson-owner", "李明")
	b.act("close", "#close-note", "整改已列入计划")
	b.text("#head", "已办结")
	b.quiet("the whole outage")

	end := s.one("F03")
	if end.State != incident.IsClosed || end.Peak != "III" || len(end.Lessons) != 1 {
		t.Errorf("in the end it is %s, was %s, has %d measures", end.State, end.Peak, len(end.Lessons))
	}
	report, err := s.desk.Verify(t.Context())
	if err != nil || len(report.Faults) > 0 {
		t.Errorf("the chain: %v %v", report.Faults, err)
	}
}

// fill puts text into a field.
func (b *chromium) fill(sel, value string) {
	b.t.Helper()
	b.run(chromedp.SetValue(css(sel), value))
}

// act unfolds an action's form, fills it in and sends it. A measure's day is
// set too: its field has no other way in.
func (b *chromium) act(name string, pairs ...string) {
	b.t.Helper()
	b.js(`document.querySelector("details.a-` + name + `").open = true`)
	for n := 0; n+1 < len(pairs); n += 2 {
		b.fill(pairs[n], pairs[n+1])
	}
	if name == "lesson" {
		b.fill("#lesson-due", "2027-01-31")
	}
	b.send("details.a-" + name + " form button")
}

// js runs statements in the page.
func (b *chromium) js(code string) {
	b.t.Helper()
	ask(b, chromedp.Evaluate[bool](`(() => { `+code+`; return true })()`))
}

func (b *chromium) branch(id string) {
	b.t.Helper()
	b.js(`let d = document.querySelector("#why-` + id + `"); while (d = d.parentElement.closest("details")) d.open = true`)
	b.fill("#why-"+id, "现场判断")
	b.send(`form:has(#why-` + id + `) button`)
}

func (b *chromium) duty(id, state, note string) {
	b.t.Helper()
	b.fill("#duty-note-"+id, note)
	b.send(`form:has(#duty-note-` + id + `) button[value=` + state + `]`)
}

// send clicks a button and waits for the page that answers.
func (b *chromium) send(sel string) {
	b.t.Helper()
	b.js(`window.old = true`)
	b.run(chromedp.Click(css(sel)))
	for range 100 {
		if ask(b, chromedp.Evaluate[bool](`!window.old && document.readyState === "complete"`)) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if text := ask(b, chromedp.Evaluate[string](`[...document.querySelectorAll("p.error")].map(e => e.textContent).join("; ")`)); strings.TrimSpace(text) != "" {
		b.t.Fatalf("%s: refused: %s", sel, text)
	}
}
