package access

import (
	"bytes"
	"cmp"
	"math"
	"math/bits"
	"regexp"
	"slices"
	"time"
)

// windows watches what each client did within the last minutes: posts to
// log-in pages, and how many different things it asked one page for.
type windows struct {
	by     map[string]*visitor
	newest time.Time
}

// visitor is one client within a window.
type visitor struct {
	client  string
	began   time.Time // of the window
	logins  int
	refused int // of them answered 401 or 403
	pages   map[string]*page
}

// page is one address with its numbers left out, as one client asked for it.
type page struct {
	requests int
	// first are the hashes of the first things asked for: most clients ask for
	// no more, and need no bitmap.
	first [4]uint64
	// different are the things asked for, as a bitmap for linear counting.
	different *[128]uint64
}

const (
	window      = 5 * time.Minute
	maxVisitors = 4096
	maxPages    = 16
	// minShown is from how many requests on a page is told.
	minShown = 20
)

func (s *site) window(e *Entry, at time.Time, login *regexp.Regexp) {
	w := &s.windows
	if at.After(w.newest) {
		w.newest = at
	}
	post := bytes.Equal(e.Method, []byte("POST"))
	p := e.Path()
	isLogin := post && login != nil && login.Match(limit(p, 256))
	numbered := e.Status == 200 && !post && (hasDigit(p) || len(e.Query) > 0 || len(p) < len(e.Target))
	if !isLogin && !numbered {
		return
	}
	v := w.visitor(limit(e.Client, 64), at)
	if isLogin {
		v.logins++
		if e.Status == 401 || e.Status == 403 {
			v.refused++
		}
		return
	}
	v.ask(e, p)
}

func hasDigit(b []byte) bool {
	for _, c := range b {
		if digit(c) {
			return true
		}
	}
	return false
}

func (w *windows) visitor(client []byte, at time.Time) *visitor {
	v := w.by[string(client)]
	if v == nil {
		if len(w.by) >= maxVisitors {
			w.forget()
		}
		v = &visitor{client: string(client), began: at}
		w.by[v.client] = v
	}
	if at.Sub(v.began) > window {
		*v = visitor{client: v.client, began: at}
	}
	return v
}

// forget drops those whose window is over, or if there is none the half that
// did least.
func (w *windows) forget() {
	for k, v := range w.by {
		if w.newest.Sub(v.began) > window {
			delete(w.by, k)
		}
	}
	if len(w.by) < maxVisitors*3/4 {
		return
	}
	for k, v := range w.by {
		if v.logins < 5 && v.most() < 5 {
			delete(w.by, k)
		}
	}
	if len(w.by) >= maxVisitors {
		clear(w.by) // a flood of clients: what each does is not told
	}
}

func (v *visitor) most() int {
	n := 0
	for _, p := range v.pages {
		n = max(n, p.requests)
	}
	return n
}

func (v *visitor) ask(e *Entry, path []byte) {
	key := plain(limit(path, 128))
	p := v.pages[key]
	if p == nil {
		if len(v.pages) >= maxPages {
			return
		}
		if v.pages == nil {
			v.pages = map[string]*page{}
		}
		p = &page{}
		v.pages[key] = p
	}
	h := hash(e.Target) ^ hash(e.Query)*31
	if p.requests++; p.requests <= len(p.first) {
		p.first[p.requests-1] = h
		return
	}
	if p.different == nil {
		p.different = new([128]uint64)
		for _, h := range p.first {
			p.note(h)
		}
	}
	p.note(h)
}

func (p *page) note(h uint64) { p.different[(h>>6)&127] |= 1 << (h & 63) }

// hash is FNV-1a; who asks so that it collides is counted too low, and only in
// figures of his own.
func hash(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h ^ h>>29
}

// count estimates how many different things were asked for, of a page with more
// requests than fit into first: linear counting.
func (p *page) count() float64 {
	set := 0
	for _, w := range p.different {
		set += bits.OnesCount64(w)
	}
	const m = 128 * 64
	if set >= m-1 {
		return m * 8
	}
	return min(-m*math.Log(1-float64(set)/m), float64(p.requests))
}

// Visit is what one client did within the last minutes.
type Visit struct {
	Client string
	// Page is the address with numbers left out; empty for log-ins.
	Page  string
	Count float64
	// Refused of the log-ins were answered 401 or 403.
	Refused int
}

// busy returns those who posted to log-in pages, and those who asked one page
// for many different things, most first.
func (w *windows) busy(now time.Time, n int) (logins, many []Visit) {
	for _, v := range w.by {
		if now.Sub(v.began) > window && w.newest.Sub(v.began) > window {
			continue
		}
		if v.logins > 0 {
			logins = append(logins, Visit{Client: shown([]byte(v.client), 64), Count: float64(v.logins), Refused: v.refused})
		}
		for key, p := range v.pages {
			if p.requests >= minShown {
				many = append(many, Visit{Client: shown([]byte(v.client), 64), Page: shown([]byte(key), 128), Count: float64(int(p.count() + .5))})
			}
		}
	}
	most := func(a, b Visit) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Client, b.Client), cmp.Compare(a.Page, b.Page))
	}
	slices.SortFunc(logins, most)
	slices.SortFunc(many, most)
	return logins[:min(n, len(logins))], many[:min(n, len(many))]
}
