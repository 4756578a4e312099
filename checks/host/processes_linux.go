package host

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// processReader reads /proc/PID/stat of every process, and nothing else of
// most: it is the dearest look of all, some 6 µs a process.
type processReader struct {
	reader
	procfs string
	// entries holds what getdents returns, names the names already seen.
	entries []byte
	names   map[string]string
}

func newProcessReader(procfs string) *processReader {
	return &processReader{procfs: procfs, entries: make([]byte, 32<<10), names: map[string]string{}}
}

// maxNames bounds the names kept: a machine can be made to run programs of
// ever new names.
const maxNames = 4096

func (r *processReader) read(l *processLook) error {
	var err error
	if l.uptime, err = r.uptime(); err != nil {
		return err
	}
	if l.list, err = r.list(l.list[:0]); err != nil {
		return err
	}
	l.limits = l.limits[:0]
	if v, ok := r.value(r.procfs + "/sys/kernel/pid_max"); ok {
		l.limits = append(l.limits, figure{processesMax, v})
	}
	if v, ok := r.value(r.procfs + "/sys/kernel/threads-max"); ok {
		l.limits = append(l.limits, figure{processesMaxThreads, v})
	}
	return nil
}

// uptimeOf reads how long ago the machine booted.
func (r *reader) uptimeOf(procfs string) (time.Duration, error) {
	b, err := r.one(procfs + "/uptime")
	if err != nil {
		return 0, err
	}
	field, _ := cutField(b)
	s, ok := float(field)
	if !ok {
		return 0, fmt.Errorf("parse %s/uptime: %q is not a number", procfs, field)
	}
	return time.Duration(s * float64(time.Second)), nil
}

func (r *processReader) uptime() (time.Duration, error) { return r.uptimeOf(r.procfs) }

// list reads the processes there are. Those that end meanwhile are left out.
func (r *processReader) list(list []process) ([]process, error) {
	if len(r.names) > maxNames {
		clear(r.names)
	}
	dir, err := unix.Open(r.procfs, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return list, &fs.PathError{Op: "open", Path: r.procfs, Err: err}
	}
	defer unix.Close(dir)
	for {
		n, err := unix.ReadDirent(dir, r.entries)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return list, &fs.PathError{Op: "list", Path: r.procfs, Err: err}
		}
		if n <= 0 {
			return list, nil
		}
		if list, err = r.batch(dir, r.entries[:n], list); err != nil {
			return list, err
		}
	}
}

// batch reads the processes of one answer of getdents: records of inode,
// offset, length, type and a name that a zero byte ends.
func (r *processReader) batch(dir int, entries []byte, list []process) ([]process, error) {
	const lengthAt, nameAt = 16, 19 // in every linux_dirent64
	for len(entries) >= nameAt {
		size := int(binary.NativeEndian.Uint16(entries[lengthAt:]))
		if size < nameAt || size > len(entries) {
			return list, errors.New("list processes: the kernel's answer has a record of wrong length")
		}
		name, _, _ := bytes.Cut(entries[nameAt:size], []byte{0})
		entries = entries[size:]
		pid, ok := number(name)
		if !ok {
			continue
		}
		p, err := r.process(dir, string(name)+"/stat", int(pid))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) || errors.Is(err, fs.ErrPermission) {
			continue
		}
		if err != nil {
			return list, err
		}
		list = append(list, p)
	}
	return list, nil
}

// process reads a line such as "4711 (a name) S 1 …". The name may hold blanks
// and brackets itself.
func (r *processReader) process(dir int, path string, pid int) (process, error) {
	b, err := r.oneAt(dir, path)
	if err != nil {
		return process{}, err
	}
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open || end+2 >= len(b) {
		return process{}, fmt.Errorf("parse %s/%s: %q is not a process", r.procfs, path, b)
	}
	p := process{pid: pid, name: r.intern(b[open+1 : end]), state: b[end+2]}
	rest := b[end+3:]
	for column := 4; len(rest) > 0 && column <= 24; column++ {
		var f []byte
		f, rest = cutField(rest)
		n, ok := number(f)
		if !ok {
			continue // priority and the terminal's group may be negative
		}
		switch column {
		case 4:
			p.parent = int(n)
		case 14, 15:
			p.cpu += ticks(n)
		case 20:
			p.threads = int(n)
		case 22:
			p.started = ticks(n)
		case 24:
			p.rss = float64(n) * float64(os.Getpagesize())
		}
	}
	return p, nil
}

func ticks(n uint64) time.Duration { return time.Duration(n) * (time.Second / userHZ) }

func (r *processReader) intern(name []byte) string {
	s, ok := r.names[string(name)]
	if !ok {
		s = string(name)
		r.names[s] = s
	}
	return s
}

// commands reads command lines, and keeps them. To read one the kernel takes a
// lock of that process, which a process stuck in a page fault never gives
// back; so each is read in a goroutine of its own, and while one is stuck no
// other is tried.
type commands struct {
	procfs string
	known  map[int]knownCommand
	stuck  chan struct{}
}

// knownCommand is the command line of a process, as long as it is the same
// process running the same program.
type knownCommand struct {
	started time.Duration
	name    string
	line    string
}

// commandPatience is how long a command line may take.
const commandPatience = 250 * time.Millisecond

func newCommands(procfs string) *commands {
	return &commands{procfs: procfs, known: map[int]knownCommand{}}
}

func (c *commands) of(ctx context.Context, p process) (string, bool) {
	if k, ok := c.known[p.pid]; ok && k.started == p.started && k.name == p.name {
		return k.line, true
	}
	if c.stuck != nil {
		select {
		case <-c.stuck:
			c.stuck = nil
		default:
			return "", false
		}
	}
	line, ok := c.read(ctx, p.pid)
	if ok {
		if len(c.known) > maxNames {
			clear(c.known)
		}
		c.known[p.pid] = knownCommand{p.started, p.name, line}
	}
	return line, ok
}

func (c *commands) read(ctx context.Context, pid int) (string, bool) {
	done := make(chan struct{})
	var line string
	var err error
	go func() {
		defer close(done)
		line, err = readCommand(c.procfs, pid)
	}()
	timer := time.NewTimer(commandPatience)
	defer timer.Stop()
	select {
	case <-done:
		// A process that has just ended runs no command.
		return line, err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH)
	case <-timer.C:
	case <-ctx.Done():
	}
	c.stuck = done
	return "", false
}

// maxCommand bounds a command line, in bytes.
const maxCommand = 4096

// readCommand reads the command line of a process, its arguments joined by
// single blanks. Kernel threads have none.
func readCommand(procfs string, pid int) (string, error) {
	f, err := openat(unix.AT_FDCWD, procfs+"/"+strconv.Itoa(pid)+"/cmdline")
	if err != nil {
		return "", err
	}
	defer unix.Close(f)
	b := make([]byte, maxCommand)
	n, err := readFD(f, b)
	if err != nil {
		return "", err
	}
	b = bytes.TrimRight(b[:n], "\x00")
	return string(bytes.ReplaceAll(b, []byte{0}, []byte{' '})), nil
}
