package calendar

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"xunjian/alerting/plan"
)

// year is 10,000 events: 40 on each of 250 days.
func year(b *testing.B) []Event {
	var out []Event
	for i := range MaxEvents {
		start := at(b, "01-02 08:00").AddDate(0, 0, i/40).Add(time.Duration(i%40) * 15 * time.Minute)
		out = append(out, Event{
			ID: fmt.Sprint("zb-", i), Title: "开标", Kind: Kinds[i%3], Start: start, End: start.Add(time.Hour),
			Systems: []string{"hall", fmt.Sprint("system-", i%20)},
		})
	}
	return out
}

func BenchmarkNew(b *testing.B) {
	events := year(b)
	for b.Loop() {
		New(Default(), events)
	}
}

func BenchmarkKindOf(b *testing.B) {
	c, t := New(Default(), year(b)), at(b, "06-01 10:00")
	for b.Loop() {
		c.KindOf("system-7", t, plan.Business)
	}
}

// BenchmarkKindOfBesideAYear: an event that lasts all the year must not make
// every question a walk through it.
func BenchmarkKindOfBesideAYear(b *testing.B) {
	events := year(b)
	events[0].End = events[0].Start.AddDate(1, 0, 0)
	c, t := New(Default(), events), at(b, "06-01 10:00")
	for b.Loop() {
		c.KindOf("system-7", t, plan.Business)
	}
}

func BenchmarkAt(b *testing.B) {
	c, t := New(Default(), year(b)), at(b, "06-01 10:00")
	for b.Loop() {
		c.At(t)
	}
}

func BenchmarkNextChange(b *testing.B) {
	c, t := New(Default(), year(b)), at(b, "06-01 10:00")
	for b.Loop() {
		c.NextChange(t)
	}
}

func benchmarkRead(b *testing.B, name, text string) {
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if events, err := read(b, name, []byte(text), Default()); err != nil || len(events) != MaxEvents {
			b.Fatal(len(events), err)
		}
	}
}

func BenchmarkReadICS(b *testing.B) {
	var s strings.Builder
	for _, e := range year(b) {
		fmt.Fprintf(&s, "BEGIN:VEVENT\nUID:%s\nSUMMARY:%s\nCATEGORIES:开标\nX-XUNJIAN-SYSTEMS:%s\nDTSTART;TZID=Asia/Shanghai:%s\nDURATION:PT1H\nEND:VEVENT\n",
			e.ID, e.Title, strings.Join(e.Systems, ","), e.Start.Format("20060102T150405"))
	}
	benchmarkRead(b, "year.ics", string(ics(s.String())))
}

func BenchmarkReadYAML(b *testing.B) {
	var s strings.Builder
	s.WriteString("events:\n")
	for _, e := range year(b) {
		fmt.Fprintf(&s, "- {id: %s, title: %s, kind: %s, start: %s, end: %s, systems: [%s]}\n",
			e.ID, e.Title, e.Kind, e.Start.Format("2006-01-02 15:04"), e.End.Format("2006-01-02 15:04"), strings.Join(e.Systems, ", "))
	}
	benchmarkRead(b, "year.yaml", s.String())
}
