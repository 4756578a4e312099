package robots

import (
	"context"
	"net"
	"net/url"
	"time"

	"xunjian/alerting/notify/channel"
)

// Hurry takes the pace off: the suite says more in a second than a group hears
// in an hour.
func (r *Robot) Hurry() { r.pace = newPace(1000, time.Millisecond) }

// Over makes the robot reach its platform by dial.
func (r *Robot) Over(dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	r.client.Over(dial)
}

// Bodies are the requests that say m on a platform.
func Bodies(kind string, m channel.Message, phones []string) [][]byte {
	var out [][]byte
	for _, b := range platforms[kind].bodies(m, phones) {
		out = append(out, encode(b))
	}
	return out
}

var (
	Split     = split
	PlainCost = plainCost
	JSONCost  = jsonCost
	Mobiles   = mobiles
)

// Signed is what a signature puts into the body or the address.
func Signed(kind string, u *url.URL, key string, ms int64) map[string]any {
	body := map[string]any{}
	platforms[kind].sign(u, body, key, time.UnixMilli(ms))
	for _, k := range []string{"sign", "timestamp"} {
		if v := u.Query().Get(k); v != "" && body[k] == nil {
			body[k] = v
		}
	}
	return body
}
