package tail

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// journal reads systemd's journal by journalctl, which knows its format. Each
// look asks for what is after the cursor; so a look that was cut short is made
// good by the next.
type journal struct {
	conf   Source
	feed   *feed
	cursor string
	last   time.Time // last look
}

func newJournal(conf Source, f *feed) *journal { return &journal{conf: conf, feed: f} }

// journalEvery is how often the journal is asked; journalTime how long that may
// take, and journalBatch how many entries are taken at once.
const (
	journalEvery = 2 * time.Second
	journalTime  = 8 * time.Second
	journalBatch = 5000
)

func (j *journal) poll(now time.Time) (more bool, err error) {
	if d := now.Sub(j.last); d < journalEvery && d >= 0 {
		return false, nil
	}
	n, err := j.look(now)
	if n == journalBatch && err == nil {
		return true, nil
	}
	j.last = now
	return false, err
}

func (j *journal) args() []string {
	args := []string{"--output=json", "--no-pager", "--quiet", "--all"}
	if j.conf.JournalFiles != "" {
		args = append(args, "--directory="+j.conf.JournalFiles)
	}
	for _, u := range j.conf.Units {
		args = append(args, "--unit="+u)
	}
	switch {
	case j.cursor != "":
		args = append(args, "--after-cursor="+j.cursor)
	case j.feed.t.opt.From.Back == 0:
		args = append(args, "--lines=1") // only to know where the end is
	}
	return args
}

// look hands over what is new and returns how many entries that were.
func (j *journal) look(now time.Time) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), journalTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "journalctl", j.args()...)
	cmd.WaitDelay = time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &limited{&stderr, 4 << 10}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("read the journal: %w", err)
	}
	n, errRead := j.take(out, now)
	if n == journalBatch {
		cancel() // the next look takes the rest
	}
	if err := cmd.Wait(); err != nil && n < journalBatch {
		return n, fmt.Errorf("read the journal: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return n, errRead
}

func (j *journal) take(r io.Reader, now time.Time) (int, error) {
	silent := j.cursor == "" && j.feed.t.opt.From.Back == 0
	sc := bufio.NewReaderSize(r, chunk)
	n := 0
	var text []byte
	for {
		raw, err := readLine(sc, 4*MaxLine)
		if len(raw) > 0 {
			e, errEntry := ParseJournal(raw)
			if errEntry != nil {
				return n, fmt.Errorf("read the journal: %w", errEntry)
			}
			if !silent {
				text = e.appendLine(text)
			}
			j.cursor = e.Cursor
			n++
		}
		if len(text) > chunk || err != nil || n == journalBatch {
			j.feed.deliver("", text, now)
			text = nil
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return n, err
		}
		if n == journalBatch {
			return n, nil
		}
	}
}

// readLine reads one line of at most limit bytes; the rest of it goes by.
func readLine(r *bufio.Reader, limit int) ([]byte, error) {
	var out []byte
	for {
		part, err := r.ReadSlice('\n')
		out = append(out, part[:min(len(part), max(0, limit-len(out)))]...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimSuffix(out, newline), err
		}
	}
}

// limited drops what is over its limit.
type limited struct {
	w    *bytes.Buffer
	left int
}

func (l *limited) Write(b []byte) (int, error) {
	n := min(len(b), l.left)
	l.w.Write(b[:n])
	l.left -= n
	return len(b), nil
}

// Entry is one entry of the journal.
type Entry struct {
	Cursor     string
	Time       time.Time
	Host       string
	Identifier string
	PID        string
	Message    []byte
}

// ParseJournal reads an entry as journalctl -o json writes it: values are
// strings, lists of strings, or for what is no UTF-8 lists of bytes.
func ParseJournal(raw []byte) (Entry, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return Entry{}, err
	}
	text := func(name string) string {
		b := value(fields[name])
		return string(b[:min(len(b), 256)])
	}
	e := Entry{Cursor: string(value(fields["__CURSOR"])), Host: text("_HOSTNAME"), Identifier: text("SYSLOG_IDENTIFIER"), PID: text("_PID"), Message: value(fields["MESSAGE"])}
	if e.Cursor == "" || len(e.Cursor) > 1024 {
		return Entry{}, errors.New("an entry has no cursor")
	}
	if e.Identifier == "" {
		e.Identifier = text("_COMM")
	}
	if text("_TRANSPORT") == "kernel" {
		e.Identifier, e.PID = "kernel", ""
	}
	us, err := strconv.ParseInt(text("__REALTIME_TIMESTAMP"), 10, 64)
	if err != nil || us < 0 {
		return Entry{}, fmt.Errorf("an entry has the time %q", text("__REALTIME_TIMESTAMP"))
	}
	e.Time = time.UnixMicro(us).UTC()
	return e, nil
}

func value(raw json.RawMessage) []byte {
	if len(raw) == 0 {
		return nil
	}
	switch raw[0] {
	case '"':
		var s string
		if json.Unmarshal(raw, &s) == nil {
			return []byte(s)
		}
	case '[':
		var list []uint16
		if json.Unmarshal(raw, &list) == nil {
			out := make([]byte, len(list))
			for n, v := range list {
				out[n] = byte(v)
			}
			return out
		}
		var many []string
		if json.Unmarshal(raw, &many) == nil && len(many) > 0 {
			return []byte(many[0])
		}
	}
	return nil
}

// appendLine writes the entry as a line of syslog, with what came on several
// lines on one.
func (e Entry) appendLine(b []byte) []byte {
	b = e.Time.AppendFormat(b, "2006-01-02T15:04:05.000000Z07:00")
	b = append(b, ' ')
	b = appendWord(b, e.Host, "localhost")
	b = append(b, ' ')
	b = appendWord(b, e.Identifier, "unknown")
	if e.PID != "" {
		b = append(b, '[')
		b = appendWord(b, e.PID, "0")
		b = append(b, ']')
	}
	b = append(b, ": "...)
	at := len(b)
	b = append(b, e.Message[:min(len(e.Message), MaxLine-1024)]...)
	for n := range b[at:] {
		if c := b[at+n]; c == '\n' || c == '\r' {
			b[at+n] = ' '
		}
	}
	return append(b, '\n')
}

// appendWord writes what stands before the message: an identifier with a blank
// or a colon in it could look like another.
func appendWord(b []byte, s, otherwise string) []byte {
	if s == "" {
		s = otherwise
	}
	for n := range len(s) {
		switch c := s[n]; {
		case c <= ' ', c == ':', c == '[', c == ']', c >= 0x7f:
			b = append(b, '_')
		default:
			b = append(b, c)
		}
	}
	return b
}

type savedJournal struct {
	Cursor string `json:"cursor"`
}

func (j *journal) save() (json.RawMessage, error) { return json.Marshal(savedJournal{j.cursor}) }

func (j *journal) load(raw json.RawMessage) error {
	var s savedJournal
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	j.cursor = s.Cursor
	return nil
}

func (j *journal) watch() []string { return []string{"/var/log/journal", "/run/log/journal"} }
func (*journal) close()            {}
