package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"time"

	"xunjian/checks"
)

// netstatShown is the choice of fields that node_exporter shows by default.
var netstatShown = regexp.MustCompile(`^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|` +
	`TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)|` +
	`Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|` +
	`Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$`)

var (
	softnetProcessed = checks.NewDesc("node_softnet_processed_total", checks.Counter, "Packets a processor took from the network.", "cpu")
	softnetDropped   = checks.NewDesc("node_softnet_dropped_total", checks.Counter, "Packets dropped because a processor's backlog was full.", "cpu")
	softnetSqueezed  = checks.NewDesc("node_softnet_times_squeezed_total", checks.Counter, "How often a processor ran out of its quota with packets left.", "cpu")
)

// socketsCheck looks at the protocols: TCP, UDP, ICMP, sockets, and the
// backlog of packets.
type socketsCheck struct {
	configured
	reader
	net    string
	tables map[string]*statTable
	// descs are made when a field is first seen.
	descs map[string]*checks.Desc
	cpus  map[int][]string

	// The figures of this look and of the last that the finding needs.
	now, last tcpFigures
	run       time.Time
}

// tcpFigures are counters since boot, and gauges.
type tcpFigures struct {
	sent, retransmitted, listenDrops, resets float64
	established, timeWait, used, orphans     float64
}

// statTable remembers where in a line of netstat the shown fields are, since
// its headings are the same at every look.
type statTable struct {
	heading []byte
	columns []statColumn
}

type statColumn struct {
	at   int
	desc *checks.Desc
	name string
}

func newSockets(procfs string) *socketsCheck {
	return &socketsCheck{net: procfs + "/net/", tables: map[string]*statTable{}, descs: map[string]*checks.Desc{}, cpus: map[int][]string{}}
}

func (c *socketsCheck) Name() string { return "sockets" }

func (c *socketsCheck) Run(_ context.Context, out *checks.Output) error {
	c.now = tcpFigures{}
	if err := c.statistics(out); err != nil {
		return err
	}
	if err := c.softnet(out); err != nil {
		return err
	}
	now := time.Now()
	out.Find(c.summary(now))
	c.last, c.run = c.now, now
	return nil
}

// statistics reads the files of figures. Those of a protocol that is turned
// off are not there; some always are.
func (c *socketsCheck) statistics(out *checks.Output) error {
	found := false
	for _, part := range [...]struct {
		file string
		take func(out *checks.Output, file string, b []byte) error
	}{
		{"netstat", c.pairs},
		{"snmp", c.pairs},
		{"snmp6", lines(c.snmp6)},
		{"sockstat", lines(c.sockstat)},
		{"sockstat6", lines(c.sockstat)},
	} {
		b, err := c.all(c.net + part.file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		found = true
		if err := part.take(out, part.file, b); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("no network statistics in %s", c.net)
	}
	return nil
}

// lines takes a file line by line.
func lines(take func(*checks.Output, []byte)) func(*checks.Output, string, []byte) error {
	return func(out *checks.Output, _ string, b []byte) error {
		for line := []byte(nil); len(b) > 0; {
			line, b = cutLine(b)
			take(out, line)
		}
		return nil
	}
}

// pairs reads lines of headings, each followed by a line of values:
//
//	Tcp: RtoAlgorithm RtoMin …
//	Tcp: 1 200 …
func (c *socketsCheck) pairs(out *checks.Output, file string, b []byte) error {
	for len(b) > 0 {
		var heading, values []byte
		heading, b = cutLine(b)
		values, b = cutLine(b)
		name, _, ok := bytes.Cut(heading, []byte(":"))
		if !ok || !bytes.HasPrefix(values, name) {
			return fmt.Errorf("parse %s%s: %q is not followed by its values", c.net, file, heading)
		}
		t := c.tables[string(name)]
		if t == nil || !bytes.Equal(t.heading, heading) {
			t = c.table(string(name), heading)
		}
		c.columns(out, t, values[len(name)+1:])
	}
	return nil
}

// table finds the shown fields in a line of headings.
func (c *socketsCheck) table(protocol string, heading []byte) *statTable {
	t := &statTable{heading: bytes.Clone(heading)}
	for i, f := range bytes.Fields(heading)[1:] {
		if d := c.netstatDesc(protocol + "_" + string(f)); d != nil {
			t.columns = append(t.columns, statColumn{i, d, protocol + "_" + string(f)})
		}
	}
	c.tables[protocol] = t
	return t
}

// netstatDesc returns the family of a field, or nil if it is not shown.
func (c *socketsCheck) netstatDesc(name string) *checks.Desc {
	d, known := c.descs[name]
	if !known {
		if netstatShown.MatchString(name) && safeName(name) {
			d = checks.NewDesc("node_netstat_"+name, checks.Untyped, "Field "+name+" of the kernel's network statistics.")
		}
		c.descs[name] = d
	}
	return d
}

func safeName(name string) bool { return bytes.IndexFunc([]byte(name), notInName) < 0 }

func (c *socketsCheck) columns(out *checks.Output, t *statTable, values []byte) {
	at := 0
	for _, col := range t.columns {
		var f []byte
		for ; at <= col.at; at++ {
			f, values = cutField(values)
		}
		if v, ok := float(f); ok {
			c.note(col.name, v)
			out.Set(col.desc, v)
		}
	}
}

// note keeps the figures that the finding shows.
func (c *socketsCheck) note(name string, v float64) {
	switch name {
	case "Tcp_OutSegs":
		c.now.sent = v
	case "Tcp_RetransSegs":
		c.now.retransmitted = v
	case "Tcp_CurrEstab":
		c.now.established = v
	case "Tcp_OutRsts":
		c.now.resets = v
	case "TcpExt_ListenDrops":
		c.now.listenDrops = v
	case "TCP_tw":
		c.now.timeWait = v
	case "TCP_orphan":
		c.now.orphans = v
	case "sockets_used":
		c.now.used = v
	}
}

// snmp6 reads a line such as "Udp6InErrors   0". The protocol ends with its 6.
func (c *socketsCheck) snmp6(out *checks.Output, line []byte) {
	key, rest := cutField(line)
	d, known := c.descs[string(key)]
	if !known {
		if i := bytes.IndexByte(key, '6'); i >= 0 {
			d = c.netstatDesc(string(key[:i+1]) + "_" + string(key[i+1:]))
		}
		c.descs[string(key)] = d
	}
	if d == nil {
		return
	}
	f, _ := cutField(rest)
	if n, ok := number(f); ok {
		out.Set(d, float64(n))
	}
}

// sockstat reads a line such as "TCP: inuse 4 orphan 0 tw 0 alloc 4 mem 114".
func (c *socketsCheck) sockstat(out *checks.Output, line []byte) {
	protocol, rest, _ := bytes.Cut(line, []byte(":"))
	for len(rest) > 0 {
		var key, value []byte
		key, rest = cutField(rest)
		value, rest = cutField(rest)
		n, ok := number(value)
		if !ok {
			return
		}
		c.socket(out, protocol, key, float64(n))
		if string(key) == "mem" { // in pages
			c.socket(out, protocol, []byte("mem_bytes"), float64(n)*float64(os.Getpagesize()))
		}
	}
}

func (c *socketsCheck) socket(out *checks.Output, protocol, key []byte, v float64) {
	var room [64]byte
	name := append(append(append(room[:0], protocol...), '_'), key...)
	d := c.descs[string(name)]
	if d == nil {
		if !safeName(string(name)) {
			return
		}
		d = checks.NewDesc("node_sockstat_"+string(name), checks.Gauge, "Field "+string(key)+" of "+string(protocol)+" in the kernel's socket statistics.")
		c.descs[string(name)] = d
	}
	out.Set(d, v)
	c.note(d.Name[len("node_sockstat_"):], v)
}

// softnetIndex is the column that newer kernels tell the processor in; before,
// it is the number of the line.
const softnetIndex = 12

// softnet reads one line for each processor, of hexadecimal columns.
func (c *socketsCheck) softnet(out *checks.Output) error {
	b, err := c.all(c.net + "softnet_stat")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for line, number := []byte(nil), 0; len(b) > 0; number++ {
		line, b = cutLine(b)
		var columns [softnetIndex + 1]uint64
		count := hexNumbers(line, columns[:])
		if count < 3 {
			return fmt.Errorf("parse %ssoftnet_stat: %q is not a processor's line", c.net, line)
		}
		cpu := number
		if count > softnetIndex {
			cpu = int(columns[softnetIndex])
		}
		labels := c.cpu(cpu)
		for i, d := range [...]*checks.Desc{softnetProcessed, softnetDropped, softnetSqueezed} {
			out.Sample(checks.Sample{Desc: d, Values: labels, Value: float64(columns[i])})
		}
	}
	return nil
}

// cpu returns the label values of a processor, made once.
func (c *socketsCheck) cpu(n int) []string {
	if c.cpus[n] == nil {
		c.cpus[n] = []string{strconv.Itoa(n)}
	}
	return c.cpus[n]
}

// hexNumbers reads the leading words of line that are hexadecimal numbers into
// dst and returns how many there were.
func hexNumbers(line []byte, dst []uint64) int {
	for i := range dst {
		var f []byte
		f, line = cutField(line)
		n, err := strconv.ParseUint(string(f), 16, 64)
		if err != nil {
			return i
		}
		dst[i] = n
	}
	return len(dst)
}

// summary is the finding: shares since the last look, or at the first one
// since boot.
func (c *socketsCheck) summary(now time.Time) checks.Finding {
	window := 0.0
	if !c.run.IsZero() {
		window = now.Sub(c.run).Seconds()
	}
	f := checks.Finding{Code: "sockets.tcp", Verdict: checks.OK, Args: map[string]any{
		"established":   c.now.established,
		"time_wait":     c.now.timeWait,
		"orphans":       c.now.orphans,
		"used":          c.now.used,
		"retransmitted": ratio(c.now.retransmitted-c.last.retransmitted, c.now.sent-c.last.sent),
		"resets":        max(0, c.now.resets-c.last.resets),
		"listen_drops":  max(0, c.now.listenDrops-c.last.listenDrops),
		"window":        window,
	}}
	if window == 0 {
		f.Code = "sockets.tcp_total"
	}
	return f
}
