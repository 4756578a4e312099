package roster

import (
	"strings"
	"testing"
)

var roles = []string{"leader", "tech-staff"}

func person(change func(*Person)) Person {
	p := Person{ID: "zhang-san", Name: "张三", Roles: []string{"tech-staff"}, Phone: "010-5550-0101", Mail: "zhang.san@example.org"}
	change(&p)
	return p
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Person)
		want   string // empty: valid
	}{
		{"whole", func(*Person) {}, ""},
		{"country code", func(p *Person) { p.Phone = "+86 10 5550 0101" }, ""},
		{"extension", func(p *Person) { p.Phone = "010-5550-0101转8001" }, ""},
		{"short code", func(p *Person) { p.Phone = "12345" }, ""},
		{"no way to reach", func(p *Person) { p.Phone, p.Mail = "", "" }, ""},
		{"english", func(p *Person) { p.Lang = "en" }, ""},
		{"several roles", func(p *Person) { p.Roles = roles }, ""},
		{"no id", func(p *Person) { p.ID = "" }, "people[0].id: is missing; allowed: lower-case letters, digits and - . _ between them"},
		{"id in Chinese", func(p *Person) { p.ID = "张三" }, `people[0].id: "张三" is not an id; allowed: lower-case letters, digits and - . _ between them`},
		{"no name", func(p *Person) { p.Name = " " }, "people[0].name: is missing"},
		{"no role", func(p *Person) { p.Roles = nil }, "people[0].roles: is empty; a person without a role is never told"},
		{"unknown role", func(p *Person) { p.Roles = []string{"tech"} }, `people[0].roles[0]: unknown role "tech"; allowed: leader, tech-staff`},
		{"role twice", func(p *Person) { p.Roles = []string{"leader", "leader"} }, `people[0].roles[1]: "leader" stands twice in this list`},
		{"word for a phone", func(p *Person) { p.Phone = "see intranet" }, `people[0].phone: "see intranet" is not a telephone number; allowed: digits, spaces and -, a leading +, an extension after x or 转`},
		{"two digits", func(p *Person) { p.Phone = "12" }, `people[0].phone: "12" is not a telephone number; allowed: digits, spaces and -, a leading +, an extension after x or 转`},
		{"endless phone", func(p *Person) { p.Phone = strings.Repeat("1", 22) }, `people[0].phone: "` + strings.Repeat("1", 22) + `" is not a telephone number; allowed: digits, spaces and -, a leading +, an extension after x or 转`},
		{"mail without domain", func(p *Person) { p.Mail = "zhang.san" }, `people[0].mail: "zhang.san" is not a mail address; allowed: name@example.org`},
		{"mail with display name", func(p *Person) { p.Mail = "Zhang <z@example.org>" }, `people[0].mail: "Zhang <z@example.org>" is not a mail address; allowed: name@example.org`},
		{"unknown language", func(p *Person) { p.Lang = "zh" }, `people[0].lang: unknown language "zh"; allowed: zh-CN, en`},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Roster{People: []Person{person(c.change)}}.Validate(roles)
			if got := message(err); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestValidateFindsDoubles(t *testing.T) {
	same := func(p *Person) { p.Mail = "Zhang.San@example.org" }
	err := Roster{People: []Person{person(func(*Person) {}), person(same)}}.Validate(roles)
	want := `people[1].id: "zhang-san" stands twice; first at people[0]` + "\n" +
		`people[1].mail: "Zhang.San@example.org" is already that of people[0]`
	if got := message(err); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestEmptyRosterIsValid(t *testing.T) {
	if err := (Roster{}).Validate(nil); err != nil {
		t.Errorf("an empty roster was refused: %v", err)
	}
}

func TestHolders(t *testing.T) {
	r := Roster{People: []Person{
		{ID: "a", Roles: []string{"leader", "tech-staff"}},
		{ID: "b", Roles: []string{"leader"}},
	}}
	if got := r.Holders("leader"); len(got) != 2 || got[0].ID != "a" || got[1].ID != "b" {
		t.Errorf("leaders: %v", got)
	}
	if got := r.Holders("vendor"); got != nil {
		t.Errorf("a vacant role is held by %v", got)
	}
}
