package main

import (
	"embed"
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
	"time"

	"xunjian/agent/api"
	"xunjian/agent/config"
	"xunjian/alerting/text"
	"xunjian/cmd/xunjian/term"
)

//go:embed messages/*.yaml
var messages embed.FS

// cli is one invocation: where it reads and prints, in which language, and
// what the global flags say.
type cli struct {
	in       io.Reader
	out, err term.Out
	getenv   func(string) string
	catalog  *text.Catalog
	say      *text.Printer

	data     string
	output   string
	lang     string
	noColour bool
}

func newCLI(args []string, in io.Reader, out, errOut io.Writer, getenv func(string) string) (*cli, error) {
	catalog, err := text.Load(time.Local, messages)
	if err != nil {
		return nil, err
	}
	c := &cli{
		in: in, out: term.Open(out, getenv), err: term.Open(errOut, getenv), getenv: getenv,
		catalog: catalog, data: config.DefaultData,
	}
	if d := getenv("XUNJIAN_DATA"); d != "" {
		c.data = d
	}
	// The language is needed before the flags are parsed: their help is text.
	c.say = catalog.For(language(args, getenv))
	return c, nil
}

// language is the word after --lang, else what the environment says.
func language(args []string, getenv func(string) string) string {
	for n, a := range args {
		if a == "--" {
			break
		}
		if v, ok := strings.CutPrefix(a, "--lang="); ok {
			return text.Match(v)
		}
		if a == "--lang" && n+1 < len(args) {
			return text.Match(args[n+1])
		}
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		v := getenv(name)
		switch base, _, _ := strings.Cut(v, "."); base {
		case "":
			continue
		case "C", "POSIX":
			return text.EN
		}
		return text.Match(v)
	}
	return text.ZH
}

// t says a message of the command line.
func (c *cli) t(id string, args map[string]any) string { return c.say.T("cli."+id, args) }

// client talks to the agent of the data folder.
func (c *cli) client() *api.Client { return api.Dial(c.socket(), c.say.Lang()) }

func (c *cli) socket() string { return filepath.Join(c.data, api.SocketName) }

// asJSON says that --output json was given.
func (c *cli) asJSON() bool { return c.output == "json" }

// show prints v as JSON, or else calls table.
func (c *cli) show(v any, table func()) error {
	if !c.asJSON() {
		table()
		return nil
	}
	enc := json.NewEncoder(c.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
