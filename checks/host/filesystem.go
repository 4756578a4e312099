package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"time"

	"xunjian/checks"
)

var mountLabels = []string{"device", "mountpoint", "fstype"}

var (
	filesystemSize     = checks.NewDesc("node_filesystem_size_bytes", checks.Gauge, "Size of the filesystem in bytes.", mountLabels...)
	filesystemFree     = checks.NewDesc("node_filesystem_free_bytes", checks.Gauge, "Free space in bytes, with what is reserved for root.", mountLabels...)
	filesystemAvail    = checks.NewDesc("node_filesystem_avail_bytes", checks.Gauge, "Space that users other than root can take, in bytes.", mountLabels...)
	filesystemFiles    = checks.NewDesc("node_filesystem_files", checks.Gauge, "File nodes (inodes) the filesystem can hold.", mountLabels...)
	filesystemFilesFre = checks.NewDesc("node_filesystem_files_free", checks.Gauge, "File nodes (inodes) still free.", mountLabels...)
	filesystemReadonly = checks.NewDesc("node_filesystem_readonly", checks.Gauge, "1 if the filesystem is mounted read-only.", mountLabels...)
	filesystemError    = checks.NewDesc("node_filesystem_device_error", checks.Gauge, "1 if the filesystem did not tell its figures: an error, or no answer in time.", mountLabels...)
)

// mount is one line of the mount table.
type mount struct {
	// id tells two mounts apart that followed one another on a mount point.
	id                    string
	device, point, fstype string
	options, superOptions string
	readonly              bool
}

// usage is what a filesystem tells of itself. Sizes are in bytes.
type usage struct{ size, free, avail, files, filesFree float64 }

// probe asks one mount for its usage in a goroutine of its own, since a statfs
// on a dead mount cannot be interrupted. It is asked again only after it has
// answered: a hung mount costs one goroutine, once.
type probe struct {
	started time.Time
	answer  chan answer
}

type answer struct {
	usage usage
	err   error
}

// filesystemCheck looks at the mounted filesystems, each apart.
type filesystemCheck struct {
	configured
	// mounts reads the mount table, and says whether it may have changed since
	// it was read last; usage asks one mount, and may block.
	mounts func() (list []mount, changed bool, err error)
	usage  func(m mount) (usage, error)
	// writable says of a mount point whether the machine's own configuration
	// (fstab) wants it writable; known is false if it does not say.
	writable func(point string) (wanted, known bool)

	ignoredMounts, ignoredTypes *regexp.Regexp
	timeout                     time.Duration

	// shown are the mounts that are looked at.
	shown       []mount
	probes      map[string]*probe
	wasWritable map[string]bool
}

func newFilesystem(cfg FilesystemConfig) *filesystemCheck {
	return &filesystemCheck{
		writable:      func(string) (bool, bool) { return false, false },
		ignoredMounts: pattern(cfg.IgnoredMounts),
		ignoredTypes:  pattern(cfg.IgnoredTypes),
		timeout:       cfg.Timeout,
		probes:        map[string]*probe{},
		wasWritable:   map[string]bool{},
	}
}

func (c *filesystemCheck) Name() string { return "filesystem" }

func (c *filesystemCheck) Run(ctx context.Context, out *checks.Output) error {
	all, changed, err := c.mounts()
	if err != nil {
		return err
	}
	if changed {
		c.shown = c.wanted(all)
	}
	if len(c.shown) == 0 {
		return missing("filesystem that is not ignored")
	}
	c.ask()
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	for _, m := range c.shown {
		p := c.probes[m.id]
		a, answered := p.wait(ctx, c.timeout)
		if answered {
			delete(c.probes, m.id)
		}
		c.report(out, m, a, answered, time.Since(p.started))
	}
	return nil
}

// wanted leaves out what is ignored, and the same thing mounted twice at the
// same place.
func (c *filesystemCheck) wanted(all []mount) (mounts []mount) {
	seen := map[[3]string]bool{}
	for _, m := range all {
		key := [3]string{m.device, m.point, m.fstype}
		if seen[key] || c.ignoredMounts.MatchString(m.point) || c.ignoredTypes.MatchString(m.fstype) {
			continue
		}
		seen[key] = true
		mounts = append(mounts, m)
	}
	return mounts
}

// ask starts a probe of every mount that has none under way, and forgets the
// answers of mounts that are gone.
func (c *filesystemCheck) ask() {
	for id, p := range c.probes {
		select {
		case <-p.answer:
			delete(c.probes, id)
		default:
		}
	}
	for _, m := range c.shown {
		if c.probes[m.id] != nil {
			continue
		}
		p := &probe{started: time.Now(), answer: make(chan answer, 1)}
		c.probes[m.id] = p
		go p.run(func() (usage, error) { return c.usage(m) })
	}
}

func (p *probe) run(ask func() (usage, error)) {
	var a answer
	defer func() {
		if v := recover(); v != nil {
			a.err = fmt.Errorf("the probe broke: %v", v)
		}
		p.answer <- a
	}()
	a.usage, a.err = ask()
}

// wait returns the answer, or false if there is none before ctx is done. A
// probe that had its time in an earlier run is not waited for again.
func (p *probe) wait(ctx context.Context, timeout time.Duration) (answer, bool) {
	if time.Since(p.started) < timeout {
		select {
		case a := <-p.answer:
			return a, true
		case <-ctx.Done():
		}
	}
	select {
	case a := <-p.answer:
		return a, true
	default:
		return answer{}, false
	}
}

func (c *filesystemCheck) report(out *checks.Output, m mount, a answer, answered bool, waited time.Duration) {
	labels := []string{m.device, m.point, m.fstype}
	set := func(d *checks.Desc, v float64) { out.Sample(checks.Sample{Desc: d, Values: labels, Value: v}) }
	set(filesystemReadonly, bit(m.readonly))
	set(filesystemError, bit(!answered || a.err != nil))
	switch {
	case !answered:
		out.Find(checks.Finding{Subject: m.point, Code: "filesystem.hung", Verdict: checks.Unknown,
			Args: map[string]any{"mount": m.point, "device": m.device, "type": m.fstype, "waited": waited.Seconds()}})
	case a.err != nil:
		out.Find(refused(m, a.err))
	default:
		u := a.usage
		set(filesystemSize, u.size)
		set(filesystemFree, u.free)
		set(filesystemAvail, u.avail)
		set(filesystemFiles, u.files)
		set(filesystemFilesFre, u.filesFree)
		if u.size > 0 {
			out.Find(space(m, u))
		}
	}
	if c.turnedReadonly(m) {
		out.Find(checks.Finding{Subject: m.point, Code: "filesystem.readonly", Verdict: checks.Abnormal,
			Args:     map[string]any{"mount": m.point, "device": m.device, "type": m.fstype},
			Evidence: m.options + " - " + m.superOptions})
	}
}

// refused is the finding of a mount that answered with an error. Not being
// allowed to look says nothing of the mount; any other error is its own.
func refused(m mount, err error) checks.Finding {
	f := checks.Finding{Subject: m.point, Code: "filesystem.error", Verdict: checks.Abnormal,
		Args: map[string]any{"mount": m.point, "device": m.device, "type": m.fstype, "error": err.Error()}}
	if errors.Is(err, fs.ErrPermission) {
		f.Code, f.Verdict = "filesystem.forbidden", checks.Unknown
	}
	return f
}

// space is the finding of a mount that answered. used is what df shows: of the
// space that users can ever take.
func space(m mount, u usage) checks.Finding {
	used := u.size - u.free
	return checks.Finding{Subject: m.point, Code: "filesystem.space", Verdict: checks.OK, Args: map[string]any{
		"mount":      m.point,
		"device":     m.device,
		"type":       m.fstype,
		"used":       ratio(used, used+u.avail),
		"avail":      u.avail,
		"size":       u.size,
		"files_used": ratio(u.files-u.filesFree, u.files),
	}}
}

// turnedReadonly reports whether m is read-only though fstab wants it
// writable, or, if fstab does not say, though it was writable before.
func (c *filesystemCheck) turnedReadonly(m mount) bool {
	if !m.readonly {
		c.wasWritable[m.point] = true
		return false
	}
	if wanted, known := c.writable(m.point); known {
		return wanted
	}
	return c.wasWritable[m.point]
}

// option reports whether a list of mount options has one.
func option(list, want string) bool {
	for o := range strings.SplitSeq(list, ",") {
		if o == want {
			return true
		}
	}
	return false
}

// bit is 1 for true.
func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
