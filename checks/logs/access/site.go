package access

import (
	"encoding/json"
	"time"
)

// site is what is known of one source. What has to survive is exported.
type site struct {
	Since    time.Time `json:"since"`
	Requests uint64    `json:"requests"`
	Bytes    uint64    `json:"bytes"`
	Unparsed uint64    `json:"unparsed"`
	// Classes counts answers by the first digit of their status.
	Classes [6]uint64 `json:"classes"`
	// Buckets is how long answers took, not cumulated; the last is what took
	// longer.
	Buckets [nBuckets + 1]uint64 `json:"buckets"`
	Seconds float64              `json:"seconds"`
	Timed   uint64               `json:"timed"`
	// Upstreams counts answers by who gave them.
	Upstreams map[string]*[6]uint64 `json:"upstreams,omitempty"`
	// Suspicious were looked at twice; Judged of them by the rule set, and for
	// Unjudged there was no time.
	Suspicious uint64 `json:"suspicious"`
	Judged     uint64 `json:"judged"`
	Unjudged   uint64 `json:"unjudged"`
	// Attacks counts by class and outcome.
	Attacks   map[string]uint64    `json:"attacks,omitempty"`
	Attackers map[string]*Attacker `json:"attackers,omitempty"`
	// Posts are the pages that took a POST, with when they did so first.
	Posts map[string]int64 `json:"posts,omitempty"`
	News  []NewPost        `json:"news,omitempty"`

	TopClients []Hitter `json:"top_clients,omitempty"`
	TopPaths   []Hitter `json:"top_paths,omitempty"`

	reader  *reader
	clock   clockReader
	clients *heavy
	paths   *heavy
	windows windows
	faded   time.Time
	// kept lines of attacks within keptHour, as hours since 1970.
	kept     int
	keptHour int64
}

const (
	maxUpstreams = 32
	maxCounted   = 256
	fadeEvery    = time.Hour
)

// bounds are the limits of the buckets in seconds.
var bounds = [nBuckets]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

const nBuckets = 12

func newSite(now time.Time) *site {
	return &site{
		Since: now, Upstreams: map[string]*[6]uint64{}, Attacks: map[string]uint64{}, Attackers: map[string]*Attacker{}, Posts: map[string]int64{},
		clients: newHeavy(maxCounted), paths: newHeavy(maxCounted), windows: windows{by: map[string]*visitor{}},
	}
}

// count takes the figures of a request.
func (s *site) count(e *Entry, at time.Time) {
	s.Requests++
	class := min(max(e.Status/100, 0), 5)
	s.Classes[class]++
	if e.Bytes > 0 {
		s.Bytes += uint64(e.Bytes)
	}
	if e.Seconds >= 0 {
		s.Timed++
		s.Seconds += e.Seconds
		n := 0
		for n < nBuckets && e.Seconds > bounds[n] {
			n++
		}
		s.Buckets[n]++
	}
	if len(e.Upstream) > 0 {
		u := s.Upstreams[string(e.Upstream)]
		if u == nil && len(s.Upstreams) < maxUpstreams {
			u = new([6]uint64)
			s.Upstreams[shown(e.Upstream, 128)] = u
		}
		if u != nil {
			u[class]++
		}
	}
	if at.Sub(s.faded) > fadeEvery {
		s.faded = at
		s.clients.fade()
		s.paths.fade()
	}
	s.clients.add(limit(e.Client, 64))
	s.paths.add(limit(e.Path(), 256))
}

// percentile estimates how long answers took at most, for a share of them, in
// seconds; -1 if it is not known.
func (s *site) percentile(share float64) float64 {
	want, sum := share*float64(s.Timed), 0.0
	if s.Timed == 0 {
		return -1
	}
	for n, k := range s.Buckets {
		if sum+float64(k) >= want && k > 0 {
			if n == nBuckets {
				return bounds[nBuckets-1]
			}
			low := 0.0
			if n > 0 {
				low = bounds[n-1]
			}
			return low + (bounds[n]-low)*(want-sum)/float64(k)
		}
		sum += float64(k)
	}
	return bounds[nBuckets-1]
}

// pack puts what other parts hold where it is kept.
func (s *site) pack() {
	s.TopClients, s.TopPaths = s.clients.top(maxCounted/4), s.paths.top(maxCounted/4)
	for n := range s.TopPaths {
		s.TopPaths[n].Key = shown([]byte(s.TopPaths[n].Key), 256)
	}
}

// unpack takes what was kept by another run.
func (s *site) unpack(old *site) {
	raw, err := json.Marshal(old)
	if err != nil {
		return
	}
	json.Unmarshal(raw, s) // what it does not say stays as it is fresh
	for k, u := range s.Upstreams {
		if u == nil {
			delete(s.Upstreams, k)
		}
	}
	for k, a := range s.Attackers {
		if a == nil {
			delete(s.Attackers, k)
		}
	}
	s.clients.restore(s.TopClients)
	s.paths.restore(s.TopPaths)
}
