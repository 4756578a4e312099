// Package agent is Xunjian as a whole: the only place that connects the rooms.
// What checks see becomes samples, rules judge them, the desk makes incidents
// of what they say, and people work on those through console, API and CLI.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"xunjian/agent/access"
	"xunjian/agent/config"
	"xunjian/agent/inbound"
	"xunjian/agent/outlets"
	"xunjian/agent/papers"
	"xunjian/agent/reports"
	"xunjian/alerting"
	"xunjian/alerting/calendar"
	"xunjian/alerting/incident"
	"xunjian/alerting/inspection"
	"xunjian/alerting/notify"
	"xunjian/alerting/notify/answers"
	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
	"xunjian/alerting/store"
	"xunjian/alerting/text"
	"xunjian/checks"
	"xunjian/checks/external"
	"xunjian/checks/logs"
	"xunjian/checks/logs/archive"
	"xunjian/rules"
)

// Options are what an Agent gets besides its configuration.
type Options struct {
	// Version of the program, for people and for metrics.
	Version string
	Logger  *slog.Logger
	// Announce is called once, when every door is open.
	Announce func(Announcement)
}

// Announcement says where the agent is to be found.
type Announcement struct {
	Console string // URL
	Metrics string // URL
	Data    string // folder
	// FirstLogin and FirstPassword are set only when the account was made just
	// now; the password is not kept in readable form anywhere.
	FirstLogin    string
	FirstPassword string
}

// Agent is one running Xunjian.
type Agent struct {
	opt Options
	log *slog.Logger
	cfg atomic.Pointer[config.Config]

	store    *store.Store
	desk     *alerting.Desk
	papers   *papers.Papers
	reports  *reports.Reports
	calendar *calendar.Source
	rounds   *inspection.Office
	engine   *rules.Engine
	runner   *checks.Runner
	history  *checks.History
	metrics  *checks.Exposition
	jobs     *external.Jobs
	archive  *archive.Archive
	read     atomic.Pointer[logs.Room] // what reviews the logs now
	observer *observer
	accounts *access.Accounts
	outbox   *notify.Worker
	outlets  *outlets.Outlets
	inbound  *inbound.Inbound
	words    *notify.Words
	answers  *answers.Answers
	links    *answers.Links
	catalog  *text.Catalog
	registry *prometheus.Registry
	doors    doors
	started  time.Time
	first    Announcement

	closing sync.Once
	closed  error // what closing came to

	reloads struct {
		sync.Mutex
		at    time.Time
		fault string // why the last configuration was refused
	}
}

// New opens what is on disk and builds every room; nothing runs yet. Close
// must be called if Run is not.
func New(ctx context.Context, cfg *config.Config, opt Options) (*Agent, error) {
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	a := &Agent{opt: opt, log: opt.Logger, started: time.Now()}
	a.cfg.Store(cfg)
	if err := a.open(ctx, cfg); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// open builds the rooms in the order in which data flows, last first, so that
// each finds its receiver.
func (a *Agent) open(ctx context.Context, cfg *config.Config) error {
	if err := os.MkdirAll(cfg.Data, 0o750); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	var err error
	if a.catalog, err = text.Load(cfg.Location(), messages()...); err != nil {
		return err
	}
	if a.store, err = store.Open(ctx, filepath.Join(cfg.Data, "xunjian.db"), a.log); err != nil {
		return err
	}
	basis, err := basisOf(cfg)
	if err != nil {
		return err
	}
	a.reloads.at = a.started
	a.words = &notify.Words{
		Catalog: a.catalog, Plan: a.planOf, Roster: func() roster.Roster { return a.desk.Roster().OnDuty(time.Now(), cfg.Location()) }, Console: cfg.Console.URL,
	}
	a.answers = answers.New(func() answers.Desk { return a.desk }, a.words, a.catalog)
	if a.links, err = answers.NewLinks(ctx, a.answers, a.store, time.Now); err != nil {
		return err
	}
	a.words.Answer = a.links.Token
	present, err := a.lines(cfg)
	if err != nil {
		return err
	}
	a.outlets, err = outlets.New(ctx, present, outlets.Options{
		Store: a.store, Catalog: a.catalog, Host: cfg.Host, Logger: a.log, Now: time.Now,
		Desk: func() outlets.Desk { return a.desk }, Wake: func() { a.outbox.Wake() },
	})
	if err != nil {
		return err
	}
	for _, w := range cfg.Warnings() {
		a.log.Warn("configuration", "warning", w)
	}
	a.outbox = notify.NewWorker(notify.Options{
		Outbox: a.store, Channels: present.Ways, Logger: a.log,
		Words: a.words, Fallback: a.outlets.Fallback,
		Report: a.besideIncidents,
	})
	a.openCalendar(cfg)
	a.desk, err = alerting.NewDesk(ctx, alerting.Options{
		Store: a.store, Basis: basis, Host: cfg.Host, Zone: cfg.Location(), Kind: a.systemKind, Routes: a.outlets.Routes, Manner: a.outlets.Manner,
		Evidence: a.evidence, Look: a.look, Wake: a.outbox.Wake, Logger: a.log,
	})
	if err != nil {
		return err
	}
	if a.engine, err = rules.Open(engineConfig(cfg, basis.Plan), a.log); err != nil {
		return err
	}
	a.engine.Restore(restored(a.desk.Alerts()))
	a.inbound, err = inbound.New(cfg.Inbound.Config, inbound.Options{Desk: a.desk, Plan: a.desk.Plan, Logger: a.log, Host: cfg.Host})
	if err != nil {
		return err
	}
	if a.papers, err = papers.New(papers.Config(cfg.Unit), cfg.Location(), a.desk); err != nil {
		return err
	}
	if err := a.openChecks(ctx, cfg); err != nil {
		return err
	}
	if err := a.openRounds(cfg); err != nil {
		return err
	}
	if err := a.openReports(cfg); err != nil {
		return err
	}
	return a.openDoors(ctx, cfg)
}

// planOf is the plan that an incident goes by, or if that cannot be read the
// one in force: a notice in other words is better than none.
func (a *Agent) planOf(i incident.Incident) *plan.Plan {
	p, err := a.desk.PlanOf(context.Background(), i)
	if err != nil {
		a.log.Error("read the plan of an incident; the one in force stands in", "incident", i.ID, "err", err)
		return a.desk.Plan()
	}
	return p
}

func engineConfig(cfg *config.Config, p *plan.Plan) rules.Config {
	rc := cfg.Rules
	rc.Dir = filepath.Join(cfg.Data, "tsdb")
	rc.KnownCodes = p.Codes()
	return rc
}

func (a *Agent) openChecks(ctx context.Context, cfg *config.Config) error {
	a.history, a.metrics = checks.NewHistory(), checks.NewExposition()
	a.observer = &observer{
		bridge: newBridge(cfg.Host), history: a.history, metrics: a.metrics,
		engine: a.engine, desk: a.desk, log: a.log,
	}
	a.registry = a.newRegistry()
	a.runner = checks.NewRunner(checks.RunnerOptions{Sink: func(rs []checks.Result) {
		// Not the run's context: what was measured is judged and committed even
		// while the agent stops.
		a.observer.observe(context.WithoutCancel(ctx), rs)
	}})
	var err error
	a.jobs, err = external.OpenJobs(ctx, cfg.Checks.External.Jobs, external.JobsOptions{
		Store: jobStore{a.store}, Zone: cfg.Location(), Reported: a.lookAtJobs,
	})
	if err != nil {
		return err
	}
	if a.archive, err = archive.Open(filepath.Join(cfg.Data, "logs"), cfg.Checks.Logs.Archive, a.log); err != nil {
		return err
	}
	list, err := a.builtins(cfg)
	if err != nil {
		return err
	}
	return a.runner.Replace(list, overrides(cfg, list))
}

// Run works until ctx is done, or until one of its parts fails, and closes
// everything.
func (a *Agent) Run(ctx context.Context) error {
	defer a.Close()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.watchCalendar(ctx) })
	g.Go(func() error { return a.desk.Run(ctx) })
	g.Go(func() error { return a.runDrills(ctx) })
	g.Go(func() error { return a.runHandovers(ctx) })
	g.Go(func() error { return a.runRounds(ctx) })
	g.Go(func() error { return a.reports.Run(ctx) })
	g.Go(func() error { return a.outbox.Run(ctx) })
	g.Go(func() error { return a.outlets.Run(ctx) })
	g.Go(func() error { return a.inbound.Run(ctx) })
	g.Go(func() error { return a.lastResort().Run(ctx) })
	g.Go(func() error { return a.runner.Run(ctx) })
	a.doors.serve(ctx, g)
	g.Go(func() error { return a.watchdog(ctx) })
	if a.opt.Announce != nil {
		a.opt.Announce(a.first)
	}
	// Opening takes memory that running does not: the journal of the history is
	// read again, a first password hashed.
	debug.FreeOSMemory()
	err := g.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// Close gives back what New took. It may be called more than once.
func (a *Agent) Close() error {
	// The rooms stay where they are: a look that outlived its time may still
	// ask, and is told that they are closed.
	a.closing.Do(func() {
		var errs []error
		a.doors.close()
		if a.archive != nil {
			errs = append(errs, a.archive.Close())
		}
		if a.engine != nil {
			errs = append(errs, a.engine.Close())
		}
		if a.store != nil {
			errs = append(errs, a.store.Close())
		}
		a.closed = errors.Join(errs...)
	})
	return a.closed
}
