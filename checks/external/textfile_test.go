//go:build unix

package external

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/checktest"
)

func textfiles(t *testing.T, files map[string]string) TextfileConfig {
	t.Helper()
	cfg := defaultTextfile()
	cfg.Dir = folder(t)
	for name, text := range files {
		write(t, filepath.Join(cfg.Dir, name), text, 0o644)
	}
	return cfg
}

// exposed returns the page of a result, without what is said of the files.
func exposed(t *testing.T, res checks.Result) string {
	t.Helper()
	e := checks.NewExposition()
	e.Update([]checks.Result{res})
	if e.Conflicts() > 0 {
		t.Errorf("%d samples do not fit", e.Conflicts())
	}
	rec := httptest.NewRecorder()
	e.ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	var out strings.Builder
	for line := range strings.Lines(rec.Body.String()) {
		if !strings.Contains(line, "node_textfile_mtime_seconds") && !strings.Contains(line, "node_textfile_scrape_error ") {
			out.WriteString(line)
		}
	}
	return out.String()
}

func value(res checks.Result, name string) string {
	for _, s := range res.Samples {
		if s.Desc.Name == name {
			return fmt.Sprint(s.Value)
		}
	}
	return "none"
}

func TestTextfilesAreTakenAsTheyAre(t *testing.T) {
	cfg := textfiles(t, map[string]string{
		"a.prom": `# HELP backup_size_bytes Size of the last backup.
# TYPE backup_size_bytes gauge
backup_size_bytes{db="main",host="x"} 1.5e+09
backup_size_bytes{host="x",db="\"日志\""} 0
no_help_at_all 3
# TYPE runs_total counter
runs_total 7
`,
		"b.prom": `# HELP backup_size_bytes Another text.
# TYPE backup_size_bytes gauge
backup_size_bytes 1
# HELP took_seconds Time it took.
# TYPE took_seconds histogram
took_seconds_bucket{le="1"} 2
took_seconds_bucket{le="+Inf"} 3
took_seconds_sum 4.5
took_seconds_count 3
# HELP lag_seconds Lag.
# TYPE lag_seconds summary
lag_seconds{quantile="0.9"} 0.25
lag_seconds_sum 1
lag_seconds_count 4
`,
		"ignored.prom.tmp": "not for us",
	})
	c := newTextfile(cfg)
	res := checks.RunOnce(t.Context(), c, time.Now())
	wantText(t, "findings", findings(res), "")
	wantText(t, "page", exposed(t, res), `# HELP backup_size_bytes Size of the last backup.
# TYPE backup_size_bytes gauge
backup_size_bytes{db="main",host="x"} 1500000000
backup_size_bytes{db="\"日志\"",host="x"} 0
backup_size_bytes 1
# HELP lag_seconds Lag.
# TYPE lag_seconds summary
lag_seconds{quantile="0.9"} 0.25
lag_seconds_sum 1
lag_seconds_count 4
# HELP no_help_at_all no_help_at_all
# TYPE no_help_at_all untyped
no_help_at_all 3
# HELP runs_total runs_total
# TYPE runs_total counter
runs_total 7
# HELP took_seconds Time it took.
# TYPE took_seconds histogram
took_seconds_bucket{le="1"} 2
took_seconds_bucket{le="+Inf"} 3
took_seconds_sum 4.5
took_seconds_count 3
`)
	if got := value(res, "node_textfile_scrape_error"); got != "0" {
		t.Errorf("node_textfile_scrape_error %s", got)
	}
	mtimes := map[string]bool{}
	for _, s := range res.Samples {
		if s.Desc == descMtime {
			mtimes[filepath.Base(s.Values[0])] = time.Since(time.UnixMilli(int64(s.Value*1000))) < time.Hour
		}
	}
	if len(mtimes) != 2 || !mtimes["a.prom"] || !mtimes["b.prom"] {
		t.Errorf("mtimes of %v", mtimes)
	}
}

// TestBadTextfiles has one mistake each; a good file beside it is read.
func TestBadTextfiles(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a number that is none", "a 1\nb x\n", `unknown textfile.broken bad.prom map[error:expected float as value, got "x" line:2]`},
		{"no newline at the end", "a 1", "unknown textfile.broken bad.prom map[error:unexpected end of input stream line:1]"},
		{"a label without quotes", "a{b=c} 1\n", "unknown textfile.broken bad.prom map[error:expected '\"' at start of label value, found 'c' line:1]"},
		{"a name that needs quotes", "{\"a.b\"} 1\n", `unknown textfile.broken bad.prom map[error:invalid metric name "a.b" line:1]`},
		{"no UTF-8", "a{b=\"\xff\"} 1\n", `unknown textfile.broken bad.prom map[error:invalid label value "\xff" line:1]`},
		{"type after the samples", "a 1\n# TYPE a gauge\n", `unknown textfile.broken bad.prom map[error:second TYPE line for metric name "a", or TYPE reported after samples line:2]`},
		{"a timestamp", "# TYPE a gauge\na{x=\"} 1 2\"} 1\na{x=\"y\"} 1 1395066363000\n", "unknown textfile.broken bad.prom map[error:a carries a timestamp; leave it out, the time of reading counts line:3]"},
		{"a timestamp in a histogram", "# TYPE a histogram\na_bucket{le=\"+Inf\"} 1 5\na_sum 1 5\na_count 1 5\n", "unknown textfile.broken bad.prom map[error:a carries a timestamp; leave it out, the time of reading counts line:2]"},
		{"the agent's own name", "a 1\n\nxunjian_check_success 1\n", "unknown textfile.broken bad.prom map[error:xunjian_check_success: names that begin with xunjian_ are the agent's own line:3]"},
		{"the folder's own name", "node_textfile_scrape_error 0\n", "unknown textfile.broken bad.prom map[error:node_textfile_scrape_error: names that begin with node_textfile_ are the agent's own line:1]"},
		{"a series twice", "a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\",z=\"\"} 2\n", `unknown textfile.broken bad.prom map[error:a{x="1",y="2"} stands twice line:1]`},
		{"a series of another file", "b 1\n# TYPE a_good gauge\na_good 2\n", "unknown textfile.broken bad.prom map[error:a_good stands in DIR/a.prom too line:3]"},
		{"another type than in another file", "# TYPE a_good counter\na_good{x=\"1\"} 2\n", "unknown textfile.broken bad.prom map[error:a_good has type counter here and gauge in DIR/a.prom line:2]"},
		{"too large", strings.Repeat("# filled up\n", 100), "unknown textfile.unreadable bad.prom map[error:larger than the limit of 1000 bytes]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := textfiles(t, map[string]string{"a.prom": "# TYPE a_good gauge\na_good 1\n", "bad.prom": tt.text, "c.prom": "c_good 1\n"})
			cfg.MaxBytes = 1000
			res := checks.RunOnce(t.Context(), newTextfile(cfg), time.Now())
			wantText(t, "findings", strings.ReplaceAll(findings(res), cfg.Dir, "DIR"), tt.want)
			if page := exposed(t, res); !strings.Contains(page, "\na_good 1\n") || !strings.Contains(page, "\nc_good 1\n") || strings.Count(page, "\n") != 6 {
				t.Errorf("the good files, and only those, should be there:\n%s", page)
			}
			if got := value(res, "node_textfile_scrape_error"); got != "1" {
				t.Errorf("node_textfile_scrape_error %s", got)
			}
		})
	}
}

func TestFilesThatAreNone(t *testing.T) {
	cfg := textfiles(t, map[string]string{"good.prom": "a 1\n", "open.prom": "b 1\n", "secret.txt": "c 1\n"})
	at := func(name string) string { return filepath.Join(cfg.Dir, name) }
	for _, err := range []error{
		os.Mkdir(at("folder.prom"), 0o755),
		syscall.Mkfifo(at("pipe.prom"), 0o644),
		os.Symlink(at("gone"), at("dangling.prom")),
		os.Symlink(at("secret.txt"), at("linked.prom")),
		os.Chmod(at("open.prom"), 0o646),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	begun := time.Now()
	res := checks.RunOnce(t.Context(), newTextfile(cfg), begun)
	if took := time.Since(begun); took > time.Second {
		t.Errorf("it took %v: was the pipe opened?", took)
	}
	wantText(t, "findings", strings.ReplaceAll(findings(res), cfg.Dir, "DIR"),
		"unknown textfile.unreadable dangling.prom map[error:stat DIR/dangling.prom: no such file or directory]\n"+
			"unknown textfile.unreadable folder.prom map[error:not a regular file]\n"+
			"abnormal textfile.unsafe open.prom map[]\n"+
			"unknown textfile.unreadable pipe.prom map[error:not a regular file]")
	if page := exposed(t, res); strings.Count(page, "\na 1\n") != 1 || strings.Count(page, "\nc 1\n") != 1 || strings.Contains(page, "b 1") {
		t.Errorf("page:\n%s", page)
	}
}

func TestFoldersThatAreNotRead(t *testing.T) {
	cfg := textfiles(t, map[string]string{"a.prom": "a 1\n"})
	if err := os.Chmod(cfg.Dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	res := checks.RunOnce(t.Context(), newTextfile(cfg), time.Now())
	if len(res.Findings) != 1 || res.Findings[0].Code != "textfile.unsafe" || res.Findings[0].Subject != cfg.Dir || res.Verdict != checks.Abnormal || value(res, "a") != "none" {
		t.Errorf("a folder open to all: %+v", res)
	}
	cfg.Dir = filepath.Join(t.TempDir(), "gone")
	res = checks.RunOnce(t.Context(), newTextfile(cfg), time.Now())
	if res.Verdict != checks.Unknown || res.Findings[0].Code != "textfile.unreadable" || value(res, "node_textfile_scrape_error") != "1" {
		t.Errorf("a folder that is not there: %+v", res)
	}
}

func TestTooManyTextfiles(t *testing.T) {
	files := map[string]string{}
	for n := range maxFiles + 1 {
		files[fmt.Sprintf("f%03d.prom", n)] = fmt.Sprintf("a{n=\"%d\"} 1\n", n)
	}
	cfg := textfiles(t, files)
	res := checks.RunOnce(t.Context(), newTextfile(cfg), time.Now())
	if len(res.Findings) != 1 || res.Findings[0].Code != "textfile.too_many" || res.Verdict != checks.Attention || len(res.Samples) != 2*maxFiles+1 {
		t.Errorf("%d samples, %s", len(res.Samples), findings(res))
	}
}

func TestOldTextfiles(t *testing.T) {
	cfg := textfiles(t, map[string]string{"new.prom": "a 1\n", "old.prom": "b 1\n", "weekly.prom": "c 1\n", "quick.prom": "d 1\n"})
	now := time.Now()
	for name, age := range map[string]time.Duration{"old.prom": 26 * time.Hour, "weekly.prom": 26 * time.Hour, "quick.prom": time.Hour, "new.prom": -time.Hour} {
		if err := os.Chtimes(filepath.Join(cfg.Dir, name), time.Time{}, now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	cfg.MaxAges = map[string]time.Duration{"weekly.prom": 0, "quick.prom": 10 * time.Minute}
	c := newTextfile(cfg)
	c.now = func() time.Time { return now }
	res := checks.RunOnce(t.Context(), c, now)
	wantText(t, "findings", findings(res),
		"attention textfile.old old.prom map[age:93600 limit:90000]\nattention textfile.old quick.prom map[age:3600 limit:600]")
	if value(res, "b") != "1" {
		t.Error("an old file is not read")
	}
	c.cfg.MaxAge = 0
	wantText(t, "findings without a limit", findings(checks.RunOnce(t.Context(), c, now)), "attention textfile.old quick.prom map[age:3600 limit:600]")
}

func TestTextfileConforms(t *testing.T) {
	good := textfiles(t, map[string]string{"a.prom": "# HELP a A.\n# TYPE a summary\na_sum 1\na_count 1\n", "bad.prom": "x"})
	gone := good
	gone.Dir = filepath.Join(good.Dir, "gone")
	checktest.Conform(t, func() checks.Check { return newTextfile(good) },
		checktest.Broken(func() checks.Check { return newTextfile(gone) }))
	unsafe := textfiles(t, nil)
	if err := os.Chmod(unsafe.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	checktest.Conform(t, func() checks.Check { return newTextfile(unsafe) })
	old := textfiles(t, map[string]string{"a.prom": "a 1\n"})
	old.MaxAge = time.Nanosecond
	checktest.Conform(t, func() checks.Check { return newTextfile(old) })
}

func TestTextfilesStopAtTheDeadline(t *testing.T) {
	cfg := textfiles(t, map[string]string{"a.prom": "a 1\n"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if res := checks.RunOnce(ctx, newTextfile(cfg), time.Now()); res.Verdict != checks.Unknown || len(res.Samples) != 0 {
		t.Errorf("%+v", res)
	}
}

// BenchmarkTextfile reads ten files of 50 series.
func BenchmarkTextfile(b *testing.B) {
	cfg := defaultTextfile()
	cfg.Dir = b.TempDir()
	for n := range 10 {
		var text strings.Builder
		for s := range 50 {
			fmt.Fprintf(&text, "metric_%d{device=\"sd%d\"} %d\n", n, s, s)
		}
		if err := os.WriteFile(filepath.Join(cfg.Dir, fmt.Sprintf("%d.prom", n)), []byte(text.String()), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	c := newTextfile(cfg)
	b.ReportAllocs()
	for b.Loop() {
		if res := checks.RunOnce(b.Context(), c, time.Now()); len(res.Samples) != 511 {
			b.Fatal(findings(res))
		}
	}
}
