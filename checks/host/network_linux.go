package host

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"xunjian/checks"
)

// netReader reads /proc/net/dev and the folders of /sys/class/net.
type netReader struct {
	reader
	dev, class string
	devices    map[string]*netDevice
}

// netDevice is what is kept of an interface between two looks: the paths of
// its attributes, and those of them that change only by a person's hand, which
// are read again when the link changes and now and then.
type netDevice struct {
	name, folder string
	flags        float64
	changes      float64
	age          int
	fixed        []figure
	info         [6]string
}

// fixedLooks is after how many looks an interface's fixed properties are read
// again.
const fixedLooks = 20

func newNetReader(cfg Config) *netReader {
	return &netReader{dev: cfg.Procfs + "/net/dev", class: cfg.Sysfs + "/class/net/", devices: map[string]*netDevice{}}
}

func (r *netReader) read(list []iface) ([]iface, error) {
	b, err := r.all(r.dev)
	if err != nil {
		return list, err
	}
	for line := []byte(nil); len(b) > 0; {
		line, b = cutLine(b)
		name, rest, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			continue // the two lines of headings
		}
		n := iface{name: r.device(bytes.TrimSpace(name)).name}
		var counters [netCounters]uint64
		if numbers(rest, counters[:]) != netCounters {
			return list, fmt.Errorf("parse %s: %q is not an interface", r.dev, line)
		}
		for i, v := range counters {
			n.counters[i] = float64(v)
		}
		list = append(list, n)
	}
	r.prune(list)
	for i := range list {
		r.attributes(&list[i])
	}
	r.bonds(list)
	return list, nil
}

func (r *netReader) device(name []byte) *netDevice {
	d := r.devices[string(name)]
	if d == nil {
		d = &netDevice{name: string(name), folder: r.class + string(name) + "/", age: fixedLooks}
		r.devices[d.name] = d
	}
	return d
}

// prune forgets the interfaces that are gone, where there are more kept than
// seen.
func (r *netReader) prune(list []iface) {
	if len(r.devices) <= len(list) {
		return
	}
	seen := make(map[string]bool, len(list))
	for _, n := range list {
		seen[n.name] = true
	}
	for name := range r.devices {
		if !seen[name] {
			delete(r.devices, name)
		}
	}
}

// attributes reads the folder of an interface. An interface that is gone
// meanwhile just has none; the carrier of one turned off cannot be read.
func (r *netReader) attributes(n *iface) {
	d := r.devices[n.name]
	state, err := r.one(d.folder + "operstate")
	if err != nil {
		return
	}
	n.state = operstate(state)
	if v, ok := r.value(d.folder + "carrier"); ok {
		n.carrier, n.hasCarrier = v == 1, true
	}
	add := func(desc *checks.Desc, v float64, ok bool) {
		if ok {
			n.samples = append(n.samples, figure{desc, v})
		}
	}
	flags, hasFlags := r.hex(d.folder + "flags")
	changes, hasChanges := r.value(d.folder + "carrier_changes")
	add(netFlags, flags, hasFlags)
	add(netChanges, changes, hasChanges)
	if d.age++; d.age > fixedLooks || flags != d.flags || changes != d.changes {
		d.age, d.flags, d.changes = 0, flags, changes
		r.readFixed(d)
	}
	n.samples = append(n.samples, d.fixed...)
	d.info[4] = n.state
	n.info = append([]string(nil), d.info[:]...)
}

// operstate returns the state without making a new string for the usual ones.
func operstate(b []byte) string {
	switch string(b) {
	case "up":
		return operstateIsUp
	case "down":
		return "down"
	case "unknown":
		return operstateIsNone
	}
	return string(b)
}

// readFixed reads the properties that change by a person's hand or with the
// link. Reading the speed takes the lock of all interfaces and may ask the
// card, so that one should not do it at every look.
func (r *netReader) readFixed(d *netDevice) {
	d.fixed = d.fixed[:0]
	for _, a := range [...]struct {
		file   string
		desc   *checks.Desc
		factor float64
	}{
		{"carrier_up_count", netUpChanges, 1},
		{"carrier_down_count", netDownChanges, 1},
		{"speed", netSpeed, 1e6 / 8}, // from Mbit/s
		{"mtu", netMTU, 1},
		{"tx_queue_len", netQueue, 1},
	} {
		if v, ok := r.value(d.folder + a.file); ok {
			d.fixed = append(d.fixed, figure{a.desc, v * a.factor})
		}
	}
	d.info = [6]string{d.name, r.text(d.folder + "address"), r.text(d.folder + "broadcast"), r.text(d.folder + "duplex"), "", r.text(d.folder + "ifalias")}
}

// hex reads a file of one number such as 0x1003.
func (r *reader) hex(path string) (float64, bool) {
	b, err := r.one(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b), 0, 64)
	return float64(n), err == nil
}

// bonds reads how many links each bond has.
func (r *netReader) bonds(list []iface) {
	for master := range strings.FieldsSeq(r.text(r.class + "bonding_masters")) {
		for i := range list {
			if list[i].name == master {
				list[i].bond = r.bond(r.class + master)
			}
		}
	}
}

func (r *netReader) bond(folder string) *bond {
	b := &bond{}
	for slave := range strings.FieldsSeq(r.text(folder + "/bonding/slaves")) {
		b.slaves++
		state := r.text(folder + "/lower_" + slave + "/bonding_slave/mii_status")
		if state == "" { // kernels before 3.19
			state = r.text(folder + "/slave_" + slave + "/bonding_slave/mii_status")
		}
		if state == "up" {
			b.active++
		}
	}
	return b
}
