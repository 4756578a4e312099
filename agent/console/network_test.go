package console

import (
	"net/http"
	"strings"
	"testing"

	"xunjian/checks/network/peers"
)

// The page of the network: the matrix where there are peers, in both languages,
// and nothing of it where there are none.
func TestNetworkPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.as(viewer, "en")
	res := b.get("/network")
	if res.code != http.StatusOK || !strings.Contains(res.body, "No peers are configured") || strings.Contains(res.body, "<table>") {
		t.Fatalf("without peers: %d\n%s", res.code, res.body)
	}
	s.lan = peers.View{
		Time: noon, Self: "web-1", Members: []string{"db1", "<b>web-2</b>", "web-1"}, Quorum: true, Speaker: "web-1",
		Fates:   map[string]peers.Fate{"db1": peers.FateServerDown, "<b>web-2</b>": peers.FateOK, "web-1": peers.FateOK},
		Address: map[string]string{"db1": "192.0.2.21"},
		Pairs: []peers.Pair{
			{Observer: "web-1", Peer: "db1", Sight: "unreachable", Loss: 1},
			{Observer: "web-1", Peer: "<b>web-2</b>", Sight: "ok", RTT: 0.0004, Loss: 0.2},
		},
	}
	res = b.get("/network")
	for _, want := range []string{"server down", "192.0.2.21", "web-1 reports for all.", "not reached", "0.4 ms · 20%", "&lt;b&gt;web-2&lt;/b&gt;", "not known"} {
		if !strings.Contains(res.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(res.body, "Fewer than half") || strings.Contains(res.body, "none of its peers") {
		t.Error("it says what does not hold")
	}
	s.lan.Quorum, s.lan.Isolated = false, true
	res = s.as(viewer, "zh-CN").get("/network")
	for _, want := range []string{"宕机", "由 web-1 统一上报。", "不可达", "参与的节点不足半数", "本服务器无法到达任何其他节点"} {
		if !strings.Contains(res.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(res.body)
	}
}
