package credential

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// TLS says whom a check trusts and what it shows of itself.
type TLS struct {
	// CAFile are the PEM certificates that are trusted instead of the
	// system's.
	CAFile string `yaml:"ca_file"`
	// CertFile and KeyFile are a PEM pair that is shown to the other side.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// ServerName is the name that the certificate has to be for; empty: the
	// host that is connected to.
	ServerName string `yaml:"server_name"`
	// InsecureSkipVerify takes any certificate. The connection is then
	// encrypted with whoever answers.
	InsecureSkipVerify bool `yaml:"insecure_skip_verify"`
}

// Paths are the fields that hold paths.
func (t *TLS) Paths() []*string { return []*string{&t.CAFile, &t.CertFile, &t.KeyFile} }

// Validate returns every mistake, joined, each beginning with the key. Files are
// read, so that a wrong one is told at load.
func (t TLS) Validate() error {
	var errs []error
	if t.CAFile != "" {
		if _, err := t.roots(); err != nil {
			errs = append(errs, fmt.Errorf("ca_file: %w", err))
		}
	}
	switch {
	case t.CertFile == "" && t.KeyFile != "":
		errs = append(errs, errors.New("key_file: stands alone; give cert_file too, or neither"))
	case t.CertFile != "" && t.KeyFile == "":
		errs = append(errs, errors.New("cert_file: stands alone; give key_file too, or neither"))
	case t.CertFile != "":
		if _, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile); err != nil {
			errs = append(errs, fmt.Errorf("cert_file: no pair with key_file: %w; allowed: a PEM certificate and its PEM key", plain(err)))
		}
	}
	if t.InsecureSkipVerify && (t.CAFile != "" || t.ServerName != "") {
		errs = append(errs, errors.New("insecure_skip_verify: takes any certificate, so ca_file and server_name would not be looked at; give one or the other"))
	}
	return errors.Join(errs...)
}

// Config returns what crypto/tls takes. Files are read anew, so that a changed
// one holds from the next connection on.
func (t TLS) Config() (*tls.Config, error) {
	c := &tls.Config{ServerName: t.ServerName, InsecureSkipVerify: t.InsecureSkipVerify, MinVersion: tls.VersionTLS12}
	if t.CAFile != "" {
		pool, err := t.roots()
		if err != nil {
			return nil, fmt.Errorf("trust ca_file: %w", err)
		}
		c.RootCAs = pool
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("load cert_file %s with key_file %s: %w", t.CertFile, t.KeyFile, plain(err))
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

func (t TLS) roots() (*x509.CertPool, error) {
	b, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w; allowed: PEM certificates", t.CAFile, plain(err))
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("%s holds no certificate; allowed: PEM certificates", t.CAFile)
	}
	return pool, nil
}
