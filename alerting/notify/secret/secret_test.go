package secret_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"xunjian/alerting/notify/secret"
)

func file(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRead(t *testing.T) {
	for content, want := range map[string]string{
		"hunter2": "hunter2", "hunter2\n": "hunter2", "hunter2\r\n": "hunter2", "口令 有空格 \n": "口令 有空格 ", " led\n": " led",
	} {
		if got, err := secret.Read(file(t, content, 0o600)); got != want || err != nil {
			t.Errorf("%q: %q %v", content, got, err)
		}
	}
	for content, want := range map[string]string{
		"": "is empty", "\n\n": "is empty", "hunter2\nhunter3\n": "more than one line", "hunter2\x00": "more than one line", "hunter2\xff": "in UTF-8",
		strings.Repeat("hunter2", 2000): "more than 8192 bytes",
	} {
		got, err := secret.Read(file(t, content, 0o600))
		if got != "" || err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%.20q: %q, error %v, want …%s…", content, got, err, want)
		}
	}
	for _, path := range []string{filepath.Join(t.TempDir(), "none"), t.TempDir()} {
		if _, err := secret.Read(path); err == nil || !strings.HasPrefix(err.Error(), "cannot read "+path+": ") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestExposed(t *testing.T) {
	for mode, want := range map[os.FileMode]string{
		0o600: "", 0o400: "", 0o640: "", 0o644: "every user", 0o604: "every user", 0o602: "every user", 0o660: "its group", 0o666: "every user",
	} {
		got := secret.Exposed(file(t, "hunter2", mode))
		if (got == "") != (want == "") || !strings.Contains(got, want) || strings.Contains(got, "hunter2") {
			t.Errorf("%04o: %q, want …%s…", mode, got, want)
		}
	}
}

func TestMask(t *testing.T) {
	if got := secret.Mask("a hunter2 b hunter2 c", "", "hunter2"); got != "a <secret> b <secret> c" {
		t.Error(got)
	}
}
