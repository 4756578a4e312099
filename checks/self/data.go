package self

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"

	"xunjian/checks"
)

var (
	descFree = checks.NewDesc("xunjian_data_free_bytes", checks.Gauge,
		"Bytes that the agent can still write where its data lies.")
	descSize = checks.NewDesc("xunjian_data_size_bytes", checks.Gauge,
		"Size of the filesystem where the agent's data lies.")
	descInodes = checks.NewDesc("xunjian_data_free_inodes", checks.Gauge,
		"Files that can still be made where the agent's data lies.")
	descUsed = checks.NewDesc("xunjian_data_used_bytes", checks.Gauge,
		"Bytes of the files in the agent's data folder.")
)

// room is what a filesystem has.
type room struct {
	size, free float64 // bytes
	inodes     float64 // free ones; negative if there is no such limit
}

// data watches the room for the agent's data, and that it can be written: an
// incident that cannot be stored is the worst that can happen to the agent.
type data struct {
	dir                string
	minFree, minInodes float64
	measure            func(dir string) (room, error)
	tryToWrite         func(dir string) error
}

func newData(cfg Config, dir string) *data {
	return &data{dir: dir, minFree: float64(cfg.MinFreeBytes), minInodes: float64(cfg.MinFreeInodes), measure: measure, tryToWrite: tryToWrite}
}

// Name is that of a single check.
func (d *data) Name() string { return "self_data" }

// Schedule is slow: disks fill in minutes, and it writes.
func (d *data) Schedule() checks.Schedule { return checks.Schedule{Interval: slow} }

// Run measures, and writes a file.
func (d *data) Run(ctx context.Context, out *checks.Output) error {
	r, err := d.measure(d.dir)
	if err != nil {
		return err
	}
	out.Set(descSize, r.size)
	out.Set(descFree, r.free)
	d.low(out, "self.data_space", r.free, d.minFree)
	if r.inodes >= 0 {
		out.Set(descInodes, r.inodes)
		d.low(out, "self.data_inodes", r.inodes, d.minInodes)
	}
	if err := d.tryToWrite(d.dir); err != nil {
		out.Find(checks.Finding{Code: "self.data_write", Subject: d.dir, Verdict: checks.Abnormal, Args: map[string]any{"error": err.Error()}})
	}
	used, err := folderSize(ctx, d.dir)
	if err != nil {
		return err
	}
	out.Set(descUsed, used)
	return nil
}

// low says that less is free than should be.
func (d *data) low(out *checks.Output, code string, free, least float64) {
	if free >= least {
		return
	}
	f := checks.Finding{Code: code, Subject: d.dir, Verdict: checks.Attention, Args: map[string]any{"free": free, "min": least}}
	if free < least/4 {
		f.Verdict = checks.Abnormal
	}
	out.Find(f)
}

// tryToWrite makes a file and removes it: there are more reasons why one cannot
// (quota, remounted read-only, input/output error) than can be asked for.
func tryToWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.WriteString("probe\n"); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// folderSize adds up the files. What goes meanwhile does not count.
func folderSize(ctx context.Context, dir string) (float64, error) {
	var sum int64
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err != nil || !e.Type().IsRegular() {
			return nil
		}
		if info, err := e.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	})
	return float64(sum), err
}
