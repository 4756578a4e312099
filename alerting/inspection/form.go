// Package inspection is Art. 7 at work: forms that say what a round looks at,
// rounds that are due on working days, each item judged from measurements or
// by a person, and signed.
//
// Unknown is never normal: an item that nobody looked at is not inspected, one
// that was measured for a part of the time only asks for attention.
package inspection

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"xunjian/alerting/plan"
	"xunjian/alerting/schedule"
	"xunjian/alerting/yamlfile"
)

// Format is the number of the form's file format.
const Format = 1

// Form says what a round looks at, when, and who signs. It is data: the
// operator's own takes the place of a shipped one of the same ID.
type Form struct {
	Format  int       `yaml:"format" json:"format"`
	ID      string    `yaml:"id" json:"id"`
	Version string    `yaml:"version" json:"version"`
	Title   plan.Text `yaml:"title" json:"title"`
	Article string    `yaml:"article,omitempty" json:"article,omitempty"`
	// Schedule is when a round is due; none: only when somebody starts it.
	Schedule schedule.Config `yaml:"schedule,omitempty" json:"schedule,omitzero"`
	// BeforeOpenings has a round made before each bid opening, as early as the
	// bid calendar says.
	BeforeOpenings bool `yaml:"before_openings,omitempty" json:"before_openings,omitempty"`
	// Period is what a round looks back over: 10 minutes to 40 days.
	Period time.Duration `yaml:"period" json:"period"`
	// SignWithin is how soon it is to be signed; 0: it need not be.
	SignWithin time.Duration `yaml:"sign_within,omitempty" json:"sign_within,omitempty"`
	// GreenUnsigned means that nobody has to sign a round whose items are all
	// normal.
	GreenUnsigned bool `yaml:"green_unsigned,omitempty" json:"green_unsigned,omitempty"`
	// Report are the roles that the report of each round is mailed to: when it
	// is made, and again when it is signed. None: it is filed only.
	Report []string `yaml:"report,omitempty" json:"report,omitempty"`
	Groups []Group  `yaml:"groups" json:"groups"`
}

// Group is a heading with its items.
type Group struct {
	ID    string    `yaml:"id" json:"id"`
	Title plan.Text `yaml:"title" json:"title"`
	Items []Item    `yaml:"items" json:"items"`
}

// Item is one thing to look at: by checks, by figures, by a person.
type Item struct {
	ID    string    `yaml:"id" json:"id"` // unique in the form
	Title plan.Text `yaml:"title" json:"title"`
	// Checks judge it: by what they find now, and found within the period. A
	// name stands for all of its instances.
	Checks []string `yaml:"checks,omitempty" json:"checks,omitempty"`
	// Figures are measured over the period and held against their limits.
	Figures []Figure `yaml:"figures,omitempty" json:"figures,omitempty"`
	// Charts are drawn over the period in the report; their limits are lines
	// and judge nothing.
	Charts []Figure `yaml:"charts,omitempty" json:"charts,omitempty"`
	// Ask is what a person has to look at. With checks beside it, the person is
	// asked only where they have nothing to look at here.
	Ask plan.Text `yaml:"ask,omitempty" json:"ask,omitzero"`
	// IfFails says what to do about it.
	IfFails plan.Text `yaml:"if_fails,omitempty" json:"if_fails,omitzero"`
}

// Figure is a PromQL query; $period in it is the period of the round, in a
// chart $step the distance of its points.
type Figure struct {
	ID    string    `yaml:"id" json:"id"`
	Title plan.Text `yaml:"title" json:"title"`
	Expr  string    `yaml:"expr" json:"expr"`
	// Unit is how the value is written: ratio, bytes, bytes_per_second,
	// seconds, days, count, number.
	Unit string `yaml:"unit" json:"unit"`
	// Subject are the labels that tell one value from another.
	Subject []string `yaml:"subject,omitempty" json:"subject,omitempty"`
	// Attention and Abnormal are the limits; none: the figure only informs.
	Attention *Limit `yaml:"attention,omitempty" json:"attention,omitempty"`
	Abnormal  *Limit `yaml:"abnormal,omitempty" json:"abnormal,omitempty"`
	// Optional figures may have no value: nothing grows, no swap is there.
	Optional bool `yaml:"optional,omitempty" json:"optional,omitempty"`
}

// Limit is broken by a value over Above or under Below; one of them is set.
type Limit struct {
	Above *float64 `yaml:"above,omitempty" json:"above,omitempty"`
	Below *float64 `yaml:"below,omitempty" json:"below,omitempty"`
}

// Broken reports whether v is beyond the limit. NaN is beyond none.
func (l *Limit) Broken(v float64) bool {
	return l != nil && (l.Above != nil && v > *l.Above || l.Below != nil && v < *l.Below)
}

// Line is where the limit is drawn: NaN for none.
func (l *Limit) Line() float64 {
	switch {
	case l != nil && l.Above != nil:
		return *l.Above
	case l != nil && l.Below != nil:
		return *l.Below
	}
	return math.NaN()
}

// Units lists how a figure can be written.
var Units = []string{"ratio", "bytes", "bytes_per_second", "seconds", "days", "count", "number"}

const (
	minPeriod = 10 * time.Minute
	maxPeriod = 40 * 24 * time.Hour
	maxSign   = 31 * 24 * time.Hour
)

// Item returns an item of the form.
func (f *Form) Item(id string) (Item, bool) {
	for _, g := range f.Groups {
		for _, i := range g.Items {
			if i.ID == id {
				return i, true
			}
		}
	}
	return Item{}, false
}

// Query is the figure's expression over a period.
func (f Figure) Query(period time.Duration) string {
	return strings.ReplaceAll(f.Expr, "$period", fmt.Sprintf("%ds", int(period.Seconds())))
}

// Over is the expression of a chart whose points are step apart.
func (f Figure) Over(period, step time.Duration) string {
	return strings.ReplaceAll(f.Query(period), "$step", fmt.Sprintf("%ds", int(step.Seconds())))
}

var idShape = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// Validate returns every mistake in the form, joined; each begins with the path
// of what is wrong. known are the checks there are; nil takes any.
func (f *Form) Validate(known []string) error {
	v := validator{known: known, seen: map[string]string{}}
	if f.Format != Format {
		v.add("format", "%d is a format this program does not read; it reads %d", f.Format, Format)
	}
	v.id("id", f.ID, map[string]string{})
	if strings.TrimSpace(f.Version) == "" {
		v.add("version", "is missing; each revision needs its own, like \"2026-11\"")
	}
	v.text("title", f.Title)
	if !f.Schedule.Zero() {
		v.errs = append(v.errs, yamlfile.Under("schedule", f.Schedule.Validate()))
	}
	if f.Period < minPeriod || f.Period > maxPeriod {
		v.add("period", "%v is out of range; allowed: 10m to 960h", f.Period)
	}
	if f.SignWithin < 0 || f.SignWithin > maxSign {
		v.add("sign_within", "%v is out of range; allowed: up to 744h", f.SignWithin)
	}
	if len(f.Groups) == 0 {
		v.add("groups", "is empty; a form has something to look at")
	}
	groups := map[string]string{}
	for n, g := range f.Groups {
		at := fmt.Sprintf("groups[%d]", n)
		v.id(at+".id", g.ID, groups)
		v.text(at+".title", g.Title)
		if len(g.Items) == 0 {
			v.add(at+".items", "is empty; a group has something to look at")
		}
		for k, i := range g.Items {
			v.item(fmt.Sprintf("%s.items[%d]", at, k), i)
		}
	}
	return errors.Join(v.errs...)
}

type validator struct {
	known []string
	seen  map[string]string // ids of items
	errs  []error
}

func (v *validator) add(path, format string, args ...any) {
	v.errs = append(v.errs, fmt.Errorf("%s: "+format, append([]any{path}, args...)...))
}

func (v *validator) id(path, id string, seen map[string]string) {
	switch first, twice := seen[id]; {
	case !idShape.MatchString(id):
		v.add(path, "%q is not an id; allowed: lower-case words joined by \"-\"", id)
	case twice:
		v.add(path, "%q stands twice; first at %s", id, first)
	default:
		seen[id] = path
	}
}

func (v *validator) text(path string, t plan.Text) {
	for _, l := range []struct{ key, text string }{{".zh-CN", t.ZH}, {".en", t.EN}} {
		if strings.TrimSpace(l.text) == "" {
			v.add(path+l.key, "translation is missing; every text stands in zh-CN and en")
		}
	}
}

func (v *validator) item(at string, i Item) {
	v.id(at+".id", i.ID, v.seen)
	v.text(at+".title", i.Title)
	if len(i.Checks) == 0 && len(i.Figures) == 0 && i.Ask == (plan.Text{}) {
		v.add(at, "is judged by nothing; give checks, figures or ask")
	}
	for _, t := range []struct {
		key  string
		text plan.Text
	}{{".ask", i.Ask}, {".if_fails", i.IfFails}} {
		if t.text != (plan.Text{}) {
			v.text(at+t.key, t.text)
		}
	}
	for n, c := range i.Checks {
		if v.known != nil && !slices.Contains(v.known, c) {
			v.add(fmt.Sprintf("%s.checks[%d]", at, n), "unknown check %q; allowed: %s", c, strings.Join(v.known, ", "))
		}
	}
	figures := map[string]string{}
	for n, f := range i.Figures {
		v.figure(fmt.Sprintf("%s.figures[%d]", at, n), f, figures)
	}
	for n, f := range i.Charts {
		v.figure(fmt.Sprintf("%s.charts[%d]", at, n), f, figures)
	}
}

func (v *validator) figure(at string, f Figure, seen map[string]string) {
	v.id(at+".id", f.ID, seen)
	v.text(at+".title", f.Title)
	if !slices.Contains(Units, f.Unit) {
		v.add(at+".unit", "unknown unit %q; allowed: %s", f.Unit, strings.Join(Units, ", "))
	}
	for _, l := range []struct {
		key   string
		limit *Limit
	}{{".attention", f.Attention}, {".abnormal", f.Abnormal}} {
		if l.limit != nil && (l.limit.Above == nil) == (l.limit.Below == nil) {
			v.add(at+l.key, "wants one of above and below")
		}
	}
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(f.Over(24*time.Hour, time.Minute))
	switch {
	case err != nil:
		v.add(at+".expr", "%v", err)
	case expr.Type() != parser.ValueTypeVector && expr.Type() != parser.ValueTypeScalar:
		v.add(at+".expr", "gives a %s; want a vector or a number", expr.Type())
	}
}
