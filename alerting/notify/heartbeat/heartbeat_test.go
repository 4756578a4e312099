package heartbeat_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/heartbeat"
	"xunjian/checks/external"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// nowhere keeps nothing of the jobs.
type nowhere struct{ sync.Mutex }

func (*nowhere) LoadJobs(context.Context) (map[string][]byte, error) { return nil, nil }
func (*nowhere) SaveJob(context.Context, string, []byte) error       { return nil }

// A heart beats at the job of another server's agent; it falls silent while its
// own agent does not work, and says why the other side takes nothing.
func TestBeat(t *testing.T) {
	const token = "0123456789abcdef01234567"
	var beats atomic.Int64
	var gone atomic.Bool
	jobs, err := external.OpenJobs(t.Context(), []external.JobConfig{{Name: "web1", Token: token, Every: time.Hour, Grace: time.Hour}}, external.JobsOptions{
		Store: &nowhere{}, Zone: time.UTC, Reported: func(string) { beats.Add(1) },
	})
	if err != nil {
		t.Fatal(err)
	}
	peer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if gone.Load() {
			http.Error(w, "no such place: "+r.URL.Path, http.StatusNotFound)
			return
		}
		jobs.Handler().ServeHTTP(w, r)
	}))
	defer peer.Close()
	cfg := heartbeat.Config{Name: "peer", URLFile: write(t, peer.URL+"/ping/"+token), Every: 10 * time.Second}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	var ill atomic.Pointer[error]
	works := func(context.Context) error {
		if e := ill.Load(); e != nil {
			return *e
		}
		return nil
	}
	var log bytes.Buffer
	once := func() heartbeat.State {
		h, err := heartbeat.New(cfg, heartbeat.Options{Works: works, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); h.Run(ctx) }()
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			if s := h.State(); !s.Beat.IsZero() || s.Error != "" {
				break
			}
		}
		cancel()
		<-done
		return h.State()
	}
	if s := once(); s.Beat.IsZero() || s.Error != "" || beats.Load() != 1 {
		t.Errorf("%+v, %d beats", s, beats.Load())
	}
	stuck := errors.New("checks have not come to a result")
	ill.Store(&stuck)
	if s := once(); !s.Beat.IsZero() || !strings.Contains(s.Error, "not come to a result") || beats.Load() != 1 {
		t.Errorf("an agent that does not work: %+v, %d beats", s, beats.Load())
	}
	ill.Store(nil)
	gone.Store(true)
	if s := once(); !strings.Contains(s.Error, "404") || strings.Contains(s.Error+log.String(), token) {
		t.Errorf("refused: %+v\n%s", s, log.String())
	}
	peer.Close()
	if s := once(); s.Error == "" || strings.Contains(s.Error+log.String(), token) {
		t.Errorf("away: %+v\n%s", s, log.String())
	}
}

func TestConfig(t *testing.T) {
	for want, cfg := range map[string]heartbeat.Config{
		"":                       {Name: "a", URL: "https://watch.example.org/x", Every: time.Minute},
		"name: ":                 {Name: "A b", URL: "https://watch.example.org/x", Every: time.Minute},
		"url: give one of":       {Name: "a", Every: time.Minute},
		"url: give one of url":   {Name: "a", URL: "https://watch.example.org/x", Mail: "watch@example.org", Every: time.Hour},
		"mail: \"watch\" is not": {Name: "a", Mail: "watch", Every: time.Hour},
		"mail: has neither":      {Name: "a", Mail: "watch@example.org", CAFile: write(t, "x"), Every: time.Hour},
		"every: 1m0s is out of range; allowed for mail": {Name: "a", Mail: "watch@example.org", Every: time.Minute},
		"url: \"http://watch":                           {Name: "a", URL: "http://watch.example.org/x", Every: time.Minute},
		"url_file: cannot read":                         {Name: "a", URLFile: "/nonexistent", Every: time.Minute},
		"url_file: what ":                               {Name: "a", URLFile: write(t, "not an address"), Every: time.Minute},
		"token_file: cannot read":                       {Name: "a", URL: "https://watch.example.org/x", TokenFile: "/nonexistent", Every: time.Minute},
		"every: 1s is out":                              {Name: "a", URL: "https://watch.example.org/x", Every: time.Second},
		"ca_file: ":                                     {Name: "a", URL: "https://watch.example.org/x", Every: time.Minute, CAFile: "/nonexistent"},
	} {
		err := cfg.Validate()
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%+v: %v, want %s", cfg, err, want)
		}
	}
}

// letters is a mail channel that keeps what it is given.
type letters struct {
	mu  sync.Mutex
	got []channel.Message
}

func (*letters) Name() string { return "mail" }
func (l *letters) Deliver(_ context.Context, m channel.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = append(l.got, m)
	return nil
}

// A beat by mail goes to the box, with a subject that stays the same; without a
// mail server there is no such heart.
func TestBeatByMail(t *testing.T) {
	cfg := heartbeat.Config{Name: "box", Mail: "watch@example.org", Every: time.Hour}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	if _, err := heartbeat.New(cfg, heartbeat.Options{}); err == nil || !strings.Contains(err.Error(), "notify.mail.server") {
		t.Errorf("without a mail server: %v", err)
	}
	synctest.Test(t, func(t *testing.T) {
		l := &letters{}
		h, err := heartbeat.New(cfg, heartbeat.Options{Works: func(context.Context) error { return nil }, Mailer: l, Host: "web1", Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go h.Run(ctx)
		time.Sleep(2*time.Hour + time.Minute)
		cancel()
		synctest.Wait()
		if len(l.got) != 3 || l.got[0].Person.Mail != "watch@example.org" || l.got[0].Subject != l.got[2].Subject || l.got[0].Key == l.got[1].Key || !strings.Contains(l.got[0].Text, "web1") {
			t.Errorf("%d beats in two hours: %+v", len(l.got), l.got)
		}
		if s := h.State(); s.Beat.IsZero() || s.Error != "" {
			t.Errorf("%+v", s)
		}
	})
}
