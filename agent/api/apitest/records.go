package apitest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"xunjian/checks"
	"xunjian/checks/logs"
	"xunjian/checks/logs/access"
	"xunjian/checks/logs/novelty"
	"xunjian/checks/logs/review"
	"xunjian/checks/logs/tail"
)

// room is the room of logs over three files that were read.
type room struct{ *logs.Room }

func (r room) Overview(f review.Filter) review.Overview { return r.Review.Overview(f) }

func (r room) Access(ctx context.Context) (access.Report, error) {
	return r.Checks()[1].(*access.Check).Report(ctx)
}

func (r room) Novelty(ctx context.Context) (novelty.Report, error) {
	return r.Checks()[2].(*novelty.Check).Report(ctx)
}

// openLogs reads a log of guessed passwords, an access log with an attack, and a
// log of the application.
func (w *World) openLogs() room {
	var auth strings.Builder
	for n := range 12 {
		fmt.Fprintf(&auth, "Jan  5 09:28:%02d web-1 sshd[77]: Failed password for root from 198.51.100.7 port %d ssh2\n", n, 4711+n)
	}
	cfg := logs.Default()
	cfg.Sources = []tail.Source{
		{Name: "auth", Kind: "auth", Files: []string{w.WriteFile("auth.log", auth.String())}},
		{Name: "web", Kind: "access", Files: []string{w.WriteFile("access.log", `203.0.113.9 - - [05/Jan/2026:09:29:00 +0800] "POST /uploads/x.php HTTP/1.1" 200 612 "-" "curl/8"`+"\n")}},
		{Name: "app", Kind: "app", Files: []string{w.WriteFile("app.log", "ERROR bid 17 is torn\nERROR bid 18 is torn\n")}},
	}
	zone := time.FixedZone("", 8*3600)
	r, err := logs.New(cfg, logs.Parts{Zone: zone, Now: w.Now})
	must(w.T, err)
	for _, c := range r.Checks() {
		if res := checks.RunOnce(w.T.Context(), c, w.Now()); res.Error != "" {
			w.T.Fatalf("read the logs: %s", res.Error)
		}
	}
	return room{r}
}
