package host

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// servers are the DNS servers that this machine asks.
type servers struct {
	list []netip.Addr
	bad  []string // what stands in a server's place and is no address
	name string   // what they are asked for: a search domain, or "." for the root
	err  error
}

// stubFile is where systemd-resolved keeps the servers that it asks itself.
const stubFile = "/run/systemd/resolve/resolv.conf"

// resolvers reads resolv.conf. The stub of systemd-resolved answers whatever
// happens behind it, so that the servers it asks are looked at, too.
func (f *pathFinder) resolvers() servers {
	root := strings.TrimRight(f.cfg.Rootfs, "/")
	b, err := f.all(root + "/etc/resolv.conf")
	if err != nil {
		return servers{name: ".", err: err}
	}
	s := parseResolv(string(b))
	stub := func(a netip.Addr) bool { return a == netip.AddrFrom4([4]byte{127, 0, 0, 53}) }
	if slices.ContainsFunc(s.list, stub) {
		if b, err := f.all(root + stubFile); err == nil {
			behind := parseResolv(string(b))
			s.list, s.bad = append(s.list, behind.list...), append(s.bad, behind.bad...)
		}
	}
	seen := map[netip.Addr]bool{}
	s.list = slices.DeleteFunc(s.list, func(a netip.Addr) bool {
		old := seen[a]
		seen[a] = true
		return old
	})
	s.list = s.list[:min(len(s.list), maxPathResolvers)]
	s.bad = s.bad[:min(len(s.bad), maxPathResolvers)]
	return s
}

// parseResolv reads the lines that matter here. Of "domain" and "search" the
// last one holds.
func parseResolv(text string) servers {
	s := servers{name: "."}
	for line := range strings.Lines(text) {
		w := strings.Fields(line)
		if len(w) < 2 {
			continue
		}
		switch w[0] {
		case "nameserver":
			a, err := netip.ParseAddr(w[1])
			if err != nil {
				s.bad = append(s.bad, safe(w[1]))
				continue
			}
			s.list = append(s.list, a)
		case "domain", "search":
			s.name = "."
			if _, ok := encodeName(w[1]); ok {
				s.name = strings.TrimSuffix(w[1], ".") + "."
			}
		}
	}
	return s
}

// dnsAnswer is what a server said.
type dnsAnswer struct {
	// answered says that it said anything at all; resolved that it did on the
	// name, with code and how many records.
	answered, resolved bool
	code               int
	records            int
	took               time.Duration
	err                error
}

// links says what the answers mean.
func (s servers) links(replies []dnsAnswer) []PathLink {
	if s.err != nil {
		return []PathLink{{Sight: Unread, Name: "/etc/resolv.conf", Error: safe(s.err.Error())}}
	}
	if len(s.list)+len(s.bad) == 0 {
		return []PathLink{{Sight: ResolverNone}}
	}
	var list []PathLink
	for _, b := range s.bad {
		list = append(list, PathLink{Sight: ResolverInvalid, Name: b})
	}
	for i, a := range s.list {
		l := PathLink{Sight: replies[i].sight(), Name: a.String()}
		if l.Sight == ResolverAnswers {
			l.Took = replies[i].took.Seconds()
		} else if l.Sight == ResolverUnreachable {
			l.Error = safe(replies[i].err.Error())
		}
		list = append(list, l)
	}
	return append(list, PathLink{Sight: s.nameSight(replies), Name: s.name})
}

func (a dnsAnswer) sight() Sight {
	var slow net.Error
	switch {
	case a.answered:
		return ResolverAnswers
	case errors.Is(a.err, unix.ECONNREFUSED):
		return ResolverRefused
	case a.err == nil || errors.Is(a.err, context.Canceled) || errors.As(a.err, &slow) && slow.Timeout():
		return ResolverSilent
	}
	return ResolverUnreachable
}

// nameSight says whether a name was found. Servers that answer at once but not
// on the name have nobody to ask; one that does not know the name may be one of
// a closed network.
func (s servers) nameSight(replies []dnsAnswer) Sight {
	const noFault, serverFailed = 0, 2
	sight := NameUntried
	for _, a := range replies {
		switch {
		case a.resolved && a.code == noFault && (a.records > 0 || s.name != "."):
			return NameResolves
		case a.resolved && a.code != serverFailed:
			sight = NameUnknown
		case a.answered && sight == NameUntried:
			sight = NameFails
		}
	}
	return sight
}

// The numbers of DNS that we need.
const (
	dnsPort      = 53
	dnsA         = 1
	dnsNS        = 2
	dnsSOA       = 6
	dnsInternet  = 1
	dnsHeader    = 12
	dnsRecursion = 0x0100
	dnsResponse  = 0x8000
)

// ask sends a server two questions: one that it can answer from its own
// knowledge, which shows that it is there, and one for the name.
func ask(ctx context.Context, server netip.Addr, name string) (a dnsAnswer) {
	ctx, cancel := context.WithTimeout(ctx, pathAnswer)
	defer cancel()
	var d net.Dialer
	began := time.Now()
	conn, err := d.DialContext(ctx, "udp", netip.AddrPortFrom(server, dnsPort).String())
	if err != nil {
		return dnsAnswer{err: err}
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	kind := uint16(dnsSOA)
	if name == "." {
		kind = dnsNS
	}
	id := uint16(began.UnixNano()) &^ 1 // the connected socket keeps strangers out
	for _, q := range [...][]byte{question(id, "localhost.", dnsA), question(id+1, name, kind)} {
		if _, err := conn.Write(q); err != nil {
			a.err = err
			return a
		}
	}
	buf := make([]byte, 4<<10)
	for heard := 0; heard < 2; {
		n, err := conn.Read(buf)
		if err != nil {
			a.err = err
			return a
		}
		if n < dnsHeader || binary.BigEndian.Uint16(buf[2:])&dnsResponse == 0 {
			continue
		}
		switch binary.BigEndian.Uint16(buf) {
		case id:
		case id + 1:
			a.resolved, a.code, a.records = true, int(buf[3]&0xf), int(binary.BigEndian.Uint16(buf[6:]))
		default:
			continue
		}
		if !a.answered {
			a.answered, a.took = true, time.Since(began)
		}
		heard++
	}
	return a
}

// question makes a query of one question.
func question(id uint16, name string, kind uint16) []byte {
	b := make([]byte, dnsHeader, 64)
	binary.BigEndian.PutUint16(b, id)
	binary.BigEndian.PutUint16(b[2:], dnsRecursion)
	binary.BigEndian.PutUint16(b[4:], 1)
	encoded, _ := encodeName(name)
	b = append(b, encoded...)
	b = binary.BigEndian.AppendUint16(b, kind)
	return binary.BigEndian.AppendUint16(b, dnsInternet)
}

// encodeName writes a name as labels with their lengths; the root is empty.
func encodeName(name string) ([]byte, bool) {
	var b []byte
	if name = strings.TrimSuffix(name, "."); name != "" {
		for label := range strings.SplitSeq(name, ".") {
			if label == "" || len(label) > 63 {
				return nil, false
			}
			b = append(append(b, byte(len(label))), label...)
		}
	}
	return append(b, 0), len(b) < 255
}
