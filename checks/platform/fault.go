package platform

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"strings"
	"syscall"

	"xunjian/checks"
)

// Where the cause of a failed probe is to be looked for. The rule of the upload
// door makes a cause of the plan of it (F02).
const (
	classNetwork     = "network"     // the way there: names, routes, connections
	classServer      = "server"      // it is there and does not do its work
	classContent     = "content"     // it answers, and something else than it should
	classCertificate = "certificate" // it shows what cannot be trusted
)

var classes = []string{classNetwork, classServer, classContent, classCertificate}

// The phases of a probe, as blackbox_exporter names them, and what comes after.
const (
	phaseResolve    = "resolve"
	phaseConnect    = "connect"
	phaseTLS        = "tls"
	phaseProcessing = "processing"
	phaseTransfer   = "transfer"
	phaseRequest    = "request" // of DNS and NTP
	phaseAnswer     = "answer"
)

var phaseWords = map[string][2]string{
	phaseResolve:    {"域名解析", "resolving the name"},
	phaseConnect:    {"建立连接", "connecting"},
	phaseTLS:        {"TLS 握手", "the TLS handshake"},
	phaseProcessing: {"等待响应", "waiting for the answer"},
	phaseTransfer:   {"接收内容", "receiving the content"},
	phaseRequest:    {"等待应答", "waiting for the reply"},
	phaseAnswer:     {"核对应答", "reading the answer"},
}

// fault is why a probe failed: the door is shut for whoever stands before it.
type fault struct {
	code  string // of the finding
	class string
	phase string
	step  string
	args  map[string]any
}

func (f *fault) Error() string {
	text := strings.TrimPrefix(f.code, "probe.") + " at " + f.phase
	if f.step != "" {
		text = "step " + f.step + ": " + text
	}
	if why, ok := f.args["error"].(string); ok && why != "" {
		text += ": " + why
	}
	return text
}

// finding says f with what is known of the try.
func (f *fault) finding(p Probe, evidence string) checks.Finding {
	words := phaseWords[f.phase]
	args := map[string]any{"step": f.step, "phase_zh": words[0], "phase_en": words[1], "timeout": p.Timeout.Seconds()}
	maps.Copy(args, f.args)
	return checks.Finding{Subject: p.Name, Code: f.code, Verdict: checks.Abnormal, Args: args, Evidence: evidence}
}

// untried is why nothing can be said: the probe could not be made from here.
type untried struct{ why error }

func (u *untried) Error() string { return u.why.Error() }
func (u *untried) Unwrap() error { return u.why }

func cannot(format string, args ...any) error { return &untried{fmt.Errorf(format, args...)} }

func newFault(code, class, phase string, err error) *fault {
	f := &fault{code: code, class: class, phase: phase, args: map[string]any{"error": ""}}
	if err != nil {
		f.args["error"] = err.Error()
	}
	return f
}

// ours are errors of this machine, not of what is tried.
var ours = []error{
	syscall.ENETUNREACH, syscall.ENETDOWN, syscall.EADDRNOTAVAIL, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
	syscall.EACCES, syscall.EPERM, syscall.EAFNOSUPPORT,
}

// resolveFault tells a name that does not exist from a resolver that does not
// answer. The first shuts the door for all; the second is this machine's.
func resolveFault(host string, err error) error {
	var d *net.DNSError
	if errors.As(err, &d) && !d.IsTimeout && (d.IsNotFound || strings.Contains(d.Err, "server misbehaving")) {
		return newFault("probe.name_unresolved", classNetwork, phaseResolve, err)
	}
	return cannot("the name servers of this machine do not answer for %s: %w", host, err)
}

// connectFault tells what is wrong there from what is wrong here.
func connectFault(ip net.IP, err error) error {
	if errors.Is(err, context.Canceled) {
		return &untried{err}
	}
	for _, e := range ours {
		if errors.Is(err, e) {
			return cannot("this machine has no way to %s: %w", ip, err)
		}
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return newFault("probe.refused", classServer, phaseConnect, err)
	}
	if errors.Is(err, syscall.ECONNRESET) {
		return newFault("probe.cut_off", classServer, phaseConnect, err)
	}
	if why := linkDown(ip); why != nil {
		return &untried{why}
	}
	if isTimeout(err) {
		return newFault("probe.timeout", classNetwork, phaseConnect, err)
	}
	return newFault("probe.unreachable", classNetwork, phaseConnect, err)
}

// linkDown says why a packet to ip cannot leave this machine: no route, or an
// interface without a link. A kernel goes on routing into a cable that was
// pulled, and then silence says nothing of the other side.
func linkDown(ip net.IP) error {
	c, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: ip, Port: 9}) // sends nothing
	if err != nil {
		return fmt.Errorf("this machine has no way to %s: %w", ip, err)
	}
	local := c.LocalAddr().(*net.UDPAddr).IP
	c.Close()
	links, err := net.Interfaces()
	if err != nil {
		return nil
	}
	for _, l := range links {
		addrs, _ := l.Addrs()
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && n.IP.Equal(local) && l.Flags&net.FlagRunning == 0 {
				return fmt.Errorf("interface %s, by which %s is reached, has no link", l.Name, ip)
			}
		}
	}
	return nil
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// talkFault is what an error comes to once there was a connection.
func talkFault(phase string, err error) error {
	var f *fault
	var u *untried
	var alert tls.AlertError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &u):
		return u
	case errors.Is(err, context.Canceled):
		return &untried{err}
	case isTimeout(err):
		return newFault("probe.timeout", timeoutClass(phase), phase, err)
	case phase == phaseTLS, errors.As(err, &alert), errors.As(err, &record):
		return newFault("probe.tls", classServer, phaseTLS, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return newFault("probe.cut_off", classServer, phase, err)
	}
	return newFault("probe.protocol", classServer, phase, err)
}

func timeoutClass(phase string) string {
	if phase == phaseResolve || phase == phaseConnect {
		return classNetwork
	}
	return classServer
}

// certificateFault says what is wrong with a chain.
func certificateFault(host string, chain []*x509.Certificate, err error) *fault {
	code := "probe.certificate_invalid"
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var authority x509.UnknownAuthorityError
	leaf := chain[0]
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		code = "probe.certificate_expired"
		if strings.Contains(invalid.Detail, "before") {
			code = "probe.certificate_early"
		}
		leaf = invalid.Cert
	case errors.As(err, &name):
		code = "probe.certificate_name"
	case errors.As(err, &authority) && leaf.CheckSignatureFrom(leaf) == nil:
		code = "probe.certificate_self_signed"
	case errors.As(err, &authority) && len(chain) == 1:
		code = "probe.certificate_incomplete"
	case errors.As(err, &authority):
		code = "probe.certificate_authority"
	}
	f := newFault(code, classCertificate, phaseTLS, err)
	f.args["host"] = host
	f.args["subject"] = leaf.Subject.String()
	f.args["issuer"] = leaf.Issuer.String()
	f.args["names"] = strings.Join(namesOf(leaf), ", ")
	f.args["from"], f.args["until"] = day(leaf.NotBefore), day(leaf.NotAfter)
	return f
}
