package amsink

import (
	"context"
	"net"
)

// Over makes a sink reach everything by dial.
func Over(s *Sink, dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	s.client.Over(dial)
}
