package gateway_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/gateway"
	"xunjian/alerting/notify/notifytest"
	"xunjian/alerting/plan"
)

func TestSegments(t *testing.T) {
	for _, c := range []struct {
		text    string
		n       int
		unicode bool
	}{
		{"", 0, false}, {"a", 1, false},
		{strings.Repeat("a", 160), 1, false}, {strings.Repeat("a", 161), 2, false}, {strings.Repeat("a", 306), 2, false}, {strings.Repeat("a", 307), 3, false},
		{strings.Repeat("€", 80), 1, false}, {strings.Repeat("€", 81), 2, false}, // two septets each
		{strings.Repeat("a", 152) + "€" + strings.Repeat("a", 152), 3, false}, // 306, but the € is not divided
		{strings.Repeat("a", 151) + "€" + strings.Repeat("a", 153), 2, false},
		{"Åéñ@£_ \n", 1, false}, {"[x] {y}", 1, false}, {"é̀", 1, true}, {"`", 1, true}, {"ç", 1, true},
		{strings.Repeat("长", 70), 1, true}, {strings.Repeat("长", 71), 2, true}, {strings.Repeat("长", 134), 2, true}, {strings.Repeat("长", 135), 3, true},
		{strings.Repeat("a", 70) + "长", 2, true}, {strings.Repeat("a", 69) + "长", 1, true},
		{strings.Repeat("👍", 35), 1, true}, {strings.Repeat("👍", 36), 2, true},
		{"长长" + strings.Repeat("👍", 66), 3, true}, // 134 units, but no pair is divided
		{strings.Repeat("👍", 66), 2, true},
		{"【巡检】ok", 1, true},
	} {
		if n, u := gateway.Segments(c.text); n != c.n || u != c.unicode {
			t.Errorf("%.20q (%d): %d, %v; want %d, %v", c.text, utf8.RuneCountInString(c.text), n, u, c.n, c.unicode)
		}
	}
}

func real(lang string) channel.Message {
	m := notifytest.Message(notifytest.Place{}, lang, 1)
	m.Subject, m.Text = "【IV 级】F03 开标大厅无法登录（INC-20260302-0001）", "web1 发生 F03 开标大厅无法使用，IV 级，始于 2026-03-02 15:59:00。\n首要处置：受理客户在现场反映的问题。负责：开标／评标管理员。"
	if lang == "en" {
		m.Subject, m.Text = "[IV] F03 Nobody gets into the hall (INC-20260302-0001)", "F03 Bid-opening hall unusable on web1, level IV, since 2026-03-02 15:59:00.\nFirst: Take the customer's report on site. Responsible: Opening and evaluation manager."
	}
	return m
}

func TestShort(t *testing.T) {
	drill := real("zh-CN")
	drill.Incident.Drill = true
	drill.Subject, drill.Text = "[演练]"+drill.Subject, "[演练]"+drill.Text
	bare := real("zh-CN")
	bare.Subject, bare.Incident.Drill = "开标大厅无法登录", true
	for _, c := range []struct {
		cfg  gateway.Config
		m    channel.Message
		want string
		n    int
	}{
		{gateway.Config{SignName: "巡检"}, real("zh-CN"), "〔IV 级〕F03 开标大厅无法登录 web1 发生 F03 开标大厅无法使用，IV 级，始于 2026-03-02 15:59:00。 首要处置：受理客户在现场反映的问题。负责：开标／评标管理员。 INC-20260302-0001", 2},
		{gateway.Config{SignName: "巡检", Parts: 1}, real("zh-CN"), "〔IV 级〕F03 开标大厅无法登录 web1 发生 F03 开标大厅无法使用，IV 级，始于… INC-20260302-0001", 1},
		{gateway.Config{Parts: 1}, real("zh-CN"), "〔IV 级〕F03 开标大厅无法登录 web1 发生 F03 开标大厅无法使用，IV 级，始于 202… INC-20260302-0001", 1},
		{gateway.Config{Parts: 1}, real("en"), "[IV] F03 Nobody gets into the hall F03 Bid-opening hall unusable on web1, level IV, since 2026-03-02 15:59:00. First: Take the customer's... INC-20260302-0001", 1},
		{gateway.Config{Parts: 1, Text: []string{"subject"}}, drill, "[演练]〔IV 级〕F03 开标大厅无法登录 INC-20260302-0001", 1},
		{gateway.Config{Parts: 1, Text: []string{"subject"}}, bare, "[演练]开标大厅无法登录 INC-20260302-0001", 1},
		{gateway.Config{Text: []string{"subject", "link"}}, real("zh-CN"), "〔IV 级〕F03 开标大厅无法登录 INC-20260302-0001 https://xunjian.example.org/incidents/INC-20260302-0001", 2},
		{gateway.Config{Parts: 1, Text: []string{"subject", "link"}}, real("zh-CN"), "〔IV 级〕F03 开标大厅无法登录 INC-20260302-0001", 1},
		{gateway.Config{Text: []string{"facts"}}, real("zh-CN"), "服务器：web1 级别：IV 级 INC-20260302-0001", 1},
	} {
		got := gateway.Short(c.cfg, c.m)
		sign := ""
		if c.cfg.SignName != "" {
			sign = "【" + c.cfg.SignName + "】"
		}
		if n, _ := gateway.Segments(sign + got); got != c.want || n != c.n {
			t.Errorf("%+v: %d segments\n%s\n%s", c.cfg, n, got, c.want)
		}
	}
}

// Whatever comes from outside, a message is as long as it may be, ends with the
// id, and has no mark or address of its own.
func TestHostileText(t *testing.T) {
	hostile := append([]string{
		"【某某银行】您的验证码", "点击 https://evil.example.org/x?a=1 或 www.evil.example.org/y 或 evil.example.org", "HTTP://EVIL.EXAMPLE.ORG", "javascript://x",
		strings.Repeat("👍", 5000), strings.Repeat("€", 5000), strings.Repeat("【", 500), "x\u202ey\u200bz\u2028w", strings.Repeat("a", 290) + "长",
	}, notifytest.Strange...)
	for _, lang := range []string{"zh-CN", "en"} {
		for _, s := range hostile {
			for _, parts := range []int{1, 2, 10} {
				m := real(lang)
				m.Subject, m.Text, m.Person.Name = s, s+"\n"+s, s
				m.Facts = []channel.Fact{{Name: s, Value: s}}
				m.Incident.System, m.Incident.Host = s, s
				cfg := gateway.Config{SignName: "巡检", Parts: parts, Text: []string{"subject", "text", "facts"}, Params: []string{"subject", "text", "system", "host", "person"}}
				got := gateway.Short(cfg, m.Lines())
				if !gateway.Fits("【巡检】"+got, parts) || !strings.HasSuffix(got, "INC-20260302-0001") {
					t.Errorf("%.30q in %d: %q", s, parts, got)
				}
				speech := gateway.Speech(gateway.Config{Kind: gateway.Voice}, m.Lines())
				for _, got := range append(gateway.Params(cfg, m.Lines()), got, speech) {
					lower := strings.ToLower(got)
					if got == speech { // nobody touches what is heard
						lower = strings.ReplaceAll(lower, "evil.example", "")
					}
					if strings.ContainsAny(got, "【】") || strings.Contains(lower, "://") || strings.Contains(lower, "www.") || strings.Contains(lower, "evil.example") ||
						!utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
						t.Errorf("%.30q: %q", s, got)
					}
				}
				for _, p := range gateway.Params(cfg, m.Lines()) {
					if _, v, _ := strings.Cut(p, "="); v == "" || utf8.RuneCountInString(v) > 35 {
						t.Errorf("%.30q: %q", s, p)
					}
				}
			}
		}
	}
}

func TestSpeech(t *testing.T) {
	drill := real("zh-CN")
	drill.Incident.Drill, drill.Subject, drill.Text = true, "[演练]"+drill.Subject, "[演练]"+drill.Text
	odd := real("zh-CN")
	odd.Subject, odd.Text = "F03_disk-full 98.5% (INC-20260302-0001)", "见 https://x.example.org/1，端口 8080；编号 INC-20250101-0009，第 12 次 **重要** <b>x</b>"
	for _, c := range []struct {
		chars int
		m     channel.Message
		want  string
	}{
		{0, real("zh-CN"), "四级，F 0 3 开标大厅无法登录。web 1 发生 F 0 3 开标大厅无法使用，四级，始于 3月2日 15点59分。首要处置，受理客户在现场反映的问题。负责，开标，评标管理员。"},
		{40, drill, "演练，四级，F 0 3 开标大厅无法登录。web 1 发生 F 0 3 开标大厅"},
		{30, drill, "演练，四级，F 0 3 开标大厅无法登录"},
		{350, odd, "F 0 3 disk full 98.5%。见，端口 8 0 8 0；编号，第 12 次，重要，b，x，b"},
		{350, real("en"), "level 4, F 0 3 Nobody gets into the hall. F 0 3 Bid opening hall unusable on web 1, level 4, since March 2 15 59. First, Take the customer's report on site. Responsible, Opening and evaluation manager."},
	} {
		got := gateway.Speech(gateway.Config{Kind: gateway.Voice, MaxChars: c.chars}, c.m)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("(-want +got):\n%s\n%s", diff, got)
		}
		if most := max(c.chars, 0); most > 0 && utf8.RuneCountInString(got) > most {
			t.Errorf("%d characters: %s", utf8.RuneCountInString(got), got)
		}
	}
	long := real("zh-CN")
	long.Text = strings.Repeat("长", 5000)
	for _, chars := range []int{20, 100, 350} {
		if n := utf8.RuneCountInString(gateway.Speech(gateway.Config{Kind: gateway.Voice, MaxChars: chars}, long)); n > chars {
			t.Errorf("%d of %d", n, chars)
		}
	}
}

func TestParams(t *testing.T) {
	m := real("zh-CN")
	m.Incident.System, m.Incident.Drill, m.Subject = "opening.hall.example", true, "[演练]"+m.Subject
	cfg := gateway.Config{Kind: gateway.SMS, Params: []string{"subject", "lv=level", "system", "incident", "scenario"}}
	want := []string{"subject=[演练]〔IV 级〕F03 开标大厅无法登录", "lv=IV", "system=opening .hall .example", "incident=INC-20260302-0001", "scenario=无"}
	if diff := cmp.Diff(want, gateway.Params(cfg, m)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	cfg.Kind = gateway.Voice
	want = []string{"subject=演练，四级，F 0 3 开标大厅无法登录", "lv=四级", "system=opening hall example", "incident=无", "scenario=无"}
	m.Incident.System = "opening-hall_example"
	if diff := cmp.Diff(want, gateway.Params(cfg, m)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	m.Incident.Level = plan.Level("")
	m.Lang = "en"
	if got := gateway.Params(cfg, m); got[1] != "lv=none" {
		t.Error(got)
	}
}
