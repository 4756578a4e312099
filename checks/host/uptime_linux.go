package host

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
)

// uptimeReader reads /proc/uptime, the kernel's name for this boot, and from
// the log of boots how the last one ended.
type uptimeReader struct {
	reader
	procfs, wtmp   string
	ordered, known bool
	boot           string
}

func newUptimeReader(cfg Config) *uptimeReader {
	return &uptimeReader{procfs: cfg.Procfs, wtmp: filepath.Join(cfg.Rootfs, "var/log/wtmp")}
}

func (r *uptimeReader) read() (uptimeLook, error) {
	uptime, err := r.uptimeOf(r.procfs)
	if err != nil {
		return uptimeLook{}, err
	}
	if r.boot == "" {
		r.boot = r.text(r.procfs + "/sys/kernel/random/boot_id")
		if log, err := readUpTo(r.wtmp, maxWtmp); err == nil {
			r.ordered, r.known = lastShutdown(log)
		}
	}
	return uptimeLook{uptime, r.boot, r.ordered, r.known}, nil
}

// A record of wtmp holds a type, and at 44 the name that goes with it. glibc
// makes it 384 bytes long on some architectures and 400 on others.
const (
	wtmpUser = 44
	wtmpName = 32
	maxWtmp  = 16 << 20

	runLevel = 1 // with the user "shutdown": an ordered end
	bootMark = 2
	lastType = 9
)

// lastShutdown looks in a log of boots for what stands between the last two
// boots. Without a mark of a shutdown it is known only if there are two, and
// the log was not turned meanwhile.
func lastShutdown(log []byte) (ordered, known bool) {
	size := wtmpRecord(log)
	if size == 0 {
		return false, false
	}
	boots := 0
	for end := len(log); end > 0; end -= size {
		rec := log[end-size : end]
		kind := binary.NativeEndian.Uint16(rec)
		switch {
		case kind == bootMark:
			if boots++; boots == 2 {
				return ordered, true
			}
		case kind == runLevel && boots == 1 && hasName(rec[wtmpUser:wtmpUser+wtmpName], "shutdown"):
			ordered = true
		}
	}
	return ordered, ordered
}

// wtmpRecord returns how long the records of a log are: the length that cuts
// it into records of known types. It is 0 if none does.
func wtmpRecord(log []byte) int {
	for _, size := range [...]int{384, 400} {
		if len(log) == 0 || len(log)%size != 0 {
			continue
		}
		fits := true
		for at := 0; at < len(log) && fits; at += size {
			fits = binary.NativeEndian.Uint16(log[at:]) <= lastType
		}
		if fits {
			return size
		}
	}
	return 0
}

func hasName(field []byte, name string) bool {
	return len(name) < len(field) && string(field[:len(name)]) == name && field[len(name)] == 0
}

// readUpTo reads a file that is at most limit bytes long.
func readUpTo(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("read %s: it is over %d bytes long", path, limit)
	}
	return os.ReadFile(path)
}
