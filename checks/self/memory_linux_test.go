package self

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheLowestLimitHolds(t *testing.T) {
	root := t.TempDir()
	set := func(group, limit string) {
		t.Helper()
		dir := filepath.Join(root, group)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "memory.max"), []byte(limit+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const group = "/system.slice/xunjian.service"
	want := func(limit float64) {
		t.Helper()
		if got := lowestLimit(root, group); got != limit {
			t.Errorf("limit %v, want %v", got, limit)
		}
	}
	want(0)
	set(group, "max")
	want(0)
	set(group, "1000000")
	want(1000000)
	set("/system.slice", "500000")
	want(500000)
	set("/", "400000")
	want(400000)
	set(group, "300000")
	want(300000)
}
