package external

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"xunjian/checks"
)

// at is a time of day in May 2026 in Shanghai: "12 02:30" or "12 02:30:05".
func at(t *testing.T, s string) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	layout := "2006-01-02 15:04:05"
	if len(s) == len("12 02:30") {
		s += ":00"
	}
	tm, err := time.ParseInLocation(layout, "2026-05-"+s, zone)
	if err != nil {
		t.Fatal(err)
	}
	return tm
}

func planOf(t *testing.T, c JobConfig) jobPlan {
	t.Helper()
	c.Name, c.Token = "backup", "0123456789abcdefghij"
	if c.Zone == "" {
		c.Zone = "Asia/Shanghai"
	}
	plans, err := planJobs([]JobConfig{c}, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return plans["backup"]
}

// TestJobsAreJudged tells a story of each kind of job: what it reports when,
// and what it comes to when somebody looks.
func TestJobsAreJudged(t *testing.T) {
	nightly := JobConfig{Cron: "30 2 * * *", Grace: time.Hour}
	watched := JobConfig{Cron: "30 2 * * *", Grace: time.Hour, MaxRuntime: 3 * time.Hour}
	hourly := JobConfig{Every: time.Hour}
	for _, tt := range []struct {
		name   string
		cfg    JobConfig
		events string // each "time what", configured first
		looks  []string
	}{
		{"reports in time", nightly, "11 12:00 configured, 12 02:50 ok, 13 02:45 ok", []string{
			"11 12:00 ok job.awaited next 14h30m0s",
			"12 02:49 ok job.never late 19m0s since 14h49m0s",
			"12 03:00 ok job.ok ago 10m0s next 23h30m0s",
			"13 02:30 ok job.ok ago 23h40m0s next 0s",
			"13 02:44 ok job.late ago 23h54m0s late 14m0s",
			"13 03:00 ok job.ok ago 15m0s next 23h30m0s",
		}},
		{"is late, then comes", nightly, "11 12:00 configured, 12 02:50 ok, 13 05:00 ok", []string{
			"13 03:00 ok job.late ago 24h10m0s late 30m0s",
			"13 03:01 attention job.late ago 24h11m0s late 31m0s",
			"13 03:30 attention job.late ago 24h40m0s late 1h0m0s",
			"13 03:31 abnormal job.late ago 24h41m0s late 1h1m0s",
			"13 05:00 ok job.ok ago 0s next 21h30m0s",
		}},
		{"never comes", nightly, "11 12:00 configured", []string{
			"12 03:01 attention job.never late 31m0s since 15h1m0s",
			"12 03:31 abnormal job.never late 1h1m0s since 15h31m0s",
			"20 12:00 abnormal job.never late 201h30m0s since 216h0m0s",
		}},
		{"says it early, by another machine's clock", nightly, "11 12:00 configured, 12 02:29:55 ok", []string{
			"12 02:31 ok job.ok ago 1m5s next 23h59m0s",
		}},
		{"fails, begins again, succeeds", watched, "11 12:00 configured, 12 02:30 start, 12 02:40 fail, 13 02:30 start, 13 02:50 ok", []string{
			"12 02:35 ok job.running limit 3h0m0s running 5m0s",
			"12 02:41 abnormal job.failed ago 1m0s code",
			"12 20:00 abnormal job.failed ago 17h20m0s code",
			"13 02:35 abnormal job.failed ago 23h55m0s code",
			"13 02:51 ok job.ok ago 1m0s next 23h39m0s",
		}},
		{"says how it failed", nightly, "11 12:00 configured, 12 02:40 exit 3", []string{"12 02:41 abnormal job.failed ago 1m0s code 3"}},
		{"begins and does not end", watched, "11 12:00 configured, 12 02:30 start", []string{
			"12 05:30 ok job.running limit 3h0m0s running 3h0m0s",
			"12 05:31 abnormal job.overrun limit 3h0m0s running 3h1m0s",
			"13 05:31 abnormal job.overrun limit 3h0m0s running 27h1m0s",
		}},
		{"ends too late, but ends", watched, "11 12:00 configured, 12 02:30 start, 12 08:00 ok", []string{
			"12 07:00 abnormal job.overrun limit 3h0m0s running 4h30m0s",
			"12 08:00 ok job.ok ago 0s next 18h30m0s",
		}},
		{"begins, which means nothing without max_runtime", nightly, "11 12:00 configured, 12 02:30 start", []string{
			"12 03:31 abnormal job.never late 1h1m0s since 15h31m0s",
		}},
		{"every hour, with a grace of 6 minutes", hourly, "11 12:00 configured, 11 12:30 ok", []string{
			"11 13:30 ok job.ok ago 1h0m0s next 0s",
			"11 13:33 ok job.late ago 1h3m0s late 3m0s",
			"11 13:34 attention job.late ago 1h4m0s late 4m0s",
			"11 13:37 abnormal job.late ago 1h7m0s late 7m0s",
		}},
		{"is given another rhythm", JobConfig{Every: time.Hour}, "11 12:00 ok, 11 22:00 configured", []string{
			"11 22:00 ok job.ok ago 10h0m0s next 1h0m0s",
			"11 23:07 abnormal job.late ago 11h7m0s late 7m0s",
		}},
		{"has a default grace of at most an hour", JobConfig{Cron: "@weekly"}, "11 12:00 configured", []string{
			"17 00:59 attention job.never late 59m0s since 132h59m0s",
			"17 01:01 abnormal job.never late 1h1m0s since 133h1m0s",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plan := planOf(t, tt.cfg)
			type event struct {
				at   time.Time
				what string
			}
			var events []event
			for _, e := range strings.Split(tt.events, ", ") {
				words := strings.SplitN(e, " ", 3)
				events = append(events, event{at(t, words[0]+" "+words[1]), words[2]})
			}
			for _, look := range tt.looks {
				words := strings.SplitN(look, " ", 3)
				now := at(t, words[0]+" "+words[1])
				var rec JobRecord
				for n, e := range events {
					if e.at.After(now) && n > 0 {
						break
					}
					rec = happen(rec, e.at, e.what)
				}
				wantText(t, look[:8], saidOf(plan.judge("backup", rec, now)), words[2])
			}
		})
	}
}

func TestTheClockIsSetBackBehindTheLastReport(t *testing.T) {
	rec := JobRecord{Since: at(t, "11 12:00")}.end(at(t, "11 12:30"), 0, "")
	wantText(t, "an hour and a half back", saidOf(planOf(t, JobConfig{Every: time.Hour}).judge("backup", rec, at(t, "11 11:00"))),
		"ok job.ok ago -1h30m0s next 2h30m0s")
}

func happen(rec JobRecord, at time.Time, what string) JobRecord {
	code := 0
	switch what {
	case "configured":
		rec.Since = at
		return rec
	case "start":
		return rec.begin(at)
	case "fail":
		code = unsaid
	case "ok":
	default:
		fmt.Sscanf(what, "exit %d", &code)
	}
	return rec.end(at, code, "")
}

// saidOf writes a finding with its arguments, sorted, seconds as durations.
func saidOf(f checks.Finding) string {
	out := fmt.Sprintf("%s %s", f.Verdict, f.Code)
	for _, name := range []string{"ago", "code", "late", "limit", "next", "running", "since"} {
		switch v := f.Args[name].(type) {
		case float64:
			out += fmt.Sprintf(" %s %v", name, time.Duration(v*float64(time.Second)))
		case string:
			out = strings.TrimSpace(out + " " + name + " " + v)
		}
	}
	return out
}

func TestJobsFollowTheirZone(t *testing.T) {
	berlin := planOf(t, JobConfig{Cron: "30 2 * * *", Zone: "Europe/Berlin"})
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	// At the end of March there is no half past two.
	before := JobRecord{Since: time.Date(2026, 3, 28, 3, 0, 0, 0, zone)}
	due, _ := berlin.due(before)
	if got := due.Sub(before.Since); got > 50*time.Hour || got < 23*time.Hour {
		t.Errorf("across the change of the clock it is due at %s", due)
	}
	rec := JobRecord{Since: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}
	due, _ = berlin.due(rec)
	if want := time.Date(2026, 6, 2, 0, 30, 0, 0, time.UTC); !due.Equal(want) {
		t.Errorf("due at %s, want %s", due.UTC(), want)
	}
}

func TestTheDurationOfARun(t *testing.T) {
	begun := at(t, "12 02:30")
	rec := JobRecord{}.begin(begun).end(begun.Add(time.Hour), 0, "done")
	if rec.Duration != time.Hour || !rec.Started.IsZero() || rec.Evidence != "done" || rec.Bad {
		t.Errorf("%+v", rec)
	}
	rec = rec.end(begun.Add(24*time.Hour), 2, "broken")
	if rec.Duration != time.Hour || !rec.Bad || rec.ExitCode != 2 || rec.Evidence != "broken" {
		t.Errorf("without a start: %+v", rec)
	}
	rec = rec.begin(begun).end(begun.Add(-time.Hour), 0, "")
	if rec.Duration != 0 {
		t.Errorf("with the clock set back it took %v", rec.Duration)
	}
}
