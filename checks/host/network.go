package host

import (
	"context"
	"regexp"
	"slices"
	"time"

	"xunjian/checks"
)

func netCounter(name, help string) *checks.Desc {
	return checks.NewDesc("node_network_"+name, checks.Counter, help, "device")
}

func netGauge(name, help string) *checks.Desc {
	return checks.NewDesc("node_network_"+name, checks.Gauge, help, "device")
}

// The counters of an interface, in the order of /proc/net/dev.
const (
	rxBytes = iota
	rxPackets
	rxErrors
	rxDrops
	rxFIFO
	rxFrame
	rxCompressed
	rxMulticast
	txBytes
	txPackets
	txErrors
	txDrops
	txFIFO
	txCollisions
	txCarrier
	txCompressed
	netCounters
)

var netCounterDescs = [netCounters]*checks.Desc{
	rxBytes:      netCounter("receive_bytes_total", "Bytes received."),
	rxPackets:    netCounter("receive_packets_total", "Packets received."),
	rxErrors:     netCounter("receive_errs_total", "Errors while receiving."),
	rxDrops:      netCounter("receive_drop_total", "Packets received and dropped."),
	rxFIFO:       netCounter("receive_fifo_total", "FIFO overruns while receiving."),
	rxFrame:      netCounter("receive_frame_total", "Frame alignment errors while receiving."),
	rxCompressed: netCounter("receive_compressed_total", "Compressed packets received."),
	rxMulticast:  netCounter("receive_multicast_total", "Multicast packets received."),
	txBytes:      netCounter("transmit_bytes_total", "Bytes sent."),
	txPackets:    netCounter("transmit_packets_total", "Packets sent."),
	txErrors:     netCounter("transmit_errs_total", "Errors while sending."),
	txDrops:      netCounter("transmit_drop_total", "Packets dropped instead of sent."),
	txFIFO:       netCounter("transmit_fifo_total", "FIFO overruns while sending."),
	txCollisions: netCounter("transmit_colls_total", "Collisions while sending."),
	txCarrier:    netCounter("transmit_carrier_total", "Losses of carrier while sending."),
	txCompressed: netCounter("transmit_compressed_total", "Compressed packets sent."),
}

var (
	netUp           = netGauge("up", "1 if the interface is up.")
	netCarrier      = netGauge("carrier", "1 if the interface has a link; absent while it is turned off.")
	netChanges      = netCounter("carrier_changes_total", "How often the link came or went.")
	netUpChanges    = netCounter("carrier_up_changes_total", "How often the link came.")
	netDownChanges  = netCounter("carrier_down_changes_total", "How often the link went.")
	netSpeed        = netGauge("speed_bytes", "Speed of the link in bytes a second; negative if the driver does not know.")
	netMTU          = netGauge("mtu_bytes", "Greatest packet in bytes.")
	netFlags        = netGauge("flags", "Flags of the interface as the kernel numbers them.")
	netQueue        = netGauge("transmit_queue_length", "Packets that the transmit queue takes.")
	netInfo         = checks.NewDesc("node_network_info", checks.Gauge, "Properties of the interface that are not numbers; always 1.", "device", "address", "broadcast", "duplex", "operstate", "ifalias")
	bondingSlaves   = checks.NewDesc("node_bonding_slaves", checks.Gauge, "Interfaces that the bond is made of.", "master")
	bondingActive   = checks.NewDesc("node_bonding_active", checks.Gauge, "Interfaces of the bond whose link is up.", "master")
	loopbackName    = "lo"
	operstateIsUp   = "up"
	operstateIsNone = "unknown" // what drivers without a link say
)

// iface is an interface as one look sees it.
type iface struct {
	name     string
	counters [netCounters]float64
	// state is the operational state: up, down, dormant, unknown, ….
	state string
	// carrier tells whether there is a link; hasCarrier whether the driver
	// says so, which it does not while the interface is turned off.
	carrier, hasCarrier bool
	// samples are its further figures, info the labels of node_network_info.
	samples []figure
	info    []string
	// bond is set of a bond.
	bond *bond
}

// bond is how many interfaces a bond is made of, and of how many the link is
// up.
type bond struct{ slaves, active int }

// networkCheck looks at the network interfaces.
type networkCheck struct {
	configured
	read     func([]iface) ([]iface, error)
	ignored  *regexp.Regexp
	required []string

	list  []iface
	known map[string]*knownIface
}

// knownIface is what is kept of an interface between two looks.
type knownIface struct {
	label   []string
	ignored bool
	last    [netCounters]float64
	run     time.Time
}

func newNetwork(cfg NetworkConfig) *networkCheck {
	return &networkCheck{ignored: pattern(cfg.IgnoredDevices), required: cfg.Required, known: map[string]*knownIface{}}
}

func (c *networkCheck) Name() string { return "network" }

func (c *networkCheck) Run(_ context.Context, out *checks.Output) error {
	var err error
	if c.list, err = c.read(c.list[:0]); err != nil {
		return err
	}
	now := time.Now()
	for i := range c.list {
		n := &c.list[i]
		k := c.known[n.name]
		if k == nil {
			k = &knownIface{label: []string{n.name}, ignored: c.skips(n.name)}
			c.known[n.name] = k
		}
		if !k.ignored {
			k.record(out, n)
			k.findTraffic(out, n, now.Sub(k.run))
			findBond(out, n)
		}
		k.last, k.run = n.counters, now
	}
	for name, k := range c.known {
		if !k.run.Equal(now) {
			delete(c.known, name)
		}
	}
	c.findRequired(out)
	return nil
}

// skips reports whether an interface is left out. One that is required is not.
func (c *networkCheck) skips(name string) bool {
	return c.ignored.MatchString(name) && !slices.Contains(c.required, name)
}

func (k *knownIface) record(out *checks.Output, n *iface) {
	set := func(d *checks.Desc, v float64) { out.Sample(checks.Sample{Desc: d, Values: k.label, Value: v}) }
	for i, d := range netCounterDescs {
		set(d, n.counters[i])
	}
	if n.state != "" {
		set(netUp, bit(n.state == operstateIsUp))
	}
	if n.hasCarrier {
		set(netCarrier, bit(n.carrier))
	}
	for _, f := range n.samples {
		set(f.desc, f.value)
	}
	if n.info != nil {
		out.Sample(checks.Sample{Desc: netInfo, Values: n.info, Value: 1})
	}
	if n.bond != nil {
		set(bondingSlaves, float64(n.bond.slaves))
		set(bondingActive, float64(n.bond.active))
	}
}

// findTraffic says what went through an interface since the last look and what
// share of its link that is in each direction, or at the first look what went
// through in all. Loopback and interfaces that are down are not worth a
// line.
func (k *knownIface) findTraffic(out *checks.Output, n *iface, since time.Duration) {
	if n.name == loopbackName || n.state != "" && n.state != operstateIsUp && n.state != operstateIsNone {
		return
	}
	if k.run.IsZero() {
		out.Find(checks.Finding{Subject: n.name, Code: "network.total", Verdict: checks.OK, Args: map[string]any{
			"device": n.name, "received": n.counters[rxBytes], "sent": n.counters[txBytes],
		}})
		return
	}
	s := since.Seconds()
	rate := func(i int) float64 { return ratio(max(0, n.counters[i]-k.last[i]), s) }
	speed := n.speed()
	out.Find(checks.Finding{Subject: n.name, Code: "network.traffic", Verdict: checks.OK, Args: map[string]any{
		"device":   n.name,
		"received": rate(rxBytes),
		"sent":     rate(txBytes),
		"errors":   rate(rxErrors) + rate(txErrors),
		"drops":    rate(rxDrops) + rate(txDrops),
		"window":   s,
		// Speed is 0 where the driver does not know, and so are the shares.
		"speed":          speed,
		"received_share": ratio(rate(rxBytes), speed),
		"sent_share":     ratio(rate(txBytes), speed),
	}})
}

// speed of the link in bytes a second; 0 if the driver does not know.
func (n *iface) speed() float64 {
	for _, f := range n.samples {
		if f.desc == netSpeed {
			return max(0, f.value)
		}
	}
	return 0
}

func findBond(out *checks.Output, n *iface) {
	if n.bond == nil || n.bond.active == n.bond.slaves {
		return
	}
	out.Find(checks.Finding{Subject: n.name, Code: "network.bond_degraded", Verdict: checks.Abnormal, Args: map[string]any{
		"device": n.name, "active": n.bond.active, "slaves": n.bond.slaves,
	}})
}

// findRequired says of each required interface whether it is there and has a
// link. One whose driver does not tell (a tunnel) needs to be up only.
func (c *networkCheck) findRequired(out *checks.Output) {
	for _, name := range c.required {
		f := checks.Finding{Subject: name, Code: "network.linked", Verdict: checks.OK, Args: map[string]any{"device": name}}
		i := slices.IndexFunc(c.list, func(n iface) bool { return n.name == name })
		switch {
		case i < 0:
			f.Code, f.Verdict = "network.missing", checks.Abnormal
		case !c.list[i].linked():
			f.Code, f.Verdict = "network.no_carrier", checks.Abnormal
			f.Args["state"] = c.list[i].state
		}
		out.Find(f)
	}
}

func (n *iface) linked() bool {
	if n.hasCarrier {
		return n.carrier
	}
	return n.state == operstateIsUp || n.state == operstateIsNone
}
