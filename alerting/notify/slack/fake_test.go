package slack_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

const (
	botToken = "xoxb-000000000000-example-of-a-test"
	appToken = "xapp-1-A00000000-example-of-a-test"
	signing  = "00000000000000000000example00000"
	room     = "C0000000001"
	botUser  = "U0000000B0T"
	botID    = "B0000000001"
)

type object = map[string]any

// message is one as Slack keeps it.
type message struct {
	ts, thread, text, bot, user string
	blocks                      []object
	metadata                    object
	updates                     int
	first                       string // as it was read before it was changed
}

// ephemeral is what one person was shown.
type ephemeral struct {
	user, channel, text string
	blocks              []object
	byURL               bool
}

// fake answers as Slack's public documents say: tokens, required fields, the
// validity of blocks, metadata and views, and the rate are checked. An error
// comes as ok: false within HTTP's 200, but for the rate.
type fake struct {
	t      *testing.T
	server *httptest.Server

	mu sync.Mutex
	// unlimited takes any number of messages a second.
	unlimited bool
	// noHistory says that the app lacks the scope.
	noHistory bool
	// answer, where it is set, is given to the nth call of a method instead.
	answer func(method string, n int) (status int, header http.Header, body string, ok bool)
	// swallow says that the nth call of a method is done, and its answer lost.
	swallow func(method string, n int) bool

	calls      map[string]int
	order      []string
	messages   []*message
	last       time.Time
	clock      int64
	ephemerals []ephemeral
	views      []object
	triggers   map[string]bool

	opened  int
	sockets chan *socket
}

func newFake(t *testing.T) *fake {
	f := &fake{t: t, unlimited: true, calls: map[string]int{}, clock: time.Now().Unix(), triggers: map[string]bool{}, sockets: make(chan *socket, 16)}
	f.server = httptest.NewServer(f)
	t.Cleanup(f.server.Close)
	return f
}

type refusal struct {
	code   string
	detail []string
}

func (r refusal) Error() string { return r.code }

func refuse(code string, detail ...string) error { return refusal{code, detail} }

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/link":
		f.socket(w, r)
		return
	case strings.HasPrefix(r.URL.Path, "/respond/"):
		f.respond(w, r)
		return
	}
	method := strings.TrimPrefix(r.URL.Path, "/api/")
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[method]++
	f.order = append(f.order, method)
	n := f.calls[method]
	if f.answer != nil {
		if status, header, body, ok := f.answer(method, n); ok {
			for k, v := range header {
				w.Header()[k] = v
			}
			w.WriteHeader(status)
			io.WriteString(w, body)
			return
		}
	}
	args, err := arguments(r, raw)
	if err == nil {
		err = f.authorized(method, r, args)
	}
	if err == nil && method == "chat.postMessage" && !f.unlimited {
		if since := time.Since(f.last); since < time.Second {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			io.WriteString(w, `{"ok":false,"error":"ratelimited"}`)
			return
		}
		f.last = time.Now()
	}
	answer := object{}
	if err == nil {
		answer, err = f.do(method, args)
	}
	if f.swallow != nil && f.swallow(method, n) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if err != nil {
		var r refusal
		errors.As(err, &r)
		answer = object{"ok": false, "error": r.code}
		if r.detail != nil {
			answer["errors"] = r.detail
			answer["response_metadata"] = object{"messages": r.detail}
		}
		if r.code == "missing_scope" {
			answer["needed"], answer["provided"] = "channels:history", "chat:write"
		}
	} else {
		answer["ok"] = true
	}
	json.NewEncoder(w).Encode(answer)
}

// arguments are those of a form, or of JSON.
func arguments(r *http.Request, raw []byte) (object, error) {
	out := object{}
	if r.Method != http.MethodPost {
		return nil, refuse("method_not_allowed")
	}
	switch kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind {
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(raw))
		if err != nil {
			return nil, refuse("invalid_form_data")
		}
		for k := range form {
			out[k] = form.Get(k)
		}
	case "application/json":
		if len(raw) > 0 && json.Unmarshal(raw, &out) != nil {
			return nil, refuse("invalid_json")
		}
	default:
		return nil, refuse("invalid_post_type")
	}
	return out, nil
}

func (f *fake) authorized(method string, r *http.Request, args object) error {
	given, _ := args["token"].(string)
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		given = bearer
	}
	want := botToken
	if method == "apps.connections.open" {
		want = appToken
	}
	switch {
	case given == "":
		return refuse("not_authed")
	case given == want:
		return nil
	case given == botToken || given == appToken:
		return refuse("not_allowed_token_type")
	}
	return refuse("invalid_auth")
}

func str(args object, key string) string { s, _ := args[key].(string); return s }

func (f *fake) do(method string, args object) (object, error) {
	if strings.HasPrefix(method, "chat.") || strings.HasPrefix(method, "conversations.") {
		switch str(args, "channel") {
		case room:
		case "C00000NOTIN":
			return nil, refuse("not_in_channel")
		case "C00ARCHIVED":
			return nil, refuse("is_archived")
		default:
			return nil, refuse("channel_not_found")
		}
	}
	switch method {
	case "auth.test":
		return object{"user_id": botUser, "bot_id": botID, "team_id": "T0000000001"}, nil
	case "chat.postMessage":
		return f.postMessage(args)
	case "chat.update":
		return f.update(args)
	case "chat.postEphemeral":
		blocks, _, err := content(args)
		if err != nil {
			return nil, err
		}
		if !regexp.MustCompile(`^[UW][A-Z0-9]+$`).MatchString(str(args, "user")) {
			return nil, refuse("user_not_in_channel")
		}
		f.ephemerals = append(f.ephemerals, ephemeral{str(args, "user"), str(args, "channel"), str(args, "text"), blocks, false})
		return object{"message_ts": f.tick()}, nil
	case "conversations.history", "conversations.replies":
		return f.history(method, args)
	case "views.open":
		return f.open(args)
	case "apps.connections.open":
		f.opened++
		return object{"url": "ws" + strings.TrimPrefix(f.server.URL, "http") + "/link?ticket=" + strconv.Itoa(f.opened)}, nil
	}
	return nil, refuse("unknown_method")
}

func (f *fake) tick() string { f.clock++; return fmt.Sprintf("%d.%06d", f.clock, f.clock%1000000) }

func (f *fake) find(ts string) *message {
	for _, m := range f.messages {
		if m.ts == ts {
			return m
		}
	}
	return nil
}

// content checks what a message consists of.
func content(args object) ([]object, object, error) {
	text := str(args, "text")
	if len(text) > 40_000 || !utf8.ValidString(text) {
		return nil, nil, refuse("msg_too_long")
	}
	var blocks []object
	if s := str(args, "blocks"); s != "" {
		if json.Unmarshal([]byte(s), &blocks) != nil {
			return nil, nil, refuse("invalid_blocks_format")
		}
	}
	if text == "" && len(blocks) == 0 {
		return nil, nil, refuse("no_text")
	}
	if faults := check(blocks, "message"); len(faults) > 0 {
		return nil, nil, refuse("invalid_blocks", faults...)
	}
	total := 0
	for _, b := range blocks {
		total += utf8.RuneCountInString(words(b))
	}
	if total > 13_000 {
		return nil, nil, refuse("msg_blocks_too_long")
	}
	var metadata object
	if s := str(args, "metadata"); s != "" {
		if json.Unmarshal([]byte(s), &metadata) != nil {
			return nil, nil, refuse("invalid_metadata_format")
		}
		payload, ok := metadata["event_payload"].(object)
		if !ok || str(metadata, "event_type") == "" {
			return nil, nil, refuse("invalid_metadata_schema")
		}
		for _, v := range payload {
			if _, ok := v.(string); !ok {
				return nil, nil, refuse("invalid_metadata_schema")
			}
		}
	}
	return blocks, metadata, nil
}

func (f *fake) postMessage(args object) (object, error) {
	blocks, metadata, err := content(args)
	if err != nil {
		return nil, err
	}
	thread := str(args, "thread_ts")
	if thread != "" && !regexp.MustCompile(`^[0-9]{10}\.[0-9]{6}$`).MatchString(thread) {
		return nil, refuse("invalid_thread_ts")
	}
	if root := f.find(thread); thread != "" && (root == nil || root.thread != "") {
		thread = "" // Slack says nothing of it: the reply stands by itself
	}
	m := &message{ts: f.tick(), thread: thread, text: str(args, "text"), bot: botID, user: botUser, blocks: blocks, metadata: metadata}
	f.messages = append(f.messages, m)
	return object{"channel": room, "ts": m.ts, "message": m.json(true)}, nil
}

func (f *fake) update(args object) (object, error) {
	blocks, metadata, err := content(args)
	if err != nil {
		return nil, err
	}
	m := f.find(str(args, "ts"))
	if m == nil {
		return nil, refuse("message_not_found")
	}
	if m.bot != botID {
		return nil, refuse("cant_update_message")
	}
	if m.updates++; m.updates == 1 {
		m.first = m.reads()
	}
	m.text, m.blocks = str(args, "text"), blocks
	if metadata != nil {
		m.metadata = metadata
	}
	return object{"channel": room, "ts": m.ts, "text": m.text}, nil
}

func (m *message) json(metadata bool) object {
	out := object{"type": "message", "ts": m.ts, "text": m.text, "bot_id": m.bot, "user": m.user, "blocks": m.blocks}
	if m.thread != "" {
		out["thread_ts"] = m.thread
	}
	if metadata && m.metadata != nil {
		out["metadata"] = m.metadata
	}
	return out
}

// history reads pages of at most three, whatever limit allows: Slack may give
// fewer.
func (f *fake) history(method string, args object) (object, error) {
	if f.noHistory {
		return nil, refuse("missing_scope")
	}
	if limit, err := strconv.Atoi(str(args, "limit")); err != nil || limit < 1 || limit > 999 {
		return nil, refuse("invalid_limit")
	}
	var found []*message
	if method == "conversations.replies" {
		root := f.find(str(args, "ts"))
		if root == nil {
			return nil, refuse("thread_not_found")
		}
		found = append(found, root)
		for _, m := range f.messages {
			if m.thread == root.ts && m.ts > str(args, "oldest") {
				found = append(found, m)
			}
		}
	} else {
		for _, m := range slices.Backward(f.messages) {
			if m.thread == "" && m.ts > str(args, "oldest") {
				found = append(found, m)
			}
		}
	}
	at, _ := strconv.Atoi(str(args, "cursor"))
	end := min(at+3, len(found))
	page := []object{}
	for _, m := range found[min(at, end):end] {
		page = append(page, m.json(str(args, "include_all_metadata") == "1"))
	}
	out := object{"messages": page, "has_more": end < len(found)}
	if end < len(found) {
		out["response_metadata"] = object{"next_cursor": strconv.Itoa(end)}
	}
	return out, nil
}

func (f *fake) open(args object) (object, error) {
	fresh, known := f.triggers[str(args, "trigger_id")]
	switch {
	case !known:
		return nil, refuse("invalid_trigger_id")
	case !fresh:
		return nil, refuse("exchanged_trigger_id")
	}
	f.triggers[str(args, "trigger_id")] = false
	view, _ := args["view"].(object)
	var faults []string
	if str(view, "type") != "modal" {
		faults = append(faults, "type")
	}
	for _, k := range []string{"title", "submit", "close"} {
		text, _ := view[k].(object)
		faults = append(faults, checkText(text, k, 24, "plain_text")...)
	}
	if len(str(view, "private_metadata")) > 3000 || len(str(view, "callback_id")) > 255 {
		faults = append(faults, "private_metadata or callback_id")
	}
	faults = append(faults, check(list(view["blocks"]), "view")...)
	if len(faults) > 0 {
		return nil, refuse("invalid_arguments", faults...)
	}
	f.views = append(f.views, view)
	return object{"view": object{"id": "V" + strconv.Itoa(len(f.views))}}, nil
}

func (f *fake) respond(w http.ResponseWriter, r *http.Request) {
	var args object
	raw, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, "/used") {
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"ok":false,"error":"used_url"}`)
		return
	}
	if json.Unmarshal(raw, &args) != nil || r.Header.Get("Authorization") != "" || strings.Contains(string(raw), botToken) {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, "invalid_payload")
		return
	}
	blocks := list(args["blocks"])
	if faults := check(blocks, "message"); len(faults) > 0 || str(args, "response_type") != "ephemeral" || args["replace_original"] == true {
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintf(w, "invalid_blocks %v", faults)
		return
	}
	f.ephemerals = append(f.ephemerals, ephemeral{strings.TrimPrefix(r.URL.Path, "/respond/"), "", str(args, "text"), blocks, true})
	io.WriteString(w, "ok")
}

func list(v any) []object {
	var out []object
	items, _ := v.([]any)
	for _, item := range items {
		o, _ := item.(object)
		out = append(out, o)
	}
	return out
}

func checkText(o object, where string, limit int, kinds ...string) []string {
	text := str(o, "text")
	n := 0
	for _, r := range text {
		if n++; r > 0xffff {
			n++
		}
	}
	if !slices.Contains(kinds, str(o, "type")) || n < 1 || n > limit {
		return []string{fmt.Sprintf("%s: a text of the type %q with %d characters; at most %d", where, str(o, "type"), n, limit)}
	}
	if o["verbatim"] != nil && str(o, "type") == "plain_text" || o["emoji"] != nil && str(o, "type") != "plain_text" {
		return []string{where + ": emoji or verbatim with the wrong type"}
	}
	return nil
}

// check returns what is wrong with blocks, as Block Kit's reference has it.
func check(blocks []object, surface string) (faults []string) {
	if len(blocks) > 50 {
		faults = append(faults, "no more than 50 items allowed [json-pointer:/blocks]")
	}
	ids := map[string]bool{}
	for i, b := range blocks {
		where := fmt.Sprintf("/blocks/%d", i)
		if id := str(b, "block_id"); id != "" {
			if ids[id] || len(id) > 255 {
				faults = append(faults, where+": block_id")
			}
			ids[id] = true
		}
		text, _ := b["text"].(object)
		switch str(b, "type") {
		case "header":
			faults = append(faults, checkText(text, where, 150, "plain_text")...)
		case "section":
			faults = append(faults, checkText(text, where, 3000, "plain_text", "mrkdwn")...)
		case "actions":
			elements := list(b["elements"])
			if len(elements) < 1 || len(elements) > 25 {
				faults = append(faults, where+": elements")
			}
			used := map[string]bool{}
			for _, e := range elements {
				faults = append(faults, element(e, where, used)...)
			}
		case "input":
			label, _ := b["label"].(object)
			e, _ := b["element"].(object)
			faults = append(faults, checkText(label, where, 2000, "plain_text")...)
			if limit, _ := e["max_length"].(float64); surface != "view" || str(e, "type") != "plain_text_input" || limit < 1 || limit > 3000 {
				faults = append(faults, where+": input")
			}
		default:
			faults = append(faults, where+": unsupported type: "+str(b, "type"))
		}
	}
	return faults
}

func element(e object, where string, used map[string]bool) (faults []string) {
	id := str(e, "action_id")
	if id == "" || len(id) > 255 || used[id] {
		faults = append(faults, where+": action_id "+id)
	}
	used[id] = true
	text, _ := e["text"].(object)
	switch str(e, "type") {
	case "button":
		faults = append(faults, checkText(text, where, 75, "plain_text")...)
		if len(str(e, "value")) > 2000 || len(str(e, "url")) > 3000 || !slices.Contains([]string{"", "primary", "danger"}, str(e, "style")) {
			faults = append(faults, where+": button")
		}
		if u, err := url.Parse(str(e, "url")); str(e, "url") != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http") {
			faults = append(faults, where+": url")
		}
	case "static_select":
		placeholder, _ := e["placeholder"].(object)
		faults = append(faults, checkText(placeholder, where, 150, "plain_text")...)
		options := list(e["options"])
		if len(options) < 1 || len(options) > 100 {
			faults = append(faults, where+": options")
		}
		for _, o := range options {
			text, _ := o["text"].(object)
			faults = append(faults, checkText(text, where, 75, "plain_text")...)
			if v := str(o, "value"); v == "" || len(v) > 75 {
				faults = append(faults, where+": option's value")
			}
		}
	default:
		faults = append(faults, where+": unsupported element: "+str(e, "type"))
	}
	return faults
}

// words are the texts of a block, one in each line, as they were sent.
func words(v any) string {
	var out []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case object:
			for _, k := range []string{"text", "placeholder", "label", "elements", "element", "options", "url"} {
				if s, ok := v[k].(string); ok {
					out = append(out, s)
				} else if v[k] != nil {
					walk(v[k])
				}
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		case []object:
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(v)
	return strings.Join(out, "\n")
}

// reads is a message as its reader has it: the entities are what they stand
// for.
func (m *message) reads() string {
	if len(m.blocks) == 0 {
		return html.UnescapeString(m.text)
	}
	return html.UnescapeString(words(m.blocks))
}

// actionIDs are what can be pressed or chosen under a message.
func actionIDs(blocks []object) []string {
	var out []string
	for _, b := range blocks {
		if str(b, "type") == "actions" {
			for _, e := range list(b["elements"]) {
				out = append(out, strings.TrimPrefix(str(e, "action_id"), "xunjian/"))
			}
		}
	}
	return out
}

// control is what Slack would read as a mention, a link or a command.
var control = regexp.MustCompile(`<[!@#a-zA-Z/][^>]*>`)

// controls are what Slack would act on in a message.
func (m *message) controls() []string {
	return append(control.FindAllString(m.text, -1), control.FindAllString(words(m.blocks), -1)...)
}

// all are copies of the messages as they stand.
func (f *fake) all() []message {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []message
	for _, m := range f.messages {
		out = append(out, *m)
	}
	return out
}

func (f *fake) count(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[method]
}

func (f *fake) told() []ephemeral {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.ephemerals)
}

func (f *fake) forms() []object {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.views)
}

func (f *fake) set(change func(f *fake)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// socket is one connection of Socket Mode, as Slack's side has it.
type socket struct {
	conn *websocket.Conn
	acks chan object
	gone chan struct{}
	mu   sync.Mutex
}

func (f *fake) socket(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("ticket") != strconv.Itoa(f.opens()) {
		http.Error(w, "ticket", http.StatusForbidden)
		return
	}
	conn, err := (&websocket.Upgrader{}).Upgrade(w, &http.Request{Method: r.Method, Header: without(r.Header, "Origin"), Host: r.Host, Proto: r.Proto, ProtoMajor: 1, ProtoMinor: 1}, nil)
	if err != nil {
		f.t.Error(err)
		return
	}
	s := &socket{conn: conn, acks: make(chan object, 64), gone: make(chan struct{})}
	s.send(object{"type": "hello", "num_connections": 1, "connection_info": object{"app_id": "A0000000001"}, "debug_info": object{"host": "applink"}})
	f.sockets <- s
	defer conn.Close()
	defer close(s.gone)
	for {
		var ack object
		if conn.ReadJSON(&ack) != nil {
			return
		}
		s.acks <- ack
	}
}

func without(h http.Header, key string) http.Header {
	h = h.Clone()
	h.Del(key)
	return h
}

func (f *fake) opens() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.opened
}

func (s *socket) send(v any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn.WriteJSON(v)
}
