package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
	"xunjian/alerting/notify/secret"
	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
)

// headerKey is the same for each attempt at a notice: the gateway can drop the
// second.
const headerKey = "Idempotency-Key"

// Gateway is a channel to people's telephones.
type Gateway struct {
	cfg     Config
	client  *post.Client
	form    form // of a cloud
	rules   rules
	numbers *regexp.Regexp
	budget  *budget
}

// New returns the gateway of a valid configuration.
func New(cfg Config) (*Gateway, error) {
	g := &Gateway{cfg: cfg, rules: cfg.Success.rules(), budget: newBudget(cfg.limits())}
	var err error
	if g.client, err = post.New(cfg.CAFile); err != nil {
		return nil, fmt.Errorf("%s: %w", g.Name(), err)
	}
	if g.numbers, err = cfg.numbers(); err != nil {
		return nil, fmt.Errorf("%s: numbers: %w", g.Name(), err)
	}
	if cfg.Provider == HTTP {
		return g, nil
	}
	if g.form, err = formOf(cfg.Provider, cfg.Kind); err != nil {
		return nil, fmt.Errorf("%s: %w", g.Name(), err)
	}
	g.rules = g.form.rules()
	return g, nil
}

// Name returns the kind, "/" and the configured name.
func (g *Gateway) Name() string { return g.cfg.Kind + "/" + g.cfg.Name }

// Reaches reports whether the person has a number that the gateway takes, and
// reads its language where it has one.
func (g *Gateway) Reaches(p roster.Person) bool {
	return (g.cfg.Lang == "" || g.cfg.Lang == p.Reads()) && clean(p.Phone).taken(g.numbers)
}

// Takes reports whether the gateway is used for this kind of event at this
// level. Deliver says nothing of any other.
func (g *Gateway) Takes(kind string, level plan.Level) bool {
	return (len(g.cfg.Only) == 0 || slices.Contains(g.cfg.Only, kind)) && (len(g.cfg.Levels) == 0 || slices.Contains(g.cfg.Levels, level))
}

// Deliver sends m to its person's telephone; it has arrived when the gateway
// took it on. Where one telephone was written to too often it is
// *channel.RetryAfter, and *channel.Permanent where the gateway refuses the
// number or the text for good. What the gateway is not used for ends here, and
// is no error.
func (g *Gateway) Deliver(ctx context.Context, m channel.Message) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", g.Name(), err)
	}
	m = m.Lines()
	if !g.Takes(m.Kind, m.Incident.Level) {
		return nil
	}
	to := clean(m.Person.Phone)
	if !to.taken(g.numbers) {
		return &channel.Permanent{Err: fmt.Errorf("%s: %q has no number that it takes; see the roster, and numbers", g.Name(), m.Person.ID)}
	}
	to = number(to.e164())
	began := time.Now()
	if wait := g.budget.take(to, began); wait > 0 {
		return &channel.RetryAfter{After: wait, Err: fmt.Errorf("%s: %s has had as many as it may; next in %s", g.Name(), to.masked(), wait.Round(time.Second))}
	}
	sent, err := g.send(ctx, m, to)
	if err != nil && !sent {
		g.budget.giveBack(to, began)
	}
	return err
}

// key tells a notice from all others, of this server and of others.
func key(m channel.Message) string {
	sum := sha256.Sum256([]byte(m.Incident.Host + "\x00" + m.Key))
	return hex.EncodeToString(sum[:16])
}

// send asks for one message. sent says that it may have gone out, whatever the
// error.
func (g *Gateway) send(ctx context.Context, m channel.Message, to number) (sent bool, err error) {
	r, secrets, err := g.request(m, to)
	if err != nil {
		return false, g.fault(err, to, secrets)
	}
	answer, err := g.client.Send(ctx, r.method, r.address.String(), r.header, r.body)
	if err != nil {
		// Without a connection nothing was asked. Otherwise it is not known.
		var op *net.OpError
		return !errors.As(err, &op) || op.Op != "dial", g.fault(fmt.Errorf("at %s: %w", r.address.Host, err), to, secrets)
	}
	if err := g.rules.judge(answer, time.Now()); err != nil {
		return false, g.fault(err, to, secrets)
	}
	return true, nil
}

// request is what asks for m, and the secrets in it.
func (g *Gateway) request(m channel.Message, to number) (request, []string, error) {
	if g.cfg.Provider != HTTP {
		return g.cloudRequest(m, to)
	}
	var secrets []string
	address, err := g.cfg.address()
	if err != nil {
		return request{}, nil, fmt.Errorf("address: %w", err)
	}
	t, err := g.cfg.templates(address)
	if err != nil {
		return request{}, nil, err
	}
	f := g.cfg.fields(m, to, key(m))
	address, err = fill(t.url, f)
	if err != nil {
		return request{}, nil, errors.New("the template of the address fails")
	}
	u, err := url.Parse(address)
	if err != nil {
		return request{}, nil, errors.New("the address is none")
	}
	if g.cfg.URLFile != "" {
		secrets = append(secrets, addressSecrets(u)...)
	}
	body, err := fill(t.body, f)
	if err != nil {
		return request{}, secrets, fmt.Errorf("body: %w", err)
	}
	r := request{method: g.cfg.Method, address: *u, header: http.Header{}, body: []byte(body)}
	if r.method == "" {
		r.method = http.MethodPost
	}
	if r.method != http.MethodGet {
		r.header.Set("Content-Type", g.cfg.contentType())
	}
	r.header.Set("User-Agent", "xunjian")
	r.header.Set(headerKey, f.Key)
	for name, value := range g.cfg.Headers {
		r.header.Set(name, value)
	}
	for _, h := range g.cfg.HeaderFiles {
		value, err := secret.Read(h.File)
		if err != nil {
			return request{}, secrets, fmt.Errorf("header %s: %w", h.Name, err)
		}
		r.header.Set(h.Name, value)
		secrets = append(secrets, value)
		if fields := strings.Fields(value); len(fields) > 1 {
			secrets = append(secrets, fields[len(fields)-1]) // the token after Bearer
		}
	}
	return r, secrets, nil
}

// addressSecrets are the parts of a secret address that could be its token.
func addressSecrets(u *url.URL) []string {
	out := []string{u.RequestURI()}
	parts := strings.Split(u.Path, "/")
	for _, values := range u.Query() {
		parts = append(parts, values...)
	}
	for _, p := range parts {
		if len(p) >= 6 { // 1 or sms are in every text
			out = append(out, p)
		}
	}
	return out
}

func (g *Gateway) cloudRequest(m channel.Message, to number) (request, []string, error) {
	secretKey, err := secret.Read(g.cfg.AccessKeySecretFile)
	if err != nil {
		return request{}, nil, fmt.Errorf("secret of the key: %w", err)
	}
	secrets := []string{secretKey}
	most := g.cfg.ParamChars
	if most == 0 {
		most = g.form.ParamChars
	}
	r, err := g.form.request(g.cfg, to, key(m), g.cfg.params(m, most))
	if err != nil {
		return request{}, secrets, &channel.Permanent{Err: err}
	}
	region := g.cfg.Region
	if region == "" {
		region = g.form.Region
	}
	r.header.Set("User-Agent", "xunjian")
	g.form.sign(&r, region, g.cfg.AccessKeyID, secretKey, time.Now())
	return r, secrets, nil
}

// fault puts the gateway's name before an error, and takes out what nobody is
// to read in a log: secrets and the whole number.
func (g *Gateway) fault(err error, to number, secrets []string) error {
	told := func(err error) error {
		// An error of the context has to stay one.
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("%s: %w", g.Name(), err)
		}
		return fmt.Errorf("%s: %s", g.Name(), channel.OneLine(to.hide(secret.Mask(err.Error(), secrets...))))
	}
	switch e := err.(type) {
	case *channel.Permanent:
		return &channel.Permanent{Err: told(e.Err)}
	case *channel.RetryAfter:
		return &channel.RetryAfter{After: e.After, Err: told(e.Err)}
	}
	return told(err)
}
