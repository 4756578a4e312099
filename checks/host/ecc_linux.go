package host

import (
	"context"
	"strings"

	"xunjian/checks"
)

var (
	eccCorrectable      = checks.NewDesc("node_edac_correctable_errors_total", checks.Counter, "Memory errors that were corrected.", "controller")
	eccUncorrectable    = checks.NewDesc("node_edac_uncorrectable_errors_total", checks.Counter, "Memory errors that could not be corrected.", "controller")
	eccRowCorrectable   = checks.NewDesc("node_edac_csrow_correctable_errors_total", checks.Counter, "Memory errors that were corrected, of one row of chips.", "controller", "csrow")
	eccRowUncorrectable = checks.NewDesc("node_edac_csrow_uncorrectable_errors_total", checks.Counter, "Memory errors that could not be corrected, of one row of chips.", "controller", "csrow")
)

// eccCheck looks at the memory controllers' counts of errors.
type eccCheck struct {
	configured
	reader
	folder string
}

func (c *eccCheck) Name() string { return "ecc" }

func (c *eccCheck) Schedule() checks.Schedule { return checks.Schedule{Interval: slow} }

func (c *eccCheck) Run(_ context.Context, out *checks.Output) error {
	found := false
	for _, dir := range entries(c.folder, "mc") {
		id := strings.TrimPrefix(dir, "mc")
		if _, ok := number([]byte(id)); ok {
			found = c.controller(out, c.folder+"/"+dir+"/", id) || found
		}
	}
	if !found {
		return missing("memory controller in " + c.folder)
	}
	return nil
}

// controller reads one memory controller; false if it does not count.
func (c *eccCheck) controller(out *checks.Output, folder, id string) bool {
	corrected, ok := c.value(folder + "ce_count")
	lost, ok2 := c.value(folder + "ue_count")
	if !ok || !ok2 {
		return false
	}
	out.Set(eccCorrectable, corrected, id)
	out.Set(eccUncorrectable, lost, id)
	c.row(out, folder+"ce_noinfo_count", folder+"ue_noinfo_count", id, "unknown")
	for _, dir := range entries(folder, "csrow") {
		c.row(out, folder+dir+"/ce_count", folder+dir+"/ue_count", id, strings.TrimPrefix(dir, "csrow"))
	}
	f := checks.Finding{Subject: "mc" + id, Code: "ecc.errors", Verdict: checks.OK, Args: map[string]any{
		"controller": id, "correctable": corrected, "uncorrectable": lost,
	}}
	if lost > 0 {
		f.Code, f.Verdict = "ecc.uncorrectable", checks.Abnormal
	}
	out.Find(f)
	return true
}

func (c *eccCheck) row(out *checks.Output, corrected, lost, controller, row string) {
	if v, ok := c.value(corrected); ok {
		out.Set(eccRowCorrectable, v, controller, row)
	}
	if v, ok := c.value(lost); ok {
		out.Set(eccRowUncorrectable, v, controller, row)
	}
}
