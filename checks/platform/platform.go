// Package platform looks at the doors of the tendering platform as those who
// come to them do: its pages and their steps, the services behind them, names,
// time, certificates, and the ports of this machine that must or must not be
// open.
//
// A probe asks once in its interval, at a moment of its own, and within its
// deadline. Not to be answered is an answer: the door is shut for those who
// stand before it. Only when it could not be tried at all (this machine has no
// way out, a secret cannot be read) nobody knows, and the check says unknown.
//
// What it measures stands under blackbox_exporter's names; thresholds, and what
// an outage of which door means in the plan, stand in rules.
package platform

import (
	"context"
	"fmt"

	"xunjian/checks"
)

// Options are what checks get beside their Config.
type Options struct {
	// Once: there is one look and no more, so that a probe is made when it is
	// asked for. Otherwise probes are made in the background, each at its own
	// moment.
	Once bool
	// Procfs is where /proc of the machine is found; empty: /proc.
	Procfs string
}

// Checks returns the checks of cfg: one for each probe, one of all certificate
// files, and one of the ports. cfg must have been validated.
func Checks(cfg Config, opt Options) []checks.Check {
	if opt.Procfs == "" {
		opt.Procfs = "/proc"
	}
	var out []checks.Check
	for _, p := range cfg.Probes {
		out = append(out, newProbe(p, opt.Once))
	}
	if len(out) == 0 {
		// So that a form that asks for the doors hears that there are none.
		out = append(out, nothing("probe", "no probe is configured"))
	}
	return append(out, newCertificates(cfg.Certificates), newPorts(cfg.Ports, opt.Procfs))
}

func nothing(name, why string) checks.Check {
	return checks.Func{ID: name, Look: func(context.Context, *checks.Output) error {
		return fmt.Errorf("%s: %w", why, checks.ErrNotApplicable)
	}}
}
