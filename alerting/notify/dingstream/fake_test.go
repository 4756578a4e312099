package dingstream_test

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
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"xunjian/alerting/notify/dingstream"
	"xunjian/alerting/notify/spoken"
	"xunjian/alerting/notify/spoken/spokentest"
	"xunjian/alerting/notify/stream"
)

const (
	clientID = "ding-test-app"
	key      = "client-secret-of-a-test"
	session  = "session-token-of-a-test"
	inc      = "INC-20260302-0001"
	soon     = 10 * time.Second // far more than anything here takes
)

// fake is DingTalk: the API that gives tickets, the gateway, and the address
// for answers, as its documents describe them.
type fake struct {
	t      *testing.T
	server *httptest.Server

	mu      sync.Mutex
	down    bool // everything answers 503
	deaf    bool // connections are not read
	tickets map[string]bool
	opened  int // connections so far
	pings   int
	conn    *websocket.Conn
	acks    map[string][]ack
	replies []reply
	hold    chan struct{} // an answer waits for it
}

type ack struct {
	Code    int               `json:"code"`
	Headers map[string]string `json:"headers"`
	Message string            `json:"message"`
	Data    string            `json:"data"`
}

type reply struct {
	MsgType string `json:"msgtype"`
	Text    struct {
		Content string `json:"content"`
	} `json:"text"`
	At struct {
		AtUserIDs []string `json:"atUserIds"`
		IsAtAll   bool     `json:"isAtAll"`
	} `json:"at"`
}

func newFake(t *testing.T) *fake {
	f := &fake{t: t, tickets: map[string]bool{}, acks: map[string][]ack{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1.0/gateway/connections/open", f.open)
	mux.HandleFunc("GET /connect", f.connect)
	mux.HandleFunc("POST /robot/sendBySession", f.answer)
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

func (f *fake) open(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ClientID, ClientSecret, UA string
		Subscriptions              []struct{ Type, Topic string }
	}
	body, _ := io.ReadAll(r.Body)
	if err := json.Unmarshal(body, &in); err != nil || r.Header.Get("Content-Type") != "application/json" {
		f.t.Errorf("asked for a connection with %s: %v", body, err)
	}
	w.Header().Set("Content-Type", "application/json")
	if in.ClientID != clientID || in.ClientSecret != key {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"requestid":"0A1B","code":"authFailed","message":"鉴权失败: %s"}`, in.ClientSecret)
		return
	}
	if len(in.Subscriptions) != 1 || in.Subscriptions[0].Type != "CALLBACK" || in.Subscriptions[0].Topic != "/v1.0/im/bot/messages/get" || in.UA == "" {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"requestid":"0A1B","code":"paramError","message":"参数错误"}`)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	ticket := fmt.Sprintf("ticket+%d/of-a-test==", len(f.tickets)) // to be escaped
	f.tickets[ticket] = true
	json.NewEncoder(w).Encode(map[string]string{"endpoint": "wss" + strings.TrimPrefix(f.server.URL, "https") + "/connect", "ticket": ticket})
}

func (f *fake) connect(w http.ResponseWriter, r *http.Request) {
	ticket := r.URL.Query().Get("ticket")
	f.mu.Lock()
	good := f.tickets[ticket]
	f.tickets[ticket] = false // it holds once
	deaf := f.deaf
	f.mu.Unlock()
	if !good {
		http.Error(w, "ticket invalid", http.StatusUnauthorized)
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
	pong := c.PingHandler()
	c.SetPingHandler(func(data string) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.pings++
		return pong(data)
	})
	for {
		kind, data, err := c.ReadMessage()
		if err != nil {
			c.Close()
			return
		}
		var a ack
		if err := json.Unmarshal(data, &a); err != nil || kind != websocket.TextMessage || a.Headers["contentType"] != "application/json" || a.Headers["messageId"] == "" {
			f.t.Errorf("acknowledged by %s: %v", data, err)
		}
		f.mu.Lock()
		f.acks[a.Headers["messageId"]] = append(f.acks[a.Headers["messageId"]], a)
		f.mu.Unlock()
	}
}

func (f *fake) answer(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	hold := f.hold
	f.mu.Unlock()
	if hold != nil {
		<-hold
	}
	body, _ := io.ReadAll(r.Body)
	if r.URL.Query().Get("session") != session {
		fmt.Fprintf(w, `{"errcode":300001,"errmsg":"session %s 不存在"}`, r.URL.Query().Get("session"))
		return
	}
	var in reply
	if err := json.Unmarshal(body, &in); err != nil || in.MsgType != "text" || in.Text.Content == "" || len(body) > 20000 {
		io.WriteString(w, `{"errcode":400105,"errmsg":"不支持的消息类型"}`)
		f.t.Errorf("answered by %s", body)
		return
	}
	f.mu.Lock()
	f.replies = append(f.replies, in)
	f.mu.Unlock()
	io.WriteString(w, `{"errcode":0,"errmsg":"ok"}`)
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

// send sends a frame as it stands.
func (f *fake) send(kind, topic, id, data string) {
	f.t.Helper()
	b, err := json.Marshal(map[string]any{
		"specVersion": "1.0", "type": kind, "data": data,
		"headers": map[string]string{"appId": "9256b875", "connectionId": "c3faec14", "contentType": "application/json", "messageId": id, "time": "1772438400000", "topic": topic},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.raw(websocket.TextMessage, b)
}

func (f *fake) raw(kind int, b []byte) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.conn.WriteMessage(kind, b); err != nil {
		f.t.Fatal(err)
	}
}

// message is one of a group; change makes another of it.
func (f *fake) message(id, sender, text string, change ...func(m map[string]any)) string {
	m := map[string]any{
		"conversationId": "cid1", "conversationType": "2", "conversationTitle": "值班", "isInAtList": true, "robotCode": clientID,
		"atUsers": []map[string]string{{"dingtalkId": "$:LWCP_v1:$robot"}}, "chatbotUserId": "$:LWCP_v1:$robot", "chatbotCorpId": "corp1",
		"msgId": id, "senderId": "$:LWCP_v1:$x", "senderNick": "管理员", "senderStaffId": sender, "senderCorpId": "corp1", "isAdmin": false,
		"createAt": time.Now().UnixMilli(), "sessionWebhook": f.server.URL + "/robot/sendBySession?session=" + session,
		"sessionWebhookExpiredTime": time.Now().Add(90 * time.Minute).UnixMilli(), "msgtype": "text", "text": map[string]string{"content": text},
	}
	for _, c := range change {
		c(m)
	}
	b, err := json.Marshal(m)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(b)
}

// say says a message and waits for its acknowledgement.
func (f *fake) say(id, sender, text string, change ...func(m map[string]any)) ack {
	f.t.Helper()
	f.mu.Lock()
	before := len(f.acks["frame-"+id])
	f.mu.Unlock()
	f.send("CALLBACK", "/v1.0/im/bot/messages/get", "frame-"+id, f.message(id, sender, text, change...))
	f.until("the acknowledgement of "+id, func() bool { return len(f.acks["frame-"+id]) > before })
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.acks["frame-"+id][before]
}

// acked are the acknowledgements of a frame.
func (f *fake) acked(id string) []ack {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.acks[id]
}

// connections is how many there have been.
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

func (f *fake) config() dingstream.Config {
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.server.Certificate().Raw})
	return dingstream.Config{
		Name: "duty", ClientID: clientID, SecretFile: write(f.t, key), API: f.server.URL + "/", CAFile: write(f.t, string(cert)),
		People: spoken.People{"staff-zhang": "zhang-san", "staff-li": "li-si"},
	}
}

// start runs a stream to f until the test ends and checks then that no secret
// stands in the log.
func (f *fake) start(cfg dingstream.Config, d *spokentest.Desk, r stream.Rhythm) *log {
	f.t.Helper()
	if err := cfg.Validate(); err != nil {
		f.t.Fatal(err)
	}
	l := &log{}
	s, err := dingstream.New(cfg, spoken.NewClerk("dingtalk", cfg.People, d), slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		f.t.Fatal(err)
	}
	s.SetRhythm(r)
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
		for _, secret := range []string{key, session, "of-a-test"} {
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
