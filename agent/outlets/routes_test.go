package outlets_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/notify"
	"xunjian/alerting/notify/mail"
	"xunjian/alerting/notify/policy"
	"xunjian/alerting/notify/robots"
	"xunjian/alerting/notify/webhook"
	"xunjian/alerting/roster"

	notice "xunjian/alerting/notify/channel"
)

// ways are one channel of each kind, none of which is called.
func ways(t *testing.T) []notify.Channel {
	t.Helper()
	m, err := mail.New(mail.Config{Server: "smtp.example.org:587", Security: mail.StartTLS, From: "xunjian@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	all, err := robots.New(robots.Config{GroupConfig: notice.GroupConfig{Name: "all"}, Kind: robots.WeCom})
	if err != nil {
		t.Fatal(err)
	}
	leaders, err := webhook.New(webhook.Config{GroupConfig: notice.GroupConfig{Name: "leaders", Roles: []string{"leader"}, Lang: "en"}})
	if err != nil {
		t.Fatal(err)
	}
	return []notify.Channel{notify.NewJournal(io.Discard, false), m, all, leaders}
}

func TestRoutes(t *testing.T) {
	wang := roster.Person{ID: "wang", Mail: "wang@example.org", Lang: "en"}
	li := roster.Person{ID: "li", Mail: "li@example.org"}
	zhao := roster.Person{ID: "zhao", Phone: "010-5550-0103"}
	for name, c := range map[string]struct {
		to   alerting.Audience
		want []string
	}{
		"nobody by name":   {alerting.Audience{}, []string{"robot/all>robot/all zh-CN"}},
		"staff":            {alerting.Audience{Roles: []string{"tech-staff"}, People: []roster.Person{wang, zhao}}, []string{"mail>wang en", "robot/all>robot/all zh-CN"}},
		"leaders":          {alerting.Audience{Roles: []string{"tech-staff", "leader"}, People: []roster.Person{wang, li}}, []string{"mail>wang en", "mail>li zh-CN", "robot/all>robot/all zh-CN", "webhook/leaders>webhook/leaders en"}},
		"drill":            {alerting.Audience{Drill: true}, nil},
		"drill of leaders": {alerting.Audience{Drill: true, Roles: []string{"leader"}, People: []roster.Person{li}}, []string{"mail>li zh-CN", "robot/all>robot/all zh-CN", "webhook/leaders>webhook/leaders en"}},
		"drill of others":  {alerting.Audience{Drill: true, Roles: []string{"leader"}}, nil},
	} {
		_, o, _ := desk(t, policy.Config{}, ways(t)...)
		var got []string
		for _, r := range o.Routes(c.to) {
			got = append(got, r.Channel+">"+r.Recipient+" "+r.Lang)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// From a signal to a program elsewhere: over desk, store, worker and words.
func TestSignalReachesWebhook(t *testing.T) {
	bodies := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		bodies <- string(b)
	}))
	defer server.Close()
	hook, err := webhook.New(webhook.Config{GroupConfig: notice.GroupConfig{Name: "ops", Lang: "en"}, URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	d, _, w := desk(t, policy.Config{}, notify.NewJournal(io.Discard, false), hook)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	defer func() { cancel(); <-done }()
	if err := d.Signals(ctx, []alerting.Signal{{
		Key: "a", Status: alerting.Firing, Rule: "DiskFull", At: time.Now(), Since: time.Now(), Via: "rules",
		Labels: map[string]string{"code": "E01"}, Annotations: map[string]string{"summary": "disk full", "summary_zh": "磁盘已满"},
	}}); err != nil {
		t.Fatal(err)
	}
	select {
	case body := <-bodies:
		for _, want := range []string{`"type":"xunjian.incident.opened"`, `"host":"web1"`, `"subject":"[IV] E01 disk full`, `"name":"Server"`} {
			if !strings.Contains(body, want) {
				t.Errorf("%s is not in %s", want, body)
			}
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nothing arrived")
	}
}
