package self

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// resident returns the process' resident memory in bytes.
func resident() (float64, error) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var size, pages int64
	if _, err := fmt.Fscan(bytes.NewReader(b), &size, &pages); err != nil {
		return 0, fmt.Errorf("read /proc/self/statm: %w", err)
	}
	return float64(pages) * float64(os.Getpagesize()), nil
}

// groupLimit returns the lowest memory limit of the process' control groups
// (version 2) in bytes; 0 if there is none.
func groupLimit() float64 {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if group, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return lowestLimit("/sys/fs/cgroup", group)
		}
	}
	return 0
}

// lowestLimit reads memory.max of a group and all above it.
func lowestLimit(root, group string) float64 {
	lowest := 0.0
	for ; ; group = filepath.Dir(group) {
		b, err := os.ReadFile(filepath.Join(root, group, "memory.max"))
		if n, bad := strconv.ParseFloat(strings.TrimSpace(string(b)), 64); err == nil && bad == nil && (lowest == 0 || n < lowest) {
			lowest = n
		}
		if group == "/" || group == "." {
			return lowest
		}
	}
}
