package agent_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"xunjian/checks/database/postgres/pgtest"
)

// letters takes mail as a server on the LAN does, and keeps it.
type letters struct {
	mu   sync.Mutex
	list []string
}

func (l *letters) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}

// startLetters listens until the test ends.
func startLetters(t *testing.T) (addr string, l *letters) {
	t.Helper()
	l = &letters{}
	in, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var open sync.WaitGroup
	t.Cleanup(func() { in.Close(); open.Wait() })
	open.Go(func() {
		for {
			c, err := in.Accept()
			if err != nil {
				return
			}
			open.Go(func() { l.talk(c) })
		}
	})
	return in.Addr().String(), l
}

// talk is one conversation of SMTP.
func (l *letters) talk(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	r := bufio.NewReader(c)
	fmt.Fprint(c, "220 mail.example.org\r\n")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch word := strings.ToUpper(strings.Fields(line + " .")[0]); word {
		case "DATA":
			fmt.Fprint(c, "354 go on\r\n")
			var b strings.Builder
			for line, err := r.ReadString('\n'); err == nil && line != ".\r\n"; line, err = r.ReadString('\n') {
				b.WriteString(strings.TrimPrefix(line, "."))
			}
			l.mu.Lock()
			l.list = append(l.list, b.String())
			l.mu.Unlock()
			fmt.Fprint(c, "250 kept\r\n")
		case "QUIT":
			fmt.Fprint(c, "221 bye\r\n")
			return
		default:
			fmt.Fprint(c, "250 ok\r\n")
		}
	}
}

// shown is what a mail program shows of a letter: its subject and all its texts.
func shownOf(t *testing.T, letter string) (subject, text string) {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(letter))
	must(t, err)
	subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	must(t, err)
	var b strings.Builder
	var part func(kind, coding string, r io.Reader)
	part = func(kind, coding string, r io.Reader) {
		media, params, _ := mime.ParseMediaType(kind)
		if strings.HasPrefix(media, "multipart/") {
			for mr := multipart.NewReader(r, params["boundary"]); ; {
				p, err := mr.NextRawPart()
				if err != nil {
					return
				}
				part(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p)
			}
		}
		if strings.HasPrefix(media, "text/") {
			switch coding {
			case "quoted-printable":
				r = quotedprintable.NewReader(r)
			case "base64":
				r = base64.NewDecoder(base64.StdEncoding, r)
			}
			_, err := io.Copy(&b, r)
			must(t, err)
		}
	}
	part(m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body)
	return subject, b.String()
}

const accessTime = "02/Jan/2006:15:04:05 -0700"

// hostileRunes are what must not reach a terminal or a page.
var hostileRunes = regexp.MustCompile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")

// logWatch starts an agent that reads the logs of servers.
func logWatch(t *testing.T, sources, rest string) (p *process, consoleURL, password string) {
	t.Helper()
	data := t.TempDir()
	file := filepath.Join(data, "xunjian.yaml")
	must(t, os.WriteFile(file, fmt.Appendf(nil, `zone: UTC
%s
checks:
  disable: [filesystem, disk, timesync, units, processes]
  schedule: {logs: {interval: 1s}, access: {interval: 1s}, log_novelty: {interval: 1s}}
  logs:
    backlog: 1073741824
    access: {learn: 0s}
    archive: {sync: 100ms, min_free_bytes: 0}
    sources:
%s`, rest, sources), 0o600))
	p = start(t, data, "--config", file)
	p.ready(t)
	said := regexp.MustCompile(`(?s)(http://[^\s]+).*admin.*?([a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4})`)
	var m []string
	waitFor(t, 30*time.Second, "announcement", func() bool { m = said.FindStringSubmatch(p.output.String()); return m != nil })
	return p, m[1], m[2]
}

type logReview struct {
	Sources []struct {
		Source             string
		Lines, Cut, Mended uint64
		Behind             int64
	}
	Patterns []struct {
		Name  string
		Count uint64
		Lines []struct{ Text string }
	}
	Events []struct{ Code, Subject, Text, Evidence string }
}

func (r logReview) count(pattern string) uint64 {
	for _, p := range r.Patterns {
		if p.Name == pattern {
			return p.Count
		}
	}
	return 0
}

// TestLogsOfServers is the review of logs end to end, with the logs of real
// servers: nginx under injections becomes an incident with the requests as
// evidence, PostgreSQL with wrong passwords and too many clients counts of its
// patterns, and all of it stands in the weekly report.
func TestLogsOfServers(t *testing.T) {
	t.Parallel() // it mostly waits
	web := newNginx(t, "site")
	access := filepath.Join(web.dir, "access.log")
	web.start(t, fmt.Sprintf("log_format edge '$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" \"$http_user_agent\" $request_time'; server { listen 127.0.0.1:%s; access_log %s edge; location / { return 200 'ok'; } }", web.ports["site"], access))
	pg := pgtest.Start(t, pgtest.Options{Settings: []string{"max_connections = 6", "superuser_reserved_connections = 1", "max_wal_senders = 0", "wal_level = minimal"}})
	pg.Must(t, "CREATE ROLE bidder LOGIN PASSWORD 'right'")
	p, consoleURL, password := logWatch(t, fmt.Sprintf("      - {name: site, kind: access-nginx, files: [%s]}\n      - {name: postgresql, kind: postgresql, files: [%s]}\n", access, pg.Log()), "")
	review := func() (r logReview) { p.get(t, "/api/v1/logs/review", &r); return r }
	waitFor(t, time.Minute, "first look", func() bool { return len(review().Sources) == 2 })

	// sqlmap goes through a parameter like this.
	const asked = 25
	c, err := net.Dial("tcp", "127.0.0.1:"+web.ports["site"])
	must(t, err)
	defer c.Close()
	for n := range asked {
		fmt.Fprintf(c, "GET /tender?id=%d%%27%%20UNION%%20ALL%%20SELECT%%20NULL,CONCAT(0x71,password,0x71),NULL%%20FROM%%20users--%%20- HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: sqlmap/1.8#stable (https://sqlmap.org)\r\n\r\n", n)
	}
	for range 7 {
		if conn, err := pgx.Connect(t.Context(), fmt.Sprintf("host=127.0.0.1 port=%d user=bidder password=wrong dbname=postgres sslmode=disable", pg.Port)); err == nil {
			conn.Close(t.Context())
			t.Fatal("a wrong password lets in")
		}
	}
	full := false
	for range 8 {
		conn, err := pgx.Connect(t.Context(), fmt.Sprintf("host=127.0.0.1 port=%d user=bidder password=right dbname=postgres sslmode=disable", pg.Port))
		if err != nil {
			full = true
			break
		}
		defer conn.Close(t.Context())
	}
	if !full {
		t.Fatal("the server takes any number of clients")
	}

	attack := p.incidentOfRule(t, "AccessAttackAnswered")
	if attack.Code != "A01" || attack.State != "open" {
		t.Errorf("injections that were answered are %s, %s", attack.Code, attack.State)
	}
	exhibits, faults := p.exhibitsOf(t, attack.ID)
	decoded := slices.ContainsFunc(exhibits, func(e struct {
		Check, Code, Text string
		Columns           []string
		Rows              [][]string
	}) bool {
		return e.Code == "access.exhibit.attacks" && len(e.Rows) > 0 && strings.Contains(strings.Join(e.Rows[0], " "), "' UNION ALL SELECT NULL,CONCAT(0x71,password,0x71),NULL FROM users")
	})
	if !decoded {
		t.Errorf("the evidence lacks the requests: %+v, faults %v", exhibits, faults)
	}
	waitFor(t, time.Minute, "counts of PostgreSQL's patterns", func() bool {
		r := review()
		return r.count("postgres_login_failed") == 7 && r.count("postgres_full") == 1
	})
	waitFor(t, time.Minute, "the warning", func() bool { return strings.Contains(p.raw(t, "/api/v1/alerts"), "LogSoftwareSign") })
	var sites struct {
		Sites []struct {
			Requests uint64
			Attacks  []struct {
				Class             string
				Answered, Refused uint64
			}
		}
	}
	waitFor(t, time.Minute, "all requests", func() bool {
		p.get(t, "/api/v1/logs/access", &sites)
		return len(sites.Sites) == 1 && sites.Sites[0].Requests == asked
	})
	if a := sites.Sites[0].Attacks; len(a) != 1 || a[0].Class != "sql" || a[0].Answered != asked {
		t.Errorf("of %d injections it counts %+v", asked, a)
	}
	// From the counts to the lines.
	for path, want := range map[string]int{"/logs/postgres_login_failed": 7, "/logs/access/lines?class=sql&hours=1": asked} {
		waitFor(t, 30*time.Second, "lines of "+path, func() bool {
			return strings.Count(consolePage(t, consoleURL, password, path), `<code class="line">`) == want
		})
	}
	from, to := time.Now().Add(-time.Hour).UTC(), time.Now().UTC()
	status, body, err := p.call("GET", "/api/v1/report?form=weekly&format=text&lang=en&from="+from.Format(time.RFC3339)+"&to="+to.Format(time.RFC3339), nil)
	if err != nil || status != 200 {
		t.Fatalf("report: %d %v %s", status, err, body)
	}
	for _, want := range []string{"Logs and files", "SQL injection", "127.0.0.1", "PostgreSQL takes no more connections", "7 more lines, of 1 kinds, are in order"} {
		if !strings.Contains(string(body), want) {
			t.Errorf("the report does not say %q:\n%s", want, body)
		}
	}
	if err := p.stop(t); err != nil {
		t.Errorf("the agent ended with %v\n%s", err, p.output)
	}
}

// TestHostileLines feeds an agent everything that strangers have ever put into
// logs, and looks at all the ways by which a line reaches a person.
func TestHostileLines(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	auth, web := filepath.Join(dir, "auth.log"), filepath.Join(dir, "access.log")
	const evil = "\x1b[2J\x1b]0;owned\x07 \u202egnp.exe\u202c \x00 <script>alert(1)</script> \rNov 29 10:00:00 db01 sshd[1]: Accepted password for root from 192.0.2.1 port 1 ssh2 <13>forged {{.Host}} %s%n"
	now := time.Now().UTC()
	stamp := now.Format(time.Stamp)
	f, err := os.Create(auth)
	must(t, err)
	for n := range 12 {
		fmt.Fprintf(f, "%s db01 sshd[77]: Failed password for invalid user %s from 198.51.100.7 port %d ssh2\n", stamp, evil, 4000+n)
	}
	// A line of 100 MB, and one after it that counts.
	fmt.Fprintf(f, "%s db01 sshd[77]: ", stamp)
	long := bytes.Repeat([]byte("A"), 1<<20)
	for range 100 {
		_, err = f.Write(long)
		must(t, err)
	}
	fmt.Fprintf(f, "\n%s db01 sshd[77]: Accepted password for root from 198.51.100.7 port 4711 ssh2\n", stamp)
	must(t, f.Close())
	must(t, os.WriteFile(web, nil, 0o600))
	mail, received := startLetters(t)
	p, consoleURL, password := logWatch(t, fmt.Sprintf("      - {name: auth, kind: auth, files: [%s]}\n      - {name: web, kind: access, files: [%s]}\n", auth, web), `roster:
  people:
    - {id: wang, name: 王芳, roles: [leader, tech-staff, business-manager, center-manager], mail: wang@example.org, phone: 010-5550-0101, lang: en}
notify:
  mail: {server: "`+mail+`", security: none, from: xunjian@example.org}
`)
	var sites struct{ Sites []struct{ Source string } }
	waitFor(t, time.Minute, "the break-in to be read", func() bool {
		var r logReview
		p.get(t, "/api/v1/logs/review", &r)
		return len(r.Sources) == 2 && r.Sources[0].Lines == 14
	})
	must(t, os.WriteFile(web, fmt.Appendf(nil, "192.0.2.1 - - [%s] \"GET / HTTP/1.1\" 200 12 \"-\" \"x\"\n", now.Format(accessTime)), 0o600))
	waitFor(t, time.Minute, "the first request", func() bool { p.get(t, "/api/v1/logs/access", &sites); return len(sites.Sites) == 1 })
	// A page is new if it takes its first POST after reading has begun.
	line := fmt.Sprintf("203.0.113.9 - - [%s] \"POST /%%E2%%80%%AEgnp.exe%%1B%%5B31m%%0D%%0ABcc:%%20x@example.org%%0A%%0A%%3Cscript%%3Ealert(1)%%3C/script%%3E HTTP/1.1\" 200 12 \"-\" \"\\x1B[31m\"\n", time.Now().Add(2*time.Second).Format(accessTime))
	out, err := os.OpenFile(web, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = out.WriteString(line)
	must(t, errors.Join(err, out.Close()))
	breakIn := p.incidentOfRule(t, "LogBreakIn")
	if breakIn.Code != "A01" {
		t.Errorf("the incident is %s", breakIn.Code)
	}
	waitFor(t, time.Minute, "the warning about the page", func() bool { return strings.Contains(p.raw(t, "/api/v1/alerts"), "AccessNewPost") })
	// The report of a round goes out by mail, with the lines in it.
	if status, body, err := p.call("POST", "/api/v1/rounds", map[string]any{"form": "weekly"}); err != nil || status != 200 {
		t.Fatalf("start a round: %d %v %s", status, err, body)
	}
	clean := func(what, text string) {
		t.Helper()
		if at := hostileRunes.FindStringIndex(text); at != nil {
			t.Errorf("%s holds %q", what, text[max(0, at[0]-80):min(len(text), at[1]+20)])
		}
		if regexp.MustCompile(`(?m)(^|\r)Nov 29 10:00:00 db01 sshd\[1\]: Accepted`).MatchString(text) {
			t.Errorf("%s has a forged line in it", what)
		}
	}
	var r logReview
	p.get(t, "/api/v1/logs/review", &r)
	// The forged login is no line of its own: one login, twelve failures.
	if r.count("sshd_failed") != 12 || r.count("sshd_accepted") != 1 || r.Sources[0].Lines != 14 || r.Sources[0].Cut != 1 || r.Sources[0].Mended == 0 || r.Sources[0].Behind != 0 {
		t.Errorf("the review: %d failed, %d logins, %+v", r.count("sshd_failed"), r.count("sshd_accepted"), r.Sources)
	}
	for _, e := range r.Events {
		clean("an event", e.Subject+"\n"+e.Text+"\n"+e.Evidence)
	}
	exhibits, _ := p.exhibitsOf(t, breakIn.ID)
	for _, e := range exhibits {
		for _, row := range e.Rows {
			clean("an exhibit", strings.Join(row, "\n"))
		}
	}
	for _, path := range []string{"/", "/incidents/" + breakIn.ID, "/logs", "/logs/sshd_failed", "/logs/access", "/logs/templates", "/logs/search", "/checks/logs", "/checks/access", "/alerts"} {
		page := consolePage(t, consoleURL, password, path)
		clean("the page "+path, page)
		if strings.Contains(page, "<script>alert") {
			t.Errorf("%s runs what a stranger wrote", path)
		}
	}
	bin, _ := binary()
	for _, args := range [][]string{
		{"logs", "search", "--source", "auth"}, {"incidents", "show", breakIn.ID}, {"incidents", "evidence", breakIn.ID}, {"checks", "show", "logs"}, {"checks", "show", "access"}, {"alerts", "list"}, {"report", "--form", "weekly", "--format", "text"},
		{"logs", "scan", auth, "--lines", "20"},
	} {
		cmd := exec.Command(bin, append(args, "--lang", "en")...)
		if args[1] != "scan" {
			cmd.Args = append(cmd.Args, "--data", p.data)
		}
		cmd.Dir = dir // the report is a file
		out, err := cmd.CombinedOutput()
		if len(out) == 0 || strings.Contains(string(out), "Usage:") || strings.Contains(string(out), "unknown") && err != nil {
			t.Errorf("xunjian %v: %v\n%.600s", args, err, out)
		}
		clean("xunjian "+strings.Join(args, " "), string(out))
		if len(out) > 1<<20 {
			t.Errorf("xunjian %v prints %d bytes", args, len(out))
		}
	}
	told := ""
	written, err := filepath.Glob(filepath.Join(dir, "xunjian-*.txt"))
	must(t, err)
	if len(written) != 1 {
		t.Fatalf("the report is written as %v", written)
	}
	report, err := os.ReadFile(written[0])
	must(t, err)
	clean("the report", string(report))
	waitFor(t, time.Minute, "the mails of the incident and of the report", func() bool {
		told = ""
		for _, letter := range received.all() {
			subject, text := shownOf(t, letter)
			told += subject + text
		}
		return strings.Contains(told, "Logs and files") && strings.Contains(told, breakIn.ID)
	})
	for _, letter := range received.all() {
		head, _, _ := strings.Cut(letter, "\r\n\r\n")
		if regexp.MustCompile(`(?im)^bcc:`).MatchString(head) {
			t.Errorf("a path wrote a header of the mail:\n%s", head)
		}
		subject, text := shownOf(t, letter)
		clean("the subject of a mail", subject)
		clean("a mail", text)
		if _, page, ok := strings.Cut(text, "<!doctype html>"); ok && strings.Contains(page, "<script>alert") {
			t.Errorf("a mail runs what a stranger wrote")
		}
	}
	if !strings.Contains(told, "198.51.100.7") || !strings.Contains(told, "&lt;script&gt;alert(1)") {
		t.Errorf("no mail tells of the login with its lines:\n%.2000s", told)
	}
	if err := p.stop(t); err != nil {
		t.Errorf("the agent ended with %v\n%s", err, p.output)
	}
}
