package ruletest

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// promtool runs Debian's promtool (package prometheus) and reports whether it
// is content.
func promtool(t *testing.T, args ...string) (bool, string) {
	t.Helper()
	out, err := exec.Command("promtool", args...).CombinedOutput()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		t.Fatalf("run promtool (Debian package prometheus): %v", err)
	}
	return err == nil, string(out)
}

func run(t *testing.T, files ...string) Report {
	t.Helper()
	r, err := Run(context.Background(), files)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func text(t *testing.T, r Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(files), err)
	}
	return files
}

func TestSameVerdictAsPromtool(t *testing.T) {
	for _, file := range append(glob(t, "testdata/bad-*.yml"), glob(t, "testdata/good*.yml")...) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			theirs, said := promtool(t, "test", "rules", file)
			ours := run(t, file)
			if ours.OK() != theirs {
				t.Errorf("promtool says %v:\n%s\nwe say:\n%s", theirs, said, text(t, ours))
			}
			if want := strings.HasPrefix(filepath.Base(file), "good"); theirs != want {
				t.Errorf("promtool says %v:\n%s", theirs, said)
			}
		})
	}
}

func TestWhatFailuresSay(t *testing.T) {
	for file, want := range map[string]string{
		"bad-value":         `#1: expr "up" at 1m:`,
		"bad-missing-alert": "alert Down at 3m\n    expected: {alertname=\"Down\", severity=\"critical\"} {}\n    got:      nothing",
		"bad-no-alertname":  "misses required attribute alertname",
		"bad-notation":      `series "up"`,
		"bad-key":           "line 3: field input not found",
		"bad-rule-file":     "broken-rules.yml",
		"bad-evaluation":    "rule A: found duplicate series for the match group",
		"bad-order":         "group name repeated in evaluation order: recording",
		"bad-range-result":  "rule result is not a vector or scalar",
	} {
		r := run(t, "testdata/"+file+".yml")
		if got := text(t, r); !strings.Contains(got, want) || !strings.Contains(got, "FAILED") {
			t.Errorf("%s says\n%s\nwant\n%s", file, got, want)
		}
	}
}

func TestRunSaysWhatIsMissing(t *testing.T) {
	r := run(t, "testdata/none.yml")
	if r.OK() || !strings.Contains(text(t, r), "no such file") {
		t.Errorf("of a missing file it says %s", text(t, r))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, []string{"testdata/good.yml"}); !errors.Is(err, context.Canceled) {
		t.Errorf("after a cancel the error is %v", err)
	}
}

// What newer promtools than Debian's know: histograms, fuzzy_compare, start
// times.
func TestNewerNotations(t *testing.T) {
	r := run(t, "testdata/newer.yml")
	if !r.OK() {
		t.Error(text(t, r))
	}
	if n := r.Files[0].Tests; n != 3 {
		t.Errorf("%d tests were counted", n)
	}
	bad := run(t, "testdata/newer-bad.yml")
	if n := len(bad.Files[0].Failures); n != 3 {
		t.Errorf("%d failures, want 3:\n%s", n, text(t, bad))
	}
}

// Each default rule is seen firing and seen silent by its tests.
func TestDefaultRulesAreAllTested(t *testing.T) {
	for _, file := range glob(t, "../default/*.yml") {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		groups, errs := rulefmt.Parse(content, false, model.LegacyValidation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".yml")
		firing, silent := map[string]bool{}, map[string]bool{}
		for _, of := range append(glob(t, "../default/tests/"+name+"_test.yml"), globAny("../default/tests/"+name+"_*_test.yml")...) {
			tests, err := readFile(of)
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range tests.Tests {
				for _, a := range g.AlertRuleTests {
					firing[a.Alertname] = firing[a.Alertname] || len(a.ExpAlerts) > 0
					silent[a.Alertname] = silent[a.Alertname] || len(a.ExpAlerts) == 0
				}
			}
		}
		for _, g := range groups.Groups {
			for _, r := range g.Rules {
				if !firing[r.Alert] || !silent[r.Alert] && r.Alert != "Watchdog" {
					t.Errorf("%s: %s is tested firing: %v, silent: %v", file, r.Alert, firing[r.Alert], silent[r.Alert])
				}
			}
		}
	}
}

// globAny returns the files of a pattern, of which there may be none.
func globAny(pattern string) []string {
	list, _ := filepath.Glob(pattern)
	return list
}
