package main

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"xunjian/agent/api"
	"xunjian/alerting/yamlfile"
	"xunjian/cmd/xunjian/term"
	"xunjian/rules"
)

// The exit statuses of every command but inspect.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2 // or a configuration that is not valid
)

// Output rules: an error is one sentence on standard error after "xunjian:",
// then, if there is something to be done about it, one line with a hint.
// Mistakes in files are printed as they are, one a line.

// fault is an error with its exit status, and a hint if there is one.
type fault struct {
	status  int
	message string // empty: the status says it all
	hint    string
}

func (f *fault) Error() string { return f.message }

// usage is the fault of a command line that makes no sense.
func (c *cli) usage(id string, args map[string]any) error {
	return &fault{status: exitUsage, message: c.t("usage."+id, args)}
}

// statuses is the annotation of commands whose failures have another exit
// status than exitFailure and exitUsage.
const annotationFailure = "failure"

// explain prints an error and returns the exit status.
func (c *cli) explain(cmd *cobra.Command, err error) int {
	f := c.faultOf(cmd, err)
	unclear := f.status == exitUsage
	if f.status != exitOK && cmd.Annotations[annotationFailure] != "" && f.message != "" {
		f.status = exitNotInspected
	}
	if f.message == "" {
		return f.status
	}
	if isFileMistake(err) {
		c.err.Line("%s", f.message)
		return f.status
	}
	c.err.Led("xunjian: ", term.RedBold, f.message)
	if f.hint == "" && unclear {
		f.hint = c.t("hint.help", map[string]any{"command": cmd.CommandPath()})
	}
	if f.hint != "" {
		c.err.Led(c.t("hint", nil), term.Cyan, f.hint)
	}
	return f.status
}

func (c *cli) faultOf(cmd *cobra.Command, err error) *fault {
	if f := (*fault)(nil); errors.As(err, &f) {
		return f
	}
	if e := (*api.Error)(nil); errors.As(err, &e) {
		return c.refused(cmd, e)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return &fault{status: exitFailure, message: c.t("error.interrupted", nil)}
	case errors.Is(err, api.ErrUnreachable):
		return c.unreachable(err)
	case isFileMistake(err):
		return &fault{status: exitUsage, message: err.Error()}
	}
	return &fault{status: exitFailure, message: err.Error()}
}

// refused is what the agent did not do. A word it does not know is a mistake
// on the command line.
func (c *cli) refused(cmd *cobra.Command, e *api.Error) *fault {
	f := &fault{status: exitFailure, message: e.Message}
	switch {
	case e.Code == "changed_meanwhile":
		f.hint = c.t("hint.look_again", nil)
	case e.Code == "not_found" && cmd.Flags().NArg() > 0:
		f.message = c.t("error.not_found", map[string]any{"name": cmd.Flags().Arg(0)})
		f.hint = c.t("hint.list", map[string]any{"command": cmd.Parent().CommandPath()})
	case e.Field != "" && (e.Status == http.StatusBadRequest || e.Status == http.StatusUnprocessableEntity):
		f.status = exitUsage
	}
	return f
}

// unreadable says which file on the command line cannot be read; nil is no
// error.
func (c *cli) unreadable(file string, err error) error {
	args := map[string]any{"file": file}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c.usage("no_file", args)
	case errors.Is(err, fs.ErrPermission):
		return c.usage("file_denied", args)
	}
	return err
}

// unreachable says why no agent answers, as far as can be told.
func (c *cli) unreachable(err error) *fault {
	at := map[string]any{"socket": c.socket(), "data": c.data}
	if errors.Is(err, fs.ErrPermission) {
		return &fault{status: exitFailure, message: c.t("error.no_permission", at), hint: c.t("hint.permission", at)}
	}
	if errors.Is(err, syscall.EINVAL) {
		return &fault{status: exitFailure, message: c.t("error.long_path", at), hint: c.t("hint.long_path", at)}
	}
	return &fault{status: exitFailure, message: c.t("error.no_agent", at), hint: c.t("hint.no_agent", at)}
}

// isFileMistake tells mistakes in files that people write.
func isFileMistake(err error) bool {
	return errors.As(err, new(*yamlfile.Error)) || errors.As(err, new(*rules.LoadError))
}

// badFlag says in the reader's language what is wrong with a flag.
func (c *cli) badFlag(cmd *cobra.Command, err error) error {
	unknown, needs := (*pflag.NotExistError)(nil), (*pflag.ValueRequiredError)(nil)
	invalid, syntax := (*pflag.InvalidValueError)(nil), (*pflag.InvalidSyntaxError)(nil)
	switch {
	case errors.As(err, &unknown):
		name := "--" + unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			name = "-" + unknown.GetSpecifiedName()
		}
		return c.usage("unknown_flag", map[string]any{"flag": name, "command": cmd.CommandPath()})
	case errors.As(err, &needs):
		return c.usage("flag_needs_value", map[string]any{"flag": "--" + needs.GetFlag().Name})
	case errors.As(err, &invalid):
		return c.usage("bad_flag_value", map[string]any{"flag": "--" + invalid.GetFlag().Name, "value": invalid.GetValue()})
	case errors.As(err, &syntax):
		return c.usage("bad_flag_syntax", map[string]any{"flag": syntax.GetSpecifiedFlag()})
	}
	return &fault{status: exitUsage, message: err.Error()}
}

// oneOf refuses a flag value that is not one of the words.
func (c *cli) oneOf(flag, value string, words ...string) error {
	for _, w := range words {
		if value == w {
			return nil
		}
	}
	return c.usage("not_one_of", map[string]any{"flag": flag, "value": value, "words": strings.Join(words, ", ")})
}
