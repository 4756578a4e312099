package deploy_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	commands   = regexp.MustCompile("(?s)```(?:sh|ini)\n(.*?)```")
	sourceFile = regexp.MustCompile(`(?:deploy|rules)/[\w./*-]+\.\w+`)
	tableFile  = regexp.MustCompile("`((?:systemd|prometheus|alertmanager|grafana|xunjian)[\\w./-]*)`")
)

// TestReadmes: both languages give the same commands, and what they copy is
// there.
func TestReadmes(t *testing.T) {
	en, zh := commandsOf(t, "README.md"), commandsOf(t, "README.zh-CN.md")
	for i := range zh {
		zh[i] = strings.ReplaceAll(zh[i], "密码文件", "PASSWORD-FILE")
	}
	if !slices.Equal(en, zh) {
		t.Errorf("the commands differ:\n%q\n%q", en, zh)
	}
	for _, name := range sourceFile.FindAllString(strings.Join(en, ""), -1) {
		if strings.Contains(name, "*") {
			continue
		}
		if _, err := os.Stat("../" + name); err != nil {
			t.Errorf("README.md copies %v", err)
		}
	}
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	table, _, _ := strings.Cut(string(b), "## ")
	named := tableFile.FindAllStringSubmatch(table, -1)
	if len(named) < 7 {
		t.Errorf("the table names only %v", named)
	}
	for _, m := range named {
		if _, err := os.Stat(m[1]); err != nil {
			t.Errorf("README.md names %v", err)
		}
	}
}

func commandsOf(t *testing.T, file string) (all []string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range commands.FindAllStringSubmatch(string(b), -1) {
		all = append(all, m[1])
	}
	return all
}
