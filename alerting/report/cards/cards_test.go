package cards_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
	"xunjian/alerting/report/cards"
	"xunjian/alerting/roster"
)

func input(lang string) cards.Input {
	return cards.Input{
		Plan: planfile.Default(), Lang: lang, Made: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC),
		Unit: plan.Text{ZH: "示例交易中心", EN: "Example Exchange"}, IncidentHotline: []string{"010-5550-0101", "010-5550-0102"}, CustomerHotline: "010-5550-0100",
		Roster: roster.Roster{People: []roster.Person{
			{ID: "wang", Name: "王芳", Roles: []string{"tech-staff"}, Phone: "010-5550-0111", Mail: "wang@example.org"},
			{ID: "li", Name: "李明 😀", Roles: []string{"business-manager", "leader"}, Phone: "010-5550-0112"},
		}},
	}
}

// print writes the cards to a file. With XUNJIAN_SHOTS=folder they stay there.
func print(t *testing.T, in cards.Input) string {
	t.Helper()
	b, err := cards.Print(in)
	if err != nil {
		t.Fatal(err)
	}
	dir := os.Getenv("XUNJIAN_SHOTS")
	if dir == "" {
		dir = t.TempDir()
	}
	path := filepath.Join(dir, "cards-"+in.Lang+".pdf")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// read is the text of a PDF as another program reads it, without spaces.
func read(t *testing.T, path string) string {
	t.Helper()
	out, err := exec.Command("pdftotext", "-layout", path, "-").Output()
	if err != nil {
		t.Fatalf("pdftotext (Debian package poppler-utils): %v", err)
	}
	return squeeze(string(out))
}

func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

// TestNothingIsLost: every character of every text of the plan stands on the
// cards, in both languages, as often at least as in the plan; what the font
// lacks shows as a box.
func TestNothingIsLost(t *testing.T) {
	for _, lang := range []string{"zh-CN", "en"} {
		in := input(lang)
		got := read(t, print(t, in))
		have := map[rune]int{}
		for _, r := range got {
			have[r]++
		}
		want := map[rune]int{}
		count := func(s string) {
			for _, r := range squeeze(s) {
				want[r]++
			}
		}
		step := func(list []plan.Step) {
			for _, s := range list {
				count(s.Do.In(lang))
			}
		}
		for _, s := range in.Plan.Scenarios {
			count(s.Code + s.Title.In(lang) + s.Trigger.In(lang))
			step(s.Steps)
			for _, b := range s.Branches {
				count(b.When.In(lang))
				step(b.Steps)
			}
		}
		step(in.Plan.Duties)
		for r, n := range want {
			if have[r] < n {
				t.Errorf("%s: %q stands %d times, want at least %d", lang, r, have[r], n)
			}
		}
		for _, want := range []string{"010-5550-0101", "010-5550-0112", "王芳", "李明□", "2017-05"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: the cards lack %q", lang, want)
			}
		}
	}
}

// TestPaper: A5, the font embedded and cut down, each scenario on a page of its
// own.
func TestPaper(t *testing.T) {
	in := input("zh-CN")
	path := print(t, in)
	info, err := exec.Command("pdfinfo", path).Output()
	if err != nil || !bytes.Contains(info, []byte("(A5)")) && !bytes.Contains(info, []byte("419.53 x 595.28")) {
		t.Errorf("pdfinfo: %v\n%s", err, info)
	}
	fonts, err := exec.Command("pdffonts", path).Output()
	if err != nil || !bytes.Contains(fonts, []byte("CID TrueType")) || !bytes.Contains(fonts, []byte("Identity-H       yes")) {
		t.Errorf("pdffonts: %v\n%s", err, fonts)
	}
	if st, err := os.Stat(path); err != nil || st.Size() > 1<<20 {
		t.Errorf("%d bytes, want less than a mebibyte (%v)", st.Size(), err)
	}
	in.Scenarios = []string{"opening-hall"}
	one := read(t, print(t, in))
	if !strings.Contains(one, "F03") || strings.Contains(one, "E01服务器故障") {
		t.Error("one card was asked for")
	}
	in.Scenarios = []string{"no-such"}
	if _, err := cards.Print(in); err == nil || !strings.Contains(err.Error(), `no scenario "no-such"`) {
		t.Errorf("an unknown scenario: %v", err)
	}
}
