//go:build !linux

package host

import (
	"context"
	"runtime"
)

func lookPath(context.Context, Config) (Path, error) {
	return Path{}, missing("path reader for " + runtime.GOOS)
}

func peers(context.Context, Config, int) (PeerSummary, error) {
	return PeerSummary{}, missing("reader of peers for " + runtime.GOOS)
}
