package redis

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunjian/checks"
)

// maxRows bounds each table of the evidence.
const maxRows = 20

// slowEntry is one command of the slow log. What it was called with is left
// out: keys and values are the users'.
type slowEntry struct {
	id      int64
	at      time.Time
	took    time.Duration
	command string
	args    int
	client  string
}

func slowLog(ctx context.Context, cl *client, n int) ([]slowEntry, error) {
	v, err := cl.ask(ctx, "SLOWLOG", "GET", strconv.Itoa(n))
	if err != nil {
		return nil, err
	}
	var out []slowEntry
	list, _ := v.([]any)
	for _, item := range list {
		if e, ok := parseSlow(item); ok {
			out = append(out, e)
		}
	}
	return out, nil
}

// parseSlow reads [id, time, microseconds, [command, argument…], client, name].
func parseSlow(item any) (slowEntry, bool) {
	f, ok := item.([]any)
	if !ok || len(f) < 4 {
		return slowEntry{}, false
	}
	var e slowEntry
	id, ok1 := f[0].(int64)
	at, ok2 := f[1].(int64)
	took, ok3 := f[2].(int64)
	words, ok4 := f[3].([]any)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return slowEntry{}, false
	}
	e.id, e.at, e.took, e.args = id, time.Unix(at, 0).UTC(), time.Duration(took)*time.Microsecond, max(len(words)-1, 0)
	if len(words) > 0 {
		e.command = strings.ToUpper(safe(fmt.Sprint(words[0])))
	}
	if len(f) > 4 {
		e.client = safe(fmt.Sprint(f[4]))
	}
	return e, true
}

// Evidence is what an incident about the server wants to know: the slow log,
// who is connected, what the server thinks of its memory, how its persistence
// does, and the end of its log.
func (c *check) Evidence(ctx context.Context) ([]checks.Exhibit, error) {
	got := make(chan []checks.Exhibit, 1) // what comes too late goes nowhere
	err := c.line.Do(ctx, func(ctx context.Context, cl *client) error {
		seen, err := c.gather(ctx, cl)
		got <- seen
		return err
	})
	var list []checks.Exhibit
	select {
	case list = <-got:
	default:
	}
	if text, err := tail(c.cfg.LogFile); err == nil && text != "" {
		list = append(list, checks.Exhibit{Code: "redis.evidence.log", Text: text, Args: map[string]any{"server": c.label, "path": c.cfg.LogFile}})
	}
	if err != nil {
		return list, fmt.Errorf("evidence of %s: %w", c.name, err)
	}
	return list, nil
}

func (c *check) gather(ctx context.Context, cl *client) ([]checks.Exhibit, error) {
	var list []checks.Exhibit
	var errs []error
	for _, ask := range []func(context.Context, *client) (checks.Exhibit, error){state, slowest, clients, doctor} {
		e, err := ask(ctx, cl)
		switch {
		case err != nil && !says(err):
			return list, errors.Join(append(errs, err)...)
		case err != nil:
			errs = append(errs, err)
		case len(e.Rows) > 0 || e.Text != "":
			e.Args = map[string]any{"server": c.label}
			list = append(list, e)
		}
	}
	if len(errs) > 0 {
		return list, &incomplete{errors.Join(errs...)}
	}
	return list, nil
}

// incomplete says which parts the server refused. It is an answer, so that the
// connection stays.
type incomplete struct{ error }

func (i *incomplete) Unwrap() error { return i.error }

// stateFields are what memory, persistence and replication stand at.
var stateFields = []string{
	"role", "used_memory", "used_memory_peak", "maxmemory", "maxmemory_policy", "mem_fragmentation_ratio", "evicted_keys",
	"connected_clients", "blocked_clients", "maxclients", "rejected_connections", "loading",
	"rdb_last_bgsave_status", "rdb_last_save_time", "rdb_changes_since_last_save", "rdb_bgsave_in_progress",
	"aof_enabled", "aof_last_write_status", "aof_last_bgrewrite_status", "aof_delayed_fsync",
	"master_host", "master_port", "master_link_status", "master_link_down_since_seconds", "connected_slaves", "total_error_replies",
}

func state(ctx context.Context, cl *client) (checks.Exhibit, error) {
	e := checks.Exhibit{Code: "redis.evidence.state", Columns: []string{"field", "value"}}
	text, err := cl.text(ctx, "INFO", "all")
	if err != nil {
		return e, err
	}
	in := parseInfo(text)
	for _, field := range stateFields {
		if v, ok := in.fields[field]; ok {
			e.Rows = append(e.Rows, []string{field, safe(v)})
		}
	}
	return e, nil
}

func slowest(ctx context.Context, cl *client) (checks.Exhibit, error) {
	e := checks.Exhibit{Code: "redis.evidence.slowlog", Columns: []string{"id", "time", "duration_ms", "command", "arguments", "client"}}
	entries, err := slowLog(ctx, cl, 128)
	if err != nil {
		return e, err
	}
	slices.SortStableFunc(entries, func(a, b slowEntry) int { return cmp.Compare(b.took, a.took) })
	for _, s := range entries[:min(len(entries), maxRows)] {
		e.Rows = append(e.Rows, []string{
			strconv.FormatInt(s.id, 10), s.at.Format(time.RFC3339), strconv.FormatFloat(s.took.Seconds()*1000, 'f', 3, 64),
			s.command, strconv.Itoa(s.args), s.client,
		})
	}
	return e, nil
}

// crowd is what connections of one host and command have in common.
type crowd struct {
	n            int
	idle, output float64
}

// clients sums the connections up by where they come from and what they do.
func clients(ctx context.Context, cl *client) (checks.Exhibit, error) {
	e := checks.Exhibit{Code: "redis.evidence.clients", Columns: []string{"address", "name", "cmd", "flags", "count", "max_idle_s", "max_omem"}}
	text, err := cl.text(ctx, "CLIENT", "LIST")
	if err != nil {
		return e, err
	}
	sum := map[[4]string]crowd{}
	for line := range strings.Lines(text) {
		f := map[string]string{}
		for word := range strings.FieldsSeq(line) {
			if k, v, ok := strings.Cut(word, "="); ok {
				f[k] = v
			}
		}
		address := f["addr"]
		if cut := strings.LastIndexByte(address, ':'); cut > 0 {
			address = address[:cut]
		}
		key := [4]string{safe(address), safe(f["name"]), safe(f["cmd"]), safe(f["flags"])}
		got := sum[key]
		idle, _ := strconv.ParseFloat(f["idle"], 64)
		omem, _ := strconv.ParseFloat(f["omem"], 64)
		got.n++
		got.idle, got.output = max(got.idle, idle), max(got.output, omem)
		sum[key] = got
	}
	keys := slices.SortedFunc(maps.Keys(sum), func(a, b [4]string) int {
		return cmp.Or(cmp.Compare(sum[b].n, sum[a].n), slices.Compare(a[:], b[:]))
	})
	for _, k := range keys[:min(len(keys), maxRows)] {
		s := sum[k]
		e.Rows = append(e.Rows, append(k[:], strconv.Itoa(s.n), strconv.FormatFloat(s.idle, 'f', 0, 64), strconv.FormatFloat(s.output, 'f', 0, 64)))
	}
	return e, nil
}

// doctor is the server's own opinion of its memory.
func doctor(ctx context.Context, cl *client) (checks.Exhibit, error) {
	e := checks.Exhibit{Code: "redis.evidence.memory"}
	text, err := cl.text(ctx, "MEMORY", "DOCTOR")
	e.Text = checks.SafeText(strings.ReplaceAll(text, "\r\n", "\n"), checks.MaxEvidence)
	return e, err
}

// How much of the end of a log is shown.
const (
	logTail  = 16 << 10
	logLines = 40
)

// tail returns the last lines of a regular file; nothing for no path.
func tail(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errors.New(path + " is no regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	from := max(info.Size()-logTail, 0)
	b, err := io.ReadAll(io.NewSectionReader(f, from, logTail))
	if err != nil {
		return "", err
	}
	if from > 0 { // the first line is cut
		_, b, _ = bytes.Cut(b, []byte("\n"))
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	return checks.SafeText(strings.Join(lines[max(len(lines)-logLines, 0):], "\n"), checks.MaxEvidence), nil
}

func safe(s string) string { return checks.SafeText(s, 128) }
