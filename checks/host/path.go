package host

import (
	"context"
	"slices"
	"strings"
)

// Path is the way from this machine to others, link by link, the nearest
// first: interfaces, addresses, routes, gateways, DNS servers, a name.
type Path struct {
	Links []PathLink `json:"links"`
}

// PathLink is one link of the way.
type PathLink struct {
	Sight Sight `json:"sight"`
	// Name is what was looked at: an interface, an address, a server, a file.
	Name string `json:"name,omitempty"`
	// Device is the interface it goes through.
	Device string `json:"device,omitempty"`
	// Took is how long an answer took, in seconds.
	Took float64 `json:"took_seconds,omitempty"`
	// Error says why something failed or could not be read.
	Error string `json:"error,omitempty"`
}

// State is what a link is good for.
type State string

// The states. Unclear is what could not be told; it is never taken for ok.
const (
	Whole   State = "ok"
	Broken  State = "broken"
	Unclear State = "unknown"
)

// Sight is what was seen of a link.
type Sight string

// The sights, in the order of the way.
const (
	InterfaceLinked    Sight = "interface_linked"
	InterfaceOff       Sight = "interface_off"        // turned off by a person
	InterfaceNoCarrier Sight = "interface_no_carrier" // no cable, or its other end is off
	InterfaceUnused    Sight = "interface_unused"     // down, and nothing says that it should be up
	InterfaceMissing   Sight = "interface_missing"    // required, but not there
	InterfaceNone      Sight = "interface_none"       // the machine has none at all

	AddressPresent   Sight = "address_present"
	AddressLinkLocal Sight = "address_link_local" // only what the machine gave itself
	AddressNone      Sight = "address_none"

	RouteDefault Sight = "route_default"
	RouteDirect  Sight = "route_direct" // default route without a gateway
	RouteDead    Sight = "route_dead"   // its interface has no link
	RouteOthers  Sight = "route_others" // no default route, but others through gateways
	RouteNone    Sight = "route_none"

	GatewayAnswers Sight = "gateway_answers"
	GatewayPasses  Sight = "gateway_passes" // said nothing itself, but a server behind it answered
	GatewayUnsure  Sight = "gateway_unsure" // known from earlier, not confirmed now
	GatewaySilent  Sight = "gateway_silent"

	ResolverAnswers     Sight = "resolver_answers"
	ResolverSilent      Sight = "resolver_silent"
	ResolverRefused     Sight = "resolver_refused" // nothing listens there
	ResolverUnreachable Sight = "resolver_unreachable"
	ResolverInvalid     Sight = "resolver_invalid" // no address
	ResolverNone        Sight = "resolver_none"    // no server is named

	NameResolves Sight = "name_resolves"
	NameFails    Sight = "name_fails"
	NameUnknown  Sight = "name_unknown" // a closed network need not know it
	NameUntried  Sight = "name_untried"

	Unread Sight = "unread" // a part of the system that tells would not
)

// State says what the sight means for the way.
func (s Sight) State() State {
	switch s {
	case InterfaceLinked, AddressPresent, RouteDefault, RouteDirect, GatewayAnswers, GatewayPasses, ResolverAnswers, NameResolves:
		return Whole
	case InterfaceUnused, RouteOthers, GatewayUnsure, ResolverNone, NameUnknown, NameUntried, Unread:
		return Unclear
	}
	return Broken
}

// State says what the link is good for.
func (l PathLink) State() State { return l.Sight.State() }

// Broken returns the link to name first: the nearest broken one that there is
// no way around, for what is behind it cannot be better; cut is then true. If
// each broken link has another of its kind that is whole, it is the nearest of
// those.
func (p Path) Broken() (l PathLink, cut, broken bool) {
	for _, b := range p.Links {
		if b.State() != Broken {
			continue
		}
		if !p.around(b) {
			return b, true, true
		}
		if !broken {
			l, broken = b, true
		}
	}
	return l, false, broken
}

// around reports whether another link of the same kind is whole.
func (p Path) around(l PathLink) bool {
	return slices.ContainsFunc(p.Links, func(o PathLink) bool { return o.State() == Whole && o.Sight.kind() == l.Sight.kind() })
}

// kind is what sort of link was seen: the first word of the sight.
func (s Sight) kind() string {
	kind, _, _ := strings.Cut(string(s), "_")
	return kind
}

// Unclear returns the first link that nobody could tell of.
func (p Path) Unclear() (PathLink, bool) {
	i := slices.IndexFunc(p.Links, func(l PathLink) bool { return l.State() == Unclear })
	if i < 0 {
		return PathLink{}, false
	}
	return p.Links[i], true
}

// Bounds of a look at the path.
const (
	maxPathInterfaces = 32
	maxPathAddresses  = 16
	maxPathGateways   = 4
	maxPathResolvers  = 6
)

// LookPath looks where the way to other machines breaks. It takes about two
// seconds at most: what does not answer is waited for one second. It sends one
// datagram to each gateway that has not been heard of lately and two questions
// to each DNS server. Where the system does not tell, it returns
// checks.ErrNotApplicable.
func LookPath(ctx context.Context, cfg Config) (Path, error) { return lookPath(ctx, cfg) }

// Peer is another machine with connections to this one.
type Peer struct {
	Address     string `json:"address"`
	Connections int    `json:"connections"`
	// Port is the one most of them go through: ours if they came in, theirs
	// if they went out.
	Port     int  `json:"port"`
	Incoming bool `json:"incoming"`
}

// PeerSummary is who is connected to this machine by TCP.
type PeerSummary struct {
	// Peers are those with the most connections, the greatest first.
	Peers []Peer `json:"peers"`
	// Total counts the peers, Connections their connections.
	Total       int `json:"total"`
	Connections int `json:"connections"`
	// HalfOpen counts the connections that were asked for and not completed.
	HalfOpen int `json:"half_open"`
	// Partial says that not everything was seen.
	Partial bool `json:"partial,omitempty"`
}

// Peers returns the n peers with the most established connections. Connections
// of the machine with itself do not count.
func Peers(ctx context.Context, cfg Config, n int) (PeerSummary, error) { return peers(ctx, cfg, n) }
