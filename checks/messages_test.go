package checks_test

import (
	"io/fs"
	"strings"
	"testing"

	"xunjian/checks"
)

func TestMessagesComeInPairs(t *testing.T) {
	files, err := fs.Glob(checks.Messages, "messages/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, name := range files {
		other := strings.Replace(name, ".zh-CN.", ".en.", 1)
		if strings.Contains(name, ".en.") {
			other = strings.Replace(name, ".en.", ".zh-CN.", 1)
		}
		if _, err := fs.Stat(checks.Messages, other); err != nil {
			t.Errorf("%s has no counterpart: %v", name, err)
		}
	}
}
