// Package api is the versioned JSON API under /api/v1: for the CLI over the
// unix socket, for the console's live refresh, and for other programs with a
// token. openapi.yaml describes it; a test holds the two together.
//
// What goes over the wire are the types of this package, never the inner ones,
// so that the inside may change and the contract does not.
package api

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/prometheus/storage"

	"xunjian/agent/access"
	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
	"xunjian/alerting/text"
	"xunjian/checks"
	"xunjian/checks/network/peers"
	"xunjian/rules"
)

// Desk is what the API needs of *alerting.Desk.
type Desk interface {
	Alerts() []alerting.AlertRecord
	AlertLog(ctx context.Context, from, to time.Time, limit int) ([]alerting.AlertRecord, error)
	Changed() <-chan struct{}
	ChangedSince(mark uint64) (ids []string, now uint64, ok bool)
	Do(ctx context.Context, id string, expect int, actor incident.Actor, cmd incident.Command) (incident.Incident, error)
	Open(ctx context.Context, actor incident.Actor, r alerting.Report) (incident.Incident, error)
	Get(ctx context.Context, id string) (incident.Incident, []incident.Event, error)
	Find(ctx context.Context, q alerting.Query) ([]incident.Incident, error)
	Evidence(ctx context.Context, id string) (alerting.Blob, error)
	Verify(ctx context.Context) (alerting.VerifyReport, error)
	Plan() *plan.Plan
	Env(ctx context.Context, i incident.Incident) (incident.Env, error)
	Roster() roster.Roster
	Hear(i incident.Incident, data incident.Data, at time.Time) alerting.Hearing
}

// Rules is what the API needs of *rules.Engine.
type Rules interface {
	Alerts() []rules.Alert
	Rules() []rules.RuleStatus
	Stats() rules.Stats
	Query(ctx context.Context, expr string, ts time.Time) ([]rules.Sample, error)
	QueryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]rules.Series, error)
	// Queryable reads the samples, for backtests.
	Queryable() storage.Queryable
}

// History is what the API needs of *checks.History.
type History interface {
	// Latest returns the last result of every check.
	Latest() []checks.Result
	// Of returns the kept results of one check, newest first.
	Of(name string) []checks.Result
	// Since returns when the present verdict of a check began.
	Since(name string) time.Time
}

// Runner is what the API needs of *checks.Runner.
type Runner interface {
	Schedule(name string) (checks.Schedule, bool)
	// RunNow runs a check out of turn.
	RunNow(ctx context.Context, name string) (checks.Result, error)
}

// Options are what the API is made of.
type Options struct {
	Desk     Desk
	Rules    Rules
	Checks   History
	Runner   Runner
	Accounts Accounts
	// Rounds are the inspection rounds.
	Rounds Rounds
	// Reports are those of the rounds.
	Reports Reports
	// Notices are the ways to people.
	Notices Notices
	// Integrity are the guarded files.
	Integrity Integrity
	// Logs is the review of logs.
	Logs Logs
	// Papers makes the documents of an incident.
	Papers Papers
	// Lines are the kept lines of logs.
	Lines Lines
	// LAN is what the agents see of each other, ok is false where there are no
	// peers; nil means the same.
	LAN func() (v peers.View, ok bool)
	// Verdicts joins what checks found with the alerts on their series.
	Verdicts func([]checks.Result, []rules.Alert) map[string]checks.Verdict
	// Reload reads the configuration again; an error changes nothing.
	Reload func(ctx context.Context) error

	// Authenticate tells who sent a request that did not come by the unix
	// socket; an error that is access.ErrUnauthenticated or unknown means nobody.
	Authenticate func(*http.Request) (access.Principal, error)
	// Local tells who the peer of a unix socket is.
	Local func(Peer) (access.Principal, error)

	// About describes the running agent.
	About func() About
	// Closing ends the event streams when it is closed: http.Server.Shutdown
	// waits for them.
	Closing <-chan struct{}

	Catalog *text.Catalog
	// Language answers callers that ask for none.
	Language string
	Zone     *time.Location
	Now      func() time.Time // nil means time.Now
	Logger   *slog.Logger
}

// About describes the running agent.
type About struct {
	Version string
	Host    string
	Started time.Time
	// Console and Metrics are the addresses that are listened on.
	Console, Metrics string
	// ConfigFile is empty when the agent runs on defaults.
	ConfigFile string
	// ConfigLoaded is when the configuration in force was read; ConfigError
	// why a later one was refused, empty if none was.
	ConfigLoaded time.Time
	ConfigError  string
	DataDir      string
}

// New returns the handler of everything under /api/v1/.
func New(opt Options) http.Handler {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Zone == nil {
		opt.Zone = time.UTC
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	s := &server{Options: opt, heavy: make(chan struct{}, heavyAtOnce), run: rand.Text()}
	return s.guard(s.mux())
}

// server answers the requests.
type server struct {
	Options
	heavy chan struct{} // places for requests that compute a lot
	run   string        // tells the ids of this run's event streams from others'
}
