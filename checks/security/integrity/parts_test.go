package integrity

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestBadConfigs(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"rate":     {func(c *Config) { c.Rate = 1 }, "rate_bytes: 1 is out of range; allowed: 65536 to 10737418240"},
		"interval": {func(c *Config) { c.Interval = time.Second }, "interval: 1s is out of range; allowed: 10s to 24h"},
		"full":     {func(c *Config) { c.Full = time.Minute }, "full: 1m0s is out of range; allowed: 1h to 720h"},
		"keep":     {func(c *Config) { c.KeepBytes = -1 }, "keep_bytes: -1 is out of range; allowed: 0 to 10737418240"},
		"no path":  {func(c *Config) { c.Paths = []Tree{{Kind: Web}} }, "paths[0].path: is missing; name a folder or a file, like /var/www"},
		"kind":     {func(c *Config) { c.Paths = []Tree{{Path: "/a", Kind: "www"}} }, `paths[0].kind: "www" is unknown; allowed: web, binaries, config`},
		"pattern":  {func(c *Config) { c.Paths = []Tree{{Path: "/a", Kind: Web, Exclude: []string{"[a"}}} }, `paths[0].exclude[0]: "[a" is no pattern; allowed: like *.log, cache/** or uploads/*.jpg`},
		"overlap":  {func(c *Config) { c.Paths = []Tree{{Path: "/a", Kind: Web}, {Path: "/a/b", Kind: Web}} }, `paths[1].path: "/a/b" overlaps paths[0]; a file belongs to one tree, so leave one of them out`},
	} {
		cfg := Default()
		c.change(&cfg)
		if err := cfg.Validate(); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	good := Default()
	good.Paths = []Tree{{Path: "/a", Kind: Web, Include: []string{"*"}}, {Path: "/ab", Kind: Settings}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, rel string
		want         bool
	}{
		{"*.log", "a/b/x.log", true}, {"*.log", "x.logs", false}, {"cache/**", "cache/a/b", true}, {"cache", "cache/a", true},
		{"cache/**", "a/cache/b", true}, {"a/cache/**", "b/a/cache/x", false}, {"up/*.jpg", "up/a.jpg", true}, {"up/*.jpg", "up/b/a.jpg", false}, {"/up/*.jpg", "up/a.jpg", true},
	} {
		if got := matches(c.pattern, c.rel); got != c.want {
			t.Errorf("%s against %s: %v", c.pattern, c.rel, got)
		}
	}
}

// TestShells holds what shells look like, and what honest pages do.
func TestShells(t *testing.T) {
	for text, want := range map[string]string{
		`<?php @eval($_POST['pass']);?>`:                                                                  "php-eval-request",
		`<?php assert(base64_decode($_REQUEST["a"]));`:                                                    "php-eval-request",
		`<?php system($_GET['cmd']); ?>`:                                                                  "php-exec-request",
		`<?php $_GET['f']($_POST['x']);`:                                                                  "php-call-request",
		`<?php eval(gzinflate(base64_decode('7b0HYBxJ')));`:                                               "php-eval-packed",
		`<?php preg_replace("/.*/e", $_POST['x'], "");`:                                                   "php-preg-replace-e",
		`<% Runtime.getRuntime().exec(request.getParameter("cmd")); %>`:                                   "jsp-exec-request",
		"<% String c = request.getParameter(\"c\");\nnew ProcessBuilder(c).start();":                      "jsp-exec-variable",
		`<%! class U extends ClassLoader{ Class g(byte[] b){return super.defineClass(b,0,b.length);}} %>`: "jsp-load-class",
		`<%eval request("x")%>`:                                                                           "asp-eval-request",
		`<%@ Page Language="Jscript"%><%eval(Request.Item["x"],"unsafe");%>`:                              "asp-eval-request",
	} {
		if got := shellIn("a.php", []byte(text)); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{
		`<?php echo htmlspecialchars($_GET['q']); $system = 'trade'; include 'system.php';`,
		`<?php $stmt = $pdo->prepare('select * from bids where id = ?'); $stmt->execute([$_POST['id']]);`,
		`<?php $json = json_decode(base64_decode($token)); ?>`,
		`<?php // eval() is not used here; $_POST is`,
		`<% String id = request.getParameter("id"); out.print(id); %>`,
		`<script>eval("1+1"); var request = {form: 1};</script>`,
		`<%@ page import="java.util.*" %><% Process p = null; %>`,
	} {
		if got := shellIn("a.php", []byte(text)); got != "" {
			t.Errorf("%s is taken for %s", text, got)
		}
	}
	for name, want := range map[string]bool{"a.PHP": true, "a.php.jpg": true, "a.jspx": true, ".htaccess": true, "a.html": false, "a.js": false, "php": false, "a.jpg": false} {
		if isScript(name) != want {
			t.Errorf("isScript(%s) is %v", name, !want)
		}
	}
}

const auditLog = `type=SYSCALL msg=audit(1764403200.123:900): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c items=2 ppid=1 pid=4242 auid=1000 uid=33 gid=33 comm="sh" exe="/usr/bin/dash" key="web"
type=CWD msg=audit(1764403200.123:900): cwd="/var/www/html"
type=PATH msg=audit(1764403200.123:900): item=0 name="./" inode=2 nametype=PARENT
type=PATH msg=audit(1764403200.123:900): item=1 name="up/shell.php" inode=3 nametype=CREATE
type=PROCTITLE msg=audit(1764403200.123:900): proctitle=7368
type=SYSCALL msg=audit(1764403201.000:901): arch=c000003e syscall=257 success=no auid=4294967295 uid=0 exe="/usr/bin/cat"
type=PATH msg=audit(1764403201.000:901): item=0 name="/var/www/html/up/shell.php" nametype=NORMAL
type=SYSCALL msg=audit(1764403202.000:902): success=yes auid=4294967295 uid=0 exe=2F7573722F62696E2F6120622E7368
type=PATH msg=audit(1764403202.000:902): item=0 name=2F7661722F7777772F68746D6C2FE68B9BE6A0872E706870 nametype=NORMAL
`

func TestAuditTellsWho(t *testing.T) {
	wanted := map[string]bool{"/var/www/html/up/shell.php": true, "/var/www/html/招标.php": true}
	got := readAudit(strings.NewReader(auditLog), func(p string) bool { return wanted[p] })
	who := got["/var/www/html/up/shell.php"]
	if who.Program != "/usr/bin/dash" || who.User != "www-data" || who.Login == "" || !who.At.Equal(time.UnixMilli(1764403200123)) {
		t.Errorf("shell.php: %+v", who)
	}
	if who := got["/var/www/html/招标.php"]; who.User != "root" || who.Login != "" || who.Program != "/usr/bin/a b.sh" {
		t.Errorf("招标.php: %+v", who)
	}
}

func FuzzAudit(f *testing.F) {
	f.Add([]byte(auditLog))
	f.Add([]byte("type=PATH msg=audit(1:1): name=\"\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		readAudit(bytes.NewReader(b), func(string) bool { return true })
	})
}

func FuzzShell(f *testing.F) {
	f.Add("a.php", []byte("<?php eval($_POST['x'])"))
	f.Fuzz(func(t *testing.T, name string, b []byte) { shellIn(name, b) })
}

func FuzzBaseline(f *testing.F) {
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, b []byte) {
		k := &Keeper{trees: map[string]*tree{"/was": nil}}
		if k.read(bytes.NewReader(b)) != nil && len(k.trees) != 1 {
			t.Error("a broken baseline left something behind")
		}
	})
}
