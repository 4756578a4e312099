// Command xunjian inspects a server, turns faults into incidents and helps
// people to handle them.
//
// Each file here is a subcommand: it parses, calls and prints. What the words
// mean is decided elsewhere.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// version is set at build time.
var version = ""

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The second signal ends the process at once, whatever hangs.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}

// run is the whole program but for the process around it; it returns the exit
// status.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer, getenv func(string) string) int {
	c, err := newCLI(args, in, out, errOut, getenv)
	if err != nil {
		io.WriteString(errOut, "xunjian: "+err.Error()+"\n")
		return exitFailure
	}
	return c.execute(ctx, args)
}

// execute carries out the command line.
func (c *cli) execute(ctx context.Context, args []string) int {
	root := c.tree()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	return c.explain(cmd, err)
}
