package host

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// port is an interface as the path sees it.
type port struct {
	name     string
	sight    Sight
	master   string // the bond or bridge it is part of
	physical bool
	required bool
	global   []netip.Prefix
	local    []netip.Prefix // link-local
}

// readAddresses asks the kernel for the addresses of all interfaces.
func (f *pathFinder) readAddresses() error {
	list, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, i := range list {
		addrs, err := i.Addrs()
		if err != nil {
			return err
		}
		p := port{name: i.Name}
		for _, a := range addrs {
			n, err := netip.ParsePrefix(a.String())
			if err != nil {
				continue
			}
			f.own = append(f.own, n.Masked())
			if n.Addr().IsLinkLocalUnicast() {
				p.local = append(p.local, n)
			} else if !n.Addr().IsLoopback() {
				p.global = append(p.global, n)
			}
		}
		f.known = append(f.known, p)
	}
	return nil
}

// readPorts keeps the interfaces that lead to other machines, and sees whether
// they have a link. Bridges without ports, loopback and the ends of containers'
// cables are none.
func (f *pathFinder) readPorts() error {
	class := f.cfg.Sysfs + "/class/net/"
	names, err := os.ReadDir(class)
	if err != nil {
		return err
	}
	ignored := pattern(f.cfg.Network.IgnoredDevices)
	for _, e := range names {
		if e.Name() == "bonding_masters" || e.Name() == "lo" {
			continue
		}
		p := port{name: e.Name()}
		if i := slices.IndexFunc(f.known, func(k port) bool { return k.name == e.Name() }); i >= 0 {
			p = f.known[i]
		}
		folder := class + p.name + "/"
		p.physical = exists(folder + "device")
		p.required = slices.Contains(f.cfg.Network.Required, p.name)
		if master, err := os.Readlink(folder + "master"); err == nil {
			p.master = master[strings.LastIndexByte(master, '/')+1:]
		}
		routed := slices.ContainsFunc(f.routes, func(r route) bool { return r.isDefault() && r.device == p.name })
		empty := exists(folder+"bridge") && len(entries(folder+"brif", "")) == 0
		hidden := ignored.MatchString(p.name) || empty
		if !p.required && !routed && (hidden || !p.physical && len(p.global) == 0) {
			continue
		}
		p.sight = f.linkOf(folder)
		if p.sight != InterfaceLinked && !p.required && !routed && len(p.global) == 0 && p.master == "" {
			p.sight = InterfaceUnused
		}
		f.ports = append(f.ports, p)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// linkOf says whether the interface of a folder is turned on and has a
// carrier. The carrier of one that is turned off cannot be read.
func (f *pathFinder) linkOf(folder string) Sight {
	const isUp = 1
	flags, ok := f.hex(folder + "flags")
	if !ok {
		return Unread
	}
	if int(flags)&isUp == 0 {
		return InterfaceOff
	}
	carrier, ok := f.value(folder + "carrier")
	if !ok {
		return Unread
	}
	if carrier == 0 {
		return InterfaceNoCarrier
	}
	return InterfaceLinked
}

// findPorts says of each interface whether it has a link. A part of a bond or
// bridge that has one is not worth a line.
func (f *pathFinder) findPorts() {
	shown, linked, judged := 0, false, false
	for _, p := range f.ports {
		linked = linked || p.sight == InterfaceLinked
		judged = judged || p.sight != InterfaceUnused
	}
	for i := range f.ports {
		p := &f.ports[i]
		if p.master != "" && f.usable(p.master) {
			continue
		}
		if p.sight == InterfaceUnused && !judged {
			p.sight = f.linkOf(f.cfg.Sysfs + "/class/net/" + p.name + "/") // there is no other
		}
		if shown++; shown <= maxPathInterfaces {
			f.links = append(f.links, PathLink{Sight: p.sight, Name: safe(p.name)})
		}
	}
	for _, name := range f.cfg.Network.Required {
		if !slices.ContainsFunc(f.ports, func(p port) bool { return p.name == name }) && !f.unread("/sys/class/net") {
			f.links = append(f.links, PathLink{Sight: InterfaceMissing, Name: safe(name)})
		}
	}
	if len(f.ports) == 0 && !f.unread("/sys/class/net") {
		f.links = append(f.links, PathLink{Sight: InterfaceNone})
	}
}

// findAddresses says which addresses the machine has towards others.
func (f *pathFinder) findAddresses() {
	if f.unread("addresses") || f.unread("/sys/class/net") {
		return
	}
	shown, local := 0, ""
	for _, p := range f.ports {
		for _, a := range p.global {
			if shown++; shown <= maxPathAddresses {
				f.links = append(f.links, PathLink{Sight: AddressPresent, Name: a.String(), Device: safe(p.name)})
			}
		}
		for _, a := range p.local {
			if a.Addr().Is4() {
				local = a.String()
			}
		}
	}
	switch {
	case shown > 0:
	case local != "":
		f.links = append(f.links, PathLink{Sight: AddressLinkLocal, Name: local})
	default:
		f.links = append(f.links, PathLink{Sight: AddressNone})
	}
}
