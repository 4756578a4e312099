package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"xunjian/agent/config"
)

// TestWarnings: a secret that everybody may read is used, and told of.
func TestWarnings(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "mail.password"), []byte(hidden+"\n"))
	write(t, filepath.Join(dir, "duty.url"), []byte("https://oapi.dingtalk.com/robot/send?access_token="+hidden+"\n"))
	write(t, filepath.Join(dir, "xunjian.yaml"), []byte(`
notify:
  mail: {server: "smtp.example.org:587", from: a@example.org, username: a, password_file: mail.password}
  robots: [{name: duty, kind: dingtalk, url_file: duty.url}]
`))
	for _, c := range []struct {
		mode os.FileMode
		keys []string
	}{{0o600, nil}, {0o640, nil}, {0o644, []string{"notify.mail.password_file", "notify.robots[0].url_file"}}} {
		for _, name := range []string{"mail.password", "duty.url"} {
			if err := os.Chmod(filepath.Join(dir, name), c.mode); err != nil {
				t.Fatal(err)
			}
		}
		cfg, err := config.Load(filepath.Join(dir, "xunjian.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for _, w := range cfg.Warnings() {
			key, said, _ := strings.Cut(w, ": ")
			if keys = append(keys, key); strings.Contains(w, hidden) || !strings.Contains(said, "chmod 600 "+dir) {
				t.Error(w)
			}
		}
		if !slices.Equal(keys, c.keys) {
			t.Errorf("mode %04o: warned of %q, want %q", c.mode, keys, c.keys)
		}
	}
}
