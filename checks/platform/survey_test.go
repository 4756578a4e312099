package platform

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/credential"
)

// looked is one look of a probe without an agent, its survey included.
func looked(t *testing.T, p Probe) *checks.Output {
	t.Helper()
	p.Name, p.Door, p.Interval, p.Timeout = "door", DoorLogin, time.Minute, 30*time.Second
	out := checks.NewOutput(0)
	if err := newProbe(p, true).Run(t.Context(), out); err != nil {
		t.Fatalf("%v: %+v", err, out.Findings())
	}
	return out
}

func figure(out *checks.Output, name string, last string) (float64, bool) {
	for _, s := range out.Samples() {
		if s.Desc.Name == name && s.Values[len(s.Values)-1] == last {
			return s.Value, true
		}
	}
	return 0, false
}

func finding(out *checks.Output, code string) (checks.Finding, bool) {
	i := slices.IndexFunc(out.Findings(), func(f checks.Finding) bool { return f.Code == code })
	if i < 0 {
		return checks.Finding{}, false
	}
	return out.Findings()[i], true
}

func door(s *site, kind string) Probe {
	p := page(Step{URL: s.secure[kind] + "/"})
	p.HTTP.TLS = credential.TLS{CAFile: s.root}
	return p
}

func TestSurveyOfASoundServer(t *testing.T) {
	s := theSite(t)
	// nginx asks its responder after the first handshake, and staples then.
	end := time.Now().Add(30 * time.Second)
	for {
		out := looked(t, door(s, "good"))
		for _, weakness := range []string{"TLS 1.0", "TLS 1.1", weakCipher} {
			if v, ok := figure(out, "xunjian_probe_tls_offered", weakness); !ok || v != 0 {
				t.Errorf("%s: %v %v", weakness, v, ok)
			}
		}
		for _, source := range []string{"ocsp", "crl"} {
			reached, _ := figure(out, "xunjian_probe_revocation_reachable", source)
			revoked, told := figure(out, "xunjian_probe_certificate_revoked", source)
			if reached != 1 || !told || revoked != 0 {
				t.Fatalf("%s: reached %v, told %v, revoked %v: %+v", source, reached, told, revoked, out.Findings())
			}
		}
		if v, ok := figure(out, "xunjian_probe_certificate_revoked", "ocsp_staple"); ok && v == 0 {
			if f, ok := finding(out, "tls.sound"); !ok || f.Args["good"] != "OCSP stapling, OCSP, CRL" {
				t.Errorf("it says %+v", out.Findings())
			}
			return
		}
		if time.Now().After(end) {
			t.Fatal("nginx staples nothing")
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func TestSurveyFindsWeakness(t *testing.T) {
	out := looked(t, door(theSite(t), "weak"))
	for _, weakness := range []string{"TLS 1.0", "TLS 1.1", weakCipher} {
		if v, _ := figure(out, "xunjian_probe_tls_offered", weakness); v != 1 {
			t.Errorf("%s is not seen: %+v", weakness, out.Findings())
		}
	}
	f, ok := finding(out, "tls.weak")
	if weak, _ := f.Args["weak"].(string); !ok || f.Verdict != checks.Attention || !strings.HasPrefix(weak, "TLS 1.0, TLS 1.1, TLS_") {
		t.Errorf("it says %+v", out.Findings())
	}
}

func TestSurveyFindsRevoked(t *testing.T) {
	out := looked(t, door(theSite(t), "revoked"))
	for _, source := range []string{"ocsp", "crl"} {
		if v, ok := figure(out, "xunjian_probe_certificate_revoked", source); !ok || v != 1 {
			t.Errorf("%s: %v %v %+v", source, v, ok, out.Findings())
		}
	}
	if f, ok := finding(out, "tls.revoked"); !ok || f.Verdict != checks.Abnormal || f.Args["at"] != day(time.Now()) {
		t.Errorf("it says %+v", out.Findings())
	}
}

// TestRevocationCannotBeTold: silence, another's answer and an old list are not
// the word that a certificate is good.
func TestRevocationCannotBeTold(t *testing.T) {
	s := theSite(t)
	load := func(name string) *survey {
		o := attempt(t, door(s, name))
		return &survey{p: o2p(), chain: o.chain, verified: true}
	}
	good := load("good")
	leaf, issuer := good.chain[0], good.chain[1]
	for where, says := range map[string]string{
		"http://127.0.0.1:" + freePort() + "/": "refused",
		s.plain + "/none":                      "HTTP 404",
		s.plain + "/":                          "no revocation list",
		s.plain + "/big.bin":                   "no revocation list",
	} {
		if _, _, err := readCRL(t.Context(), where, leaf, issuer); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("a list at %s: %v, want %q", where, err, says)
		}
	}
	if _, _, err := readCRL(t.Context(), s.plain+"/crl.der", leaf, leaf); err == nil || !strings.Contains(err.Error(), "not signed") {
		t.Errorf("a list of another issuer: %v", err)
	}
	if _, _, err := askOCSP(t.Context(), s.plain+"/index.html", leaf, issuer); err == nil {
		t.Error("a page is taken for the word of a responder")
	}
	if _, _, err := judgeOCSP([]byte("x"), leaf, issuer); err == nil {
		t.Error("a byte is taken for an answer")
	}
	good.told("crl", "http://x/", false, time.Time{}, os.ErrDeadlineExceeded)
	if f := good.findings[0]; f.Code != "tls.revocation_unreachable" || f.Verdict != checks.Attention || len(good.samples) != 1 || good.samples[0].Value != 0 {
		t.Errorf("it says %+v %+v", f, good.samples)
	}
}

func o2p() Probe { return Probe{Name: "door", Door: DoorPage, HTTP: &HTTP{}} }

// TestSurveyWhereNobodyAnswers says that it cannot tell, not that all is well.
func TestSurveyWhereNobodyAnswers(t *testing.T) {
	s := &survey{p: o2p(), address: "127.0.0.1:" + freePort()}
	s.make(context.Background())
	if len(s.samples) > 0 || len(s.findings) != 1 || s.findings[0].Code != "tls.unsurveyed" || s.findings[0].Verdict != checks.Unknown {
		t.Errorf("it says %+v %+v", s.findings, s.samples)
	}
}

// TestCertificateFiles reads what openssl wrote, in each form.
func TestCertificateFiles(t *testing.T) {
	s := theSite(t)
	dir := t.TempDir()
	ca := authority{dir: filepath.Join(s.dir, "ca")}
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "folder")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"pkcs12", "-export", "-in", "good.chain", "-inkey", "good.key", "-out", filepath.Join(dir, "good.p12"), "-passout", "file:" + password},
		{"pkcs12", "-export", "-legacy", "-in", "expired.chain", "-inkey", "expired.key", "-out", filepath.Join(dir, "old.pfx"), "-passout", "file:" + password},
		{"x509", "-in", "expired.pem", "-outform", "DER", "-out", filepath.Join(folder, "expired.der")},
		{"x509", "-in", "early.pem", "-out", filepath.Join(folder, "early.crt")},
	} {
		if err := ca.openssl(args...); err != nil {
			t.Fatal(err)
		}
	}
	if err := ca.join("wrong-order.pem", "good.pem", "root.pem"); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"junk.pem": "nothing", "readme.txt": "not to be read"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(sets ...Certificates) *checks.Output {
		t.Helper()
		if err := (Config{Certificates: sets}).Validate(); err != nil {
			t.Fatal(err)
		}
		c := newCertificates(sets)
		var out *checks.Output
		for range 2 { // the second out of what was read before
			out = checks.NewOutput(0)
			if err := c.Run(t.Context(), out); err != nil {
				t.Fatal(err)
			}
		}
		return out
	}
	for _, tc := range []struct {
		name string
		set  Certificates
		want string
	}{
		{"a chain with its key beside it", Certificates{Files: []string{ca.file("good.chain")}}, "certificate.valid certificate.valid"},
		{"PKCS#12", Certificates{Files: []string{filepath.Join(dir, "good.p12")}, PasswordFile: password}, "certificate.valid certificate.valid"},
		{"PKCS#12 of old", Certificates{Files: []string{filepath.Join(dir, "*.pfx")}, PasswordFile: password}, "certificate.expired certificate.valid"},
		{"PKCS#12 without its password", Certificates{Files: []string{filepath.Join(dir, "good.p12")}}, "certificate.unreadable"},
		{"a folder", Certificates{Files: []string{folder}}, "certificate.early certificate.expired certificate.unreadable"},
		{"wrong order", Certificates{Files: []string{ca.file("wrong-order.pem")}}, "certificate.valid certificate.valid certificate.chain"},
		{"no such file", Certificates{Files: []string{filepath.Join(dir, "none-*.pem")}}, "certificate.missing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.set.Name, tc.set.Door = "set", DoorCA
			out := run(tc.set)
			var codes []string
			for _, f := range out.Findings() {
				codes = append(codes, f.Code)
				if strings.Contains(strings.ToLower(f.Evidence), "canary") {
					t.Error("a secret is shown")
				}
			}
			if got := strings.Join(codes, " "); got != tc.want {
				t.Errorf("it says %s, want %s: %+v", got, tc.want, out.Findings())
			}
		})
	}
	out := run(Certificates{Name: "a", Door: DoorCA, Files: []string{ca.file("good.pem"), filepath.Join(folder, "expired.der"), folder + "/none"}})
	expired := map[string]float64{}
	for _, sample := range out.Samples() {
		if sample.Desc.Name == "x509_cert_expired" {
			expired[sample.Values[6]] = sample.Value
		}
	}
	if len(expired) != 2 || expired["good.example.org"] != 0 || expired["expired.example.org"] != 1 {
		t.Errorf("expired are %v", expired)
	}
	if v, ok := figure(out, "x509_read_errors", DoorCA); !ok || v != 1 {
		t.Errorf("read errors: %v %v", v, ok)
	}
	// A file that is exchanged is read anew.
	file := filepath.Join(dir, "exchanged.pem")
	c := newCertificates([]Certificates{{Name: "a", Files: []string{file}}})
	for i, name := range []string{"expired.pem", "good.pem"} {
		b, err := os.ReadFile(ca.file(name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
		os.Chtimes(file, time.Time{}, time.Unix(int64(1000+i), 0))
		out := checks.NewOutput(0)
		if err := c.Run(t.Context(), out); err != nil {
			t.Fatal(err)
		}
		if want := []string{"certificate.expired", "certificate.valid"}[i]; out.Findings()[0].Code != want {
			t.Errorf("%s: it says %+v", name, out.Findings())
		}
	}
}
