package slack_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/notifytest"
	"xunjian/alerting/notify/slack"
	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
)

func TestMain(m *testing.M) {
	// The library's test server leaves its writer behind.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/slack-go/slack/slacktest.handlePendingMessages"))
}

const incident = "INC-20260302-0001"

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var people = map[string]string{"U0000000001": "wang", "U0000000002": "smith", "U0000000003": "gone"}

var persons = []roster.Person{
	{ID: "wang", Name: "王芳", Phone: "010-5550-0102"}, {ID: "smith", Name: "J. Smith", Lang: "en"}, {ID: "li", Name: "李明", Phone: "010-5550-0101"},
}

func config(t *testing.T, server string) slack.Config {
	t.Helper()
	return slack.Config{
		GroupConfig: channel.GroupConfig{Name: "duty"}, Channel: room, TokenFile: write(t, botToken+"\n"), AppTokenFile: write(t, appToken+"\n"),
		SigningSecretFile: write(t, signing+"\n"), People: people, APIURL: server,
	}
}

// journal is a log that a test reads.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) { j.mu.Lock(); defer j.mu.Unlock(); return j.b.Write(p) }
func (j *journal) String() string              { j.mu.Lock(); defer j.mu.Unlock(); return j.b.String() }

// open is a channel of cfg, closed at the end of t. No log of it shows a
// secret.
func open(t *testing.T, cfg slack.Config, opt slack.Options) *slack.Slack {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	log := &journal{}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.NewTextHandler(log, nil))
	}
	s, err := slack.New(cfg, opt)
	if err != nil {
		t.Fatal(err)
	}
	s.Hurry()
	t.Cleanup(func() {
		s.Close()
		for _, secret := range []string{botToken, appToken, signing} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("the log shows a secret: %s", log.String())
			}
		}
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return s
}

// store is a Memory; broken, it fails.
type store struct {
	mu     sync.Mutex
	m      map[string][]byte
	broken bool
}

func newStore() *store { return &store{m: map[string][]byte{}} }

func (s *store) Load(_ context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return nil, errors.New("disk on fire")
	}
	return s.m[name], nil
}

func (s *store) Save(_ context.Context, name string, body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return errors.New("disk on fire")
	}
	s.m[name] = bytes.Clone(body)
	return nil
}

// desk is Actions of one incident, and what was asked of it.
type desk struct {
	mu      sync.Mutex
	st      channel.Standing
	asked   []string
	fail    error
	panics  bool
	gate    chan struct{} // where it is set, Act waits for it
	unknown bool
	inside  atomic.Int32
}

func newDesk(m channel.Message) *desk {
	m.Key = ""
	return &desk{st: channel.Standing{
		Message: m, StateName: "未确认", Next: []channel.Step{{ID: "s1", Title: "受理现场反映"}, {ID: "s2", Title: "切换到备用 <b>"}}, Levels: []plan.Level{plan.LevelIII, plan.LevelII},
	}}
}

func (d *desk) Act(ctx context.Context, via string, by roster.Person, id string, a channel.Action) error {
	d.inside.Add(1)
	defer d.inside.Add(-1)
	d.mu.Lock()
	gate := d.gate
	d.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			time.Sleep(50 * time.Millisecond)
			return ctx.Err()
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, strings.TrimSpace(fmt.Sprintln(via, by.ID, id, a.Do, a.Value, a.Note)))
	if d.panics {
		panic("a fault of the program")
	}
	if d.fail != nil {
		return d.fail
	}
	if id != incident {
		return channel.ErrUnknown
	}
	switch a.Do {
	case channel.Acknowledge:
		d.st.Acknowledged, d.st.StateName, d.st.Incident.State = true, "已确认", "acknowledged"
	case channel.Take:
		d.st.Acknowledged, d.st.StateName, d.st.Assignee = true, "已确认", by.Name
	case channel.StepDone:
		d.st.Next = slices.DeleteFunc(d.st.Next, func(s channel.Step) bool { return s.ID == a.Value })
	case channel.SetLevel:
		d.st.Incident.Level = plan.Level(a.Value)
	case channel.Resolve:
		d.st.StateName, d.st.Incident.Over = "已解决", true
	}
	return nil
}

func (d *desk) Stands(_ context.Context, id, lang string) (channel.Standing, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if id != incident || d.unknown {
		return channel.Standing{}, channel.ErrUnknown
	}
	return d.st, nil
}

func (d *desk) Open(context.Context, string) ([]channel.Standing, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.st.Incident.Over {
		return nil, nil
	}
	return []channel.Standing{d.st}, nil
}

func (d *desk) People() []roster.Person { return persons }

func (d *desk) did() []string { d.mu.Lock(); defer d.mu.Unlock(); return slices.Clone(d.asked) }

func (d *desk) set(change func(d *desk)) { d.mu.Lock(); defer d.mu.Unlock(); change(d) }

func note(n int) channel.Message { return notifytest.Message(notifytest.Place{}, "zh-CN", n) }

func deliver(t *testing.T, s *slack.Slack, ms ...channel.Message) {
	t.Helper()
	for _, m := range ms {
		if err := s.Deliver(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
}

// eventually waits until ok, generously.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") // nobody ever accepts
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return "http://" + l.Addr().String() + "/api/"
}

func TestContract(t *testing.T) {
	for _, answered := range []bool{false, true} {
		for _, kept := range []bool{false, true} {
			t.Run(fmt.Sprintf("answered %v, kept %v", answered, kept), func(t *testing.T) {
				notifytest.Run(t, func(t *testing.T) notifytest.Place {
					f := newFake(t)
					opt := slack.Options{}
					if answered {
						opt.Actions = newDesk(note(0))
					}
					if kept {
						opt.Memory = newStore()
					}
					return notifytest.Place{
						Channel: open(t, config(t, f.server.URL+"/api"), opt), Refused: open(t, config(t, "http://127.0.0.1:1/"), opt),
						Silent: open(t, config(t, silent(t)), opt), Secrets: []string{botToken, appToken, signing}, Identified: true, Once: true,
						Arrived: func(*testing.T) []notifytest.Arrival { return f.arrivals() },
					}
				})
			})
		}
	}
}

// arrivals are what readers have seen, the head as it was posted too.
func (f *fake) arrivals() []notifytest.Arrival {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []notifytest.Arrival
	for _, m := range f.messages {
		payload, _ := m.metadata["event_payload"].(object)
		text := m.reads() + "\n" + m.first
		out = append(out, notifytest.Arrival{ID: str(payload, "key"), Text: text})
	}
	return out
}

// The first notice is the head, the others are replies in order, and the head
// shows how the incident stands; over a restart too.
func TestThread(t *testing.T) {
	for _, answered := range []bool{false, true} {
		f, memory := newFake(t), newStore()
		cfg := config(t, f.server.URL+"/api/")
		var opt = slack.Options{Memory: memory}
		d := newDesk(note(1))
		if answered {
			opt.Actions = d
		}
		s := open(t, cfg, opt)
		m := note(1)
		m.Concerned = persons
		deliver(t, s, m, note(2), note(1))
		s = open(t, cfg, opt) // restarted
		last := note(3)
		last.Incident.State, last.Incident.Over, last.Incident.Level = "resolved", true, plan.LevelII
		d.set(func(d *desk) {
			d.st.Message = last
			d.st.StateName, d.st.Assignee, d.st.Acknowledged = "已解决", "李明", true
		})
		deliver(t, s, last, note(2), last)
		got := f.all()
		if len(got) != 3 || got[0].thread != "" || got[1].thread != got[0].ts || got[2].thread != got[0].ts {
			t.Fatalf("answered %v: %+v", answered, got)
		}
		for i := range got {
			if i > 0 && !strings.Contains(got[i].reads(), note(i+1).Subject) {
				t.Errorf("reply %d: %s", i, got[i].reads())
			}
		}
		want := []string{last.Subject, "状态：已解决", "级别：II"}
		if answered {
			want = append(want, "处理人：李明", "确认：已确认")
		}
		for _, w := range want {
			if !strings.Contains(got[0].reads(), w) {
				t.Errorf("answered %v: %q is not in the head: %s", answered, w, got[0].reads())
			}
		}
		if ids := actionIDs(got[0].blocks); !slices.Equal(ids, []string{"xunjian_link"}) {
			t.Errorf("the head of what is over has %v", ids)
		}
		if n := f.count("conversations.history"); n > 0 {
			t.Errorf("the history was asked %d times", n)
		}
		if key := str(got[0].metadata["event_payload"].(object), "key"); key != note(1).Key {
			t.Errorf("the head has the key %q", key)
		}
	}
}

// While it goes on the head has buttons, if somebody answers them.
func TestButtons(t *testing.T) {
	for _, answered := range []bool{false, true} {
		f := newFake(t)
		opt := slack.Options{Memory: newStore()}
		want := []string{"xunjian_link"}
		if answered {
			opt.Actions = newDesk(note(1))
			want = append(want, "acknowledge", "take", "step", "level", "resolve")
		}
		deliver(t, open(t, config(t, f.server.URL+"/api"), opt), note(1), note(2))
		got := f.all()
		if ids := actionIDs(got[0].blocks); !slices.Equal(ids, want) {
			t.Errorf("head: %v, want %v", ids, want)
		}
		if ids := actionIDs(got[1].blocks); !slices.Equal(ids, []string{"xunjian_link"}) {
			t.Errorf("reply: %v", ids)
		}
	}
}

// People are mentioned by their users, else named.
func TestMention(t *testing.T) {
	f := newFake(t)
	m := note(1)
	m.Concerned = append(slices.Clone(persons), roster.Person{ID: "x", Name: "<!channel> & @here"})
	deliver(t, open(t, config(t, f.server.URL+"/api"), slack.Options{}), m)
	got := f.all()[0]
	if c := got.controls(); !slices.Equal(c, []string{"<@U0000000001>", "<@U0000000002>"}) {
		t.Errorf("it calls %v", c)
	}
	// The head does not call them again when it changes.
	other := note(2)
	other.Concerned = persons[:1]
	s := open(t, config(t, f.server.URL+"/api"), slack.Options{})
	deliver(t, s, other)
	if all := f.all(); len(all) != 2 || all[0].updates != 1 || len(all[0].controls()) > 0 || len(all[1].controls()) != 1 {
		t.Errorf("%+v", all)
	}
	if text := got.reads(); !strings.Contains(text, "李明 010-5550-0101") || !strings.Contains(text, "<!channel> & ＠here") {
		t.Error(text)
	}
}

func TestDrill(t *testing.T) {
	for lang, want := range map[string]string{"zh-CN": "演练，不是真实事件", "en": "Drill, not a real incident"} {
		f := newFake(t)
		cfg := config(t, f.server.URL+"/api")
		cfg.Lang = lang
		var ms []channel.Message
		for n := range 2 {
			m := note(n)
			m.Incident.Drill = true
			ms = append(ms, m)
		}
		deliver(t, open(t, cfg, slack.Options{}), ms...)
		for _, m := range f.all() {
			if !strings.Contains(m.reads(), want) || !strings.Contains(m.text, want) {
				t.Errorf("%s: %s", lang, m.reads())
			}
		}
	}
	f := newFake(t)
	deliver(t, open(t, config(t, f.server.URL+"/api"), slack.Options{}), note(1))
	if strings.Contains(f.all()[0].reads(), "演练") {
		t.Error("a real incident is marked as a drill")
	}
}

// Nothing from outside calls anybody, is a link, or breaks a limit.
func TestHostile(t *testing.T) {
	for i, s := range append(notifytest.Strange, "<!channel> <!here> <!everyone> <@U0000000001> <#C0000000001> <http://evil.example.org|console> @channel @here @everyone",
		strings.Repeat("&", 50_000), strings.Repeat("<&>\n", 20_000), strings.Repeat("👩", 20_000), "&lt;!channel&gt;") {
		f := newFake(t)
		d := newDesk(note(1))
		d.st.Subject, d.st.Text, d.st.Assignee, d.st.StateName = s, s, s, s
		d.st.Next = []channel.Step{{ID: s, Title: s}, {ID: "s", Title: s}, {ID: "t", Title: ""}}
		for n := range 150 {
			d.st.Next = append(d.st.Next, channel.Step{ID: fmt.Sprint(n), Title: s + "."})
		}
		for n := range 100 {
			d.st.Facts = append(d.st.Facts, channel.Fact{Name: fmt.Sprint(s, n), Value: s})
		}
		sl := open(t, config(t, f.server.URL+"/api"), slack.Options{Actions: d, Memory: newStore()})
		for n := range 2 {
			m := note(n)
			m.Subject, m.Text, m.LinkText, m.Link = s, s, s, "javascript:"+s
			m.Concerned = []roster.Person{{ID: "x", Name: s, Phone: s}}
			m.Facts = d.st.Facts
			if err := sl.Deliver(t.Context(), m); err != nil {
				t.Errorf("%d %.40q: %v", i, s, err)
			}
		}
		got := f.all()
		if len(got) != 2 || got[0].updates != 1 {
			t.Fatalf("%d %.40q: %d arrived, the head with %d updates", i, s, len(got), got[0].updates)
		}
		for _, m := range got {
			if c := m.controls(); len(c) > 0 {
				t.Errorf("%d %.40q: it has %v", i, s, c)
			}
			if len(m.blocks) < 1 {
				t.Errorf("%d %.40q: the blocks were not taken", i, s)
			}
			if call := regexp.MustCompile(`@(channel|here|everyone|all)\b`).FindString(m.text + "\n" + m.reads()); call != "" {
				t.Errorf("%d %.40q: it calls %s", i, s, call)
			}
		}
	}
}

// A message whose answer was lost is not posted again: the head, a reply, by
// the same program or the next.
func TestLostAnswer(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		for _, lost := range []int{1, 2} {
			f, memory := newFake(t), newStore()
			for range 7 { // what others say, over several pages
				f.messages = append(f.messages, &message{ts: f.tick(), text: "else", user: "U0000000009"})
			}
			f.swallow = func(method string, n int) bool { return method == "chat.postMessage" && n == lost }
			cfg := config(t, f.server.URL+"/api")
			s := open(t, cfg, slack.Options{Memory: memory})
			for n := range 3 {
				err := s.Deliver(t.Context(), note(n))
				if (err != nil) != (n == lost-1) {
					t.Fatalf("notice %d: %v", n, err)
				}
				var permanent *channel.Permanent
				if errors.As(err, &permanent) {
					t.Fatal(err)
				}
				if err == nil {
					continue
				}
				if restarted {
					s = open(t, cfg, slack.Options{Memory: memory})
				}
				for range 5 {
					f.set(func(f *fake) {
						f.messages = append(f.messages, &message{ts: f.tick(), text: "else", user: "U0000000009"})
					})
				}
				deliver(t, s, note(n))
			}
			var got []message
			for _, m := range f.all() {
				if m.text != "else" {
					got = append(got, m)
				}
			}
			if len(got) != 3 || got[1].thread != got[0].ts || got[2].thread != got[0].ts || !strings.Contains(got[0].reads(), note(2).Subject) {
				t.Errorf("restarted %v, lost %d: %+v", restarted, lost, got)
			}
		}
	}
}

// A message that was not sent at all is sent at the next attempt.
func TestNeverSent(t *testing.T) {
	f := newFake(t)
	f.answer = func(method string, n int) (int, http.Header, string, bool) {
		return 502, nil, "<html>", method == "chat.postMessage" && n == 1
	}
	s := open(t, config(t, f.server.URL+"/api"), slack.Options{Memory: newStore()})
	if err := s.Deliver(t.Context(), note(1)); err == nil || !strings.Contains(err.Error(), "502") {
		t.Fatal(err)
	}
	deliver(t, s, note(1))
	if got := f.all(); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}

// Where nothing is remembered Slack's history is asked, and only what this app
// posted counts.
func TestForgotten(t *testing.T) {
	f := newFake(t)
	cfg := config(t, f.server.URL+"/api")
	forged := object{"event_type": "xunjian_notice", "event_payload": object{"incident": incident, "key": note(1).Key}}
	f.messages = append(f.messages, &message{ts: f.tick(), text: "forged", user: "U0000000EVL", bot: "B0000000EVL", metadata: forged})
	deliver(t, open(t, cfg, slack.Options{}), note(1), note(2))
	broken := newStore()
	broken.broken = true
	deliver(t, open(t, cfg, slack.Options{Memory: broken}), note(1), note(2), note(3))
	garbage := newStore()
	garbage.m["slack/duty/"+incident] = []byte("{")
	deliver(t, open(t, cfg, slack.Options{Memory: garbage}), note(3), note(4))
	got := f.all()
	if len(got) != 5 || got[1].thread != "" || !slices.ContainsFunc(got[4:], func(m message) bool { return m.thread == got[1].ts && strings.Contains(m.reads(), note(4).Subject) }) {
		t.Errorf("%+v", got)
	}
	// Where the history must not be read, people hear all the same.
	f.set(func(f *fake) { f.noHistory = true })
	deliver(t, open(t, cfg, slack.Options{}), note(5))
	if got := f.all(); len(got) != 6 {
		t.Errorf("%d messages", len(got))
	}
}

// A history that fails is waited for, but not for ever.
func TestHistoryFails(t *testing.T) {
	for _, c := range []struct {
		ago  time.Duration
		body string
		want int
	}{
		{time.Minute, `{"ok":false,"error":"internal_error"}`, 0},
		{time.Hour, `{"ok":false,"error":"internal_error"}`, 1},
		{time.Hour, `{"ok":false,"error":"ratelimited"}`, 0},
		{time.Minute, `{"ok":false,"error":"not_in_channel"}`, 1},
	} {
		f := newFake(t)
		f.answer = func(method string, n int) (int, http.Header, string, bool) {
			return 200, nil, c.body, method == "conversations.history"
		}
		m := note(1)
		m.At = time.Now().Add(-c.ago)
		m.Incident.Opened = m.At
		err := open(t, config(t, f.server.URL+"/api"), slack.Options{}).Deliver(t.Context(), m)
		if len(f.all()) != c.want || (err == nil) != (c.want == 1) {
			t.Errorf("%v %s: %d arrived, %v", c.ago, c.body, len(f.all()), err)
		}
	}
}

// Another Slack channel is another thread.
func TestMoved(t *testing.T) {
	f, memory := newFake(t), newStore()
	memory.m["slack/duty/"+incident] = []byte(`{"channel":"C0000000009","ts":"1.000001","keys":["` + note(1).Key + `"]}`)
	deliver(t, open(t, config(t, f.server.URL+"/api"), slack.Options{Memory: memory}), note(1))
	if got := f.all(); len(got) != 1 || got[0].thread != "" {
		t.Errorf("%+v", got)
	}
}

// When somebody deletes the head, the incident gets another.
func TestDeletedHead(t *testing.T) {
	for _, how := range []string{"silently", "said so"} {
		f := newFake(t)
		s := open(t, config(t, f.server.URL+"/api"), slack.Options{Memory: newStore()})
		deliver(t, s, note(1))
		f.set(func(f *fake) {
			f.messages = nil
			if how == "said so" {
				f.answer = func(method string, n int) (int, http.Header, string, bool) {
					return 200, nil, `{"ok":false,"error":"thread_not_found"}`, method == "chat.postMessage" && n == 2
				}
			}
		})
		deliver(t, s, note(2), note(3))
		got := f.all()
		if len(got) != 2 || got[0].thread != "" || got[1].thread != got[0].ts || !strings.Contains(got[0].reads(), note(3).Subject) {
			t.Errorf("%s: %+v", how, got)
		}
	}
}

// No notice waits for the head: it is brought up to date later.
func TestHeadLater(t *testing.T) {
	f := newFake(t)
	var refuse = true
	f.answer = func(method string, n int) (int, http.Header, string, bool) {
		return 200, nil, `{"ok":false,"error":"internal_error"}`, method == "chat.update" && refuse
	}
	s := open(t, config(t, f.server.URL+"/api"), slack.Options{Memory: newStore()})
	deliver(t, s, note(1), note(2), note(3))
	if got := f.all(); len(got) != 3 || got[0].updates > 0 {
		t.Fatalf("%+v", got)
	}
	f.set(func(*fake) { refuse = false })
	eventually(t, "the head is up to date", func() bool { return strings.Contains(f.all()[0].reads(), note(3).Subject) })
	// One that can never be changed is left alone.
	f.set(func(f *fake) {
		f.answer = func(method string, n int) (int, http.Header, string, bool) {
			return 200, nil, `{"ok":false,"error":"edit_window_closed"}`, method == "chat.update"
		}
	})
	deliver(t, s, note(4))
	before := f.count("chat.update")
	deliver(t, s, note(5))
	if f.count("chat.update") != before || len(f.all()) != 5 {
		t.Errorf("%d updates more", f.count("chat.update")-before)
	}
}

// A notice that comes while the head is brought up to date is not left out of
// it, however the two meet.
func TestHeadMeanwhile(t *testing.T) {
	f := newFake(t)
	f.answer = func(method string, n int) (int, http.Header, string, bool) {
		return 200, nil, `{"ok":false,"error":"internal_error"}`, method == "chat.update" && n%3 == 1
	}
	s := open(t, config(t, f.server.URL+"/api"), slack.Options{Memory: newStore()})
	for n := range 30 {
		m := note(n)
		m.Key, m.Incident.ID = fmt.Sprint(n), fmt.Sprint("INC-", n/2)
		deliver(t, s, m)
		if n%2 == 0 {
			time.Sleep(time.Duration(n) * time.Millisecond / 2)
		}
		m.Key, m.Subject, m.At = m.Key+"x", m.Subject+"x", m.At.Add(time.Hour)
		deliver(t, s, m)
	}
	for n := range 15 {
		want := note(2*n+1).Subject + "x"
		eventually(t, want, func() bool {
			return slices.ContainsFunc(f.all(), func(m message) bool { return m.thread == "" && strings.Contains(m.reads(), want) })
		})
	}
}

// Blocks that Slack does not take keep no notice from people.
func TestBlocksRefused(t *testing.T) {
	f := newFake(t)
	f.answer = func(method string, n int) (int, http.Header, string, bool) {
		return 200, nil, `{"ok":false,"error":"invalid_blocks","errors":["some new rule [json-pointer:/blocks/0]"],"response_metadata":{"messages":["[ERROR] some new rule"]}}`, n == 1
	}
	m := note(1)
	m.Concerned = persons
	deliver(t, open(t, config(t, f.server.URL+"/api"), slack.Options{Memory: newStore()}), m)
	got := f.all()
	for _, part := range []string{m.Subject, "受理客户", "服务器：web1", m.Link, "<@U0000000001>"} {
		if !strings.Contains(got[0].reads(), part) {
			t.Errorf("%q is not in %s", part, got[0].reads())
		}
	}
}

// A notice that belongs to no incident stands by itself, once.
func TestLoose(t *testing.T) {
	f, memory := newFake(t), newStore()
	cfg := config(t, f.server.URL+"/api")
	for range 2 {
		s := open(t, cfg, slack.Options{Memory: memory, Actions: newDesk(note(1))})
		for n := range 2 {
			m := note(n)
			m.Incident = channel.Incident{}
			deliver(t, s, m)
		}
	}
	if got := f.all(); len(got) != 2 || got[0].thread+got[1].thread != "" || got[0].updates > 0 {
		t.Errorf("%+v", got)
	}
}

// What each answer comes to.
func TestAnswers(t *testing.T) {
	said := func(code string) string { return `{"ok":false,"error":"` + code + `"}` }
	for _, c := range []struct {
		status    int
		header    http.Header
		body      string
		permanent bool
		wait      time.Duration
		says      string
	}{
		{429, http.Header{"Retry-After": {"30"}}, said("ratelimited"), false, 30 * time.Second, "told too much"},
		{429, http.Header{"Retry-After": {"0"}}, said("ratelimited"), false, time.Second, ""},
		{429, http.Header{"Retry-After": {"999999"}}, said("ratelimited"), false, time.Hour, ""},
		{429, nil, said("ratelimited"), false, 30 * time.Second, ""},
		{200, nil, said("ratelimited"), false, 30 * time.Second, ""},
		{200, nil, said("msg_too_long"), true, 0, ""},
		{200, nil, said("no_text"), true, 0, ""},
		{200, nil, said("channel_not_found"), false, 0, "check channel"},
		{200, nil, said("not_in_channel"), false, 0, "invite the app"},
		{200, nil, said("is_archived"), false, 0, "out of the archive"},
		{200, nil, said("invalid_auth"), false, 0, "token_file"},
		{200, nil, said("account_inactive"), false, 0, "token_file"},
		{200, nil, said("token_revoked"), false, 0, "token_file"},
		{200, nil, `{"ok":false,"error":"missing_scope","needed":"chat:write","provided":"x"}`, false, 0, "scope chat:write"},
		{200, nil, said("restricted_action"), false, 0, "workspace's rules"},
		{200, nil, said("internal_error"), false, 0, ""},
		{200, nil, said("new_error_of_next_year"), false, 0, "new_error_of_next_year"},
		{200, nil, `{}`, false, 0, "not Slack's"},
		{200, nil, `{"ok":false}`, false, 0, "not Slack's"},
		{200, nil, ``, false, 0, ""},
		{200, nil, `<html>sign in to the guest network</html>`, false, 0, ""},
		{302, http.Header{"Location": {"http://127.0.0.1:1/"}}, ``, false, 0, "302"},
		{500, nil, `<html>`, false, 0, "500"},
		{413, nil, ``, true, 0, "413"},
		{200, nil, said("you sent " + botToken), false, 0, "you sent <secret>"},
	} {
		f := newFake(t)
		f.answer = func(method string, n int) (int, http.Header, string, bool) {
			return c.status, c.header, c.body, method == "chat.postMessage"
		}
		err := open(t, config(t, f.server.URL+"/api"), slack.Options{Memory: newStore()}).Deliver(t.Context(), note(1))
		var permanent *channel.Permanent
		var after *channel.RetryAfter
		var wait time.Duration
		if errors.As(err, &after) {
			wait = after.After
		}
		if err == nil || errors.As(err, &permanent) != c.permanent || wait != c.wait || f.count("chat.postMessage") != 1 || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), botToken) {
			t.Errorf("%d %s: %v after %v, %d requests; want permanent: %v, after %v, %q", c.status, c.body, err, wait, f.count("chat.postMessage"), c.permanent, c.wait, c.says)
		}
	}
	for room, want := range map[string]string{"C00000NOTIN": "not_in_channel", "C00ARCHIVED": "is_archived", "C000000NONE": "channel_not_found"} {
		f := newFake(t)
		cfg := config(t, f.server.URL+"/api")
		cfg.Channel = room
		if err := open(t, cfg, slack.Options{Memory: newStore()}).Deliver(t.Context(), note(1)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", room, err)
		}
	}
	f := newFake(t)
	cfg := config(t, f.server.URL+"/api")
	s := open(t, cfg, slack.Options{Memory: newStore()})
	os.WriteFile(cfg.TokenFile, []byte("xoxb-another"), 0o600)
	if err := s.Deliver(t.Context(), note(1)); err == nil || !strings.Contains(err.Error(), "invalid_auth") {
		t.Error(err)
	}
	os.WriteFile(cfg.TokenFile, []byte(botToken), 0o600) // mended
	deliver(t, s, note(1))
	if n := len(f.all()); n != 1 {
		t.Errorf("%d arrived", n)
	}
}

// It keeps to the rate of itself, and heeds a limit for all notices.
func TestRate(t *testing.T) {
	f := newFake(t)
	f.unlimited = false
	s, err := slack.New(config(t, f.server.URL+"/api"), slack.Options{Memory: newStore()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	deliver(t, s, note(1), note(2), note(3))
	if n := f.count("chat.postMessage"); n != 3 || len(f.all()) != 3 {
		t.Errorf("%d requests", n)
	}
	f.set(func(f *fake) {
		f.answer = func(method string, n int) (int, http.Header, string, bool) {
			return 429, http.Header{"Retry-After": {"60"}}, `{"ok":false,"error":"ratelimited"}`, n == 4
		}
	})
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		err = s.Deliver(ctx, note(4))
		cancel()
		var after *channel.RetryAfter
		if !errors.As(err, &after) || after.After < 50*time.Second || f.count("chat.postMessage") != 4 {
			t.Errorf("%v after %d requests", err, f.count("chat.postMessage"))
		}
	}
}

// Many at once are one thread.
func TestAtOnce(t *testing.T) {
	f := newFake(t)
	s := open(t, config(t, f.server.URL+"/api"), slack.Options{Memory: newStore(), Actions: newDesk(note(0))})
	var wg sync.WaitGroup
	for n := range 20 {
		wg.Go(func() {
			if err := s.Deliver(t.Context(), note(n%10)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	heads, keys := 0, map[string]int{}
	for _, m := range f.all() {
		if m.thread == "" {
			heads++
		}
		keys[str(m.metadata["event_payload"].(object), "key")]++
	}
	if heads != 1 || len(keys) != 10 || slices.Max(slices.Collect(maps.Values(keys))) != 1 {
		t.Errorf("%d heads, %v", heads, keys)
	}
}

func TestHTTPFaults(t *testing.T) {
	notifytest.HTTPFaults(t, roster.Person{}, []string{botToken, appToken, signing}, func(t *testing.T, s notifytest.Side) channel.Channel {
		return open(t, config(t, s.URL+"/api"), slack.Options{})
	})
}
