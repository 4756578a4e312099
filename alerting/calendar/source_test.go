package calendar

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"xunjian/alerting/yamlfile"
)

// place is a folder with a clock that the test moves.
type place struct {
	*testing.T
	dir string
	now time.Time
	*Source
}

func newPlace(t *testing.T, paths ...string) *place {
	p := &place{T: t, dir: t.TempDir(), now: at(t, "03-02 08:00")}
	cfg := Default()
	for _, path := range paths {
		cfg.Paths = append(cfg.Paths, filepath.Join(p.dir, path))
	}
	p.Source = NewSource(cfg, shanghai(t))
	return p
}

func (p *place) file(name string) string { return filepath.Join(p.dir, name) }

// write writes a file as an editor does that saves in place, at the test's time.
func (p *place) write(name, text string) {
	p.Helper()
	if err := os.MkdirAll(filepath.Dir(p.file(name)), 0o755); err != nil {
		p.Fatal(err)
	}
	if err := os.WriteFile(p.file(name), []byte(text), 0o644); err != nil {
		p.Fatal(err)
	}
	p.touch(name, p.now)
}

func (p *place) touch(name string, when time.Time) {
	p.Helper()
	if err := os.Chtimes(p.file(name), when, when); err != nil {
		p.Fatal(err)
	}
}

// expect reloads a minute later, and looks at the events and the error.
func (p *place) expect(changed bool, events, wrong string) {
	p.Helper()
	p.now = p.now.Add(time.Minute)
	p.expectNow(changed, events, wrong)
}

func (p *place) expectNow(changed bool, events, wrong string) {
	p.Helper()
	got, err := p.Reload(p.now)
	if got != changed {
		p.Errorf("changed: %v, want %v", got, changed)
	}
	if ids := ids(p.Calendar().Events()); ids != events {
		p.Errorf("events %q, want %q", ids, events)
	}
	switch {
	case wrong == "" && err != nil:
		p.Errorf("error: %v", err)
	case wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)):
		p.Errorf("error: %v\nwant it to say: %s", err, wrong)
	}
}

// yamlOf is a file with events of these ids.
func yamlOf(ids ...string) string {
	out := "events:\n"
	for _, id := range ids {
		out += "- {id: " + id + ", title: t, kind: opening, start: 2026-03-02 09:30}\n"
	}
	return out
}

func TestReload(t *testing.T) {
	p := newPlace(t, "a.yaml")
	p.write("a.yaml", yamlOf("one"))
	p.expect(true, "one", "")
	p.expect(false, "one", "")

	p.write("a.yaml", yamlOf("one", "two"))
	p.expect(true, "one two", "")

	// The same size at the same time, but another file in its place.
	p.write("b", yamlOf("one", "six"))
	info, err := os.Stat(p.file("a.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p.touch("b", info.ModTime())
	if err := os.Rename(p.file("b"), p.file("a.yaml")); err != nil {
		t.Fatal(err)
	}
	p.expect(true, "one six", "")

	p.touch("a.yaml", p.now)
	p.expect(false, "one six", "") // read again, and nothing is new
}

func TestTheLastGoodStateStays(t *testing.T) {
	p := newPlace(t, "a.yaml", "b.ics")
	p.write("a.yaml", yamlOf("one"))
	p.write("b.ics", string(ics(vevent1(opens))))
	p.expect(true, "one u", "")

	p.write("a.yaml", yamlOf("one", "two")[:60])
	const kept = "\n1 events of "
	p.expect(false, "one u", kept)
	p.expect(false, "one u", "a.yaml:2:") // told until it is mended
	// Meanwhile the other file goes on.
	p.write("b.ics", string(ics(vevent1(opens+"STATUS:CANCELLED"))))
	p.expect(true, "one", kept)

	p.write("a.yaml", "")
	p.expect(false, "one", "events: is missing")
	if err := os.Remove(p.file("a.yaml")); err != nil {
		t.Fatal(err)
	}
	p.expect(false, "one", "a.yaml: stat: no such file or directory"+kept)
	p.write("a.yaml", yamlOf("three"))
	p.expect(true, "three", "")
	p.write("a.yaml", "events: []\n")
	p.expect(true, "", "")
}

func TestTheErrorSaysWhichFileAndHowMuchIsKept(t *testing.T) {
	p := newPlace(t, "a.yaml", "b.yaml")
	p.write("a.yaml", "events: 1\n")
	p.write("b.yaml", "events: 2\n")
	_, err := p.Reload(p.now)
	var file *FileError
	if !errors.As(err, &file) || file.Path != p.file("a.yaml") || file.Kept != 0 {
		t.Errorf("the first is %+v", file)
	}
	var told *yamlfile.Error
	if !errors.As(err, &told) || told.Problems[0].Line != 1 || told.Problems[0].File != p.file("a.yaml") {
		t.Errorf("the mistake is %v", told)
	}
	if n := strings.Count(err.Error(), "want a list"); n != 2 {
		t.Errorf("%d files are told, want 2: %v", n, err)
	}
}

// TestAFileThatIsBeingWrittenWaits: half a list is a good list.
func TestAFileThatIsBeingWrittenWaits(t *testing.T) {
	p := newPlace(t, "a.yaml")
	p.write("a.yaml", yamlOf("one", "two"))
	p.expect(true, "one two", "")
	p.write("a.yaml", yamlOf("one"))
	p.now = p.now.Add(time.Second)
	p.expectNow(false, "one two", "")
	p.write("a.yaml", yamlOf("one", "six"))
	p.now = p.now.Add(time.Second)
	p.expectNow(false, "one two", "")
	p.now = p.now.Add(time.Second)
	p.expectNow(true, "one six", "")
	// A clock that was put back must not make it wait for ever.
	p.touch("a.yaml", p.now.Add(time.Hour))
	p.write("a.yaml", yamlOf("four"))
	p.touch("a.yaml", p.now.Add(2*time.Hour))
	p.expectNow(true, "four", "")
}

// TestTheFirstLookDoesNotWait: at the start there is nothing to stand on. What
// was half written then is read again, even if it ends at the same time with
// the same size.
func TestTheFirstLookDoesNotWait(t *testing.T) {
	p := newPlace(t, "a.yaml")
	p.write("a.yaml", yamlOf("one"))
	p.expectNow(true, "one", "")
	when := p.now
	p.write("a.yaml", yamlOf("two"))
	p.touch("a.yaml", when)
	p.expect(true, "two", "")
}

func TestFolder(t *testing.T) {
	p := newPlace(t, "calendar", "calendar/b.ics")
	p.write("calendar/a.yaml", yamlOf("one"))
	p.write("calendar/b.ics", string(ics(vevent1(opens))))
	p.write("calendar/c.YML", yamlOf("three"))
	p.write("calendar/.a.yaml.swp.yaml", "half")
	p.write("calendar/README.md", "no calendar")
	p.write("calendar/deeper/d.yaml", yamlOf("four"))
	p.expect(true, "one three u", "")

	if err := os.Remove(p.file("calendar/c.YML")); err != nil {
		t.Fatal(err)
	}
	p.expect(true, "one u", "")
	p.write("calendar/e.yaml", yamlOf("five"))
	p.expect(true, "five one u", "")

	// As if the file system under it were gone.
	if err := os.Rename(p.file("calendar"), p.file("away")); err != nil {
		t.Fatal(err)
	}
	p.expect(false, "five one u", "calendar: open: no such file or directory\n3 events of")
	if err := os.Mkdir(p.file("calendar"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.expect(false, "five one u", "the folder holds no calendar")
	if err := errors.Join(os.Remove(p.file("calendar")), os.Rename(p.file("away"), p.file("calendar"))); err != nil {
		t.Fatal(err)
	}
	p.expect(false, "five one u", "")
}

func TestTheSameEventInTwoFiles(t *testing.T) {
	p := newPlace(t, "a.yaml", "b.yaml")
	p.write("a.yaml", yamlOf("one", "two"))
	p.write("b.yaml", yamlOf("three", "two"))
	p.expect(true, "one three two", `b.yaml:3:1: the event "two" is already in `+p.file("a.yaml")+", line 3; this one is left out")
	p.expect(false, "one three two", "is already in") // told until it is mended
	p.write("a.yaml", yamlOf("one"))
	p.expect(true, "one three two", "") // now it is that of b.yaml
}

// TestAPipeDoesNotHang: nothing that has no end is read.
func TestAPipeDoesNotHang(t *testing.T) {
	p := newPlace(t, "a.yaml")
	if err := syscall.Mkfifo(p.file("a.yaml"), 0o644); err != nil {
		t.Fatal(err)
	}
	p.expect(false, "", "a.yaml: is not a file")
}

func TestNoPathsNoEvents(t *testing.T) {
	p := newPlace(t)
	p.expect(false, "", "")
}

// TestRecurrencesMoveOnWithTime: without a change of the file there are always
// recurrences ahead, and none of long ago.
func TestRecurrencesMoveOnWithTime(t *testing.T) {
	p := newPlace(t, "a.ics")
	p.write("a.ics", string(ics(vevent1(opens+"RRULE:FREQ=WEEKLY")+strings.Replace(vevent1(opens), "UID:u", "UID:single", 1))))
	if changed, err := p.Reload(p.now); !changed || err != nil {
		t.Fatal(changed, err)
	}
	for range 365 {
		p.now = p.now.Add(3 * 24 * time.Hour)
		if _, err := p.Reload(p.now); err != nil {
			t.Fatal(err)
		}
		if len(p.Calendar().Next(p.now.AddDate(0, 0, 390), 1)) == 0 {
			t.Fatalf("on %v nothing is known a year ahead", p.now)
		}
	}
	if n := p.Calendar().Len(); n > 70 {
		t.Errorf("after three years the calendar holds %d events", n)
	}
	if ids := ids(p.Calendar().Events()[:1]); ids != "single" {
		t.Errorf("the first event is %s, want the one that comes once", ids)
	}
	if from, to := p.Covers(); from.After(p.now) || to.Before(p.now.AddDate(1, 0, 0)) {
		t.Errorf("covers %v to %v on %v", from, to, p.now)
	}
	// The clock is put back by a year.
	p.now = p.now.AddDate(-1, 0, 0)
	if changed, err := p.Reload(p.now); !changed || err != nil || len(p.Calendar().Between(p.now.AddDate(0, 0, -7), p.now)) == 0 {
		t.Errorf("after the clock was put back the last week is empty (%v, %v)", changed, err)
	}
}

func TestReadingWhileReloading(t *testing.T) {
	p := newPlace(t, "a.yaml")
	p.write("a.yaml", yamlOf("one"))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 200 {
			p.Calendar().At(at(t, "03-02 09:30"))
			if i%50 == 0 {
				p.Skipped()
				p.Covers()
			}
		}
	}()
	for i := range 50 {
		p.write("a.yaml", yamlOf([]string{"one", "two", "three"}[:1+i%3]...))
		p.now = p.now.Add(time.Hour)
		if changed, err := p.Reload(p.now); !changed || err != nil {
			t.Errorf("reload %d: changed %v, %v", i, changed, err)
		}
	}
	<-done
}
