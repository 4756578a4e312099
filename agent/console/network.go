package console

import (
	"fmt"

	"xunjian/checks"
	"xunjian/checks/network/peers"
)

// networkPage is the LAN: who of the agents sees whom, who is pinged, what goes
// through the interfaces.
type networkPage struct {
	// Peers says whether there are any.
	Peers bool
	State state
	// Said is who speaks for all, and what of it is not as it should be.
	Said                       string
	Isolated                   bool
	Members                    []lanMember
	Rows                       []lanRow
	Targets, Links, Wires      []findingRow
	TargetsAt, LinksAt, SeenAt moment
}

// lanMember is an agent with what all make of it.
type lanMember struct {
	Name, Address string
	Fate          state
	Self          bool
}

type lanRow struct {
	Name  string
	Cells []lanCell
}

// lanCell is how one agent sees another.
type lanCell struct {
	Own   bool
	Sight state
	Text  string
}

// fateVerdicts says how bad a fate or a sight is.
var fateVerdicts = map[string]string{
	"ok": "ok", "agent_down": "attention", "server_down": "abnormal", "cut": "abnormal", "unknown": "unknown",
	"agent_silent": "attention", "unreachable": "abnormal",
}

func showNetwork(r *request) error {
	page := networkPage{}
	if r.c.opt.LAN != nil {
		if v, ok := r.c.opt.LAN(); ok && len(v.Members) > 0 {
			r.lan(&page, v)
		}
	}
	page.Targets, page.TargetsAt = r.latest("ping")
	page.Links, page.LinksAt = r.latest("network")
	page.Wires, _ = r.latest("traffic")
	return r.showLive("network", r.T("console.nav.network"), page)
}

// latest are the findings of the last run of a check.
func (r *request) latest(name string) ([]findingRow, moment) {
	runs := r.c.opt.Checks.Of(name)
	if len(runs) == 0 {
		return nil, moment{}
	}
	return r.findings(runs[0].Findings, maxFindings), r.moment(runs[0].Time, r.now)
}

// lan draws the matrix.
func (r *request) lan(page *networkPage, v peers.View) {
	page.Peers, page.Isolated, page.SeenAt = true, v.Isolated, r.moment(v.Time, r.now)
	page.Said = r.Ta("console.network.speaker", "speaker", v.Speaker)
	if !v.Quorum {
		page.Said += " " + r.T("console.network.no_quorum")
	}
	seen := map[[2]string]peers.Pair{}
	for _, p := range v.Pairs {
		seen[[2]string{p.Observer, p.Peer}] = p
	}
	for _, name := range v.Members {
		fate := string(v.Fates[name])
		page.Members = append(page.Members, lanMember{
			Name: cut(name, 40), Address: v.Address[name], Self: name == v.Self,
			Fate: state{fateVerdicts[fate], r.T("console.network.fate." + fate)},
		})
		row := lanRow{Name: cut(name, 40)}
		for _, to := range v.Members {
			row.Cells = append(row.Cells, r.lanCell(name == to, seen[[2]string{name, to}]))
		}
		page.Rows = append(page.Rows, row)
	}
}

func (r *request) lanCell(own bool, p peers.Pair) lanCell {
	if own {
		return lanCell{Own: true}
	}
	sight := p.Sight
	if sight == "" {
		sight = "unknown"
	}
	c := lanCell{Sight: state{fateVerdicts[sight], r.T("console.network.sight." + sight)}}
	switch {
	case sight == "ok" && p.Loss > 0:
		c.Text = fmt.Sprintf("%.1f ms · %.0f%%", p.RTT*1000, p.Loss*100)
	case sight == "ok":
		c.Text = fmt.Sprintf("%.1f ms", p.RTT*1000)
	default:
		c.Text = c.Sight.Word
	}
	if c.Sight.ID == checks.OK.String() && p.Loss >= 0.1 {
		c.Sight.ID = checks.Attention.String()
	}
	return c
}
