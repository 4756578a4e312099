package notify_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"xunjian/alerting/notify"
	notice "xunjian/alerting/notify/channel"
	"xunjian/alerting/plan"
)

// journalLine is one message as the journal writes it.
func journalLine(t *testing.T, m notify.Message, prefix bool) string {
	t.Helper()
	var out bytes.Buffer
	if err := notify.NewJournal(&out, prefix).Deliver(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// A text from outside stays inside its line, and lets journald keep it one:
// that cuts lines at 48 KiB.
func TestJournalIsOneLine(t *testing.T) {
	for _, s := range hostile {
		m := notify.Message{Subject: s, Text: s, To: s, Incident: notice.Incident{Level: plan.LevelI}}
		line := journalLine(t, m, true)
		body, ended := strings.CutSuffix(line, "\n")
		if !ended || strings.Contains(body, "\n") || clean(body) != nil || !strings.HasPrefix(body, "<1>→ ") || len(line) > 48<<10 {
			t.Errorf("%.30q: wrote %d bytes (%v): %.80q", s, len(line), clean(body), line)
		}
	}
}

func TestJournalLine(t *testing.T) {
	at := func(level plan.Level, over bool) notice.Incident {
		return notice.Incident{Level: level, Over: over}
	}
	for _, c := range []struct {
		m      notify.Message
		prefix bool
		want   string
	}{
		{notify.Message{Subject: "s", Text: "a\n b", Incident: at(plan.LevelI, true)}, false, "s | a b\n"},
		{notify.Message{Subject: " s ", Text: "a", To: "王芳 010-5550-0102"}, false, "→ 王芳 010-5550-0102: s | a\n"},
		{notify.Message{Subject: "s", Text: "a", Incident: at(plan.LevelI, false)}, true, "<1>s | a\n"},
		{notify.Message{Subject: "s", Text: "a", Incident: at(plan.LevelII, false)}, true, "<2>s | a\n"},
		{notify.Message{Subject: "s", Text: "a", Incident: at(plan.LevelIII, false)}, true, "<3>s | a\n"},
		{notify.Message{Subject: "s", Text: "a", Incident: at(plan.LevelIV, false)}, true, "<4>s | a\n"},
		{notify.Message{Subject: "s", Text: "a", Incident: at(plan.LevelI, true)}, true, "<5>s | a\n"},
		{notify.Message{Subject: strings.Repeat("长", 2000), Text: strings.Repeat("长", 2001)}, false, strings.Repeat("长", 2000) + " | " + strings.Repeat("长", 2000) + "…\n"},
	} {
		if got := journalLine(t, c.m, c.prefix); got != c.want {
			t.Errorf("%.100q, want %.100q", got, c.want)
		}
	}
}

func FuzzJournal(f *testing.F) {
	for _, s := range hostile[:15] {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, subject, text string) {
		line := journalLine(t, notify.Message{Subject: subject, Text: text}, true)
		body, ended := strings.CutSuffix(line, "\n")
		if !ended || strings.Contains(body, "\n") || clean(body) != nil || !strings.HasPrefix(body, "<4>") {
			t.Errorf("%q and %q are written as %q", subject, text, line)
		}
	})
}

// broken is standard error after its reader has gone, for a while.
type broken struct {
	out    bytes.Buffer
	writes int
}

func (b *broken) Write(p []byte) (int, error) {
	if b.writes++; b.writes <= 3 {
		return 0, errors.New("broken pipe")
	}
	return b.out.Write(p)
}

// From alert to line: labels and summaries of every kind of malice open
// incidents, and the journal has a line for each and no other.
func TestHostileAlerts(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		all := signals(len(hostile))
		for i, s := range hostile {
			all[i].Labels["mountpoint"] = s
			all[i].Annotations["summary"], all[i].Annotations["summary_zh"] = s, s
		}
		if err := b.desk.Signals(context.Background(), all); err != nil {
			t.Fatal(err)
		}
		var pipe broken
		w, stop := b.work(t, b.st, notify.NewJournal(&pipe, true))
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		stop()
		lines := strings.Split(strings.TrimSuffix(pipe.out.String(), "\n"), "\n")
		if len(lines) != len(hostile) {
			t.Errorf("%d lines for %d incidents", len(lines), len(hostile))
		}
		for _, line := range lines {
			if !strings.HasPrefix(line, "<4>【IV 级】E01 ") || clean(line) != nil {
				t.Errorf("%v: %.100q", clean(line), line)
			}
		}
		if c := w.Counts()["journal"]; c != (notify.Counts{Delivered: uint64(len(hostile)), Failed: 3}) {
			t.Errorf("counted %+v", c)
		}
	})
}
