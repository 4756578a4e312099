package console

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"xunjian/checks"
	"xunjian/checks/logs"
	"xunjian/checks/logs/tail"
)

// readLogs has the site's room of logs read a log, with hostile lines in it.
func (s *site) readLogs(dir string) {
	s.t.Helper()
	path := filepath.Join(dir, "auth.log")
	must(s.t, os.WriteFile(path, []byte("Nov 23 11:58:01 db01 sshd[77]: Failed password for root from 198.51.100.7 port 4711 ssh2\n"+
		"Nov 23 11:58:03 db01 sshd[77]: Failed password for invalid user <script>alert(1)</script> from 198.51.100.7 port 4712 ssh2\n"+
		"Nov 23 11:58:05 db01 kernel: blk_update_request: I/O error, dev sda, sector 1\n"+
		"Nov 23 11:58:07 db01 sshd[77]: \x1b[31mFailed password for root from 1.2.3.4 port 1 ssh2\x1b[0m \u202egnol\n"), 0o600))
	cfg := logs.Default()
	cfg.Sources = []tail.Source{{Name: "auth", Kind: "auth", Files: []string{path}}}
	var err error
	s.read, err = logs.New(cfg, logs.Parts{Archive: s.archive, Zone: zone, Now: s.clock})
	must(s.t, err)
	for _, c := range s.read.Checks() {
		if res := checks.RunOnce(s.t.Context(), c, s.clock()); res.Error != "" {
			s.t.Fatalf("read the log: %s", res.Error)
		}
	}
}

// The page of logs counts what was read by pattern and leads to the lines, and
// no line does anything to it.
func TestLogsPage(t *testing.T) {
	s := newSite(t)
	for _, lang := range []string{"zh-CN", "en"} {
		b := s.as(viewer, lang)
		for path, want := range map[string]string{
			"/logs": "sda", "/logs?verdict=abnormal": "sda", "/logs?source=auth&hours=6": "198.51.100.7", "/logs/sshd_failed": "198.51.100.7", "/logs/no-such-pattern": "no-such-pattern",
		} {
			res := b.get(path)
			if res.code != http.StatusOK || !strings.Contains(res.body, want) {
				t.Errorf("%s in %s: %d, %q is not there", path, lang, res.code, want)
			}
			if strings.Contains(res.body, "<script>alert") || strings.ContainsAny(res.body, "\x1b\u202e") {
				t.Errorf("%s in %s: a hostile line came through", path, lang)
			}
		}
	}
	if res := s.as(viewer, "en").get("/logs?verdict=odd"); res.code != http.StatusNotFound {
		t.Errorf("an unknown verdict: %d", res.code)
	}
}
