package credential_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xunjian/checks/credential"
)

func file(t *testing.T, name, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSecretIsNotPrinted(t *testing.T) {
	s := credential.Secret("canary")
	held := struct {
		Password credential.Secret `json:"password"`
	}{s}
	asJSON, err := json.Marshal(held)
	if err != nil {
		t.Fatal(err)
	}
	said := fmt.Sprint(s, held, &held) + fmt.Sprintf("%s %v %q %x %#v %+v %d", s, s, s, s, s, held, held) + string(asJSON) + fmt.Errorf("no: %v", s).Error()
	if strings.Contains(said, "canary") || strings.Contains(said, "63616e617279") || !strings.Contains(said, "<secret>") {
		t.Errorf("said %s", said)
	}
	if s.Reveal() != "canary" {
		t.Error("the one who has to be told is not")
	}
	if got := credential.Mask("login canary: no, canary", s, ""); got != "login <secret>: no, <secret>" {
		t.Errorf("masked %q", got)
	}
}

func TestRead(t *testing.T) {
	for content, want := range map[string]string{"canary": "canary", "canary\r\n": "canary", " 口令 有空格\n": " 口令 有空格"} {
		got, err := credential.Read(file(t, "f", content, 0o600))
		if got.Reveal() != want || err != nil {
			t.Errorf("%q: %q %v", content, got.Reveal(), err)
		}
	}
	for content, want := range map[string]string{
		"\n": "is empty", "canary\ncanary\n": "more than one line", "canary\xff": "in UTF-8", strings.Repeat("canary", 2000): "more than 8192 bytes",
	} {
		got, err := credential.Read(file(t, "f", content, 0o600))
		if got != "" || err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%.20q: error %v, want …%s…", content, err, want)
		}
	}
	if _, err := credential.Read("/nonexistent/f"); err == nil || !strings.HasPrefix(err.Error(), "cannot read /nonexistent/f: no such file") {
		t.Errorf("no file: %v", err)
	}
}

func TestSystemdCredential(t *testing.T) {
	path := file(t, "db", "canary\n", 0o400)
	if _, err := credential.Read("credential:db"); err == nil || !strings.Contains(err.Error(), "LoadCredential=db:") {
		t.Errorf("outside a unit: %v", err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", filepath.Dir(path))
	if got, err := credential.Read("credential:db"); got.Reveal() != "canary" || err != nil {
		t.Errorf("%q %v", got.Reveal(), err)
	}
	for _, ref := range []string{"credential:", "credential:../db", "credential:..", "credential:a/b"} {
		if _, err := credential.Read(ref); err == nil || !strings.Contains(err.Error(), "names no credential") {
			t.Errorf("%s: %v", ref, err)
		}
	}
	for ref, want := range map[string]bool{"credential:db": false, "/etc/db": false, "db.password": true, "": false} {
		if credential.Relative(ref) != want {
			t.Errorf("Relative(%q) is not %v", ref, want)
		}
	}
}

// pair makes a certificate of its own and its key, as PEM files.
func pair(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "db.example.org"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	kb, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), 0o644),
		file(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: kb})), 0o600)
}

func TestTLS(t *testing.T) {
	cert, key := pair(t)
	_, other := pair(t)
	for name, tt := range map[string]struct {
		tls  credential.TLS
		want string // empty: right
	}{
		"the system's":     {credential.TLS{}, ""},
		"all":              {credential.TLS{CAFile: cert, CertFile: cert, KeyFile: key, ServerName: "db"}, ""},
		"anybody":          {credential.TLS{InsecureSkipVerify: true}, ""},
		"no such CA":       {credential.TLS{CAFile: "/nonexistent"}, "ca_file: cannot read /nonexistent: no such file or directory; allowed: PEM certificates"},
		"a key as CA":      {credential.TLS{CAFile: key}, "ca_file: " + key + " holds no certificate; allowed: PEM certificates"},
		"key alone":        {credential.TLS{KeyFile: key}, "key_file: stands alone; give cert_file too, or neither"},
		"cert alone":       {credential.TLS{CertFile: cert}, "cert_file: stands alone; give key_file too, or neither"},
		"another's key":    {credential.TLS{CertFile: cert, KeyFile: other}, "cert_file: no pair with key_file: tls: private key does not match public key; allowed: a PEM certificate and its PEM key"},
		"trust and not":    {credential.TLS{CAFile: cert, InsecureSkipVerify: true}, "insecure_skip_verify: takes any certificate, so ca_file and server_name would not be looked at; give one or the other"},
		"name and anybody": {credential.TLS{ServerName: "db", InsecureSkipVerify: true}, "insecure_skip_verify: takes any certificate, so ca_file and server_name would not be looked at; give one or the other"},
	} {
		err := tt.tls.Validate()
		if tt.want == "" {
			c, cerr := tt.tls.Config()
			if err != nil || cerr != nil || (c.RootCAs != nil) != (tt.tls.CAFile != "") || len(c.Certificates) > 0 != (tt.tls.CertFile != "") || c.ServerName != tt.tls.ServerName {
				t.Errorf("%s: %v %v %+v", name, err, cerr, c)
			}
		} else if err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}
