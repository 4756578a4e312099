// Package plan is the emergency response plan as data: categories, levels,
// scenarios, playbooks and roles, in zh-CN and en, with a version.
//
// The trading centre interprets and revises its plan (Art. 20–21), so nothing
// of it is code. The embedded default is default.yaml.
package plan

import (
	"time"
)

// Text is a sentence in both languages; neither may be empty.
type Text struct {
	ZH string `yaml:"zh-CN" json:"zh-CN"`
	EN string `yaml:"en" json:"en"`
}

// In returns the text in a language word; anything but "en" is zh-CN.
func (t Text) In(lang string) string {
	if lang == "en" {
		return t.EN
	}
	return t.ZH
}

// Level is the gravity of an incident (Art. 4): "IV" the least, "I" the most.
type Level string

// The levels.
const (
	LevelIV  Level = "IV"  // 一般
	LevelIII Level = "III" // 较大
	LevelII  Level = "II"  // 重大
	LevelI   Level = "I"   // 特别重大
)

// Levels from the least to the most grave.
var Levels = [...]Level{LevelIV, LevelIII, LevelII, LevelI}

// SystemKind decides which level table holds.
type SystemKind string

// The kinds of business system.
const (
	Business SystemKind = "business" // 业务系统
	Opening  SystemKind = "opening"  // 开评标系统
)

// Kinds lists both.
var Kinds = [...]SystemKind{Business, Opening}

// Format is the number of the file format that this package reads.
const Format = 1

// Plan is one version of the plan, validated.
type Plan struct {
	// Format is the number of the file format: 1. New optional keys leave it
	// as it is; a changed meaning of a key raises it.
	Format     int        `yaml:"format" json:"format"`
	ID         string     `yaml:"id" json:"id"`
	Version    string     `yaml:"version" json:"version"`
	Title      Text       `yaml:"title" json:"title"`
	Roles      []Role     `yaml:"roles" json:"roles"`
	Levels     []LevelDef `yaml:"levels" json:"levels"`
	Categories []Category `yaml:"categories" json:"categories"`
	Scenarios  []Scenario `yaml:"scenarios" json:"scenarios"`
	Triage     Triage     `yaml:"triage" json:"triage"`
	// Duties hold at their level whatever the scenario (Art. 8).
	Duties []Step `yaml:"duties,omitempty" json:"duties,omitempty"`
	// Aftercare is what follows every incident (Art. 18).
	Aftercare []Step `yaml:"aftercare,omitempty" json:"aftercare,omitempty"`
}

// Role is a post in the organisation (Art. 5–6).
type Role struct {
	ID   string `yaml:"id" json:"id"`
	Name Text   `yaml:"name" json:"name"`
	// PartOf is the role (a group) whose members hold this one.
	PartOf string `yaml:"part_of,omitempty" json:"part_of,omitempty"`
	// Anyone marks a role that falls to whoever is there (the finder): no
	// roster assigns it.
	Anyone bool `yaml:"anyone,omitempty" json:"anyone,omitempty"`
	// Article of the written plan this comes from, like "5".
	Article string `yaml:"article,omitempty" json:"article,omitempty"`
}

// LevelDef is a level with the outage time up to which it reaches, by kind of
// system. The bound itself still belongs to the level ("up to 2 h"); the
// gravest level has no bound (0).
type LevelDef struct {
	ID      Level                        `yaml:"id" json:"id"`
	Name    Text                         `yaml:"name" json:"name"`
	UpTo    map[SystemKind]time.Duration `yaml:"up_to,omitempty" json:"up_to,omitempty"`
	Article string                       `yaml:"article,omitempty" json:"article,omitempty"`
}

// Category is a code's class of incidents (Art. 3).
type Category struct {
	Code    string `yaml:"code" json:"code"`
	Name    Text   `yaml:"name" json:"name"`
	What    Text   `yaml:"what" json:"what"`
	Article string `yaml:"article,omitempty" json:"article,omitempty"`
}

// Scenario is a playbook with its own stable id: two of the source share the
// printed code F05.
type Scenario struct {
	ID      string `yaml:"id" json:"id"`                         // "server-failure"
	Code    string `yaml:"code,omitempty" json:"code,omitempty"` // "E01"; empty for the situations of Art. 15
	Title   Text   `yaml:"title" json:"title"`
	Trigger Text   `yaml:"trigger" json:"trigger"`
	Article string `yaml:"article" json:"article"`
	// Default marks the scenario that a code alone means.
	Default  bool     `yaml:"default,omitempty" json:"default,omitempty"`
	Steps    []Step   `yaml:"steps" json:"steps"`
	Branches []Branch `yaml:"branches,omitempty" json:"branches,omitempty"`
}

// Branch is the part of a playbook that holds for one cause or one decision.
type Branch struct {
	ID    string `yaml:"id" json:"id"`       // "standby-started"
	After string `yaml:"after" json:"after"` // id of the step that decides
	When  Text   `yaml:"when" json:"when"`
	Steps []Step `yaml:"steps" json:"steps"`
}

// Step is what to do, by whom, by when.
type Step struct {
	ID          string   `yaml:"id" json:"id"` // unique in the scenario
	Do          Text     `yaml:"do" json:"do"`
	Responsible []string `yaml:"responsible" json:"responsible"`
	Assisting   []string `yaml:"assisting,omitempty" json:"assisting,omitempty"`
	// Within is the time limit, counted from the opening of the incident;
	// zero means none.
	Within time.Duration `yaml:"within,omitempty" json:"within,omitempty"`
	// FromLevel restricts the step to incidents of at least this level.
	FromLevel Level `yaml:"from_level,omitempty" json:"from_level,omitempty"`
}

// Triage is the preliminary classification of Art. 8.
type Triage struct {
	Within  time.Duration `yaml:"within" json:"within"`
	Article string        `yaml:"article,omitempty" json:"article,omitempty"`
}
