package access

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunjian/checks"
	"xunjian/checks/logs/tail"
)

var (
	descRequests = checks.NewDesc("xunjian_access_responses_total", checks.Counter, "Answers of a web server by the class of their status.", "source", "class")
	descBytes    = checks.NewDesc("xunjian_access_response_bytes_total", checks.Counter, "Bytes that a web server sent in answers.", "source")
	descUnparsed = checks.NewDesc("xunjian_access_unparsed_lines_total", checks.Counter, "Lines of an access log that no format fits.", "source")
	descLatency  = checks.NewDesc("xunjian_access_response_seconds", checks.Histogram, "How long answers of a web server took.", "source")
	descBucket   = checks.NewDesc("xunjian_access_response_seconds", checks.Histogram, "How long answers of a web server took.", "source", "le")
	descUpstream = checks.NewDesc("xunjian_access_upstream_responses_total", checks.Counter, "Answers by the server behind that gave them.", "source", "upstream", "class")
	descAttacks  = checks.NewDesc("xunjian_access_attacks_total", checks.Counter, "Requests that were attacks, by class; answered as if they had worked, or not.", "source", "attack", "outcome")
	descJudged   = checks.NewDesc("xunjian_access_judged_requests_total", checks.Counter, "Odd requests that the rules for attacks looked at.", "source")
	descUnjudged = checks.NewDesc("xunjian_access_unjudged_requests_total", checks.Counter, "Odd requests for which the rules for attacks had no time.", "source")
	descLogins   = checks.NewDesc("xunjian_access_login_posts", checks.Gauge, "Posts of one client to log-in pages within five minutes, of those that post most.", "source", "client")
	descDistinct = checks.NewDesc("xunjian_access_distinct_requests", checks.Gauge, "How many different things one client asked one page for within five minutes, of those that asked for most.", "source", "client", "page")
	descAttacker = checks.NewDesc("xunjian_access_attackers", checks.Gauge, "Clients that attacked within the last ten minutes.", "source")
)

// Check tells what Access has seen.
type Check struct {
	a        *Access
	t        *tail.Tailer
	sources  []tail.Source
	identity string
}

// NewCheck returns the check over an Access that is subscribed to a Tailer.
// identity tells how the room is configured.
func NewCheck(a *Access, t *tail.Tailer, sources []tail.Source, identity string) *Check {
	return &Check{a: a, t: t, sources: slices.DeleteFunc(slices.Clone(sources), func(s tail.Source) bool { return !a.Wants(s) }), identity: identity}
}

var (
	_ checks.Identified = (*Check)(nil)
	_ checks.Witness    = (*Check)(nil)
	_ tail.Consumer     = (*Access)(nil)
)

// CheckName is the check's name.
const CheckName = "access"

// Name is that of a single check.
func (*Check) Name() string { return CheckName }

// Schedule is that of figures; an attack that was answered wakes it.
func (*Check) Schedule() checks.Schedule { return checks.Schedule{Interval: 15 * time.Second} }

// Identity changes with the configuration of the room.
func (c *Check) Identity() string { return c.identity }

// Serve lets what cannot wait be told at once.
func (c *Check) Serve(ctx context.Context, wake func()) error {
	if len(c.sources) > 0 {
		c.t.With(func() { c.a.Wake(wake) })
		defer c.t.With(func() { c.a.Wake(nil) })
	}
	<-ctx.Done()
	return ctx.Err()
}

// patience is how long a Run waits for the Tailer to be open.
const patience = 2 * time.Second

// with calls f when the Tailer reads and hands over nothing.
func (c *Check) with(ctx context.Context, f func()) error {
	select {
	case <-c.t.Ready():
	case <-time.After(patience):
		return errors.New("the access records are not read yet")
	case <-ctx.Done():
		return fmt.Errorf("the access records are not read: %w", ctx.Err())
	}
	return c.t.With(f)
}

// Run says what was seen so far.
func (c *Check) Run(ctx context.Context, out *checks.Output) error {
	if len(c.sources) == 0 {
		return fmt.Errorf("no source is of the kind %s: %w", Kind, checks.ErrNotApplicable)
	}
	return c.with(ctx, func() {
		for _, conf := range c.sources {
			s := c.a.sites[conf.Name]
			if s == nil {
				out.Find(checks.Finding{Subject: conf.Name, Code: "access.silent", Verdict: checks.OK})
				continue
			}
			s.measure(conf.Name, out, c.a.now(), c.a.cfg.Top)
			s.find(conf.Name, out, c.a.now())
		}
		if c.a.wafErr != nil {
			out.Find(checks.Finding{Code: "access.blind", Verdict: checks.Unknown, Args: map[string]any{"error": c.a.wafErr.Error()}})
		}
	})
}

var classNames = [6]string{"unknown", "1xx", "2xx", "3xx", "4xx", "5xx"}

func (s *site) measure(name string, out *checks.Output, now time.Time, top int) {
	for n, k := range s.Classes {
		if n > 0 || k > 0 {
			out.Set(descRequests, float64(k), name, classNames[n])
		}
	}
	out.Set(descBytes, float64(s.Bytes), name)
	out.Set(descUnparsed, float64(s.Unparsed), name)
	out.Set(descJudged, float64(s.Judged), name)
	out.Set(descUnjudged, float64(s.Unjudged), name)
	if s.Timed > 0 {
		sum := uint64(0)
		for n, k := range s.Buckets {
			sum += k
			le := "+Inf"
			if n < nBuckets {
				le = strconv.FormatFloat(bounds[n], 'g', -1, 64)
			}
			out.Sample(checks.Sample{Desc: descBucket, Suffix: "_bucket", Values: []string{name, le}, Value: float64(sum)})
		}
		out.Sample(checks.Sample{Desc: descLatency, Suffix: "_sum", Values: []string{name}, Value: s.Seconds})
		out.Sample(checks.Sample{Desc: descLatency, Suffix: "_count", Values: []string{name}, Value: float64(s.Timed)})
	}
	for _, u := range slices.Sorted(maps.Keys(s.Upstreams)) {
		for n, k := range s.Upstreams[u] {
			if k > 0 {
				out.Set(descUpstream, float64(k), name, u, classNames[n])
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.Attacks)) {
		class, outcome, _ := strings.Cut(key, " ")
		out.Set(descAttacks, float64(s.Attacks[key]), name, class, outcome)
	}
	out.Set(descAttacker, float64(len(s.attackers(now, recently))), name)
	logins, many := s.windows.busy(now, top)
	for _, v := range logins {
		out.Set(descLogins, v.Count, name, v.Client)
	}
	for _, v := range many {
		out.Set(descDistinct, v.Count, name, v.Client, v.Page)
	}
}

const (
	// recently is how long an attack counts as going on.
	recently = 10 * time.Minute
	// answeredFor is how long one that was answered stays a finding.
	answeredFor = time.Hour
	newsFor     = 24 * time.Hour
	maxTold     = 20
)

// attackers are those who attacked within d, the gravest first.
func (s *site) attackers(now time.Time, d time.Duration) []*Attacker {
	var out []*Attacker
	for _, k := range s.Attackers {
		if now.Sub(k.Last) <= d || k.Answered > 0 && now.Sub(k.LastAnswered) <= answeredFor {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b *Attacker) int {
		return cmp.Or(cmp.Compare(b.Answered, a.Answered), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Client, b.Client))
	})
	return out
}

func (s *site) find(name string, out *checks.Output, now time.Time) {
	list := s.attackers(now, recently)
	for n, k := range list {
		if n == maxTold {
			out.Find(checks.Finding{Subject: name, Code: "access.more", Verdict: checks.Attention, Args: map[string]any{"count": len(list) - maxTold}})
			break
		}
		out.Find(k.finding(name, now))
	}
	for _, p := range s.News {
		if now.Sub(p.At) <= newsFor {
			out.Find(checks.Finding{Subject: p.Path, Code: "access.new_post", Verdict: checks.Attention, Args: map[string]any{"source": name, "client": p.Client, "status": p.Status}})
		}
	}
	args := map[string]any{"requests": float64(s.Requests), "errors": float64(s.Classes[5]), "p95": s.percentile(.95), "unparsed": float64(s.Unparsed)}
	f := checks.Finding{Subject: name, Code: "access.read", Verdict: checks.OK, Args: args}
	if s.Unparsed > s.Requests {
		// More than half of the log is not understood: nothing can be said.
		f.Code, f.Verdict = "access.format", checks.Unknown
	}
	out.Find(f)
}

func (k *Attacker) finding(source string, now time.Time) checks.Finding {
	f := checks.Finding{Subject: k.Client, Code: "access.attack", Verdict: checks.Attention, Args: map[string]any{
		"source": source, "count": float64(k.Count), "classes": k.Kinds(), "answered": float64(k.Answered),
	}}
	if k.Answered > 0 && now.Sub(k.LastAnswered) <= answeredFor {
		f.Code, f.Verdict = "access.attack_answered", checks.Abnormal
	}
	var b strings.Builder
	for _, s := range k.Samples {
		fmt.Fprintf(&b, "%s %s %s → %d  [%s] %s\n", s.At.Format(time.RFC3339), s.Method, s.Target, s.Status, s.Class, s.Says)
	}
	f.Evidence = b.String()
	return f
}

// Kinds lists the classes of its attacks, the most frequent first.
func (k *Attacker) Kinds() string {
	names := slices.SortedFunc(maps.Keys(k.Classes), func(a, b string) int { return cmp.Or(cmp.Compare(k.Classes[b], k.Classes[a]), cmp.Compare(a, b)) })
	return strings.Join(names, ", ")
}

// Evidence is who attacked how, and who asked most.
func (c *Check) Evidence(ctx context.Context) ([]checks.Exhibit, error) {
	if len(c.sources) == 0 {
		return nil, nil
	}
	attacks := checks.Exhibit{Code: "access.exhibit.attacks", Columns: []string{"time", "client", "class", "method", "target", "status", "user agent", "rule"}}
	clients := checks.Exhibit{Code: "access.exhibit.clients", Columns: []string{"source", "client", "requests"}}
	err := c.with(ctx, func() {
		for _, conf := range c.sources {
			s := c.a.sites[conf.Name]
			if s == nil {
				continue
			}
			for _, k := range s.attackers(c.a.now(), answeredFor) {
				for _, one := range k.Samples {
					attacks.Rows = append(attacks.Rows, []string{one.At.Format(time.RFC3339), k.Client, one.Class, one.Method, one.Target, strconv.Itoa(one.Status), one.Agent, strconv.Itoa(one.Rule) + " " + one.Says})
				}
			}
			for _, h := range s.clients.top(10) {
				clients.Rows = append(clients.Rows, []string{conf.Name, shown([]byte(h.Key), 64), strconv.FormatUint(h.Count, 10)})
			}
		}
	})
	var out []checks.Exhibit
	for _, e := range []checks.Exhibit{attacks, clients} {
		if len(e.Rows) > 0 {
			out = append(out, e)
		}
	}
	return out, err
}
