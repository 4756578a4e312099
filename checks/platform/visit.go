package platform

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"regexp"
	"strings"
	"sync"
	"time"

	"xunjian/checks"
	"xunjian/checks/credential"
)

// Bounds of what is kept of one try.
const (
	maxLog     = 60      // lines
	maxLine    = 500     // bytes of one
	maxExcerpt = 4 << 10 // bytes of a body
	maxHead    = 2 << 10 // bytes of the head of an answer
)

// visit is one try of a probe, while it is made.
type visit struct {
	p      Probe
	exprs  map[string]*regexp.Regexp
	labels []string // name, system, door, module
	began  time.Time
	trust  *tls.Config // as configured

	// mu guards what net/http's own goroutines write, which may outlive the try.
	mu       sync.Mutex
	closed   bool // what comes now comes too late
	conns    []net.Conn
	log      []string
	secrets  []credential.Secret
	phase    string
	mark     time.Time // when it began
	phases   map[string]time.Duration
	ip       net.IP
	host     string // whose certificate is expected
	tls      *tls.ConnectionState
	verified [][]*x509.Certificate

	samples []checks.Sample
	extra   []checks.Finding // beside the verdict of the try
	excerpt string
	status  string
}

// outcome is what a try came to. It is not changed any more.
type outcome struct {
	at       time.Time
	took     time.Duration
	fault    *fault
	untried  error
	samples  []checks.Sample
	findings []checks.Finding
	log      []string
	phases   map[string]time.Duration
	chain    []*x509.Certificate
	verified bool
	staple   []byte // what the server says of its certificate's revocation
	excerpt  string
}

// try makes one try of p, within its timeout.
func try(ctx context.Context, p Probe, exprs map[string]*regexp.Regexp) *outcome {
	v := &visit{p: p, exprs: exprs, labels: []string{p.Name, p.System, p.Door, p.module()}, began: time.Now(), phases: map[string]time.Duration{}, phase: phaseResolve}
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	err := v.make(ctx)
	return v.conclude(ctx, err)
}

func (v *visit) make(ctx context.Context) (err error) {
	defer func() {
		// A probe runs in the background, where nobody else would catch it.
		if r := recover(); r != nil {
			err = cannot("the probe itself broke: %v", r)
		}
	}()
	switch {
	case v.p.HTTP != nil:
		return v.walk(ctx, *v.p.HTTP)
	case v.p.TCP != nil:
		return v.talk(ctx, *v.p.TCP)
	case v.p.DNS != nil:
		return v.ask(ctx, *v.p.DNS)
	}
	return v.time(ctx, *v.p.NTP)
}

func (v *visit) conclude(ctx context.Context, err error) *outcome {
	o := &outcome{at: v.began, took: time.Since(v.began)}
	var f *fault
	var u *untried
	switch {
	case err == nil:
	case errors.As(err, &f):
		f.args["error"] = v.mask(clip(fmt.Sprint(f.args["error"])))
		o.fault = f
	case errors.As(err, &u):
		o.untried = errors.New(v.mask(clip(u.Error())))
	default:
		o.untried = errors.New(v.mask(clip(err.Error())))
	}
	switch {
	case o.untried != nil:
		v.note("could not be tried: %v", o.untried)
	case o.fault != nil:
		v.note("failed: %v", o.fault)
	default:
		v.note("succeeded after %v", o.took.Round(time.Millisecond))
	}
	v.excerpt = v.mask(v.excerpt)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	for _, c := range v.conns {
		c.Close() // one that came after its request was given up is in nobody's hands
	}
	o.log, o.phases, o.excerpt, o.verified = v.log, v.phases, v.excerpt, len(v.verified) > 0
	if v.tls != nil {
		o.chain, o.staple = v.tls.PeerCertificates, v.tls.OCSPResponse
	}
	if o.untried == nil {
		v.measure(o)
		o.samples = v.samples
	}
	o.findings = v.found(o)
	return o
}

// found says the try in words.
func (v *visit) found(o *outcome) []checks.Finding {
	var first checks.Finding
	switch {
	case o.untried != nil:
		first = checks.Finding{Subject: v.p.Name, Code: "probe.untried", Verdict: checks.Unknown, Args: map[string]any{"error": o.untried.Error()}, Evidence: strings.Join(o.log, "\n")}
	case o.fault != nil:
		evidence := strings.Join(o.log, "\n")
		if o.excerpt != "" {
			evidence += "\n\n" + o.excerpt
		}
		first = o.fault.finding(v.p, evidence)
	default:
		first = checks.Finding{Subject: v.p.Name, Code: "probe.answered", Verdict: checks.OK, Args: map[string]any{"took": o.took.Seconds(), "said": v.status}}
	}
	return append([]checks.Finding{first}, v.extra...)
}

// note writes a line of the try's own log.
func (v *visit) note(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.closed && len(v.log) < maxLog {
		line := fmt.Sprintf("%7.1f ms  ", float64(time.Since(v.began).Microseconds())/1000) + fmt.Sprintf(format, args...)
		v.log = append(v.log, checks.SafeText(credential.Mask(line, v.secrets...), maxLine))
	}
}

func (v *visit) mask(s string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return credential.Mask(s, v.secrets...)
}

// secret reads a file at use, so that a new secret holds at once.
func (v *visit) secret(path string) (credential.Secret, error) {
	s, err := credential.Read(path)
	if err != nil {
		return "", &untried{err}
	}
	v.hide(s)
	return s, nil
}

// hide keeps a secret, or another form of it, out of what is shown.
func (v *visit) hide(s credential.Secret) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.secrets = append(v.secrets, s)
}

// enter begins a phase.
func (v *visit) enter(phase string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.closed {
		v.phase, v.mark = phase, time.Now()
	}
}

// leave adds the time since the present phase began to it.
func (v *visit) leave(phase string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.closed {
		v.phases[phase] += time.Since(v.mark)
	}
}

// spent is the time that each of these phases took.
func (v *visit) spent(phases ...string) map[string]time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := make(map[string]time.Duration, len(phases))
	for _, phase := range phases {
		out[phase] = v.phases[phase]
	}
	return out
}

// stuck is the phase that the try is in.
func (v *visit) stuck() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.phase
}

func (v *visit) set(d *checks.Desc, value float64, more ...string) {
	values := v.labels
	if len(more) > 0 {
		values = append(append(make([]string, 0, len(v.labels)+len(more)), v.labels...), more...)
	}
	v.samples = append(v.samples, checks.Sample{Desc: d, Values: values, Value: value})
}

// dial resolves and connects, each on record.
func (v *visit) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, cannot("%w", err)
	}
	ips, err := v.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	v.enter(phaseConnect)
	defer v.leave(phaseConnect)
	var ip net.IP
	for i := range ips {
		ip = ips[i]
		v.tries(ip)
		part, cancel := share(ctx, len(ips)-i)
		var d net.Dialer
		var c net.Conn
		c, err = d.DialContext(part, network, net.JoinHostPort(ip.String(), port))
		cancel()
		if err == nil {
			if !v.hold(c) {
				c.Close()
				return nil, &untried{context.Canceled}
			}
			v.note("connected to %s from %s", c.RemoteAddr(), c.LocalAddr())
			return c, nil
		}
		v.note("%s: %v", net.JoinHostPort(ip.String(), port), err)
	}
	return nil, connectFault(ip, err)
}

// hold keeps a connection, to be closed with the visit; false if that is over.
func (v *visit) hold(c net.Conn) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return false
	}
	v.conns = append(v.conns, c)
	return true
}

func (v *visit) tries(ip net.IP) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.closed {
		v.ip = ip
	}
}

// peer is the address tried last.
func (v *visit) peer() net.IP {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.ip
}

// share leaves time for n tries in what is left of ctx.
func share(ctx context.Context, n int) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok || n <= 1 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(end)/time.Duration(n))
}

const maxAddresses = 4

func (v *visit) resolve(ctx context.Context, host string) ([]net.IP, error) {
	network := map[string]string{"ip4": "ip4", "ip6": "ip6"}[v.p.IPProtocol]
	if network == "" {
		network = "ip"
	}
	if ip := net.ParseIP(host); ip != nil {
		if v4 := ip.To4() != nil; network == "ip4" && !v4 || network == "ip6" && v4 {
			return nil, cannot("%s is no address of %s", host, network)
		}
		return []net.IP{ip}, nil
	}
	v.enter(phaseResolve)
	// net.Resolver reads resolv.conf again when it changes.
	ips, err := net.DefaultResolver.LookupIP(ctx, network, host)
	v.leave(phaseResolve)
	if err != nil {
		v.note("name %s: %v", host, err)
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, &untried{err}
		}
		return nil, resolveFault(host, err)
	}
	ips = ips[:min(len(ips), maxAddresses)]
	v.note("%s has the addresses %v", host, ips)
	return ips, nil
}

// ipHash is blackbox_exporter's: it tells that the address changed.
func ipHash(ip net.IP) float64 {
	h := fnv.New32a()
	if v4 := ip.To4(); v4 != nil {
		h.Write(v4)
	} else {
		h.Write(ip)
	}
	return float64(h.Sum32())
}

func clip(s string) string { return checks.SafeText(s, maxLine) }
