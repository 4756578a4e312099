package access

import (
	"bufio"
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"xunjian/checks/logs/tail"
)

var update = flag.Bool("update", false, "write the table of docs/log-attacks.md again")

const document = "../../../docs/log-attacks.md"

// nginx is a real server with an access log of the format combined.
type nginx struct {
	addr, log string
}

func startNginx(t *testing.T) nginx {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	dir := t.TempDir()
	conf := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;
events { worker_connections 64; }
http {
  access_log %[1]s/access.log combined;
  client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  server { listen %[2]s; merge_slashes off; location / { return 200 "ok"; } }
}`, dir, addr)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nginx", "-c", file, "-p", dir)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatalf("start nginx (Debian package nginx): %v", err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return nginx{addr, filepath.Join(dir, "access.log")}
		}
		if time.Now().After(deadline) {
			t.Fatalf("nginx does not listen: %v\n%s", err, said.String())
		}
	}
}

// ask makes requests one after the other, as they stand: no client cleans them.
func (n nginx) ask(t *testing.T, list []labelled) {
	t.Helper()
	c, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { c.Close() }()
	in := bufio.NewReader(c)
	for k, r := range list {
		if k%500 == 499 { // nginx closes a connection after 1000 requests
			c.Close()
			if c, err = net.Dial("tcp", n.addr); err != nil {
				t.Fatal(err)
			}
			in = bufio.NewReader(c)
		}
		fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: %s\r\nContent-Length: 0\r\n\r\n", r.method, strings.ReplaceAll(r.target, " ", "%20"), r.agent)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("%s: %v", r.target, err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.Close {
			if c, err = net.Dial("tcp", n.addr); err != nil {
				t.Fatal(err)
			}
			in = bufio.NewReader(c)
		}
	}
}

// lines reads the log when it has so many lines: nginx answers first and writes
// then.
func (n nginx) lines(t *testing.T, want int) []byte {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		log, err := os.ReadFile(n.log)
		if err != nil {
			t.Fatal(err)
		}
		have := bytes.Count(log, []byte("\n"))
		if have == want {
			return log
		}
		if have > want || time.Now().After(deadline) {
			t.Fatalf("%d requests made %d lines", want, have)
		}
	}
}

// seenIn has an Access read a log, line by line, and returns the class that it
// saw in each request. nginx does not promise to log in the order of requests.
func seenIn(t *testing.T, log []byte) map[string][]string {
	t.Helper()
	a := New(Default(), nil)
	a.cfg.Rate = 1 << 30
	out := map[string][]string{}
	for line := range bytes.Lines(log) {
		s := a.site("web")
		before := maps.Clone(s.Attacks)
		a.Take(tail.Block{Source: "web", Kind: "access", Text: line, Read: time.Now()})
		class := ""
		for k, n := range s.Attacks {
			if n > before[k] {
				class, _, _ = strings.Cut(k, " ")
			}
		}
		var e Entry
		if !newReader(nil).parse(bytes.TrimSuffix(line, []byte("\n")), &e) {
			t.Fatalf("%s is not understood", line)
		}
		k := key(string(e.Method), string(unescape(e.Target)))
		out[k] = append(out[k], class)
	}
	if s := a.sites["web"]; s == nil || s.Unparsed > 0 {
		t.Fatalf("%d lines were not understood", s.Unparsed)
	}
	return out
}

// TestAttacksOnARealServer sends attacks and ordinary requests to nginx and
// holds what is found in its log against what was sent. The table of it is part
// of the documentation.
func TestAttacksOnARealServer(t *testing.T) {
	t.Parallel()
	n := startNginx(t)
	sent := append(attacks(), ordinary()...)
	n.ask(t, sent)
	found := seenIn(t, n.lines(t, len(sent)))
	type tally struct{ sent, found, same int }
	by := map[string]*tally{}
	alarms := 0
	for _, r := range sent {
		seen := found[key(r.method, r.target)]
		if len(seen) == 0 {
			t.Fatalf("%s is not in the log", r.target)
		}
		if by[r.class] == nil {
			by[r.class] = &tally{}
		}
		b := by[r.class]
		b.sent++
		if seen[0] == "" {
			if r.class != "" {
				t.Logf("missed %s: %s %s", r.class, r.method, r.target)
			}
			continue
		}
		b.found++
		if seen[0] == r.class {
			b.same++
		}
		if r.class == "" {
			alarms++
			t.Logf("false alarm %s: %s", seen[0], r.target)
		}
	}
	var table strings.Builder
	table.WriteString("| what was sent | requests | found | under the same class | recall |\n|---|--:|--:|--:|--:|\n")
	all, hit := 0, 0
	for _, class := range slices.SortedFunc(maps.Keys(by), func(a, b string) int { return cmp.Or(cmp.Compare(by[b].sent, by[a].sent), cmp.Compare(a, b)) }) {
		if class == "" {
			continue
		}
		b := by[class]
		all, hit = all+b.sent, hit+b.found
		fmt.Fprintf(&table, "| %s | %d | %d | %d | %.2f |\n", class, b.sent, b.found, b.same, float64(b.found)/float64(b.sent))
	}
	fmt.Fprintf(&table, "| all attacks | %d | %d | | %.3f |\n| ordinary | %d | %d | | |\n\nPrecision: %d of %d that were found are attacks: %.3f.\n",
		all, hit, float64(hit)/float64(all), by[""].sent, alarms, hit, hit+alarms, float64(hit)/float64(hit+alarms))
	t.Log("\n" + table.String())
	if float64(hit) < .95*float64(all) || float64(alarms) > .02*float64(by[""].sent) {
		t.Errorf("found %d of %d attacks with %d false alarms", hit, all, alarms)
	}
	compareTable(t, table.String())
}

// key tells a request: every target is sent once. The client's name does not
// count, for nginx does not read it of a request that it refuses.
func key(method, target string) string { return method + " " + strings.ReplaceAll(target, " ", "%20") }

func compareTable(t *testing.T, table string) {
	t.Helper()
	b, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- table -->\n", "<!-- end -->\n"
	text := string(b)
	from, to := strings.Index(text, begin), strings.Index(text, end)
	if from < 0 || to < from {
		t.Fatalf("%s has no table", document)
	}
	if text[from+len(begin):to] == table {
		return
	}
	if !*update {
		t.Fatalf("%s is out of date: run go test ./checks/logs/access -run RealServer -update\n%s", document, table)
	}
	if err := os.WriteFile(document, []byte(text[:from+len(begin)]+table+text[to:]), 0o644); err != nil {
		t.Fatal(err)
	}
}
