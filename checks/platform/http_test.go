package platform

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/credential"
)

// attempt makes one try of a probe.
func attempt(t testing.TB, p Probe) *outcome {
	t.Helper()
	if p.Name == "" {
		p.Name = "door"
	}
	if p.Door == "" {
		p.Door = DoorPage
	}
	if p.Timeout == 0 {
		p.Interval, p.Timeout = time.Minute, 30*time.Second
	}
	if err := (Config{Probes: []Probe{p}}).Validate(); err != nil {
		t.Fatal(err)
	}
	p = p.filled()
	return try(t.Context(), p, expressions(p))
}

func page(steps ...Step) Probe { return Probe{HTTP: &HTTP{Steps: steps}} }

// value returns the figure of a family, of the last label's value if one is
// given.
func (o *outcome) value(t testing.TB, name string, label ...string) float64 {
	t.Helper()
	for _, s := range o.samples {
		if s.Desc.Name == name && (len(label) == 0 || s.Values[len(s.Values)-1] == label[0]) {
			return s.Value
		}
	}
	t.Errorf("there is no %s%v", name, label)
	return -1
}

// came returns the code and the words of the first finding.
func (o *outcome) came() (code, all string) {
	f := o.findings[0]
	return f.Code, fmt.Sprint(f.Args, f.Evidence)
}

func TestPageOfARealServer(t *testing.T) {
	s := theSite(t)
	o := attempt(t, page(Step{URL: s.plain + "/", MustContain: []string{"电子招投标"}, MustNotMatch: []string{"(?i)hacked"}}))
	if o.fault != nil || o.untried != nil {
		t.Fatalf("%v %v\n%s", o.fault, o.untried, strings.Join(o.log, "\n"))
	}
	for name, want := range map[string]float64{
		"probe_success": 1, "probe_http_status_code": 200, "probe_http_version": 1.1, "probe_http_redirects": 0, "probe_http_content_length": float64(len(doorPage)),
		"probe_http_uncompressed_body_length": float64(len(doorPage)), "probe_http_ssl": 0, "probe_ip_protocol": 4, "probe_failed_due_to_regex": 0,
	} {
		if got := o.value(t, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	var sum float64
	for _, phase := range []string{"resolve", "connect", "tls", "processing", "transfer"} {
		sum += o.value(t, "probe_http_duration_seconds", phase)
	}
	if all := o.value(t, "probe_duration_seconds"); sum <= 0 || sum > all {
		t.Errorf("the phases take %v s of %v s", sum, all)
	}
	for _, class := range classes {
		if o.value(t, "xunjian_probe_fault", class) != 0 {
			t.Errorf("a success is a fault of class %s", class)
		}
	}
}

func TestHTTP2AndTLS(t *testing.T) {
	s := theSite(t)
	p := page(Step{URL: s.secure["good"] + "/"})
	p.HTTP.TLS = credential.TLS{CAFile: s.root}
	p.HTTP.HTTP2 = "required"
	o := attempt(t, p)
	if o.fault != nil || o.untried != nil {
		t.Fatalf("%v %v\n%s", o.fault, o.untried, strings.Join(o.log, "\n"))
	}
	if v := o.value(t, "probe_http_version"); v != 2 {
		t.Errorf("HTTP/%v", v)
	}
	if v := o.value(t, "probe_tls_version_info", "TLS 1.3"); v != 1 {
		t.Errorf("TLS 1.3: %v", v)
	}
	end := time.Now().AddDate(0, 0, 90)
	for _, name := range []string{"probe_ssl_earliest_cert_expiry", "probe_ssl_last_chain_expiry_timestamp_seconds"} {
		if got := time.Unix(int64(o.value(t, name)), 0); got.Sub(end).Abs() > time.Hour {
			t.Errorf("%s is %v, want about %v", name, got, end)
		}
	}
	if o.value(t, "probe_http_duration_seconds", "tls") <= 0 {
		t.Error("the handshake took no time")
	}
	p.HTTP.HTTP2 = "off"
	if v := attempt(t, p).value(t, "probe_http_version"); v != 1.1 {
		t.Errorf("without HTTP/2 it speaks %v", v)
	}
	plain := page(Step{URL: s.plain + "/"})
	plain.HTTP.HTTP2 = "required"
	if code, _ := attempt(t, plain).came(); code != "probe.http_version" {
		t.Errorf("an HTTP/1.1 server comes to %s", code)
	}
}

// TestFaults makes each fault for real, and wants it told apart.
func TestFaults(t *testing.T) {
	s := theSite(t)
	secure := func(kind string) Probe {
		p := page(Step{URL: s.secure[kind] + "/"})
		p.HTTP.TLS = credential.TLS{CAFile: s.root}
		return p
	}
	untrusted := page(Step{URL: s.secure["good"] + "/"})
	closed := "http://127.0.0.1:" + freePort() + "/"
	slow := page(Step{URL: s.plain + "/app/slow"})
	slow.Interval, slow.Timeout = 2*time.Second, time.Second
	for _, tc := range []struct {
		name        string
		p           Probe
		code, class string
		phase, says string
	}{
		{"nothing listens", page(Step{URL: closed}), "probe.refused", classServer, phaseConnect, "refused"},
		{"no such name", page(Step{URL: "http://nowhere.invalid/"}), "probe.name_unresolved", classNetwork, phaseResolve, "nowhere.invalid"},
		{"application hangs", slow, "probe.timeout", classServer, phaseProcessing, ""},
		{"application is gone", page(Step{URL: s.plain + "/broken"}), "probe.status", classServer, phaseAnswer, "status:502"},
		{"no such page", page(Step{URL: s.plain + "/none"}), "probe.status", classContent, phaseAnswer, "status:404"},
		{"redirect where there should be none", page(Step{URL: s.plain + "/here", Redirects: "none"}), "probe.status", classContent, phaseAnswer, "status:302"},
		{"redirect to another host", page(Step{URL: s.plain + "/away", Redirects: "same_host"}), "probe.redirects", classContent, phaseProcessing, "localhost"},
		{"redirects without end", page(Step{URL: s.plain + "/loop"}), "probe.redirects", classContent, phaseProcessing, "more than 10"},
		{"cut off", page(Step{URL: s.plain + "/cut"}), "probe.cut_off", classServer, phaseProcessing, "EOF"},
		{"text missing", page(Step{URL: s.plain + "/", MustContain: []string{"submit"}}), "probe.text_missing", classContent, phaseAnswer, "submit"},
		{"text forbidden", page(Step{URL: s.plain + "/", MustNotMatch: []string{"欢.使用"}}), "probe.text_forbidden", classContent, phaseAnswer, "欢.使用"},
		{"TLS asked of a plain port", page(Step{URL: strings.Replace(s.plain, "http", "https", 1)}), "probe.tls", classServer, phaseTLS, ""},
		{"expired", secure("expired"), "probe.certificate_expired", classCertificate, phaseTLS, "CN=expired.example.org"},
		{"not yet valid", secure("early"), "probe.certificate_early", classCertificate, phaseTLS, "CN=early.example.org"},
		{"wrong name", secure("wrongname"), "probe.certificate_name", classCertificate, phaseTLS, "elsewhere.example.org"},
		{"incomplete chain", secure("incomplete"), "probe.certificate_incomplete", classCertificate, phaseTLS, "Test Issuing CA"},
		{"self-signed", secure("selfsigned"), "probe.certificate_self_signed", classCertificate, phaseTLS, "CN=localhost"},
		{"unknown authority", untrusted, "probe.certificate_authority", classCertificate, phaseTLS, "Test Issuing CA"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := attempt(t, tc.p)
			code, all := o.came()
			if code != tc.code || !strings.Contains(all, tc.says) {
				t.Fatalf("it comes to %s %s, want %s with %q\n%s", code, all, tc.code, tc.says, strings.Join(o.log, "\n"))
			}
			if o.fault.class != tc.class || o.fault.phase != tc.phase {
				t.Errorf("a fault of %s at %s, want %s at %s", o.fault.class, o.fault.phase, tc.class, tc.phase)
			}
			if o.value(t, "probe_success") != 0 || o.value(t, "xunjian_probe_fault", tc.class) != 1 {
				t.Errorf("the figures do not say so: %v", o.samples)
			}
			if tc.class == classCertificate && len(o.chain) == 0 {
				t.Error("the chain that was shown is not kept")
			}
		})
	}
}

// TestSteps logs in as a person does: a token out of a form, cookies, a
// redirect, a secret from a file; and says which step failed.
func TestSteps(t *testing.T) {
	s := theSite(t)
	file := filepath.Join(t.TempDir(), "password")
	secret := func(text string) {
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	secret(canary)
	steps := []Step{
		{Name: "form", URL: s.plain + "/app/login", Capture: map[string]string{"csrf": `name="csrf" value="([^"]+)"`}},
		{Name: "log in", URL: s.plain + "/app/login?t=${csrf}", Form: []Field{{Name: "csrf", Value: "${csrf}"}, {Name: "user", Value: "prober"}, {Name: "password", File: file}}, MustContain: []string{"开标大厅"}},
		{Name: "hall", URL: s.plain + "/app/hall", MustContain: []string{"welcome prober"}},
	}
	o := attempt(t, page(steps...))
	if o.fault != nil || o.untried != nil {
		t.Fatalf("%v %v\n%s", o.fault, o.untried, strings.Join(o.log, "\n"))
	}
	if n := o.value(t, "probe_http_redirects"); n != 1 {
		t.Errorf("%v redirects, want 1", n)
	}
	for _, step := range []string{"1", "2", "3"} {
		if o.value(t, "xunjian_probe_step_duration_seconds", step) <= 0 {
			t.Errorf("step %s took no time", step)
		}
	}
	// A password that was changed holds at the next try; the answer shows the
	// one that was sent, and we do not.
	secret("wrong-" + canary)
	o = attempt(t, page(steps...))
	code, all := o.came()
	if code != "probe.status" || o.fault.step != "2 (log in)" || !strings.Contains(all, "wrong log-in") {
		t.Errorf("it comes to %s in step %q: %s", code, o.fault.step, all)
	}
	quiet(t, o)
	os.Remove(file)
	o = attempt(t, page(steps...))
	if code, _ := o.came(); code != "probe.untried" || len(o.samples) > 0 {
		t.Errorf("without its password it comes to %s with %d samples; want unknown", code, len(o.samples))
	}
}

// quiet holds that nothing that is kept of a try holds the secret.
func quiet(t *testing.T, o *outcome) {
	t.Helper()
	c := &probe{last: o, failures: []*outcome{o}}
	exhibits, err := c.Evidence(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{fmt.Sprintf("%+v", o.findings), strings.Join(o.log, "\n"), o.excerpt, fmt.Sprintf("%+v", exhibits), fmt.Sprintf("%+v", o.samples), fmt.Sprint(o.fault, o.untried)} {
		for _, form := range []string{canary, "c4n4ry", "Basic cHJvYmVy", "tok-8f3a2b"} {
			if strings.Contains(s, form) {
				t.Errorf("%q is shown: %s", form, s)
			}
		}
	}
}

func TestLogins(t *testing.T) {
	s := theSite(t)
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, step := range map[string]Step{
		"basic":  {URL: s.plain + "/app/basic", Username: "prober", PasswordFile: file},
		"bearer": {URL: s.plain + "/app/bearer", BearerFile: file, Headers: map[string]string{"X-Door": "front"}, MustContain: []string{"in front"}},
	} {
		if o := attempt(t, page(step)); o.fault != nil || o.untried != nil {
			t.Errorf("%s: %v %v", name, o.fault, o.untried)
		}
	}
	o := attempt(t, page(Step{URL: s.plain + "/app/basic", Username: "other", PasswordFile: file}))
	if code, _ := o.came(); code != "probe.status" {
		t.Errorf("a wrong user comes to %s", code)
	}
	quiet(t, o)
}

// TestPageChanged defaces a real page.
func TestPageChanged(t *testing.T) {
	s := theSite(t)
	dir := t.TempDir()
	os.Chmod(dir, 0o755)
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		os.Chmod(d, 0o755)
	}
	port := freePort()
	n, err := startNginx(filepath.Join(dir, "nginx"), fmt.Sprintf("server { listen 127.0.0.1:%s; root %s; }\n", port, dir), port)
	if err != nil {
		t.Fatal(err)
	}
	defer n.stop()
	_ = s
	index := filepath.Join(dir, "index.html")
	put := func(text string) {
		if err := os.WriteFile(index, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(doorPage)
	const sum = "2d2c4e9ec2c5f4a9a6a6d0a4c0cb4e0bb4f1b4e2dbe5c07bbf95b1f8a1f0f00d" // of something else
	p := page(Step{URL: "http://127.0.0.1:" + port + "/", Integrity: &Integrity{Title: "招标采购交易平台", MustContain: []string{"rev 7"}, MustNotMatch: []string{"(?i)hacked by"}}})
	o := attempt(t, p)
	if o.value(t, "xunjian_probe_page_intact") != 1 || len(o.findings) != 1 {
		t.Errorf("a page that nobody changed: %+v", o.findings)
	}
	put("<html><title>HACKED by x</title><body>rev 7</body></html>")
	o = attempt(t, p)
	if o.fault != nil || o.value(t, "probe_success") != 1 || o.value(t, "xunjian_probe_page_intact") != 0 {
		t.Errorf("a defaced page: %v %+v", o.fault, o.samples)
	}
	var codes []string
	for _, f := range o.findings[1:] {
		codes = append(codes, f.Code)
		if f.Verdict != checks.Abnormal || !strings.Contains(f.Evidence, "HACKED by x") {
			t.Errorf("the finding %s does not show the page: %s", f.Code, f.Evidence)
		}
	}
	if got := strings.Join(codes, " "); got != "probe.page_changed_title probe.page_changed_forbidden" {
		t.Errorf("it says %s", got)
	}
	p.HTTP.Steps[0].Integrity = &Integrity{SHA256: []string{sum}}
	if o := attempt(t, p); o.value(t, "xunjian_probe_page_intact") != 0 {
		t.Error("another sum is no change")
	}
	// More than is read cannot be vouched for: neither whole nor changed.
	put(strings.Repeat("x", 4<<10))
	p.HTTP.MaxBody = 1 << 10
	o = attempt(t, p)
	if len(o.findings) != 2 || o.findings[1].Code != "probe.page_too_large" || o.findings[1].Verdict != checks.Unknown {
		t.Errorf("a page that was not read whole: %+v", o.findings)
	}
}
