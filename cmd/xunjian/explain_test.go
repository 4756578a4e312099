package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"xunjian/alerting/text"
	"xunjian/cmd/xunjian/term"
)

// program runs the program but for the process around it.
func program(t *testing.T, env map[string]string, args ...string) (status int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	status = run(t.Context(), args, strings.NewReader(""), &o, &e, func(name string) string { return env[name] })
	return status, o.String(), e.String()
}

// speaker is the program in a language, as it is before the flags are read; it
// runs a command line on a screen of some columns, 0 being a file. The texts are
// loaded once.
func speaker(t *testing.T, lang string) func(columns int, args ...string) (status int, out, errOut string) {
	t.Helper()
	base, err := newCLI([]string{"--lang", lang}, strings.NewReader(""), nil, nil, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	return func(columns int, args ...string) (int, string, string) {
		var o, e bytes.Buffer
		c := *base
		c.out, c.err = term.Out{Writer: &o, Columns: columns}, term.Out{Writer: &e, Columns: columns}
		status := c.execute(t.Context(), args)
		return status, o.String(), e.String()
	}
}

// commands are all commands in a language, by path.
func commands(t *testing.T, lang string) map[string]*cobra.Command {
	t.Helper()
	c, err := newCLI([]string{"--lang", lang}, strings.NewReader(""), os.Stdout, os.Stderr, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*cobra.Command{}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		out[cmd.CommandPath()] = cmd
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(c.tree())
	if len(out) < 60 {
		t.Fatalf("only %d commands", len(out))
	}
	return out
}

var (
	han   = regexp.MustCompile(`\p{Han}`)
	latin = regexp.MustCompile(`[A-Za-z]{2}`)
)

// Every command and flag has its help in both languages, in words of its own.
func TestEveryCommandIsExplained(t *testing.T) {
	en := commands(t, text.EN)
	for path, zh := range commands(t, text.ZH) {
		for id, words := range map[string][2]string{"short": {zh.Short, en[path].Short}, "long": {zh.Long, en[path].Long}} {
			if words[0] == "" && words[1] == "" && id == "long" {
				continue
			}
			if !han.MatchString(words[0]) || han.MatchString(words[1]) || !latin.MatchString(words[1]) {
				t.Errorf("%s: %s is %q in Chinese, %q in English", path, id, words[0], words[1])
			}
		}
		zh.LocalFlags().VisitAll(func(f *pflag.Flag) {
			other := en[path].Flag(f.Name)
			if !han.MatchString(f.Usage) || han.MatchString(other.Usage) || !latin.MatchString(other.Usage) || strings.Contains(other.Usage, "cli.") {
				t.Errorf("%s --%s: %q in Chinese, %q in English", path, f.Name, f.Usage, other.Usage)
			}
			word, _ := pflag.UnquoteUsage(f)
			if f.Value.Type() != "bool" && (word == "" || han.MatchString(word)) {
				t.Errorf("%s --%s %q: the value has no word that a person could type", path, f.Name, word)
			}
		})
	}
}

// --help of every command says how it is used, in both languages, on standard
// output, and exits with 0.
func TestHelpOfEveryCommand(t *testing.T) {
	for lang, words := range map[string][]string{
		text.ZH: {"用法：", "全局选项：", "退出状态："},
		text.EN: {"Usage:", "Global flags:", "Exit status:"},
	} {
		say := speaker(t, lang)
		for path, cmd := range commands(t, lang) {
			status, out, errOut := say(0, append(strings.Fields(path)[1:], "--help")...)
			if status != 0 || errOut != "" {
				t.Errorf("%s --help: exit %d, %q", path, status, errOut)
			}
			for _, w := range append(words, path) {
				if !strings.Contains(out, w) {
					t.Errorf("%s --help in %s does not say %q:\n%s", path, lang, w, out)
				}
			}
			for _, sub := range cmd.Commands() {
				if !strings.Contains(out, sub.Short) && sub.Name() != "help" {
					t.Errorf("%s --help in %s does not list %s", path, lang, sub.Name())
				}
			}
			if _, again, _ := say(0, append([]string{"help"}, strings.Fields(path)[1:]...)...); again != out {
				t.Errorf("help %s says something else than %s --help", path, path)
			}
		}
	}
}

// On a terminal of 80 columns nothing of the help stands outside.
func TestHelpFitsTheScreen(t *testing.T) {
	for _, lang := range []string{text.ZH, text.EN} {
		say := speaker(t, lang)
		for path := range commands(t, lang) {
			_, out, _ := say(80, append(strings.Fields(path)[1:], "--help")...)
			for line := range strings.SplitSeq(out, "\n") {
				if w := term.Width(line); w > 80 {
					t.Errorf("%s --help in %s has %d columns: %q", path, lang, w, line)
				}
			}
		}
	}
}

// offline are the commands that need no agent.
var offline = regexp.MustCompile(`^xunjian (run|inspect|version|completion|help|config (check|example)|plan (check|diff|lint)|rules test|logs|logs (scan|verify))$`)

// values are arguments and flags that make sense until an agent is asked.
func sensible(t *testing.T, cmd *cobra.Command) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte("groups: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := strings.Fields(cmd.CommandPath())[1:]
	for _, word := range strings.Fields(cmd.Use)[1:] {
		switch {
		case strings.HasPrefix(word, "["):
		case strings.HasPrefix(word, "FILE"):
			args = append(args, file)
		case word == "WHEN":
			args = append(args, "1h")
		default:
			args = append(args, "x")
		}
	}
	if cmd.Flags().Lookup("all") != nil && strings.Contains(cmd.Use, "[PATH") {
		args = append(args, "--all")
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Annotations[cobra.BashCompOneRequiredFlag] != nil {
			args = append(args, "--"+f.Name+"=2026-01-02")
		}
	})
	return args
}

// Without an agent every command that needs one says so, and what to do.
func TestNoAgent(t *testing.T) {
	for lang, want := range map[string]string{text.ZH: "无应答", text.EN: "no agent answers"} {
		say := speaker(t, lang)
		n := 0
		for path, cmd := range commands(t, lang) {
			if cmd.HasSubCommands() && !strings.HasPrefix(path, "xunjian ") || offline.MatchString(path) || path == "xunjian config" {
				continue
			}
			n++
			data := t.TempDir()
			status, out, errOut := say(0, append(sensible(t, cmd), "--data", data)...)
			if status != 1 || out != "" || !strings.Contains(errOut, want) || !strings.Contains(errOut, data) || !strings.Contains(errOut, "xunjian run") {
				t.Errorf("%s: exit %d, %q, %q", path, status, out, errOut)
			}
		}
		if n < 50 {
			t.Errorf("only %d commands", n)
		}
	}
}

// A command line that makes no sense is exit status 2 for every command, with
// where to read on; inspect keeps 2 for what is abnormal.
func TestMistakesOnTheCommandLine(t *testing.T) {
	say := speaker(t, text.EN)
	for path, cmd := range commands(t, text.EN) {
		want := 2
		if path == "xunjian inspect" || path == "xunjian logs scan" {
			want = exitNotInspected
		}
		for _, wrong := range [][]string{{"--no-such-flag"}, {"--output", "xml"}, {"--lang", "fr"}, {"--data"}} {
			args := append(sensible(t, cmd), wrong...)
			status, out, errOut := say(0, args...)
			if status != want || out != "" || !strings.HasPrefix(errOut, "xunjian: ") || !strings.Contains(errOut, "--help") {
				t.Errorf("%s: exit %d, want %d, %q, %q", strings.Join(args, " "), status, want, out, errOut)
			}
		}
		if len(strings.Fields(cmd.Use)) > 1 && !strings.HasPrefix(strings.Fields(cmd.Use)[1], "[") {
			status, _, errOut := say(0, strings.Fields(path)[1:]...)
			if status != want || !strings.Contains(errOut, " is missing") {
				t.Errorf("%s without arguments: exit %d, %q", path, status, errOut)
			}
		}
	}
}

// The language is that of --lang, else of the first that the environment sets,
// else Chinese.
func TestLanguage(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		args []string
		want string
	}{
		{nil, nil, text.ZH},
		{map[string]string{"LANG": "en_US.UTF-8"}, nil, text.EN},
		{map[string]string{"LANG": "zh_CN.UTF-8"}, nil, text.ZH},
		{map[string]string{"LANG": "zh_TW.Big5"}, nil, text.ZH},
		{map[string]string{"LANG": "C.UTF-8"}, nil, text.EN},
		{map[string]string{"LC_ALL": "POSIX", "LANG": "zh_CN.UTF-8"}, nil, text.EN},
		{map[string]string{"LC_MESSAGES": "zh_CN.UTF-8", "LANG": "en_GB"}, nil, text.ZH},
		{map[string]string{"LANG": "en_US.UTF-8"}, []string{"--lang", "zh-CN"}, text.ZH},
		{map[string]string{"LANG": "zh_CN.UTF-8"}, []string{"--lang=en"}, text.EN},
	} {
		want := map[string]string{text.ZH: "用法：", text.EN: "Usage:"}[c.want]
		if _, out, _ := program(t, c.env, append(c.args, "--help")...); !strings.Contains(out, want) {
			t.Errorf("%v %v: not in %s", c.env, c.args, c.want)
		}
	}
}

// A moment on the command line is absolute, or counts back from now.
func TestWhen(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Time{
		"90m": now.Add(-90 * time.Minute), "7d": now.AddDate(0, 0, -7), "2026-03-01": time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		"2026-03-01 15:04": time.Date(2026, 3, 1, 15, 4, 0, 0, time.UTC), "2026-03-01T15:04:05Z": time.Date(2026, 3, 1, 15, 4, 5, 0, time.UTC),
	} {
		if got, err := parseWhen(in, now, time.UTC); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "yesterday", "15:04", "2026-13-01"} {
		if got, err := parseWhen(in, now, time.UTC); err == nil {
			t.Errorf("%q is %v", in, got)
		}
	}
	if got, err := restoredAt("90m", now); err != nil || !got.Equal(now.Add(90*time.Minute)) {
		t.Errorf("an estimate of 90m: %v %v", got, err)
	}
}
