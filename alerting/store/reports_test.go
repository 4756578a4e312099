package store_test

import (
	"errors"
	"testing"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/inspection"
)

// TestReports: a report is filed once, with its notices or not at all, and is
// found until its time is over.
func TestReports(t *testing.T) {
	path := temp(t)
	s := open(t, path)
	made := time.Date(2026, 11, 23, 0, 30, 0, 0, time.UTC)
	filed := func(n string, form string, at time.Time) inspection.Filed {
		return inspection.Filed{ID: n, Round: "RND-1", Form: form, Edition: 1, Verdict: inspection.Attention, Made: at, From: at.AddDate(0, 0, -7), To: at, Body: []byte(`{"n":"` + n + `"}`)}
	}
	mail := func(key string) []alerting.Notice {
		return []alerting.Notice{{Key: key, Incident: "RND-1", Version: 1, Kind: alerting.KindReport, Channel: "mail", Recipient: "wang", Lang: "zh-CN", Created: made, NotBefore: made}}
	}
	must(t, s.File(t.Context(), filed("a", "weekly", made), mail("a/mail/wang")))
	must(t, s.File(t.Context(), filed("b", "opening", made.Add(time.Hour)), nil))
	// Filed again it changes nothing, and nobody gets it twice.
	again := filed("a", "weekly", made.Add(time.Minute))
	again.Body = []byte("other")
	must(t, s.File(t.Context(), again, mail("a/mail/li")))
	want(t, "due", due(t, s, made.Add(time.Hour)), []string{"a/mail/wang"})
	// A key that is taken is sent once.
	must(t, s.File(t.Context(), filed("c", "daily", made), mail("a/mail/wang")))
	want(t, "due", due(t, s, made.Add(time.Hour)), []string{"a/mail/wang"})
	must(t, s.Send(t.Context(), mail("a/mail/wang/again")))
	s.Close()
	s = open(t, path)
	got, err := s.Report(t.Context(), "a")
	must(t, err)
	if string(got.Body) != `{"n":"a"}` || !got.Made.Equal(made) || got.Verdict != inspection.Attention || !got.From.Equal(made.AddDate(0, 0, -7)) {
		t.Errorf("%+v", got)
	}
	if _, err := s.Report(t.Context(), "d"); !errors.Is(err, inspection.ErrNotFound) {
		t.Errorf("a report that was not filed: %v", err)
	}
	for form, ids := range map[string][]string{"": {"b", "c", "a"}, "weekly": {"a"}, "monthly": nil} {
		list, err := s.Reports(t.Context(), form, 10)
		must(t, err)
		var have []string
		for _, r := range list {
			have = append(have, r.ID)
		}
		want(t, "reports of "+form, have, ids)
	}
	must(t, s.ForgetReports(t.Context(), made.Add(time.Minute)))
	if _, err := s.Report(t.Context(), "a"); !errors.Is(err, inspection.ErrNotFound) {
		t.Errorf("a report whose time is over: %v", err)
	}
	if _, err := s.Report(t.Context(), "b"); err != nil {
		t.Error(err)
	}
}
