package platform

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// The servers that the tests of this package share: a real nginx with many
// doors, a certification authority of openssl with its responder and its list
// of revoked certificates, and an application behind nginx.
type site struct {
	dir     string
	app     *httptest.Server
	plain   string            // http://127.0.0.1:port
	secure  map[string]string // https://127.0.0.1:port, by kind of certificate
	root    string            // file of the root that the tests trust
	stopped []func()
}

var shared struct {
	sync.Once
	*site
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if s := shared.site; s != nil {
		s.stop()
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// theSite starts the shared servers once.
func theSite(t testing.TB) *site {
	t.Helper()
	shared.Do(func() { shared.site, shared.err = openSite() })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.site
}

func (s *site) stop() {
	for i := range s.stopped {
		s.stopped[len(s.stopped)-1-i]()
	}
	os.RemoveAll(s.dir)
}

const doorPage = "<html><head><title>招标采购交易平台</title></head><body>欢迎使用电子招投标系统<!-- rev 7 --></body></html>\n"

func openSite() (s *site, err error) {
	dir, err := os.MkdirTemp("", "xunjian-doors-")
	if err != nil {
		return nil, err
	}
	s = &site{dir: dir, secure: map[string]string{}}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	os.Chmod(dir, 0o755)
	s.app = httptest.NewServer(http.HandlerFunc(application))
	s.stopped = append(s.stopped, s.app.Close)
	plain, responder := freePort(), freePort()
	s.plain = "http://127.0.0.1:" + plain
	ca, err := newAuthority(filepath.Join(dir, "ca"), "http://127.0.0.1:"+responder, s.plain+"/crl.der")
	if err != nil {
		return s, err
	}
	s.root = ca.file("root.pem")
	if err := ca.issueAll(); err != nil {
		return s, err
	}
	if err := ca.respond(s, responder); err != nil {
		return s, err
	}
	www := filepath.Join(dir, "www")
	if err := os.MkdirAll(www, 0o755); err != nil {
		return s, err
	}
	list, err := os.ReadFile(ca.file("crl.der"))
	if err != nil {
		return s, err
	}
	for name, content := range map[string]string{"index.html": doorPage, "crl.der": string(list), "big.bin": strings.Repeat("0123456789abcdef", 256<<10)} {
		if err := os.WriteFile(filepath.Join(www, name), []byte(content), 0o644); err != nil {
			return s, err
		}
	}
	conf := fmt.Sprintf(`server { listen 127.0.0.1:%s; root %s;
  location = /away { return 302 http://localhost:%s/; }
  location = /here { return 302 /; }
  location = /loop { return 302 /loop; }
  location = /broken { proxy_pass http://127.0.0.1:1; }
  location = /none { return 404 "nothing"; }
  location = /cut { return 444; }
  location /app/ { proxy_pass %s; proxy_set_header Host $host; }
}
`, plain, www, plain, s.app.URL)
	for kind, extra := range map[string]string{
		"good":    "",
		"expired": "", "wrongname": "", "incomplete": "", "selfsigned": "", "revoked": "", "early": "",
		"weak": "ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers ALL:@SECLEVEL=0;",
	} {
		port := freePort()
		s.secure[kind] = "https://127.0.0.1:" + port
		cert := kind
		if kind == "weak" {
			cert = "good"
		}
		if extra == "" {
			extra = "ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers HIGH:!aNULL:!kRSA;"
		}
		if kind == "good" {
			extra += " ssl_stapling on; ssl_trusted_certificate " + ca.file("trust.pem") + ";"
		}
		conf += fmt.Sprintf("server { listen 127.0.0.1:%s ssl http2; root %s; ssl_certificate %s; ssl_certificate_key %s; %s }\n",
			port, www, ca.file(cert+".chain"), ca.file(cert+".key"), extra)
	}
	n, err := startNginx(filepath.Join(dir, "nginx"), conf, plain)
	if err != nil {
		return s, err
	}
	s.stopped = append(s.stopped, n.stop)
	return s, nil
}

// application is what stands behind nginx: a log-in with a token in its form.
func application(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/app/login":
		if r.Method == http.MethodGet {
			http.SetCookie(w, &http.Cookie{Name: "session", Value: "s-4711", Path: "/"})
			fmt.Fprint(w, `<form><input name="csrf" value="tok-8f3a2b"></form>`)
			return
		}
		c, err := r.Cookie("session")
		if err != nil || c.Value != "s-4711" || r.FormValue("csrf") != "tok-8f3a2b" || r.FormValue("user") != "prober" || r.FormValue("password") != canary {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, "wrong log-in; you sent %s as password", r.FormValue("password"))
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "user", Value: "prober", Path: "/"})
		http.Redirect(w, r, "/app/hall", http.StatusSeeOther)
	case "/app/hall":
		if c, err := r.Cookie("user"); err != nil || c.Value != "prober" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, "开标大厅 welcome prober")
	case "/app/basic":
		if user, password, ok := r.BasicAuth(); !ok || user != "prober" || password != canary {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, "you said %s", r.Header.Get("Authorization"))
			return
		}
		fmt.Fprint(w, "in")
	case "/app/bearer":
		if r.Header.Get("Authorization") != "Bearer "+canary {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, "in "+r.Header.Get("X-Door"))
	case "/app/slow":
		select {
		case <-r.Context().Done():
		case <-time.After(30 * time.Second):
		}
	}
}

// canary is a password that must appear nowhere.
const canary = "c4n4ry-Pässwort&1"

func freePort() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// server is one that a test started.
type server struct {
	cmd    *exec.Cmd
	output *lines
	gone   chan struct{}
}

func startServer(name string, args ...string) (*server, error) {
	s := &server{cmd: exec.Command(name, args...), output: &lines{}, gone: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s (install it by make packages): %w", name, err)
	}
	go func() { s.cmd.Wait(); close(s.gone) }()
	return s, nil
}

// lines is what a server says.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// says waits until a server has said something.
func (s *server) says(what string) error {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if strings.Contains(s.output.String(), what) {
			return nil
		}
	}
	return fmt.Errorf("%s does not say %q: %s", s.cmd.Path, what, s.output)
}

func (s *server) signal(sig syscall.Signal) { syscall.Kill(-s.cmd.Process.Pid, sig) }

func (s *server) stop() {
	s.signal(syscall.SIGKILL)
	<-s.gone
}

// listens waits until a port is open.
func (s *server) listens(port string) error {
	end := time.Now().Add(30 * time.Second)
	for time.Now().Before(end) {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			c.Close()
			return nil
		}
		select {
		case <-s.gone:
			return fmt.Errorf("%s ended: %s", s.cmd.Path, s.output)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s does not listen on %s", s.cmd.Path, port)
}

// startNginx runs one nginx of its own with these servers.
func startNginx(dir, servers, port string) (*server, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	conf := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log stderr; worker_rlimit_nofile 8192;
events { worker_connections 4096; }
http { access_log off; default_type text/html; charset utf-8; keepalive_timeout 5s; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
%[2]s}
`, dir, servers)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		return nil, err
	}
	s, err := startServer("nginx", "-e", "stderr", "-p", dir, "-c", file)
	if err != nil {
		return nil, err
	}
	if err := s.listens(port); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}
