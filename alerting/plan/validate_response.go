package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Looks are what the agent can look at by itself for a step.
var Looks = [...]string{"resources", "traffic", "path", "devices", "accounts", "reserve"}

// response checks the rhythm of reminders. Without one, the clock counts down
// and reminds nobody.
func (v *validator) response() {
	r := v.plan.Response
	v.byLevel("response.acknowledge", r.Acknowledge)
	v.byLevel("response.lapse", r.Lapse)
	for _, d := range []struct {
		key   string
		value time.Duration
	}{{"remind_before", r.RemindBefore}, {"every", r.Every}, {"announce", r.Announce}, {"recovery", r.Recovery}} {
		if d.value < 0 || d.value > 24*time.Hour {
			v.add("response."+d.key, "%v is out of range; allowed: up to 24h", d.value)
		}
	}
	if r.Every > 0 && r.Every < time.Minute {
		v.add("response.every", "%v is too often; allowed: 1m to 24h", r.Every)
	}
	if len(r.Acknowledge) > 0 && r.Every == 0 {
		v.add("response.every", "is missing; say how often those who do not answer are reminded, like 10m")
	}
	v.roleList("response.escalate", r.Escalate)
}

func (v *validator) byLevel(path string, table map[Level]time.Duration) {
	for level, d := range table {
		at := path + "." + string(level)
		switch {
		case !level.Valid():
			v.add(at, "unknown level; allowed: IV, III, II, I")
		case d < time.Minute || d > 7*24*time.Hour:
			v.add(at, "%v is out of range; allowed: 1m to 168h", d)
		}
	}
	// A level that is not named says nothing of those around it.
	below := Level("")
	for _, level := range Levels {
		if table[level] <= 0 {
			continue
		}
		if below != "" && table[level] > table[below] {
			v.add(path+"."+string(level), "%v is longer than the %v of level %s below it", table[level], table[below], below)
		}
		below = level
	}
}

func (v *validator) headings() {
	seen := map[string]string{}
	for n, h := range v.plan.Investigation {
		path := fmt.Sprintf("investigation[%d]", n)
		v.id(path+".id", h.ID, seen)
		v.text(path+".title", h.Title)
	}
}

func (v *validator) statutory(seen map[string]string) {
	for n, s := range v.plan.Statutory {
		path := fmt.Sprintf("statutory[%d]", n)
		v.id(path+".id", s.ID, seen)
		v.text(path+".do", s.Do)
		v.text(path+".law", s.Law)
		if s.FromLevel == "" {
			v.add(path+".from_level", "is missing; say from which level up it is due: IV, III, II, I")
		} else if !s.FromLevel.Valid() {
			v.add(path+".from_level", "unknown level %q; allowed: IV, III, II, I", s.FromLevel)
		}
		if len(s.Responsible) == 0 {
			v.add(path+".responsible", "is empty; say which role reports")
		}
		v.roleList(path+".responsible", s.Responsible)
		for kind, d := range s.Within {
			at := path + ".within." + string(kind)
			switch {
			case !slices.Contains(OperatorKinds[:], kind):
				v.add(at, "unknown kind of operator; allowed: critical, organ, other")
			case d <= 0 || d > maxWithin:
				v.add(at, "%v is out of range; allowed: up to %v", d, maxWithin)
			}
		}
		for _, kind := range OperatorKinds {
			if s.Within[kind] == 0 {
				v.add(path+".within", "has no time for operators of kind %s", kind)
			}
		}
	}
}

// articles checks the list of articles, and that what is cited is on it.
func (v *validator) articles() {
	known := map[string]string{}
	for n, a := range v.plan.Articles {
		path := fmt.Sprintf("articles[%d]", n)
		first, twice := known[a.ID]
		switch {
		case strings.TrimSpace(a.ID) == "":
			v.add(path+".id", "is missing; give the number of the article, like \"8\"")
		case twice:
			v.add(path+".id", "%q stands twice; first at %s", a.ID, first)
		default:
			known[a.ID] = path + ".id"
		}
		v.text(path+".title", a.Title)
		if a.By != (Text{}) {
			v.text(path+".by", a.By)
		}
	}
	if len(known) == 0 {
		return
	}
	v.plan.cites(func(path, article string) {
		if known[article] == "" {
			v.add(path, "article %q is not among the articles of this plan; add it there, or correct it", article)
		}
	})
}

func (v *validator) preparedness() {
	seen := map[string]string{}
	for n, need := range v.plan.Preparedness {
		path := fmt.Sprintf("preparedness[%d]", n)
		v.id(path+".id", need.ID, seen)
		v.text(path+".what", need.What)
		switch need.Kind {
		case NeedBackup, NeedSpare, NeedContract:
		default:
			v.add(path+".kind", "unknown kind %q; allowed: backup, spare, contract", need.Kind)
		}
	}
}

// suggest checks that a branch is suggested by one sign, within bounds.
func (v *validator) suggest(path string, s *Suggest) {
	if s == nil {
		return
	}
	n := 0
	for _, d := range []struct {
		key   string
		value time.Duration
	}{
		{"estimate_up_to", s.EstimateUpTo}, {"estimate_over", s.EstimateOver},
		{"solved_within", s.SolvedWithin}, {"not_solved_within", s.NotSolvedWithin},
	} {
		if d.value < 0 || d.value > maxWithin {
			v.add(path+"."+d.key, "%v is out of range; allowed: up to %v", d.value, maxWithin)
		}
		if d.value != 0 {
			n++
		}
	}
	if len(s.Causes) > 0 {
		n++
	}
	for i, cause := range s.Causes {
		at := fmt.Sprintf("%s.causes[%d]", path, i)
		if strings.TrimSpace(cause) == "" {
			v.add(at, "is empty; allowed: a value of the rules' label cause, like network")
		} else if slices.Contains(s.Causes[:i], cause) {
			v.add(at, "%q stands twice in this list", cause)
		}
	}
	if s.Alerts {
		n++
	}
	if n != 1 {
		v.add(path, "has %d signs; want one of causes, alerts, estimate_up_to, estimate_over, solved_within, not_solved_within", n)
	}
}
