package agent_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestLogLineToNotice follows lines of a log to the notice that a program gets
// over HTTP: a login after failures, each from an address of its own, so that
// each is an incident. It says how long that took, and asserts nothing of it.
//
//	XUNJIAN_LINES=50 go test -run TestLogLineToNotice -v ./agent
func TestLogLineToNotice(t *testing.T) {
	t.Parallel() // it mostly waits
	rounds := 3
	if n, err := strconv.Atoi(os.Getenv("XUNJIAN_LINES")); err == nil {
		rounds = min(n, 250)
	}
	told := make(chan string, 1000)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		select {
		case told <- string(body):
		default:
		}
	}))
	defer hook.Close()
	data := t.TempDir()
	log := filepath.Join(data, "auth.log")
	must(t, os.WriteFile(log, nil, 0o600))
	file := filepath.Join(data, "xunjian.yaml")
	must(t, os.WriteFile(file, fmt.Appendf(nil, `notify: {webhooks: [{name: hook, url: %s}]}
checks: {logs: {sources: [{name: auth, kind: auth, files: [%s]}]}}
`, hook.URL, log), 0o600))
	p := start(t, data, "--config", file)
	p.ready(t)
	waitFor(t, time.Minute, "first look at the log", func() bool {
		status, body, err := p.call("GET", "/api/v1/checks/logs", nil)
		return err == nil && status == 200 && strings.Contains(string(body), "findings")
	})
	f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	defer f.Close()
	var took []time.Duration
	for n := range rounds {
		address := fmt.Sprintf("203.0.113.%d", n+1)
		line := func(what string) string {
			return fmt.Sprintf("%s web1 sshd[99]: %s password for root from %s port 50212 ssh2\n", time.Now().UTC().Format(time.RFC3339), what, address)
		}
		_, err = f.WriteString(strings.Repeat(line("Failed"), 6))
		must(t, err)
		// The attack that has not succeeded is no incident; it is seen before.
		time.Sleep(time.Duration(150+37*(n%9)) * time.Millisecond)
		begun := time.Now()
		_, err = f.WriteString(line("Accepted"))
		must(t, err)
		deadline := time.After(time.Minute)
		for heard := false; !heard; {
			select {
			case body := <-told:
				heard = strings.Contains(body, address)
			case <-deadline:
				t.Fatalf("no notice names %s\n%s", address, p.output)
			}
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	t.Logf("%d lines, from write to notice: least %v, median %v, nine of ten %v, most %v", rounds, took[0], took[len(took)/2], took[len(took)*9/10], took[len(took)-1])
}
