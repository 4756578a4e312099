package host

import (
	"context"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func topProcesses(ctx context.Context, n int, during time.Duration) ([]Process, error) {
	return topProcessesIn(ctx, Default(), n, during)
}

func topProcessesIn(ctx context.Context, cfg Config, n int, during time.Duration) ([]Process, error) {
	list, uptime, err := watch(ctx, newProcessReader(cfg.Procfs).read, during)
	if err != nil {
		return nil, err
	}
	users, lines := userNames(cfg.Rootfs), newCommands(cfg.Procfs)
	var out []Process
	for _, l := range pick(list, n) {
		p := describeProcess(l, uptime)
		p.User = owner(cfg.Procfs, l.pid, users)
		if line, ok := lines.of(ctx, l.process); ok {
			p.Command = mask(line)
		}
		out = append(out, p)
	}
	return out, nil
}

// owner returns the user that a process runs as; empty if it is gone.
func owner(procfs string, pid int, users map[uint32]string) string {
	var st unix.Stat_t
	if err := unix.Stat(procfs+"/"+strconv.Itoa(pid), &st); err != nil {
		return ""
	}
	if name := users[st.Uid]; name != "" {
		return name
	}
	return strconv.FormatUint(uint64(st.Uid), 10)
}

// userNames reads /etc/passwd itself: a name service could hang.
func userNames(rootfs string) map[uint32]string {
	b, err := os.ReadFile(strings.TrimRight(rootfs, "/") + "/etc/passwd")
	if err != nil {
		return nil
	}
	users := map[uint32]string{}
	for line := range strings.Lines(string(b)) {
		f := strings.Split(line, ":")
		if len(f) < 3 {
			continue
		}
		if uid, err := strconv.ParseUint(f[2], 10, 32); err == nil {
			users[uint32(uid)] = f[0]
		}
	}
	return users
}

func mountTable() ([]mount, error) {
	list, _, err := newMountReader(Default()).mounts()
	return list, err
}
