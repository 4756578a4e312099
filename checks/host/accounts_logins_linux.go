package host

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// loginLayout is how a C library lays out struct utmp: most 64-bit systems keep
// the narrow times of their 32-bit ancestors, ARM and LoongArch have none.
type loginLayout struct {
	size, seconds, micros, address int
	wide                           bool
}

var loginLayouts = [...]loginLayout{
	{size: 384, seconds: 340, micros: 344, address: 348},
	{size: 400, seconds: 344, micros: 352, address: 360, wide: true},
}

// The kinds of records that matter here, beside those of boots.
const (
	userLogin  = 7
	userLogout = 8
)

// maxLogins is how much of the end of wtmp is read: some 2,700 records.
const maxLogins = 1 << 20

// wtmpDatabase is what newer systems keep in place of wtmp, whose times end in
// 2038.
const wtmpDatabase = "/var/lib/wtmpdb/wtmp.db"

// loginRecord is one record.
type loginRecord struct {
	kind, pid        int
	line, user, host string
	address          netip.Addr
	at               time.Time
}

func (l loginLayout) record(b []byte) loginRecord {
	word := func(from, size int) string {
		text, _, _ := bytes.Cut(b[from:from+size], []byte{0})
		return oneLine(string(text))
	}
	r := loginRecord{
		kind: int(int16(binary.NativeEndian.Uint16(b))), pid: int(int32(binary.NativeEndian.Uint32(b[4:]))),
		line: word(8, 32), user: word(wtmpUser, wtmpName), host: word(76, 256),
	}
	seconds, micros := int64(binary.NativeEndian.Uint32(b[l.seconds:])), int64(binary.NativeEndian.Uint32(b[l.micros:]))
	if l.wide {
		seconds = int64(binary.NativeEndian.Uint64(b[l.seconds:]))
	}
	r.at = time.Unix(seconds, micros*1000).UTC()
	raw := b[l.address : l.address+16]
	if r.address = netip.AddrFrom16([16]byte(raw)); bytes.Equal(raw[4:], make([]byte, 12)) {
		r.address = netip.AddrFrom4([4]byte(raw))
	}
	return r
}

// fits counts the records that can be true in this layout.
func (l loginLayout) fits(b []byte) int {
	n := 0
	for ; len(b) >= l.size; b = b[l.size:] {
		kind, micros := binary.NativeEndian.Uint16(b), binary.NativeEndian.Uint32(b[l.micros:])
		if kind <= lastType && micros < 1_000_000 && b[2] == 0 && b[3] == 0 {
			n++
		}
	}
	return n
}

// layoutOf chooses the layout that more of the records fit; of equals, that of
// this machine's kind.
func layoutOf(end []byte, offset func(size int) int) loginLayout {
	best, most := loginLayout{}, -1.0
	for _, l := range loginLayouts {
		b := end[min(len(end), offset(l.size)):]
		share := float64(l.fits(b)) / float64(max(1, len(b)/l.size))
		native := l.wide == (runtime.GOARCH == "arm64" || runtime.GOARCH == "loong64")
		if share > most || share == most && native {
			best, most = l, share
		}
	}
	return best
}

// readLogins reads the last records of a file, the oldest first. A record that is
// being written is left out.
func readLogins(path string) ([]loginRecord, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	start := max(0, info.Size()-maxLogins)
	b, err := io.ReadAll(io.NewSectionReader(f, start, maxLogins))
	if err != nil {
		return nil, err
	}
	// Records begin at multiples of their size, wherever we begin to read.
	offset := func(size int) int { return int((int64(size) - start%int64(size)) % int64(size)) }
	l := layoutOf(b, offset)
	b = b[min(len(b), offset(l.size)):]
	if n := len(b) / l.size; n > 0 && 2*l.fits(b) < n {
		return nil, fmt.Errorf("parse %s: most of its records are none of logins", path)
	}
	var list []loginRecord
	for ; len(b) >= l.size; b = b[l.size:] {
		if kind := binary.NativeEndian.Uint16(b); kind <= lastType {
			list = append(list, l.record(b))
		}
	}
	return list, nil
}

func (r loginRecord) login() Login {
	l := Login{User: r.user, Line: r.line, From: r.host, At: r.at, PID: r.pid}
	if l.From == "" && !r.address.IsUnspecified() {
		l.From = r.address.String()
	}
	return l
}

func lastLogins(ctx context.Context, cfg Config, n int) (LoginHistory, error) {
	var h LoginHistory
	if err := ctx.Err(); err != nil {
		return h, err
	}
	root := strings.TrimRight(cfg.Rootfs, "/")
	records, err := readLogins(root + "/var/log/wtmp")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return h, err
	}
	if len(records) == 0 && exists(root+wtmpDatabase) {
		h.Elsewhere = wtmpDatabase
	}
	if len(records) > 0 {
		h.Since = records[0].at
	}
	h.Logins = pair(records)
	slices.Reverse(h.Logins)
	h.Logins = h.Logins[:min(n, len(h.Logins))]
	for i := range h.Logins {
		l := &h.Logins[i]
		l.Gone = l.Until.IsZero() && !running(cfg.Procfs, l.PID)
	}
	return h, nil
}

// pair finds the end of each login: that of its terminal, or of the machine.
func pair(records []loginRecord) []Login {
	var list []Login
	open := map[string]int{} // by terminal
	for _, r := range records {
		switch {
		case r.kind == userLogin && r.user != "":
			open[r.line] = len(list)
			list = append(list, r.login())
		case r.kind == userLogout:
			if i, ok := open[r.line]; ok {
				list[i].Until = r.at
				delete(open, r.line)
			}
		case r.kind == bootMark, r.kind == runLevel && r.user == "shutdown":
			for _, i := range open {
				list[i].Until = r.at
			}
			clear(open)
		}
	}
	return list
}

func running(procfs string, pid int) bool {
	return pid > 0 && exists(procfs+"/"+strconv.Itoa(pid))
}

func sessions(ctx context.Context, cfg Config) ([]Login, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	root := strings.TrimRight(cfg.Rootfs, "/")
	records, err := readLogins(root + "/run/utmp")
	if errors.Is(err, fs.ErrNotExist) {
		return logindSessions(root)
	}
	if err != nil {
		return nil, err
	}
	var list []Login
	for _, r := range records {
		// Who was torn away leaves a record behind.
		if r.kind == userLogin && r.user != "" && (r.pid == 0 || running(cfg.Procfs, r.pid)) {
			list = append(list, r.login())
		}
	}
	return list, nil
}

// logindSessions reads the files in which systemd-logind keeps its sessions.
func logindSessions(root string) ([]Login, error) {
	folder := root + "/run/systemd/sessions"
	names, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("neither /run/utmp nor the sessions of systemd-logind: %w", err)
	}
	var list []Login
	for _, e := range names[:min(len(names), maxMounts)] {
		if !e.Type().IsRegular() {
			continue
		}
		var r reader
		b, err := r.all(folder + "/" + e.Name())
		if err != nil {
			continue // over meanwhile
		}
		s := parseRelease(string(b))
		if !strings.HasPrefix(s["CLASS"], "user") || s["STATE"] == "closing" {
			continue
		}
		micros, _ := strconv.ParseInt(s["REALTIME"], 10, 64)
		pid, _ := strconv.Atoi(s["LEADER"])
		list = append(list, Login{User: oneLine(s["USER"]), Line: oneLine(s["TTY"]), From: oneLine(s["REMOTE_HOST"]), At: time.UnixMicro(micros).UTC(), PID: pid})
	}
	slices.SortFunc(list, func(a, b Login) int { return a.At.Compare(b.At) })
	return list, nil
}
