package access

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// Report is what is known of all access logs.
type Report struct {
	Sites []SiteReport
}

// SiteReport is what is known of one.
type SiteReport struct {
	Source   string
	Since    time.Time
	Requests uint64
	Bytes    uint64
	Unparsed uint64
	// Classes counts answers by the first digit of their status; 0 is unknown.
	Classes [6]uint64
	// Median, P95 and P99 are how long answers took, in seconds; -1 if the log
	// does not say.
	Median, P95, P99 float64
	// Upstreams counts answers by the server behind and the first digit of
	// their status.
	Upstreams map[string][6]uint64
	// Attacks counts by class and outcome, ever.
	Attacks        []AttackCount
	Suspicious     uint64
	Judged         uint64
	Unjudged       uint64
	Clients, Paths []Hitter
	Attackers      []Attacker
	News           []NewPost
	// Logins are those who posted most to log-in pages within the last five
	// minutes, Scraping those who asked one page for most different things.
	Logins, Scraping []Visit
}

// AttackCount is how often attacks of a class were answered as if they had
// worked, or not.
type AttackCount struct {
	Class             string
	Answered, Refused uint64
}

const (
	reportTop       = 20
	reportAttackers = 50
)

func (s *site) attacks() []AttackCount {
	by := map[string]*AttackCount{}
	for key, n := range s.Attacks {
		class, outcome, _ := strings.Cut(key, " ")
		if by[class] == nil {
			by[class] = &AttackCount{Class: class}
		}
		if outcome == answeredWord {
			by[class].Answered += n
		} else {
			by[class].Refused += n
		}
	}
	var out []AttackCount
	for _, one := range by {
		out = append(out, *one)
	}
	slices.SortFunc(out, func(a, b AttackCount) int {
		return cmp.Or(cmp.Compare(b.Answered, a.Answered), cmp.Compare(b.Refused, a.Refused), cmp.Compare(a.Class, b.Class))
	})
	return out
}

// Report says what is known; it is bounded.
func (c *Check) Report(ctx context.Context) (Report, error) {
	var r Report
	if len(c.sources) == 0 {
		return r, nil
	}
	err := c.with(ctx, func() {
		for _, conf := range c.sources {
			if s := c.a.sites[conf.Name]; s != nil {
				r.Sites = append(r.Sites, s.report(conf.Name, c.a.now()))
			}
		}
	})
	return r, err
}

func (s *site) report(name string, now time.Time) SiteReport {
	out := SiteReport{
		Source: name, Since: s.Since, Requests: s.Requests, Bytes: s.Bytes, Unparsed: s.Unparsed, Classes: s.Classes,
		Median: s.percentile(.5), P95: s.percentile(.95), P99: s.percentile(.99), Suspicious: s.Suspicious, Judged: s.Judged, Unjudged: s.Unjudged,
		Clients: readable(s.clients.top(reportTop)), Paths: readable(s.paths.top(reportTop)), News: append([]NewPost(nil), s.News...),
	}
	out.Attacks = s.attacks()
	out.Logins, out.Scraping = s.windows.busy(now, reportTop)
	if len(s.Upstreams) > 0 {
		out.Upstreams = map[string][6]uint64{}
		for name, k := range s.Upstreams {
			out.Upstreams[name] = *k
		}
	}
	for _, k := range s.attackers(now, KeepAttackers) {
		if len(out.Attackers) == reportAttackers {
			break
		}
		one := *k
		one.Samples = append([]Sample(nil), k.Samples...)
		one.Classes = map[string]uint64{}
		for c, n := range k.Classes {
			one.Classes[c] = n
		}
		out.Attackers = append(out.Attackers, one)
	}
	return out
}

func readable(list []Hitter) []Hitter {
	for n := range list {
		list[n].Key = shown([]byte(list[n].Key), 256)
	}
	return list
}
