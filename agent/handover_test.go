package agent_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestHandover: a rota in a calendar changes hands under a running agent; both
// are told over the way that leads to them, once each, over a restart too.
func TestHandover(t *testing.T) {
	t.Parallel() // it mostly waits
	var mu sync.Mutex
	told := map[string][]string{}
	phones := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ To, Text string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		mu.Lock()
		told[in.To] = append(told[in.To], in.Text)
		mu.Unlock()
		fmt.Fprint(w, `{"code":"0"}`)
	}))
	defer phones.Close()
	data := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(data, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	onDuty := func(title string) {
		t.Helper()
		now := time.Now().UTC()
		const form = "20060102T150405Z"
		write("duty.ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example.org//duty//EN\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:"+now.Format(form)+
			"\r\nDTSTART:"+now.Add(-time.Hour).Format(form)+"\r\nDTEND:"+now.Add(24*time.Hour).Format(form)+"\r\nSUMMARY:"+title+"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	}
	onDuty("值班：李明")
	write("xunjian.yaml", `zone: UTC
roster:
  people:
    - {id: li, name: 李明, roles: [tech-staff], phone: 010-5550-0101}
    - {id: zhang, name: Zhang Wei, roles: [tech-staff], phone: 010-5550-0102, lang: en}
    - {id: wang, name: 王芳, roles: [tech-staff], phone: 010-5550-0103}
  shifts: [{role: tech-staff, calendar: duty.ics}]
notify:
  gateways:
    - {name: own, kind: sms, provider: http, numbers: "^010", url: "`+phones.URL+`/send", body: '{"to": {{json .Phone}}, "text": {{json .Text}}}', success: {field: code, equals: "0"}}
`)
	heard := func() int {
		mu.Lock()
		defer mu.Unlock()
		n := 0
		for _, texts := range told {
			n += len(texts)
		}
		return n
	}
	p := start(t, data, "--config", filepath.Join(data, "xunjian.yaml"))
	p.ready(t)
	time.Sleep(time.Second) // it has seen who is on call
	onDuty("On call: zhang")
	p.cmd.Process.Signal(syscall.SIGHUP)
	waitFor(t, 90*time.Second, "both to be told", func() bool { return heard() >= 2 })
	p.stop(t)
	p = start(t, data, "--config", filepath.Join(data, "xunjian.yaml"))
	p.ready(t)
	time.Sleep(2 * time.Second)
	p.stop(t)
	mu.Lock()
	defer mu.Unlock()
	if len(told) != 2 || heardOnce(told["+861055500101"], "值班交接", "李明", "Zhang Wei") != nil || heardOnce(told["+861055500102"], "takes over", "李明", "Zhang Wei") != nil {
		t.Errorf("told: %q", told)
	}
}

func heardOnce(texts []string, parts ...string) error {
	if len(texts) != 1 {
		return fmt.Errorf("%d texts", len(texts))
	}
	for _, part := range parts {
		if !strings.Contains(texts[0], part) {
			return fmt.Errorf("%q lacks %q", texts[0], part)
		}
	}
	return nil
}
