package console

import (
	"context"
	"io/fs"
	"path/filepath"
	"time"

	"xunjian/rules"
)

type aboutPage struct {
	About
	Up      time.Duration
	Started moment
	Size    int64
	// SizeError is set when the data folder cannot be read.
	SizeError bool
	Zone      string
	Plan      string
	Stats     rules.Stats
	Verified  *verification
	Licences  []string
}

type verification struct {
	Events    int64
	Incidents int
	Blobs     int
	Head      string
	Faults    []string
}

// showAbout describes the agent. Walking the whole chain takes a while, so it
// is done only when asked for.
func showAbout(r *request) error {
	a := r.c.opt.About()
	page := aboutPage{
		About: a, Started: r.moment(a.Started, r.now), Zone: r.zone.String(),
		Plan: r.c.opt.Desk.Plan().ID + " " + r.c.opt.Desk.Plan().Version, Stats: r.c.opt.Rules.Stats(),
		Licences: []string{"VENDOR", "htmx.licence.txt", "uplot.licence.txt"},
	}
	if !a.Started.IsZero() {
		page.Up = r.now.Sub(a.Started)
	}
	if a.DataDir != "" {
		size, err := folderSize(r.Context(), a.DataDir)
		page.Size, page.SizeError = size, err != nil
	}
	if r.URL.Query().Has("verify") {
		v, err := r.verify()
		if err != nil {
			return err
		}
		page.Verified = v
	}
	return r.show("about", r.T("console.nav.about"), page)
}

func (r *request) verify() (*verification, error) {
	leave, err := r.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	v, err := r.c.opt.Desk.Verify(r.Context())
	if err != nil {
		return nil, err
	}
	return &verification{v.Events, v.Incidents, v.Blobs, v.Head, v.Faults}, nil
}

// folderSize adds up the sizes of the files in a folder, in bytes. Files that
// go while it looks are not missed.
func folderSize(ctx context.Context, dir string) (int64, error) {
	var sum int64
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if path == dir {
				return err
			}
			return nil
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
		return nil
	})
	return sum, err
}
