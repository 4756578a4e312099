package checks

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// ContentType of what Exposition serves.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Exposition serves the latest samples of every check in the Prometheus text
// format. They are encoded once, when they change; a scrape copies bytes.
//
// What the checks yield cannot make the page invalid: a sample that does not
// fit (a family with another type than the first check gave it, a series that
// stands already, a name that is none) is left out and counted; a differing
// help text is only counted.
type Exposition struct {
	conflicts atomic.Int64

	mu     sync.Mutex // of one Update at a time
	latest map[string][]Sample
	enc    encoder

	pages  pages
	packer packer
}

// NewExposition returns an Exposition that has nothing to serve yet.
func NewExposition() *Exposition {
	return &Exposition{latest: map[string][]Sample{}, enc: newEncoder()}
}

// Update takes the samples of new results in place of those that the same
// checks had before, and encodes all. A check whose run yielded no samples, and
// one that is Retired, has none from then on. The samples must not be changed
// afterwards.
func (e *Exposition) Update(results []Result) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, res := range results {
		if len(res.Samples) == 0 || res.Retired {
			delete(e.latest, res.Check)
		} else {
			e.latest[res.Check] = res.Samples
		}
	}
	p := e.pages.blank()
	p.packed = false
	p.plain = e.enc.encode(p.plain[:0], e.latest)
	e.conflicts.Store(int64(e.enc.conflicts))
	e.pages.show(p)
}

// Conflicts returns how many samples were left out of the present page, and
// how many families were given a second help text.
func (e *Exposition) Conflicts() int { return int(e.conflicts.Load()) }

// ServeHTTP serves the present page, compressed if the client takes gzip. Until
// the first Update it answers 503.
func (e *Exposition) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	p := e.pages.borrow()
	if p == nil {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "no check has finished yet, ask again in a second", http.StatusServiceUnavailable)
		return
	}
	defer e.pages.giveBack(p)
	h := w.Header()
	h.Set("Content-Type", ContentType)
	h.Set("Vary", "Accept-Encoding")
	body := p.plain
	if takesGzip(r.Header.Values("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body = e.packer.pack(p)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		// The only error is a client that has gone; it asks again.
		_, _ = w.Write(body)
	}
}

// takesGzip reads Accept-Encoding headers.
func takesGzip(values []string) bool {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			coding, weight, weighted := strings.Cut(part, ";")
			if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
				continue
			}
			if !weighted {
				return true
			}
			q, _ := strings.CutPrefix(strings.TrimSpace(weight), "q=")
			f, err := strconv.ParseFloat(q, 64)
			return err == nil && f > 0
		}
	}
	return false
}

// page is one encoding of all samples. Once shown it is only read, until
// nobody reads it any more and its memory is used again.
type page struct {
	plain   []byte
	readers int // guarded by pages.mu

	// Guarded by packer.mu.
	packed bool
	gzip   bytes.Buffer
}

// packer compresses pages, one at a time and each once.
type packer struct {
	mu sync.Mutex
	z  *gzip.Writer
}

// pack returns p in gzip. Fast, for within one data centre the time of the
// processor is dearer than bytes on the wire.
func (k *packer) pack(p *page) []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	if p.packed {
		return p.gzip.Bytes()
	}
	if k.z == nil {
		k.z, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails on an unknown level only
	}
	p.gzip.Reset()
	k.z.Reset(&p.gzip)
	_, _ = k.z.Write(p.plain) // a bytes.Buffer takes everything
	_ = k.z.Close()
	p.packed = true
	return p.gzip.Bytes()
}

// pages hands out the present page and keeps those that may be written again.
type pages struct {
	mu      sync.Mutex
	current *page
	free    []*page
}

// maxFree is how many pages wait to be used again; more readers at once than
// that are rare.
const maxFree = 2

// blank returns a page to write to.
func (ps *pages) blank() *page {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if n := len(ps.free); n > 0 {
		p := ps.free[n-1]
		ps.free = ps.free[:n-1]
		return p
	}
	return &page{}
}

// show makes p the present page.
func (ps *pages) show(p *page) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	old := ps.current
	ps.current = p
	if old != nil && old.readers == 0 {
		ps.keep(old)
	}
}

func (ps *pages) borrow() *page {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.current != nil {
		ps.current.readers++
	}
	return ps.current
}

func (ps *pages) giveBack(p *page) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p.readers--
	if p.readers == 0 && p != ps.current {
		ps.keep(p)
	}
}

func (ps *pages) keep(p *page) {
	if len(ps.free) < maxFree {
		ps.free = append(ps.free, p)
	}
}
