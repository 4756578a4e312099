package outlets_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"testing/synctest"

	"xunjian/agent/outlets"
	"xunjian/alerting"
	"xunjian/alerting/notify/channel"
)

// When every channel to people fails for a while, what waits stands in a file
// and on the terminals, each once; while one works, nothing of it.
func TestLastResort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := outlets.UndeliveredFile(t.TempDir())
		failing := map[string]time.Time{"journal": {}, "mail": time.Now(), "robot/duty": {}}
		queue := []alerting.Notice{
			{Key: "INC-1/1/mail/wang", Incident: "INC-1", Version: 1, Kind: "opened", Channel: "mail"}, {Key: "INC-1/1/mail/li", Incident: "INC-1", Version: 1, Kind: "opened", Channel: "mail"},
			{Key: "INC-2/1/mail/li", Incident: "INC-2", Version: 1, Kind: "opened", Channel: "mail"}, {Key: "r", Incident: "RND-1", Version: 1, Kind: alerting.KindReport, Channel: "mail"},
		}
		var mu sync.Mutex
		var wall []string
		l := &outlets.LastResort{
			Failing: func() map[string]time.Time { mu.Lock(); defer mu.Unlock(); return failing }, File: file, Now: time.Now,
			Queue: func(context.Context, bool, int) ([]alerting.Notice, error) { return queue, nil },
			Say: func(_ context.Context, n alerting.Notice) (channel.Message, error) {
				return channel.Message{Subject: "subject of " + n.Incident, At: time.Now()}, nil
			},
			Wall: func(_ context.Context, text string) error {
				mu.Lock()
				defer mu.Unlock()
				wall = append(wall, text)
				return nil
			},
			Log: func(what string, err error) { t.Errorf("%s: %v", what, err) },
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); l.Run(ctx) }()
		defer func() { cancel(); <-done }()
		time.Sleep(10 * time.Minute)
		mu.Lock()
		if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) || len(wall) > 0 {
			t.Errorf("while a channel works: %v, %q", err, wall)
		}
		failing = map[string]time.Time{"journal": {}, "mail": failing["mail"], "robot/duty": time.Now()}
		mu.Unlock()
		time.Sleep(time.Hour)
		mu.Lock()
		defer mu.Unlock()
		body, err := os.ReadFile(file)
		if err != nil || strings.Count(string(body), "\n") != 2 || !strings.Contains(string(body), "subject of INC-1") || !strings.Contains(string(body), "subject of INC-2") {
			t.Errorf("%v\n%s", err, body)
		}
		if len(wall) != 1 || !strings.Contains(wall[0], "INC-2") {
			t.Errorf("on the terminals: %q", wall)
		}
		if entries, _ := os.ReadDir(filepath.Dir(file)); len(entries) != 1 {
			t.Errorf("left: %v", entries)
		}
	})
}
