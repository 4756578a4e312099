// Package console is the web console: what people see and work with in a
// browser. Every page works without JavaScript; scripts only keep pages fresh
// and draw charts. Nothing is loaded from another machine.
//
// One file is one page; routes.go lists them all. Handlers return errors, and
// errors.go says them.
package console

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"xunjian/agent/access"
	"xunjian/alerting"
	"xunjian/alerting/calendar"
	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
	"xunjian/alerting/report"
	"xunjian/alerting/roster"
	"xunjian/alerting/text"
	"xunjian/checks"
	"xunjian/checks/network/peers"
	"xunjian/rules"
)

// Desk is what the console needs of *alerting.Desk.
type Desk interface {
	Alerts() []alerting.AlertRecord
	AlertLog(ctx context.Context, from, to time.Time, limit int) ([]alerting.AlertRecord, error)
	Do(ctx context.Context, id string, expect int, actor incident.Actor, cmd incident.Command) (incident.Incident, error)
	Open(ctx context.Context, actor incident.Actor, r alerting.Report) (incident.Incident, error)
	Get(ctx context.Context, id string) (incident.Incident, []incident.Event, error)
	Find(ctx context.Context, q alerting.Query) ([]incident.Incident, error)
	Evidence(ctx context.Context, id string) (alerting.Blob, error)
	Verify(ctx context.Context) (alerting.VerifyReport, error)
	Plan() *plan.Plan
	Env(ctx context.Context, i incident.Incident) (incident.Env, error)
	Roster() roster.Roster
}

// Rules is what the console needs of *rules.Engine.
type Rules interface {
	Alerts() []rules.Alert
	Rules() []rules.RuleStatus
	Stats() rules.Stats
	QueryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]rules.Series, error)
}

// History is what the console needs of *checks.History.
type History interface {
	Latest() []checks.Result
	// Of returns the kept results of one check, newest first.
	Of(name string) []checks.Result
}

// Accounts is what the console needs of *access.Accounts.
type Accounts interface {
	Login(ctx context.Context, name, password, remote string) (access.Principal, error)
	Lookup(ctx context.Context, name, via string) (access.Principal, error)
	List(ctx context.Context) ([]access.Account, error)
	Create(ctx context.Context, name string, role access.Role, password string) error
	SetPassword(ctx context.Context, name, password string) error
	SetRole(ctx context.Context, name string, role access.Role) error
	SetDisabled(ctx context.Context, name string, disabled bool) error
	SetLang(ctx context.Context, name, lang string) error
	Tokens(ctx context.Context, owner string) ([]access.Token, error)
	CreateToken(ctx context.Context, owner, name string, role access.Role, expires time.Time) (access.Token, string, error)
	RevokeToken(ctx context.Context, owner, id string) error
}

// Papers is what the console needs of *papers.Papers.
type Papers interface {
	Document(ctx context.Context, id string, kind report.Kind, lang string) (doc report.Document, edited bool, err error)
	Cards(lang string, scenarios []string) ([]byte, error)
	Letter(ctx context.Context, id string, kind report.Kind, lang string) ([]byte, error)
	Save(ctx context.Context, id string, actor incident.Actor, doc report.Document) error
}

// Options are what a Console is made of. All but Verdicts, About, Secure, Now
// and Logger must be there.
type Options struct {
	Desk     Desk
	Rules    Rules
	Checks   History
	Accounts Accounts
	// Papers makes the documents of an incident.
	Papers Papers
	// Rounds are the inspection rounds.
	Rounds Rounds
	// Lines are the kept lines of logs.
	Lines Lines
	// Notices are the ways to people, what waits, and the silences.
	Notices Notices
	// Integrity are the guarded files.
	Integrity Integrity
	// Logs is the review of logs.
	Logs Logs
	// Links are those in mails by which people acknowledge.
	Links Links
	// Reports are those of the rounds.
	Reports Reports
	// Sessions keeps the logins; see SessionOwner.
	Sessions scs.Store
	// Verdicts joins what checks found with the alerts on their series; nil
	// means that a check's own verdict is all there is.
	Verdicts func([]checks.Result, []rules.Alert) map[string]checks.Verdict
	// Upcoming are the events of the bid calendar that run or are near, and the
	// next n; nil means that there is no calendar.
	Upcoming func(now time.Time, n int) (near, next []calendar.Event)
	// LAN is what the agents see of each other, ok is false where there are no
	// peers; nil means the same.
	LAN func() (v peers.View, ok bool)
	// About describes the running agent; nil means that nothing is known.
	About func() About
	// Secure says that people reach the console by TLS only: cookies are then
	// never sent without.
	Secure  bool
	Catalog *text.Catalog
	Zone    *time.Location
	Now     func() time.Time // nil means time.Now
	Logger  *slog.Logger     // nil means none
}

// About describes the running agent.
type About struct {
	Version string
	Host    string
	Started time.Time
	// Console and Metrics are the addresses that are listened on.
	Console, Metrics string
	// ConfigFile is empty when the agent runs on defaults; ConfigError is why
	// a later configuration was refused, empty if none was.
	ConfigFile, ConfigError string
	DataDir                 string
}

// Console serves the pages. It is an http.Handler.
type Console struct {
	opt      Options
	sessions *scs.SessionManager
	pages    map[string]pages // by language
	assets   assets
	handler  http.Handler
	// heavy bounds the queries and verifications that run at a time.
	heavy chan struct{}
}

const heavyAtOnce = 4

// New reads the embedded pages and returns the console. An error is a mistake
// in the program or a missing option.
func New(opt Options) (*Console, error) {
	if opt.Desk == nil || opt.Rules == nil || opt.Checks == nil || opt.Accounts == nil ||
		opt.Sessions == nil || opt.Catalog == nil || opt.Zone == nil {
		return nil, errors.New("make console: an option is missing")
	}
	opt.fill()
	c := &Console{opt: opt, heavy: make(chan struct{}, heavyAtOnce)}
	var err error
	if c.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if c.pages, err = c.loadPages(); err != nil {
		return nil, err
	}
	c.sessions = newSessions(opt, c.refuseSession)
	c.handler = c.mux()
	return c, nil
}

func (o *Options) fill() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.About == nil {
		o.About = func() About { return About{} }
	}
	if o.Verdicts == nil {
		o.Verdicts = ownVerdicts
	}
}

func ownVerdicts(results []checks.Result, _ []rules.Alert) map[string]checks.Verdict {
	out := make(map[string]checks.Verdict, len(results))
	for _, r := range results {
		out[r.Check] = r.Verdict
	}
	return out
}

// ServeHTTP answers a browser.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.handler.ServeHTTP(w, r) }
