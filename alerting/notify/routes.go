package notify

import (
	"xunjian/alerting"
	"xunjian/alerting/notify/channel"
)

// Routes returns the ways over these channels, for the desk: each person hears
// on every channel that reaches them, each group what its roles are told. Of a
// drill a group hears only what is meant for somebody who takes part.
func Routes(channels []Channel) func(alerting.Audience) []alerting.Route {
	return func(to alerting.Audience) []alerting.Route {
		var out []alerting.Route
		for _, c := range channels {
			switch c := c.(type) {
			case channel.Personal:
				for _, p := range to.People {
					if c.Reaches(p) {
						out = append(out, alerting.Route{Channel: c.Name(), Recipient: p.ID, Lang: p.Reads()})
					}
				}
			case channel.Group:
				if c.Hears(to.Roles) && (!to.Drill || len(to.People) > 0) {
					out = append(out, alerting.Route{Channel: c.Name(), Recipient: c.Name(), Lang: c.Lang()})
				}
			}
		}
		return out
	}
}
