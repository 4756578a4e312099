package external

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
)

// JobConfig is a job that reports by pinging its URL.
type JobConfig struct {
	Name string `yaml:"name"`
	// Token is the secret part of the URL: 20 to 128 letters, digits, '-' and
	// '_'. TokenFile is an absolute path of a file that holds it instead.
	Token     Secret `yaml:"token"`
	TokenFile string `yaml:"token_file"`
	// Every is how long after a success the next is due, at least 1 s; or Cron
	// is when a success is due, five fields or @daily and the like, in Zone
	// ("Asia/Shanghai"), which is the agent's if empty.
	Every time.Duration `yaml:"every"`
	Cron  string        `yaml:"cron"`
	Zone  string        `yaml:"zone"`
	// Grace is how long after it is due a report makes the job abnormal; from
	// the half of it on the job asks for attention. 0 means a tenth of the time
	// between two reports, 10 s to 1 h.
	Grace time.Duration `yaml:"grace"`
	// MaxRuntime is how long a job that reports its start may run: so long it
	// is not late. 0: its start means nothing for that.
	MaxRuntime time.Duration `yaml:"max_runtime"`
}

var tokenShape = regexp.MustCompile(`^[A-Za-z0-9_-]{20,128}$`)

func validateJobs(m *mistakes, list []JobConfig) {
	names, tokens := map[string]bool{}, map[Secret]bool{}
	for i, c := range list {
		key := fmt.Sprintf("jobs[%d]", i)
		m.name(key+".name", c.Name, names)
		c.validateToken(m, key, tokens)
		if _, err := c.rhythm(time.UTC); err != nil {
			m.add("%s.%w", key, err)
		}
		if c.Grace < 0 {
			m.add("%s.grace: %v is negative", key, c.Grace)
		}
		if c.MaxRuntime < 0 {
			m.add("%s.max_runtime: %v is negative, 0 turns it off", key, c.MaxRuntime)
		}
	}
}

func (c JobConfig) validateToken(m *mistakes, key string, seen map[Secret]bool) {
	switch {
	case (c.Token == "") == (c.TokenFile == ""):
		m.add("%s.token: give either token or token_file", key)
		return
	case c.TokenFile != "" && !filepath.IsAbs(c.TokenFile):
		m.add("%s.token_file: %q is not an absolute path", key, c.TokenFile)
		return
	}
	field := "token"
	if c.TokenFile != "" {
		field = "token_file"
	}
	token, err := c.token()
	switch {
	case err != nil:
		m.add("%s.%s: %w", key, field, err)
	case !tokenShape.MatchString(string(token)):
		m.add("%s.%s: use 20 to 128 letters, digits, '-' and '_', such as openssl rand -hex 16 makes", key, field)
	case seen[token]:
		m.add("%s.%s: another job has the same", key, field)
	}
	seen[token] = true
}

// token returns the token, read from its file if there is one.
func (c JobConfig) token() (Secret, error) {
	if c.TokenFile == "" {
		return c.Token, nil
	}
	b, err := os.ReadFile(c.TokenFile)
	return Secret(strings.TrimSpace(string(b))), err
}

// rhythm says when reports are due. The error begins with the key.
func (c JobConfig) rhythm(zone *time.Location) (cron.Schedule, error) {
	switch {
	case (c.Every == 0) == (c.Cron == ""):
		return nil, errors.New("every: give either every or cron")
	case c.Cron == "" && c.Every < time.Second:
		return nil, fmt.Errorf("every: %v is too short, at least 1s", c.Every)
	case c.Cron == "":
		return every(c.Every), nil
	case strings.Contains(c.Cron, "TZ="):
		return nil, fmt.Errorf("cron: %q: say the zone in zone", c.Cron)
	}
	if c.Zone != "" {
		var err error
		if zone, err = time.LoadLocation(c.Zone); err != nil {
			return nil, fmt.Errorf("zone: %w", err)
		}
	}
	s, err := cron.ParseStandard(c.Cron)
	if err != nil {
		return nil, fmt.Errorf("cron: %w", err)
	}
	if spec, ok := s.(*cron.SpecSchedule); ok {
		spec.Location = zone
	}
	if s.Next(time.Unix(0, 0)).IsZero() {
		return nil, fmt.Errorf("cron: %q never comes", c.Cron)
	}
	return s, nil
}

// every is a rhythm that hangs on the last report alone.
type every time.Duration

func (e every) Next(t time.Time) time.Time { return t.Add(time.Duration(e)) }

// jobPlan is a job's configuration, ready for use.
type jobPlan struct {
	digest            [sha256.Size]byte // of the token
	schedule          cron.Schedule
	rhythm            string // tells one schedule from another
	grace, maxRuntime time.Duration
}

// planJobs makes plans of configurations, or says all that is wrong with them.
func planJobs(list []JobConfig, zone *time.Location) (map[string]jobPlan, error) {
	var m mistakes
	validateJobs(&m, list)
	if len(m) > 0 {
		return nil, errors.Join(m...)
	}
	plans := make(map[string]jobPlan, len(list))
	for i, c := range list {
		token, err := c.token()
		if err != nil {
			return nil, fmt.Errorf("jobs[%d].token_file: %w", i, err)
		}
		schedule, err := c.rhythm(zone)
		if err != nil {
			return nil, fmt.Errorf("jobs[%d].%w", i, err)
		}
		plans[c.Name] = jobPlan{
			digest: sha256.Sum256([]byte(token)), schedule: schedule,
			rhythm: fmt.Sprint(c.Every, " ", c.Cron, " ", c.Zone),
			grace:  c.Grace, maxRuntime: c.MaxRuntime,
		}
	}
	return plans, nil
}

// JobStore keeps what is known of jobs over a restart of the agent. A record is
// never looked into; an empty one means that the job is to be forgotten.
type JobStore interface {
	// LoadJobs returns the last record of each job by its name.
	LoadJobs(ctx context.Context) (map[string][]byte, error)
	// SaveJob returns when the record is durable.
	SaveJob(ctx context.Context, name string, record []byte) error
}

// JobsOptions are what Jobs is made of.
type JobsOptions struct {
	Store JobStore
	// Zone of cron expressions that name none; nil means time.Local.
	Zone *time.Location
	// Now tells the wall clock; nil means time.Now.
	Now func() time.Time
	// Reported is called after each report that was taken in, so that the
	// check can be run at once; nil: nothing is called.
	Reported func(job string)
}

// Jobs takes the reports of jobs and judges them. It outlives a reload: the
// configuration is replaced in it.
type Jobs struct {
	opt JobsOptions

	mu   sync.RWMutex
	jobs map[string]*job
	gone map[string]bool // to be forgotten by the store
}

// job is one that is configured.
type job struct {
	name string
	// saving is held by whoever changes and saves the record.
	saving chan struct{}

	// Guarded by Jobs.mu.
	plan   jobPlan
	record JobRecord
	dirty  bool // the record is not durable yet
}

// OpenJobs reads what the store has and configures the jobs. The error is a
// mistake in list, as Config.Validate says it, or that of the store.
func OpenJobs(ctx context.Context, list []JobConfig, opt JobsOptions) (*Jobs, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Zone == nil {
		opt.Zone = time.Local
	}
	if opt.Reported == nil {
		opt.Reported = func(string) {}
	}
	stored, err := opt.Store.LoadJobs(ctx)
	if err != nil {
		return nil, fmt.Errorf("load the jobs: %w", err)
	}
	j := &Jobs{opt: opt, jobs: map[string]*job{}, gone: map[string]bool{}}
	for name, b := range stored {
		if len(b) == 0 {
			continue
		}
		n := newJob(name)
		if err := json.Unmarshal(b, &n.record); err != nil {
			return nil, fmt.Errorf("load job %s: %w", name, err)
		}
		j.jobs[name] = n
	}
	return j, j.Replace(list)
}

func newJob(name string) *job { return &job{name: name, saving: make(chan struct{}, 1)} }

// Replace configures other jobs. What is known of those that stay is kept;
// those that are gone are forgotten. An error changes nothing.
func (j *Jobs) Replace(list []JobConfig) error {
	plans, err := planJobs(list, j.opt.Zone)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for name := range j.jobs {
		if _, stays := plans[name]; !stays {
			delete(j.jobs, name)
			j.gone[name] = true
		}
	}
	for name, plan := range plans {
		n := j.jobs[name]
		if n == nil {
			n = newJob(name)
			j.jobs[name] = n
			delete(j.gone, name)
		}
		n.plan = plan
		if n.record.Rhythm != plan.rhythm {
			// What is due by another rhythm counts from now.
			n.record.Rhythm, n.record.Since = plan.rhythm, j.opt.Now()
			n.dirty = true
		}
	}
	return nil
}

// sorted returns the jobs by name.
func (j *Jobs) sorted() []*job {
	j.mu.RLock()
	defer j.mu.RUnlock()
	var list []*job
	for _, name := range slices.Sorted(maps.Keys(j.jobs)) {
		list = append(list, j.jobs[name])
	}
	return list
}

// store saves what is not durable yet, and forgets what is gone. What does not
// succeed is tried again the next time.
func (j *Jobs) store(ctx context.Context) error {
	var errs []error
	for _, n := range j.sorted() {
		j.mu.RLock()
		dirty := n.dirty
		j.mu.RUnlock()
		if !dirty {
			continue
		}
		_, err := j.change(ctx, n, func(rec JobRecord) JobRecord { return rec })
		errs = append(errs, err)
	}
	j.mu.RLock()
	gone := slices.Collect(maps.Keys(j.gone))
	j.mu.RUnlock()
	for _, name := range gone {
		err := j.opt.Store.SaveJob(ctx, name, nil)
		errs = append(errs, err)
		if err == nil {
			j.mu.Lock()
			delete(j.gone, name)
			j.mu.Unlock()
		}
	}
	return errors.Join(errs...)
}

// change makes a new record of the old one, saves it, and keeps it whether or
// not it could be saved: what is known is judged. It waits for others that
// change the same job, until ctx is done.
func (j *Jobs) change(ctx context.Context, n *job, f func(JobRecord) JobRecord) (JobRecord, error) {
	select {
	case n.saving <- struct{}{}:
		defer func() { <-n.saving }()
	case <-ctx.Done():
		return JobRecord{}, ctx.Err()
	}
	j.mu.RLock()
	rec := f(n.record)
	j.mu.RUnlock()
	b, err := json.Marshal(rec)
	if err == nil {
		err = j.opt.Store.SaveJob(ctx, n.name, b)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	// Replace may have set these meanwhile.
	changed := n.record.Rhythm != rec.Rhythm
	rec.Rhythm, rec.Since = n.record.Rhythm, n.record.Since
	n.record, n.dirty = rec, err != nil || changed
	return rec, err
}
