//go:build !linux

package host

import (
	"context"
	"runtime"
	"time"

	psnet "github.com/shirou/gopsutil/v3/net"
)

func topProcesses(ctx context.Context, n int, during time.Duration) ([]Process, error) {
	list, uptime, err := watch(ctx, portableProcesses, during)
	if err != nil {
		return nil, err
	}
	var out []Process
	for _, l := range pick(list, n) {
		p := describeProcess(l, uptime)
		if line, ok := portableCommand(ctx, l.process); ok {
			p.Command = mask(line)
		}
		out = append(out, p)
	}
	return out, nil
}

func mountTable() ([]mount, error) {
	list, _, err := portableMounts()
	return list, err
}

func kernelLog(context.Context, int) ([]string, error) {
	return nil, missing("kernel log on " + runtime.GOOS)
}

func sockets(ctx context.Context) (SocketSummary, error) {
	return portableSockets(ctx, psnet.ConnectionsWithContext)
}
