package syslog

import (
	"context"
	"time"

	"xunjian/checks/logs/archive"
	"xunjian/checks/logs/syslog/dialect"
	"xunjian/checks/logs/syslog/message"
)

// Kind is the archive.Record.Kind of what is taken in here.
const Kind = "syslog"

// worker reads what waits, understands it and keeps it.
type worker struct {
	queue   *queue
	table   *table
	set     *dialect.Set
	archive Archive
	notable *notable
	working func(time.Time) bool // whether configurations are changed at such a time
	severe  func()               // something was seen that cannot wait

	records []archive.Record // room for one load, used again
}

// run works until ctx is done and nothing waits any more.
func (w *worker) run(ctx context.Context) {
	for {
		loads := w.queue.take(ctx)
		if loads == nil {
			return
		}
		for _, l := range loads {
			w.read(l)
		}
	}
}

// read understands the messages of one source, keeps them and counts them.
func (w *worker) read(l load) {
	w.records = w.records[:0]
	for _, it := range l.items {
		w.records = append(w.records, w.record(l.s, it))
	}
	records := w.records
	kept := w.archive.Append(records)
	t, severe := w.table, false
	t.mu.Lock()
	s := l.s
	s.kept += uint64(kept)
	s.unkept += uint64(len(records) - kept)
	for i := range records {
		r := &records[i]
		s.size += uint64(len(l.items[i].raw))
		if l.items[i].cut || len(r.Text) > archive.MaxText {
			s.cut++
		}
		s.last = r.Received
		if r.Event == "" {
			continue
		}
		s.events[r.Event]++
		if r.Event == dialect.ConfigChanged && !w.working(r.Received) {
			s.outOfHours++
		}
		severe = severe || pressing(r.Event)
	}
	t.mu.Unlock()
	for i := range records {
		if records[i].Event != "" {
			w.notable.add(&records[i])
		}
	}
	if severe {
		w.severe()
	}
}

// record takes one message apart. One that breaks the reading of it is kept all
// the same.
func (w *worker) record(s *source, it item) (r archive.Record) {
	r = archive.Record{Received: it.at, Source: s.name, Kind: Kind, Text: message.Decode(it.raw, s.enc)}
	defer func() { _ = recover() }()
	m := message.Parse(r.Text, s.zone, it.at)
	r.Said = m.Said
	if m.Severity >= 0 {
		r.Severity, r.Facility = archive.Severity(m.Severity+1), archive.Facility(m.Facility+1)
	}
	line := dialect.NewLine(&m)
	d := s.dialect
	if d == nil {
		d = w.set.Of(line, s.guess)
		s.guess = d
	}
	got := d.Read(line)
	r.Host, r.App, r.Event, r.Fields = got.Host, got.App, got.Event, got.Fields
	return r
}

// pressing tells the events on which rules are asked at once, not at the next
// tick.
func pressing(event string) bool {
	switch event {
	case dialect.Login, dialect.Logout, dialect.LinkUp:
		return false
	}
	return true
}
