package calendar

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unicode/utf8"

	"xunjian/alerting/yamlfile"
)

// FuzzICS: whatever a file holds, it is read or its mistakes have places; what
// is read is sound, and read again it is the same.
func FuzzICS(f *testing.F) {
	bad, err := filepath.Glob("testdata/bad/*.ics")
	if err != nil || len(bad) == 0 {
		f.Fatalf("no seeds (%v)", err)
	}
	for _, path := range bad {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add(ics(outlook + vevent1(opens+"RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;UNTIL=20270101T000000Z\nEXDATE:20260309T013000Z") +
		vevent1("RECURRENCE-ID:20260302T013000Z\nDTSTART;TZID=\"W. Europe Standard Time\":20260302T013000\nDURATION:P1DT2H")))
	home := shanghai(f)
	w := window{time.Date(2026, 2, 1, 0, 0, 0, 0, home), time.Date(2027, 4, 1, 0, 0, 0, 0, home)}
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, err := readICS("fuzz.ics", b, Default(), home)
		var events []Event
		if err == nil {
			events, err = doc.lay(w)
		}
		var told *yamlfile.Error
		if err != nil {
			if !errors.As(err, &told) || len(told.Problems) == 0 {
				t.Fatalf("the error is a %T: %v", err, err)
			}
			for _, p := range told.Problems {
				if p.File != "fuzz.ics" || p.Line < 1 || p.Column < 1 || p.Message == "" || !utf8.ValidString(p.String()) {
					t.Fatalf("a mistake without a place: %+v", p)
				}
			}
			return
		}
		for _, e := range events {
			if e.ID == "" || e.Kind == "" || e.Line < 1 || e.End.Before(e.Start) || !utf8.ValidString(e.ID+e.Title+e.Project) {
				t.Fatalf("not sound: %+v", e)
			}
			if e.Title != clean(e.Title) || utf8.RuneCountInString(e.Title) > maxTitle {
				t.Fatalf("title %q", e.Title)
			}
		}
		again, err := doc.lay(w)
		if err != nil || len(again) != len(events) {
			t.Fatalf("laid out again it holds %d events, not %d (%v)", len(again), len(events), err)
		}
	})
}
