package platform

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"

	"xunjian/checks"
	"xunjian/checks/credential"
)

// Weaknesses that a server may still offer.
const weakCipher = "weak cipher"

// survey looks at a server's TLS beside what the probe used: what it would
// also speak, and whether its certificate was revoked.
type survey struct {
	p        Probe
	address  string
	trust    credential.TLS
	chain    []*x509.Certificate
	verified bool
	staple   []byte

	samples  []checks.Sample
	findings []checks.Finding
	weak     []string
	good     []string // sources that call the certificate good
}

func newSurvey(p Probe, address string, trust credential.TLS, o *outcome) *survey {
	return &survey{p: p, address: address, trust: trust, chain: o.chain, verified: o.verified, staple: o.staple}
}

func (h HTTP) survey() bool { return h.Survey == nil || *h.Survey }
func (t TCP) survey() bool  { return t.Survey == nil || *t.Survey }

// secured is the address of the first step that speaks TLS, if it is to be
// surveyed. Behind a proxy it is not ours to reach.
func (p Probe) secured() (address string, trust credential.TLS, ok bool) {
	switch {
	case p.HTTP != nil && p.HTTP.survey() && p.HTTP.Proxy == "":
		for _, s := range p.HTTP.Steps {
			if u, err := url.Parse(variable.ReplaceAllString(s.URL, "1")); err == nil && u.Scheme == "https" {
				return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "443")), p.HTTP.TLS, true
			}
		}
	case p.TCP != nil && p.TCP.UseTLS && p.TCP.survey():
		return p.TCP.Address, p.TCP.TLS, true
	}
	return "", credential.TLS{}, false
}

func (s *survey) set(d *checks.Desc, value float64, more string) {
	s.samples = append(s.samples, checks.Sample{Desc: d, Value: value, Values: []string{s.p.Name, s.p.System, s.p.Door, s.p.module(), more}})
}

func (s *survey) find(code string, v checks.Verdict, args map[string]any) {
	s.findings = append(s.findings, checks.Finding{Subject: s.p.Name, Code: code, Verdict: v, Args: args})
}

func (s *survey) cannot(format string, args ...any) {
	s.find("tls.unsurveyed", checks.Unknown, map[string]any{"error": clip(fmt.Sprintf(format, args...))})
}

func (s *survey) make(ctx context.Context) {
	cfg, err := s.trust.Config()
	if err != nil {
		s.cannot("%v", err)
		return
	}
	if cfg == nil {
		cfg = &tls.Config{}
	}
	host, _, _ := net.SplitHostPort(s.address)
	cfg.ServerName = cmp.Or(cfg.ServerName, host)
	s.offers(ctx, cfg)
	if s.verified { // only then the addresses in a certificate are those of its issuer
		s.revocation(ctx, cfg)
	}
	if len(s.weak) > 0 {
		s.find("tls.weak", checks.Attention, map[string]any{"weak": strings.Join(s.weak, ", ")})
	} else if len(s.findings) == 0 {
		s.find("tls.sound", checks.OK, map[string]any{"good": strings.Join(s.good, ", ")})
	}
}

// offers tries what a server should refuse.
func (s *survey) offers(ctx context.Context, cfg *tls.Config) {
	for _, w := range []struct {
		name     string
		version  uint16
		insecure bool
	}{{"TLS 1.0", tls.VersionTLS10, false}, {"TLS 1.1", tls.VersionTLS11, false}, {weakCipher, tls.VersionTLS12, true}} {
		try := cfg.Clone()
		try.InsecureSkipVerify, try.MinVersion, try.MaxVersion = true, w.version, w.version
		try.CipherSuites = suites(w.insecure)
		cipher, offered, err := s.offered(ctx, try)
		if err != nil {
			s.cannot("%s: %v", w.name, err)
			return // the server is gone
		}
		s.set(descOffered, truth(offered), w.name)
		if offered {
			name := w.name
			if w.insecure {
				name = cipher
			}
			s.weak = append(s.weak, name)
		}
	}
}

// suites are those that nobody should offer any more: broken ciphers, and keys
// that open all that was ever recorded once the server's own is lost; or all.
func suites(weak bool) []uint16 {
	var out []uint16
	for _, c := range tls.InsecureCipherSuites() {
		if !weak || strings.HasPrefix(c.Name, "TLS_RSA_") || strings.Contains(c.Name, "RC4") || strings.Contains(c.Name, "3DES") {
			out = append(out, c.ID)
		}
	}
	if !weak {
		for _, c := range tls.CipherSuites() {
			out = append(out, c.ID)
		}
	}
	return out
}

// offered reports whether a handshake comes about. That it does not must be
// the server's word; silence is an error.
func (s *survey) offered(ctx context.Context, cfg *tls.Config) (cipher string, ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", s.address)
	if err != nil {
		return "", false, err
	}
	defer c.Close()
	t := tls.Client(c, cfg)
	if err := t.HandshakeContext(ctx); err != nil {
		if isTimeout(err) || ctx.Err() != nil {
			return "", false, err
		}
		return "", false, nil
	}
	return tls.CipherSuiteName(t.ConnectionState().CipherSuite), true, nil
}

// revocation asks whether the certificate was revoked, wherever it says that
// this is told.
func (s *survey) revocation(ctx context.Context, cfg *tls.Config) {
	leaf := s.chain[0]
	issuer := s.issuer(cfg)
	if issuer == nil {
		return // a root by itself: nobody could revoke it
	}
	if len(s.staple) > 0 {
		revoked, at, err := judgeOCSP(s.staple, leaf, issuer)
		s.told("ocsp_staple", s.address, revoked, at, err)
	}
	if len(leaf.OCSPServer) > 0 {
		revoked, at, err := askOCSP(ctx, leaf.OCSPServer[0], leaf, issuer)
		s.told("ocsp", leaf.OCSPServer[0], revoked, at, err)
	}
	for _, where := range leaf.CRLDistributionPoints {
		if strings.HasPrefix(where, "http") {
			revoked, at, err := readCRL(ctx, where, leaf, issuer)
			s.told("crl", where, revoked, at, err)
			break
		}
	}
}

// issuer is found by verifying once more.
func (s *survey) issuer(cfg *tls.Config) *x509.Certificate {
	chains, err := verify(s.chain, cfg.RootCAs, "")
	if err != nil || len(chains[0]) < 2 {
		return nil
	}
	return chains[0][1]
}

func (s *survey) told(source, where string, revoked bool, at time.Time, err error) {
	s.set(descReached, truth(err == nil), source)
	args := map[string]any{"source": sourceWords[source], "where": clip(where)}
	switch {
	case err != nil:
		args["error"] = clip(err.Error())
		s.find("tls.revocation_unreachable", checks.Attention, args)
		return
	case revoked:
		args["at"], args["subject"] = day(at), s.chain[0].Subject.String()
		s.find("tls.revoked", checks.Abnormal, args)
	default:
		s.good = append(s.good, sourceWords[source])
	}
	s.set(descRevoked, truth(revoked), source)
}

var sourceWords = map[string]string{"ocsp_staple": "OCSP stapling", "ocsp": "OCSP", "crl": "CRL"}

const (
	maxOCSP = 1 << 20
	maxCRL  = 32 << 20
)

func askOCSP(ctx context.Context, where string, leaf, issuer *x509.Certificate) (revoked bool, at time.Time, err error) {
	// SHA-1 names the issuer here and proves nothing; responders know no other.
	req, err := ocsp.CreateRequest(leaf, issuer, &ocsp.RequestOptions{Hash: crypto.SHA1})
	if err != nil {
		return false, at, err
	}
	b, err := fetch(ctx, http.MethodPost, where, "application/ocsp-request", req, maxOCSP)
	if err != nil {
		return false, at, err
	}
	return judgeOCSP(b, leaf, issuer)
}

func judgeOCSP(b []byte, leaf, issuer *x509.Certificate) (revoked bool, at time.Time, err error) {
	r, err := ocsp.ParseResponseForCert(b, leaf, issuer)
	if err != nil {
		// An issuer that answers itself may send its own certificate along, which
		// the parser takes for one that the issuer has to have signed.
		if own, e := ocsp.ParseResponseForCert(b, leaf, nil); e == nil && own.Certificate != nil && own.Certificate.Equal(issuer) {
			r, err = own, nil
		}
	}
	switch {
	case err == nil && r.Certificate != nil && !r.Certificate.Equal(issuer) && !slices.Contains(r.Certificate.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning):
		return false, at, errors.New("it is signed by a certificate that is not for that")
	case err != nil:
		return false, at, fmt.Errorf("its answer is not valid: %w", err)
	case !r.NextUpdate.IsZero() && time.Now().After(r.NextUpdate):
		return false, at, fmt.Errorf("its answer ran out on %s", day(r.NextUpdate))
	case r.Status == ocsp.Revoked:
		return true, r.RevokedAt, nil
	case r.Status != ocsp.Good:
		return false, at, errors.New("it does not know the certificate")
	}
	return false, at, nil
}

func readCRL(ctx context.Context, where string, leaf, issuer *x509.Certificate) (revoked bool, at time.Time, err error) {
	b, err := fetch(ctx, http.MethodGet, where, "", nil, maxCRL)
	if err != nil {
		return false, at, err
	}
	if block, _ := pem.Decode(b); block != nil {
		b = block.Bytes
	}
	list, err := x509.ParseRevocationList(b)
	if err != nil {
		return false, at, fmt.Errorf("it is no revocation list: %w", err)
	}
	if err := list.CheckSignatureFrom(issuer); err != nil {
		return false, at, fmt.Errorf("the list is not signed by the issuer: %w", err)
	}
	if !list.NextUpdate.IsZero() && time.Now().After(list.NextUpdate) {
		return false, at, fmt.Errorf("the list ran out on %s", day(list.NextUpdate))
	}
	for _, e := range list.RevokedCertificateEntries {
		if e.SerialNumber.Cmp(leaf.SerialNumber) == 0 {
			return true, e.RevocationTime, nil
		}
	}
	return false, at, nil
}

func fetch(ctx context.Context, method, where, kind string, body []byte, limit int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, where, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	t := &http.Transport{DisableKeepAlives: true}
	defer t.CloseIdleConnections()
	resp, err := (&http.Client{Transport: t}).Do(r)
	if err != nil {
		return nil, unwrapURL(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers with HTTP %d", resp.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("it sends more than %d bytes", limit)
	}
	return b, err
}
