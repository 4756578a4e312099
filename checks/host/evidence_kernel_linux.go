package host

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"xunjian/checks"
)

// kernelLevels are the priorities of a record, as dmesg calls them.
var kernelLevels = [...]string{"emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"}

func kernelLog(ctx context.Context, lines int) ([]string, error) {
	const path = "/dev/kmsg"
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var r reader
	uptime, err := r.uptimeOf(Default().Procfs)
	if err != nil {
		return nil, err
	}
	boot := time.Now().Add(-uptime)
	return records(ctx, func(p []byte) (int, error) { return unix.Read(fd, p) }, lines, boot)
}

// records reads the log to its end and keeps the last lines of it. Each read
// yields one record.
func records(ctx context.Context, read func([]byte) (int, error), lines int, boot time.Time) ([]string, error) {
	ring, next := make([]string, 0, lines), 0
	kept := func() []string { return append(slices.Clone(ring[next:]), ring[:next]...) }
	buf := make([]byte, 16<<10) // a record is at most 8 KiB
	for faults := 0; ctx.Err() == nil; {
		n, err := read(buf)
		switch {
		case err == unix.EAGAIN || err == nil && n == 0:
			return kept(), nil
		case (err == unix.EINTR || err == unix.EPIPE) && faults < maxKernelFaults:
			faults++ // EPIPE: overwritten meanwhile; the oldest there is comes next
			continue
		case err != nil:
			return kept(), fmt.Errorf("read the kernel log: %w", err)
		}
		line, ok := kernelLine(buf[:n], boot)
		switch {
		case !ok:
		case len(ring) < lines:
			ring = append(ring, line)
		default:
			ring[next] = line
			next = (next + 1) % lines
		}
	}
	return kept(), nil
}

// maxKernelFaults bounds the reads that yield nothing: a log that is written
// faster than it is read must not hold us.
const maxKernelFaults = 1000

// kernelLine decodes a record such as "6,339,5140900,-;the message\n KEY=value".
func kernelLine(rec []byte, boot time.Time) (string, bool) {
	head, body, ok := bytes.Cut(rec, []byte(";"))
	if !ok {
		return "", false
	}
	f := bytes.SplitN(head, []byte(","), 4)
	if len(f) < 3 {
		return "", false
	}
	priority, ok := number(f[0])
	micro, ok2 := number(f[2])
	if !ok || !ok2 {
		return "", false
	}
	message, _ := cutLine(body)
	at := boot.Add(time.Duration(micro) * time.Microsecond).UTC()
	line := at.Format("2006-01-02T15:04:05.000Z") + " " + kernelLevels[priority&7] + ": " + unescapeKernel(message)
	return checks.SafeText(line, maxKernelLine), true
}

// unescapeKernel undoes the \xNN by which the kernel writes what is not
// printable ASCII, so that UTF-8 reads as written.
func unescapeKernel(b []byte) string {
	if !bytes.Contains(b, []byte(`\x`)) {
		return string(b)
	}
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		if len(b) >= 4 && b[0] == '\\' && b[1] == 'x' {
			if n, err := strconv.ParseUint(string(b[2:4]), 16, 8); err == nil {
				out, b = append(out, byte(n)), b[4:]
				continue
			}
		}
		out, b = append(out, b[0]), b[1:]
	}
	return string(out)
}
