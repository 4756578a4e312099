package platform

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"xunjian/checks"
)

// probe is the check of one door. In the background it tries the door at its
// own moment of each interval, so that a thousand probes do not knock at once;
// Run only says what the last try came to, and costs nothing.
type probe struct {
	p     Probe
	exprs map[string]*regexp.Regexp
	once  bool
	phase time.Duration // of its moment in the interval
	born  time.Time

	mu       sync.Mutex
	last     *outcome
	good     *outcome   // the last that succeeded
	failures []*outcome // the last few that did not, the latest first
	survey   *survey
	surveyed time.Time // when the next is due
}

// keptFailures outlive any number of successes.
const keptFailures = 5

func newProbe(p Probe, once bool) *probe {
	p = p.filled()
	h := fnv.New64a()
	h.Write([]byte(p.Name))
	return &probe{p: p, exprs: expressions(p), once: once, born: time.Now(), phase: time.Duration(h.Sum64() % uint64(p.Interval))}
}

// expressions are those of a probe, compiled.
func expressions(p Probe) map[string]*regexp.Regexp {
	out := map[string]*regexp.Regexp{}
	add := func(lists ...[]string) {
		for _, expr := range slices.Concat(lists...) {
			if re, err := regexp.Compile(expr); err == nil {
				out[expr] = re
			}
		}
	}
	if p.TCP != nil {
		for _, e := range p.TCP.Dialogue {
			add([]string{e.Expect})
		}
	}
	if p.HTTP != nil {
		for _, s := range p.HTTP.Steps {
			add(s.MustMatch, s.MustNotMatch)
			for _, expr := range s.Capture {
				add([]string{expr})
			}
			if s.Integrity != nil {
				add(s.Integrity.MustMatch, s.Integrity.MustNotMatch)
			}
		}
	}
	return out
}

func (c *probe) Name() string { return c.p.checkName() }

// Schedule leaves room around the timeout of the try itself.
func (c *probe) Schedule() checks.Schedule {
	return checks.Schedule{Interval: c.p.Interval, Timeout: c.p.Timeout * 10 / 9}
}

// Identity changes with everything that is configured of the probe.
func (c *probe) Identity() string { return identity(c.p) + fmt.Sprint(c.once) }

// Run says what the last try came to.
func (c *probe) Run(ctx context.Context, out *checks.Output) error {
	if c.once {
		c.keep(try(ctx, c.p, c.exprs))
		c.lookAround(ctx)
	}
	c.mu.Lock()
	o, s := c.last, c.survey
	c.mu.Unlock()
	if o == nil {
		err := c.unsaid(out, "probe.pending", 0, errors.New("not tried yet"))
		if time.Since(c.born) < c.p.Interval+c.p.Timeout {
			return nil // its first moment is still to come: nothing has failed
		}
		return err
	}
	if age := time.Since(o.at); age > 2*c.p.Interval+c.p.Timeout {
		return c.unsaid(out, "probe.stale", age, fmt.Errorf("not tried for %v", age.Round(time.Second)))
	}
	for _, f := range o.findings {
		out.Find(f)
	}
	if o.untried != nil {
		return o.untried
	}
	for _, sample := range o.samples {
		out.Sample(sample)
	}
	if s != nil {
		for _, sample := range s.samples {
			out.Sample(sample)
		}
		for _, f := range s.findings {
			out.Find(f)
		}
	}
	return nil
}

func (c *probe) unsaid(out *checks.Output, code string, age time.Duration, err error) error {
	out.Find(checks.Finding{Subject: c.p.Name, Code: code, Verdict: checks.Unknown, Args: map[string]any{"age": age.Seconds()}})
	return err
}

// Serve tries the door until ctx is done, and asks for a Run as soon as there
// is something else to say.
func (c *probe) Serve(ctx context.Context, wake func()) error {
	var around sync.WaitGroup
	defer around.Wait()
	next := time.Now().Add(c.untilMoment(time.Now()))
	timer := time.NewTimer(time.Until(next))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		o := try(ctx, c.p, c.exprs)
		if ctx.Err() != nil {
			return nil
		}
		if c.keep(o) {
			wake()
		}
		if c.surveyDue(time.Now()) {
			around.Go(func() { c.lookAround(ctx) })
		}
		// A try never takes an interval; a machine that slept may have.
		for now := time.Now(); !next.After(now); {
			next = next.Add(c.p.Interval)
		}
		timer.Reset(time.Until(next))
	}
}

// untilMoment is how long it is to the probe's own moment of an interval.
func (c *probe) untilMoment(now time.Time) time.Duration {
	into := time.Duration(now.UnixNano()) % c.p.Interval
	return (c.phase - into + c.p.Interval) % c.p.Interval
}

// keep remembers a try and reports whether it says something else than the one
// before.
func (c *probe) keep(o *outcome) (changed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// That all is well with the first try can wait for the tick: a thousand
	// probes that begin are not a thousand pieces of news.
	changed = c.last == nil && (o.fault != nil || o.untried != nil) || c.last != nil && c.last.says() != o.says()
	c.last = o
	if o.fault == nil && o.untried == nil {
		c.good = o
		return changed
	}
	c.failures = append([]*outcome{o}, c.failures[:min(len(c.failures), keptFailures-1)]...)
	return changed
}

// says is what two tries must have in common to be the same news.
func (o *outcome) says() string {
	var b strings.Builder
	for _, f := range o.findings {
		b.WriteString(f.Code + f.Verdict.String())
	}
	if o.fault != nil {
		b.WriteString(o.fault.phase + o.fault.step + o.fault.class)
	}
	return b.String()
}

const (
	surveyEvery = time.Hour
	// surveySpread is within how long of their start probes make their first
	// survey.
	surveySpread  = time.Minute
	surveyTimeout = 10 * time.Second
)

// surveyDue reports whether the server's TLS is to be looked at, and sets the
// next time. One that does not answer is not asked more.
func (c *probe) surveyDue(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, _, ok := c.p.secured(); !ok || c.last.fault != nil && c.last.fault.class != classCertificate || c.last.untried != nil {
		return false
	}
	if c.surveyed.IsZero() {
		c.surveyed = now.Add(c.phase % surveySpread)
	}
	if now.Before(c.surveyed) {
		return false
	}
	c.surveyed = now.Add(surveyEvery)
	return true
}

func (c *probe) lookAround(ctx context.Context) {
	address, trust, ok := c.p.secured()
	c.mu.Lock()
	o := c.last
	c.mu.Unlock()
	if !ok || o == nil || len(o.chain) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	s := newSurvey(c.p, address, trust, o)
	defer func() {
		if r := recover(); r != nil {
			s.cannot("%v\n%s", r, debug.Stack())
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.survey = s
	}()
	s.make(ctx)
}

// identity is all that is configured, as text. Pointers are followed.
func identity(p Probe) string {
	text := fmt.Sprintf("%+v", p)
	if p.HTTP != nil {
		h := *p.HTTP
		text += fmt.Sprintf("%+v %v", h, h.survey())
		for _, s := range h.Steps {
			if s.Integrity != nil {
				text += fmt.Sprintf("%+v", *s.Integrity)
			}
		}
	}
	if p.TCP != nil {
		text += fmt.Sprintf("%+v %v", *p.TCP, p.TCP.survey())
	}
	if p.DNS != nil {
		text += fmt.Sprintf("%+v", *p.DNS)
	}
	if p.NTP != nil {
		text += fmt.Sprintf("%+v", *p.NTP)
	}
	return pointers.ReplaceAllString(text, "")
}

// pointers are addresses of memory, which differ from one reading of the same
// configuration to the next.
var pointers = regexp.MustCompile(`0x[0-9a-f]+`)
