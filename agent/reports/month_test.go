package reports_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"xunjian/agent/measured"
	"xunjian/agent/reports"
	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/inspection"
	"xunjian/alerting/notify"
	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
	"xunjian/alerting/roster"
	"xunjian/alerting/schedule"
	"xunjian/alerting/store"
	"xunjian/alerting/text"
	"xunjian/checks"
	"xunjian/rules"
)

const monthForm = `
format: 1
id: weekly
version: "1"
title: {zh-CN: 每周巡检, en: Weekly inspection}
article: "7"
schedule: {days: first-of-week, at: "08:30"}
period: 168h
sign_within: 8h
report: [tech-staff, business-manager]
groups:
  - id: server
    title: {zh-CN: 服务器, en: Server}
    items:
      - id: load
        title: {zh-CN: 负载, en: Load}
        checks: [disk]
        figures:
          - {id: mean, title: {zh-CN: 平均, en: Mean}, expr: "avg_over_time(load[$period])", unit: ratio, attention: {above: 0.7}}
          - {id: peak, title: {zh-CN: 峰值, en: Peak}, expr: "max_over_time(load[$period])", unit: ratio, attention: {above: 0.95}}
        charts:
          - {id: course, title: {zh-CN: 曲线, en: Course}, expr: load, unit: ratio}
      - id: volume
        title: {zh-CN: 磁盘, en: Volume}
        figures:
          - {id: used, title: {zh-CN: 已用, en: Used}, expr: "1 - avail / size", unit: ratio, subject: [mountpoint]}
          - {id: days, title: {zh-CN: 写满, en: Full in}, expr: "avail / (-deriv(avail[$period]) * 86400)", unit: days, subject: [mountpoint], abnormal: {below: 7}}
      - {id: bulletins, title: {zh-CN: 公告, en: Bulletins}, ask: {zh-CN: 有无涉及？, en: Any of ours?}}
`

// month is a server in simulated time: real engine, store, desk and office.
type month struct {
	t       testing.TB
	now     time.Time
	zone    *time.Location
	store   *store.Store
	engine  *rules.Engine
	desk    *alerting.Desk
	history *checks.History
	office  *inspection.Office
	reports *reports.Reports
	catalog *text.Catalog
	raw     []sample
	// probes are series of probes at a moment, beside the others.
	probes func(at time.Time) []rules.Point
}

// sample is what was measured, kept apart to be reckoned with by hand.
type sample struct {
	at          time.Time
	load, avail float64
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const (
	tick = 4 * time.Minute
	size = 1000e9
)

func newMonth(t testing.TB) *month {
	zone, err := time.LoadLocation("Asia/Shanghai")
	must(t, err)
	m := &month{t: t, zone: zone, now: time.Date(2026, 6, 1, 9, 0, 0, 0, zone)} // a Monday
	dir, clock, logger := t.TempDir(), func() time.Time { return m.now }, slog.New(slog.DiscardHandler)
	m.store, err = store.Open(t.Context(), filepath.Join(dir, "xunjian.db"), logger)
	must(t, err)
	t.Cleanup(func() { m.store.Close() })
	cfg := rules.DefaultConfig()
	cfg.Dir, cfg.Retention = filepath.Join(dir, "tsdb"), 40*24*time.Hour
	defaults, err := fs.Glob(rules.Default, "default/*.yml")
	must(t, err)
	for _, name := range defaults { // no rules: they are not what is looked at
		name = filepath.Base(name)
		cfg.Files = append(cfg.Files, filepath.Join(dir, name))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("groups: []\n"), 0o600))
	}
	m.engine, err = rules.Open(cfg, logger)
	must(t, err)
	t.Cleanup(func() { m.engine.Close() })
	people := roster.Roster{People: []roster.Person{
		{ID: "wang", Name: "王芳", Roles: []string{"tech-staff", "business-manager"}, Mail: "wang@example.org"},
		{ID: "li", Name: "李明", Roles: []string{"tech-staff"}, Phone: "010-5550-0101"},
	}}
	m.desk, err = alerting.NewDesk(t.Context(), alerting.Options{
		Store: m.store, Basis: alerting.Basis{Plan: planfile.Default(), Roster: people}, Host: "db01", Zone: zone, Now: clock, Logger: logger,
		Kind: func(string, time.Time) plan.SystemKind { return plan.Opening },
	})
	must(t, err)
	form, err := inspection.Parse("form.yaml", []byte(monthForm), nil)
	must(t, err)
	m.history = checks.NewHistory()
	m.office = inspection.NewOffice(inspection.Options{
		Store: m.store, Source: measured.New(m.history, m.engine), Since: m.engine.Since, Forms: []inspection.Form{*form}, Host: "db01", Zone: zone, Workdays: schedule.Shipped(), Now: clock,
	})
	m.catalog, err = text.Load(zone, checks.Messages, incident.Messages, inspection.Messages)
	must(t, err)
	m.reports = m.over(m.office)
	return m
}

// over makes the reports of an office.
func (m *month) over(office *inspection.Office) *reports.Reports {
	m.t.Helper()
	r, err := reports.New(reports.Options{
		Store: m.store, Rounds: office, Desk: m.desk, Engine: m.engine, Catalog: m.catalog, Zone: m.zone, Host: "db01", Unit: plan.Text{ZH: "交易中心", EN: "Trading centre"},
		Systems: func() map[string]plan.SystemKind {
			return map[string]plan.SystemKind{"trade": plan.Opening, "portal": plan.Business}
		}, Mail: true, Now: func() time.Time { return m.now },
	})
	must(m.t, err)
	return r
}

// load and avail are known courses: days of work, and a volume that fills by
// 5 GB a day.
func (m *month) load(at time.Time) float64 {
	return 0.4 + 0.3*math.Sin(2*math.Pi*float64(at.Unix()%86400)/86400)
}

func (m *month) avail(since time.Duration) float64 { return 400e9 - 5e9*since.Hours()/24 }

func series(name string, l ...string) labels.Labels {
	return labels.FromStrings(append([]string{"__name__", name}, l...)...)
}

// until lets time pass; off says when the agent does not run, wrong when the
// check finds something.
func (m *month) until(end time.Time, begin time.Time, off, wrong func(time.Time) bool) {
	m.t.Helper()
	for ; m.now.Before(end); m.now = m.now.Add(tick) {
		if off(m.now) {
			continue
		}
		verdict, found := 0.0, checks.OK
		if wrong(m.now) {
			verdict, found = 2, checks.Abnormal
		}
		m.history.Add(checks.Result{Check: "disk", Time: m.now, Verdict: found, Every: tick})
		s := sample{m.now, m.load(m.now), m.avail(m.now.Sub(begin))}
		m.raw = append(m.raw, s)
		batches := []rules.Batch{{Source: "disk", Time: m.now, Every: tick, Points: []rules.Point{
			{Labels: series("load"), Value: s.load}, {Labels: series("avail", "mountpoint", "/data"), Value: s.avail},
			{Labels: series("size", "mountpoint", "/data"), Value: size}, {Labels: series("xunjian_check_verdict", "check", "disk"), Value: verdict},
		}}}
		if m.probes != nil {
			batches = append(batches, rules.Batch{Source: "probe", Time: m.now, Every: tick, Points: m.probes(m.now)})
		}
		_, err := m.engine.Tick(m.t.Context(), m.now, batches)
		must(m.t, err)
		if m.now.Minute() < 4 || m.now.Hour() == 8 {
			must(m.t, m.office.Tick(m.t.Context()))
			must(m.t, m.reports.Tick(m.t.Context()))
		}
	}
}

func near(t *testing.T, what string, got, want, by float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > by {
		t.Errorf("%s: %g, want %g (± %g)", what, got, want, by)
	}
}

// TestMonth lives four weeks with known load, growth, faults and a day without
// the agent, and holds the report against figures that are reckoned from the
// raw numbers alone.
func TestMonth(t *testing.T) {
	m := newMonth(t)
	begin := m.now
	day := func(n, hour, minute int) time.Time { return time.Date(2026, 6, n, hour, minute, 0, 0, m.zone) }
	off := func(at time.Time) bool { return !at.Before(day(25, 0, 0)) && at.Before(day(26, 0, 0)) }
	wrong := func(at time.Time) bool { return !at.Before(day(24, 10, 0)) && at.Before(day(24, 12, 0)) }
	no := func(time.Time) bool { return false }
	person := incident.Actor{Kind: "person", Name: "wang", Via: "test"}
	m.until(day(24, 10, 0), begin, no, no)

	// An outage of 95 minutes, a second one within it, and a drill.
	open := func(title string, drill bool) string {
		r := alerting.Report{Code: "E01", Title: title, System: "trade"}
		if drill {
			r.Drill, r.Participants = true, []string{"wang"}
		}
		i, err := m.desk.Open(t.Context(), person, r)
		must(t, err)
		return i.ID
	}
	do := func(id string, c incident.Command) {
		t.Helper()
		_, err := m.desk.Do(t.Context(), id, 0, person, c)
		must(t, err)
	}
	first := open("server dead", false)
	m.until(day(24, 10, 20), begin, off, wrong)
	do(first, incident.Acknowledge{Note: "on it"})
	second, drill := open("another one", false), open("practice", true)
	m.until(day(24, 11, 0), begin, off, wrong)
	do(second, incident.Resolve{Note: "done"})
	m.until(day(24, 11, 36), begin, off, wrong)
	ended := m.now
	do(first, incident.Resolve{Note: "done"})
	do(drill, incident.Resolve{Note: "done"})
	m.until(day(29, 8, 44), begin, off, wrong)

	list, err := m.reports.List(t.Context(), "weekly", 100)
	must(t, err)
	// The agent began on the first Monday after the round was due; four follow.
	if len(list) != 4 {
		t.Fatalf("%d reports: %v", len(list), list)
	}
	body, err := m.reports.Filed(t.Context(), list[0].Round, "json", "en")
	must(t, err)
	var f reports.Facts
	must(t, json.Unmarshal(body, &f))
	to := f.To
	from := to.Add(-7 * 24 * time.Hour)
	if !f.From.Equal(from) || f.ID != list[0].Round+"-1" {
		t.Errorf("report %s from %v to %v", f.ID, f.From, f.To)
	}
	t.Run("figures", func(t *testing.T) { m.figures(t, f, from, to) })
	t.Run("before", func(t *testing.T) { m.before(t, f, to) })
	t.Run("gaps", func(t *testing.T) {
		if len(f.Gaps) != 1 {
			t.Fatalf("gaps %v", f.Gaps)
		}
		near(t, "gap in hours", f.Gaps[0].To.Sub(f.Gaps[0].From).Hours(), 24, 0.2)
		near(t, "measured", f.Measured, 6.0/7, 0.002)
		for _, c := range f.Charts {
			for _, p := range c.Lines[0].Points {
				if at := time.Unix(int64(p[0]), 0); at.After(day(25, 0, 10)) && at.Before(day(25, 23, 50)) {
					t.Errorf("a point at %v", at)
				}
			}
		}
		o, _ := f.Round.Outcome("load")
		if o.Verdict != inspection.Attention {
			t.Errorf("an item with a day without data is %s", o.Verdict)
		}
		for _, code := range []string{"round.gap", "round.was_abnormal"} {
			if !strings.Contains(string(body), code) {
				t.Errorf("nothing says %s", code)
			}
		}
	})
	t.Run("incidents", func(t *testing.T) {
		trade := f.Systems[1]
		if trade.Name != "trade" || trade.Incidents != 2 {
			t.Fatalf("systems %+v", f.Systems)
		}
		lost := ended.Sub(day(24, 10, 0))
		near(t, "minutes lost", trade.Lost.Minutes(), lost.Minutes(), 0.1)
		share, _ := trade.Availability(to.Sub(from))
		near(t, "availability", share, 1-lost.Hours()/(6*24), 0.0002)
		if portal, ok := f.Systems[0].Availability(to.Sub(from)); !ok || portal != 1 {
			t.Errorf("portal %v", portal)
		}
		if len(f.Incidents) != 3 || f.Incidents[0].Acked.Sub(f.Incidents[0].Opened) != 20*time.Minute {
			t.Errorf("incidents %+v", f.Incidents)
		}
		if len(f.Missed) == 0 { // nobody triaged within 30 minutes
			t.Error("no deadline missed")
		}
		for _, x := range f.Missed {
			if x.Incident == drill {
				t.Error("a deadline of a drill counts")
			}
		}
	})
	t.Run("words", func(t *testing.T) { m.words(t, list[0].ID) })
	t.Run("signed", func(t *testing.T) { m.signed(t, list[0]) })
}

// figures are reckoned from the raw numbers of the period.
func (m *month) figures(t *testing.T, f reports.Facts, from, to time.Time) {
	var sum, peak, last float64
	var n int
	var sx, sy, sxx, sxy float64
	for _, s := range m.raw {
		if !s.at.After(from) || s.at.After(to) {
			continue
		}
		n++
		sum += s.load
		peak, last = max(peak, s.load), s.avail
		x := s.at.Sub(from).Hours() / 24
		sx, sy, sxx, sxy = sx+x, sy+s.avail, sxx+x*x, sxy+x*s.avail
	}
	k := float64(n)
	slope := (k*sxy - sx*sy) / (k*sxx - sx*sx) // bytes a day
	want := map[string]float64{"mean": sum / k, "peak": peak, "used": 1 - last/size, "days": last / -slope}
	for _, o := range f.Round.Outcomes {
		for _, v := range o.Values {
			near(t, v.Figure, v.Value, want[v.Figure], math.Abs(want[v.Figure])*1e-3)
			delete(want, v.Figure)
		}
	}
	if len(want) > 0 {
		t.Errorf("no figure of %v", want)
	}
}

// before: the trend is what the rounds of the weeks before said.
func (m *month) before(t *testing.T, f reports.Facts, to time.Time) {
	if len(f.Before) != 4 {
		t.Fatalf("%d periods before", len(f.Before))
	}
	for n := range 3 {
		at := to.Add(-time.Duration(n+1) * 7 * 24 * time.Hour)
		used := math.NaN()
		for _, s := range m.raw {
			if !s.at.After(at) {
				used = 1 - s.avail/size
			}
		}
		got, ok := f.Before[n]["volume\x00used\x00/data"]
		if !ok {
			t.Errorf("nothing of %d weeks before", n+1)
		}
		near(t, "used before", got, used, 0.001)
	}
	if f.Before[3] != nil {
		t.Errorf("figures of a time before the first measurement: %v", f.Before[3])
	}
}

func (m *month) words(t *testing.T, id string) {
	if dir := os.Getenv("XUNJIAN_SAMPLES"); dir != "" { // docs/samples
		for _, name := range []string{"weekly.zh-CN.html", "weekly.zh-CN.pdf", "weekly.zh-CN.xlsx", "weekly.zh-CN.docx", "weekly.en.html", "weekly.en.pdf"} {
			parts := strings.Split(name, ".")
			body, err := m.reports.Filed(t.Context(), id, parts[2], parts[1])
			must(t, err)
			must(t, os.WriteFile(filepath.Join(dir, name), body, 0o644))
		}
	}
	for lang, want := range map[string][]string{
		"zh-CN": {"每周巡检报告", "交易中心", "总体结论", "未检查", "数据缺失", "85.7", "trade", "可用率", "E01", "server dead", "演练", "应急预案第7条", "巡检人"},
		"en":    {"Weekly inspection: report", "Trading centre", "Overall", "not inspected", "Gaps in the data", "Availability", "server dead", "Drills", "Deadlines missed", "Inspector"},
	} {
		for _, format := range []string{"text", "html"} {
			body, err := m.reports.Filed(t.Context(), id, format, lang)
			must(t, err)
			for _, w := range want {
				if !bytes.Contains(body, []byte(w)) {
					t.Errorf("%s in %s lacks %q", format, lang, w)
				}
			}
			for _, bad := range []string{"<no value>", "%!", "round.", " 0 毫秒"} {
				if format == "text" && bytes.Contains(body, []byte(bad)) {
					t.Errorf("%s in %s holds %q:\n%s", format, lang, bad, body)
				}
			}
		}
		for format, magic := range map[string]string{"pdf": "%PDF", "xlsx": "PK", "docx": "PK"} {
			body, err := m.reports.Filed(t.Context(), id, format, lang)
			must(t, err)
			if !bytes.HasPrefix(body, []byte(magic)) {
				t.Errorf("%s begins with %.8q", format, body)
			}
			if magic == "PK" {
				if _, err := zip.NewReader(bytes.NewReader(body), int64(len(body))); err != nil {
					t.Errorf("%s: %v", format, err)
				}
			}
		}
	}
	for lang, want := range map[string][]string{
		"zh-CN": {"确认用时 20 分", "恢复用时 1 小时 36 分", "中断 1 小时 36 分", "无数据 1 天", "本期 52 天 | 前 1 期 59 天 | 前 2 期 66 天"},
		"en":    {"To acknowledge 20 min", "To restore 1 h 36 min", "Outage 1 h 36 min", "No data 1 d"},
	} {
		body, err := m.reports.Filed(t.Context(), id, "text", lang)
		must(t, err)
		for _, w := range want {
			if !bytes.Contains(body, []byte(w)) {
				t.Errorf("in %s nothing says %q:\n%s", lang, w, body)
			}
		}
	}
	if _, err := m.reports.Filed(t.Context(), "RND-20200101-001-1", "html", "en"); !errors.Is(err, inspection.ErrNotFound) {
		t.Errorf("a report that is not: %v", err)
	}
	var r *inspection.Refusal
	if _, err := m.reports.Filed(t.Context(), id, "rtf", "en"); !errors.As(err, &r) || r.Code != "unknown_format" {
		t.Errorf("a format that is not: %v", err)
	}
}

// server is a mail server that is dead until it is mended.
type server struct {
	mu   sync.Mutex
	dead bool
	got  []notify.Message
}

func (s *server) Name() string { return "mail" }

func (s *server) Deliver(_ context.Context, m notify.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead {
		return errors.New("connection refused")
	}
	s.got = append(s.got, m)
	return nil
}

func (s *server) letters() []notify.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]notify.Message(nil), s.got...)
}

// deliver empties the outbox into a mail server until it is stopped.
func (m *month) deliver(box *server) (w *notify.Worker, stop func()) {
	now := m.now
	w = notify.NewWorker(notify.Options{Outbox: m.store, Channels: []notify.Channel{box}, Report: m.reports.Message, Now: func() time.Time { return now }})
	ctx, cancel := context.WithCancel(m.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	return w, func() { cancel(); <-done }
}

// signed: the report goes out when the round is made and once more when it is
// signed, to whoever has an address; a server that is dead for three days gets
// each once, in order.
func (m *month) signed(t *testing.T, filed inspection.Filed) {
	by := inspection.Actor{Name: "wang", Via: "test"}
	_, err := m.office.Answer(t.Context(), filed.Round, 0, by, inspection.Reply{Item: "bulletins", Verdict: inspection.Normal, Files: []inspection.File{{Name: "公告.pdf", Body: []byte("%PDF-1.7 read")}}})
	must(t, err)
	_, err = m.office.Sign(t.Context(), filed.Round, 0, by, inspection.Inspector, "seen")
	must(t, err)
	for range 3 { // however often it is looked
		must(t, m.reports.Tick(t.Context()))
	}
	mailbox := &server{dead: true}
	worker, stop := m.deliver(mailbox)
	wait := func(what string, ok func() bool) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("waited in vain for %s; %v", what, worker.Counts())
			}
			worker.Wake()
		}
	}
	wait("a failure", func() bool { return worker.Counts()["mail"].Failed > 0 })
	mailbox.mu.Lock()
	mailbox.dead = false
	mailbox.mu.Unlock()
	stop()
	m.now = m.now.Add(3 * 24 * time.Hour)
	worker, stop = m.deliver(mailbox)
	defer stop()
	mine := func() (out []notify.Message) {
		for _, l := range mailbox.letters() {
			if l.Incident.ID == filed.Round {
				out = append(out, l)
			}
		}
		return out
	}
	wait("the mails", func() bool { return len(mine()) >= 2 })
	time.Sleep(200 * time.Millisecond)
	got := mine()
	if len(got) != 2 || got[0].Key != filed.Round+"-1/mail/wang" || got[1].Key != filed.Round+"-2/mail/wang" {
		t.Fatalf("%d mails: %v", len(got), got)
	}
	if l := got[1]; l.Person.Mail != "wang@example.org" || !strings.Contains(l.Page, "cid:chart1@xunjian") || len(l.Pictures) != 1 || len(l.Files) != 1 || !strings.Contains(l.Text, "巡检人 wang") {
		t.Errorf("mail %q to %q with %d pictures and %d files", l.Subject, l.To, len(l.Pictures), len(l.Files))
	}
	// Once more on request, and only then.
	n, err := m.reports.Send(t.Context(), filed.Round, "")
	if err != nil || n != 1 {
		t.Fatalf("sent again: %d, %v", n, err)
	}
	wait("the mail once more", func() bool { return len(mine()) == 3 })
	var r *inspection.Refusal
	if _, err := m.reports.Send(t.Context(), filed.Round, "li"); !errors.As(err, &r) || r.Code != "nobody_to_mail" {
		t.Errorf("to somebody without an address: %v", err)
	}
}
