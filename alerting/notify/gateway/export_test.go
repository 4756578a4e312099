package gateway

import (
	"net/http"
	"net/url"
	"time"

	"xunjian/alerting/notify/channel"
)

// Kinds are the events that can stand under only.
func Kinds() []string { return kinds }

// Short, Speech and Params are what is said of m.
func Short(c Config, m channel.Message) string  { return c.short(m) }
func Speech(c Config, m channel.Message) string { return c.speech(m) }

func Params(c Config, m channel.Message) (out []string) {
	for _, p := range c.params(m, 35) {
		out = append(out, p.name+"="+p.value)
	}
	return out
}

// Budget lets a test set the clock of limits.
type Budget struct{ *budget }

func NewBudget(l []Limit) Budget { return Budget{newBudget(l)} }

func DefaultLimits() []Limit { return defaultLimits() }

func (b Budget) Take(phone string, at time.Time) time.Duration { return b.take(number(phone), at) }
func (b Budget) GiveBack(phone string, at time.Time)           { b.giveBack(number(phone), at) }
func (b Budget) Telephones() int                               { return len(b.spent) }

// SignACS3 and SignTC3 sign a POST and return its Authorization.
func SignACS3(address, action, version, id, key string, at time.Time, nonce string) string {
	r := posting(address, nil, nil)
	signACS3(&r, action, version, id, key, at, nonce)
	return r.header.Get("Authorization")
}

func SignTC3(address string, header http.Header, body, service, action, version, id, key string, at time.Time) string {
	r := posting(address, header, []byte(body))
	signTC3(&r, service, action, version, "ap-guangzhou", id, key, at)
	return r.header.Get("Authorization")
}

func posting(address string, header http.Header, body []byte) request {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	if header == nil {
		header = http.Header{}
	}
	return request{method: http.MethodPost, address: *u, header: header, body: body}
}

// Spelled are the two ways in which gateways are told a number.
func Spelled(s string) (e164, national string) { n := clean(s); return n.e164(), n.national() }
