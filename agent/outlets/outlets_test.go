package outlets_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"xunjian/agent/outlets"
	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/notify"
	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/policy"
	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
	"xunjian/alerting/roster"
	"xunjian/alerting/store"
	"xunjian/alerting/text"
)

// way is a channel to people or, with hears, to a group.
type way struct {
	name string
	fail func() error
	mu   sync.Mutex
	got  []string
}

func (w *way) Name() string { return w.name }
func (w *way) Deliver(_ context.Context, m channel.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.fail(); err != nil {
		return err
	}
	w.got = append(w.got, m.Recipient+" "+m.Kind)
	return nil
}
func (w *way) all() []string { w.mu.Lock(); defer w.mu.Unlock(); return slices.Clone(w.got) }

type personal struct{ *way }

func (personal) Reaches(p roster.Person) bool { return p.Mail != "" }

type group struct{ *way }

func (group) Hears([]string) bool { return true }
func (group) Lang() string        { return "en" }

func well() error { return nil }

var people = roster.Roster{People: []roster.Person{
	{ID: "wang", Name: "王芳", Roles: []string{"tech-staff"}, Mail: "wang@example.org"},
	{ID: "li", Name: "李明", Roles: []string{"tech-staff"}, Phone: "010-5550-0101"},
}}

// desk builds a desk with a worker whose notices go over these ways.
func desk(t testing.TB, cfg policy.Config, ways ...notify.Channel) (*alerting.Desk, *outlets.Outlets, *notify.Worker) {
	t.Helper()
	st, err := store.Open(context.Background(), filepath.Join(t.TempDir(), "x.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	catalog, err := text.Load(time.UTC, notify.Messages, incident.Messages, policy.Messages)
	if err != nil {
		t.Fatal(err)
	}
	shipped := planfile.Default()
	var d *alerting.Desk
	var w *notify.Worker
	o, err := outlets.New(context.Background(), outlets.Lines{Ways: ways, Policy: policy.New(cfg, time.UTC, func(time.Time) bool { return true })}, outlets.Options{
		Store: st, Catalog: catalog, Host: "web1", Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		Desk: func() outlets.Desk { return d }, Wake: func() { w.Wake() },
	})
	if err != nil {
		t.Fatal(err)
	}
	w = notify.NewWorker(notify.Options{
		Outbox: st, Channels: ways, Fallback: o.Fallback,
		Words: &notify.Words{Catalog: catalog, Plan: func(incident.Incident) *plan.Plan { return shipped }, Roster: func() roster.Roster { return people }},
	})
	d, err = alerting.NewDesk(context.Background(), alerting.Options{
		Store: st, Basis: alerting.Basis{Plan: shipped, Roster: people}, Host: "web1", Zone: time.UTC, Routes: o.Routes, Manner: o.Manner, Wake: w.Wake,
	})
	if err != nil {
		t.Fatal(err)
	}
	return d, o, w
}

func open(t *testing.T, d *alerting.Desk) incident.Incident {
	t.Helper()
	i, err := d.Open(context.Background(), incident.Actor{Kind: "person", Name: "x", Via: "test"}, alerting.Report{Code: "E01", Title: "disk"})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// What a group's channel does not take goes, after a while, to those whom it
// concerns over the channels that reach them, once; the group hears it when its
// channel is back.
func TestFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		robot := group{&way{name: "robot/duty", fail: func() error {
			if up.Load() {
				return nil
			}
			return errors.New("no route to host")
		}}}
		mail := personal{&way{name: "mail", fail: well}}
		// The policy sends to the group alone.
		cfg := policy.Config{Rules: []policy.Rule{{Name: "group", Channels: []string{"robot/*"}}}}
		d, _, w := desk(t, cfg, robot, mail, notify.NewJournal(discard{}, false))
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); w.Run(ctx) }()
		defer func() { cancel(); <-done }()
		open(t, d)
		time.Sleep(20 * time.Second)
		if got := mail.all(); len(got) > 0 {
			t.Errorf("at once over mail too: %q", got)
		}
		time.Sleep(5 * time.Minute)
		if got := mail.all(); !slices.Equal(got, []string{"wang opened"}) {
			t.Errorf("by mail: %q", got)
		}
		if h := w.Health()["robot/duty"]; time.Since(h.FailingSince) < 5*time.Minute || !strings.Contains(h.Error, "no route") {
			t.Errorf("its health: %+v", h)
		}
		up.Store(true)
		time.Sleep(time.Hour)
		if got := robot.all(); len(got) != 1 {
			t.Errorf("the group heard %q", got)
		}
		if got := mail.all(); len(got) != 1 {
			t.Errorf("by mail in the end: %q", got)
		}
		if h := w.Health()["robot/duty"]; !h.FailingSince.IsZero() {
			t.Errorf("its health when it is back: %+v", h)
		}
	})
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// Other lines put in force hold at once, what ran beside the old ones ends and
// is closed, and what breaks down is begun again.
func TestRevise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, o, _ := desk(t, policy.Config{}, personal{&way{name: "mail", fail: well}})
		var mu sync.Mutex
		var log []string
		say := func(s string) { mu.Lock(); log = append(log, s); mu.Unlock() }
		line := func(name string) outlets.Lines {
			broken := true
			return outlets.Lines{
				Ways: []notify.Channel{group{&way{name: "robot/" + name, fail: well}}}, Policy: policy.New(policy.Config{}, time.UTC, nil),
				Heard: map[string]http.Handler{"robot/" + name: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })},
				Ends:  []func() error{func() error { say("end " + name); return nil }},
				Runs: []outlets.Running{{Name: name, Run: func(ctx context.Context) error {
					say("run " + name)
					if broken {
						broken = false
						panic("broken")
					}
					<-ctx.Done()
					return nil
				}}},
			}
		}
		o.Revise(line("a"))
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); o.Run(ctx) }()
		time.Sleep(time.Minute)
		o.Revise(line("b"))
		synctest.Wait()
		if got := o.Channels(); !slices.Equal(got, []string{"robot/b"}) {
			t.Errorf("channels %q", got)
		}
		for path, want := range map[string]int{"/heard/robot/a": 404, "/heard/robot/b": 418, "/heard/": 404} {
			rec := httptest.NewRecorder()
			o.Heard().ServeHTTP(rec, httptest.NewRequest("POST", path, nil))
			if rec.Code != want {
				t.Errorf("%s: %d, want %d", path, rec.Code, want)
			}
		}
		time.Sleep(time.Minute)
		cancel()
		<-done
		mu.Lock()
		defer mu.Unlock()
		if got := strings.Join(log, ", "); got != "run a, run a, end a, run b, run b, end b" {
			t.Errorf("it went: %s", got)
		}
	})
}

// A test of a channel goes to one person, past the outbox, and says why it did
// not arrive.
func TestTryChannel(t *testing.T) {
	mail := personal{&way{name: "mail", fail: well}}
	broken := group{&way{name: "robot/duty", fail: func() error { return errors.New("310000: keywords not in content") }}}
	_, o, _ := desk(t, policy.Config{}, mail, broken)
	for _, c := range []struct {
		channel, person string
		want            error
		text            string
	}{
		{"mail", "wang", nil, ""}, {"mail", "li", channel.ErrNotReached, ""}, {"mail", "", channel.ErrNotReached, ""}, {"pigeon", "wang", channel.ErrNoChannel, ""}, {"robot/duty", "", nil, "keywords"},
	} {
		err := o.Test(t.Context(), c.channel, c.person, "en")
		if c.text != "" && (err == nil || !strings.Contains(err.Error(), c.text)) || c.text == "" && !errors.Is(err, c.want) {
			t.Errorf("%s to %q: %v", c.channel, c.person, err)
		}
	}
	if got := mail.all(); !slices.Equal(got, []string{"wang test"}) {
		t.Errorf("arrived: %q", got)
	}
}

func named(name string) channel.GroupConfig { return channel.GroupConfig{Name: name} }
