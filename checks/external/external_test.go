package external

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"go.uber.org/goleak"

	"xunjian/checks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAllDoorsAreShutByDefault(t *testing.T) {
	list, err := Checks(Default())
	if err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestChecks(t *testing.T) {
	cfg := Default()
	cfg.Textfile.Dir = t.TempDir()
	cfg.Plugins = []PluginConfig{
		{Name: "disk", Command: []string{"/bin/true"}},
		{Name: "load", Command: []string{"/bin/true"}, Interval: 10 * time.Second},
		{Name: "tape", Command: []string{"/bin/true"}, Interval: time.Hour, Timeout: 10 * time.Minute},
	}
	list, err := Checks(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range list {
		line := c.Name()
		if s, ok := c.(checks.Scheduled); ok {
			line += fmt.Sprintf(" %v/%v", s.Schedule().Timeout, s.Schedule().Interval)
		}
		got = append(got, line)
	}
	wantText(t, "checks", strings.Join(got, ", "), "textfile, plugin/disk 30s/1m0s, plugin/load 6.666666666s/10s, plugin/tape 10m0s/1h0m0s")
}

// TestMistakesInTheConfiguration has one for each key.
func TestMistakesInTheConfiguration(t *testing.T) {
	const token = "0123456789abcdefghij"
	good := JobConfig{Name: "a", Token: token, Every: time.Hour}
	file := filepath.Join(t.TempDir(), "token")
	write(t, file, "short\n", 0o600)
	job := func(f func(*JobConfig)) func(*Config) {
		return func(c *Config) {
			j := good
			f(&j)
			c.Jobs = []JobConfig{j}
		}
	}
	plugin := func(p PluginConfig) func(*Config) { return func(c *Config) { c.Plugins = []PluginConfig{p} } }
	for _, tt := range []struct {
		change func(*Config)
		want   string
	}{
		{func(*Config) {}, ""},
		{func(c *Config) { c.Textfile.Dir = "textfiles" }, `textfile.dir: "textfiles" is not an absolute path`},
		{func(c *Config) { c.Textfile.MaxAge = -1 }, "textfile.max_age: -1ns is negative, 0 turns it off"},
		{func(c *Config) { c.Textfile.MaxAges = map[string]time.Duration{"a.txt": 1} }, `textfile.max_ages: "a.txt" is not the name of a *.prom file`},
		{func(c *Config) { c.Textfile.MaxAges = map[string]time.Duration{"/x/a.prom": 1} }, `textfile.max_ages: "/x/a.prom" is not the name of a *.prom file`},
		{func(c *Config) { c.Textfile.MaxAges = map[string]time.Duration{"a.prom": -1} }, "textfile.max_ages.a.prom: -1ns is negative, 0 turns it off"},
		{func(c *Config) { c.Textfile.MaxBytes = 0 }, "textfile.max_bytes: 0 is out of range, 1 to 67108864"},

		{plugin(PluginConfig{Name: "a b", Command: []string{"/x"}}), `plugins[0].name: "a b" is no name; use letters, digits, '.', '_' and '-', at most 64, a letter or digit first`},
		{plugin(PluginConfig{Name: "a"}), "plugins[0].command: give the plugin and its arguments as a list"},
		{plugin(PluginConfig{Name: "a", Command: []string{"check_disk", "-w"}}), `plugins[0].command[0]: "check_disk" is not an absolute path`},
		{plugin(PluginConfig{Name: "a", Command: []string{"/x", "a\x00b"}}), "plugins[0].command[1]: contains a zero byte"},
		{plugin(PluginConfig{Name: "a", Command: []string{"/x"}, Env: map[string]string{"A=B": "c"}}), `plugins[0].env: "A=B" cannot be set`},
		{plugin(PluginConfig{Name: "a", Command: []string{"/x"}, Interval: time.Second}), "plugins[0].interval: 1s is too short, at least 2s"},
		{plugin(PluginConfig{Name: "a", Command: []string{"/x"}, Interval: 25 * time.Hour}), "plugins[0].interval: 25h0m0s is out of range, 1s to 24h0m0s"},
		{plugin(PluginConfig{Name: "a", Command: []string{"/x"}, Timeout: 500 * time.Millisecond}), "plugins[0].timeout: 500ms is too short, at least 1s"},
		{plugin(PluginConfig{Name: "a", Command: []string{"/x"}, Interval: time.Minute, Timeout: time.Minute}), "plugins[0].timeout: 1m0s is not shorter than the interval of 1m0s"},
		{func(c *Config) {
			c.Plugins = []PluginConfig{{Name: "a", Command: []string{"/x"}}, {Name: "a", Command: []string{"/y"}}}
		}, "plugins[1].name: a stands twice"},

		{job(func(j *JobConfig) { j.Name = "" }), `jobs[0].name: "" is no name; use letters, digits, '.', '_' and '-', at most 64, a letter or digit first`},
		{job(func(j *JobConfig) { j.Token = "" }), "jobs[0].token: give either token or token_file"},
		{job(func(j *JobConfig) { j.TokenFile = "/x" }), "jobs[0].token: give either token or token_file"},
		{job(func(j *JobConfig) { j.Token = "short" }), "jobs[0].token: use 20 to 128 letters, digits, '-' and '_', such as openssl rand -hex 16 makes"},
		{job(func(j *JobConfig) { j.Token = token + "/../x" }), "jobs[0].token: use 20 to 128 letters, digits, '-' and '_', such as openssl rand -hex 16 makes"},
		{job(func(j *JobConfig) { j.Token, j.TokenFile = "", "token" }), `jobs[0].token_file: "token" is not an absolute path`},
		{job(func(j *JobConfig) { j.Token, j.TokenFile = "", "/nonexistent/token" }), "jobs[0].token_file: open /nonexistent/token: no such file or directory"},
		{job(func(j *JobConfig) { j.Token, j.TokenFile = "", file }), "jobs[0].token_file: use 20 to 128 letters, digits, '-' and '_', such as openssl rand -hex 16 makes"},
		{job(func(j *JobConfig) { j.Every = 0 }), "jobs[0].every: give either every or cron"},
		{job(func(j *JobConfig) { j.Cron = "@daily" }), "jobs[0].every: give either every or cron"},
		{job(func(j *JobConfig) { j.Every = time.Millisecond }), "jobs[0].every: 1ms is too short, at least 1s"},
		{job(func(j *JobConfig) { j.Every, j.Cron = 0, "30 2 * *" }), "jobs[0].cron: expected exactly 5 fields, found 4: [30 2 * *]"},
		{job(func(j *JobConfig) { j.Every, j.Cron = 0, "TZ=0" }), `jobs[0].cron: "TZ=0": say the zone in zone`},
		{job(func(j *JobConfig) { j.Every, j.Cron = 0, "0 0 30 2 *" }), `jobs[0].cron: "0 0 30 2 *" never comes`},
		{job(func(j *JobConfig) { j.Every, j.Cron, j.Zone = 0, "@daily", "Asia/Nowhere" }), "jobs[0].zone: unknown time zone Asia/Nowhere"},
		{job(func(j *JobConfig) { j.Grace = -1 }), "jobs[0].grace: -1ns is negative"},
		{job(func(j *JobConfig) { j.MaxRuntime = -1 }), "jobs[0].max_runtime: -1ns is negative, 0 turns it off"},
		{func(c *Config) {
			other := good
			other.Name = "b"
			c.Jobs = []JobConfig{good, other, good}
		}, "jobs[1].token: another job has the same\njobs[2].name: a stands twice\njobs[2].token: another job has the same"},
	} {
		cfg := Default()
		tt.change(&cfg)
		got := ""
		if err := cfg.Validate(); err != nil {
			got = err.Error()
		}
		wantText(t, "mistakes", got, tt.want)
		if _, err := Checks(cfg); (err != nil) != (tt.want != "") {
			t.Errorf("Checks: %v, want %s", err, tt.want)
		}
	}
}

func TestAFileMayHoldTheToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	write(t, file, "0123456789abcdefghij\n", 0o600)
	cfg := Default()
	cfg.Jobs = []JobConfig{{Name: "a", TokenFile: file, Every: time.Hour}}
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	const token = "verysecretverysecretverysecret"
	cfg := Config{Jobs: []JobConfig{{Name: "a", Token: token}}}
	asJSON, err1 := json.Marshal(cfg)
	asYAML, err2 := yaml.Marshal(cfg)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	fmt.Fprintf(&all, "%s %s", asJSON, asYAML)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&all, verb+verb, cfg.Jobs, cfg.Jobs[0].Token)
	}
	if strings.Contains(all.String(), token) || strings.Contains(all.String(), fmt.Sprintf("%x", token)) {
		t.Errorf("the token is printed: %s", &all)
	}
	if n := strings.Count(all.String(), "<secret>"); n < 9 {
		t.Errorf("<secret> stands %d times in %s", n, &all)
	}
}

func wantText(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	// The umask has had a say.
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// folder returns one that nobody else may write to.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// findings says them in one line each.
func findings(res checks.Result) string {
	var out []string
	for _, f := range res.Findings {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %v", f.Verdict, f.Code, filepath.Base(f.Subject), f.Args)))
	}
	return strings.Join(out, "\n")
}
