//go:build !linux

package host

import (
	"context"
	"runtime"
	"time"
)

func sessions(context.Context, Config) ([]Login, error) {
	return nil, missing("reader of sessions for " + runtime.GOOS)
}

func lastLogins(context.Context, Config, int) (LoginHistory, error) {
	return LoginHistory{}, missing("reader of logins for " + runtime.GOOS)
}

func administrators(context.Context, Config) ([]string, error) {
	return nil, missing("reader of accounts for " + runtime.GOOS)
}

func accountFiles(context.Context, Config, time.Time, int) (Changes, error) {
	return Changes{}, missing("reader of accounts for " + runtime.GOOS)
}

func keyFiles(context.Context, Config, time.Time, int) (Changes, error) {
	return Changes{}, missing("reader of keys for " + runtime.GOOS)
}

func changedFiles(context.Context, Config, []string, time.Time, int) (Changes, error) {
	return Changes{}, missing("reader of changed files for " + runtime.GOOS)
}
