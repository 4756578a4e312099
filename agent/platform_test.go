package agent_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"xunjian/agent/config"
	"xunjian/alerting/planfile"
	"xunjian/checks/platform"
)

// TestDoorsHaveTheirScenarios: what an outage of a door opens is in the plan.
func TestDoorsHaveTheirScenarios(t *testing.T) {
	have := config.Scenarios(planfile.Default())
	for _, door := range platform.Doors() {
		for _, s := range platform.Scenarios(door) {
			if !slices.Contains(have, s) {
				t.Errorf("the plan has no scenario %q, which the door %q stands for", s, door)
			}
		}
	}
}

// nginx is a real one with a certificate and a folder of its own.
type nginx struct {
	dir   string
	ports map[string]string
	cmd   *exec.Cmd
}

// newNginx makes ready; start begins it.
func newNginx(t *testing.T, names ...string) *nginx {
	t.Helper()
	n := &nginx{dir: t.TempDir(), ports: map[string]string{}}
	for d := n.dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) { // the workers are nobody
		must(t, os.Chmod(d, 0o755))
	}
	for _, name := range names {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		n.ports[name] = fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
		l.Close()
	}
	t.Cleanup(func() { n.signal(syscall.SIGKILL) })
	return n
}

// start runs it with these servers, and waits until it listens.
func (n *nginx) start(t *testing.T, servers string) {
	t.Helper()
	conf := filepath.Join(n.dir, "nginx.conf")
	must(t, os.WriteFile(conf, []byte(fmt.Sprintf("daemon off; master_process off; pid %[1]s/pid; error_log stderr;\nevents {}\nhttp { access_log off; default_type text/html; charset utf-8; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;\n%[2]s}\n", n.dir, servers)), 0o644))
	n.cmd = exec.Command("nginx", "-e", "stderr", "-p", n.dir, "-c", conf)
	// No Pdeathsig: it strikes when the thread that started the server ends, and
	// tests in network namespaces end theirs.
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	said := &lockedBuffer{}
	n.cmd.Stdout, n.cmd.Stderr = said, said
	must(t, n.cmd.Start())
	go n.cmd.Wait()
	waitFor(t, 30*time.Second, "nginx: "+said.String(), func() bool {
		for _, port := range n.ports {
			c, err := net.Dial("tcp", "127.0.0.1:"+port)
			if err != nil {
				return false
			}
			c.Close()
		}
		return true
	})
}

func (n *nginx) signal(sig syscall.Signal) {
	if n.cmd != nil && n.cmd.Process != nil {
		syscall.Kill(-n.cmd.Process.Pid, sig)
	}
}

// certificate makes one with openssl, signed by itself, which the probe trusts.
func certificate(t *testing.T, dir, name string, days int) {
	t.Helper()
	args := []string{"req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=" + name, "-keyout", name + ".key", "-out", name + ".csr"}
	sign := []string{"ca", "-batch", "-config", "ca.cnf", "-notext", "-selfsign", "-keyfile", name + ".key", "-extensions", "e",
		"-startdate", "20200101000000Z", "-enddate", time.Now().UTC().AddDate(0, 0, days).Format("20060102150405Z"), "-in", name + ".csr", "-out", name + ".pem"}
	must(t, os.WriteFile(filepath.Join(dir, "ca.cnf"), []byte("[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n[e]\nsubjectAltName=IP:127.0.0.1\nbasicConstraints=critical,CA:TRUE\n"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "index.txt"), nil, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "serial"), []byte("10\n"), 0o600))
	for _, a := range [][]string{args, sign} {
		cmd := exec.Command("openssl", a...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("openssl %v: %v\n%s", a, err, out)
		}
	}
}

const doorCanary = "c4n4ry-of-the-d00rs"

// TestPlatformDoors is the platform as seen by its agent: real servers, each
// fault made for real, the incident it has in the plan with its evidence, and
// its end when the fault is over.
func TestPlatformDoors(t *testing.T) {
	t.Parallel() // it mostly waits
	work := newNginx(t, "upload", "opening")
	site := newNginx(t, "page", "secure")
	certificate(t, site.dir, "site", 90)
	certificate(t, site.dir, "old", -2)
	index := filepath.Join(site.dir, "index.html")
	const page = "<html><title>招标采购交易平台</title><body>公告</body></html>"
	must(t, os.WriteFile(index, []byte(page), 0o644))
	must(t, os.WriteFile(filepath.Join(site.dir, "password"), []byte(doorCanary+"\n"), 0o600))
	work.start(t, fmt.Sprintf("server { listen 127.0.0.1:%s; return 200 \"ready\"; }\nserver { listen 127.0.0.1:%s; return 200 \"开标大厅\"; }\n", work.ports["upload"], work.ports["opening"]))
	secure := func(name string) string {
		return fmt.Sprintf("server { listen 127.0.0.1:%s; root %s; }\nserver { listen 127.0.0.1:%s ssl; ssl_certificate %s/%s.pem; ssl_certificate_key %[4]s/%[5]s.key; return 200 \"in as $http_authorization\"; }\n", site.ports["page"], site.dir, site.ports["secure"], site.dir, name)
	}
	site.start(t, secure("site"))
	evaluation, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	evaluationAt := evaluation.Addr().String()
	forbidden := newNginx(t, "port").ports["port"] // a free one

	data := t.TempDir()
	file := filepath.Join(data, "xunjian.yaml")
	both, err := os.ReadFile(filepath.Join(site.dir, "site.pem"))
	must(t, err)
	old, err := os.ReadFile(filepath.Join(site.dir, "old.pem"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(data, "ca.pem"), append(both, old...), 0o644))
	must(t, os.WriteFile(file, []byte(fmt.Sprintf(`
systems: {trade: business, hall: opening}
checks:
  platform:
    probes:
      - {name: upload, system: trade, door: upload, interval: 2s, timeout: 1s, http: {steps: [{url: "http://127.0.0.1:%[1]s/", must_contain: [ready]}]}}
      - {name: hall, system: hall, door: opening, interval: 2s, timeout: 1s, http: {steps: [{url: "http://127.0.0.1:%[2]s/"}]}}
      - {name: evaluation, system: hall, door: evaluation, interval: 2s, timeout: 1s, tcp: {address: "%[3]s"}}
      - {name: home, system: trade, door: page, interval: 2s, timeout: 1s, http: {steps: [{url: "http://127.0.0.1:%[4]s/", integrity: {title: 招标采购交易平台}}]}}
      - name: seal
        system: hall
        door: ca
        interval: 2s
        timeout: 1s
        http:
          steps: [{url: "https://127.0.0.1:%[5]s/", username: prober, password_file: %[6]s/password, must_contain: ["in as Basic"]}]
          tls: {ca_file: ca.pem}
    ports:
      listen: [{port: %[1]s, process: nginx, system: trade}]
      forbidden: [{port: %[7]s}]
`, work.ports["upload"], work.ports["opening"], evaluationAt, site.ports["page"], site.ports["secure"], site.dir, forbidden)), 0o600))
	p := start(t, data, "--config", file)
	p.ready(t)
	for _, name := range []string{"probe/upload", "probe/hall", "probe/evaluation", "probe/home", "probe/seal", "ports"} {
		waitFor(t, 60*time.Second, name+" to be well", func() bool { return p.verdict(name) == "ok" })
	}

	broken := time.Now()
	work.signal(syscall.SIGSTOP) // accepts, and says nothing
	evaluation.Close()
	must(t, os.WriteFile(index, []byte("<html><title>HACKED</title></html>"), 0o644))
	site.signal(syscall.SIGKILL)
	site.start(t, secure("old")) // with the certificate that ran out
	open, err := net.Listen("tcp", "127.0.0.1:"+forbidden)
	must(t, err)
	defer open.Close()

	wants := []struct{ code, scenario, cause, system, evidence string }{
		{"F02", "bid-submission", "resources", "trade", "timeout at processing"},
		{"F03", "opening-hall", "system", "hall", "timeout at processing"},
		{"F06", "evaluation-interrupted", "", "hall", "refused at connect"},
		{"A01", "network-attack", "", "trade", "HACKED"},
		{"F04", "bidder-decryption", "", "hall", "certificate_expired at tls"},
	}
	found := map[string]doorIncident{}
	for _, want := range wants {
		waitFor(t, 2*time.Minute, "incident "+want.code, func() bool {
			i, ok := p.incidentOf(t, want.code)
			if ok {
				found[want.code] = i
			}
			return ok && len(i.Evidence) > 0
		})
		i := found[want.code]
		if i.Scenario != want.scenario || i.Cause != want.cause || i.System != want.system || i.State != "open" {
			t.Errorf("%s is %+v, want %+v", want.code, i, want)
		}
		if text := p.raw(t, "/api/v1/incidents/"+i.ID+"/evidence/"+i.Evidence[0].ID); !strings.Contains(text, want.evidence) || !strings.Contains(text, "probe.evidence.tries") {
			t.Errorf("the evidence of %s does not say %q: %s", want.code, want.evidence, text)
		}
	}
	waitFor(t, time.Minute, "the warnings", func() bool {
		alerts := p.raw(t, "/api/v1/alerts")
		return strings.Contains(alerts, "PortUnexpected") && strings.Contains(alerts, "CertificateNotTrusted") && strings.Contains(alerts, "CAServiceDownForTenderers")
	})
	t.Logf("all incidents and warnings after %v", time.Since(broken).Round(time.Second))
	p.hides(t, doorCanary, found)

	// All is mended, and ends by itself; but a page that was changed is for
	// people to close.
	work.signal(syscall.SIGCONT)
	evaluation, err = net.Listen("tcp", evaluationAt)
	must(t, err)
	defer evaluation.Close()
	must(t, os.WriteFile(index, []byte(page), 0o644))
	site.signal(syscall.SIGKILL)
	site.start(t, secure("site"))
	open.Close()
	for _, want := range wants {
		state := map[string]string{"A01": "open"}[want.code]
		if state == "" {
			state = "resolved"
		}
		waitFor(t, time.Minute, want.code+" "+state, func() bool {
			var i doorIncident
			p.get(t, "/api/v1/incidents/"+found[want.code].ID, &i)
			return i.State == state && !slices.ContainsFunc(i.Alerts, func(a struct{ State string }) bool { return a.State != "ended" })
		})
	}
	waitFor(t, time.Minute, "the end of the warnings", func() bool {
		alerts := p.raw(t, "/api/v1/alerts")
		return !strings.Contains(alerts, "PortUnexpected") && !strings.Contains(alerts, "CertificateNotTrusted")
	})
}

type doorIncident struct {
	ID, Code, Scenario, Cause, System, State string
	Alerts                                   []struct{ State string }
	Evidence                                 []struct{ ID string }
}

func (p *process) incidentOf(t *testing.T, code string) (doorIncident, bool) {
	t.Helper()
	var list struct{ Incidents []doorIncident }
	p.get(t, "/api/v1/incidents", &list)
	for _, i := range list.Incidents {
		if i.Code == code {
			p.get(t, "/api/v1/incidents/"+i.ID, &i)
			return i, true
		}
	}
	return doorIncident{}, false
}

func (p *process) verdict(check string) string {
	status, body, err := p.call("GET", "/api/v1/checks", nil)
	if err != nil || status != 200 {
		return ""
	}
	var list struct {
		Checks []struct{ Name, Verdict string }
	}
	if json.Unmarshal(body, &list) != nil {
		return ""
	}
	for _, c := range list.Checks {
		if c.Name == check {
			return c.Verdict
		}
	}
	return ""
}

func (p *process) raw(t *testing.T, path string) string {
	t.Helper()
	status, body, err := p.call("GET", path, nil)
	if err != nil || status != 200 {
		t.Fatalf("GET %s: %d %v %s", path, status, err, body)
	}
	return string(body)
}

// hides looks for a secret, and for what basic authentication makes of it,
// wherever the agent shows or keeps something.
func (p *process) hides(t *testing.T, secret string, incidents map[string]doorIncident) {
	t.Helper()
	texts := map[string]string{"log": p.output.String(), "checks": p.raw(t, "/api/v1/checks"), "alerts": p.raw(t, "/api/v1/alerts"), "seal": p.raw(t, "/api/v1/checks/probe%2Fseal")}
	for code, i := range incidents {
		texts[code] = p.raw(t, "/api/v1/incidents/"+i.ID) + p.raw(t, "/api/v1/incidents/"+i.ID+"/events") + p.raw(t, "/api/v1/incidents/"+i.ID+"/evidence/"+i.Evidence[0].ID)
	}
	if m := regexp.MustCompile(`http://[^\s]+/metrics`).FindString(p.output.String()); m == "" {
		t.Error("the address of the metrics is not told")
	} else if resp, err := http.Get(m); err != nil {
		t.Error(err)
	} else {
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if texts["metrics"] = string(b); !regexp.MustCompile(`probe_success\{[^}]*probe="seal"`).Match(b) {
			t.Errorf("the metrics lack the probe: %.2000s", b)
		}
	}
	for _, name := range []string{"xunjian.db", "xunjian.db-wal"} {
		b, _ := os.ReadFile(filepath.Join(p.data, name))
		texts[name] = string(b)
	}
	for where, text := range texts {
		for _, form := range []string{secret, "cHJvYmVyOmM0bjRyeS"} {
			if strings.Contains(text, form) {
				t.Errorf("the secret stands in %s", where)
			}
		}
	}
}
