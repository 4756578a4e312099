package platform

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/beevik/ntp"
	"github.com/miekg/dns"

	"xunjian/checks"
)

// ask asks a name server: blackbox_exporter's dns module.
func (v *visit) ask(ctx context.Context, d DNS) error {
	reply, err := v.query(ctx, d)
	var answers, authority, additional float64
	if reply != nil {
		answers, authority, additional = float64(len(reply.Answer)), float64(len(reply.Ns)), float64(len(reply.Extra))
		for _, rr := range reply.Answer {
			if soa, ok := rr.(*dns.SOA); ok {
				v.set(descDNSSerial, float64(soa.Serial))
			}
		}
	}
	for phase, took := range v.spent(phaseResolve, phaseConnect, phaseRequest) {
		v.set(descDNSDuration, took.Seconds(), phase)
	}
	v.set(descDNSAnswers, answers)
	v.set(descDNSAuthority, authority)
	v.set(descDNSAdditional, additional)
	v.set(descDNSSucceeded, truth(reply != nil))
	if err != nil {
		return err
	}
	return v.weigh(d, reply)
}

func (v *visit) query(ctx context.Context, d DNS) (*dns.Msg, error) {
	network, port := "udp", "53"
	if d.Protocol != "" && d.Protocol != "udp" {
		network = "tcp"
	}
	if d.Protocol == "tls" {
		port = "853"
	}
	address := serverAddress(d.Server, port)
	c, err := v.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if d.Protocol == "tls" {
		cfg, err := v.secure(d.TLS)
		if err != nil {
			return nil, err
		}
		host, _, _ := net.SplitHostPort(address)
		t, err := v.handshake(ctx, c, cfg, host)
		if err != nil {
			return nil, err
		}
		c = t
	}
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(d.Query), dns.StringToType[cmp.Or(d.Type, "A")])
	m.SetEdns0(1232, false)
	v.note("ask %s for %s %s", address, m.Question[0].Name, cmp.Or(d.Type, "A"))
	v.enter(phaseRequest)
	defer v.leave(phaseRequest)
	conn := &dns.Conn{Conn: c, UDPSize: 1232}
	if err := conn.WriteMsg(m); err != nil {
		return nil, v.unanswered(ctx, err)
	}
	for {
		reply, err := conn.ReadMsg()
		if err != nil {
			return nil, v.unanswered(ctx, err)
		}
		if reply.Id == m.Id && reply.Response { // another's, or a late one
			return reply, nil
		}
	}
}

// unanswered is what a query comes to that nobody answered. Over UDP a closed
// port is only noticed then.
func (v *visit) unanswered(ctx context.Context, err error) error {
	switch {
	case ctx.Err() == context.Canceled:
		return &untried{ctx.Err()}
	case isTimeout(err):
		if why := linkDown(v.peer()); why != nil {
			return &untried{why}
		}
		return newFault("probe.timeout", classServer, phaseRequest, err)
	}
	if f, ok := connectFault(v.peer(), err).(*fault); ok && f.code != "probe.refused" {
		return talkFault(phaseRequest, err)
	}
	return connectFault(v.peer(), err)
}

// weigh holds a reply against what it should be.
func (v *visit) weigh(d DNS, reply *dns.Msg) error {
	rcode := dns.RcodeToString[reply.Rcode]
	v.excerpt = reply.String()
	v.status = rcode
	var data []string
	for _, rr := range reply.Answer {
		data = append(data, strings.TrimSpace(strings.TrimPrefix(rr.String(), rr.Header().String())))
	}
	v.note("%s, %d answers: %s", rcode, len(data), strings.Join(data, "; "))
	right := d.Rcodes
	if len(right) == 0 {
		right = []string{"NOERROR"}
	}
	wrong := func(class, wanted, got string) error {
		f := newFault("probe.answer", class, phaseAnswer, nil)
		f.args["wanted"], f.args["got"] = wanted, clip(got)
		return f
	}
	if !slices.Contains(right, rcode) {
		class := classContent
		if reply.Rcode == dns.RcodeServerFailure {
			class = classServer
		}
		return wrong(class, strings.Join(right, ", "), rcode)
	}
	for _, want := range d.Answers {
		if !slices.ContainsFunc(data, func(got string) bool { return sameData(got, want) }) {
			return wrong(classContent, want, cmp.Or(strings.Join(data, "; "), "–"))
		}
	}
	return nil
}

// sameData compares as DNS does: names without regard to case and the last dot.
func sameData(a, b string) bool {
	plain := func(s string) string { return strings.ToLower(strings.TrimSuffix(strings.Trim(s, `"`), ".")) }
	return plain(a) == plain(b)
}

// time asks a time server for the offset of this machine's clock.
func (v *visit) time(ctx context.Context, n NTP) error {
	address := serverAddress(n.Server, "123")
	c, err := v.dial(ctx, "udp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	end, _ := ctx.Deadline()
	v.enter(phaseRequest)
	r, err := ntp.QueryWithOptions(address, ntp.QueryOptions{
		Timeout: time.Until(end), Dialer: func(string, string) (net.Conn, error) { return c, nil },
	})
	v.leave(phaseRequest)
	if err != nil {
		return v.unanswered(ctx, err)
	}
	sane := r.Validate()
	v.note("stratum %d, offset %v, round trip %v, root distance %v, leap %d: %s", r.Stratum, r.ClockOffset, r.RTT, r.RootDistance, r.Leap, cmp.Or(fmt.Sprint(sane), "sane"))
	for d, value := range map[*checks.Desc]float64{
		descNTPOffset: r.ClockOffset.Seconds(), descNTPRTT: r.RTT.Seconds(), descNTPStratum: float64(r.Stratum), descNTPLeap: float64(r.Leap),
		descNTPReference: float64(r.ReferenceTime.UnixMilli()) / 1000, descNTPDelay: r.RootDelay.Seconds(), descNTPDispersion: r.RootDispersion.Seconds(),
		descNTPSanity: truth(sane == nil),
	} {
		v.set(d, value)
	}
	if sane != nil {
		f := newFault("probe.time", classContent, phaseAnswer, sane)
		f.args["stratum"] = int(r.Stratum)
		return f
	}
	v.status = fmt.Sprintf("stratum %d, %+.1f ms", r.Stratum, float64(r.ClockOffset.Microseconds())/1000)
	return nil
}
