package plan

import (
	"fmt"
	"slices"
	"strings"
)

func (v *validator) scenarios() {
	seen := map[string]string{}
	for i, s := range v.plan.Scenarios {
		path := fmt.Sprintf("scenarios[%d]", i)
		v.id(path+".id", s.ID, seen)
		v.text(path+".title", s.Title)
		v.text(path+".trigger", s.Trigger)
		if _, ok := v.plan.Category(s.Code); !ok && s.Code != "" {
			v.add(path+".code", "unknown code %q; allowed: %s", s.Code, strings.Join(v.plan.Codes(), ", "))
		}
		if s.Code == "" && s.Default {
			v.add(path+".default", "a scenario without a code cannot be the default of one")
		}
		if strings.TrimSpace(s.Article) == "" {
			v.add(path+".article", "is missing; say which article of the written plan it comes from")
		}
		steps := map[string]string{}
		v.steps(path+".steps", s.Steps, steps)
		if len(s.Steps) == 0 {
			v.add(path+".steps", "is empty; a playbook needs at least one step")
		}
		v.branches(path+".branches", s, steps)
	}
}

// branches checks that each branch has steps and starts at a step of the main
// line or of a branch before it, so that there is no circle. steps holds the
// ids seen so far in the scenario.
func (v *validator) branches(path string, s Scenario, steps map[string]string) {
	seen := map[string]string{}
	for i, b := range s.Branches {
		path := fmt.Sprintf("%s[%d]", path, i)
		v.id(path+".id", b.ID, seen)
		v.text(path+".when", b.When)
		v.suggest(path+".suggest", b.Suggest)
		if _, ok := steps[b.After]; !ok {
			v.add(path+".after", "no step %q before this branch; allowed: %s", b.After, strings.Join(stepIDs(s, i), ", "))
		}
		v.steps(path+".steps", b.Steps, steps)
		if len(b.Steps) == 0 {
			v.add(path+".steps", "is empty; a branch needs at least one step to end in")
		}
	}
}

// stepIDs returns the ids of the main line and of the first n branches.
func stepIDs(s Scenario, n int) []string {
	var out []string
	for _, st := range (Scenario{Steps: s.Steps, Branches: s.Branches[:n]}).AllSteps() {
		if st.ID != "" {
			out = append(out, st.ID)
		}
	}
	return out
}

func (v *validator) steps(path string, list []Step, seen map[string]string) {
	for i, s := range list {
		path := fmt.Sprintf("%s[%d]", path, i)
		v.id(path+".id", s.ID, seen)
		v.text(path+".do", s.Do)
		if len(s.Responsible) == 0 {
			v.add(path+".responsible", "is empty; say which role carries the step out")
		}
		v.roleList(path+".responsible", s.Responsible)
		v.roleList(path+".assisting", s.Assisting)
		if s.Within < 0 || s.Within > maxWithin {
			v.add(path+".within", "%v is out of range; allowed: up to %v", s.Within, maxWithin)
		}
		switch {
		case s.From == "":
		case s.From != "opening" && s.From != "branch":
			v.add(path+".from", "unknown %q; allowed: opening, branch", s.From)
		case s.Within == 0:
			v.add(path+".from", "says from when a limit counts, but there is no within")
		case !strings.HasPrefix(path, "scenarios["):
			v.add(path+".from", "stands in no playbook; what is due counts from when it arose, so leave this out")
		case s.From == "branch" && !strings.Contains(path, ".branches["):
			v.add(path+".from", "counts from a branch, but this step stands in none; allowed: opening")
		}
		v.looks(path+".looks", s.Looks)
		if s.FromLevel != "" && !s.FromLevel.Valid() {
			v.add(path+".from_level", "unknown level %q; allowed: IV, III, II, I", s.FromLevel)
		}
	}
}

func (v *validator) looks(path string, list []string) {
	for n, look := range list {
		at := fmt.Sprintf("%s[%d]", path, n)
		if !slices.Contains(Looks[:], look) {
			v.add(at, "unknown look %q; allowed: %s", look, strings.Join(Looks[:], ", "))
		} else if slices.Contains(list[:n], look) {
			v.add(at, "%q stands twice in this list", look)
		}
	}
}

func (v *validator) roleList(path string, list []string) {
	for i, id := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		if _, ok := v.plan.Role(id); !ok {
			v.unknownRole(at, id)
		} else if slices.Contains(list[:i], id) {
			v.add(at, "%q stands twice in this list", id)
		}
	}
}
