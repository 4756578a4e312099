package novelty

import (
	"encoding/json"
	"math"
	"strings"
	"time"

	"xunjian/checks"
	"xunjian/checks/logs/archive"
	"xunjian/checks/logs/tail"
)

// Novelty takes lines and knows their templates. Its methods are called by one
// goroutine at a time, as the Tailer does.
type Novelty struct {
	cfg     Config
	now     func() time.Time
	zone    *time.Location
	sources map[string]*source
	words   []string
	archive Archive
	records []archive.Record
}

// Archive keeps lines; it is *archive.Archive.
type Archive interface {
	Append([]archive.Record) int
}

const (
	// NewEvent is what kept lines of templates that are news are found by in the
	// archive, with the field FieldTemplate, which holds the template's ID.
	NewEvent      = "new-line"
	FieldTemplate = "template"
	// keptAnHour bounds the lines of one template that are kept within an hour.
	keptAnHour = 200
)

// source is what is known of one log.
type source struct {
	Since time.Time `json:"since"`
	Lines uint64    `json:"lines"`
	// Novel counts the templates that were new after the time of learning,
	// Bursts those that were suddenly frequent, Trimmed those forgotten because
	// there were too many.
	Novel     uint64      `json:"novel"`
	Bursts    uint64      `json:"bursts"`
	Trimmed   uint64      `json:"trimmed"`
	Templates []*Template `json:"templates"`

	tree  tree
	exact map[string]*Template // lines, masked, to their template: most are known
}

const (
	maxSources = 64
	maxExact   = 4096
	maxSamples = 3
	maxSample  = 500
	// burstLeast is how many lines an hour has to have to be a burst, and
	// burstTimes how many times the usual number.
	burstLeast = 50
	burstTimes = 10
	// weeks before the history of an hour of the week says something.
	historyFor = 14 * day
	// learned is how much a new week counts in the mean.
	learned = 0.3
)

// New returns a Novelty; zone is where hours begin, now the clock.
func New(cfg Config, zone *time.Location, now func() time.Time) *Novelty {
	if now == nil {
		now = time.Now
	}
	if zone == nil {
		zone = time.UTC
	}
	return &Novelty{cfg: cfg, now: now, zone: zone, sources: map[string]*source{}}
}

// Name is the key of its state.
func (*Novelty) Name() string { return "novelty" }

// Wants takes all logs but those of single requests, whose lines differ by what
// people ask for.
func (v *Novelty) Wants(s tail.Source) bool {
	return !v.cfg.Off && s.Kind != "access" && !strings.HasPrefix(s.Kind, "access-") && s.Kind != "audit"
}

// Take reads lines.
func (v *Novelty) Take(b tail.Block) {
	s := v.source(b.Source)
	if s == nil {
		return
	}
	for l := range b.Lines() {
		v.line(s, l)
	}
	if len(v.records) > 0 {
		v.archive.Append(v.records)
		v.records = v.records[:0]
	}
}

// KeepIn has the lines of templates that are news kept; nil keeps none.
func (v *Novelty) KeepIn(in Archive) { v.archive = in }

// keep puts a line of a template that is news into the archive.
func (v *Novelty) keep(c *Template, l tail.Line) {
	if v.archive == nil || c.at().IsZero() || l.Time.Sub(c.at()) > v.cfg.Show {
		return
	}
	if c.keptHour != c.Hour {
		c.keptHour, c.kept = c.Hour, 0
	}
	if c.kept++; c.kept > keptAnHour {
		return
	}
	v.records = append(v.records, archive.Record{
		Received: l.Time, Source: l.Source, Kind: "file", Event: NewEvent, Fields: map[string]string{FieldTemplate: c.ID},
		Text: strings.ToValidUTF8(string(l.Text[:min(len(l.Text), archive.MaxText)]), ""),
	})
}

func (v *Novelty) source(name string) *source {
	s := v.sources[name]
	if s == nil && len(v.sources) < maxSources {
		s = &source{Since: v.now()}
		s.open()
		v.sources[name] = s
	}
	return s
}

func (s *source) open() {
	s.tree = tree{groups: map[string][]*Template{}}
	s.exact = map[string]*Template{}
	for _, c := range s.Templates {
		if c != nil && len(c.Words) > 0 && len(c.Words) <= maxTokens+1 {
			if c.ID == "" { // kept by a version that gave none
				c.ID = idOf(c.Words)
			}
			s.tree.put(c)
		}
	}
}

func (v *Novelty) line(s *source, l tail.Line) {
	text, at := l.Text, l.Time
	v.words = tokens(text, v.words)
	if len(v.words) == 0 {
		return
	}
	s.Lines++
	key := strings.Join(v.words, " ")
	c := s.exact[key]
	if c == nil {
		if c = s.tree.find(v.words); c == nil {
			c = v.fresh(s, at)
		} else {
			c.merge(v.words)
		}
		if len(s.exact) >= maxExact {
			clear(s.exact)
		}
		s.exact[key] = c
	} else if at.Sub(c.Last) > v.cfg.Forget {
		v.novel(s, c, at)
	}
	v.count(s, c, at)
	if len(c.Samples) < maxSamples && (len(c.Samples) == 0 || c.Count < 100) {
		c.Samples = append(c.Samples, checks.SafeText(string(text[:min(len(text), 4*maxSample)]), maxSample))
	}
	v.keep(c, l)
}

// fresh makes a template of the words of a line.
func (v *Novelty) fresh(s *source, at time.Time) *Template {
	c := s.tree.add(v.words, at)
	if len(s.tree.all) > v.cfg.Templates {
		before := len(s.tree.all)
		s.tree.trim(v.cfg.Templates)
		s.Trimmed += uint64(before - len(s.tree.all))
		clear(s.exact)
	}
	v.novel(s, c, at)
	return c
}

// novel marks a template as new, once the source is learned.
func (v *Novelty) novel(s *source, c *Template, at time.Time) {
	if at.Sub(s.Since) < v.cfg.Learn {
		return
	}
	c.News, c.Samples = at, nil
	s.Novel++
}

// count takes a line into the hours of its template.
func (v *Novelty) count(s *source, c *Template, at time.Time) {
	c.Count++
	if at.After(c.Last) {
		c.Last = at
	}
	hour := at.Unix() / 3600
	if hour > c.Hour {
		v.close(c, hour)
	}
	c.Now++
	if at.Sub(s.Since) < v.cfg.Learn || at.Sub(c.First) < historyFor || c.Now < burstLeast || len(c.Hours) != hoursOfWeek {
		return
	}
	usual := plain(c.Hours[v.ofWeek(hour)])
	if float64(c.Now) < burstTimes*max(usual, 1) {
		return
	}
	if at.Sub(c.Burst) > time.Hour {
		s.Bursts++
		c.Samples = nil
	}
	c.Burst, c.Usual, c.Highest = at, usual, c.Now
}

// close puts the hour that is over into the history, and hours without a line.
func (v *Novelty) close(c *Template, hour int64) {
	if c.Hour > 0 && (c.Hours != nil || c.Now >= 2) {
		if len(c.Hours) != hoursOfWeek {
			c.Hours = make([]byte, hoursOfWeek)
		}
		at := v.ofWeek(c.Hour)
		was, n := plain(c.Hours[at]), float64(c.Now)
		if was > 0 {
			n = was + learned*(n-was)
		}
		c.Hours[at] = scaled(n)
		for gap := c.Hour + 1; gap < hour && gap < c.Hour+hoursOfWeek; gap++ {
			k := v.ofWeek(gap)
			c.Hours[k] = scaled(plain(c.Hours[k]) * (1 - learned))
		}
	}
	c.Hour, c.Now = hour, 0
}

const hoursOfWeek = 168

// scaled keeps a count in a byte, to within 3 %: the logarithm of it.
func scaled(n float64) byte { return byte(min(255, math.Round(11*math.Log2(1+max(n, 0))))) }

func plain(b byte) float64 { return math.Exp2(float64(b)/11) - 1 }

// ofWeek is which hour of the week an hour since 1970 is.
func (v *Novelty) ofWeek(hour int64) int {
	t := time.Unix(hour*3600, 0).In(v.zone)
	return (int(t.Weekday())+6)%7*24 + t.Hour()
}

// State returns what has to survive.
func (v *Novelty) State() (json.RawMessage, error) {
	for _, s := range v.sources {
		s.Templates = s.tree.all
	}
	return json.Marshal(v.sources)
}

// Restore gives it back.
func (v *Novelty) Restore(raw json.RawMessage) error {
	var kept map[string]*source
	if err := json.Unmarshal(raw, &kept); err != nil {
		return err
	}
	for name, s := range kept {
		if s != nil && len(v.sources) < maxSources {
			s.open()
			v.sources[name] = s
		}
	}
	return nil
}
