package inspection_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunjian/alerting/inspection"
	"xunjian/alerting/schedule"
	"xunjian/alerting/store"
)

// machine is what was measured: checks with a verdict over time, and figures.
type machine struct {
	now    func() time.Time
	checks map[string][]span
	values map[string][]inspection.Measured // by a part of the expression
	fail   error
}

// span is a time in which a check came to a verdict.
type span struct {
	from, to time.Time
	verdict  inspection.Verdict
}

func (m *machine) Found(_ context.Context, name string, _ time.Time) ([]inspection.Found, error) {
	spans, ok := m.checks[name]
	if !ok {
		return nil, nil
	}
	f := inspection.Found{Check: name, Every: time.Minute}
	for _, s := range spans {
		if !s.from.After(m.now()) {
			f.At, f.Verdict = s.to, s.verdict
			if f.At.After(m.now()) {
				f.At = m.now()
			}
		}
	}
	if f.Verdict == inspection.Attention || f.Verdict == inspection.Abnormal {
		f.Reasons = []inspection.Reason{{Code: name + ".bad", Verdict: f.Verdict, Check: name}}
	}
	return []inspection.Found{f}, nil
}

func (m *machine) Query(_ context.Context, expr string, _ time.Time) ([]inspection.Measured, error) {
	for part, v := range m.values {
		if strings.Contains(expr, part) {
			return v, m.fail
		}
	}
	return nil, m.fail
}

func (m *machine) Verdicts(_ context.Context, check string, from, to time.Time, step time.Duration) ([]inspection.Point, error) {
	number := map[inspection.Verdict]int{inspection.Normal: 0, inspection.Attention: 1, inspection.Abnormal: 2, inspection.Unknown: 3}
	var out []inspection.Point
	for at := from; !at.After(to); at = at.Add(step) {
		for _, s := range m.checks[check] {
			if !at.Before(s.from) && at.Before(s.to) {
				out = append(out, inspection.Point{At: at, Verdict: number[s.verdict]})
			}
		}
	}
	return out, nil
}

type site struct {
	t         *testing.T
	now       time.Time
	path      string
	store     *store.Store
	machine   *machine
	opt       inspection.Options
	office    *inspection.Office
	raised    []string
	settled   []string
	occasions []inspection.Occasion
}

var zone = time.FixedZone("CST", 8*3600)

func at(s string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", s, zone)
	if err != nil {
		panic(err)
	}
	return t
}

const form = `
format: 1
id: weekly
version: "1"
title: {zh-CN: 每周巡检, en: Weekly inspection}
schedule: {days: first-of-week, at: "08:30"}
period: 168h
sign_within: 8h
groups:
  - id: machine
    title: {zh-CN: 机器, en: Machine}
    items:
      - {id: cpu, title: {zh-CN: 处理器, en: CPU}, checks: [cpu]}
      - id: load
        title: {zh-CN: 负载, en: Load}
        figures: [{id: load, title: {zh-CN: 负载, en: Load}, expr: "max_over_time(load[$period])", unit: ratio, subject: [core], attention: {above: 0.7}, abnormal: {above: 0.9}}]
      - {id: raid, title: {zh-CN: 磁盘阵列, en: RAID}, checks: [raid]}
      - {id: logs, title: {zh-CN: 日志, en: Logs}, ask: {zh-CN: 有无异常？, en: Anything unusual?}}
`

func enter(t *testing.T, now string, text string) *site {
	t.Helper()
	s := &site{t: t, now: at(now), path: filepath.Join(t.TempDir(), "x.db")}
	f, err := inspection.Parse("form.yaml", []byte(text), []string{"cpu", "raid"})
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return s.now }
	s.machine = &machine{now: clock, checks: map[string][]span{
		"cpu": {{s.now.AddDate(0, -3, 0), s.now.AddDate(1, 0, 0), inspection.Normal}}, "raid": {{s.now.AddDate(0, -3, 0), s.now.AddDate(1, 0, 0), inspection.NotApplicable}},
	}, values: map[string][]inspection.Measured{"load": {{Labels: map[string]string{"core": "0"}, Value: 0.5}}}}
	s.opt = inspection.Options{
		Source: s.machine, Forms: []inspection.Form{*f}, Host: "web1", Zone: zone, Workdays: schedule.Shipped(), Now: clock,
		Occasions: func(time.Time) []inspection.Occasion { return s.occasions },
		Raise: func(_ context.Context, _ inspection.Actor, w inspection.Warning) (string, error) {
			s.raised = append(s.raised, w.Key+" "+w.Title.ZH)
			return fmt.Sprintf("INC-%d", len(s.raised)), nil
		},
		Settle: func(_ context.Context, _ inspection.Actor, id string) error {
			s.settled = append(s.settled, id)
			return nil
		},
	}
	s.restart()
	t.Cleanup(func() { s.store.Close() })
	return s
}

func (s *site) restart() {
	s.t.Helper()
	if s.store != nil {
		s.store.Close()
	}
	var err error
	if s.store, err = store.Open(s.t.Context(), s.path, nil); err != nil {
		s.t.Fatal(err)
	}
	s.opt.Store = s.store
	s.office = inspection.NewOffice(s.opt)
}

func (s *site) tick(now string) {
	s.t.Helper()
	s.now = at(now)
	if err := s.office.Tick(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) rounds() []inspection.Round {
	s.t.Helper()
	list, err := s.office.Find(s.t.Context(), inspection.Query{})
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

func (s *site) whole() {
	s.t.Helper()
	report, err := s.store.Verify(s.t.Context())
	if err != nil || len(report.Faults) > 0 {
		s.t.Errorf("the chain: %v %v", report.Faults, err)
	}
}

var li, wang = inspection.Actor{Name: "li", Via: "console"}, inspection.Actor{Name: "wang", Via: "api"}

// TestWeek plays weeks: rounds on the first working day, one made up for after
// a time off, none for before the form was known, over restarts.
func TestWeek(t *testing.T) {
	s := enter(t, "2026-09-29 10:00", form) // a Tuesday: Monday's was before the form
	s.tick("2026-09-29 10:00")
	if n := len(s.rounds()); n != 0 {
		t.Fatalf("%d rounds at the start", n)
	}
	s.tick("2026-10-05 08:31") // a holiday week begins
	s.restart()
	s.tick("2026-10-08 08:29")
	if n := len(s.rounds()); n != 0 {
		t.Fatalf("%d rounds in the holidays", n)
	}
	s.tick("2026-10-08 08:30")
	s.restart()
	s.tick("2026-10-08 08:31")
	r := s.rounds()
	if len(r) != 1 || r[0].ID != "RND-20261008-001" || r[0].Late || !r[0].Due.Equal(at("2026-10-08 08:30")) || r[0].To.Sub(r[0].From) != 168*time.Hour {
		t.Fatalf("the round of the first working day: %+v", r)
	}
	// Off for three weeks: one round, late, and it says how many there were not.
	s.restart()
	s.tick("2026-10-28 15:00")
	r = s.rounds()
	if len(r) != 2 || !r[0].Late || r[0].Missed != 2 || !r[0].Due.Equal(at("2026-10-26 08:30")) {
		t.Fatalf("after three weeks: %d rounds, %+v", len(r), r[0])
	}
	// A clock that was set back makes none again.
	s.tick("2026-10-20 09:00")
	s.tick("2026-10-28 15:01")
	if n := len(s.rounds()); n != 2 {
		t.Errorf("%d rounds after the clock was set back", n)
	}
	s.whole()
}

// TestVerdicts: what the machine saw, and what it did not.
func TestVerdicts(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(s *site)
		item string
		want inspection.Verdict
		code string
	}{
		{"normal all the time", func(*site) {}, "cpu", inspection.Normal, ""},
		{"nothing of its kind", func(*site) {}, "raid", inspection.NotApplicable, ""},
		{"a person is asked", func(*site) {}, "logs", inspection.NotInspected, "round.ask"},
		{"the check does not run", func(s *site) { delete(s.machine.checks, "cpu") }, "cpu", inspection.NotInspected, "round.no_check"},
		{"abnormal now", func(s *site) {
			s.machine.checks["cpu"] = []span{span{s.now.AddDate(0, -1, 0), s.now.Add(time.Hour), inspection.Abnormal}}
		}, "cpu", inspection.Abnormal, "cpu.bad"},
		{"abnormal for a while", func(s *site) {
			s.machine.checks["cpu"] = []span{span{s.now.AddDate(0, -1, 0), s.now.Add(-50 * time.Hour), inspection.Normal},
				span{s.now.Add(-50 * time.Hour), s.now.Add(-48 * time.Hour), inspection.Abnormal}, span{s.now.Add(-48 * time.Hour), s.now.Add(time.Hour), inspection.Normal}}
		}, "cpu", inspection.Attention, "round.was_abnormal"},
		{"off for a day", func(s *site) {
			s.machine.checks["cpu"] = []span{span{s.now.AddDate(0, -1, 0), s.now.Add(-50 * time.Hour), inspection.Normal}, span{s.now.Add(-26 * time.Hour), s.now.Add(time.Hour), inspection.Normal}}
		}, "cpu", inspection.Attention, "round.gap"},
		{"silent since an hour", func(s *site) {
			s.machine.checks["cpu"] = []span{span{s.now.AddDate(0, -1, 0), s.now.Add(-time.Hour), inspection.Normal}}
		}, "cpu", inspection.Unknown, "round.stale"},
		{"over a limit", func(s *site) { s.machine.values["load"][0].Value = 0.8 }, "load", inspection.Attention, ""},
		{"at the limit", func(s *site) { s.machine.values["load"][0].Value = 0.7 }, "load", inspection.Normal, ""},
		{"over the second", func(s *site) { s.machine.values["load"][0].Value = 0.95 }, "load", inspection.Abnormal, ""},
		{"no data", func(s *site) { s.machine.values["load"] = nil }, "load", inspection.Unknown, "round.no_data"},
		{"no answer", func(s *site) { s.machine.fail = errors.New("timeout") }, "load", inspection.Unknown, "round.query_failed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := enter(t, "2026-11-23 10:00", form)
			tc.do(s)
			r, err := s.office.Start(t.Context(), li, "weekly")
			if err != nil {
				t.Fatal(err)
			}
			o, _ := r.Outcome(tc.item)
			if o.Verdict != tc.want {
				t.Errorf("verdict %s, want %s: %+v", o.Verdict, tc.want, o)
			}
			if code := ""; tc.code != "" {
				for _, why := range o.Reasons {
					code += why.Code + " "
				}
				if !strings.Contains(code, tc.code) {
					t.Errorf("the reasons are %q, want %s", code, tc.code)
				}
			}
			s.whole()
		})
	}
}

// TestPeople: a person answers, signs, another reviews; what may not be done is
// refused, and two who write at once do not overwrite each other.
func TestPeople(t *testing.T) {
	s := enter(t, "2026-11-23 08:00", form)
	s.machine.values["load"][0].Value = 0.95
	ctx := t.Context()
	s.tick("2026-11-23 08:00")
	s.tick("2026-11-23 08:30")
	r := s.rounds()[0]
	refused := func(want string, err error) {
		t.Helper()
		if f := (*inspection.Refusal)(nil); !errors.As(err, &f) || f.Code != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	must := func(next inspection.Round, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		r = next
	}
	_, err := s.office.Sign(ctx, r.ID, 0, li, inspection.Inspector, "")
	refused("not_inspected", err)
	_, err = s.office.Answer(ctx, r.ID, 0, li, inspection.Reply{Item: "load", Verdict: inspection.Normal})
	refused("note_missing", err)
	_, err = s.office.Answer(ctx, r.ID, 0, li, inspection.Reply{Item: "no-such", Verdict: inspection.Normal})
	refused("unknown_item", err)
	_, err = s.office.Answer(ctx, r.ID, 0, li, inspection.Reply{Item: "logs", Verdict: inspection.Unknown, Note: "x"})
	refused("unknown_verdict", err)
	must(s.office.Answer(ctx, r.ID, r.Version, li, inspection.Reply{Item: "logs", Verdict: inspection.Normal}))
	if _, err = s.office.Answer(ctx, r.ID, r.Version-1, wang, inspection.Reply{Item: "logs", Verdict: inspection.Abnormal, Note: "seen earlier"}); !errors.Is(err, inspection.ErrConflict) {
		t.Errorf("an answer to an old version: %v", err)
	}
	must(s.office.RaiseWarning(ctx, r.ID, li, "load"))
	_, err = s.office.RaiseWarning(ctx, r.ID, li, "load")
	refused("already_raised", err)
	_, err = s.office.RaiseWarning(ctx, r.ID, li, "cpu")
	refused("nothing_wrong", err)
	_, err = s.office.Sign(ctx, r.ID, 0, wang, inspection.Reviewer, "")
	refused("sign_first", err)
	_, err = s.office.Sign(ctx, r.ID, 0, li, inspection.Inspector, "")
	refused("note_missing", err)

	// Too late: people are told once, and the telling is closed with the
	// signature.
	s.tick("2026-11-23 16:29")
	s.tick("2026-11-23 16:30")
	s.restart()
	s.tick("2026-11-23 16:31")
	must(s.office.Sign(ctx, r.ID, 0, li, inspection.Inspector, "load: a known peak"))
	_, err = s.office.Answer(ctx, r.ID, 0, li, inspection.Reply{Item: "logs", Verdict: inspection.Abnormal, Note: "x"})
	refused("already_signed", err)
	_, err = s.office.Sign(ctx, r.ID, 0, li, inspection.Reviewer, "")
	refused("same_person", err)
	must(s.office.Sign(ctx, r.ID, 0, wang, inspection.Reviewer, "agreed"))
	want := []string{"round/" + r.ID + "/load 每周巡检：负载", "round/" + r.ID + " 每周巡检尚未签署"}
	if diff := cmp.Diff(want, s.raised); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"INC-2"}, s.settled); diff != "" {
		t.Error(diff)
	}
	got, events, err := s.office.Get(ctx, r.ID)
	if err != nil || got.Inspector.By != "li" || got.Reviewer.By != "wang" || !got.Done() || len(events) != 6 {
		t.Errorf("in the end %+v, %d events, %v", got, len(events), err)
	}
	s.whole()
}

// TestChangedSince: the next round says what the one before had.
func TestChangedSince(t *testing.T) {
	s := enter(t, "2026-11-23 08:30", form)
	if _, err := s.office.Start(t.Context(), li, "weekly"); err != nil {
		t.Fatal(err)
	}
	s.machine.values["load"][0].Value = 0.8
	s.now = s.now.Add(time.Hour)
	r, err := s.office.Start(t.Context(), li, "weekly")
	if err != nil {
		t.Fatal(err)
	}
	if o, _ := r.Outcome("load"); o.Before != inspection.Normal || o.Verdict != inspection.Attention {
		t.Errorf("was %s, is %s", o.Before, o.Verdict)
	}
	if r.ID != "RND-20261123-002" {
		t.Errorf("the second of the day is %s", r.ID)
	}
}

// TestBeforeOpening: one round before each opening, none after its start; green
// needs nobody, anything else a signature, and is told half an hour before.
func TestBeforeOpening(t *testing.T) {
	text := strings.NewReplacer("id: weekly", "id: opening", `schedule: {days: first-of-week, at: "08:30"}`, "before_openings: true", "sign_within: 8h", "green_unsigned: true",
		"period: 168h", "period: 1h", "      - {id: logs, title: {zh-CN: 日志, en: Logs}, ask: {zh-CN: 有无异常？, en: Anything unusual?}}\n", "").Replace(form)
	s := enter(t, "2026-11-23 08:00", text)
	first := inspection.Occasion{Key: "o1", Title: "一号项目", Start: at("2026-11-23 09:30"), Systems: []string{"hall"}}
	s.occasions = []inspection.Occasion{first}
	s.tick("2026-11-23 08:30")
	s.restart()
	s.tick("2026-11-23 08:31")
	s.tick("2026-11-23 09:10")
	r := s.rounds()
	if len(r) != 1 || !r[0].Green() || !r[0].Done() || len(s.raised) != 0 {
		t.Fatalf("a green round: %+v, told %v", r, s.raised)
	}
	second := first
	second.Key, second.Title, second.Start = "o2", "二号项目", at("2026-11-23 14:00")
	s.occasions = []inspection.Occasion{second}
	s.machine.values["load"][0].Value = 0.8
	s.tick("2026-11-23 13:00")
	s.tick("2026-11-23 13:29")
	if len(s.raised) != 0 {
		t.Errorf("told too early: %v", s.raised)
	}
	s.tick("2026-11-23 13:30")
	id := s.rounds()[0].ID
	if diff := cmp.Diff([]string{"round/" + id + " 每周巡检（二号项目）尚未签署"}, s.raised); diff != "" {
		t.Error(diff)
	}
	// It gets better by itself: the machine looks again.
	s.machine.values["load"][0].Value = 0.1
	if _, err := s.office.JudgeAgain(t.Context(), id, li); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"INC-1"}, s.settled); diff != "" {
		t.Error(diff)
	}
	s.whole()
}

// TestShippedForms: each reads, and has both languages.
func TestShippedForms(t *testing.T) {
	var ids []string
	for _, f := range inspection.Shipped() {
		ids = append(ids, f.ID)
	}
	if diff := cmp.Diff([]string{"opening", "periodic", "weekly"}, ids); diff != "" {
		t.Error(diff)
	}
}

// TestBadForms: each mistake has its place.
func TestBadForms(t *testing.T) {
	for old, c := range map[string]struct{ new, want string }{
		"format: 1":      {"format: 2", "form.yaml:2:9: format: 2 is a format"},
		"id: weekly":     {"id: Weekly", "form.yaml:3:5: id: \"Weekly\" is not an id"},
		"version: \"1\"": {"version: \"\"", "version: is missing"},
		"{zh-CN: 每周巡检, en: Weekly inspection}": {"{zh-CN: 每周巡检}", "title.en: translation is missing"},
		"at: \"08:30\"":                {"at: \"25:30\"", "form.yaml:6:37: schedule.at: \"25:30\" is no time of day"},
		"days: first-of-week":          {"days: mondays", "schedule.days: unknown word"},
		"period: 168h":                 {"period: 1m", "period: 1m0s is out of range"},
		"sign_within: 8h":              {"sign_within: 9999h", "sign_within: 9999h0m0s is out of range"},
		"checks: [cpu]":                {"checks: [gpu]", "groups[0].items[0].checks[0]: unknown check \"gpu\"; allowed: cpu, raid"},
		"{id: raid,":                   {"{id: cpu,", "groups[0].items[2].id: \"cpu\" stands twice; first at groups[0].items[0].id"},
		"unit: ratio":                  {"unit: percent", "unknown unit \"percent\""},
		"max_over_time(load[$period])": {"max_over_time(load[$period]", "figures[0].expr: "},
		"attention: {above: 0.7}":      {"attention: {above: 0.7, below: 0.1}", "attention: wants one of above and below"},
		", ask: {zh-CN: 有无异常？, en: Anything unusual?}": {"", "groups[0].items[3]: is judged by nothing"},
		"{id: load, title": {"{id: load, colour: red, title", "unknown key"},
	} {
		text := strings.Replace(form, old, c.new, 1)
		if text == form {
			t.Fatalf("the form lacks %q", old)
		}
		if _, err := inspection.Parse("form.yaml", []byte(text), []string{"cpu", "raid"}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got\n%v\nwant %s", c.new, err, c.want)
		}
	}
}

// TestUnknownForm names those there are.
func TestUnknownForm(t *testing.T) {
	s := enter(t, "2026-11-23 08:30", form)
	_, err := s.office.Start(t.Context(), li, "monthly")
	if f := (*inspection.Refusal)(nil); !errors.As(err, &f) || f.Args["forms"] != "weekly" {
		t.Errorf("got %v", err)
	}
	if _, _, err := s.office.Get(t.Context(), "RND-1"); !errors.Is(err, inspection.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// What people attach is kept with its hash in the chain, over a restart, beside
// what was attached before; what is refused leaves nothing behind.
func TestAttachments(t *testing.T) {
	s := enter(t, "2026-11-23 08:00", form)
	ctx := t.Context()
	s.tick("2026-11-23 08:00")
	s.tick("2026-11-23 08:30")
	r := s.rounds()[0]
	answer := func(files ...inspection.File) error {
		next, err := s.office.Answer(ctx, r.ID, 0, li, inspection.Reply{Item: "logs", Verdict: inspection.Normal, Files: files})
		if err == nil {
			r = next
		}
		return err
	}
	some := func(bytes int) []byte { return []byte(strings.Repeat("x", bytes)) }
	many := make([]inspection.File, inspection.MaxFiles+1)
	for n := range many {
		many[n] = inspection.File{Name: "a", Body: some(1)}
	}
	for want, files := range map[string][]inspection.File{
		"too_many_files": many, "file_unnamed": {{Name: "../..", Body: some(1)}}, "file_empty": {{Name: "a"}},
		"file_too_large":  {{Name: "a", Body: some(inspection.MaxFileBytes + 1)}},
		"files_too_large": {{Name: "a", Body: some(inspection.MaxFileBytes)}, {Name: "b", Body: some(inspection.MaxFileBytes)}, {Name: "c", Body: some(1)}},
	} {
		if f := (*inspection.Refusal)(nil); !errors.As(answer(files...), &f) || f.Code != want {
			t.Errorf("%s: %v", want, f)
		}
	}
	if got, events, _ := s.office.Get(ctx, r.ID); len(events) != 1 || got.Version != r.Version {
		t.Errorf("refused, and there are %d events", len(events))
	}
	body := []byte("%PDF-1.7 \x00 bulletin")
	if err := answer(inspection.File{Name: `C:\扫描\报告` + "\u202e\n" + `.pdf`, Body: body}, inspection.File{Name: strings.Repeat("长", 200) + ".png", Body: some(3)}); err != nil {
		t.Fatal(err)
	}
	if err := answer(inspection.File{Name: "/etc/second.txt", Body: []byte("second")}); err != nil {
		t.Fatal(err)
	}
	s.tick("2026-11-23 08:40")
	s.restart()
	if _, err := s.office.JudgeAgain(ctx, r.ID, li); err != nil {
		t.Fatal(err)
	}
	r, _, _ = s.office.Get(ctx, r.ID)
	o, _ := r.Outcome("logs")
	if len(o.Files) != 3 || o.Files[0].Name != "报告.pdf" || len([]rune(o.Files[1].Name)) != 120 || !strings.HasSuffix(o.Files[1].Name, "长.png") || o.Files[2].Name != "second.txt" {
		t.Fatalf("kept %+v", o.Files)
	}
	k, err := s.office.Attachment(ctx, r.ID, o.Files[0].ID)
	if err != nil || !slices.Equal(k.Body, body) || k.SHA256 != fmt.Sprintf("%x", sha256.Sum256(body)) {
		t.Errorf("%+v, %v", k, err)
	}
	if _, err := s.office.Attachment(ctx, r.ID, r.ID+"-f9-1"); !errors.Is(err, inspection.ErrNotFound) {
		t.Errorf("a file that there is not: %v", err)
	}
	report, err := s.store.Verify(ctx)
	if err != nil || len(report.Faults) > 0 || report.Blobs != 3 {
		t.Errorf("verified: %+v, %v", report, err)
	}
	db, err := sql.Open("sqlite", s.path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, `UPDATE blobs SET body = (SELECT body FROM blobs WHERE id = ?) WHERE id = ?`, o.Files[2].ID, o.Files[0].ID); err != nil {
		t.Fatal(err)
	}
	if report, err = s.store.Verify(ctx); err != nil || len(report.Faults) != 1 || !strings.Contains(report.Faults[0], o.Files[0].ID+" does not match") {
		t.Errorf("a file that somebody changed: %+v, %v", report, err)
	}
}
