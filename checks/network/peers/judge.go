package peers

import (
	"cmp"
	"maps"
	"slices"
)

// Fate is what the agents together make of a server.
type Fate string

// The fates.
const (
	FateUnknown    Fate = "unknown"
	FateOK         Fate = "ok"
	FateAgentDown  Fate = "agent_down"  // the server answers pings, its agent nobody
	FateServerDown Fate = "server_down" // nobody reaches it, and most of the agents were asked
	FateCut        Fate = "cut"         // some reach it and some do not, or too few are left to tell
)

// Fates lists all, for the series of each.
var Fates = []Fate{FateOK, FateAgentDown, FateServerDown, FateCut, FateUnknown}

// Matrix is who sees whom how: the rows of this agent and of those whose answers
// are fresh, by observer and observed.
type Matrix struct {
	Self    string
	Members []string
	Rows    map[string]map[string]Entry
	// Gateway says whether this agent's gateway is there: with two members only,
	// it is the third that tells a dead peer from a cut. Nil: not known.
	Gateway *bool
}

// Judgement is what one agent makes of a Matrix. Agents with the same Matrix
// come to the same, but for Isolated and Speaks.
type Judgement struct {
	Fates map[string]Fate
	// Quorum says that more than half of the members take part; only then may a
	// server be called down.
	Quorum bool
	// Isolated says that this agent reaches nobody.
	Isolated bool
	// Speaker is the agent that tells people, Speaks whether that is this one.
	Speaker string
	Speaks  bool
}

// Judge tells servers that are down from agents that are and from networks that
// are cut, and chooses who says so.
//
// A server is down if no agent reaches it that takes part, and more than half of
// all members take part (of two, one and its gateway). If some reach it and
// some do not, or if too few are left to tell, the network is cut.
//
// Of those that take part the one speaks that reaches most, so that whoever
// stands on the far side of a cut leaves it to those that see both sides; among
// equals the one whose name comes first.
func Judge(m Matrix) Judgement {
	j := Judgement{Fates: map[string]Fate{}}
	own := m.Rows[m.Self]
	j.Quorum = 2*len(m.Rows) > len(m.Members)
	alone := len(m.Members) > 1
	for _, p := range m.Members {
		if p != m.Self && own[p].Sight != Unreachable {
			alone = false
		}
	}
	if len(m.Members) == 2 {
		j.Quorum = len(m.Rows) == 2 || m.Gateway != nil && *m.Gateway
		alone = alone && !j.Quorum
	}
	j.Isolated = alone
	for _, p := range m.Members {
		j.Fates[p] = m.fate(p, j)
	}
	j.Speaker = m.speaker()
	j.Speaks = j.Speaker == m.Self
	return j
}

// fate of one member.
func (m Matrix) fate(p string, j Judgement) Fate {
	var sights [Unreachable + 1]int
	for o, row := range m.Rows {
		if o != p {
			sights[row[p].Sight]++
		}
	}
	reached := sights[Answers] + sights[AgentSilent]
	switch {
	case p == m.Self:
		return selfFate(sights)
	case reached > 0 && sights[Unreachable] > 0:
		return FateCut
	case sights[Answers] > 0:
		return FateOK
	case reached > 0:
		return FateAgentDown
	case sights[Unreachable] == 0:
		return FateUnknown
	case j.Isolated:
		return FateUnknown // nobody is seen: it says nothing of this one
	case j.Quorum:
		return FateServerDown
	}
	return FateCut
}

// selfFate is the fate of this agent: it runs, whatever the others say; if they
// do not get through to it while it hears them, something is cut.
func selfFate(sights [Unreachable + 1]int) Fate {
	if sights[Unreachable] > 0 || sights[AgentSilent] > 0 && sights[Answers] == 0 {
		return FateCut
	}
	return FateOK
}

// speaker is who reaches most, and of those the first by name.
func (m Matrix) speaker() string {
	reach := func(o string) (n int) {
		for p, e := range m.Rows[o] {
			if p != o && e.Sight.Reaches() && slices.Contains(m.Members, p) {
				n++
			}
		}
		return n
	}
	return slices.MinFunc(slices.Collect(maps.Keys(m.Rows)), func(a, b string) int {
		return cmp.Or(cmp.Compare(reach(b), reach(a)), cmp.Compare(a, b))
	})
}

// Lossy is what share of the questions may be lost on the way between two agents
// that hear each other, before it is told: two of lossWindow are more.
const Lossy = 0.05

// Path is a way between two agents, a before b by name, and the greater of the
// losses that they see on it.
type Path struct {
	A, B string
	Loss float64
}

// lossy returns the paths that lose more than Lossy, in the order of their
// names. A path counts once, whichever end sees the loss.
func (m Matrix) lossy() []Path {
	var out []Path
	for i, a := range m.Members {
		for _, b := range m.Members[i+1:] {
			there, back := m.Rows[a][b], m.Rows[b][a]
			if there.Sight == AgentSilent || back.Sight == AgentSilent || there.Sight == Unreachable || back.Sight == Unreachable {
				continue // told as what it is
			}
			if loss := max(there.Loss, back.Loss); loss > Lossy {
				out = append(out, Path{a, b, loss})
			}
		}
	}
	return out
}
