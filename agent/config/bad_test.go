package config_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"xunjian/agent/config"
	"xunjian/alerting/planfile"
	"xunjian/alerting/yamlfile"
	"xunjian/rules"
)

var update = flag.Bool("update", false, "write what is generated instead of comparing it")

// TestBadConfigurations: each file beside its exact error.
func TestBadConfigurations(t *testing.T) {
	table(t, "testdata/bad/*.yaml", 40, func(path string) error {
		_, err := config.Load(path)
		var e *yamlfile.Error
		if !errors.As(err, &e) {
			t.Fatalf("%s: the error is a %T", path, err)
		}
		for _, p := range e.Problems {
			if p.File == "" || p.Line < 1 || p.Column < 1 || p.Message == "" {
				t.Errorf("%s: a mistake without a place: %+v", path, p)
			}
		}
		return err
	})
}

// TestBadRuleFiles: the same for rule files, as the engine reads them.
func TestBadRuleFiles(t *testing.T) {
	codes := planfile.Default().Codes()
	table(t, "testdata/bad-rules/*.yml", 20, func(path string) error {
		return rules.Check([]string{path}, codes)
	})
}

// table holds the error of every file that fits pattern against the file of
// the same name that ends in .err. The folder of the tests is written DIR.
func table(t *testing.T, pattern string, least int, load func(path string) error) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) < least {
		t.Fatalf("%d files fit %s, want at least %d (%v)", len(files), pattern, least, err)
	}
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			err := load(path)
			if err == nil {
				t.Fatal("was accepted")
			}
			got := strings.ReplaceAll(err.Error(), dir, "DIR") + "\n"
			beside := strings.TrimSuffix(path, filepath.Ext(path)) + ".err"
			if *update {
				if err := os.WriteFile(beside, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(beside)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
