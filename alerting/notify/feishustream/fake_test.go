package feishustream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"xunjian/alerting/notify/feishustream"
	"xunjian/alerting/notify/spoken"
	"xunjian/alerting/notify/spoken/spokentest"
	"xunjian/alerting/notify/stream"
)

const (
	appID = "cli_test"
	key   = "app-secret-of-a-test"
	inc   = "INC-20260302-0001"
	soon  = 10 * time.Second // far more than anything here takes
)

// fake is Feishu: the endpoint that gives tickets, the gateway, and the two
// interfaces for answers, as its documents and its own library have them.
type fake struct {
	t      *testing.T
	server *httptest.Server

	mu        sync.Mutex
	down      bool // everything answers 503
	deaf      bool // connections are not read
	refuse    http.Header
	tickets   map[string]bool
	opened    int
	pings     int
	conn      *websocket.Conn
	acks      map[string][]feishustream.Frame
	offset    time.Duration // of the clock, for the tokens
	given     int           // tokens
	token     string        // that holds
	ends      time.Time
	replies   []reply
	trouble   []string // bodies of failures to come, each with its status before a space
	attempted int
	hold      chan struct{}
}

type reply struct {
	Message, Text, UUID string
}

func newFake(t *testing.T) *fake {
	f := &fake{t: t, tickets: map[string]bool{}, acks: map[string][]feishustream.Frame{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /callback/ws/endpoint", f.endpoint)
	mux.HandleFunc("GET /ws/v2", f.connect)
	mux.HandleFunc("POST /open-apis/auth/v3/tenant_access_token/internal", f.give)
	mux.HandleFunc("POST /open-apis/im/v1/messages/{id}/reply", f.reply)
	f.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		down := f.down
		f.mu.Unlock()
		if down {
			http.Error(w, "<html>busy</html>", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		f.cut()
		f.server.Close()
	})
	return f
}

func (f *fake) endpoint(w http.ResponseWriter, r *http.Request) {
	var in struct{ AppID, AppSecret string }
	body, _ := io.ReadAll(r.Body)
	if err := json.Unmarshal(body, &in); err != nil {
		f.t.Errorf("asked for a connection with %s: %v", body, err)
	}
	if in.AppID != appID || in.AppSecret != key {
		fmt.Fprintf(w, `{"code":10003,"msg":"invalid param %s","data":null}`, in.AppSecret)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	ticket := fmt.Sprintf("ticket-%d-of-a-test", len(f.tickets))
	f.tickets[ticket] = true
	json.NewEncoder(w).Encode(map[string]any{"code": 0, "msg": "success", "data": map[string]any{
		"URL":          "wss" + strings.TrimPrefix(f.server.URL, "https") + "/ws/v2?device_id=1&service_id=33554678&ticket=" + ticket,
		"ClientConfig": map[string]int{"ReconnectCount": -1, "ReconnectInterval": 120, "ReconnectNonce": 30, "PingInterval": 120},
	}})
}

func (f *fake) connect(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	ticket := r.URL.Query().Get("ticket")
	good := f.tickets[ticket]
	f.tickets[ticket] = false // it holds once
	deaf, refuse := f.deaf, f.refuse
	f.mu.Unlock()
	if refuse != nil {
		for k, v := range refuse {
			w.Header()[k] = v
		}
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if !good {
		w.WriteHeader(http.StatusUnauthorized)
		f.t.Errorf("connected with the ticket %q", ticket)
		return
	}
	var up websocket.Upgrader
	c, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	f.mu.Lock()
	f.conn = c
	f.opened++
	f.mu.Unlock()
	if deaf {
		return
	}
	for {
		kind, data, err := c.ReadMessage()
		if err != nil {
			c.Close()
			return
		}
		in, err := feishustream.ParseFrame(data)
		if err != nil || kind != websocket.BinaryMessage || in.Service != 33554678 {
			f.t.Errorf("got %x: %+v %v", data, in, err)
			continue
		}
		f.mu.Lock()
		switch {
		case in.Method == 0 && in.Get("type") == "ping":
			f.pings++
			pong := feishustream.Frame{Service: in.Service, Headers: []feishustream.Header{{Key: "type", Value: "pong"}}, Payload: []byte(`{"ReconnectCount":-1,"PingInterval":90}`)}
			if err := c.WriteMessage(websocket.BinaryMessage, pong.Bytes()); err != nil {
				f.t.Log(err)
			}
		case in.Method == 1:
			f.acks[in.Get("message_id")] = append(f.acks[in.Get("message_id")], in)
		default:
			f.t.Errorf("got %+v", in)
		}
		f.mu.Unlock()
	}
}

// now is the clock of the tokens.
func (f *fake) now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Now().Add(f.offset)
}

func (f *fake) give(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ID     string `json:"app_id"`
		Secret string `json:"app_secret"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		f.t.Error(err, r.Header)
	}
	if in.ID != appID || in.Secret != key {
		io.WriteString(w, `{"code":10014,"msg":"app secret invalid"}`)
		return
	}
	now := f.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.given++
	f.token, f.ends = fmt.Sprintf("t-token-%d-of-a-test", f.given), now.Add(2*time.Hour)
	fmt.Fprintf(w, `{"code":0,"msg":"ok","tenant_access_token":%q,"expire":7200}`, f.token)
}

func (f *fake) reply(w http.ResponseWriter, r *http.Request) {
	now := f.now()
	f.mu.Lock()
	hold := f.hold
	f.mu.Unlock()
	if hold != nil {
		<-hold
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attempted++
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); token != f.token || now.After(f.ends) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"code":99991663,"msg":"Invalid access token for authorization: %s. Please make a request with token attached."}`, token)
		return
	}
	if len(f.trouble) > 0 {
		status, body, _ := strings.Cut(f.trouble[0], " ")
		f.trouble = f.trouble[1:]
		n, _ := strconv.Atoi(status)
		w.WriteHeader(n)
		io.WriteString(w, body)
		return
	}
	var in struct {
		Content string `json:"content"`
		MsgType string `json:"msg_type"`
		UUID    string `json:"uuid"`
	}
	var content struct {
		Text string `json:"text"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.MsgType != "text" || len(in.UUID) > 50 || json.Unmarshal([]byte(in.Content), &content) != nil || content.Text == "" {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"code":230001,"msg":"Your request contains an invalid request parameter."}`)
		f.t.Errorf("answered by %+v: %v", in, err)
		return
	}
	f.replies = append(f.replies, reply{r.PathValue("id"), content.Text, in.UUID})
	io.WriteString(w, `{"code":0,"msg":"success","data":{"message_id":"om_answer"}}`)
}

// cut ends the connection without a word.
func (f *fake) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.conn != nil {
		f.conn.NetConn().Close()
	}
}

func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// until waits for what is to come soon.
func (f *fake) until(what string, ok func() bool) {
	f.t.Helper()
	for end := time.Now().Add(soon); ; time.Sleep(5 * time.Millisecond) {
		f.mu.Lock()
		done := ok()
		f.mu.Unlock()
		if done {
			return
		}
		if time.Now().After(end) {
			f.t.Fatalf("never: %s", what)
		}
	}
}

func (f *fake) raw(kind int, b []byte) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.conn.WriteMessage(kind, b); err != nil {
		f.t.Fatal(err)
	}
}

// send sends a payload in so many parts, the last first.
func (f *fake) send(id string, payload []byte, parts int) {
	f.t.Helper()
	size := len(payload)/parts + 1
	for n := parts - 1; n >= 0; n-- {
		part := payload[n*size : min((n+1)*size, len(payload))]
		f.raw(websocket.BinaryMessage, feishustream.Frame{SeqID: 9, LogID: 8, Service: 33554678, Method: 1, LogIDNew: "log", Payload: part, Headers: []feishustream.Header{
			{Key: "timestamp", Value: "1772438400000"}, {Key: "type", Value: "event"}, {Key: "message_id", Value: id}, {Key: "sum", Value: strconv.Itoa(parts)},
			{Key: "seq", Value: strconv.Itoa(n)}, {Key: "trace_id", Value: "trace"}, {Key: "instance_id", Value: "instance"},
		}}.Bytes())
	}
}

// event is a message to the bot in a group; change makes another of it.
func (f *fake) event(id, sender, text string, change ...func(m map[string]any)) []byte {
	content, _ := json.Marshal(map[string]string{"text": "@_user_1 " + text})
	m := map[string]any{
		"message_id": id, "create_time": strconv.FormatInt(time.Now().UnixMilli(), 10), "chat_id": "oc_1", "chat_type": "group", "message_type": "text", "content": string(content),
		"mentions": []any{map[string]any{"key": "@_user_1", "id": map[string]string{"open_id": "ou_bot"}, "name": "巡检", "tenant_key": "t1"}},
	}
	for _, c := range change {
		c(m)
	}
	b, err := json.Marshal(map[string]any{
		"schema": "2.0", "header": map[string]string{"event_id": "ev-" + id, "create_time": "1772438400000", "event_type": "im.message.receive_v1", "tenant_key": "t1", "app_id": appID},
		"event": map[string]any{"sender": map[string]any{"sender_id": map[string]string{"open_id": sender}, "sender_type": "user", "tenant_key": "t1"}, "message": m},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

// say says a message and waits for its acknowledgement, whose code it returns.
func (f *fake) say(id, sender, text string, change ...func(m map[string]any)) int {
	f.t.Helper()
	return f.deliver("frame-"+id, f.event(id, sender, text, change...), 1)
}

func (f *fake) deliver(frame string, payload []byte, parts int) int {
	f.t.Helper()
	before := len(f.acked(frame))
	f.send(frame, payload, parts)
	f.until("the acknowledgement of "+frame, func() bool { return len(f.acks[frame]) > before })
	a := f.acked(frame)[before]
	var in struct {
		Code int `json:"code"`
	}
	if err := json.Unmarshal(a.Payload, &in); err != nil || a.SeqID != 9 || a.LogID != 8 || a.LogIDNew != "log" || a.Get("trace_id") != "trace" || a.Get("biz_rt") == "" {
		f.t.Errorf("acknowledged by %+v: %s", a, a.Payload)
	}
	return in.Code
}

func (f *fake) acked(id string) []feishustream.Frame {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.acks[id]
}

func (f *fake) connections() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.opened
}

// replied waits for the answer of the number n, from 1 on.
func (f *fake) replied(n int) reply {
	f.t.Helper()
	f.until(fmt.Sprintf("answer %d", n), func() bool { return len(f.replies) >= n })
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.replies[n-1]
}

// log is written by several at once.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (f *fake) config() feishustream.Config {
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.server.Certificate().Raw})
	return feishustream.Config{
		Name: "duty", AppID: appID, SecretFile: write(f.t, key), API: f.server.URL + "/", CAFile: write(f.t, string(cert)),
		People: spoken.People{"ou_zhang": "zhang-san", "ou_li": "li-si"},
	}
}

// start runs a stream to f until the test ends and checks then that no secret
// stands in the log.
func (f *fake) start(cfg feishustream.Config, d *spokentest.Desk, r stream.Rhythm) *log {
	f.t.Helper()
	if err := cfg.Validate(); err != nil {
		f.t.Fatal(err)
	}
	l := &log{}
	s, err := feishustream.New(cfg, spoken.NewClerk("feishu", cfg.People, d), slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		f.t.Fatal(err)
	}
	s.Quicken(r, 10*time.Millisecond, f.now)
	ctx, cancel := context.WithCancel(f.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	f.t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				f.t.Errorf("Run ended with %v", err)
			}
		case <-time.After(soon):
			f.t.Error("Run does not end")
		}
		for _, secret := range []string{key, "of-a-test"} {
			if strings.Contains(l.String(), secret) {
				f.t.Errorf("the log shows %s:\n%s", secret, l)
			}
		}
	})
	return l
}

// quick is a rhythm for tests.
var quick = stream.Rhythm{First: 10 * time.Millisecond, Most: 50 * time.Millisecond, Beat: 20 * time.Millisecond, Silence: 2 * time.Second}

// connected starts a stream and waits for its connection.
func connected(t *testing.T, d *spokentest.Desk) (*fake, *log) {
	t.Helper()
	f := newFake(t)
	l := f.start(f.config(), d, quick)
	f.until("a connection", func() bool { return f.opened == 1 })
	return f, l
}
