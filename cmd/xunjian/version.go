package main

import (
	"context"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (c *cli) versionCommand() *cobra.Command {
	return c.command("version", "version", func(context.Context, []string) error {
		v := struct {
			Version  string `json:"version"`
			Go       string `json:"go"`
			Platform string `json:"platform"`
		}{programVersion(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
		return c.show(v, func() { c.out.Line("xunjian %s (%s, %s)", v.Version, v.Go, v.Platform) })
	})
}

// programVersion is what the build said, else what the module says of itself.
func programVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
