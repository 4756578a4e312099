package calendar

import (
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"xunjian/alerting/yamlfile"
)

//go:generate go test -run ^TestSchemaIsCurrent$ -update .

// Schema is the JSON schema of a calendar file, for editors.
//
//go:embed calendar.schema.json
var Schema []byte

// File is a calendar as people write it in YAML.
type File struct {
	Events []Entry `yaml:"events" json:"events"`
}

// Entry is one event in a YAML file.
type Entry struct {
	// ID is unique in all calendar files.
	ID    string `yaml:"id" json:"id" jsonschema:"minLength=1,maxLength=255"`
	Title string `yaml:"title" json:"title" jsonschema:"minLength=1"`
	// Kind is opening, evaluation or deadline.
	Kind    Kind   `yaml:"kind" json:"kind"`
	Project string `yaml:"project,omitempty" json:"project,omitempty"`
	// Start and End are like 2026-03-02 09:30, or with seconds; with an offset
	// like 2026-03-02T09:30:00+08:00 no zone is needed.
	Start string `yaml:"start" json:"start" jsonschema:"pattern=^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?$"`
	// End may be left out: a deadline then ends when it starts, any other
	// event after the configured length.
	End string `yaml:"end,omitempty" json:"end,omitempty" jsonschema:"pattern=^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?$"`
	// Systems are those it holds for; none: those of the configuration.
	Systems []string `yaml:"systems,omitempty" json:"systems,omitempty"`
	// Zone of start and end, like Asia/Shanghai; none: that of the agent.
	Zone string `yaml:"zone,omitempty" json:"zone,omitempty"`
}

// MaxEvents bounds the events of one file, recurrences counted.
const MaxEvents = 10_000

// standsAt marks the messages that are no mistakes, but tell where an event
// stands.
const standsAt = "\x00stands at"

// yamlEvents reads a YAML file.
func yamlEvents(name string, b []byte, cfg Config, home *time.Location) ([]Event, error) {
	var f File
	r := yamlReader{cfg: cfg, home: home, ids: map[string]int{}}
	err := yamlfile.Decode(name, b, &f, func() error { return r.file(f) })
	var told *yamlfile.Error
	if err != nil && !errors.As(err, &told) {
		return nil, err
	}
	if told == nil {
		return r.events, nil
	}
	wrong := &yamlfile.Error{}
	for _, p := range told.Problems {
		var i int
		if p.Message != standsAt {
			wrong.Problems = append(wrong.Problems, p)
		} else if _, err := fmt.Sscanf(p.Path, "events[%d]", &i); err == nil {
			r.events[i].File, r.events[i].Line = name, p.Line
		}
	}
	if len(wrong.Problems) > 0 {
		return nil, wrong
	}
	return r.events, nil
}

type yamlReader struct {
	cfg    Config
	home   *time.Location
	events []Event
	ids    map[string]int
	wrong  mistakes
}

// file returns the mistakes, or where each event stands.
func (r *yamlReader) file(f File) error {
	if f.Events == nil {
		return errors.New("events: is missing; write events: [] if nothing is due")
	}
	if len(f.Events) > MaxEvents {
		return fmt.Errorf("events: holds %d events; at most %d are read", len(f.Events), MaxEvents)
	}
	var places []error
	for i, entry := range f.Events {
		path := fmt.Sprintf("events[%d]", i)
		r.entry(path, i, entry)
		places = append(places, errors.New(path+".id: "+standsAt))
	}
	if len(r.wrong) > 0 {
		return errors.Join(r.wrong...)
	}
	return errors.Join(places...)
}

func (r *yamlReader) entry(path string, i int, in Entry) {
	first, twice := r.ids[in.ID]
	switch {
	case in.ID == "":
		r.wrong.add(path+".id", "is missing; allowed: letters, digits and other signs, at most 255")
	case utf8.RuneCountInString(in.ID) > maxID || clean(in.ID) != in.ID:
		r.wrong.add(path+".id", "%q is not an id; allowed: letters, digits and other signs, at most 255", clip(in.ID))
	case twice:
		r.wrong.add(path+".id", "%q stands twice; first at events[%d]", clip(in.ID), first)
	default:
		r.ids[in.ID] = i
	}
	r.line(path+".title", in.Title, true)
	r.line(path+".project", in.Project, false)
	r.wrong.kind(path+".kind", in.Kind)
	r.wrong.systems(path+".systems", in.Systems)
	e := Event{
		ID: in.ID, Title: clean(in.Title), Kind: in.Kind, Project: clean(in.Project), Systems: in.Systems,
	}
	if len(e.Systems) == 0 {
		e.Systems = r.cfg.Systems
	}
	r.times(path, in, &e)
	r.events = append(r.events, e)
}

// line checks a text of one line.
func (r *yamlReader) line(path, s string, required bool) {
	switch {
	case required && strings.TrimSpace(s) == "":
		r.wrong.add(path, "is missing")
	case utf8.RuneCountInString(s) > maxTitle:
		r.wrong.add(path, "has %d characters; at most %d are read", utf8.RuneCountInString(s), maxTitle)
	}
}

func (r *yamlReader) times(path string, in Entry, e *Event) {
	home := r.home
	if in.Zone != "" {
		z, ok := location(in.Zone)
		if !ok {
			r.wrong.add(path+".zone", "unknown zone %q; allowed: a name of the time zone database, like Asia/Shanghai", clip(in.Zone))
			return
		}
		home = z
	}
	var ok bool
	if e.Start, ok = r.time(path+".start", in.Start, home, in.Zone); !ok {
		return
	}
	if in.End == "" {
		e.End = e.Start.Add(r.cfg.Timing(in.Kind).Length)
		return
	}
	if e.End, ok = r.time(path+".end", in.End, home, in.Zone); !ok {
		return
	}
	if why := badSpan(e.Start, e.End); why != "" {
		r.wrong.add(path+".end", "%s", why)
	}
}

// badSpan says what is wrong with an end.
func badSpan(start, end time.Time) string {
	switch d := end.Sub(start); {
	case d < 0:
		return "lies before the start"
	case d > maxLength:
		return fmt.Sprintf("lies %d days after the start; allowed: at most %s. Is it the right year?", int(d.Hours()/24), yamlfile.FormatDuration(maxLength))
	}
	return ""
}

var timeShape = regexp.MustCompile(`^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?$`)

const timeWanted = "want a time like 2026-03-02 09:30, 2026-03-02 09:30:00 or 2026-03-02T09:30:00+08:00"

func (r *yamlReader) time(path, s string, home *time.Location, zoneName string) (time.Time, bool) {
	if s == "" {
		r.wrong.add(path, "is missing; %s", timeWanted)
		return time.Time{}, false
	}
	layout, fixed := "2006-01-02T15:04", false
	if timeShape.MatchString(s) {
		if len(s) >= 19 && s[16] == ':' {
			layout += ":05"
		}
		if fixed = len(s) > len(layout); fixed {
			layout += "Z07:00"
		}
	}
	t, err := time.ParseInLocation(layout, strings.Replace(s, " ", "T", 1), time.UTC)
	switch {
	case err != nil || !timeShape.MatchString(s):
		r.wrong.add(path, "%q is not a time; %s", clip(s), timeWanted)
	case !inRange(t):
		r.wrong.add(path, "the year %d is out of range, %d to %d", t.Year(), firstYear, lastYear)
	case fixed && zoneName != "":
		r.wrong.add(path, "%q has an offset of its own, and the event a zone; give one of them", s)
	case fixed:
		return t.In(home), true
	default:
		return r.local(path, s, t, home)
	}
	return time.Time{}, false
}

// local finds the one instant at which a clock shows wall.
func (r *yamlReader) local(path, s string, wall time.Time, home *time.Location) (time.Time, bool) {
	at, _ := instants(wall, named{home})
	switch len(at) {
	case 0:
		r.wrong.add(path, "%s never comes in %s: clocks are put forward over it; give another time", s, home)
		return time.Time{}, false
	case 1:
		return at[0].In(home), true
	}
	r.wrong.add(path, "%s comes twice in %s: clocks are put back over it; leave out the zone and write %s or %s",
		s, home, at[0].In(home).Format(time.RFC3339), at[1].In(home).Format(time.RFC3339))
	return time.Time{}, false
}

// location finds a zone by name. "Local" is none: it means another one on each
// machine.
func location(name string) (*time.Location, bool) {
	if name == "" || name == "Local" {
		return nil, false
	}
	loc, err := time.LoadLocation(name)
	return loc, err == nil
}

const maxID, maxTitle = 255, 200

// clean makes one line of a text from outside, without signs that show nothing
// or turn the direction of writing.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.Is(unicode.Cc, r):
			return ' '
		case unicode.Is(unicode.Cf, r) || r == utf8.RuneError:
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}
