// Package roster says who holds which role and how to reach them. People are
// the operator's own configuration, never part of the source.
package roster

import "slices"

// Roster is the operator's list of people. The zero Roster is valid: every
// role is then vacant, and shown as vacant.
type Roster struct {
	People []Person `yaml:"people" json:"people"`
	// Shifts say who is on call when; Absences who is away, and who stands in.
	Shifts   []Shift `yaml:"shifts,omitempty" json:"shifts,omitempty"`
	Absences []Away  `yaml:"away,omitempty" json:"away,omitempty"`
}

// Person is someone who can be told.
type Person struct {
	ID    string   `yaml:"id" json:"id"`
	Name  string   `yaml:"name" json:"name"`
	Roles []string `yaml:"roles" json:"roles"`
	Phone string   `yaml:"phone,omitempty" json:"phone,omitempty"`
	Mail  string   `yaml:"mail,omitempty" json:"mail,omitempty"`
	// Lang is the language the person reads: zh-CN (default) or en.
	Lang string `yaml:"lang,omitempty" json:"lang,omitempty"`
}

// Reads is the language word of the person's notices.
func (p Person) Reads() string {
	if p.Lang == "" {
		return "zh-CN"
	}
	return p.Lang
}

// Holders returns the people who hold a role, in the roster's order.
func (r Roster) Holders(role string) []Person {
	var out []Person
	for _, p := range r.People {
		if slices.Contains(p.Roles, role) {
			out = append(out, p)
		}
	}
	return out
}

// NameOf is the name of a person by id; the id itself where there is nobody of
// it.
func (r Roster) NameOf(id string) string {
	for _, p := range r.People {
		if p.ID == id {
			return p.Name
		}
	}
	return id
}
