package inbound

import (
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"xunjian/alerting"
)

// postable is an alert as Prometheus and amtool post it, and, with a status,
// as Alertmanager's webhook does.
type postable struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     string            `json:"startsAt"`
	EndsAt       string            `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
}

// generatorURL is the annotation that keeps where the alert was made.
const generatorURL = "generator_url"

// alert reads one; moment is now, renew how long it holds without an end.
func (p postable) alert(index int, now time.Time, renew time.Duration) (alert, error) {
	a := alert{status: alerting.Firing, labels: p.Labels, annotations: p.Annotations}
	if a.labels == nil {
		a.labels = map[string]string{}
	}
	if a.annotations == nil {
		a.annotations = map[string]string{}
	}
	if link, err := url.Parse(p.GeneratorURL); p.GeneratorURL != "" && err == nil && (link.Scheme == "http" || link.Scheme == "https") {
		a.annotations[generatorURL] = p.GeneratorURL
	}
	var bad *refusal
	if a.starts, bad = moment(index, "startsAt", p.StartsAt); bad != nil {
		return a, bad
	}
	ends, bad := moment(index, "endsAt", p.EndsAt)
	if bad != nil {
		return a, bad
	}
	switch {
	case p.Status == "resolved" || !ends.IsZero() && !ends.After(now):
		a.status, a.ends = alerting.Ended, ends
	case !ends.IsZero():
		a.until = ends
	case renew > 0:
		a.until = now.Add(renew)
	}
	if bad := a.check(index); bad != nil {
		return a, bad
	}
	return a, nil
}

// moment reads a time; what clients write for none is the zero time.
func moment(index int, field, s string) (time.Time, *refusal) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return t, badField(index, field, "%q is no time; allowed: like 2026-01-05T09:30:00Z", cut(s, 64))
	}
	if t.Unix() <= 0 {
		return time.Time{}, nil
	}
	return t, nil
}

func (in *Inbound) postAlerts(w http.ResponseWriter, r *http.Request) error {
	if err := isJSON(r); err != nil {
		return err
	}
	body, err := in.read(w, r)
	if err != nil {
		return err
	}
	var list []json.RawMessage
	if err := parseJSON(body, &list); err != nil {
		return err
	}
	alerts, err := in.alerts(list, sourceAPI, func(p *postable) { p.Status = "" })
	if err != nil {
		return err
	}
	if _, err := in.take(r.Context(), sourceAPI, alerts, proof{}); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func (in *Inbound) alerts(list []json.RawMessage, source string, each func(*postable)) ([]alert, error) {
	if len(list) > maxAlerts {
		return nil, refuse(http.StatusRequestEntityTooLarge, "%d alerts; allowed: at most %d in a request", len(list), maxAlerts)
	}
	now, out := in.opt.Now(), make([]alert, 0, len(list))
	for i, raw := range list {
		var p postable
		if err := json.Unmarshal(raw, &p); err != nil {
			return nil, badJSON(i, err)
		}
		each(&p)
		a, err := p.alert(i, now, in.renewal(source))
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// postNotification takes what Alertmanager's webhook receiver posts.
func (in *Inbound) postNotification(w http.ResponseWriter, r *http.Request) error {
	if err := isJSON(r); err != nil {
		return err
	}
	body, err := in.read(w, r)
	if err != nil {
		return err
	}
	var n struct {
		Version   string            `json:"version"`
		Truncated int               `json:"truncatedAlerts"`
		Alerts    []json.RawMessage `json:"alerts"`
	}
	if err := parseJSON(body, &n); err != nil {
		return err
	}
	if n.Version != "4" {
		return badField(-1, "version", "%q; allowed: 4", cut(n.Version, 16))
	}
	source := sourceHook + "alertmanager"
	if n.Truncated > 0 {
		in.say(slog.LevelWarn, "Alertmanager left alerts out; set max_alerts: 0 at its receiver", source, "left_out", n.Truncated)
	}
	var bad error
	alerts, err := in.alerts(n.Alerts, source, func(p *postable) {
		if p.Status != "firing" && p.Status != "resolved" {
			bad = badField(-1, "status", "unknown value %q; allowed: firing, resolved", cut(p.Status, 64))
		}
	})
	if err == nil {
		err = bad
	}
	if err != nil {
		return err
	}
	if _, err := in.take(r.Context(), source, alerts, proof{}); err != nil {
		return err
	}
	answer(w, http.StatusOK, taken{Status: "ok", Alerts: len(alerts)})
	return nil
}

// taken is the answer to a webhook.
type taken struct {
	Status   string `json:"status"`
	Alerts   int    `json:"alerts"`
	Replayed bool   `json:"replayed,omitempty"`
}

// gettable is an alert as the API returns it.
type gettable struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	Receivers    []named           `json:"receivers"`
	Fingerprint  string            `json:"fingerprint"`
	StartsAt     time.Time         `json:"startsAt"`
	UpdatedAt    time.Time         `json:"updatedAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
	Status       status            `json:"status"`
}

type named struct {
	Name string `json:"name"`
}

type status struct {
	State       string   `json:"state"`
	SilencedBy  []string `json:"silencedBy"`
	InhibitedBy []string `json:"inhibitedBy"`
	MutedBy     []string `json:"mutedBy"`
}

// receiver is the name of the only one there is.
const receiver = "xunjian"

// The bounds of a filter: each regular expression costs memory.
const (
	maxFilters = 32
	maxFilter  = 1 << 10
)

// wanted alerts by the query of a GET. All of ours are active: nothing is
// silenced or inhibited here, and a lost alert has not ended.
func (in *Inbound) wanted(query url.Values) ([]gettable, error) {
	shown := true
	for _, name := range []string{"active", "silenced", "inhibited", "unprocessed", "muted"} {
		v := query.Get(name)
		if v == "" {
			continue
		}
		on, err := strconv.ParseBool(v)
		if err != nil {
			return nil, badField(-1, name, "%q; allowed: true, false", cut(v, 64))
		}
		if name == "active" {
			shown = on
		}
	}
	filters, err := filters(query["filter"])
	if err != nil {
		return nil, err
	}
	if v := query.Get("receiver"); v != "" {
		re, err := regexp.Compile("^(?:" + cut(v, maxFilter) + ")$")
		if err != nil {
			return nil, badField(-1, "receiver", "no regular expression: %v", err)
		}
		shown = shown && re.MatchString(receiver)
	}
	out := []gettable{}
	if !shown {
		return out, nil
	}
	for _, g := range in.current() {
		if matches(filters, g.Labels) {
			out = append(out, g)
		}
	}
	return out, nil
}

func filters(texts []string) ([]*labels.Matcher, error) {
	if len(texts) > maxFilters {
		return nil, badField(-1, "filter", "%d of them; allowed: at most %d", len(texts), maxFilters)
	}
	var out []*labels.Matcher
	for _, s := range texts {
		if len(s) > maxFilter {
			return nil, badField(-1, "filter", "%d bytes; allowed: at most %d", len(s), maxFilter)
		}
		m, err := matcher(s)
		if err != nil {
			return nil, badField(-1, "filter", "%q is no matcher: %v", s, err)
		}
		out = append(out, m)
	}
	return out, nil
}

// current are the alerts from outside that go on, by fingerprint.
func (in *Inbound) current() []gettable {
	in.mu.Lock()
	records, now := in.records(), in.opt.Now()
	until := make(map[string]time.Time, len(in.held))
	for key, h := range in.held {
		until[key] = h.until
	}
	in.mu.Unlock()
	out := make([]gettable, 0, len(records))
	for key, r := range records {
		_, fingerprint := splitKey(key)
		g := gettable{
			Labels: r.Labels, Annotations: map[string]string{}, Receivers: []named{{receiver}}, Fingerprint: fingerprint,
			StartsAt: r.Since.UTC(), UpdatedAt: r.ChangedAt.UTC(), EndsAt: until[key].UTC(),
			Status: status{State: "active", SilencedBy: []string{}, InhibitedBy: []string{}, MutedBy: []string{}},
		}
		if g.EndsAt.IsZero() {
			g.EndsAt = now.Add(in.cfg.ResolveTimeout).UTC()
		}
		maps.Copy(g.Annotations, r.Annotations)
		g.GeneratorURL = g.Annotations[generatorURL]
		delete(g.Annotations, generatorURL)
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b gettable) int { return strings.Compare(a.Fingerprint, b.Fingerprint) })
	return out
}

// splitKey takes a key of ours apart.
func splitKey(key string) (source, fingerprint string) {
	rest := strings.TrimPrefix(key, keyPrefix)
	if i := strings.LastIndexByte(rest, '/'); i >= 0 {
		return rest[:i], rest[i+1:]
	}
	return "", rest
}

func (in *Inbound) getAlerts(w http.ResponseWriter, r *http.Request) error {
	out, err := in.wanted(r.URL.Query())
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, out)
	return nil
}

// group is one of the API's; ours are by the name of the alert.
type group struct {
	Labels      map[string]string `json:"labels"`
	RouteLabels map[string]string `json:"routeLabels"`
	Receiver    named             `json:"receiver"`
	Alerts      []gettable        `json:"alerts"`
}

func (in *Inbound) getGroups(w http.ResponseWriter, r *http.Request) error {
	alerts, err := in.wanted(r.URL.Query())
	if err != nil {
		return err
	}
	byName := map[string][]gettable{}
	for _, a := range alerts {
		byName[a.Labels["alertname"]] = append(byName[a.Labels["alertname"]], a)
	}
	out := []group{}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		out = append(out, group{Labels: map[string]string{"alertname": name}, RouteLabels: map[string]string{}, Receiver: named{receiver}, Alerts: byName[name]})
	}
	answer(w, http.StatusOK, out)
	return nil
}

func (in *Inbound) getStatus(w http.ResponseWriter, _ *http.Request) error {
	answer(w, http.StatusOK, map[string]any{
		"cluster":     map[string]any{"name": in.opt.Host, "status": "disabled", "peers": []any{}},
		"versionInfo": map[string]string{"version": "xunjian", "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": ""},
		"config":      map[string]string{"original": ""},
		"uptime":      in.started.UTC(),
	})
	return nil
}

func (in *Inbound) getReceivers(w http.ResponseWriter, _ *http.Request) error {
	answer(w, http.StatusOK, []named{{receiver}})
	return nil
}

func (in *Inbound) getSilences(w http.ResponseWriter, _ *http.Request) error {
	answer(w, http.StatusOK, []any{})
	return nil
}

func (in *Inbound) noSilences(http.ResponseWriter, *http.Request) error {
	return refuse(http.StatusNotImplemented, "nothing is silenced here; silence it where the alert is made, or acknowledge the incident")
}
