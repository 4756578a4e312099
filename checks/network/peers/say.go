package peers

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"xunjian/checks"
)

var (
	descUp        = checks.NewDesc("xunjian_peer_up", checks.Gauge, "Whether the peer's agent answers this one; absent where nothing is known yet.", "peer")
	descReachable = checks.NewDesc("xunjian_peer_reachable", checks.Gauge, "Whether this agent reaches the peer's server, by its agent or a ping; absent where it cannot tell.", "peer")
	descRTT       = checks.NewDesc("xunjian_peer_rtt_seconds", checks.Gauge, "Round-trip time of the last answer of the peer's agent.", "peer")
	descLoss      = checks.NewDesc("xunjian_peer_loss_ratio", checks.Gauge, "Share of the last 30 questions that the peer's agent did not answer.", "peer")
	descAsked     = checks.NewDesc("xunjian_peer_questions_total", checks.Counter, "Questions to the peer's agent.", "peer")
	descFailed    = checks.NewDesc("xunjian_peer_questions_failed_total", checks.Counter, "Questions that the peer's agent did not answer.", "peer")
	descState     = checks.NewDesc("xunjian_peer_state", checks.Gauge, "What the agents together make of the peer: 1 for the state it is in.", "peer", "state")
	descIsolated  = checks.NewDesc("xunjian_peers_isolated", checks.Gauge, "1 if this agent reaches none of its peers.")
	descQuorum    = checks.NewDesc("xunjian_peers_quorum", checks.Gauge, "1 if more than half of the agents take part.")
	descSpeaks    = checks.NewDesc("xunjian_peers_speaker", checks.Gauge, "1 if this agent is the one that tells people.")
	descLossy     = checks.NewDesc("xunjian_peers_lossy_paths", checks.Gauge, "Ways between two agents on which more than 5% of the last questions were lost, as this agent heard.")
	descRejected  = checks.NewDesc("xunjian_peers_rejected_total", checks.Counter, "Messages that were not believed, by reason.", "reason")
)

// seriesEach is how many series a peer has.
const seriesEach = 11

// record sets the series.
func (w *watch) record(out *checks.Output, m Matrix, j Judgement) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range m.Members {
		p := w.peers[name]
		if p == nil {
			continue
		}
		if p.sight != Untold {
			out.Set(descUp, bit(p.sight == Answers), name)
			out.Set(descReachable, bit(p.sight.Reaches()), name)
		}
		if p.sight == Answers {
			out.Set(descRTT, p.rtt.Seconds(), name)
		}
		out.Set(descLoss, p.loss(), name)
		out.Set(descAsked, p.asked, name)
		out.Set(descFailed, p.failed, name)
		for _, f := range Fates {
			out.Set(descState, bit(j.Fates[name] == f), name, string(f))
		}
	}
	out.Set(descIsolated, bit(j.Isolated))
	out.Set(descQuorum, bit(j.Quorum))
	out.Set(descSpeaks, bit(j.Speaks))
	out.Set(descLossy, float64(len(m.lossy())))
	for reason, n := range w.rejected {
		out.Set(descRejected, n, reason)
	}
}

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// maxLossy bounds the lossy paths that are named one by one, the worst first.
const maxLossy = 20

// find says what each agent's fate is, and on which paths packets are lost. What another agent tells people is a
// matter of attention here, so that it is not told twice.
func find(out *checks.Output, m Matrix, j Judgement) {
	if j.Isolated {
		out.Find(checks.Finding{Code: "peers.isolated", Verdict: checks.Abnormal, Args: map[string]any{"peers": len(m.Members) - 1}})
	}
	for _, name := range m.Members {
		if name == m.Self {
			continue
		}
		e := m.Rows[m.Self][name]
		f := checks.Finding{Subject: name, Args: map[string]any{
			"peer": name, "rtt": float64(e.RTT.Microseconds()) / 1000, "loss": e.Loss, "speaker": j.Speaker, "seen": e.Sight.String(),
		}}
		reach, not := m.observers(name)
		f.Args["reach"], f.Args["reach_not"] = said(reach), said(not)
		f.Code, f.Verdict = findingOf(j.Fates[name])
		if f.Verdict == checks.Abnormal && !j.Speaks {
			f.Verdict = checks.Attention
		}
		if j.Isolated {
			f.Code, f.Verdict = "peers.unseen", checks.Unknown
		}
		out.Find(f)
	}
	worst := m.lossy()
	slices.SortStableFunc(worst, func(a, b Path) int { return cmp.Compare(b.Loss, a.Loss) })
	for _, p := range worst[:min(len(worst), maxLossy)] {
		out.Find(checks.Finding{Subject: p.A + " – " + p.B, Code: "peers.loses", Verdict: checks.Attention, Args: map[string]any{
			"a": p.A, "b": p.B, "loss": p.Loss, "speaker": j.Speaker,
		}})
	}
}

func findingOf(f Fate) (code string, v checks.Verdict) {
	switch f {
	case FateOK:
		return "peers.ok", checks.OK
	case FateAgentDown:
		return "peers.agent_down", checks.Abnormal
	case FateServerDown:
		return "peers.server_down", checks.Abnormal
	case FateCut:
		return "peers.cut", checks.Abnormal
	}
	return "peers.unseen", checks.Unknown
}

// observers are who reach a member and who do not.
func (m Matrix) observers(p string) (reach, not []string) {
	for _, o := range slices.Sorted(maps.Keys(m.Rows)) {
		switch s := m.Rows[o][p].Sight; {
		case o == p:
		case s.Reaches():
			reach = append(reach, o)
		case s == Unreachable:
			not = append(not, o)
		}
	}
	return reach, not
}

func said(names []string) string {
	if len(names) == 0 {
		return "–"
	}
	return strings.Join(names, ", ")
}

func viewOf(m Matrix, j Judgement, w *watch) View {
	v := View{Self: m.Self, Members: m.Members, Quorum: j.Quorum, Isolated: j.Isolated, Speaker: j.Speaker, Fates: j.Fates, Address: map[string]string{}}
	for name, a := range w.addresses() {
		v.Address[name] = a.String()
	}
	w.mu.Lock()
	v.Time = w.ticked
	w.mu.Unlock()
	for _, o := range m.Members {
		for _, p := range m.Members {
			if e, ok := m.Rows[o][p]; ok && o != p {
				v.Pairs = append(v.Pairs, Pair{Observer: o, Peer: p, Sight: e.Sight.String(), RTT: e.RTT.Seconds(), Loss: e.Loss})
			}
		}
	}
	return v
}

// Evidence shows who saw whom how.
func (c *Check) Evidence(context.Context) ([]checks.Exhibit, error) {
	v := c.View()
	if len(v.Members) == 0 {
		return nil, nil
	}
	x := checks.Exhibit{Code: "peers.exhibit", Args: map[string]any{"self": v.Self, "speaker": v.Speaker}, Columns: []string{"observer", "peer", "sight", "rtt_ms", "loss"}}
	for _, p := range v.Pairs {
		x.Rows = append(x.Rows, []string{p.Observer, p.Peer, p.Sight, fmt.Sprintf("%.3f", p.RTT*1000), fmt.Sprintf("%.0f%%", p.Loss*100)})
	}
	return []checks.Exhibit{x}, nil
}
