package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/prometheus/procfs"

	"xunjian/checks"
)

var (
	mdState    = checks.NewDesc("node_md_state", checks.Gauge, "1 for the state the array is in.", "device", "state")
	mdDisks    = checks.NewDesc("node_md_disks", checks.Gauge, "Disks of the array in each state.", "device", "state")
	mdRequired = checks.NewDesc("node_md_disks_required", checks.Gauge, "Disks the array needs to be whole.", "device")
	mdBlocks   = checks.NewDesc("node_md_blocks", checks.Gauge, "Blocks of the array.", "device")
	mdSynced   = checks.NewDesc("node_md_blocks_synced", checks.Gauge, "Blocks of the array that are in sync.", "device")
)

// mdStates are the states that are shown, and what procfs calls them.
var mdStates = [...][2]string{
	{"active", "active"}, {"inactive", "inactive"}, {"recovering", "recovering"}, {"resync", "resyncing"}, {"check", "checking"},
}

// raidCheck looks at the software arrays. The parser is that of
// prometheus/procfs, which knows the many forms of /proc/mdstat; it is run only
// where there are arrays.
type raidCheck struct {
	configured
	reader
	procfs string
}

func (c *raidCheck) Name() string { return "raid" }

func (c *raidCheck) Run(_ context.Context, out *checks.Output) error {
	path := c.procfs + "/mdstat"
	b, err := c.all(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !bytes.Contains(b, []byte("\nmd")) {
		return missing("array in " + path)
	}
	if err != nil {
		return err
	}
	raw := string(b)
	proc, err := procfs.NewFS(c.procfs)
	if err != nil {
		return err
	}
	arrays, err := proc.MDStat()
	if err != nil {
		return fmt.Errorf("parse %s: %w", path, err)
	}
	for _, a := range arrays {
		recordArray(out, a)
		out.Find(judgeArray(a, paragraph(raw, a.Name)))
	}
	return nil
}

func recordArray(out *checks.Output, a procfs.MDStat) {
	out.Set(mdRequired, float64(a.DisksTotal), a.Name)
	out.Set(mdDisks, float64(a.DisksActive), a.Name, "active")
	out.Set(mdDisks, float64(a.DisksFailed), a.Name, "failed")
	out.Set(mdDisks, float64(a.DisksSpare), a.Name, "spare")
	for _, s := range mdStates {
		out.Set(mdState, bit(a.ActivityState == s[1]), a.Name, s[0])
	}
	out.Set(mdBlocks, float64(a.BlocksTotal), a.Name)
	out.Set(mdSynced, float64(a.BlocksSynced), a.Name)
}

// paragraph returns the lines of /proc/mdstat about one array.
func paragraph(raw, name string) string {
	_, rest, _ := strings.Cut("\n"+raw, "\n"+name+" :")
	text, _, _ := strings.Cut(rest, "\n\n")
	return name + " :" + strings.TrimRight(text, "\n")
}

// judgeArray says of an array whether it is whole. A container of firmware
// RAID is always inactive itself; its arrays stand beside it.
func judgeArray(a procfs.MDStat, evidence string) checks.Finding {
	f := checks.Finding{Subject: a.Name, Code: "raid.whole", Verdict: checks.OK, Args: map[string]any{
		"device": a.Name, "level": a.Type, "state": a.ActivityState,
		"active": int(a.DisksActive), "required": int(a.DisksTotal), "failed": int(a.DisksFailed), "spare": int(a.DisksSpare),
		"synced": ratio(float64(a.BlocksSynced), float64(a.BlocksToBeSynced)),
	}}
	container := strings.Contains(evidence, "external:imsm") || strings.Contains(evidence, "external:ddf")
	switch {
	case a.ActivityState == "inactive" && container:
		f.Code = "raid.container"
	case a.ActivityState == "inactive", a.ActivityState == "broken":
		f.Code, f.Verdict = "raid.inactive", checks.Abnormal
	case a.DisksActive < a.DisksTotal && a.ActivityState == "recovering":
		f.Code, f.Verdict = "raid.recovering", checks.Abnormal
	case a.DisksActive < a.DisksTotal:
		f.Code, f.Verdict = "raid.degraded", checks.Abnormal
	case a.DisksFailed > 0:
		f.Code, f.Verdict = "raid.failed_disk", checks.Attention
	}
	if f.Verdict != checks.OK {
		f.Evidence = evidence
	}
	return f
}
