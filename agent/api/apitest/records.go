package apitest

import (
	"context"
	"path/filepath"
	"time"

	"xunjian/checks/logs/access"
	"xunjian/checks/logs/novelty"
	"xunjian/checks/logs/tail"
)

// room is the room of logs over two files that were read.
type room struct {
	access  *access.Check
	novelty *novelty.Check
}

func (r room) Access(ctx context.Context) (access.Report, error)   { return r.access.Report(ctx) }
func (r room) Novelty(ctx context.Context) (novelty.Report, error) { return r.novelty.Report(ctx) }

// openRecords reads an access log with an attack, and a log of the application.
func (w *World) openRecords() room {
	web := w.WriteFile("access.log", `203.0.113.9 - - [05/Jan/2026:09:29:00 +0800] "POST /uploads/x.php HTTP/1.1" 200 612 "-" "curl/8"`+"\n")
	app := w.WriteFile("app.log", "ERROR bid 17 is torn\nERROR bid 18 is torn\n")
	sources := []tail.Source{{Name: "web", Kind: "access", Files: []string{filepath.Clean(web)}}, {Name: "app", Kind: "app", Files: []string{filepath.Clean(app)}}}
	a, n := access.New(access.Default(), w.Now), novelty.New(novelty.Default(), time.UTC, w.Now)
	t := tail.New(tail.Options{Sources: sources, From: tail.Beginning, Now: w.Now})
	t.Subscribe(a)
	t.Subscribe(n)
	must(w.T, t.Open(w.T.Context()))
	t.Poll(w.T.Context())
	return room{access.NewCheck(a, t, sources, "apitest"), novelty.NewCheck(n, t, sources, "apitest")}
}
