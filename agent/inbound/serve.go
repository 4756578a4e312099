package inbound

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"xunjian/alerting/notify/secret"
)

// readWithin bounds how long a body may take to come.
const readWithin = 30 * time.Second

// Handler serves the Alertmanager API and the webhooks. It looks at who sends
// by itself; TLS is the listener's.
func (in *Inbound) Handler() http.Handler {
	mux := http.NewServeMux()
	api := func(pattern string, f func(http.ResponseWriter, *http.Request) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			err := in.allowed(in.cfg.Access, r)
			if err == nil {
				err = f(w, r)
			}
			if err != nil {
				// Clients of this API read a text.
				in.refused(w, sourceAPI, err, func(r *refusal) any { return r.Error() })
			}
		})
	}
	api("POST /api/v2/alerts", in.postAlerts)
	api("GET /api/v2/alerts", in.getAlerts)
	api("GET /api/v2/alerts/groups", in.getGroups)
	api("GET /api/v2/status", in.getStatus)
	api("GET /api/v2/receivers", in.getReceivers)
	api("GET /api/v2/silences", in.getSilences)
	api("POST /api/v2/silences", in.noSilences)
	mux.HandleFunc("POST /webhook/alertmanager", func(w http.ResponseWriter, r *http.Request) {
		err := in.allowed(in.cfg.Access, r)
		if err == nil {
			err = in.postNotification(w, r)
		}
		if err != nil {
			in.refused(w, sourceHook+"alertmanager", err, detailed)
		}
	})
	mux.HandleFunc("POST /webhook/{name}", func(w http.ResponseWriter, r *http.Request) {
		h, ok := in.hooks[r.PathValue("name")]
		if !ok {
			in.refused(w, sourceHook+"unknown", refuse(http.StatusNotFound, "no webhook has this name"), detailed)
			return
		}
		if err := in.postHook(w, r, h); err != nil {
			in.refused(w, h.source, err, detailed)
		}
	})
	return mux
}

// detailed is a refusal as webhooks are told it.
func detailed(r *refusal) any {
	out := struct {
		Error string `json:"error"`
		Alert *int   `json:"alert,omitempty"`
		Field string `json:"field,omitempty"`
	}{Error: r.Error(), Field: r.field}
	if r.alert >= 0 {
		out.Alert = &r.alert
	}
	return out
}

// refused answers an error. What is not the sender's fault is logged and not
// told.
func (in *Inbound) refused(w http.ResponseWriter, source string, err error, form func(*refusal) any) {
	in.count(source, func(c *Count) { c.Refused++ })
	r := (*refusal)(nil)
	if !errors.As(err, &r) {
		in.say(slog.LevelError, "take in alerts from outside", source, "err", err)
		r = refuse(http.StatusServiceUnavailable, "the alerts could not be kept; none of them was taken; send them again")
	} else {
		in.say(slog.LevelWarn, "refused alerts from outside", source, "status", r.status, "why", cut(r.Error(), 300))
	}
	switch r.status {
	case http.StatusUnauthorized:
		w.Header().Add("WWW-Authenticate", `Bearer realm="xunjian"`)
		w.Header().Add("WWW-Authenticate", `Basic realm="xunjian", charset="UTF-8"`)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "5")
	}
	answer(w, r.status, form(r))
}

func answer(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`"cannot be said in JSON"`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}

// allowed looks at who asks.
func (in *Inbound) allowed(a Access, r *http.Request) error {
	if a.TokenFile == "" && a.PasswordFile == "" {
		return local(r)
	}
	if a.TokenFile != "" {
		token, err := secret.Read(a.TokenFile)
		if err != nil {
			return err
		}
		if given, ok := bearer(r.Header.Get("Authorization")); ok && same(given, token) {
			return nil
		}
	}
	if a.PasswordFile != "" {
		password, err := secret.Read(a.PasswordFile)
		if err != nil {
			return err
		}
		user, given, ok := r.BasicAuth()
		// Both are compared, so that the time does not tell which is wrong.
		if known := same(user, a.Username); same(given, password) && known && ok {
			return nil
		}
	}
	return refuse(http.StatusUnauthorized, "not allowed; give the token or the user name and password of this server's configuration")
}

func bearer(header string) (string, bool) {
	scheme, token, ok := strings.Cut(header, " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(scheme, "Bearer")
}

// same compares in constant time, whatever the lengths.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// local lets in programs of this machine: not what a proxy here forwards for
// others, nor pages in a browser here.
func local(r *http.Request) error {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return refuse(http.StatusForbidden, "without token_file or password_file only this machine itself may send alerts")
	}
	for _, header := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via", "Origin", "Sec-Fetch-Site"} {
		if r.Header.Get(header) != "" {
			return refuse(http.StatusForbidden, "without token_file or password_file nothing is taken from proxies and browsers (header %s)", header)
		}
	}
	return nil
}

// read returns a body of JSON in UTF-8.
func (in *Inbound) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "" {
		return nil, refuse(http.StatusUnsupportedMediaType, "the body is compressed; send it as it is")
	}
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(readWithin)) // not every listener can
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return nil, refuse(http.StatusRequestEntityTooLarge, "the body has more than %d bytes; send fewer alerts at once", maxBody)
	}
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "the body did not come whole")
	}
	return b, nil
}

// parseJSON reads JSON into v; raw must be one document in UTF-8.
func parseJSON(raw []byte, v any) error {
	if !utf8.Valid(raw) {
		return invalidText(raw)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return badJSON(-1, err)
	}
	return nil
}

func badJSON(index int, err error) *refusal {
	if t := (*json.UnmarshalTypeError)(nil); errors.As(err, &t) {
		return badField(index, t.Field, "a JSON %s where another type is needed", t.Value)
	}
	return badField(index, "", "not JSON as it is needed: %v", err)
}

func isJSON(r *http.Request) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return refuse(http.StatusUnsupportedMediaType, "the header Content-Type is not application/json")
	}
	return nil
}
