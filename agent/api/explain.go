package api

import "xunjian/alerting/incident"

// Explanation says where everything about an incident comes from.
type Explanation struct {
	Incident string   `json:"incident"`
	Reasons  []Reason `json:"reasons"`
}

// Reason explains one thing: the article or law that asks for it, and what led
// to it.
type Reason struct {
	// About is code, level, or deadline, duty and reminder with an id.
	About   string `json:"about"`
	At      Moment `json:"at"`
	Text    string `json:"text"`
	Article string `json:"article,omitempty"`
	Law     string `json:"law,omitempty"`
}

func (s *server) explain(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	i, events, err := s.Desk.Get(c.Context(), c.PathValue("id"))
	if err != nil {
		return nil, err
	}
	env, err := s.Desk.Env(c.Context(), i)
	if err != nil {
		return nil, err
	}
	out := Explanation{Incident: i.ID, Reasons: []Reason{}}
	for _, r := range incident.Explain(i, events, env, c.say.Lang()) {
		out.Reasons = append(out.Reasons, Reason{
			About: r.About, At: c.moment(r.At), Text: c.say.T(r.Why.Code, r.Why.Args), Article: r.Article, Law: r.Law.In(c.say.Lang()),
		})
	}
	return out, nil
}
