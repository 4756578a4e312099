package platform

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"net"
	"strings"
	"time"

	"xunjian/checks/credential"
)

// secure returns a configuration that keeps the chain that was shown, good or
// bad, and judges it as t says.
func (v *visit) secure(t credential.TLS) (*tls.Config, error) {
	cfg, err := t.Config()
	if err != nil {
		return nil, &untried{err}
	}
	if cfg == nil {
		cfg = &tls.Config{}
	}
	v.trust = cfg.Clone()
	lenient := cfg.InsecureSkipVerify
	cfg.InsecureSkipVerify = true // VerifyConnection judges, so that the chain is known when it is refused
	cfg.VerifyConnection = func(cs tls.ConnectionState) error { return v.judge(cs, lenient) }
	return cfg, nil
}

// expect says whose certificate is to be shown.
func (v *visit) expect(host string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.host = host
}

func (v *visit) judge(cs tls.ConnectionState, lenient bool) error {
	v.mu.Lock()
	host := cmp.Or(v.trust.ServerName, v.host)
	v.mu.Unlock()
	chains, err := verify(cs.PeerCertificates, v.trust.RootCAs, host)
	v.mu.Lock()
	if !v.closed {
		v.tls, v.verified = &cs, chains
	}
	v.mu.Unlock()
	if err == nil {
		return nil
	}
	v.note("certificate of %s: %v", host, err)
	if lenient {
		return nil
	}
	return certificateFault(host, cs.PeerCertificates, err)
}

func verify(shown []*x509.Certificate, roots *x509.CertPool, host string) ([][]*x509.Certificate, error) {
	between := x509.NewCertPool()
	for _, c := range shown[1:] {
		between.AddCert(c)
	}
	return shown[0].Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: between})
}

// handshake speaks TLS over c.
func (v *visit) handshake(ctx context.Context, c net.Conn, cfg *tls.Config, host string) (*tls.Conn, error) {
	v.expect(host)
	v.enter(phaseTLS)
	defer v.leave(phaseTLS)
	if cfg.ServerName == "" {
		cfg = cfg.Clone()
		cfg.ServerName = host
	}
	t := tls.Client(c, cfg)
	if err := t.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, talkFault(phaseTLS, err)
	}
	cs := t.ConnectionState()
	v.note("%s, %s", tls.VersionName(cs.Version), tls.CipherSuiteName(cs.CipherSuite))
	return t, nil
}

// measureTLS writes blackbox_exporter's figures of a session.
func (v *visit) measureTLS() {
	cs := v.tls
	if cs == nil || len(cs.PeerCertificates) == 0 {
		return
	}
	v.set(descEarliestExpiry, float64(earliest(cs.PeerCertificates).Unix()))
	if cs.Version != 0 {
		v.set(descTLSVersion, 1, tls.VersionName(cs.Version))
		v.set(descTLSCipher, 1, tls.CipherSuiteName(cs.CipherSuite))
	}
	if len(v.verified) == 0 {
		return
	}
	var last time.Time
	for _, chain := range v.verified {
		if e := earliest(chain); last.IsZero() || e.After(last) {
			last = e
		}
	}
	v.set(descChainExpiry, float64(last.Unix()))
	leaf := cs.PeerCertificates[0]
	sum := sha256.Sum256(leaf.Raw)
	v.set(descChainInfo, 1, hex.EncodeToString(sum[:]), leaf.Subject.String(), leaf.Issuer.String(), strings.Join(leaf.DNSNames, ","), leaf.SerialNumber.Text(16))
}

func earliest(chain []*x509.Certificate) time.Time {
	var out time.Time
	for _, c := range chain {
		if out.IsZero() || c.NotAfter.Before(out) {
			out = c.NotAfter
		}
	}
	return out
}

// namesOf are those that a certificate holds for, a few of them.
func namesOf(c *x509.Certificate) []string {
	out := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		out = append(out, ip.String())
	}
	return out[:min(len(out), 10)]
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
