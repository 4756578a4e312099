package self

import (
	"cmp"
	"context"
	"slices"
	"time"

	"xunjian/checks"
)

// Channel is how a way to people does.
type Channel struct {
	Name string
	// Failing is how long no attempt has arrived; 0 if the last one did.
	Failing time.Duration
	// Error is the last attempt's.
	Error string
	// Journal says that it is the machine's own, which reaches nobody by itself.
	Journal bool
}

// Notices is how telling people does.
type Notices struct {
	Channels []Channel
	GivenUp  int
}

var descChannel = checks.NewDesc("xunjian_channel_up", checks.Gauge,
	"Whether the last attempt on a channel to people arrived.", "channel")

// failingFor is how long a channel may fail before it is said: most failures
// pass.
const failingFor = 2 * time.Minute

// notices watches the ways to people.
type notices struct {
	state func(context.Context) (Notices, error)
}

// Name is that of a single check.
func (n *notices) Name() string { return "self_notices" }

// Run asks the channels.
func (n *notices) Run(ctx context.Context, out *checks.Output) error {
	st, err := n.state(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(st.Channels, func(a, b Channel) int { return cmp.Compare(a.Name, b.Name) })
	ways, down := 0, 0
	for _, c := range st.Channels {
		up := 1.0
		if c.Failing > 0 {
			up = 0
		}
		out.Set(descChannel, up, c.Name)
		if !c.Journal {
			ways++
		}
		if c.Failing < failingFor {
			continue
		}
		if !c.Journal {
			down++
		}
		out.Find(checks.Finding{Code: "self.channel_failing", Verdict: checks.Attention, Subject: c.Name, Args: map[string]any{"for": c.Failing.Seconds(), "why": c.Error}})
	}
	if ways > 0 && down == ways {
		out.Find(checks.Finding{Code: "self.nobody_hears", Verdict: checks.Abnormal, Args: map[string]any{"channels": ways}})
	}
	if st.GivenUp > 0 {
		out.Find(checks.Finding{Code: "self.given_up", Verdict: checks.Attention, Args: map[string]any{"n": st.GivenUp}})
	}
	return nil
}
