package novelty

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"xunjian/checks"
	"xunjian/checks/logs/tail"
)

var (
	descTemplates = checks.NewDesc("xunjian_log_templates", checks.Gauge, "Templates that are known of a log.", "source")
	descNovel     = checks.NewDesc("xunjian_log_novel_templates_total", checks.Counter, "Templates of a log that had not been seen before, or not for long.", "source")
	descBursts    = checks.NewDesc("xunjian_log_bursts_total", checks.Counter, "How often a template of a log was suddenly far more frequent than at this hour of the week.", "source")
	descLearning  = checks.NewDesc("xunjian_log_learning", checks.Gauge, "Whether the lines of a log are still being learned, so that nothing of it counts as new.", "source")
)

// Check tells what is new.
type Check struct {
	v        *Novelty
	t        *tail.Tailer
	sources  []tail.Source
	identity string
}

// NewCheck returns the check over a Novelty that is subscribed to a Tailer.
func NewCheck(v *Novelty, t *tail.Tailer, sources []tail.Source, identity string) *Check {
	return &Check{v: v, t: t, sources: slices.DeleteFunc(slices.Clone(sources), func(s tail.Source) bool { return !v.Wants(s) }), identity: identity}
}

var (
	_ checks.Identified = (*Check)(nil)
	_ checks.Witness    = (*Check)(nil)
	_ tail.Consumer     = (*Novelty)(nil)
)

// CheckName is the check's name.
const CheckName = "log_novelty"

// Name is that of a single check.
func (*Check) Name() string { return CheckName }

// Schedule is slow enough for what people read.
func (*Check) Schedule() checks.Schedule { return checks.Schedule{Interval: time.Minute} }

// Identity changes with the configuration of the room.
func (c *Check) Identity() string { return c.identity }

const patience = 2 * time.Second

func (c *Check) with(ctx context.Context, f func()) error {
	select {
	case <-c.t.Ready():
	case <-time.After(patience):
		return errors.New("the logs are not read yet")
	case <-ctx.Done():
		return fmt.Errorf("the logs are not read: %w", ctx.Err())
	}
	return c.t.With(f)
}

// maxTold bounds the findings about single templates.
const maxTold = 20

// Run says what is new.
func (c *Check) Run(ctx context.Context, out *checks.Output) error {
	if len(c.sources) == 0 {
		return fmt.Errorf("no log is read for new lines: %w", checks.ErrNotApplicable)
	}
	return c.with(ctx, func() {
		now := c.v.now()
		for _, conf := range c.sources {
			if s := c.v.sources[conf.Name]; s != nil {
				c.v.tell(s, conf.Name, out, now)
			} else {
				out.Find(checks.Finding{Subject: conf.Name, Code: "novelty.silent", Verdict: checks.OK})
			}
		}
	})
}

func (v *Novelty) tell(s *source, name string, out *checks.Output, now time.Time) {
	out.Set(descTemplates, float64(len(s.tree.all)), name)
	out.Set(descNovel, float64(s.Novel), name)
	out.Set(descBursts, float64(s.Bursts), name)
	if now.Sub(s.Since) < v.cfg.Learn {
		out.Set(descLearning, 1, name)
		out.Find(checks.Finding{Subject: name, Code: "novelty.learning", Verdict: checks.OK, Args: map[string]any{
			"templates": len(s.tree.all), "left": (v.cfg.Learn - now.Sub(s.Since)).Seconds(),
		}})
		return
	}
	out.Set(descLearning, 0, name)
	fresh := s.fresh(now, v.cfg.Show)
	for n, c := range fresh {
		if n == maxTold {
			out.Find(checks.Finding{Subject: name, Code: "novelty.more", Verdict: checks.Attention, Args: map[string]any{"count": len(fresh) - maxTold}})
			break
		}
		out.Find(c.finding(name))
	}
	if len(fresh) == 0 {
		out.Find(checks.Finding{Subject: name, Code: "novelty.usual", Verdict: checks.OK, Args: map[string]any{"templates": len(s.tree.all)}})
	}
}

// fresh are the templates that are news, the newest first.
func (s *source) fresh(now time.Time, show time.Duration) []*Template {
	var out []*Template
	for _, c := range s.tree.all {
		if !c.at().IsZero() && now.Sub(c.at()) <= show {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b *Template) int { return cmp.Or(b.at().Compare(a.at()), cmp.Compare(a.Text(), b.Text())) })
	return out
}

// at is when it was news.
func (t *Template) at() time.Time {
	if t.Burst.After(t.News) {
		return t.Burst
	}
	return t.News
}

func (t *Template) finding(source string) checks.Finding {
	f := checks.Finding{
		Subject: checks.SafeText(t.Text(), 200), Code: "novelty.new", Verdict: checks.Attention, Evidence: strings.Join(t.Samples, "\n"),
		Args: map[string]any{"source": source, "count": float64(t.Count)},
	}
	if t.Burst.After(t.News) {
		f.Code = "novelty.burst"
		f.Args["hour"], f.Args["usual"] = float64(t.Highest), t.Usual
	}
	return f
}

// Evidence are the lines that are new.
func (c *Check) Evidence(ctx context.Context) ([]checks.Exhibit, error) {
	if len(c.sources) == 0 {
		return nil, nil
	}
	e := checks.Exhibit{Code: "novelty.exhibit.lines", Columns: []string{"source", "template", "count", "line"}}
	err := c.with(ctx, func() {
		now := c.v.now()
		for _, conf := range c.sources {
			s := c.v.sources[conf.Name]
			if s == nil {
				continue
			}
			for _, t := range s.fresh(now, c.v.cfg.Show) {
				for _, l := range t.Samples {
					e.Rows = append(e.Rows, []string{conf.Name, checks.SafeText(t.Text(), 200), fmt.Sprint(t.Count), l})
				}
			}
		}
	})
	if len(e.Rows) == 0 {
		return nil, err
	}
	return []checks.Exhibit{e}, err
}

// Report is what is known of all logs, for people.
type Report struct {
	Sources []SourceReport
}

// SourceReport is what is known of one.
type SourceReport struct {
	Source   string
	Since    time.Time
	Learning bool
	Lines    uint64
	Count    int
	Novel    uint64
	// Fresh is how many are news now.
	Fresh int
	// Templates are those that are news first, then the most frequent; at most
	// 200.
	Templates []Template
}

const maxReported = 200

// Report says what is known; it is bounded.
func (c *Check) Report(ctx context.Context) (Report, error) {
	var r Report
	if len(c.sources) == 0 {
		return r, nil
	}
	err := c.with(ctx, func() {
		now := c.v.now()
		for _, name := range slices.Sorted(maps.Keys(c.v.sources)) {
			s := c.v.sources[name]
			one := SourceReport{Source: name, Since: s.Since, Learning: now.Sub(s.Since) < c.v.cfg.Learn, Lines: s.Lines, Count: len(s.tree.all), Novel: s.Novel}
			if !one.Learning {
				one.Fresh = len(s.fresh(now, c.v.cfg.Show))
			}
			for _, t := range s.ranked(now, c.v.cfg.Show) {
				own := *t
				own.Words, own.Samples, own.Hours = slices.Clone(t.Words), slices.Clone(t.Samples), nil
				one.Templates = append(one.Templates, own)
			}
			r.Sources = append(r.Sources, one)
		}
	})
	return r, err
}

func (s *source) ranked(now time.Time, show time.Duration) []*Template {
	out := s.fresh(now, show)
	news := map[*Template]bool{}
	for _, t := range out {
		news[t] = true
	}
	rest := slices.DeleteFunc(slices.Clone(s.tree.all), func(t *Template) bool { return news[t] })
	slices.SortFunc(rest, func(a, b *Template) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Text(), b.Text()))
	})
	out = append(out, rest...)
	return out[:min(len(out), maxReported)]
}
