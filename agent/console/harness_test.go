package console

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"xunjian/agent/access"
	source "xunjian/agent/measured"
	"xunjian/agent/outlets"
	"xunjian/agent/papers"
	"xunjian/agent/reports"
	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/inspection"
	"xunjian/alerting/notify"
	"xunjian/alerting/notify/answers"
	"xunjian/alerting/notify/policy"
	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
	"xunjian/alerting/roster"
	"xunjian/alerting/schedule"
	"xunjian/alerting/store"
	"xunjian/alerting/text"
	"xunjian/checks"
	"xunjian/checks/logs"
	weblog "xunjian/checks/logs/access"
	"xunjian/checks/logs/archive"
	"xunjian/checks/logs/novelty"
	"xunjian/checks/logs/review"
	"xunjian/checks/network/peers"
	"xunjian/checks/security/integrity"
	"xunjian/rules"
)

// zone is the zone of all tests: eight hours ahead, no summer time.
var zone = time.FixedZone("Asia/Shanghai", 8*3600)

// noon is the moment at which a site's story has been told.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, zone)

// site is a console on top of the real rooms: desk, store, accounts, rules.
type site struct {
	*Console
	t        testing.TB
	desk     *alerting.Desk
	engine   *rules.Engine
	history  *checks.History
	accounts *access.Accounts
	rounds   *inspection.Office
	links    *answers.Links
	notices  *outlets.Outlets
	st       *store.Store
	reports  *reports.Reports
	guarded  *integrity.Keeper
	server   *httptest.Server
	evidence []byte
	archive  *archive.Archive
	read     *logs.Room
	logDir   string
	lan      peers.View
	about    About

	mu  sync.Mutex
	now time.Time
}

// siteLogs is the review of logs as an agent hands it to the console.
type siteLogs struct{ s *site }

func (l siteLogs) Overview(f review.Filter) review.Overview { return l.s.read.Review.Overview(f) }

func (l siteLogs) Access(ctx context.Context) (weblog.Report, error) {
	return l.s.read.Checks()[1].(*weblog.Check).Report(ctx)
}

func (l siteLogs) Novelty(ctx context.Context) (novelty.Report, error) {
	return l.s.read.Checks()[2].(*novelty.Check).Report(ctx)
}

const password = "correct-horse-battery"

func (s *site) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *site) set(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = now
}

// newSite builds the rooms with three accounts, one for each role, and no
// data.
func newSite(t testing.TB) *site {
	t.Helper()
	dir := t.TempDir()
	ctx := t.Context()
	s := &site{t: t, now: noon, history: checks.NewHistory(), evidence: []byte(`{}`)}
	st, err := store.Open(ctx, filepath.Join(dir, "xunjian.db"), nil)
	must(t, err)
	t.Cleanup(func() { st.Close() })
	catalog, err := text.Load(zone, checks.Messages, incident.Messages, inspection.Messages, notify.Messages, policy.Messages, access.Messages, Messages)
	must(t, err)
	s.desk, err = alerting.NewDesk(ctx, alerting.Options{
		Store: st, Host: "db01", Zone: zone,
		Basis: alerting.Basis{Plan: planfile.Default(), Roster: people(), Systems: map[string]plan.SystemKind{"开标大厅": plan.Opening}},
		Now:   s.clock, Evidence: func(context.Context, incident.Incident) ([]byte, error) { return s.evidence, nil },
	})
	must(t, err)
	s.run()
	rc := rules.DefaultConfig()
	rc.Dir = filepath.Join(dir, "tsdb")
	// The site has rules of its own in place of ours: a morning is told in
	// hundreds of ticks.
	shipped, err := fs.Glob(rules.Default, "default/*.yml")
	must(t, err)
	for _, name := range shipped {
		body := "groups: []\n"
		if path.Base(name) == "host.yml" {
			body = siteRules
		}
		file := filepath.Join(dir, path.Base(name))
		must(t, os.WriteFile(file, []byte(body), 0o600))
		rc.Files = append(rc.Files, file)
	}
	s.engine, err = rules.Open(rc, nil)
	must(t, err)
	t.Cleanup(func() { s.engine.Close() })
	s.accounts = access.New(st.DB(), s.clock)
	s.archive, err = archive.Open(filepath.Join(dir, "logs"), archive.Default(), nil)
	must(t, err)
	t.Cleanup(func() { s.archive.Close() })
	s.readLogs(dir)
	for _, role := range access.Roles {
		must(t, s.accounts.Create(ctx, string(role), role, password))
	}
	s.about = About{Version: "v1.0.0-test", Host: "db01", Started: noon.Add(-30 * time.Hour), Console: "127.0.0.1:8720",
		Metrics: "127.0.0.1:9720", DataDir: dir}
	own, err := papers.New(papers.Config{}, zone, s.desk)
	must(t, err)
	s.rounds = inspection.NewOffice(inspection.Options{
		Store: st, Source: source.New(s.history, s.engine), Forms: inspection.Shipped(), Host: "db01", Zone: zone, Workdays: schedule.Shipped(), Now: s.clock,
		Raise: func(ctx context.Context, by inspection.Actor, w inspection.Warning) (string, error) {
			i, err := s.desk.Open(ctx, incident.Actor{Kind: "person", Name: by.Name, Via: by.Via}, alerting.Report{Key: w.Key, Title: w.Title.ZH, English: w.Title.EN, Warning: &incident.Sign{Source: "internal"}})
			return i.ID, err
		},
	})
	s.reports, err = reports.New(reports.Options{
		Store: st, Rounds: s.rounds, Desk: s.desk, Engine: s.engine, Catalog: catalog, Zone: zone, Host: "db01", Now: s.clock,
		Systems: func() map[string]plan.SystemKind { return nil },
	})
	must(t, err)
	words := &notify.Words{Catalog: catalog, Plan: func(incident.Incident) *plan.Plan { return s.desk.Plan() }, Roster: s.desk.Roster}
	s.links, err = answers.NewLinks(ctx, answers.New(func() answers.Desk { return s.desk }, words, catalog), st, s.clock)
	must(t, err)
	s.st = st
	s.notices, err = outlets.New(ctx, outlets.Lines{Ways: []notify.Channel{notify.NewJournal(io.Discard, false)}, Policy: policy.New(policy.Config{}, zone, nil)}, outlets.Options{
		Store: st, Catalog: catalog, Host: "db01", Logger: slog.New(slog.DiscardHandler), Now: s.clock, Desk: func() outlets.Desk { return s.desk }, Wake: func() {},
	})
	must(t, err)
	s.guarded, err = integrity.Open(filepath.Join(dir, "integrity"), s.clock)
	must(t, err)
	s.Console, err = New(Options{
		Integrity: s.guarded,
		Papers:    own, Lines: s.archive, Logs: siteLogs{s}, Links: s.links, Notices: s.notices, Rounds: s.rounds, Reports: s.reports, Desk: s.desk, Rules: s.engine, Checks: s.history, Accounts: s.accounts,
		Sessions: s.accounts.Sessions(SessionOwner), About: func() About { return s.about }, LAN: func() (peers.View, bool) { return s.lan, s.lan.Self != "" },
		Catalog: catalog, Zone: zone, Now: s.clock, Verdicts: joined,
		Logger: slog.New(slog.NewTextHandler(testLog{t}, nil)),
	})
	must(t, err)
	s.server = httptest.NewServer(s.Console)
	t.Cleanup(s.server.Close)
	return s
}

// testLog keeps the console's log with its test.
type testLog struct{ t testing.TB }

func (l testLog) Write(b []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// joined makes a check as bad as the alerts on its series.
func joined(results []checks.Result, alerts []rules.Alert) map[string]checks.Verdict {
	out := ownVerdicts(results, alerts)
	for _, a := range alerts {
		v := checks.Attention
		if a.Labels["kind"] == "incident" && a.State != rules.Pending {
			v = checks.Abnormal
		}
		for _, source := range a.Sources {
			if was, ok := out[source]; ok && v.Worse(was) {
				out[source] = v
			}
		}
	}
	return out
}

func people() roster.Roster {
	return roster.Roster{People: []roster.Person{
		{ID: "wang", Name: "王建国", Roles: []string{"leader", "center-manager"}, Phone: "010-5550-0101", Mail: "wang@example.org"},
		{ID: "li", Name: "李晓梅", Roles: []string{"business-manager"}, Phone: "010-5550-0102"},
		{ID: "zhang", Name: "张伟", Roles: []string{"tech-staff"}, Phone: "010-5550-0103", Mail: "zhang@example.org"},
		{ID: "chen", Name: "陈静", Roles: []string{"tech-staff", "opening-manager"}, Phone: "010-5550-0104"},
	}}
}

const siteRules = `
groups:
- name: host
  rules:
  - alert: FilesystemFull
    expr: 1 - node_filesystem_avail_bytes / node_filesystem_size_bytes > 0.9
    for: 1m
    labels: {kind: incident, code: E01, resolve: auto}
    annotations:
      summary: "{{ $labels.mountpoint }} is {{ $value | humanizePercentage }} full"
      summary_zh: "{{ $labels.mountpoint }} 空间使用率达 {{ $value | humanizePercentage }}"
  - alert: HallUnreachable
    expr: probe_success{target="hall"} == 0
    labels: {kind: incident, code: D01, system: 开标大厅, resolve: manual}
    annotations:
      summary: "The bid-opening hall does not answer"
      summary_zh: "开标大厅无响应"
  - alert: RaidDegraded
    expr: node_md_disks{state="failed"} > 0
    labels: {kind: incident, code: E01, cause: standby-started, resolve: manual}
    annotations:
      summary: "RAID array {{ $labels.device }} has a failed disk"
      summary_zh: "RAID 阵列 {{ $labels.device }} 有故障盘"
  - alert: LoadHigh
    expr: node_load1 > 6
    labels: {kind: warning}
    annotations:
      summary: "Load average is {{ $value }}"
      summary_zh: "平均负载达 {{ $value }}"
  - alert: DiskSlow
    expr: rate(node_disk_io_time_seconds_total[5m]) > 0.8
    for: 4h
    labels: {kind: warning}
    annotations:
      summary: "{{ $labels.device }} is busy most of the time"
      summary_zh: "{{ $labels.device }} 持续繁忙"
  - alert: ConntrackFull
    expr: node_nf_conntrack_entries / node_nf_conntrack_entries_limit > 0.9
    labels: {kind: warning}
    annotations: {summary: "Connection table nearly full", summary_zh: "连接跟踪表将满"}
- name: records
  rules:
  - record: instance:node_load:max
    expr: max(node_load1)
`

// tick measures: one source for each check, then rules, then the desk.
func (s *site) tick(at time.Time, every time.Duration, measured map[string][]rules.Point) {
	s.t.Helper()
	s.set(at)
	var batches []rules.Batch
	for source, points := range measured {
		batches = append(batches, rules.Batch{Source: source, Time: at, Points: points, Every: every})
	}
	transitions, err := s.engine.Tick(s.t.Context(), at, batches)
	must(s.t, err)
	var signals []alerting.Signal
	for _, tr := range transitions {
		a := tr.Alert
		signals = append(signals, alerting.Signal{
			Key: a.Key, Status: alerting.Status(a.State), Rule: a.Rule, Labels: a.Labels, Annotations: a.Annotations,
			Value: a.Value, Since: a.ActiveAt, At: a.ChangedAt, Via: "rules",
		})
	}
	must(s.t, s.desk.Signals(s.t.Context(), signals))
}

func point(v float64, pairs ...string) rules.Point {
	return rules.Point{Labels: labels.FromStrings(append([]string{"instance", "db01", "job", "xunjian"}, pairs...)...), Value: v}
}

// run lets the desk take evidence and the clock act, until the test ends.
func (s *site) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.desk.Run(ctx) }()
	s.t.Cleanup(func() { cancel(); must(s.t, <-done) })
}

// settle waits until the desk has done what follows by itself: evidence of
// every incident, levels as the clock has them.
func (s *site) settle() {
	s.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		changed := s.desk.Changed()
		waiting := 0
		for _, i := range s.find(incident.Open, incident.Acked) {
			_, at, ok := i.Rise(s.desk.Plan())
			if len(i.Evidence) == 0 || ok && !at.After(s.clock()) {
				waiting++
			}
		}
		if waiting == 0 {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			s.t.Fatalf("%d incidents wait for evidence or their level", waiting)
		}
	}
}

func (s *site) find(states ...incident.State) []incident.Incident {
	s.t.Helper()
	list, err := s.desk.Find(s.t.Context(), alerting.Query{States: states, Limit: 1000})
	must(s.t, err)
	return list
}

// one returns the newest incident with a code.
func (s *site) one(code string) incident.Incident {
	s.t.Helper()
	list, err := s.desk.Find(s.t.Context(), alerting.Query{Code: code, Limit: 1})
	must(s.t, err)
	if len(list) == 0 {
		s.t.Fatalf("there is no incident %s", code)
	}
	return list[0]
}

func (s *site) do(id, who string, cmd incident.Command) incident.Incident {
	s.t.Helper()
	i, err := s.desk.Do(s.t.Context(), id, 0, incident.Actor{Kind: "person", Name: who, Via: "console"}, cmd)
	must(s.t, err)
	return i
}

func (s *site) report(r alerting.Report) incident.Incident {
	s.t.Helper()
	i, err := s.desk.Open(s.t.Context(), incident.Actor{Kind: "person", Name: "operator", Via: "cli"}, r)
	must(s.t, err)
	return i
}

// tell gives a site a day of measurements and the incidents of a bad morning.
func tell(s *site) {
	s.keepLines()
	s.t.Helper()
	s.evidence = sampleEvidence(noon)
	past(s)
	// The last hours bring the trouble.
	for at := noon.Add(-24 * time.Hour); at.Before(noon.Add(-4 * time.Hour)); at = at.Add(4 * time.Minute) {
		s.tick(at, 4*time.Minute, measured(at))
	}
	for at := noon.Add(-4 * time.Hour); !at.After(noon); at = at.Add(time.Minute) {
		s.tick(at, time.Minute, measured(at))
	}
	s.settle()
	hall := s.one("D01")
	s.do(hall.ID, "operator", incident.Acknowledge{Note: "正在与运营商联系，排查主线路。"})
	s.do(hall.ID, "operator", incident.Assign{To: "张伟", Note: "现场处理"})
	s.do(hall.ID, "operator", incident.SetStep{Step: "call-hotline", State: "done", Note: "已报告"})
	s.do(hall.ID, "operator", incident.Comment{Text: "备用线路已就绪。\nThe standby line is ready."})
	for _, res := range results(noon) {
		s.history.Add(res)
	}
}

// past are incidents that have ended, enough for two pages.
func past(s *site) {
	for n := range 55 {
		s.set(noon.Add(-time.Duration(60-n) * 24 * time.Hour))
		i := s.report(alerting.Report{Code: "F02", Title: fmt.Sprintf("投标文件上传失败（第 %d 次反映）", n+1)})
		s.set(s.clock().Add(40 * time.Minute))
		if n%7 == 0 {
			s.do(i.ID, "operator", incident.MarkFalseAlarm{Reason: "投标人本地网络问题"})
			continue
		}
		s.do(i.ID, "operator", incident.Acknowledge{Note: "联系客户"})
		s.do(i.ID, "operator", incident.Resolve{Note: "重新上传成功"})
	}
}

// measured is what the checks of a site measure at a moment: from three hours
// before noon the hall is gone, from 40 minutes before a disk is full.
func measured(at time.Time) map[string][]rules.Point {
	left := noon.Sub(at)
	wave := math.Sin(float64(at.Unix()) / 5000)
	avail, hall, load := 40.0+5*wave, 1.0, 2+wave
	if left <= 70*time.Minute {
		load = 9.5
	}
	if left <= 45*time.Minute {
		avail = 4
	}
	if left <= 3*time.Hour {
		hall = 0
	}
	verdict := 0.0
	if left <= 45*time.Minute {
		verdict = 2
	} else if left < 6*time.Hour && left > 5*time.Hour {
		verdict = 1
	}
	gib := float64(1 << 30)
	fs := func(name string, v float64, mount string) rules.Point {
		return point(v, "__name__", name, "mountpoint", mount, "device", "/dev/sd"+strings.Trim(mount, "/")+"1", "fstype", "ext4")
	}
	out := map[string][]rules.Point{
		"filesystem": {
			fs("node_filesystem_size_bytes", 100*gib, "/data"), fs("node_filesystem_avail_bytes", avail*gib, "/data"),
			fs("node_filesystem_size_bytes", 50*gib, "/"), fs("node_filesystem_avail_bytes", 30*gib, "/"),
			point(verdict, "__name__", "xunjian_check_verdict", "check", "filesystem"),
			point(0.004, "__name__", "xunjian_check_duration_seconds", "check", "filesystem"),
			point(1, "__name__", "xunjian_check_success", "check", "filesystem"),
		},
		"cpu": {
			point(load, "__name__", "node_load1"), point(load*0.9, "__name__", "node_load5"), point(load*0.8, "__name__", "node_load15"),
			point(float64(at.Unix())*(0.7+0.1*wave), "__name__", "node_cpu_seconds_total", "cpu", "0", "mode", "idle"),
			point(float64(at.Unix())*0.2, "__name__", "node_cpu_seconds_total", "cpu", "0", "mode", "user"),
			point(float64(at.Unix())*0.1, "__name__", "node_cpu_seconds_total", "cpu", "0", "mode", "system"),
			point(0, "__name__", "xunjian_check_verdict", "check", "cpu"),
		},
		"disk":        {point(float64(at.Unix())*0.9, "__name__", "node_disk_io_time_seconds_total", "device", "sda")},
		"probes/hall": {point(hall, "__name__", "probe_success", "target", "hall")},
	}
	shop := func(name string, v float64, pairs ...string) rules.Point {
		return point(v, append([]string{"__name__", name, "source", "web"}, pairs...)...)
	}
	n := float64(at.Unix() % 1e6)
	out["access"] = []rules.Point{
		shop("xunjian_access_responses_total", n*3, "class", "2xx"), shop("xunjian_access_responses_total", n*.2, "class", "4xx"), shop("xunjian_access_responses_total", n*.01, "class", "5xx"),
		shop("xunjian_access_upstream_responses_total", n*2, "class", "2xx", "upstream", "10.1.0.1:8080"), shop("xunjian_access_upstream_responses_total", n, "class", "2xx", "upstream", "10.1.0.2:8080"),
		shop("xunjian_access_response_seconds_bucket", n, "le", "0.05"), shop("xunjian_access_response_seconds_bucket", n*2.8, "le", "0.25"), shop("xunjian_access_response_seconds_bucket", n*3, "le", "+Inf"),
		shop("xunjian_access_attacks_total", max(0, 40-left.Minutes()), "attack", "sql", "outcome", "refused"),
	}
	// The RAID check falls silent an hour before noon: its alert is lost.
	if left > time.Hour {
		failed := 0.0
		if left < 2*time.Hour {
			failed = 1
		}
		out["raid"] = []rules.Point{point(failed, "__name__", "node_md_disks", "device", "md0", "state", "failed")}
	}
	return out
}

func results(at time.Time) []checks.Result {
	ok := func(name string, took time.Duration, f ...checks.Finding) checks.Result {
		return checks.Result{Check: name, Time: at.Add(-3 * time.Second), Duration: took, Verdict: checks.Judge(f), Findings: f,
			Every: 15 * time.Second, LastSuccess: at.Add(-3 * time.Second)}
	}
	space := func(mount string, used float64, v checks.Verdict) checks.Finding {
		return checks.Finding{Subject: mount, Code: "filesystem.space", Verdict: v, Args: map[string]any{
			"used": used, "avail": (1 - used) * 100 * (1 << 30), "size": 100.0 * (1 << 30), "files_used": 0.12}}
	}
	return []checks.Result{
		ok("filesystem", 4*time.Millisecond, space("/data", 0.96, checks.Abnormal), space("/", 0.4, checks.OK)),
		ok("cpu", 2*time.Millisecond, checks.Finding{Code: "cpu.usage", Verdict: checks.OK, Args: map[string]any{
			"busy": 0.31, "cores": 8, "window": 15.0, "user": 0.24, "system": 0.05, "steal": 0.0, "iowait": 0.02,
			"busiest_core": "3", "busiest": 0.88, "load1": 9.5, "load5": 8.5, "load15": 7.6}}),
		ok("memory", time.Millisecond, checks.Finding{Code: "memory.usage", Verdict: checks.OK, Args: map[string]any{
			"used": 0.62, "available": 6.1e9, "total": 16.2e9, "swap_used": 0.0, "swap_total": 4e9}}),
		ok("disk", time.Millisecond), ok("network", 3*time.Millisecond), ok("uptime", time.Millisecond),
		{Check: "raid", Time: at.Add(-10 * time.Second), Duration: 10 * time.Second, Verdict: checks.Unknown, Every: 15 * time.Second,
			Error: "read /proc/mdstat: i/o timeout", LastSuccess: at.Add(-time.Hour),
			Findings: []checks.Finding{{Code: "check.failed", Verdict: checks.Unknown, Args: map[string]any{"error": "read /proc/mdstat: i/o timeout"}}}},
		{Check: "plugin/oracle", Time: at.Add(-8 * time.Second), Duration: 850 * time.Millisecond, Verdict: checks.Attention, Every: time.Minute,
			LastSuccess: at.Add(-8 * time.Second),
			Findings: []checks.Finding{{Subject: "tablespace USERS", Code: "check.failed", Verdict: checks.Attention,
				Args: map[string]any{"error": "81 % used"}, Evidence: "WARNING - USERS 81% | users=81%;80;90"}}},
		ok("units", 12*time.Millisecond), ok("timesync", time.Millisecond), ok("conntrack", time.Millisecond),
		{Check: "ecc", Time: at, Verdict: checks.NotApplicable, Every: time.Minute},
	}
}

// sampleEvidence is a snapshot as the agent takes it.
func sampleEvidence(at time.Time) []byte {
	var points [][2]float64
	for n := range 240 {
		v := 0.60
		if n > 60 {
			v = 0.96
		}
		if n < 100 || n > 120 {
			points = append(points, [2]float64{float64(at.Add(-time.Hour).Unix() + int64(n)*15), v})
		}
	}
	kernel := []string{}
	for n := range 40 {
		kernel = append(kernel, fmt.Sprintf("%s kern.warning EXT4-fs warning (device sdb1): ext4_da_update_reserve_space: line %d", at.Add(time.Duration(n-40)*time.Second).UTC().Format(time.RFC3339), n))
	}
	body, _ := json.Marshal(map[string]any{
		"taken_at": at.Add(-40 * time.Minute), "incident": "INC",
		"values": []any{map[string]any{"rule": "FilesystemFull", "labels": map[string]string{"mountpoint": "/data", "device": "/dev/sdb1", "code": "E01"}, "value": 0.96}},
		"charts": []any{map[string]any{"title": "FilesystemFull", "unit": "ratio", "series": []any{
			map[string]any{"labels": map[string]string{"__name__": "node_filesystem_avail_bytes", "mountpoint": "/data"}, "points": points}}}},
		"findings": []any{map[string]any{"check": "filesystem", "subject": "/data", "code": "filesystem.space", "verdict": "abnormal", "args": map[string]any{"used": 0.96, "avail": 4.3e9, "size": 107e9, "files_used": 0.12}}},
		"processes": []any{
			map[string]any{"pid": 4211, "name": "oracle", "user": "oracle", "state": "R", "cpu": 1.42, "memory_bytes": 6.4e9, "command": "oracleORCL (LOCAL=NO)"},
			map[string]any{"pid": 990, "name": "java", "user": "tomcat", "state": "S", "cpu": 0.31, "memory_bytes": 2.1e9, "command": "/usr/bin/java -Xmx2g -jar /opt/bidding/platform.jar --spring.profiles.active=prod"},
		},
		"sockets": map[string]any{"tcp": map[string]int{"established": 312, "time_wait": 41, "listen": 12}, "udp": 7,
			"listening": []any{map[string]any{"protocol": "tcp", "address": "0.0.0.0", "port": 1521, "established": 212, "pid": 4100, "process": "tnslsnr"}}},
		"mounts":     []any{map[string]any{"device": "/dev/sdb1", "mountpoint": "/data", "type": "ext4", "options": "rw,relatime"}},
		"kernel_log": kernel,
		"errors":     []string{"sockets: not ready in time"},
	})
	return body
}

// browser is a person at the console, without JavaScript.
type browser struct {
	s    *site
	c    *http.Client
	lang string
}

// as logs in and returns the browser; an empty role stays out.
func (s *site) as(role access.Role, lang string) *browser {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	must(s.t, err)
	b := &browser{s: s, lang: lang, c: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if role != nobody {
		if res := b.post("/login", "name", string(role), "password", password); res.code != http.StatusSeeOther {
			s.t.Fatalf("log in as %s: %d %s", role, res.code, res.body)
		}
	}
	return b
}

type response struct {
	code   int
	body   string
	header http.Header
}

func (b *browser) get(path string, header ...string) response {
	b.s.t.Helper()
	return b.send(http.MethodGet, path, nil, header...)
}

// post sends a form, as a page of the console itself would.
func (b *browser) post(path string, pairs ...string) response {
	b.s.t.Helper()
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return b.send(http.MethodPost, path, v, "Sec-Fetch-Site", "same-origin")
}

// upload sends a form with files.
func (b *browser) upload(path, kind, body string) response {
	b.s.t.Helper()
	return b.do(http.MethodPost, path, strings.NewReader(body), "Content-Type", kind, "Sec-Fetch-Site", "same-origin")
}

func (b *browser) send(method, path string, form url.Values, header ...string) response {
	b.s.t.Helper()
	if form == nil {
		return b.do(method, path, nil, header...)
	}
	return b.do(method, path, strings.NewReader(form.Encode()), append(header, "Content-Type", "application/x-www-form-urlencoded")...)
}

func (b *browser) do(method, path string, body io.Reader, header ...string) response {
	b.s.t.Helper()
	req, err := http.NewRequestWithContext(b.s.t.Context(), method, b.s.server.URL+path, body)
	must(b.s.t, err)
	req.Header.Set("Accept-Language", b.lang)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := b.c.Do(req)
	must(b.s.t, err)
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	must(b.s.t, err)
	return response{res.StatusCode, string(got), res.Header}
}
