package plan

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	idShape   = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	codeShape = regexp.MustCompile(`^[A-Z][0-9]{2}$`)
)

// maxWithin bounds a step's time limit.
const maxWithin = 90 * 24 * time.Hour

// Validate returns every mistake in the plan, joined; each begins with the
// path of what is wrong, like "scenarios[3].steps[0].responsible: …".
func (p *Plan) Validate() error {
	v := validator{plan: p}
	v.head()
	v.roles()
	v.levels()
	v.categories()
	v.scenarios()
	due := map[string]string{}
	v.steps("duties", p.Duties, due)
	v.steps("aftercare", p.Aftercare, due)
	v.statutory(due)
	v.response()
	v.headings()
	v.preparedness()
	v.articles()
	return errors.Join(v.errs...)
}

type validator struct {
	plan *Plan
	errs []error
}

func (v *validator) add(path, format string, args ...any) {
	v.errs = append(v.errs, fmt.Errorf("%s: "+format, append([]any{path}, args...)...))
}

func (v *validator) head() {
	p := v.plan
	if p.Format != Format {
		v.add("format", "%d is a format this program does not read; it reads %d", p.Format, Format)
	}
	v.id("id", p.ID, map[string]string{})
	if strings.TrimSpace(p.Version) == "" {
		v.add("version", "is missing; each revision needs its own, like \"2017-05\"")
	}
	v.text("title", p.Title)
	switch {
	case p.Triage.Within == 0:
		v.add("triage.within", "is missing; say how soon code and level are confirmed, like 30m")
	case p.Triage.Within < 0 || p.Triage.Within > 24*time.Hour:
		v.add("triage.within", "%v is out of range; allowed: up to 24h", p.Triage.Within)
	}
}

// id checks the shape of an id and that it stands once; seen maps ids to the
// path of their first use.
func (v *validator) id(path, id string, seen map[string]string) {
	switch {
	case id == "":
		v.add(path, "is missing; allowed: lower-case words joined by \"-\", like server-failure")
		return
	case !idShape.MatchString(id):
		v.add(path, "%q is not an id; allowed: lower-case words joined by \"-\", like server-failure", id)
		return
	}
	if first, twice := seen[id]; twice {
		v.add(path, "%q stands twice; first at %s", id, first)
		return
	}
	seen[id] = path
}

func (v *validator) text(path string, t Text) {
	if strings.TrimSpace(t.ZH) == "" {
		v.add(path+".zh-CN", "translation is missing; every text stands in zh-CN and en")
	}
	if strings.TrimSpace(t.EN) == "" {
		v.add(path+".en", "translation is missing; every text stands in zh-CN and en")
	}
}

func (v *validator) roles() {
	if len(v.plan.Roles) == 0 {
		v.add("roles", "is empty; name the roles that steps give work to")
	}
	seen := map[string]string{}
	for i, r := range v.plan.Roles {
		path := fmt.Sprintf("roles[%d]", i)
		v.id(path+".id", r.ID, seen)
		v.text(path+".name", r.Name)
		if r.PartOf == "" {
			continue
		}
		group, ok := v.plan.Role(r.PartOf)
		switch {
		case !ok:
			v.unknownRole(path+".part_of", r.PartOf)
		case r.PartOf == r.ID || group.PartOf != "":
			v.add(path+".part_of", "%q is no group at the top; a group is not itself part of one", r.PartOf)
		}
	}
}

func (v *validator) unknownRole(path, id string) {
	v.add(path, "unknown role %q; allowed: %s", id, strings.Join(v.plan.RoleIDs(), ", "))
}

// levels checks that both tables are whole and rise without a gap.
func (v *validator) levels() {
	if len(v.plan.Levels) != len(Levels) {
		v.add("levels", "has %d levels; want the four IV, III, II, I in this order", len(v.plan.Levels))
	}
	for i, def := range v.plan.Levels {
		path := fmt.Sprintf("levels[%d]", i)
		v.text(path+".name", def.Name)
		if i >= len(Levels) {
			break
		}
		if def.ID != Levels[i] {
			v.add(path+".id", "%q stands where level %s is expected; the order is IV, III, II, I", def.ID, Levels[i])
		}
		for kind := range def.UpTo {
			if !slices.Contains(Kinds[:], kind) {
				v.add(path+".up_to."+string(kind), "unknown kind of system; allowed: business, opening")
			}
		}
		for _, kind := range Kinds {
			v.bound(path+".up_to", i, kind)
		}
	}
}

func (v *validator) bound(path string, i int, kind SystemKind) {
	up, set := v.plan.Levels[i].UpTo[kind]
	path += "." + string(kind)
	switch {
	case i == len(Levels)-1:
		if set {
			v.add(path, "the gravest level has no bound; leave it out")
		}
		return
	case up <= 0:
		v.add(path, "is missing, so the table of %s systems has a gap; say up to how long an outage is level %s", kind, Levels[i])
		return
	}
	if i > 0 {
		if below := v.plan.Levels[i-1].UpTo[kind]; up <= below {
			v.add(path, "%v is not longer than the %v of level %s below it", up, below, Levels[i-1])
		}
	}
}

func (v *validator) categories() {
	if len(v.plan.Categories) == 0 {
		v.add("categories", "is empty; name the codes that incidents can carry")
	}
	seen := map[string]string{}
	for i, c := range v.plan.Categories {
		path := fmt.Sprintf("categories[%d]", i)
		v.text(path+".name", c.Name)
		v.text(path+".what", c.What)
		if c.Standard != nil {
			if strings.TrimSpace(c.Standard.Code) == "" {
				v.add(path+".gbt20986.code", "is missing; give the number of the category in the standard, like \"5\"")
			}
			v.text(path+".gbt20986.name", c.Standard.Name)
		}
		if !codeShape.MatchString(c.Code) {
			v.add(path+".code", "%q is not a code; allowed: a capital letter and two digits, like E01", c.Code)
			continue
		}
		if first, twice := seen[c.Code]; twice {
			v.add(path+".code", "%q stands twice; first at %s", c.Code, first)
			continue
		}
		seen[c.Code] = path + ".code"
		v.playbookOf(path+".code", c.Code)
	}
}

// playbookOf checks that a code means exactly one scenario.
func (v *validator) playbookOf(path, code string) {
	n, defaults := 0, 0
	for i, s := range v.plan.Scenarios {
		if s.Code != code {
			continue
		}
		n++
		if s.Default {
			if defaults++; defaults > 1 {
				v.add(fmt.Sprintf("scenarios[%d].default", i), "a second default for code %s; only one scenario can be meant by the code alone", code)
			}
		}
	}
	switch {
	case n == 0:
		v.add(path, "no scenario has code %s; every code needs a playbook", code)
	case n > 1 && defaults == 0:
		v.add(path, "%d scenarios have code %s; mark the one that the code alone means with default: true", n, code)
	}
}
