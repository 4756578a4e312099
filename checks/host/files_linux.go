package host

import (
	"context"
	"fmt"

	"xunjian/checks"
)

var (
	filesAllocated = checks.NewDesc("node_filefd_allocated", checks.Gauge, "Open file descriptors of the whole machine.")
	filesMaximum   = checks.NewDesc("node_filefd_maximum", checks.Gauge, "File descriptors the kernel allows.")
)

// filesCheck looks at the open files of the whole machine.
type filesCheck struct {
	configured
	reader
	path string
}

func (c *filesCheck) Name() string { return "files" }

func (c *filesCheck) Run(_ context.Context, out *checks.Output) error {
	b, err := c.one(c.path)
	if err != nil {
		return err
	}
	var n [3]uint64 // allocated, always 0, maximum
	if numbers(b, n[:]) != len(n) {
		return fmt.Errorf("parse %s: %q is not three numbers", c.path, b)
	}
	open, limit := float64(n[0]), float64(n[2])
	out.Set(filesAllocated, open)
	out.Set(filesMaximum, limit)
	out.Find(checks.Finding{Code: "files.open", Verdict: checks.OK, Args: map[string]any{
		"open": open, "limit": limit, "used": ratio(open, limit),
	}})
	return nil
}
