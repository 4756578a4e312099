package integrity

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// auditTail is how much of the end of the audit log is read, in bytes.
const auditTail = 4 << 20

// unset is the number of a login that there was none of.
const unset = "4294967295"

// attribute asks the audit log who made the newest changes.
func (k *Keeper) attribute() {
	k.mu.Lock()
	log := k.cfg.AuditLog
	open := map[string]*file{}
	for _, t := range k.inForceLocked() {
		for rel, f := range t.files {
			if f.who == (Culprit{}) && !f.since.IsZero() && k.now().Sub(f.since) < 2*time.Minute {
				open[filepath.Join(t.Path, filepath.FromSlash(rel))] = f
			}
		}
	}
	k.mu.Unlock()
	if log == "" || len(open) == 0 {
		return
	}
	f, err := os.Open(log)
	if err != nil {
		return // no auditd, or not ours to read: the owner stands in
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > auditTail {
		f.Seek(-auditTail, io.SeekEnd)
	}
	found := readAudit(f, func(path string) bool { return open[path] != nil })
	k.mu.Lock()
	defer k.mu.Unlock()
	for path, who := range found {
		// What was written before the last approval is not this change.
		if file := open[path]; who.At.After(file.since.Add(-time.Hour)) {
			file.who, k.dirty = who, true
		}
	}
}

type auditEvent struct {
	who   Culprit
	cwd   string
	names []string
	ok    bool
}

// readAudit returns who touched the wanted paths last.
func readAudit(r io.Reader, wanted func(string) bool) map[string]Culprit {
	out := map[string]Culprit{}
	events := map[string]*auditEvent{}
	var order []string
	settle := func(serial string) {
		ev := events[serial]
		delete(events, serial)
		for _, name := range ev.names {
			if !filepath.IsAbs(name) {
				name = filepath.Join(ev.cwd, name)
			}
			if ev.ok && wanted(filepath.Clean(name)) {
				out[filepath.Clean(name)] = ev.who
			}
		}
	}
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 64<<10), 1<<20)
	for in.Scan() {
		kind, serial, at, rest, ok := auditHead(in.Bytes())
		if !ok {
			continue
		}
		ev := events[serial]
		if ev == nil {
			ev = &auditEvent{}
			events[serial] = ev
			order = append(order, serial)
			// Records of an event stand together; a few events may mix.
			if len(order) > 64 {
				settle(order[0])
				order = order[1:]
			}
		}
		ev.take(kind, at, rest)
	}
	for _, serial := range order {
		settle(serial)
	}
	return out
}

// auditHead takes "type=PATH msg=audit(1700000000.123:456): rest" apart.
func auditHead(b []byte) (kind, serial string, at time.Time, rest []byte, ok bool) {
	i := bytes.Index(b, []byte("type="))
	j := bytes.Index(b, []byte(" msg=audit("))
	if i < 0 || j < i {
		return
	}
	kind = string(b[i+5 : j])
	b = b[j+11:]
	end := bytes.IndexByte(b, ')')
	if end < 0 {
		return
	}
	stamp, number, _ := strings.Cut(string(b[:end]), ":")
	seconds, err := strconv.ParseFloat(stamp, 64)
	if err != nil || seconds < 0 || seconds > 1e11 {
		return
	}
	return kind, number, time.UnixMilli(int64(seconds * 1000)), b[end+1:], true
}

func (ev *auditEvent) take(kind string, at time.Time, rest []byte) {
	switch kind {
	case "SYSCALL":
		ev.ok = field(rest, "success") != "no"
		ev.who = Culprit{User: userName(field(rest, "uid")), Program: checkText(field(rest, "exe")), At: at}
		if login := field(rest, "auid"); login != unset && login != "-1" {
			ev.who.Login = userName(login)
		}
	case "CWD":
		ev.cwd = field(rest, "cwd")
	case "PATH":
		if t := field(rest, "nametype"); t != "PARENT" && len(ev.names) < 16 {
			ev.names = append(ev.names, field(rest, "name"))
		}
	}
}

// field returns the value of key=value; what is not quoted and has an even
// number of hex digits is auditd's way to write odd characters.
func field(b []byte, key string) string {
	for from := 0; ; {
		i := bytes.Index(b[from:], []byte(key+"="))
		if i < 0 {
			return ""
		}
		i += from
		from = i + 1
		if i > 0 && b[i-1] != ' ' && b[i-1] != '\x1d' {
			continue
		}
		v := b[i+len(key)+1:]
		if len(v) > 0 && v[0] == '"' {
			if end := bytes.IndexByte(v[1:], '"'); end >= 0 {
				return string(v[1 : 1+end])
			}
		}
		if end := bytes.IndexAny(v, " \x1d"); end >= 0 {
			v = v[:end]
		}
		if (key == "name" || key == "exe" || key == "cwd") && len(v)%2 == 0 {
			if raw, err := hex.DecodeString(string(v)); err == nil {
				return string(raw)
			}
		}
		return string(v)
	}
}

// userName is the name of a numeric user, or the number.
func userName(uid string) string {
	if u, err := user.LookupId(uid); err == nil {
		return u.Username
	}
	return checkText(uid)
}

func checkText(s string) string {
	if len(s) > 256 {
		s = s[:256]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
