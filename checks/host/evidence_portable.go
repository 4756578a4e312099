package host

import (
	"context"
	"strings"

	psnet "github.com/shirou/gopsutil/v3/net"
)

// The kinds of sockets as gopsutil numbers them.
const (
	sockStream = 1
	familyInet = 2
)

// portableSockets counts the sockets that list returns.
func portableSockets(ctx context.Context, list func(ctx context.Context, kind string) ([]psnet.ConnectionStat, error)) (SocketSummary, error) {
	s := SocketSummary{TCP: map[string]int{}}
	all, err := list(ctx, "inet")
	if err != nil {
		return s, err
	}
	established := map[int]int{}
	for _, c := range all {
		state := strings.ToLower(c.Status)
		switch {
		case c.Type != sockStream:
			s.UDP++
		case state == "listen":
			s.Listening = append(s.Listening, Listener{Protocol: protocolName("tcp", c.Family), Address: c.Laddr.IP, Port: int(c.Laddr.Port), PID: int(c.Pid)})
			s.TCP[state]++
		default:
			s.TCP[state]++
			if state == "established" {
				established[int(c.Laddr.Port)]++
			}
		}
	}
	for i := range s.Listening {
		s.Listening[i].Established = established[s.Listening[i].Port]
	}
	s.Listening = sortListeners(s.Listening)
	return s, nil
}

func protocolName(protocol string, family uint32) string {
	if family == familyInet {
		return protocol
	}
	return protocol + "6"
}
