// Package apitest builds the world that the API answers from out of its real
// parts (store, desk, rules, checks, accounts) with a clock that stands still
// unless it is moved, for the tests of the API and of the command line.
package apitest

import (
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"xunjian/agent/access"
	"xunjian/agent/api"
	"xunjian/agent/measured"
	"xunjian/agent/outlets"
	"xunjian/agent/papers"
	"xunjian/agent/reports"
	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/inspection"
	"xunjian/alerting/notify"
	"xunjian/alerting/notify/policy"
	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
	"xunjian/alerting/roster"
	"xunjian/alerting/schedule"
	"xunjian/alerting/store"
	"xunjian/alerting/text"
	"xunjian/checks"
	"xunjian/checks/logs/archive"
	"xunjian/checks/network/peers"
	"xunjian/checks/security/integrity"
	"xunjian/rules"
)

// Begin is the moment at which a World's clock stands at first: a Monday
// morning in Beijing.
var Begin = time.Date(2026, 1, 5, 9, 30, 0, 0, time.FixedZone("CST", 8*3600))

// World is everything that an API needs, and the API.
type World struct {
	T        testing.TB
	Dir      string
	Store    *store.Store
	Desk     *alerting.Desk
	Engine   *rules.Engine
	History  *checks.History
	Runner   *checks.Runner
	Rounds   *inspection.Office
	Notices  *outlets.Outlets
	Reports  *reports.Reports
	Accounts *access.Accounts
	// Integrity guards a web root; see Change.
	Integrity *integrity.Keeper
	alter     func()
	Archive   *archive.Archive
	Options   api.Options
	Closing   chan struct{}
	Log       *Log

	mu  sync.Mutex
	now time.Time
}

// New builds a World that lives as long as the test.
func New(t testing.TB) *World {
	t.Helper()
	w := &World{T: t, Dir: t.TempDir(), now: Begin, Closing: make(chan struct{}), Log: &Log{}}
	logger := slog.New(slog.NewTextHandler(w.Log, nil))
	zone, err := time.LoadLocation("Asia/Shanghai")
	must(t, err)
	w.Store, err = store.Open(t.Context(), filepath.Join(w.Dir, "xunjian.db"), logger)
	must(t, err)
	t.Cleanup(func() { w.Store.Close() })
	w.Accounts = access.New(w.Store.DB(), w.Now)
	w.openDesk(zone, logger)
	w.openEngine(logger)
	w.openChecks()
	w.openIntegrity()
	own, err := papers.New(papers.Config{}, zone, w.Desk)
	must(t, err)
	catalog, err := text.Load(zone, checks.Messages, incident.Messages, inspection.Messages, notify.Messages, policy.Messages, access.Messages, api.Messages, findings)
	must(t, err)
	w.Rounds = inspection.NewOffice(inspection.Options{
		Store: w.Store, Source: measured.New(w.History, w.Engine), Forms: []inspection.Form{form()}, Host: "web-1", Zone: zone, Workdays: schedule.Shipped(), Now: w.Now, Logger: logger,
		Raise: w.raise,
	})
	filed, err := reports.New(reports.Options{
		Store: w.Store, Rounds: w.Rounds, Desk: w.Desk, Engine: w.Engine, Catalog: catalog, Zone: zone, Host: "web-1", Mail: true, Now: w.Now, Logger: logger,
		Systems: func() map[string]plan.SystemKind { return map[string]plan.SystemKind{"trade": plan.Opening} },
	})
	must(t, err)
	w.Reports = filed
	w.Notices, err = outlets.New(t.Context(), outlets.Lines{
		Ways: []notify.Channel{notify.NewJournal(io.Discard, false)}, Policy: policy.New(policy.Config{}, zone, schedule.Shipped().Working),
	}, outlets.Options{
		Store: w.Store, Catalog: catalog, Host: "web-1", Logger: logger, Now: w.Now, Desk: func() outlets.Desk { return w.Desk }, Wake: func() {},
	})
	must(t, err)
	w.openArchive()
	w.Options = api.Options{
		Integrity: w.Integrity, Logs: w.openLogs(),
		Lines:   w.Archive,
		Notices: w.Notices, Rounds: w.Rounds, Reports: filed,
		LAN:  LAN,
		Desk: w.Desk, Rules: w.Engine, Checks: w.History, Runner: w.Runner, Accounts: w.Accounts, Papers: own,
		Verdicts: verdicts, Reload: func(context.Context) error { return nil },
		Authenticate: w.byToken, Local: api.LocalUsers(""), About: w.about, Closing: w.Closing,
		Catalog: catalog, Zone: zone, Now: w.Now, Logger: logger,
	}
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *World) openDesk(zone *time.Location, logger *slog.Logger) {
	var err error
	w.Desk, err = alerting.NewDesk(w.T.Context(), alerting.Options{
		Store: w.Store, Basis: alerting.Basis{Plan: planfile.Default(), Roster: people}, Host: "web-1", Zone: zone,
		Evidence: w.evidence, Now: w.Now, Logger: logger,
	})
	must(w.T, err)
	w.background(w.Desk.Run)
}

// background runs f until the test ends.
func (w *World) background(f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f(ctx)
	}()
	w.T.Cleanup(func() { cancel(); <-ended })
}

// people are the roster: the other roles are vacant.
var people = roster.Roster{People: []roster.Person{
	{ID: "li", Name: "李明", Roles: []string{"business-manager"}, Phone: "010-5550-0101", Mail: "li@example.org"},
	{ID: "wang", Name: "王芳", Roles: []string{"tech-staff"}, Phone: "010-5550-0102"},
}}

// Snapshot is the evidence of every incident.
const Snapshot = `{"incident":"INC-20260105-00001","taken_at":"2026-01-05T01:30:15.000Z",` +
	`"values":[{"rule":"FilesystemFull","labels":{"alertname":"FilesystemFull","mountpoint":"/data"},"value":0.02,"since":"2026-01-05T01:30:15Z"}],` +
	`"processes":[{"pid":4242,"parent":1,"name":"java","user":"app","threads":80,"cpu":1.5,"cpu_seconds":900,"memory_bytes":2147483648,"age_seconds":86400,"command":"java -jar bids.jar"}],` +
	`"sockets":{"tcp":{"established":120,"time_wait":4},"udp":3},` +
	`"exhibits":[{"check":"filesystem","code":"check.failed","args":{"error":"du"},"columns":["path","bytes"],"rows":[["/data/log/<b>x","123456"]],"text":"first\nsecond"}],` +
	`"kernel_log":["2026-01-05T01:30:10Z 3 EXT4-fs warning: no space left"],"errors":["charts: not ready in time"]}`

func (w *World) evidence(context.Context, incident.Incident) ([]byte, error) {
	return []byte(Snapshot), nil
}

// Rules are the operator's rules; the default ones are away.
const Rules = `groups:
  - name: disks
    rules:
      - record: filesystem_free_ratio
        expr: node_filesystem_avail_bytes / node_filesystem_size_bytes
      - alert: FilesystemFull
        expr: node_filesystem_avail_bytes / node_filesystem_size_bytes < 0.05
        labels: {kind: incident, code: E01, resolve: auto}
        annotations:
          summary: '{{ $labels.mountpoint }} is {{ $value | humanizePercentage }} free'
          summary_zh: '{{ $labels.mountpoint }} 剩余空间 {{ $value | humanizePercentage }}'
      - alert: LinkDown
        expr: node_network_up == 0
        for: 1m
        labels: {kind: warning, code: D01}
        annotations: {summary: 'link {{ $labels.device }} is down', summary_zh: '网卡 {{ $labels.device }} 链路中断'}
      - alert: NeverSeen
        expr: no_such_metric > 1
        labels: {kind: warning}
        annotations: {summary: cannot be, summary_zh: 不可能}
`

func (w *World) openEngine(logger *slog.Logger) {
	cfg := rules.DefaultConfig()
	cfg.Dir = filepath.Join(w.Dir, "tsdb")
	shipped, err := fs.Glob(rules.Default, "default/*.yml")
	must(w.T, err)
	for _, name := range shipped {
		cfg.Files = append(cfg.Files, w.WriteFile(path.Base(name), "groups: []\n"))
	}
	cfg.Files = append(cfg.Files, w.WriteFile("own.yml", Rules))
	w.Engine, err = rules.Open(cfg, logger)
	must(w.T, err)
	w.T.Cleanup(func() { w.Engine.Close() })
}

// openArchive keeps three lines: two of a firewall, one of a file, which tries
// to look like more.
func (w *World) openArchive() {
	var err error
	w.Archive, err = archive.Open(filepath.Join(w.Dir, "logs"), archive.Default(), nil)
	must(w.T, err)
	w.T.Cleanup(func() { w.Archive.Close() })
	w.Archive.Append([]archive.Record{
		{Received: Begin.Add(-time.Hour), Source: "fw-1", Kind: "syslog", Severity: archive.Notice, Host: "FW", App: "SHELL", Event: "config-changed",
			Fields: map[string]string{"user": "admin"}, Text: "<189>FW %%10SHELL/6/SHELL_CMD: Command is acl advanced 3000"},
		{Received: Begin.Add(-time.Minute), Said: Begin.Add(-time.Hour), Source: "fw-1", Kind: "syslog", Severity: archive.Warning, Event: "login-failed",
			Fields: map[string]string{"user": "root", "address": "198.51.100.7"}, Text: "<188>FW %%10LOGIN/5/LOGIN_FAILED: root failed to log in from 198.51.100.7."},
		{Received: Begin, Source: "/var/log/auth.log", Kind: "file", Text: "sshd: \x1b[31mred\x1b[0m\nforged \u202egnol <script>alert(1)</script>"},
	})
}

// WriteFile puts a file into the World's folder and returns its path.
func (w *World) WriteFile(name, body string) string {
	w.T.Helper()
	path := filepath.Join(w.Dir, name)
	must(w.T, os.WriteFile(path, []byte(body), 0o600))
	return path
}

func (w *World) about() api.About {
	return api.About{
		Version: "1.2.3", Host: "web-1", Started: Begin.Add(-90 * time.Minute),
		Console: "http://127.0.0.1:8720", Metrics: "http://127.0.0.1:9720/metrics",
		ConfigLoaded: Begin.Add(-90 * time.Minute), DataDir: "data",
	}
}

// Now is the World's clock.
func (w *World) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// Pass moves the clock.
func (w *World) Pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// Measure hands one batch of a check's numbers to the rules, and what they say
// to the desk, as the agent does.
func (w *World) Measure(source string, points ...rules.Point) {
	w.T.Helper()
	transitions, err := w.Engine.Tick(w.T.Context(), w.Now(), []rules.Batch{{Source: source, Time: w.Now(), Points: points, Every: 15 * time.Second}})
	must(w.T, err)
	var signals []alerting.Signal
	for _, t := range transitions {
		a := t.Alert
		signals = append(signals, alerting.Signal{
			Key: a.Key, Status: alerting.Status(a.State), Rule: a.Rule, Labels: a.Labels, Annotations: a.Annotations,
			Value: a.Value, Basis: a.Basis, Sources: a.Sources, Since: a.ActiveAt, At: a.ChangedAt, Via: "rules",
		})
	}
	must(w.T, w.Desk.Signals(w.T.Context(), signals))
}

// Point is a number with labels: names and values in turn.
func Point(name string, value float64, pairs ...string) rules.Point {
	return rules.Point{Labels: labels.FromStrings(append([]string{model.MetricNameLabel, name}, pairs...)...), Value: value}
}

// Disk measures the file system /data with this share of it free.
func (w *World) Disk(free float64) {
	w.T.Helper()
	w.Measure("filesystem",
		Point("node_filesystem_size_bytes", 1000, "mountpoint", "/data"),
		Point("node_filesystem_avail_bytes", 1000*free, "mountpoint", "/data"))
}

// FillDisk makes /data full 15 s from now, and waits until the incident that
// follows has its evidence. It returns the incident's id.
func (w *World) FillDisk() string {
	w.T.Helper()
	w.Disk(0.5)
	w.Pass(15 * time.Second)
	w.Disk(0.02)
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		list, err := w.Desk.Find(w.T.Context(), alerting.Query{})
		must(w.T, err)
		if len(list) > 0 && len(list[0].Evidence) > 0 {
			return list[0].ID
		}
		time.Sleep(2 * time.Millisecond)
	}
	w.T.Fatal("no incident with evidence")
	return ""
}

// ServeUnix serves the API on a unix socket in dir until the test ends.
func (w *World) ServeUnix(dir string) {
	w.T.Helper()
	l, err := api.ListenUnix(filepath.Join(dir, api.SocketName))
	must(w.T, err)
	w.serve(l, api.NewSocketServer(api.New(w.Options)))
}

// ServeTCP serves the API on a loopback port until the test ends, and returns
// its base URL.
func (w *World) ServeTCP() string {
	w.T.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(w.T, err)
	w.serve(l, &http.Server{Handler: api.New(w.Options), ReadHeaderTimeout: 10 * time.Second})
	return "http://" + l.Addr().String()
}

func (w *World) serve(l net.Listener, srv *http.Server) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		srv.Serve(l)
	}()
	w.T.Cleanup(func() { srv.Close(); <-ended })
}

// Token makes an account of this role, if there is none yet, and a token for
// it, and returns the token's secret.
func (w *World) Token(role access.Role) string {
	w.T.Helper()
	name := "the-" + string(role)
	if err := w.Accounts.Create(w.T.Context(), name, role, "correct horse battery"); err != nil && !strings.Contains(err.Error(), "taken") {
		w.T.Fatal(err)
	}
	_, secret, err := w.Accounts.CreateToken(w.T.Context(), name, "test", role, time.Time{})
	must(w.T, err)
	return secret
}

func (w *World) byToken(r *http.Request) (access.Principal, error) {
	secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return access.Principal{}, access.ErrUnauthenticated
	}
	return w.Accounts.ByToken(r.Context(), secret)
}

// Log keeps what the World logs.
type Log struct {
	mu sync.Mutex
	b  strings.Builder
}

// Write keeps p.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String returns all that was logged.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// LAN is what the agents of the World see of each other: db1 is down.
func LAN() (peers.View, bool) {
	return peers.View{
		Time: Begin, Self: "web-1", Members: []string{"db1", "web-1", "web-2"}, Quorum: true, Speaker: "web-1",
		Fates:   map[string]peers.Fate{"db1": peers.FateServerDown, "web-1": peers.FateOK, "web-2": peers.FateOK},
		Address: map[string]string{"db1": "192.0.2.21", "web-2": "192.0.2.12"},
		Pairs: []peers.Pair{
			{Observer: "web-1", Peer: "db1", Sight: "unreachable", Loss: 1},
			{Observer: "web-1", Peer: "web-2", Sight: "ok", RTT: 0.0004},
			{Observer: "web-2", Peer: "db1", Sight: "unreachable", Loss: 1},
			{Observer: "web-2", Peer: "web-1", Sight: "ok", RTT: 0.0005, Loss: 0.2},
		},
	}, true
}
