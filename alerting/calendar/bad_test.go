package calendar

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunjian/alerting/yamlfile"
)

// read reads a file as a Source does, laid out around March 2026.
func read(t testing.TB, name string, b []byte, cfg Config) ([]Event, error) {
	t.Helper()
	doc, err := parse(name, b, cfg, shanghai(t))
	if err != nil {
		return nil, err
	}
	return doc.lay(window{at(t, "02-01 00:00"), at(t, "03-02 00:00").Add(cfg.Ahead)})
}

// TestBadFiles: each file beside its exact error.
func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*")
	files = slices.DeleteFunc(files, func(path string) bool { return filepath.Ext(path) == ".err" })
	if err != nil || len(files) < 60 {
		t.Fatalf("%d files in testdata/bad (%v)", len(files), err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = read(t, filepath.Base(path), b, Default())
			var told *yamlfile.Error
			if !errors.As(err, &told) {
				t.Fatalf("the error is %v", err)
			}
			for _, p := range told.Problems {
				if p.File == "" || p.Line < 1 || p.Column < 1 || p.Message == "" {
					t.Errorf("a mistake without a place: %+v", p)
				}
			}
			got := err.Error() + "\n"
			if *update {
				if err := os.WriteFile(path+".err", []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path + ".err")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestBounds: files that are too large say so, and where.
func TestBounds(t *testing.T) {
	yaml := "events:\n" + strings.Repeat("- {id: a, title: a, kind: deadline, start: 2026-03-02 09:30}\n", MaxEvents+1)
	var ics strings.Builder
	ics.WriteString("BEGIN:VCALENDAR\n")
	for i := range MaxEvents + 1 {
		ics.WriteString("BEGIN:VEVENT\nCATEGORIES:开标\nDTSTART:20260302T093000Z\nUID:" + time.Duration(i).String() + "\nEND:VEVENT\n")
	}
	ics.WriteString("END:VCALENDAR\n")
	series := "BEGIN:VCALENDAR\n" + strings.Repeat("BEGIN:VEVENT\nCATEGORIES:开标\nDTSTART:19700302T093000Z\nRRULE:FREQ=DAILY\nUID:§\nEND:VEVENT\n", 60) + "END:VCALENDAR\n"
	for n := 0; strings.Contains(series, "§"); n++ {
		series = strings.Replace(series, "§", time.Duration(n).String(), 1)
	}
	for name, tt := range map[string]struct{ file, text, want string }{
		"events of YAML":   {"a.yaml", yaml, "a.yaml:1:1: events: holds 10001 events; at most 10000 are read"},
		"bytes of YAML":    {"a.yaml", strings.Repeat("#", yamlfile.MaxBytes+1), "a.yaml: the file has 4194305 bytes; at most 4194304 are read"},
		"events of ICS":    {"a.ics", ics.String(), "a.ics:50002:1: with this event the file holds more than 10000"},
		"bytes of ICS":     {"a.ics", "BEGIN:VCALENDAR\nX:" + strings.Repeat("x", MaxBytes), "a.ics:1:1: the file has more than 8388608 bytes"},
		"steps of rules":   {"a.ics", series, "RRULE: with this rule the file takes too long to lay out"},
		"mistakes are few": {"a.ics", "BEGIN:VCALENDAR\n" + strings.Repeat("nothing\n", 1000), "a.ics:51:1: not a line of iCalendar"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(t, tt.file, []byte(tt.text), Default())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %.300v\nwant %s", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "a.ics:52:") {
				t.Error("more than fifty mistakes are told")
			}
		})
	}
}
