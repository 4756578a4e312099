package agent_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// TestLessonsComeUp: a measure that an investigation asked for is a finding
// until it is done, one that is overdue asks for attention; a drill's is none.
func TestLessonsComeUp(t *testing.T) {
	p := start(t, t.TempDir())
	p.ready(t)
	post := func(path string, in any) (out struct{ ID string }) {
		t.Helper()
		status, body, err := p.call("POST", path, in)
		if err != nil || status != 200 {
			t.Fatalf("%s: %d %v %s", path, status, err, body)
		}
		if err := json.Unmarshal(body, &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	at := "/api/v1/incidents/" + post("/api/v1/incidents", map[string]any{"code": "F00", "title": "uploads fail"}).ID
	post(at+"/resolve", map[string]any{"note": "back"})
	for _, due := range []time.Duration{time.Second, 240 * time.Hour} {
		post(at+"/lesson", map[string]any{"text": "grow the disk", "owner": "Li Ming", "due": time.Now().Add(due).Format(time.RFC3339)})
	}
	time.Sleep(2 * time.Second) // the first falls due
	said := func() string {
		status, body, err := p.call("POST", "/api/v1/checks/lessons/run", nil)
		if err != nil || status != 200 {
			t.Fatalf("%d %v %s", status, err, body)
		}
		return string(body)
	}
	if got := said(); strings.Count(got, "lessons.overdue") != 1 || strings.Count(got, "lessons.open") != 1 || !strings.Contains(got, "Li Ming") {
		t.Errorf("the check says %s", got)
	}
	for _, n := range []int{1, 2} {
		post(at+"/lesson-done", map[string]any{"lesson": n})
	}
	if got := said(); strings.Contains(got, "lessons.") {
		t.Errorf("when all is done, the check says %s", got)
	}
}
