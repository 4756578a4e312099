package mail

import (
	"net"
	"time"
)

// Within sets how long a step may take.
func (c *Channel) Within(d time.Duration) { c.within = d }

// Ask sets who is asked for the addresses of names.
func (c *Channel) Ask(r *net.Resolver) { c.resolver = r }
