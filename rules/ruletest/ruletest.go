// Package ruletest tests rules before they judge anything: Run runs unit tests
// in promtool's file format, Backtest replays rules over the server's own
// history.
//
// A test file that passes here passes `promtool test rules`, and the other way
// round; the groups are evaluated by the same code.
package ruletest

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// Report is what became of the test files.
type Report struct {
	Files []FileReport `json:"files"`
}

// FileReport is what became of one file.
type FileReport struct {
	File     string    `json:"file"`
	Tests    int       `json:"tests"` // test groups in it
	Failures []Failure `json:"failures,omitempty"`
}

// Failure is one expectation that was not met, or a mistake in the file.
type Failure struct {
	Test    string `json:"test,omitempty"` // name of the test group, or its number: #2
	Message string `json:"message"`
}

// OK reports whether everything passed.
func (r Report) OK() bool {
	for _, f := range r.Files {
		if len(f.Failures) > 0 {
			return false
		}
	}
	return true
}

// WriteText writes the report for people.
func (r Report) WriteText(w io.Writer) error {
	for _, f := range r.Files {
		verdict := "ok"
		if len(f.Failures) > 0 {
			verdict = "FAILED"
		}
		if _, err := fmt.Fprintf(w, "%s: %s (%d tests)\n", f.File, verdict, f.Tests); err != nil {
			return err
		}
		for _, x := range f.Failures {
			if _, err := fmt.Fprintf(w, "  %s\n", x); err != nil {
				return err
			}
		}
	}
	return nil
}

// String writes the failure with its lines indented.
func (f Failure) String() string {
	message := strings.ReplaceAll(f.Message, "\n", "\n    ")
	if f.Test == "" {
		return message
	}
	return f.Test + ": " + message
}

// Run runs the unit tests in the files. What is wrong with a file or does not
// pass is in the Report; the error is that of ctx.
func Run(ctx context.Context, files []string) (Report, error) {
	var r Report
	for _, f := range files {
		one := FileReport{File: f}
		tests, err := readFile(f)
		if err != nil {
			one.Failures = []Failure{{Message: err.Error()}}
		} else {
			one.Tests = len(tests.Tests)
			one.Failures = tests.run(ctx)
		}
		if err := ctx.Err(); err != nil {
			return r, err
		}
		r.Files = append(r.Files, one)
	}
	return r, nil
}
