package inbound

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"xunjian/alerting"
	"xunjian/alerting/notify/secret"
)

// hook is a webhook ready to serve.
type hook struct {
	cfg    Webhook // with form and defaults
	source string
	scheme string
	list   *expr
	fields map[string]*expr
	zone   *time.Location
}

func newHook(w Webhook) (*hook, error) {
	full, err := w.full()
	if err != nil {
		return nil, err
	}
	h := &hook{cfg: full, source: sourceHook + full.Name, scheme: full.scheme(), fields: map[string]*expr{}, zone: time.Local}
	if h.list, err = compile(full.List); err != nil {
		return nil, err
	}
	for key, s := range full.Fields.named() {
		if h.fields[key], err = compile(s); err != nil {
			return nil, fmt.Errorf("webhook %s: fields.%s: %w", full.Name, key, err)
		}
	}
	if full.Zone != "" {
		if h.zone, err = time.LoadLocation(full.Zone); err != nil {
			return nil, fmt.Errorf("webhook %s: zone: %w", full.Name, err)
		}
	}
	return h, nil
}

func (in *Inbound) postHook(w http.ResponseWriter, r *http.Request, h *hook) error {
	body, p, err := in.proven(w, r, h)
	if err != nil {
		return err
	}
	alerts, err := h.alerts(body, in.opt.Now())
	if err != nil {
		return err
	}
	replayed, err := in.take(r.Context(), h.source, alerts, p)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, taken{Status: "ok", Alerts: len(alerts), Replayed: replayed})
	return nil
}

// proven returns the body of a request whose sender proved to be the one.
func (in *Inbound) proven(w http.ResponseWriter, r *http.Request, h *hook) ([]byte, proof, error) {
	if h.scheme != SchemeHMAC {
		if err := in.knows(h, r); err != nil {
			return nil, proof{}, err
		}
		body, err := in.read(w, r)
		return body, proof{}, err
	}
	if r.Header.Get(h.cfg.Signature.Header) == "" {
		return nil, proof{}, refuse(http.StatusUnauthorized, "the header %s with the signature is missing", h.cfg.Signature.Header)
	}
	select {
	case in.unproven <- struct{}{}:
		defer func() { <-in.unproven }()
	default:
		return nil, proof{}, refuse(http.StatusServiceUnavailable, "too many requests at once; try again")
	}
	body, err := in.read(w, r)
	if err != nil {
		return nil, proof{}, err
	}
	key, err := secret.Read(h.cfg.SecretFile)
	if err != nil {
		return nil, proof{}, err
	}
	p, err := h.verify(key, r.Header, body, in.opt.Now())
	return body, p, err
}

// knows looks at a token or a password.
func (in *Inbound) knows(h *hook, r *http.Request) error {
	s := h.cfg.Signature
	if h.scheme != SchemeBearer || s.Header == "" || s.Header == "Authorization" && s.Prefix == "" {
		return in.allowed(h.cfg.Access, r)
	}
	token, err := secret.Read(h.cfg.TokenFile)
	if err != nil {
		return err
	}
	given, ok := strings.CutPrefix(r.Header.Get(s.Header), s.Prefix)
	if !ok || !same(given, token) {
		return refuse(http.StatusUnauthorized, "not allowed; the header %s does not hold the token", s.Header)
	}
	return nil
}

// verify looks at the signature and its age.
func (h *hook) verify(key string, header http.Header, body []byte, now time.Time) (proof, error) {
	s := h.cfg.Signature
	mac := hmac.New(sha256.New, []byte(key))
	until := now.Add(s.Window)
	if s.TimestampHeader != "" {
		stamp := header.Get(s.TimestampHeader)
		n, err := strconv.ParseInt(stamp, 10, 64)
		if err != nil || n < 0 {
			return proof{}, refuse(http.StatusUnauthorized, "the header %s does not hold the time of signing in seconds since 1970", s.TimestampHeader)
		}
		at := time.Unix(n, 0)
		if n > 1e12 { // some give milliseconds
			at = time.UnixMilli(n)
		}
		if age := now.Sub(at); age > s.Window || age < -s.Window {
			return proof{}, refuse(http.StatusUnauthorized, "signed at another time: %v off; allowed: %v; look at the clocks", age.Round(time.Second), s.Window)
		}
		until = at.Add(s.Window)
		mac.Write([]byte(stamp + s.Join))
	}
	mac.Write(body)
	sum := mac.Sum(nil)
	given, ok := strings.CutPrefix(header.Get(s.Header), s.Prefix)
	raw, err := hex.DecodeString(given)
	if !ok || err != nil || !hmac.Equal(raw, sum) {
		return proof{}, refuse(http.StatusUnauthorized, "the signature in %s is not that of this body under the secret", s.Header)
	}
	return proof{signature: h.cfg.Name + " " + hex.EncodeToString(sum), until: until}, nil
}

// alerts reads the body.
func (h *hook) alerts(body []byte, now time.Time) ([]alert, error) {
	if !utf8.Valid(body) {
		return nil, invalidText(body)
	}
	var root any
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.UseNumber() // long numbers are names, not figures
	if err := d.Decode(&root); err != nil {
		return nil, badJSON(-1, err)
	}
	if d.More() {
		return nil, badField(-1, "", "more than one JSON document")
	}
	list, ok := []any{root}, true
	if h.list != nil {
		v, _ := h.list.value(root, root)
		if list, ok = v.([]any); !ok && v != nil {
			return nil, badField(-1, h.cfg.List, "no list")
		} else if v == nil {
			return nil, badField(-1, h.cfg.List, "no alerts there")
		}
	} else if many, isList := root.([]any); isList {
		list = many
	}
	if len(list) > maxAlerts {
		return nil, refuse(http.StatusRequestEntityTooLarge, "%d alerts; allowed: at most %d in a request", len(list), maxAlerts)
	}
	out := make([]alert, 0, len(list))
	for i, v := range list {
		if _, ok := v.(map[string]any); !ok {
			return nil, badField(i, "", "no JSON object")
		}
		a, err := h.alert(i, v, root, now)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func (h *hook) alert(index int, v, root any, now time.Time) (alert, error) {
	a := alert{annotations: map[string]string{}}
	text := map[string]string{}
	for key, e := range h.fields {
		if key == "labels" || e == nil {
			continue
		}
		s, err := e.text(v, root)
		if err != nil {
			return a, badField(index, key, "%v", err)
		}
		if !utf8.ValidString(s) {
			return a, badField(index, key, "not valid UTF-8")
		}
		text[key] = s
	}
	found, err := h.fields["labels"].value(v, root)
	if err != nil {
		return a, badField(index, "labels", "%v", err)
	}
	if a.labels, err = labelsOf(found); err != nil {
		return a, badField(index, "labels", "%v", err)
	}
	for key, s := range text {
		if name, ok := strings.CutPrefix(key, "label."); ok && s != "" {
			a.labels[name] = s
		}
	}
	if a.id = text["key"]; a.id == "" && len(a.labels) == 0 {
		return a, badField(index, "key", "empty, and there are no labels; something has to tell this alert from others")
	}
	if a.id != "" {
		a.id = "key " + a.id
	} else if h.cfg.Fields.Key != "" {
		return a, badField(index, "key", "empty; it tells this alert from others")
	}
	if text["title"] == "" {
		return a, badField(index, "title", "empty")
	}
	if a.labels["alertname"] == "" || h.cfg.Fields.Labels == "" {
		a.labels["alertname"] = cut(text["title"], maxValue)
	}
	a.annotations["summary"], a.annotations["description"] = text["title"], text["text"]
	h.desk(&a, text)
	switch s := text["status"]; {
	case among(h.cfg.StatusValues.Firing, s):
		a.status = alerting.Firing
		if h.cfg.RenewWithin > 0 {
			a.until = now.Add(h.cfg.RenewWithin)
		}
	case among(h.cfg.StatusValues.Ended, s):
		a.status = alerting.Ended
	default:
		return a, badField(index, "status", "unknown value %q; allowed: %s", cut(s, 64), strings.Join(append(append([]string{}, h.cfg.StatusValues.Firing...), h.cfg.StatusValues.Ended...), ", "))
	}
	// A time that cannot be read is no reason to hear nothing of the alert.
	a.starts, _ = anyTime(text["since"], h.zone)
	if bad := a.check(index); bad != nil {
		return a, bad
	}
	return a, nil
}

// desk sets the labels by which rules speak to the desk. A level that is none
// of the plan's is the sender's severity.
func (h *hook) desk(a *alert, text map[string]string) {
	for _, name := range []string{"code", "system"} {
		if text[name] != "" {
			a.labels[name] = text[name]
		}
	}
	said := text["level"]
	if said == "" {
		return
	}
	for level, values := range h.cfg.LevelValues {
		if among(values, said) {
			a.labels["level"] = string(level)
			return
		}
	}
	if a.labels["severity"] == "" {
		a.labels["severity"] = said
	}
}

// labelsOf reads an object, a list of name=value, a list of objects, or any of
// them as JSON in a text.
func labelsOf(v any) (map[string]string, error) {
	out := map[string]string{}
	if s, ok := v.(string); ok && s != "" {
		d := json.NewDecoder(strings.NewReader(s))
		d.UseNumber()
		var inner any
		if err := d.Decode(&inner); err != nil {
			return nil, fmt.Errorf("a text that is no JSON")
		}
		if _, again := inner.(string); again {
			return nil, fmt.Errorf("a text; allowed: an object or a list")
		}
		v = inner
	}
	switch v := v.(type) {
	case nil:
	case string: // empty
	case map[string]any:
		for name, value := range v {
			out[name] = asText(value)
		}
	case []any:
		for _, pair := range v {
			name, value, err := pairOf(pair)
			if err != nil {
				return nil, err
			}
			if _, twice := out[name]; twice && value != out[name] {
				value = out[name] + "," + value // Zabbix allows a tag to stand twice
			}
			out[name] = value
		}
	default:
		return nil, fmt.Errorf("%s; allowed: an object or a list", cut(asText(v), 64))
	}
	delete(out, "")
	return out, nil
}

func pairOf(v any) (name, value string, err error) {
	switch v := v.(type) {
	case string:
		name, value, _ = strings.Cut(v, "=")
		return strings.TrimSpace(name), strings.TrimSpace(value), nil
	case map[string]any:
		for _, key := range []string{"tag", "name", "key"} {
			if name = asText(v[key]); name != "" {
				return name, asText(v["value"]), nil
			}
		}
	}
	return "", "", fmt.Errorf("the entry %s is neither name=value nor an object with tag and value", cut(asText(v), 64))
}

var timeForms = []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006.01.02 15:04:05", "2006/01/02 15:04:05"}

// anyTime reads a time as monitoring systems write it; zero if it is none.
func anyTime(s string, zone *time.Location) (time.Time, bool) {
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		if n > 1e11 { // milliseconds
			n /= 1000
		}
		if n <= 0 || n > 1e11 {
			return time.Time{}, false
		}
		return time.Unix(int64(n), 0), true
	}
	for _, form := range timeForms {
		if t, err := time.ParseInLocation(form, s, zone); err == nil && t.Unix() > 0 {
			return t, true
		}
	}
	return time.Time{}, false
}
