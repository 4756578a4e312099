package review

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"xunjian/checks"
	"xunjian/checks/logs/pattern"
)

// address is one from which logins failed.
type address struct {
	// Told are the failures by who tells of them: programs under "", and those
	// who tell of the same logins once more, PAM and audit.
	Told map[string]*told `json:"told"`
	// Last is when the last one was.
	Last   time.Time `json:"last"`
	Users  []string  `json:"users"`
	Attack bool      `json:"attack,omitempty"`
}

// told are failures that one tells of.
type told struct {
	// Times are the last ones, as many as an attack takes.
	Times []time.Time `json:"times"`
	// Failures are all, since the window was last empty.
	Failures int `json:"failures"`
}

// maxTellers bounds those who tell of the logins of one address.
const maxTellers = 8

// user is who logged in, and how he does.
type user struct {
	First time.Time `json:"first"`
	// Hours are the hours of the day in which he logged in, a bit each.
	Hours uint32 `json:"hours"`
	// Places are the networks from which he did.
	Places []string `json:"places"`
	Count  int      `json:"count"`
}

// failed notes a login that failed.
func (j *judge) failed(h *pattern.Hit, at, now time.Time, source string) (grave bool) {
	k := &j.known
	teller := h.Pattern.Echo
	if teller != "" {
		if len(h.Field("address")) == 0 {
			return false // of this machine: su and sudo tell of it
		}
		teller += " " + string(h.Field("op"))
	}
	who, from := j.who(h), j.from(h, source)
	a := k.Addresses[from]
	if a == nil {
		if len(k.Addresses) >= maxAddresses {
			delete(k.Addresses, maxKey(k.Addresses, func(a, b *address) bool { return a.Last.Before(b.Last) }))
		}
		a = &address{}
		k.Addresses[from] = a
	}
	bf := j.cfg.BruteForce
	if at.Sub(a.Last) > bf.Window {
		*a = address{}
	}
	before := a.failures()
	if !a.note(teller, at, max(bf.Failures, bf.ThenLogin)) {
		return false
	}
	k.Failed += uint64(a.failures() - before)
	if len(a.Users) < 10 && !slices.Contains(a.Users, who) {
		a.Users = append(a.Users, who)
	}
	if a.within(at, bf.Window) < bf.Failures {
		return false
	}
	first := !a.Attack
	a.Attack = true
	k.hold(checks.Finding{
		Code: "logs.bruteforce", Subject: from, Verdict: checks.Attention,
		Args:     map[string]any{"failures": a.failures(), "window": bf.Window.Seconds(), "users": strings.Join(a.Users, ", "), "source": source},
		Evidence: j.evidence(h.Pattern.Name),
	}, now, j.cfg.Hold)
	return first
}

// note adds a failure; false if too many tell of this address.
func (a *address) note(teller string, at time.Time, keep int) bool {
	t := a.Told[teller]
	if t == nil {
		if len(a.Told) >= maxTellers {
			return false
		}
		if a.Told == nil {
			a.Told = map[string]*told{}
		}
		t = &told{}
		a.Told[teller] = t
	}
	t.Failures++
	t.Times = lastOf(t.Times, at, keep)
	if at.After(a.Last) {
		a.Last = at
	}
	return true
}

// failures counts each login that failed once, however many tell of it: by who
// tells of most.
func (a *address) failures() (n int) {
	for _, t := range a.Told {
		n = max(n, t.Failures)
	}
	return n
}

// within counts the failures within a window before at, as failures does.
func (a *address) within(at time.Time, window time.Duration) (most int) {
	for _, t := range a.Told {
		n := 0
		for _, other := range t.Times {
			if d := at.Sub(other); d <= window && d >= -window {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// entered notes a login that succeeded.
func (j *judge) entered(h *pattern.Hit, at, now time.Time, source string) (grave bool) {
	k := &j.known
	k.Logins++
	who, from := j.who(h), j.from(h, source)
	if a := k.Addresses[from]; a != nil && a.within(at, j.cfg.BruteForce.Window) >= j.cfg.BruteForce.ThenLogin {
		k.hold(checks.Finding{
			Code: "logs.breakin", Subject: from, Verdict: checks.Abnormal,
			Args:     map[string]any{"user": who, "failures": a.failures(), "source": source},
			Evidence: j.evidence(h.Pattern.Name) + "\n" + line(h.Line),
		}, now, j.cfg.Hold)
		delete(k.Addresses, from)
		grave = true
	}
	return j.usual(who, from, at, now, source, h) || grave
}

// usual holds a login against what was learned, and learns from it.
func (j *judge) usual(who, from string, at, now time.Time, source string, h *pattern.Hit) (unusual bool) {
	k := &j.known
	if k.Since.IsZero() {
		k.Since = at
	}
	learned := j.cfg.LearnLogins > 0 && at.Sub(k.Since) >= j.cfg.LearnLogins
	u := k.Users[who]
	tell := func(code string) {
		unusual = true
		k.hold(checks.Finding{
			Code: code, Subject: who, Verdict: checks.Attention, Evidence: line(h.Line),
			Args: map[string]any{"user": who, "address": from, "time": float64(at.Unix()), "source": source, "hour": at.In(j.zone).Hour()},
		}, now, j.cfg.Hold)
	}
	if u == nil {
		if learned {
			tell("logs.login_account")
		}
		if len(k.Users) >= maxUsers {
			delete(k.Users, maxKey(k.Users, func(a, b *user) bool { return a.Count < b.Count }))
		}
		u = &user{First: at}
		k.Users[who] = u
		learned = false
	}
	place, hour := network(from), uint32(1)<<at.In(j.zone).Hour()
	// An account of which little is known has no habits yet.
	if learned && u.Count >= 10 && at.Sub(u.First) >= j.cfg.LearnLogins {
		if !slices.Contains(u.Places, place) {
			tell("logs.login_place")
		}
		if near := hour | hour<<1 | hour>>1 | hour>>23 | hour<<23; u.Hours&near == 0 {
			tell("logs.login_hour")
		}
	}
	u.Count++
	u.Hours |= hour
	if !slices.Contains(u.Places, place) && len(u.Places) < maxPlaces {
		u.Places = append(u.Places, place)
	}
	return unusual
}

// network is the place of an address: its /24, or /64.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	bits := 24
	if ip = ip.Unmap(); ip.Is6() {
		bits = 64
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return address
	}
	return p.String()
}

// who is the user of a login line.
func (j *judge) who(h *pattern.Hit) string {
	for _, f := range []string{"user", "user2", "target"} {
		if v := h.Field(f); len(v) > 0 {
			return checks.SafeText(string(v[:min(len(v), 4*maxUserLength)]), maxUserLength)
		}
	}
	return "?"
}

// from is where a login came from: an address, else this machine.
func (j *judge) from(h *pattern.Hit, source string) string {
	if v := h.Field("address"); len(v) > 0 && string(v) != "?" {
		return checks.SafeText(string(v[:min(len(v), 256)]), maxUserLength)
	}
	if h.Header.Host != nil {
		return checks.SafeText(string(h.Header.Host[:min(len(h.Header.Host), 256)]), maxUserLength)
	}
	return source
}

// forget drops addresses that have been quiet.
func (j *judge) forget(now time.Time) {
	maps.DeleteFunc(j.known.Addresses, func(_ string, a *address) bool {
		return now.Sub(a.Last) > j.cfg.BruteForce.Window+j.cfg.Hold
	})
}
