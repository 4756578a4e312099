package platform

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"xunjian/checks"
	"xunjian/checks/credential"
)

// Names and meaning are x509-certificate-exporter's.
var (
	descNotBefore  = certificateDesc("x509_cert_not_before", "Indicates the certificate's not before timestamp")
	descNotAfter   = certificateDesc("x509_cert_not_after", "Indicates the certificate's not after timestamp")
	descExpired    = certificateDesc("x509_cert_expired", "Indicates if the certificate is expired")
	descReadErrors = checks.NewDesc("x509_read_errors", checks.Gauge, "Indicates the number of read failure(s)", "certificates", "system", "door")
	descChain      = checks.NewDesc("xunjian_certificate_chain_intact", checks.Gauge, "Whether each certificate of a file with a server's chain was signed by the one after it.", "certificates", "system", "door", "filepath")
)

func certificateDesc(name, help string) *checks.Desc {
	return checks.NewDesc(name, checks.Gauge, help, "certificates", "system", "door", "filename", "filepath", "serial_number", "subject_CN", "issuer_CN")
}

// Bounds of what is read.
const (
	maxFile         = 4 << 20
	maxFiles        = 200 // of one entry
	maxCertificates = 300 // in one file
)

// certificatesCheck reads certificate files.
type certificatesCheck struct {
	sets []Certificates
	// read is what files held, as long as they do not change: opening PKCS#12
	// is meant to take long.
	read map[string]fileRead
}

type fileRead struct {
	stamp  string
	certs  []*x509.Certificate
	err    error
	forgot bool
}

func newCertificates(sets []Certificates) *certificatesCheck {
	return &certificatesCheck{sets: sets, read: map[string]fileRead{}}
}

func (*certificatesCheck) Name() string { return "certificates" }

// Schedule is slow: certificates run out by the day.
func (*certificatesCheck) Schedule() checks.Schedule {
	return checks.Schedule{Interval: time.Minute, Timeout: 20 * time.Second}
}

func (c *certificatesCheck) Identity() string { return fmt.Sprintf("%+v", c.sets) }

func (c *certificatesCheck) Run(ctx context.Context, out *checks.Output) error {
	if len(c.sets) == 0 {
		return fmt.Errorf("no certificate files are configured: %w", checks.ErrNotApplicable)
	}
	for path, r := range c.read {
		r.forgot = true
		c.read[path] = r
	}
	now := time.Now()
	for _, s := range c.sets {
		if s.Door == "" {
			s.Door = DoorOther
		}
		failed := 0
		for _, pattern := range s.Files {
			files, err := filesOf(pattern)
			if err != nil {
				failed++
				out.Find(unreadable(s, pattern, err))
			} else if len(files) == 0 {
				failed++
				out.Find(checks.Finding{Subject: s.Name, Code: "certificate.missing", Verdict: checks.Abnormal, Args: map[string]any{"files": pattern}})
			}
			for _, path := range files {
				if err := ctx.Err(); err != nil {
					return err
				}
				if !c.file(out, s, path, now) {
					failed++
				}
			}
		}
		out.Set(descReadErrors, float64(failed), s.Name, s.System, s.Door)
	}
	for path, r := range c.read {
		if r.forgot {
			delete(c.read, path)
		}
	}
	return nil
}

func unreadable(s Certificates, path string, err error) checks.Finding {
	return checks.Finding{Subject: s.Name, Code: "certificate.unreadable", Verdict: checks.Unknown, Args: map[string]any{"files": path, "error": clip(err.Error())}}
}

// filesOf are the files that a path, pattern or folder names. A folder is
// taken by the endings that certificates have.
func filesOf(pattern string) ([]string, error) {
	found, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, path := range found {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // a link to nowhere
		case err != nil:
			return out, err
		case info.Mode().IsRegular():
			out = append(out, path)
		case info.IsDir():
			entries, err := os.ReadDir(path)
			if err != nil {
				return out, err
			}
			for _, e := range entries {
				if slices.Contains([]string{".pem", ".crt", ".cer", ".der", ".p12", ".pfx"}, filepath.Ext(e.Name())) && !e.IsDir() {
					out = append(out, filepath.Join(path, e.Name()))
				}
			}
		}
	}
	if len(out) > maxFiles {
		return out[:maxFiles], fmt.Errorf("more than %d files", maxFiles)
	}
	return out, nil
}

// file says what one holds, and reports whether it could be read.
func (c *certificatesCheck) file(out *checks.Output, s Certificates, path string, now time.Time) bool {
	certs, err := c.certificates(s, path)
	if err != nil {
		out.Find(unreadable(s, path, err))
		return false
	}
	seen := map[string]bool{}
	for _, cert := range certs {
		serial := cert.SerialNumber.Text(16)
		values := []string{s.Name, s.System, s.Door, filepath.Base(path), path, serial, cert.Subject.CommonName, cert.Issuer.CommonName}
		key := serial + "\x00" + cert.Issuer.CommonName + "\x00" + cert.Subject.CommonName
		if seen[key] {
			continue // a bundle may hold one twice
		}
		seen[key] = true
		out.Set(descNotBefore, float64(cert.NotBefore.Unix()), values...)
		out.Set(descNotAfter, float64(cert.NotAfter.Unix()), values...)
		out.Set(descExpired, truth(now.After(cert.NotAfter)), values...)
		f := checks.Finding{Subject: s.Name, Code: "certificate.valid", Verdict: checks.OK, Args: map[string]any{
			"file": path, "subject": cert.Subject.String(), "issuer": cert.Issuer.String(), "from": day(cert.NotBefore), "until": day(cert.NotAfter), "left": cert.NotAfter.Sub(now).Seconds(),
		}}
		switch {
		case now.After(cert.NotAfter):
			f.Code, f.Verdict = "certificate.expired", checks.Abnormal
		case now.Before(cert.NotBefore):
			f.Code, f.Verdict = "certificate.early", checks.Abnormal
		}
		out.Find(f)
	}
	if len(certs) > 1 && !certs[0].IsCA {
		whole := true
		for i := range certs[:len(certs)-1] {
			if err := certs[i].CheckSignatureFrom(certs[i+1]); err != nil && whole {
				whole = false
				out.Find(checks.Finding{Subject: s.Name, Code: "certificate.chain", Verdict: checks.Abnormal, Args: map[string]any{
					"file": path, "subject": certs[i].Subject.String(), "issuer": certs[i].Issuer.String(), "next": certs[i+1].Subject.String(),
				}})
			}
		}
		out.Set(descChain, truth(whole), s.Name, s.System, s.Door, path)
	}
	return true
}

func (c *certificatesCheck) certificates(s Certificates, path string) ([]*x509.Certificate, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	stamp := fmt.Sprint(info.ModTime(), info.Size())
	if s.PasswordFile != "" {
		if p, err := os.Stat(s.PasswordFile); err == nil {
			stamp += p.ModTime().String()
		}
	}
	key := s.Name + "\x00" + path
	if r, ok := c.read[key]; ok && r.stamp == stamp && r.err == nil {
		r.forgot = false
		c.read[key] = r
		return r.certs, nil
	}
	certs, err := readCertificates(s, path)
	c.read[key] = fileRead{stamp: stamp, certs: certs, err: err}
	return certs, err
}

func readCertificates(s Certificates, path string) ([]*x509.Certificate, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	certs, err := parseCertificates(b, s.PasswordFile)
	if err == nil && len(certs) == 0 {
		err = errors.New("it holds no certificate")
	}
	if len(certs) > maxCertificates {
		return nil, fmt.Errorf("it holds more than %d certificates", maxCertificates)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return certs, nil
}

// parseCertificates takes PEM, DER and PKCS#12 by what they are, not by how
// the file is called.
func parseCertificates(b []byte, passwordFile string) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	pemSeen := false
	for rest := b; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		pemSeen = true
		if block.Type != "CERTIFICATE" && block.Type != "TRUSTED CERTIFICATE" {
			continue // a key beside it is none of our business
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, cert)
	}
	if pemSeen {
		return out, nil
	}
	if certs, err := x509.ParseCertificates(b); err == nil {
		return certs, nil
	}
	return openPKCS12(b, passwordFile)
}

func openPKCS12(b []byte, passwordFile string) ([]*x509.Certificate, error) {
	var password credential.Secret
	if passwordFile != "" {
		var err error
		if password, err = credential.Read(passwordFile); err != nil {
			return nil, err
		}
	}
	_, leaf, others, err := pkcs12.DecodeChain(b, password.Reveal())
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, errors.New("the password does not open it; set password_file")
	case err == nil:
		return append([]*x509.Certificate{leaf}, others...), nil
	}
	if certs, trustErr := pkcs12.DecodeTrustStore(b, password.Reveal()); trustErr == nil {
		return certs, nil
	}
	return nil, fmt.Errorf("it is neither PEM nor DER, and PKCS#12 that cannot be read: %w", err)
}
