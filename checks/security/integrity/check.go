package integrity

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"xunjian/checks"
)

var (
	descFiles = checks.NewDesc("xunjian_integrity_files", checks.Gauge,
		"Files of a guarded tree.", "path", "type")
	descChanges = checks.NewDesc("xunjian_integrity_changes", checks.Gauge,
		"Files of a guarded tree that are not as a person approved them.", "path", "type", "change")
	descApproved = checks.NewDesc("xunjian_integrity_baseline_approved", checks.Gauge,
		"Whether a person has approved the baseline of a guarded tree.", "path", "type")
	descWalked = checks.NewDesc("xunjian_integrity_last_walk_timestamp_seconds", checks.Gauge,
		"When the whole of a guarded tree was last looked at, in Unix time.", "path")
	descOldest = checks.NewDesc("xunjian_integrity_oldest_hash_timestamp_seconds", checks.Gauge,
		"When the file of a guarded tree was hashed whose hash is the oldest, in Unix time.", "path")
	descUnreadable = checks.NewDesc("xunjian_integrity_unreadable", checks.Gauge,
		"Files and folders of a guarded tree that cannot be read.", "path")
	descRead = checks.NewDesc("xunjian_integrity_read_bytes_total", checks.Counter,
		"Bytes that were read to hash files of a guarded tree.", "path")
)

// Check tells what differs from what a person approved. The walking is done in
// Serve.
type Check struct {
	cfg Config
	k   *Keeper
}

// Name is the check's name.
const Name = "integrity"

// NewCheck returns the check over what a Keeper knows; nil for one look
// without a running agent, which has nothing to compare with.
func NewCheck(cfg Config, k *Keeper) *Check {
	cfg.Paths = slices.Clone(cfg.Paths)
	return &Check{cfg: cfg, k: k}
}

// Name is that of a single check.
func (*Check) Name() string { return Name }

// Schedule is that of the telling; a change that the watcher hears of is told
// at once.
func (*Check) Schedule() checks.Schedule { return checks.Schedule{Interval: 30 * time.Second} }

// Identity changes with the configuration.
func (c *Check) Identity() string { return fmt.Sprintf("%+v", c.cfg) }

const (
	// maxTold bounds the findings about single files; the rest is one finding.
	maxTold = 100
	// maxShown bounds those that carry their diff.
	maxShown    = 20
	maxDiffTold = 4 << 10 // bytes of a diff in a finding
)

// Run says how every tree stands.
func (c *Check) Run(ctx context.Context, out *checks.Output) error {
	if len(c.cfg.Paths) == 0 {
		return fmt.Errorf("no paths are guarded (checks.integrity.paths): %w", checks.ErrNotApplicable)
	}
	if c.k == nil {
		return fmt.Errorf("only the running agent has a baseline to compare with: %w", checks.ErrNotApplicable)
	}
	c.k.configure(c.cfg)
	r, err := c.k.Report()
	if err != nil {
		return err
	}
	for _, t := range r.Trees {
		t.measure(out)
		t.find(out)
	}
	for n, one := range r.Changes {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if n == maxTold {
			out.Find(checks.Finding{Code: "integrity.more", Verdict: checks.Abnormal, Args: map[string]any{"count": r.Total - maxTold}})
			break
		}
		evidence := ""
		if n < maxShown {
			_, text, _ := c.k.Diff(one.ID)
			evidence = checks.SafeText(text, maxDiffTold)
		}
		out.Find(one.Finding(evidence))
	}
	return nil
}

func (t TreeState) measure(out *checks.Output) {
	kind := string(t.Kind)
	out.Set(descFiles, float64(t.Files), t.Path, kind)
	for _, what := range []string{added, removed, content, rights, owner, attrs, replaced, shell} {
		out.Set(descChanges, float64(t.Changes[what]), t.Path, kind, what)
	}
	approved := 0.0
	if t.Approved != nil {
		approved = 1
	}
	out.Set(descApproved, approved, t.Path, kind)
	if !t.Walked.IsZero() {
		out.Set(descWalked, float64(t.Walked.UnixMilli())/1000, t.Path)
	}
	if !t.Oldest.IsZero() {
		out.Set(descOldest, float64(t.Oldest.Unix()), t.Path)
	}
	out.Set(descUnreadable, float64(t.Unreadable), t.Path)
	out.Set(descRead, float64(t.Read), t.Path)
}

// find says how a tree as a whole stands: unknown as long as it was not looked
// at.
func (t TreeState) find(out *checks.Output) {
	f := checks.Finding{Subject: t.Path, Verdict: checks.OK, Code: "integrity.intact", Args: map[string]any{"files": t.Files, "bytes": float64(t.Bytes)}}
	changes := 0
	for _, n := range t.Changes {
		changes += n
	}
	switch {
	case t.Fault != "":
		f.Code, f.Verdict, f.Args = "integrity.unseen", checks.Unknown, map[string]any{"why": t.Fault}
	case !t.Complete:
		f.Code, f.Verdict = "integrity.learning", checks.Unknown
	case t.Approved == nil:
		f.Code, f.Verdict = "integrity.unapproved", checks.Attention
	case changes > 0:
		f.Code, f.Args["count"] = "integrity.differs", changes
	default:
		f.Args["by"] = t.Approved.By
	}
	out.Find(f)
	if t.Unreadable > 0 {
		out.Find(checks.Finding{Subject: t.Path, Code: "integrity.unreadable", Verdict: checks.Attention, Args: map[string]any{"count": t.Unreadable}})
	}
	if t.Unwatched > 0 {
		out.Find(checks.Finding{Subject: t.Path, Code: "integrity.unwatched", Verdict: checks.OK, Args: map[string]any{"count": t.Unwatched}})
	}
}

// Finding is what the check says of a change.
func (c Change) Finding(evidence string) checks.Finding {
	v := checks.Abnormal
	if c.Code == codeWebElse || c.Code == codeConfig {
		v = checks.Attention
	}
	return checks.Finding{Subject: c.Path, Code: c.Code, Verdict: v, Evidence: evidence, Args: map[string]any{
		"what": strings.Join(c.What, ","), "first": c.What[0], "owner": c.Owner, "modified": stamp(c.Modified), "since": stamp(c.Since),
		"user": c.Who.User, "login": c.Who.Login, "program": c.Who.Program, "shell": c.Shell,
	}}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}
