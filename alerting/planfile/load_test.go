package planfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
	"xunjian/alerting/yamlfile"
)

// mistakes are changes to the default plan and what is said of them: the
// column, the path and the message, without the excerpt. A ~ marks those that
// are seen elsewhere than where they were made.
var mistakes = []struct{ name, old, new, want string }{
	{"unknown key", "triage:\n  within: 30m", "triage:\n  withn: 30m", "3: triage.withn: unknown key; did you mean within?; allowed: within, article"},
	{"unknown format", "format: 1", "format: 2", "9: format: 2 is a format this program does not read; it reads 1"},
	{"no version", "version: \"2017-05\"", "version: \" \"", "10: version: is missing; each revision needs its own, like \"2017-05\""},
	{"id that is none", "id: tendering-platform", "id: Tendering Platform", "5: id: \"Tendering Platform\" is not an id; allowed: lower-case words joined by \"-\", like server-failure"},
	{"missing translation", "{zh-CN: 一般, en: Ordinary}", "{zh-CN: 一般}", "5: levels[0].name.en: translation is missing; every text stands in zh-CN and en"},
	{"empty translation", "en: Call the incident hotline at once.\n", "en: \"\"\n", "15: scenarios[1].steps[0].do.en: translation is missing; every text stands in zh-CN and en"},
	{"duration without a unit", "within: 30m", "within: 30", "11: triage.within: \"30\" has no unit; want a duration like 30s, 5m, 2h or 15d"},
	{"triage out of range", "within: 30m", "within: 3d", "11: triage.within: 72h0m0s is out of range; allowed: up to 24h"},
	{"no triage", "within: 30m", "within: 0", "11: triage.within: is missing; say how soon code and level are confirmed, like 30m"},
	{"time limit out of range", "within: 20m", "within: 91d", "21: scenarios[8].branches[1].steps[1].within: 2184h0m0s is out of range; allowed: up to 2160h0m0s"},
	{"unknown level", "from_level: III", "from_level: V", "21: scenarios[3].steps[2].from_level: unknown level \"V\"; allowed: IV, III, II, I"},
	{"levels out of order", "- id: III", "- id: II", "9: levels[1].id: \"II\" stands where level III is expected; the order is IV, III, II, I"},
	{"gap in a table", "{business: 12h, opening: 2h}", "{business: 12h}", "5: levels[1].up_to.opening: is missing, so the table of opening systems has a gap; say up to how long an outage is level III"},
	{"table that does not rise", "{business: 24h, opening: 4h}", "{business: 12h, opening: 4h}", "23: levels[2].up_to.business: 12h0m0s is not longer than the 12h0m0s of level III below it"},
	{"kind that is none", "{business: 2h, opening: 1h}", "{business: 2h, opening: 1h, mail: 3h}", "46: levels[0].up_to.mail: unknown kind of system; allowed: business, opening"},
	{"bound of the gravest", "en: Extraordinarily serious}", "en: Extraordinarily serious}\n    up_to: {business: 100h}", "23: levels[3].up_to.business: the gravest level has no bound; leave it out"},
	{"role twice", "- id: leader\n", "- id: leading-group\n", "9: roles[5].id: \"leading-group\" stands twice; first at roles[4].id"},
	{"part of nothing", "part_of: leading-group", "part_of: committee", "14: roles[5].part_of: unknown role \"committee\"; allowed: ROLES"},
	{"part of a part", "part_of: leading-group", "part_of: info-center", "14: roles[5].part_of: \"info-center\" is no group at the top; a group is not itself part of one"},
	{"unknown role", "responsible: [working-group]", "responsible: [working-grup]", "23: scenarios[1].steps[1].responsible[0]: unknown role \"working-grup\"; allowed: ROLES"},
	{"unknown assistant", "assisting: [business-posts]", "assisting: [nobody]", "17: duties[3].assisting[0]: unknown role \"nobody\"; allowed: ROLES"},
	{"role twice in a step", "responsible: [business-manager, tech-staff, dev-team]", "responsible: [tech-staff, tech-staff]", "35: scenarios[5].steps[1].responsible[1]: \"tech-staff\" stands twice in this list"},
	{"nobody responsible", "responsible: [business-manager, tech-staff, dev-team]", "responsible: []", "9: scenarios[5].steps[1].responsible: is empty; say which role carries the step out"},
	{"code that is none", "code: A01\n    name", "code: a1\n    name", "11: categories[0].code: \"a1\" is not a code; allowed: a capital letter and two digits, like E01"},
	{"code twice", "- code: B01", "- code: A01", "11: categories[1].code: \"A01\" stands twice; first at categories[0].code"},
	{"code without a playbook", "- code: G01", "- code: G02", "11: categories[12].code: no scenario has code G02; every code needs a playbook"},
	{"unknown code", "    code: H01\n    title", "    code: H02\n    title", "11: scenarios[17].code: unknown code \"H02\"; allowed: CODES"},
	{"two defaults", "id: tenderer-decryption\n    code: F05\n", "id: tenderer-decryption\n    code: F05\n    default: true\n", "~14: scenarios[11].default: a second default for code F05; only one scenario can be meant by the code alone"},
	{"no default", "    default: true\n", "", "~11: categories[10].code: 2 scenarios have code F05; mark the one that the code alone means with default: true"},
	{"default of no code", "  - id: expert-absent\n", "  - id: expert-absent\n    default: true\n", "14: scenarios[13].default: a scenario without a code cannot be the default of one"},
	{"two scenarios with one id", "- id: disaster", "- id: other", "~9: scenarios[17].id: \"other\" stands twice; first at scenarios[16].id"},
	{"no article", "article: \"17\"\n", "article: \"\"\n", "14: scenarios[17].article: is missing; say which article of the written plan it comes from"},
	{"branch after nothing", "after: decide-standby", "after: decide", "16: scenarios[4].branches[0].after: no step \"decide\" before this branch; allowed: find-cause, decide-standby, file"},
	{"branch after itself", "after: find-cause\n        when: {zh-CN: 原因一：客户网络问题", "after: change-network\n        when: {zh-CN: 原因一：客户网络问题", "16: scenarios[7].branches[0].after: no step \"change-network\" before this branch; allowed: take-call, pass-on, find-cause"},
	{"two branches with one id", "id: standby-not-started", "id: standby-started", "13: scenarios[4].branches[1].id: \"standby-started\" stands twice; first at scenarios[4].branches[0].id"},
	{"two steps with one id", "id: repair-with-vendor", "id: find-cause", "17: scenarios[4].branches[1].steps[0].id: \"find-cause\" stands twice; first at scenarios[4].steps[0].id"},
	{"step without an id", "      - id: trace\n        do:", "      - do:", "9: scenarios[1].steps[1].id: is missing; allowed: lower-case words joined by \"-\", like server-failure"},
	{"article that is not listed", "article: \"17\"\n", "article: \"71\"\n", "14: scenarios[17].article: article \"71\" is not among the articles of this plan; add it there, or correct it"},
	{"article twice", "- {id: \"4\", title", "- {id: \"3\", title", "10: articles[1].id: \"3\" stands twice; first at articles[0].id"},
	{"article in one language", "title: {zh-CN: 事件分类, en: Categories}", "title: {zh-CN: 事件分类}", "15: articles[0].title.en: translation is missing; every text stands in zh-CN and en"},
	{"need of no kind", "kind: backup", "kind: backups", "11: preparedness[0].kind: unknown kind \"backups\"; allowed: backup, spare, contract"},
	{"two needs with one id", "- id: network-spare", "- id: data-backup", "9: preparedness[1].id: \"data-backup\" stands twice; first at preparedness[0].id"},
	{"need in one language", ", en: Servers in reserve}", "}", "5: preparedness[2].what.en: translation is missing; every text stands in zh-CN and en"},
	{"rhythm of no level", "acknowledge: {IV: 15m,", "acknowledge: {V: 1h, IV: 15m,", "20: response.acknowledge.V: unknown level; allowed: IV, III, II, I"},
	{"graver is slower", "lapse: {IV: 8h, III: 4h,", "lapse: {IV: 8h, III: 9h,", "24: response.lapse.III: 9h0m0s is longer than the 8h0m0s of level IV below it"},
	{"reminders without end", "every: 10m", "every: 10s", "10: response.every: 10s is too often; allowed: 1m to 24h"},
	{"nobody reminds", "  every: 10m\n", "", "~1: response.every: is missing; say how often those who do not answer are reminded, like 10m"},
	{"reminder that is no time", "remind_before: 5m", "remind_before: -5m", "18: response.remind_before: \"-5m\" is negative; want a duration like 30s, 5m, 2h or 15d"},
	{"escalation to nobody", "escalate: [business-manager, ", "escalate: [manager, ", "14: response.escalate[0]: unknown role \"manager\"; allowed: ROLES"},
	{"unknown look", "looks: [devices]", "looks: [device]", "17: scenarios[4].steps[0].looks[0]: unknown look \"device\"; allowed: resources, traffic, path, devices, accounts, reserve"},
	{"two headings with one id", "{id: nature,", "{id: cause,", "10: investigation[1].id: \"cause\" stands twice; first at investigation[0].id"},
	{"report by law for nobody", "within: {critical: 1h, organ: 2h, other: 4h}", "within: {critical: 1h, other: 4h}", "5: statutory[0].within: has no time for operators of kind organ"},
	{"report by law of a kind there is not", "within: {critical: 1h, organ: 2h, other: 4h}", "within: {critical: 1h, organ: 2h, other: 4h, bank: 1h}", "56: statutory[0].within.bank: unknown kind of operator; allowed: critical, organ, other"},
	{"report by law by nobody", "within: {critical: 1h, organ: 2h, other: 4h}\n    responsible: [leading-group]", "within: {critical: 1h, organ: 2h, other: 4h}\n    responsible: []", "5: statutory[0].responsible: is empty; say which role reports"},
	{"report by law without a time", "critical: 1h", "critical: 0s", "24: statutory[0].within.critical: 0s is out of range; allowed: up to 2160h0m0s"},
	{"text for a list", "assisting: [business-posts]", "assisting: business-posts", "16: duties[3].assisting: want a list, got the text \"business-posts\""},
}

func TestLoadSaysWhatIsWrong(t *testing.T) {
	p := planfile.Default()
	words := strings.NewReplacer("ROLES", strings.Join(p.RoleIDs(), ", "), "CODES", strings.Join(p.Codes(), ", "))
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			text := string(plan.DefaultYAML)
			at := strings.Index(text, m.old)
			if at < 0 {
				t.Fatalf("%q does not stand in default.yaml", m.old)
			}
			_, err := planfile.Load("plan.yaml", []byte(text[:at]+m.new+text[at+len(m.old):]))
			var e *yamlfile.Error
			if !errors.As(err, &e) {
				t.Fatalf("want mistakes, got %v", err)
			}
			first := 1 + strings.Count(text[:at], "\n")
			var got []string
			for _, p := range e.Problems {
				near := p.Line >= first && p.Line <= first+8
				_, place, _ := strings.Cut(p.String(), "plan.yaml:")
				_, said, _ := strings.Cut(place, ":")
				said, _, _ = strings.Cut(said, "\n")
				if !near {
					said = "~" + said
				}
				got = append(got, said)
			}
			want := words.Replace(m.want)
			if !slices.Contains(got, want) {
				t.Errorf("changed at line %d, got\n%v\nwant among them\n%s", first, err, want)
			}
		})
	}
}

func TestLoadSaysEverythingAtOnce(t *testing.T) {
	text := strings.NewReplacer("within: 30m", "within: soon", "from_level: III", "from_level: V", "[finder]", "[]").Replace(string(plan.DefaultYAML))
	_, err := planfile.Load("plan.yaml", []byte(text))
	var e *yamlfile.Error
	if !errors.As(err, &e) {
		t.Fatalf("want mistakes, got %v", err)
	}
	want := 1 + strings.Count(text, "from_level: V") + strings.Count(text, "responsible: []")
	if len(e.Problems) != want {
		t.Errorf("%d mistakes made, %d reported:\n%v", want, len(e.Problems), err)
	}
	for i, p := range e.Problems {
		if p.Line == 0 || p.Column == 0 || p.Source == "" {
			t.Errorf("mistake %d has no place: %+v", i, p)
		}
	}
}

func TestLoadRefusesAnEmptyFile(t *testing.T) {
	_, err := planfile.Load("plan.yaml", nil)
	if err == nil {
		t.Fatal("an empty plan was accepted")
	}
	for _, path := range []string{"format: ", "id: ", "version: ", "title.zh-CN: ", "roles: ", "levels: ", "categories: ", "triage.within: "} {
		if !strings.Contains(err.Error(), path) {
			t.Errorf("nothing is said of %s", path)
		}
	}
}

func TestDigest(t *testing.T) {
	p := planfile.Default()
	same, err := planfile.Load("copy.yaml", []byte("# another comment\n"+string(plan.DefaultYAML)))
	if err != nil {
		t.Fatal(err)
	}
	if p.Digest() != same.Digest() || len(p.Digest()) != 64 {
		t.Errorf("a comment changed the digest: %s, %s", p.Digest(), same.Digest())
	}
	same.Scenarios[4].Steps[0].Do.EN += " "
	if p.Digest() == same.Digest() {
		t.Error("a changed word left the digest as it was")
	}
}

func TestLoadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plan.yaml")
	if err := os.WriteFile(path, plan.DefaultYAML, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := planfile.LoadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(planfile.Default(), p); diff != "" {
		t.Errorf("(-default +file):\n%s", diff)
	}
	if _, err := planfile.LoadFile(path + ".none"); err == nil || !strings.HasPrefix(err.Error(), "read plan: ") {
		t.Errorf("a missing file: %v", err)
	}
}

func TestLoadRoster(t *testing.T) {
	p := planfile.Default()
	r, err := planfile.LoadRoster("roster.yaml", []byte(`
people:
  - id: zhang-san
    name: 张三
    roles: [tech-staff, working-group]
    phone: 01055500101
    mail: zhang.san@example.org
`), p)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Holders("tech-staff")) != 1 || r.People[0].Phone != "01055500101" {
		t.Errorf("read as %+v", r)
	}
	_, err = planfile.LoadRoster("roster.yaml", []byte("people:\n  - {id: li-si, name: 李四, roles: [finder], telephone: 1}\n"), p)
	want := "roster.yaml:2:35: people[0].roles[0]: unknown role \"finder\"; allowed: " + strings.Join(p.Assignable(), ", ") + "\n" +
		"  2 |   - {id: li-si, name: 李四, roles: [finder], telephone: 1}\n" + strings.Repeat(" ", 42) + "^\n" +
		"roster.yaml:2:44: people[0].telephone: unknown key; allowed: id, name, roles, phone, mail, lang\n" +
		"  2 |   - {id: li-si, name: 李四, roles: [finder], telephone: 1}\n" + strings.Repeat(" ", 51) + "^"
	if err == nil {
		t.Fatal("was accepted")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLoadRosterFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "roster.yaml")
	if err := os.WriteFile(path, []byte("people:\n  - {id: a, name: A, roles: [leader]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := planfile.LoadRosterFile(path, planfile.Default())
	if err != nil || len(r.Holders("leader")) != 1 {
		t.Errorf("read as %+v, %v", r, err)
	}
	if _, err := planfile.LoadRosterFile(path+".none", planfile.Default()); err == nil || !strings.HasPrefix(err.Error(), "read roster: ") {
		t.Errorf("a missing file: %v", err)
	}
}

// TestTextsReadWell: what every text of the default plan must keep to.
func TestTextsReadWell(t *testing.T) {
	han := func(r rune) bool { return unicode.Is(unicode.Han, r) }
	sentence := func(where string, text plan.Text) {
		if !strings.HasSuffix(text.ZH, "。") || !strings.HasSuffix(text.EN, ".") {
			t.Errorf("%s is no whole sentence: %q, %q", where, text.ZH, text.EN)
		}
		if strings.ContainsAny(text.ZH, ",;:()") {
			t.Errorf("%s has half-width punctuation in %q", where, text.ZH)
		}
	}
	both := func(where string, text plan.Text) {
		if !strings.ContainsFunc(text.ZH, han) || strings.ContainsFunc(text.EN, han) {
			t.Errorf("%s has a language in the other's place: %q, %q", where, text.ZH, text.EN)
		}
		if first := []rune(text.EN)[0]; !unicode.IsUpper(first) {
			t.Errorf("%s does not begin with a capital: %q", where, text.EN)
		}
	}
	p := planfile.Default()
	for _, s := range p.Scenarios {
		both(s.ID, s.Title)
		both(s.ID, s.Trigger)
		sentence(s.ID+" trigger", s.Trigger)
		for _, b := range s.Branches {
			both(s.ID+" "+b.ID, b.When)
		}
	}
	for _, c := range p.Categories {
		both(c.Code, c.Name)
		both(c.Code, c.What)
		sentence(c.Code, c.What)
	}
	steps := append(append([]plan.Step{}, p.Duties...), p.Aftercare...)
	for _, s := range p.Scenarios {
		steps = append(steps, s.AllSteps()...)
	}
	for _, s := range steps {
		both(s.ID, s.Do)
		sentence(s.ID, s.Do)
	}
}

func BenchmarkDefault(b *testing.B) {
	for b.Loop() {
		planfile.Default()
	}
}
