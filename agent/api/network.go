package api

import (
	"xunjian/checks/network/peers"
)

// Network is what the agents of a LAN see of each other.
type Network struct {
	// Peers says whether this agent has any; without, the rest is empty.
	Peers bool   `json:"peers"`
	Time  Moment `json:"time,omitzero"`
	Self  string `json:"self"`
	// Speaker is the agent that tells people.
	Speaker string `json:"speaker"`
	Quorum  bool   `json:"quorum"`
	// Isolated says that this agent reaches none of its peers.
	Isolated bool            `json:"isolated"`
	Members  []NetworkMember `json:"members"`
	// Pairs is how each agent that is heard sees each other one.
	Pairs []NetworkPair `json:"pairs"`
}

// NetworkMember is an agent with what all make of its server.
type NetworkMember struct {
	Name    string `json:"name"`
	Address string `json:"address,omitempty"`
	State   string `json:"state"`
}

// NetworkPair is how one agent sees another.
type NetworkPair struct {
	Observer string `json:"observer"`
	Peer     string `json:"peer"`
	Sight    string `json:"sight"`
	// RTTSeconds is that of the last answer.
	RTTSeconds float64 `json:"rtt_seconds,omitempty"`
	LossRatio  float64 `json:"loss_ratio"`
}

func (s *server) network(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	var v peers.View
	there := false
	if s.LAN != nil {
		v, there = s.LAN()
	}
	out := Network{
		Peers: there, Time: c.moment(v.Time), Self: v.Self, Speaker: v.Speaker, Quorum: v.Quorum, Isolated: v.Isolated,
		Members: []NetworkMember{}, Pairs: []NetworkPair{},
	}
	for _, name := range v.Members {
		out.Members = append(out.Members, NetworkMember{Name: name, Address: v.Address[name], State: string(v.Fates[name])})
	}
	for _, p := range v.Pairs {
		out.Pairs = append(out.Pairs, NetworkPair{Observer: p.Observer, Peer: p.Peer, Sight: p.Sight, RTTSeconds: p.RTT, LossRatio: p.Loss})
	}
	return out, nil
}
