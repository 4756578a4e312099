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
	Format  int    `yaml:"format" json:"format"`
	ID      string `yaml:"id" json:"id"`
	Version string `yaml:"version" json:"version"`
	Title   Text   `yaml:"title" json:"title"`
	// Articles are those of the written plan. Where they are listed, every
	// article that a part of the plan cites must be among them.
	Articles   []Article  `yaml:"articles,omitempty" json:"articles,omitempty"`
	Roles      []Role     `yaml:"roles" json:"roles"`
	Levels     []LevelDef `yaml:"levels" json:"levels"`
	Categories []Category `yaml:"categories" json:"categories"`
	Scenarios  []Scenario `yaml:"scenarios" json:"scenarios"`
	Triage     Triage     `yaml:"triage" json:"triage"`
	// Response is the rhythm of reminders. The written plan leaves its figures
	// to the operator.
	Response Response `yaml:"response,omitempty" json:"response,omitempty"`
	// Duties hold at their level whatever the scenario (Art. 8).
	Duties []Step `yaml:"duties,omitempty" json:"duties,omitempty"`
	// Aftercare is what follows every incident (Art. 18).
	Aftercare []Step `yaml:"aftercare,omitempty" json:"aftercare,omitempty"`
	// Investigation are the headings that an investigation has to fill in
	// (Art. 18).
	Investigation []Heading `yaml:"investigation,omitempty" json:"investigation,omitempty"`
	// Statutory are reports that the law demands beside the plan.
	Statutory []Statutory `yaml:"statutory,omitempty" json:"statutory,omitempty"`
	// Preparedness is what has to be ready beforehand (Art. 19).
	Preparedness []Need `yaml:"preparedness,omitempty" json:"preparedness,omitempty"`
}

// Article is an article of the written plan.
type Article struct {
	ID    string `yaml:"id" json:"id"` // "8"
	Title Text   `yaml:"title" json:"title"`
	// By says how it is carried where no part of the plan, no rule and no test
	// carries it.
	By Text `yaml:"by,omitempty" json:"by,omitzero"`
}

// NeedKind is what a thing to have ready is.
type NeedKind string

// The kinds of need.
const (
	NeedBackup   NeedKind = "backup"   // 数据备份
	NeedSpare    NeedKind = "spare"    // 备用设备
	NeedContract NeedKind = "contract" // 维保合同
)

// Need is one thing that has to be ready before it is needed.
type Need struct {
	ID      string   `yaml:"id" json:"id"`
	Kind    NeedKind `yaml:"kind" json:"kind"`
	What    Text     `yaml:"what" json:"what"`
	Article string   `yaml:"article,omitempty" json:"article,omitempty"`
}

// Response says how soon somebody has to take an incident in hand, how long
// that holds, and who is told when nobody does.
type Response struct {
	// Acknowledge is how soon an incident is to be acknowledged, by level. A
	// level that is not named has no limit.
	Acknowledge map[Level]time.Duration `yaml:"acknowledge,omitempty" json:"acknowledge,omitempty"`
	// Lapse is how long an acknowledgement holds, by level: nobody
	// acknowledges for ever.
	Lapse map[Level]time.Duration `yaml:"lapse,omitempty" json:"lapse,omitempty"`
	// RemindBefore a deadline those responsible are reminded, and every Every
	// after it those of Escalate are told in turn, the last again and again.
	RemindBefore time.Duration `yaml:"remind_before,omitempty" json:"remind_before,omitempty"`
	Every        time.Duration `yaml:"every,omitempty" json:"every,omitempty"`
	Escalate     []string      `yaml:"escalate,omitempty" json:"escalate,omitempty"`
	// Announce is how long before it rises the next level is told.
	Announce time.Duration `yaml:"announce,omitempty" json:"announce,omitempty"`
	// Recovery is how long everything must have been good before the
	// all-clear.
	Recovery time.Duration `yaml:"recovery,omitempty" json:"recovery,omitempty"`
	Article  string        `yaml:"article,omitempty" json:"article,omitempty"`
}

// Heading is one heading of an investigation.
type Heading struct {
	ID      string `yaml:"id" json:"id"`
	Title   Text   `yaml:"title" json:"title"`
	Article string `yaml:"article,omitempty" json:"article,omitempty"`
}

// OperatorKind is what the law takes the operator for.
type OperatorKind string

// The kinds of operator.
const (
	Critical OperatorKind = "critical" // 关键信息基础设施运营者
	Organ    OperatorKind = "organ"    // 中央和国家机关及直属单位
	Other    OperatorKind = "other"    // 其他网络运营者
)

// OperatorKinds lists them.
var OperatorKinds = [...]OperatorKind{Critical, Organ, Other}

// Statutory is a report that the law demands from a level up, counted from the
// moment that level was reached.
type Statutory struct {
	ID          string                         `yaml:"id" json:"id"`
	Do          Text                           `yaml:"do" json:"do"`
	Law         Text                           `yaml:"law" json:"law"`
	FromLevel   Level                          `yaml:"from_level" json:"from_level"`
	Within      map[OperatorKind]time.Duration `yaml:"within" json:"within"`
	Responsible []string                       `yaml:"responsible" json:"responsible"`
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
	// Standard is the category under GB/T 20986-2023, the second coding.
	Standard *Coding `yaml:"gbt20986,omitempty" json:"gbt20986,omitempty"`
}

// Coding is a category of a standard: its number there and its name.
type Coding struct {
	Code string `yaml:"code" json:"code"`
	Name Text   `yaml:"name" json:"name"`
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
	Default bool `yaml:"default,omitempty" json:"default,omitempty"`
	// NoOutage marks what interrupts no system (one bidder's key, an absent
	// expert): the clock then raises no level.
	NoOutage bool     `yaml:"no_outage,omitempty" json:"no_outage,omitempty"`
	Steps    []Step   `yaml:"steps" json:"steps"`
	Branches []Branch `yaml:"branches,omitempty" json:"branches,omitempty"`
}

// Branch is the part of a playbook that holds for one cause or one decision.
type Branch struct {
	ID    string `yaml:"id" json:"id"`       // "standby-started"
	After string `yaml:"after" json:"after"` // id of the step that decides
	When  Text   `yaml:"when" json:"when"`
	Steps []Step `yaml:"steps" json:"steps"`
	// Suggest says what speaks for this branch; a person decides.
	Suggest *Suggest `yaml:"suggest,omitempty" json:"suggest,omitempty"`
}

// Suggest is the sign by which a branch is suggested. One of them is set.
type Suggest struct {
	// Causes are values of the rules' label cause.
	Causes []string `yaml:"causes,omitempty" json:"causes,omitempty"`
	// Alerts: rules of this incident fire on the server.
	Alerts bool `yaml:"alerts,omitempty" json:"alerts,omitempty"`
	// EstimateUpTo and EstimateOver look at the estimated time to repair,
	// counted from the estimate.
	EstimateUpTo time.Duration `yaml:"estimate_up_to,omitempty" json:"estimate_up_to,omitempty"`
	EstimateOver time.Duration `yaml:"estimate_over,omitempty" json:"estimate_over,omitempty"`
	// SolvedWithin and NotSolvedWithin look at the time since the opening.
	SolvedWithin    time.Duration `yaml:"solved_within,omitempty" json:"solved_within,omitempty"`
	NotSolvedWithin time.Duration `yaml:"not_solved_within,omitempty" json:"not_solved_within,omitempty"`
}

// Step is what to do, by whom, by when.
type Step struct {
	ID          string   `yaml:"id" json:"id"` // unique in the scenario
	Do          Text     `yaml:"do" json:"do"`
	Responsible []string `yaml:"responsible" json:"responsible"`
	Assisting   []string `yaml:"assisting,omitempty" json:"assisting,omitempty"`
	// Within is the time limit, counted From; zero means none.
	Within time.Duration `yaml:"within,omitempty" json:"within,omitempty"`
	// From is what Within counts from: "opening" of the incident (default), or
	// the moment its "branch" was chosen. Duties count from when they arose.
	From string `yaml:"from,omitempty" json:"from,omitempty"`
	// Looks are what the agent looks at by itself when the incident opens; the
	// results stand in the step.
	Looks []string `yaml:"looks,omitempty" json:"looks,omitempty"`
	// FromLevel restricts the step to incidents of at least this level.
	FromLevel Level `yaml:"from_level,omitempty" json:"from_level,omitempty"`
	// Article of the written plan, for what stands in no scenario.
	Article string `yaml:"article,omitempty" json:"article,omitempty"`
}

// Triage is the preliminary classification of Art. 8.
type Triage struct {
	Within  time.Duration `yaml:"within" json:"within"`
	Article string        `yaml:"article,omitempty" json:"article,omitempty"`
}
