package ping

import (
	"slices"
	"strconv"
	"time"

	"xunjian/checks"
)

// of are the labels of a target. Names are those of blackbox_exporter and
// smokeping_prober, which call the target "host" and its address "ip".
var of = []string{"host", "ip", "role", "system"}

func desc(name string, kind checks.Kind, help string, more ...string) *checks.Desc {
	return checks.NewDesc(name, kind, help, append(slices.Clone(of), more...)...)
}

var (
	descSuccess    = desc("probe_success", checks.Gauge, "Whether the target answered at the last look.")
	descDuration   = desc("probe_icmp_duration_seconds", checks.Gauge, "Duration of the last look by phase: resolve, setup, rtt (the mean).", "phase")
	descRTTMin     = desc("probe_icmp_duration_rtt_min_seconds", checks.Gauge, "Least round-trip time of the last look.")
	descRTTMax     = desc("probe_icmp_duration_rtt_max_seconds", checks.Gauge, "Greatest round-trip time of the last look.")
	descHopLimit   = desc("probe_icmp_reply_hop_limit", checks.Gauge, "Hop limit (TTL) of the last answer.")
	descRequests   = desc("smokeping_requests_total", checks.Counter, "Pings sent, those included that could not be.")
	descResponse   = desc("smokeping_response_duration_seconds", checks.Histogram, "Round-trip times; its count is that of the answers.")
	descBucket     = desc("smokeping_response_duration_seconds", checks.Histogram, "Round-trip times; its count is that of the answers.", "le")
	descDuplicates = desc("smokeping_response_duplicates_total", checks.Counter, "Answers that came twice.")
	descSendErrors = desc("smokeping_send_errors_total", checks.Counter, "Looks at which a ping could not be sent: no route, a firewall.")
	descTTL        = desc("smokeping_response_ttl", checks.Gauge, "Hop limit (TTL) of the last answer.")
	descLoss       = desc("xunjian_ping_loss_ratio", checks.Gauge, "Share of the pings of the last look that were not answered.")
	descJitter     = desc("xunjian_ping_jitter_seconds", checks.Gauge, "Mean difference of successive round-trip times of the last look.")
	descMTU        = desc("xunjian_path_mtu_bytes", checks.Gauge, "Greatest packet that gets to the target whole.")
	descBlackHole  = desc("xunjian_path_mtu_blackhole", checks.Gauge, "1 if greater packets vanish without a word on the way, which stalls connections.")
	descGateway    = checks.NewDesc("xunjian_gateway_reachable", checks.Gauge,
		"Whether a gateway answers pings or is seen on the wire (ARP, neighbour discovery); absent where that cannot be told.", "ip", "device")
)

// buckets of the histogram, in seconds: a LAN's fractions of a millisecond to a
// satellite's second.
var buckets = [...]float64{.00005, .0001, .0002, .0004, .0008, .0016, .0032, .0064, .0128, .0256, .0512, .1024, .4096, 1.6384}

// bucketWords are their labels.
var bucketWords = func() (words [len(buckets)]string) {
	for i, b := range buckets {
		words[i] = strconv.FormatFloat(b, 'g', -1, 64)
	}
	return words
}()

// seriesEach is how many series a target has at most.
const seriesEach = len(buckets) + 22

// recentKept is how many round-trip times percentiles are taken of.
const recentKept = 200

// tally is what is kept of a target between looks.
type tally struct {
	sent, received, duplicates, unsent float64
	sum                                float64
	buckets                            [len(buckets)]float64
	recent                             []time.Duration
	// lossy says that the last look lost something; trace is the way as it was
	// when that began.
	lossy bool
	trace string
	// there says that a gateway was seen since the agent began.
	there bool

	mtu     float64
	hole    bool
	mtuTime time.Time
}

// add counts an answer.
func (t *tally) add(a Answer) {
	t.sent += float64(a.Sent)
	t.received += float64(a.Received)
	t.duplicates += float64(a.Duplicates)
	if a.Unsent != nil {
		t.unsent++
	}
	for _, rtt := range a.RTTs {
		s := rtt.Seconds()
		t.sum += s
		for i, le := range buckets {
			if s <= le {
				t.buckets[i]++
			}
		}
	}
	t.recent = append(t.recent, a.RTTs...)
	if over := len(t.recent) - recentKept; over > 0 {
		t.recent = slices.Delete(t.recent, 0, over)
	}
}

// percentile of the recent round-trip times, in seconds; q is 0 to 1.
func (t *tally) percentile(q float64) float64 {
	if len(t.recent) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(t.recent))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Seconds()
}

// figures of one look, in seconds.
type figures struct{ least, mean, greatest, jitter float64 }

func figuresOf(rtts []time.Duration) figures {
	if len(rtts) == 0 {
		return figures{}
	}
	f := figures{least: slices.Min(rtts).Seconds(), greatest: slices.Max(rtts).Seconds()}
	for i, rtt := range rtts {
		f.mean += rtt.Seconds() / float64(len(rtts))
		if i > 0 {
			f.jitter += (rtt - rtts[i-1]).Abs().Seconds() / float64(len(rtts)-1)
		}
	}
	return f
}

// record sets the series of a target.
func (t *tally) record(out *checks.Output, to Target, a Answer, resolve time.Duration) {
	l := to.labels()
	set := func(d *checks.Desc, v float64, more ...string) { out.Set(d, v, append(slices.Clip(l), more...)...) }
	success := 0.0
	if a.Received > 0 {
		success = 1
	}
	set(descSuccess, success)
	set(descLoss, a.Loss())
	set(descDuration, resolve.Seconds(), "resolve")
	set(descDuration, a.Setup.Seconds(), "setup")
	if a.Received > 0 {
		set(descHopLimit, float64(a.TTL))
		set(descTTL, float64(a.TTL))
	}
	if len(a.RTTs) > 0 {
		f := figuresOf(a.RTTs)
		set(descDuration, f.mean, "rtt")
		set(descRTTMin, f.least)
		set(descRTTMax, f.greatest)
		set(descJitter, f.jitter)
	}
	set(descRequests, t.sent)
	set(descDuplicates, t.duplicates)
	set(descSendErrors, t.unsent)
	t.histogram(out, l)
	if t.mtu > 0 {
		set(descMTU, t.mtu)
		hole := 0.0
		if t.hole {
			hole = 1
		}
		set(descBlackHole, hole)
	}
}

func (t *tally) histogram(out *checks.Output, l []string) {
	for i, n := range t.buckets {
		out.Sample(checks.Sample{Desc: descBucket, Suffix: "_bucket", Values: append(slices.Clip(l), bucketWords[i]), Value: n})
	}
	out.Sample(checks.Sample{Desc: descBucket, Suffix: "_bucket", Values: append(slices.Clip(l), "+Inf"), Value: t.received})
	out.Sample(checks.Sample{Desc: descResponse, Suffix: "_sum", Values: l, Value: t.sum})
	out.Sample(checks.Sample{Desc: descResponse, Suffix: "_count", Values: l, Value: t.received})
}
