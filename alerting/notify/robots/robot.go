package robots

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
	"xunjian/alerting/notify/secret"
)

// The platforms.
const (
	DingTalk = "dingtalk"
	WeCom    = "wecom"
	Feishu   = "feishu"
)

// platform is what the robots of one kind want.
type platform interface {
	// bodies are the requests that say m, one after the other.
	bodies(m channel.Message, phones []string) []map[string]any
	// sign puts a signature where this kind looks for it.
	sign(address *url.URL, body map[string]any, key string, at time.Time)
	// judge reads an answer, in which HTTP's 200 says nothing.
	judge(a post.Answer) error
}

var platforms = map[string]platform{DingTalk: dingTalk{}, WeCom: weCom{}, Feishu: feishu{}}

// Robot is a channel to one group.
type Robot struct {
	cfg      Config
	platform platform
	client   *post.Client
	pace     *pace

	mu sync.Mutex
	// said counts, by key, the requests of a notice that went through before one
	// failed: the group does not read its beginning twice.
	said map[string]int
}

// New returns the robot of a valid configuration.
func New(cfg Config) (*Robot, error) {
	client, err := post.New("")
	if err != nil {
		return nil, err
	}
	return &Robot{cfg: cfg, platform: platforms[cfg.Kind], client: client, pace: newPace(burst, refill), said: map[string]int{}}, nil
}

// Name returns "robot/" and the configured name.
func (r *Robot) Name() string { return "robot/" + r.cfg.Name }

// Hears reports whether the group is told what is addressed to these roles.
func (r *Robot) Hears(roles []string) bool { return channel.Hears(r.cfg.Roles, roles) }

// Lang is the language word of what the group is told.
func (r *Robot) Lang() string { return r.cfg.Reads() }

// Deliver says m to the group, in as many requests as its size takes.
func (r *Robot) Deliver(ctx context.Context, m channel.Message) error {
	m = m.Lines()
	var phones []string
	if !r.cfg.NoMention {
		phones = mobiles(m.Concerned)
	}
	bodies := r.platform.bodies(m, phones)
	for i := r.progress(m.Key, 0); i < len(bodies); i++ {
		if err := r.send(ctx, bodies[i]); err != nil {
			return err
		}
		r.progress(m.Key, i+1)
	}
	r.forget(m.Key)
	return nil
}

// progress keeps how many requests of a notice went through, and returns it.
func (r *Robot) progress(key string, n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.said) > 1000 {
		clear(r.said) // notices that never came back; at worst one is read twice
	}
	if n > 0 {
		r.said[key] = n
	}
	return r.said[key]
}

func (r *Robot) forget(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.said, key)
}

func (r *Robot) send(ctx context.Context, body map[string]any) error {
	if err := r.pace.wait(ctx); err != nil {
		return fmt.Errorf("%s: %w", r.Name(), err)
	}
	address, err := secret.Read(r.cfg.URLFile)
	if err != nil {
		return fmt.Errorf("%s: address: %w", r.Name(), err)
	}
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("%s: what %s holds is not an address", r.Name(), r.cfg.URLFile)
	}
	key := ""
	if r.cfg.SecretFile != "" {
		if key, err = secret.Read(r.cfg.SecretFile); err != nil {
			return fmt.Errorf("%s: key of the signature: %w", r.Name(), err)
		}
		r.platform.sign(u, body, key, time.Now())
	}
	answer, err := r.client.Do(ctx, u.String(), http.Header{"Content-Type": {"application/json; charset=utf-8"}}, encode(body))
	if err != nil {
		return fmt.Errorf("%s at %s: %w", r.Name(), u.Host, err)
	}
	return r.fault(u, r.platform.judge(answer), address, key)
}

// fault puts the robot's name before an error, and takes the secrets out that
// the other side said back. After a limit the robot is left alone.
func (r *Robot) fault(u *url.URL, err error, secrets ...string) error {
	if err == nil {
		return nil
	}
	for _, values := range u.Query() {
		secrets = append(secrets, values...)
	}
	secrets = append(secrets, lastPart(u.Path))
	told := func(err error) error {
		return fmt.Errorf("%s at %s: %s", r.Name(), u.Host, channel.OneLine(secret.Mask(err.Error(), secrets...)))
	}
	switch e := err.(type) {
	case *channel.Permanent:
		return &channel.Permanent{Err: told(e.Err)}
	case *channel.RetryAfter:
		r.pace.pause(e.After)
		return &channel.RetryAfter{After: e.After, Err: told(e.Err)}
	}
	return told(err)
}

// encode writes JSON in as few bytes as it takes: < and & stay what they are.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // maps of texts
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}
