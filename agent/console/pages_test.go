package console

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"image"
	"image/png"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"xunjian/agent/access"
	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/inspection"
)

// Who may see and do what: each route, each role.
func TestRolesDecide(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, res := range results(noon) {
		s.history.Add(res)
	}
	i := s.report(alerting.Report{Code: "E01", Title: "disk"})
	zhang := inspection.Actor{Name: "zhang", Via: "test"}
	round, err := s.rounds.Start(t.Context(), zhang, "weekly")
	must(t, err)
	round, err = s.rounds.Answer(t.Context(), round.ID, 0, zhang, inspection.Reply{Item: "os-logs", Verdict: inspection.Normal, Note: "seen", Files: []inspection.File{{Name: "a", Body: []byte("x")}}})
	must(t, err)
	must(t, s.reports.Tick(t.Context()))
	rank := []access.Role{nobody, viewer, operator, admin}
	people := map[access.Role]*browser{}
	for _, role := range rank {
		people[role] = s.as(role, "en")
	}
	for _, rt := range routes() {
		if rt.path == "/logout" || rt.path == "/login" || rt.path == "/chart" || rt.path == "/incidents/{id}/evidence/{eid}" {
			continue
		}
		path := strings.NewReplacer("{$}", "", "{id}", i.ID, "{action}", "comment", "{kind}", "all-clear", "{name...}", "filesystem", "{file}", round.ID+"-f2-1", "{token}", s.links.Token(i.ID, "zhang", noon), "/chart", "/chart?item=cpu&chart=cpu-use").Replace(rt.path)
		if strings.HasPrefix(path, "/plan/") {
			if path != "/plan/cards" {
				path = "/plan/server-failure"
			}
		}
		path = strings.Replace(path, "/logs/templates/"+i.ID, "/logs/templates/"+s.template()+"?source=app", 1)
		if path == "/logs/lines" {
			path += "?verdict=abnormal"
		}
		path = strings.Replace(path, "/rounds/"+i.ID, "/rounds/"+round.ID, 1)
		for n, role := range rank {
			var res response
			if rt.method == http.MethodGet {
				res = people[role].get(path)
			} else {
				res = people[role].post(path)
			}
			may := n >= slices.Index(rank, rt.need)
			refused := res.code == http.StatusForbidden || res.code == http.StatusUnauthorized ||
				res.code == http.StatusSeeOther && strings.HasPrefix(res.header.Get("Location"), "/login")
			if may == refused {
				t.Errorf("%s %s as %q (needs %q): status %d, location %q", rt.method, path, role, rt.need, res.code, res.header.Get("Location"))
			}
			if may && rt.method == http.MethodGet && res.code != http.StatusOK {
				t.Errorf("%s as %q: status %d", path, role, res.code)
			}
		}
	}
}

var inline = regexp.MustCompile(`(?i)<script(>|[^>]*[^c]>)|<style|\son[a-z]+=|\sstyle=|javascript:`)

// policyOf checks that an answer forbids other sources, and that the page needs
// nothing that is forbidden.
func policyOf(t *testing.T, path string, res response) {
	t.Helper()
	if got := res.header.Get("Content-Security-Policy"); got != contentPolicy || strings.Contains(got, "unsafe") {
		t.Errorf("%s: policy %q", path, got)
	}
	if !strings.Contains(res.body, `<html lang="zh-CN"`) {
		t.Errorf("%s does not say its language", path)
	}
	if bad := inline.FindString(res.body); bad != "" && !strings.HasPrefix(bad, `<script src=`) && !strings.Contains(bad, "src=") {
		t.Errorf("%s has %q in it", path, bad)
	}
}

// Pages are parsed when they are asked for; a mistake in one must not wait for
// that.
func TestEveryPageParses(t *testing.T) {
	for lang, p := range newSite(t).pages {
		for name, parsed := range p.byName {
			if _, err := parsed(); err != nil {
				t.Errorf("%s in %s: %v", name, lang, err)
			}
		}
	}
}

// A session begins with a new id, its cookie is closed to scripts and other
// sites, and logging out ends it.
func TestSession(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.as(nobody, "en")
	res := b.post("/login", "name", "operator", "password", "wrong")
	if res.code != http.StatusUnauthorized {
		t.Errorf("a wrong password: %d", res.code)
	}
	res = b.post("/login?next="+url.QueryEscape("//evil.example.org/x"), "name", "operator", "password", password, "next", "//evil.example.org/x")
	if to := res.header.Get("Location"); res.code != http.StatusSeeOther || strings.Contains(to, "evil") {
		t.Errorf("login leads to %q (%d)", to, res.code)
	}
	cookie := res.header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite="} {
		if !strings.Contains(cookie, want) {
			t.Errorf("cookie %q lacks %s", cookie, want)
		}
	}
	if got := b.get("/").code; got != http.StatusOK {
		t.Fatalf("after the login: %d", got)
	}
	b.post("/logout")
	if res := b.get("/"); res.code == http.StatusOK {
		t.Error("still in after the logout")
	}
}

func TestOtherSitesAreKeptOut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	i := s.report(alerting.Report{Code: "E01", Title: "disk"})
	b := s.as(operator, "en")
	form := url.Values{"version": {"1"}, "text": {"x"}}
	res := b.send(http.MethodPost, "/incidents/"+i.ID+"/comment", form, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example.org")
	if res.code != http.StatusForbidden {
		t.Errorf("a form of another site: %d", res.code)
	}
	if body := s.as(viewer, "en").get("/incidents/" + i.ID).body; strings.Contains(body, "k-commented") {
		t.Error("it left a comment")
	}
}

// Text from outside shows as text wherever it shows.
func TestHostileText(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	evil := "<script>alert(1)</script>\"'><img src=x onerror=y>\u202e"
	i := s.report(alerting.Report{Code: "E01", Title: evil, System: evil, Call: &incident.Reported{Caller: evil, Text: evil}})
	s.do(i.ID, "operator", incident.Comment{Text: evil})
	s.do(i.ID, "operator", incident.Acknowledge{Note: evil})
	s.do(i.ID, "operator", incident.Assign{To: evil})
	s.do(i.ID, "operator", incident.AddEntry{What: evil})
	b := s.as(operator, "en")
	for _, path := range []string{"/", "/incidents", "/incidents?q=" + url.QueryEscape(evil), "/incidents/" + i.ID, "/incidents/" + i.ID + "/live", "/explore?expr=" + url.QueryEscape(evil)} {
		res := b.get(path)
		if strings.Contains(res.body, "<script>alert") || strings.Contains(res.body, "<img src=x") {
			t.Errorf("%s lets it through", path)
		}
	}
	if body := b.get("/incidents/" + i.ID).body; !strings.Contains(body, "&lt;script&gt;alert(1)") {
		t.Error("the text itself is not shown")
	}
}

// Each form does what it says; what may not be done is refused with a reason
// in the reader's language, and what was written stays.
func TestForms(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	i := s.report(alerting.Report{Code: "F03", Title: "hall"})
	b := s.as(operator, "en")
	at := "/incidents/" + i.ID
	act := func(name string, pairs ...string) response {
		t.Helper()
		return b.post(at+"/"+name, append(pairs, "version", version(t, s, i.ID))...)
	}
	for _, c := range [][]string{
		{"comment", "text", "vendor called"}, {"report", "caller", "an agency", "phone", "010-5550-0103", "text", "same here"},
		{"triage", "scenario", "opening-hall", "note", "all of them"}, {"estimate", "restored", s.clock().Add(90 * 60e9).In(zone).Format("2006-01-02T15:04")},
		{"branch", "branch", "system", "reason", "nobody gets on"}, {"step", "step", "call-developers", "state", "started"},
		{"step", "step", "call-developers", "state", "done", "note", "on line"}, {"assign", "to", "Li"}, {"acknowledge", "note", "on it"},
		{"level", "level", "III", "decided", "yes", "reason", "the leader said so"}, {"duty", "duty", "tell-business-posts", "state", "sent", "to", "all", "via", "telephone"},
		{"entry", "what", "opening record"}, {"resolve", "note", "back"}, {"entry-done", "entry", "1"},
		{"investigate", "heading", "cause", "text", "a full disk"}, {"lesson", "text", "grow it", "owner", "Li", "due", "2027-01-31"}, {"lesson-done", "lesson", "1"},
	} {
		if res := act(c[0], c[1:]...); res.code != http.StatusSeeOther {
			t.Fatalf("%v: status %d\n%s", c, res.code, errorIn(res.body))
		}
	}
	res := act("close", "note", "done")
	if res.code != http.StatusUnprocessableEntity || !strings.Contains(errorIn(res.body), "still to do") {
		t.Errorf("closing early: %d %s", res.code, errorIn(res.body))
	}
	page := b.get(at).body
	for _, want := range []string{"vendor called", "an agency", "opening record", "a full disk", "grow it", "2027-01-31", "the leader said so"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	res = act("reopen", "reason", "")
	if res.code != http.StatusUnprocessableEntity || errorIn(res.body) == "" {
		t.Errorf("reopening without a reason: %d %q", res.code, errorIn(res.body))
	}
	zh := s.as(operator, "zh-CN").post(at+"/resolve", "version", version(t, s, i.ID), "note", "再次")
	if !strings.Contains(errorIn(zh.body), "已经结束") {
		t.Errorf("refused in Chinese: %q", errorIn(zh.body))
	}
	if res := b.post(at+"/no-such-thing", "version", "1"); res.code != http.StatusNotFound {
		t.Errorf("an unknown action: %d", res.code)
	}
	if res := b.post(at+"/comment", "version", "0", "text", "x"); res.code != http.StatusBadRequest {
		t.Errorf("a form without a version: %d", res.code)
	}
}

// What a person reports becomes an incident, a warning or a drill, with the
// caller's words; what is refused keeps what was written.
func TestReportForms(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.as(operator, "en")
	person := people().People[0].ID
	for name, c := range map[string]struct {
		fields []string
		want   func(incident.Incident) bool
	}{
		"a caller's trouble": {[]string{"as", "incident", "scenario", "bidder-decryption", "title", "t1", "caller", "an agency", "phone", "010-5550-0104", "project", "P-7", "bids_due", "2026-03-02T10:00"},
			func(i incident.Incident) bool {
				return i.Code == "F04" && len(i.Reports) == 1 && i.Reports[0].Caller == "an agency" && i.Reports[0].Project == "P-7" && !i.Reports[0].Due.IsZero()
			}},
		"a situation without a code": {[]string{"as", "incident", "scenario", "expert-absent", "title", "t2"}, func(i incident.Incident) bool { return i.Code == "" && i.Scenario == "expert-absent" }},
		"a warning":                  {[]string{"as", "external", "major", "1", "title", "t3"}, func(i incident.Incident) bool { return i.Warning != nil && i.Warning.Major }},
		"a drill": {[]string{"as", "drill", "scenario", "opening-hall", "title", "t4", "participants", person},
			func(i incident.Incident) bool {
				return i.Drill && len(i.Participants) == 1 && i.Participants[0] == person
			}},
	} {
		res := b.post("/incidents/new", append([]string{"key", name}, c.fields...)...)
		if res.code != http.StatusSeeOther {
			t.Errorf("%s: status %d %s", name, res.code, errorIn(res.body))
			continue
		}
		at := res.header.Get("Location")
		i, _, err := s.desk.Get(t.Context(), at[strings.LastIndex(at, "/")+1:])
		if err != nil || !c.want(i) {
			t.Errorf("%s: became %+v (%v)", name, i, err)
		}
	}
	for name, fields := range map[string][]string{
		"Choose a scenario":    {"as", "incident", "title", "kept title"},
		"bid deadline is not":  {"as", "incident", "scenario", "bidder-decryption", "title", "kept title", "caller", "x", "bids_due", "noon"},
		"people who take part": {"as", "drill", "scenario", "opening-hall", "title", "kept title"},
	} {
		res := b.post("/incidents/new", append([]string{"key", name}, fields...)...)
		if res.code != http.StatusUnprocessableEntity || !strings.Contains(strings.ToLower(errorIn(res.body)), strings.ToLower(name)) || !strings.Contains(res.body, "kept title") {
			t.Errorf("%s: status %d, says %q", name, res.code, errorIn(res.body))
		}
	}
}

// The report of a round, as a page by itself and as files.
func TestRoundReport(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	round, err := s.rounds.Start(t.Context(), inspection.Actor{Name: "zhang", Via: "test"}, "weekly")
	must(t, err)
	must(t, s.reports.Tick(t.Context()))
	li := s.as(viewer, "zh-CN")
	at := "/rounds/" + round.ID
	if page := li.get(at).body; !strings.Contains(page, at+"/report?as=pdf") {
		t.Error("the round does not lead to its report")
	}
	for format, begin := range map[string]string{"html": "<!doctype html>", "pdf": "%PDF", "xlsx": "PK", "docx": "PK", "json": "{"} {
		res := li.get(at + "/report?as=" + format)
		if res.code != 200 || !strings.HasPrefix(res.body, begin) || !strings.Contains(res.header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %d %v %.40q", format, res.code, res.header, res.body)
		}
	}
	if page := li.get(at + "/report").body; !strings.Contains(page, "每周巡检报告") {
		t.Errorf("the report:\n%.500s", page)
	}
	for _, nowhere := range []string{at + "/report?as=rtf", "/rounds/RND-20200101-001/report"} {
		if res := li.get(nowhere); res.code != 404 {
			t.Errorf("%s: %d", nowhere, res.code)
		}
	}
}

// A link in a mail acknowledges once, in the name of the person it was sent to,
// and only when it is confirmed: opening it, as guards of mail do, does nothing.
func TestAnswerLinks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	i := s.report(alerting.Report{Code: "E01", Title: "disk"})
	b := s.as(nobody, "en")
	token := s.links.Token(i.ID, "zhang", noon)
	for range 3 {
		if res := b.get("/answer/" + token); res.code != http.StatusOK || !strings.Contains(res.body, "张伟") || !strings.Contains(res.body, "确认") || strings.Contains(res.header.Get("Set-Cookie"), "session") {
			t.Fatalf("%d %v %s", res.code, res.header, res.body)
		}
	}
	if got := s.one("E01"); got.State != incident.Open {
		t.Errorf("opening the link has made it %s", got.State)
	}
	raw, _ := base64.RawURLEncoding.DecodeString(token)
	forge := func(old, by string) string {
		return base64.RawURLEncoding.EncodeToString(bytes.Replace(raw, []byte(old), []byte(by), 1))
	}
	for name, bad := range map[string]string{
		"another person": forge("zhang", "wang"), "another incident": forge("00001", "00002"), "cut": token[:len(token)-3], "nothing": "x",
		"not on the roster": s.links.Token(i.ID, "nobody", noon), "no such incident": s.links.Token("INC-20200101-00001", "zhang", noon),
	} {
		for _, res := range []response{b.get("/answer/" + bad), b.post("/answer/" + bad)} {
			if res.code != http.StatusNotFound {
				t.Errorf("%s: %d", name, res.code)
			}
		}
	}
	old := s.links.Token(i.ID, "zhang", noon.AddDate(0, 0, -8))
	if res := b.post("/answer/" + old); res.code != http.StatusGone {
		t.Errorf("an old link: %d", res.code)
	}
	// Another site cannot press the button in a person's browser.
	if res := b.send(http.MethodPost, "/answer/"+token, url.Values{}, "Sec-Fetch-Site", "cross-site"); res.code != http.StatusForbidden {
		t.Errorf("from another site: %d", res.code)
	}
	if res := b.post("/answer/"+token, "note", "on my way"); res.code != http.StatusOK || !strings.Contains(res.body, "已由张伟确认") {
		t.Fatalf("%d %s", res.code, res.body)
	}
	got := s.one("E01")
	_, events, err := s.desk.Get(t.Context(), i.ID)
	must(t, err)
	last := events[len(events)-1]
	for _, e := range events {
		if e.Data.Kind() == "acknowledged" {
			last = e
		}
	}
	if got.State != incident.Acked || last.Actor != (incident.Actor{Kind: "person", Name: "zhang", Via: "mail"}) {
		t.Errorf("%s, by %+v", got.State, last.Actor)
	}
	// Used once: when the acknowledgement has lapsed, the link does not renew it.
	if res := b.post("/answer/" + token); res.code != http.StatusConflict {
		t.Errorf("a second time: %d", res.code)
	}
	if res := b.get("/answer/" + token); res.code != http.StatusOK || strings.Contains(res.body, "<form method=\"post\"><p class=\"field\"") || !strings.Contains(res.body, "没有需要确认") {
		t.Errorf("afterwards: %d %s", res.code, res.body)
	}
}

// Notices: what waits and what was given up stand there with the reason and are
// tried again; a silence is made and ended.
func TestNoticesPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	i := s.report(alerting.Report{Code: "E01", Title: "disk"})
	must(t, s.st.Send(t.Context(), []alerting.Notice{{Key: "k1", Incident: i.ID, Version: 1, Kind: "opened", Channel: "mail", Recipient: "wang", Lang: "en", Created: noon, NotBefore: noon}}))
	must(t, s.st.Dead(t.Context(), "k1", "550 no such <user>", noon))
	li, guest := s.as(operator, "en"), s.as(viewer, "zh-CN")
	body := li.get("/notices").body
	for _, want := range []string{"550 no such &lt;user&gt;", "mail → wang", "journal", "Try all again"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(guest.get("/notices").body, "/notices/retry") {
		t.Error("a viewer is offered to try again")
	}
	if res := guest.post("/notices/retry", "key", "k1"); res.code != http.StatusForbidden {
		t.Errorf("a viewer tries again: %d", res.code)
	}
	if res := li.post("/notices/retry", "key", ""); res.code != http.StatusSeeOther {
		t.Errorf("tried again: %d", res.code)
	}
	if list, err := s.st.Queue(t.Context(), true, 10); err != nil || len(list) > 0 {
		t.Errorf("still given up: %v, %v", list, err)
	}
	for want, form := range map[string][]string{
		"Say of which": {"reason", "x", "for", "2h"}, "Say why": {"code", "E01", "for", "2h"}, "within": {"code", "E01", "reason", "x", "for", "48h"}, "no code": {"code", "Z9", "reason", "x", "for", "2h"},
	} {
		if res := li.post("/notices/silence", form...); res.code != http.StatusUnprocessableEntity || !strings.Contains(errorIn(res.body), want) {
			t.Errorf("%v: %d %s", form, res.code, errorIn(res.body))
		}
	}
	if res := li.post("/notices/silence", "code", "E01", "reason", "disks are replaced", "for", "2h"); res.code != http.StatusSeeOther {
		t.Fatalf("silence: %d %s", res.code, errorIn(res.body))
	}
	one := s.notices.Silences()[0]
	if one.Owner != "operator" || !strings.Contains(guest.get("/notices").body, "disks are replaced") {
		t.Errorf("made: %+v", one)
	}
	if res := li.post("/notices/end", "id", one.ID); res.code != http.StatusSeeOther || s.notices.Silences()[0].EndedBy != "operator" {
		t.Errorf("ended: %d %+v", res.code, s.notices.Silences())
	}
	if res := li.post("/notices/end", "id", one.ID); res.code != http.StatusNotFound {
		t.Errorf("ended twice: %d", res.code)
	}
}

// picture is a small PNG.
func picture() []byte {
	m := image.NewRGBA(image.Rect(0, 0, 320, 200))
	for n := range m.Pix {
		m.Pix[n] = byte(n / 7)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// What people attach to an answer comes back as it was, and a browser never
// takes it for a page of the console.
func TestAttachedFiles(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	round, err := s.rounds.Start(t.Context(), inspection.Actor{Name: "zhang", Via: "test"}, "weekly")
	must(t, err)
	li, at := s.as(operator, "en"), "/rounds/"+round.ID
	form := func(files map[string][]byte) (kind, body string) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for name, v := range map[string]string{"item": "os-logs", "verdict": "normal", "note": "read them"} {
			must(t, w.WriteField(name, v))
		}
		for _, name := range slices.Sorted(maps.Keys(files)) {
			f, err := w.CreateFormFile("files", name)
			must(t, err)
			_, err = f.Write(files[name])
			must(t, err)
		}
		must(t, w.Close())
		return w.FormDataContentType(), b.String()
	}
	send := func(who *browser, path string, files map[string][]byte) response {
		kind, body := form(files)
		return who.upload(path, kind, body)
	}
	page := []byte("<!doctype html><script>alert(1)</script>")
	if res := send(s.as(viewer, "en"), at+"/answer", map[string][]byte{"a": page}); res.code != http.StatusForbidden {
		t.Errorf("a viewer: %d", res.code)
	}
	if res := send(s.as(nobody, "en"), at+"/answer", map[string][]byte{"a": page}); res.code == http.StatusOK || !strings.Contains(res.header.Get("Location"), "/login") {
		t.Errorf("a stranger: %d %v", res.code, res.header)
	}
	big := make([]byte, inspection.MaxFileBytes+1)
	if res := send(li, at+"/answer", map[string][]byte{"big.iso": big}); res.code != http.StatusUnprocessableEntity || !strings.Contains(errorIn(res.body), "too large") {
		t.Errorf("a large file: %d %s", res.code, errorIn(res.body))
	}
	if res := send(li, at+"/answer", map[string][]byte{"a": big, "b": big, "c": big}); res.code != http.StatusRequestEntityTooLarge {
		t.Errorf("a form that is too large: %d %s", res.code, errorIn(res.body))
	}
	if res := send(li, at+"/sign", map[string][]byte{"a": big}); res.code != http.StatusRequestEntityTooLarge {
		t.Errorf("a large file where none belongs: %d %s", res.code, errorIn(res.body))
	}
	want := map[string][]byte{"公告 1.html": page, "b.png": picture(), "c.png": page, "": nil}
	if res := send(li, at+"/answer", want); res.code != http.StatusSeeOther {
		t.Fatalf("%d %s", res.code, errorIn(res.body))
	}
	x, _, err := s.rounds.Get(t.Context(), round.ID)
	must(t, err)
	o, _ := x.Outcome("os-logs")
	if len(o.Files) != 3 {
		t.Fatalf("kept: %+v", o.Files)
	}
	shown := s.as(viewer, "zh-CN")
	body := shown.get(at).body
	for _, f := range o.Files {
		path := at + "/files/" + f.ID
		if !strings.Contains(body, path) {
			t.Errorf("the page does not lead to %s", f.Name)
		}
		kind := "application/octet-stream"
		if f.Name == "b.png" {
			kind = "image/png"
		}
		res := shown.get(path)
		if res.code != 200 || res.body != string(want[f.Name]) || res.header.Get("Content-Type") != kind || !strings.HasPrefix(res.header.Get("Content-Disposition"), "attachment") || res.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", f.Name, res.code, res.header)
		}
	}
	if res := shown.get(at + "/files/" + round.ID + "-f9-1"); res.code != http.StatusNotFound {
		t.Errorf("a file there is not: %d", res.code)
	}
}

// The charts of a round are those of its form, over its period and up to now
// while it is open, with the limits.
func TestRoundCharts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	tell(s)
	round, err := s.rounds.Start(t.Context(), inspection.Actor{Name: "zhang", Via: "test"}, "weekly")
	must(t, err)
	b := s.as(viewer, "en")
	at := "/rounds/" + round.ID
	urls := regexp.MustCompile(`data-src="([^"]+)"`).FindAllStringSubmatch(b.get(at).body, -1)
	if len(urls) < 3 {
		t.Fatalf("%d charts on the page", len(urls))
	}
	drawn := 0
	for _, u := range urls {
		res := b.get(html.UnescapeString(u[1]))
		var c chartLines
		must(t, json.Unmarshal([]byte(res.body), &c))
		if res.code != 200 || c.From != round.From.Unix() || c.To < round.To.Unix() {
			t.Errorf("%s: %d, %d to %d", u[1], res.code, c.From, c.To)
		}
		if len(c.Lines) > 0 && len(c.Limits) > 0 && c.Limits[0].Value > 0 {
			drawn++
		}
	}
	if drawn == 0 {
		t.Error("no chart has both lines and limits")
	}
	for _, nowhere := range []string{at + "/chart?item=cpu&chart=none", at + "/chart?item=none&chart=none", "/rounds/RND-20200101-001/chart"} {
		if res := b.get(nowhere); res.code != http.StatusNotFound {
			t.Errorf("%s: %d", nowhere, res.code)
		}
	}
}

// A round is started, answered, warned of, signed, and reviewed by another.
func TestRoundForms(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	li, wang := s.as(operator, "en"), s.as(admin, "en")
	if res := li.post("/rounds", "form", "monthly"); res.code != http.StatusUnprocessableEntity || !strings.Contains(errorIn(res.body), "There is no form monthly") {
		t.Errorf("an unknown form: %d %s", res.code, errorIn(res.body))
	}
	res := li.post("/rounds", "form", "weekly")
	at := res.header.Get("Location")
	if res.code != http.StatusSeeOther || !strings.HasPrefix(at, "/rounds/RND-") {
		t.Fatalf("start: %d %s", res.code, at)
	}
	id := strings.TrimPrefix(at, "/rounds/")
	seen := func() string {
		x, _, err := s.rounds.Get(t.Context(), id)
		must(t, err)
		return strconv.Itoa(x.Version)
	}
	for _, page := range []string{"/", "/rounds"} {
		if !strings.Contains(li.get(page).body, id) {
			t.Errorf("%s does not show the round", page)
		}
	}
	if res := li.post(at+"/sign", "as", "inspector", "version", seen(), "note", "x"); res.code != 422 || !strings.Contains(errorIn(res.body), "not inspected yet") {
		t.Errorf("signed too early: %d %s", res.code, errorIn(res.body))
	}
	if res := li.post(at+"/answer", "item", "os-logs", "verdict", "normal", "version", "99"); res.code != 409 || !strings.Contains(errorIn(res.body), "Somebody else") {
		t.Errorf("an old page: %d %s", res.code, errorIn(res.body))
	}
	x, _, err := s.rounds.Get(t.Context(), id)
	must(t, err)
	for _, o := range x.Outcomes {
		if o.Verdict != inspection.NotInspected {
			continue
		}
		if res := li.post(at+"/answer", "item", o.Item, "verdict", "attention", "note", "seen "+o.Item, "version", seen()); res.code != http.StatusSeeOther {
			t.Fatalf("%s: %d %s", o.Item, res.code, errorIn(res.body))
		}
	}
	if res := li.post(at+"/warning", "item", "os-logs"); res.code != http.StatusSeeOther {
		t.Fatalf("warn: %d %s", res.code, errorIn(res.body))
	}
	for _, c := range []struct {
		by *browser
		as string
	}{{li, "inspector"}, {wang, "reviewer"}} {
		if res := c.by.post(at+"/sign", "as", c.as, "note", "signed by the "+c.as, "version", seen()); res.code != http.StatusSeeOther {
			t.Fatalf("%s: %d %s", c.as, res.code, errorIn(res.body))
		}
	}
	body := li.get(at).body
	for _, want := range []string{"seen os-logs", "signed by the inspector", "signed by the reviewer", "INC-"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(body, `name="verdict"`) {
		t.Error("a signed round can still be answered")
	}
	if res := s.as(viewer, "en").post(at + "/judge"); res.code != http.StatusForbidden {
		t.Errorf("a viewer may look again: %d", res.code)
	}
}

// A warning is entered, watched, and becomes an incident or is closed.
func TestWarningForms(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	i := s.report(alerting.Report{Title: "port scan", Warning: &incident.Sign{Source: "external", Major: true}})
	b := s.as(operator, "en")
	at := "/incidents/" + i.ID
	if !strings.Contains(b.get("/").body, "port scan") {
		t.Error("the board does not show the warning")
	}
	if !strings.Contains(b.get(at).body, "Make it an incident") {
		t.Error("the page does not offer to make it an incident")
	}
	if res := b.post(at+"/analyse", "version", "1", "text", "one address", "watch", "yes"); res.code != http.StatusSeeOther {
		t.Fatalf("analyse: %d %s", res.code, errorIn(res.body))
	}
	if res := b.post(at+"/promote", "version", version(t, s, i.ID), "scenario", "network-attack", "reason", "an intrusion"); res.code != http.StatusSeeOther {
		t.Fatalf("promote: %d %s", res.code, errorIn(res.body))
	}
	if got := s.one("A01"); got.ID != i.ID || got.State != incident.Open {
		t.Errorf("it became %s %s", got.ID, got.State)
	}
}

// Two people at once: the second is told what the first did, and keeps what he
// wrote.
func TestConflict(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	i := s.report(alerting.Report{Code: "E01", Title: "disk"})
	first, second := s.as(operator, "en"), s.as(admin, "en")
	seen := version(t, s, i.ID)
	if res := first.post("/incidents/"+i.ID+"/level", "version", seen, "level", "II", "reason", "the array is gone"); res.code != http.StatusSeeOther {
		t.Fatalf("the first: %d", res.code)
	}
	res := second.post("/incidents/"+i.ID+"/level", "version", seen, "level", "III", "reason", "looks grave to me")
	if res.code != http.StatusConflict {
		t.Fatalf("the second: %d", res.code)
	}
	for _, want := range []string{"the array is gone", "looks grave to me"} {
		if !strings.Contains(res.body, want) {
			t.Errorf("the page of the conflict lacks %q", want)
		}
	}
}

func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.as(viewer, "en")
	for path, want := range map[string]int{
		"/incidents/INC-19990101-00001": 404, "/plan/nothing": 404, "/nowhere": 404, "/checks/nothing": 404, "/incidents?offset=x": 200,
	} {
		if res := b.get(path); res.code != want || !strings.Contains(res.body, "<html lang=\"en\"") {
			t.Errorf("%s: %d, want %d", path, res.code, want)
		}
	}
	op := s.as(operator, "en")
	if res := op.post("/incidents/new", "key", "k", "scenario", "server-failure", "title", strings.Repeat("x", 1<<20)); res.code != http.StatusRequestEntityTooLarge {
		t.Errorf("a form of a megabyte: %d", res.code)
	}
	if res := op.send(http.MethodPut, "/incidents", nil); res.code != http.StatusMethodNotAllowed && res.code != http.StatusForbidden {
		t.Errorf("another method: %d", res.code)
	}
}

func version(t *testing.T, s *site, id string) string {
	t.Helper()
	i, _, err := s.desk.Get(t.Context(), id)
	must(t, err)
	return strconv.Itoa(i.Version)
}

var errorText = regexp.MustCompile(`(?s)<p class="error"[^>]*>(.*?)</p>`)

// errorIn is what a page says went wrong.
func errorIn(body string) string {
	if m := errorText.FindStringSubmatch(body); m != nil {
		return m[1]
	}
	return ""
}

var nextLink = regexp.MustCompile(`rel="next" href="([^"]*)"`)

// Lists go on where they stopped: the way to what is older keeps page, time and
// choice.
func TestOlderPages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	past(s)
	s.set(noon)
	for n := range 60 {
		sig := alerting.Signal{
			Key: fmt.Sprintf("a%d", n), Rule: fmt.Sprintf("Rule%02d", n), Status: alerting.Firing, Labels: map[string]string{"kind": "warning"},
			Since: noon.Add(-time.Duration(n) * time.Minute), At: noon, Via: "rules",
		}
		must(t, s.desk.Signals(t.Context(), []alerting.Signal{sig}))
		sig.Status = alerting.Ended
		must(t, s.desk.Signals(t.Context(), []alerting.Signal{sig}))
	}
	s.set(noon.Add(time.Minute))
	b := s.as(viewer, "en")
	for path, c := range map[string]struct {
		row  *regexp.Regexp
		all  int
		keep string
	}{
		"/alerts":                            {regexp.MustCompile(`Rule\d\d`), 60, ""},
		"/incidents?code=F02&state=resolved": {regexp.MustCompile(`INC-\d+-\d+`), 47, "code=F02"},
		"/incidents?q=%E4%B8%8A%E4%BC%A0":    {regexp.MustCompile(`INC-\d+-\d+`), 55, "q=%E4%B8%8A%E4%BC%A0"},
	} {
		seen := map[string]bool{}
		for at, pages := path, 0; at != ""; pages++ {
			res := b.get(at)
			if res.code != http.StatusOK || pages > 3 {
				t.Fatalf("%s: %d after %d pages", at, res.code, pages)
			}
			page := map[string]bool{}
			for _, id := range c.row.FindAllString(res.body, -1) {
				page[id] = true
			}
			for id := range page {
				if seen[id] {
					t.Errorf("%s shows %s again", at, id)
				}
				seen[id] = true
			}
			at = ""
			if m := nextLink.FindStringSubmatch(res.body); m != nil {
				at, _, _ = strings.Cut(html.UnescapeString(m[1]), "#")
				if !strings.Contains(at, c.keep) {
					t.Errorf("%s leads to %s, which lost %s", path, at, c.keep)
				}
			}
		}
		if len(seen) != c.all {
			t.Errorf("%s shows %d in all, want %d", path, len(seen), c.all)
		}
	}
}
