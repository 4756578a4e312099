package platform

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// authority is a certification authority of openssl: a root, and an
// intermediate that issues, revokes and answers for what it issued.
type authority struct {
	dir, ocsp, crl string
}

func (a authority) file(name string) string { return filepath.Join(a.dir, name) }

func newAuthority(dir, ocsp, crl string) (*authority, error) {
	a := &authority{dir, ocsp, crl}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	conf := fmt.Sprintf(`[ca]
default_ca = d
[d]
dir = %[1]s
database = %[1]s/index.txt
serial = %[1]s/serial
new_certs_dir = %[1]s
certificate = %[1]s/inter.pem
private_key = %[1]s/inter.key
default_md = sha256
policy = p
default_crl_days = 30
crlnumber = %[1]s/crlnumber
unique_subject = no
[p]
commonName = supplied
[leaf]
subjectAltName = DNS:localhost,IP:127.0.0.1
authorityInfoAccess = OCSP;URI:%[2]s
crlDistributionPoints = URI:%[3]s
[other]
subjectAltName = DNS:elsewhere.example.org
[inter]
basicConstraints = critical,CA:TRUE
keyUsage = keyCertSign,cRLSign,digitalSignature
`, dir, ocsp, crl)
	for name, text := range map[string]string{"ca.cnf": conf, "index.txt": "", "serial": "1000\n", "crlnumber": "01\n"} {
		if err := os.WriteFile(a.file(name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	curve := []string{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"}
	if err := a.openssl(append([]string{"req", "-x509", "-days", "3650", "-subj", "/CN=Test Root", "-keyout", "root.key", "-out", "root.pem"}, curve...)...); err != nil {
		return nil, err
	}
	if err := a.openssl(append([]string{"req", "-subj", "/CN=Test Issuing CA", "-keyout", "inter.key", "-out", "inter.csr"}, curve...)...); err != nil {
		return nil, err
	}
	if err := a.openssl("x509", "-req", "-in", "inter.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-days", "3000", "-extfile", "ca.cnf", "-extensions", "inter", "-out", "inter.pem"); err != nil {
		return nil, err
	}
	return a, a.join("trust.pem", "inter.pem", "root.pem")
}

// openssl runs in the authority's folder.
func (a authority) openssl(args ...string) error {
	cmd := exec.Command("openssl", args...)
	cmd.Dir = a.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("openssl %v: %w\n%s", args, err, out)
	}
	return nil
}

func (a authority) join(to string, parts ...string) error {
	var all bytes.Buffer
	for _, p := range parts {
		b, err := os.ReadFile(a.file(p))
		if err != nil {
			return err
		}
		all.Write(b)
	}
	return os.WriteFile(a.file(to), all.Bytes(), 0o644)
}

// issue makes name.pem, name.key and name.chain, valid between two days from
// now.
func (a authority) issue(name, extensions string, from, until int) error {
	if err := a.openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN="+name+".example.org", "-keyout", name+".key", "-out", name+".csr"); err != nil {
		return err
	}
	date := func(days int) string { return time.Now().UTC().AddDate(0, 0, days).Format("20060102150405Z") }
	err := a.openssl("ca", "-batch", "-config", "ca.cnf", "-notext", "-extensions", extensions, "-startdate", date(from), "-enddate", date(until), "-in", name+".csr", "-out", name+".pem")
	if err != nil {
		return err
	}
	return a.join(name+".chain", name+".pem", "inter.pem")
}

func (a authority) issueAll() error {
	for _, c := range []struct {
		name, extensions string
		from, until      int
	}{
		{"good", "leaf", -1, 90}, {"expired", "leaf", -400, -3}, {"early", "leaf", 3, 400}, {"wrongname", "other", -1, 90}, {"incomplete", "leaf", -1, 90}, {"revoked", "leaf", -1, 90},
	} {
		if err := a.issue(c.name, c.extensions, c.from, c.until); err != nil {
			return err
		}
	}
	if err := a.join("incomplete.chain", "incomplete.pem"); err != nil {
		return err
	}
	if err := a.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "selfsigned.key", "-out", "selfsigned.chain"); err != nil {
		return err
	}
	if err := a.openssl("ca", "-batch", "-config", "ca.cnf", "-revoke", "revoked.pem"); err != nil {
		return err
	}
	if err := a.openssl("ca", "-batch", "-config", "ca.cnf", "-gencrl", "-out", "crl.pem"); err != nil {
		return err
	}
	return a.openssl("crl", "-in", "crl.pem", "-outform", "DER", "-out", "crl.der")
}

// respond answers for the certificates, by OCSP.
func (a authority) respond(s *site, port string) error {
	r, err := startServer("openssl", "ocsp", "-index", a.file("index.txt"), "-port", port, "-rsigner", a.file("inter.pem"), "-rkey", a.file("inter.key"), "-CA", a.file("inter.pem"), "-ndays", "1")
	if err != nil {
		return err
	}
	s.stopped = append(s.stopped, r.stop)
	// Not by connecting: it would wait for what that connection has to ask.
	return r.says("waiting for OCSP client connections")
}
