package devices

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gosnmp/gosnmp"

	"xunjian/checks"
	"xunjian/checks/credential"
)

const (
	maxTrap    = 65_507 // bytes of a datagram
	maxPairs   = 500    // sources and events that are counted apart
	keptTraps  = 100
	recentTrap = 15 * time.Minute // how long a bad trap stays a finding
	maxVars    = 20
	// Of a trap that is kept, in variables and in bytes of each.
	maxKeptVars  = 100
	maxKeptValue = 1024
)

// traps takes in what devices send by themselves. A trap is believed by its
// community or its user, and belongs to the device of the address that it came
// from, whatever it says of itself.
type traps struct {
	cfg      Traps
	profiles *Profiles
	devices  []Device
	keeper   Keeper // nil: none are kept

	mu      sync.Mutex
	counts  map[[2]string]float64 // by source and event
	refused map[string]float64    // by reason
	unkept  float64               // believed, but not taken by the keeper
	last    []newest              // the newest at the end
	address string                // where it listens, empty while it does not
	names   map[string]string     // address → device
}

// Keeper keeps traps for as long as records have to be kept.
type Keeper interface {
	// Keep reports whether the trap was taken. It must not wait for a disk.
	Keep(t Received) bool
}

// Received is a trap that was believed.
type Received struct {
	At time.Time
	// Address is where it came from; Device the name of the device that is asked
	// there, empty if there is none.
	Address, Device string
	// Event is what a profile calls it, "other" if none does; Bad whether that
	// is bad.
	Event string
	Bad   bool
	// OID is its snmpTrapOID; Values what it carries, as they stand in it.
	OID    string
	Values []Value
}

// Value is one variable of a trap: text as it is, other bytes as 0x….
type Value struct{ OID, Text string }

// newest is a trap as it is shown.
type newest struct {
	at            time.Time
	source, event string
	oid, vars     string
	bad           bool
}

func newTraps(cfg Traps, devices []Device, p *Profiles, k Keeper) *traps {
	return &traps{cfg: cfg, devices: devices, profiles: p, keeper: k, counts: map[[2]string]float64{}, refused: map[string]float64{"community": 0, "user": 0, "form": 0}}
}

// Name is that of a single check.
func (*traps) Name() string { return "traps" }

// Schedule is the default one; a bad trap is told at once.
func (*traps) Schedule() checks.Schedule { return checks.Schedule{SeriesLimit: maxPairs + 10} }

// Identity changes with the configuration.
func (t *traps) Identity() string { return fmt.Sprintf("%+v %+v", t.cfg, t.devices) }

// Serve takes traps in until ctx is done.
func (t *traps) Serve(ctx context.Context, wake func()) error {
	users := gosnmp.NewSnmpV3SecurityParametersTable(gosnmp.NewLogger(log.New(io.Discard, "", 0)))
	levels := map[string]gosnmp.SnmpV3MsgFlags{}
	for _, u := range t.cfg.Users {
		p, flags, _, err := u.usm()
		if err != nil {
			return fmt.Errorf("user %s: %w", u.Name, err)
		}
		if err := users.Add(u.Name, p); err != nil {
			return fmt.Errorf("user %s: %w", u.Name, err)
		}
		levels[u.Name] = flags
	}
	conn, err := net.ListenPacket("udp", t.cfg.Listen)
	if err != nil {
		return fmt.Errorf("take in traps: %w; ports below 1024 need CAP_NET_BIND_SERVICE", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	t.resolve(ctx)
	t.mu.Lock()
	t.address = conn.LocalAddr().String()
	t.mu.Unlock()
	wake() // what Run could not tell before
	reader := newReader(users)
	buf := make([]byte, maxTrap)
	for {
		n, from, err := conn.ReadFrom(buf)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("take in traps: %w", err)
		}
		p, reason := t.read(reader, levels, buf[:n])
		if reason != "" {
			t.refuse(reason)
			continue
		}
		if t.take(p, from) {
			wake()
		}
		answer(conn, p, from)
	}
}

// reader understands datagrams; the library wants to be told the version.
type reader struct{ plain, usm *gosnmp.GoSNMP }

func newReader(users *gosnmp.SnmpV3SecurityParametersTable) reader {
	quiet := gosnmp.NewLogger(log.New(io.Discard, "", 0))
	r := reader{
		plain: &gosnmp.GoSNMP{Version: gosnmp.Version2c, Logger: quiet},
		usm:   &gosnmp.GoSNMP{Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel, Logger: quiet},
	}
	r.usm.SetTrapSecurityParametersTable(users)
	return r
}

// of is the one for a datagram, by the version that it begins with.
func (r reader) of(b []byte) *gosnmp.GoSNMP {
	if len(b) > 2 && b[0] == 0x30 {
		at := 2
		if b[1]&0x80 != 0 { // a long length
			at += int(b[1] & 0x7f)
		}
		if len(b) >= at+3 && b[at] == 0x02 && b[at+1] == 0x01 && b[at+2] == byte(gosnmp.Version3) {
			return r.usm
		}
	}
	return r.plain
}

// resolve finds the addresses of the devices by name.
func (t *traps) resolve(ctx context.Context) {
	names := map[string]string{}
	for _, d := range t.devices {
		host, _, err := d.target()
		if err != nil {
			continue
		}
		rctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		list, err := net.DefaultResolver.LookupNetIP(rctx, "ip", host)
		cancel()
		if err != nil {
			continue // counted under its address
		}
		for _, a := range list {
			names[a.Unmap().String()] = d.Name
		}
	}
	t.mu.Lock()
	t.names = names
	t.mu.Unlock()
}

// read understands a datagram and says why it is not believed.
func (t *traps) read(r reader, levels map[string]gosnmp.SnmpV3MsgFlags, b []byte) (p *gosnmp.SnmpPacket, reason string) {
	// What comes from outside must not end the listener.
	defer func() {
		if recover() != nil {
			p, reason = nil, "form"
		}
	}()
	p, err := r.of(b).UnmarshalTrap(slices.Clone(b), false)
	switch {
	case (err != nil || p == nil) && r.of(b) == r.usm:
		return nil, "user" // of a stranger nothing more can be known
	case err != nil || p == nil:
		return nil, "form"
	}
	switch p.PDUType {
	case gosnmp.Trap, gosnmp.SNMPv2Trap, gosnmp.InformRequest:
	default:
		return nil, "form"
	}
	if p.Version == gosnmp.Version3 {
		usm, ok := p.SecurityParameters.(*gosnmp.UsmSecurityParameters)
		if !ok {
			return nil, "user"
		}
		// A user who has a pass phrase is not believed without it.
		want, known := levels[usm.UserName]
		if !known || p.MsgFlags&gosnmp.AuthPriv != want {
			return nil, "user"
		}
		return p, ""
	}
	if !t.believes(p.Community) {
		return nil, "community"
	}
	return p, ""
}

func (t *traps) believes(community string) bool {
	found := 0
	for _, f := range t.cfg.CommunityFiles {
		if s, err := credential.Read(f); err == nil {
			found |= subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(community))
		}
	}
	return found == 1
}

func (t *traps) refuse(reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refused[reason]++
}

// answer confirms an inform.
func answer(conn net.PacketConn, p *gosnmp.SnmpPacket, to net.Addr) {
	if p.PDUType != gosnmp.InformRequest || p.Version == gosnmp.Version3 {
		return // of version 3, an inform needs an engine of our own
	}
	p.PDUType, p.Error, p.ErrorIndex = gosnmp.GetResponse, gosnmp.NoError, 0
	if b, err := p.MarshalMsg(); err == nil {
		_, _ = conn.WriteTo(b, to)
	}
}

const oidTrap = "1.3.6.1.6.3.1.1.4.1.0"

// trapOID is what a trap is; of version 1 as RFC 3584 turns it.
func trapOID(p *gosnmp.SnmpPacket) string {
	if p.Version == gosnmp.Version1 {
		if p.GenericTrap >= 0 && p.GenericTrap < 6 {
			return "1.3.6.1.6.3.1.1.5." + strconv.Itoa(p.GenericTrap+1)
		}
		return strings.TrimPrefix(p.Enterprise, ".") + ".0." + strconv.Itoa(p.SpecificTrap)
	}
	for _, v := range p.Variables {
		if strings.TrimPrefix(v.Name, ".") == oidTrap {
			return word(v)
		}
	}
	return ""
}

// take keeps a trap and reports whether it is a bad one.
func (t *traps) take(p *gosnmp.SnmpPacket, from net.Addr) bool {
	oid := trapOID(p)
	name, known := t.profiles.trap(oid)
	if !known {
		name.Event = "other"
	}
	var vars []string
	for _, v := range p.Variables[:min(len(p.Variables), maxVars)] {
		if n := strings.TrimPrefix(v.Name, "."); n != oidTrap && n != oidUptime {
			vars = append(vars, n+"="+checks.SafeText(word(v), 120))
		}
	}
	source := from.String()
	if a, err := netip.ParseAddrPort(source); err == nil {
		source = a.Addr().Unmap().String()
	}
	now := time.Now()
	kept := t.keep(p, Received{At: now, Address: source, Event: name.Event, Bad: name.Bad, OID: checks.SafeText(oid, 200)})
	t.mu.Lock()
	defer t.mu.Unlock()
	if !kept {
		t.unkept++
	}
	key := [2]string{source, name.Event}
	if _, there := t.counts[key]; !there && len(t.counts) >= maxPairs {
		key = [2]string{"other", name.Event}
	}
	t.counts[key]++
	t.last = append(t.last, newest{now, source, name.Event, checks.SafeText(oid, 200), strings.Join(vars, "; "), name.Bad})
	if len(t.last) > keptTraps {
		t.last = slices.Delete(t.last, 0, len(t.last)-keptTraps)
	}
	return name.Bad
}

// keep hands a trap to the keeper and reports whether it was taken.
func (t *traps) keep(p *gosnmp.SnmpPacket, trap Received) bool {
	if t.keeper == nil {
		return true
	}
	t.mu.Lock()
	trap.Device = t.names[trap.Address]
	t.mu.Unlock()
	for _, v := range p.Variables[:min(len(p.Variables), maxKeptVars)] {
		if n := strings.TrimPrefix(v.Name, "."); n != oidTrap {
			trap.Values = append(trap.Values, Value{n, whole(v)})
		}
	}
	return t.keeper.Keep(trap)
}

// whole is a value as it is kept.
func whole(v gosnmp.SnmpPDU) string {
	b, ok := v.Value.([]byte)
	switch {
	case !ok:
		return word(v)
	case utf8.Valid(b) && !bytes.ContainsFunc(b, unicode.IsControl):
		return checks.SafeText(string(b), maxKeptValue)
	}
	return fmt.Sprintf("0x%x", b[:min(len(b), maxKeptValue/2)])
}

var errNotListening = errors.New("does not listen yet")

// Run tells what was taken in. Bad traps of the last minutes are findings; what
// follows from them, the device itself says when it is asked.
func (t *traps) Run(_ context.Context, out *checks.Output) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.address == "" {
		return fmt.Errorf("traps on %s: %w", t.cfg.Listen, errNotListening)
	}
	total := 0.0
	for _, key := range slices.SortedFunc(maps.Keys(t.counts), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		out.Set(descTraps, t.counts[key], t.names[key[0]], key[0], key[1])
		total += t.counts[key]
	}
	for _, reason := range slices.Sorted(maps.Keys(t.refused)) {
		out.Set(descRefuse, t.refused[reason], reason)
	}
	if t.keeper != nil {
		out.Set(descUnkept, t.unkept)
	}
	said := map[[2]string]bool{}
	for _, k := range slices.Backward(t.last) {
		key := [2]string{k.source, k.event}
		if !k.bad || said[key] || time.Since(k.at) > recentTrap {
			continue
		}
		said[key] = true
		out.Find(checks.Finding{Code: "traps." + strings.ReplaceAll(codeOf(k.event), "-", "_"), Subject: k.source, Verdict: checks.Attention, Evidence: k.line(),
			Args: map[string]any{"device": t.names[k.source], "source": k.source, "event": k.event, "at": float64(k.at.Unix())}})
	}
	if len(said) == 0 {
		out.Find(checks.Finding{Code: "traps.quiet", Verdict: checks.OK, Args: map[string]any{"total": int(total), "address": t.address}})
	}
	return nil
}

// codeOf is the finding of an event: those with a sentence of their own, and
// one for all others.
func codeOf(event string) string {
	switch event {
	case "link-down", "authentication-failure", "cold-start", "warm-start", "ups-on-battery", "ups-alarm":
		return event
	}
	return "bad"
}

func (k newest) line() string {
	return k.at.UTC().Format(time.RFC3339) + " " + k.source + " " + k.event + " " + k.oid + " " + k.vars
}

// Evidence is the newest traps.
func (t *traps) Evidence(context.Context) ([]checks.Exhibit, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := checks.Exhibit{Code: "traps.evidence", Columns: []string{"time", "source", "device", "event", "snmpTrapOID", "variables"}}
	for _, k := range slices.Backward(t.last) {
		e.Rows = append(e.Rows, []string{k.at.UTC().Format(time.RFC3339), k.source, t.names[k.source], k.event, k.oid, k.vars})
	}
	return []checks.Exhibit{e}, nil
}
