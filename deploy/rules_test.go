package deploy_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// The rules that ship pass their tests by promtool and by the program itself,
// which has to say the same of them.
func TestShippedRules(t *testing.T) {
	t.Parallel()
	rules, tests := glob(t, "../rules/default/*.yml"), glob(t, "../rules/default/tests/*.yml")
	if said := tool(t, "promtool", append([]string{"check", "rules"}, rules...)...); strings.Contains(said, "duplicate") {
		t.Errorf("promtool check rules:\n%s", said)
	}
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	for name, program := range map[string]string{"promtool": "promtool", "xunjian": bin} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := []string{"test", "rules"}
			if program == bin {
				args = []string{"rules", "test"}
			}
			tool(t, program, append(args, tests...)...)
		})
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(files), err)
	}
	return files
}
