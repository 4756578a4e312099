package api_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"xunjian/agent/access"
	"xunjian/agent/api"
	"xunjian/agent/api/apitest"
)

// The LAN as its agents see it: every member with its fate, every pair with what
// one sees of the other, in the direction in which it sees it.
func TestNetwork(t *testing.T) {
	s := serve(t)
	got := into[api.Network](s.as(access.Viewer, "GET", "/network", ""))
	want := api.Network{
		Peers: true, Self: "web-1", Speaker: "web-1", Quorum: true,
		Members: []api.NetworkMember{{Name: "db1", Address: "192.0.2.21", State: "server_down"}, {Name: "web-1", State: "ok"}, {Name: "web-2", Address: "192.0.2.12", State: "ok"}},
		Pairs: []api.NetworkPair{
			{Observer: "web-1", Peer: "db1", Sight: "unreachable", LossRatio: 1},
			{Observer: "web-1", Peer: "web-2", Sight: "ok", RTTSeconds: 0.0004},
			{Observer: "web-2", Peer: "db1", Sight: "unreachable", LossRatio: 1},
			{Observer: "web-2", Peer: "web-1", Sight: "ok", RTTSeconds: 0.0005, LossRatio: 0.2},
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(api.Network{}, "Time")); diff != "" {
		t.Error(diff)
	}
	if !got.Time.Equal(apitest.Begin) {
		t.Errorf("seen at %v, want %v", got.Time, apitest.Begin)
	}

	w := apitest.New(t)
	w.Options.LAN = nil // an agent without peers
	alone := into[api.Network](serveWorld(w).as(access.Viewer, "GET", "/network", ""))
	if diff := cmp.Diff(api.Network{Members: []api.NetworkMember{}, Pairs: []api.NetworkPair{}}, alone, cmpopts.IgnoreFields(api.Network{}, "Time")); diff != "" {
		t.Error(diff)
	}
}
