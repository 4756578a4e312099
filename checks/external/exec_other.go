//go:build !unix

package external

import (
	"context"
	"fmt"
	"io/fs"
	"runtime"

	"xunjian/checks"
)

// worldWritable reports whether everybody may write to it. Here rights are not
// in the mode.
func worldWritable(fs.FileInfo) bool { return false }

// trusted refuses every program: here nothing says who could change it.
func trusted(string) (string, error) {
	return "", fmt.Errorf("%w: plugins are not run on %s", checks.ErrNotApplicable, runtime.GOOS)
}

// execute is never reached, for no program is trusted.
func execute(context.Context, string, []string, []string) (*ended, error) {
	return nil, checks.ErrNotApplicable
}
