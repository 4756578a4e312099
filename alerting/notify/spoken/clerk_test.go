package spoken_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/spoken"
	"xunjian/alerting/notify/spoken/spokentest"
)

const other = "INC-20260302-0002"

var people = spoken.People{"u-zhang": "zhang-san", "u-li": "li-si", "u-gone": "wang-wu"}

// hear says one text and returns the answer.
func hear(t *testing.T, d *spokentest.Desk, sender, text string) string {
	t.Helper()
	c := spoken.NewClerk("chat", people, d)
	answer, first, err := c.Hear(t.Context(), spoken.Said{ID: "m1", Sender: sender, Text: text})
	if !first || err != nil || answer == "" {
		t.Fatalf("%q: %q, %v, %v", text, answer, first, err)
	}
	return answer
}

func did(by string, a channel.Action) spokentest.Act {
	return spokentest.Act{Via: "chat", By: by, Incident: inc, Action: a}
}

func TestClerkCarriesOut(t *testing.T) {
	for _, c := range []struct {
		sender, text string
		want         spokentest.Act
		answer       string
	}{
		{"u-zhang", "确认 " + inc, did("zhang-san", channel.Action{Do: channel.Acknowledge}), "已确认：" + inc + "，III 级，数据库停止"},
		{"u-li", "take", did("li-si", channel.Action{Do: channel.Take}), "You have taken: " + inc + ", level III, Database stopped"},
		{"u-zhang", "步骤 restart-db", did("zhang-san", channel.Action{Do: channel.StepDone, Value: "restart-db"}), "处置中，张三\n尚未完成的步骤：\n- restart-db：重启数据库"},
		{"u-zhang", "升级 II 停电", did("zhang-san", channel.Action{Do: channel.SetLevel, Value: "II", Note: "停电"}), "已改变级别："},
		{"u-li", "resolve restarted", did("li-si", channel.Action{Do: channel.Resolve, Note: "restarted"}), "Noted as resolved: "},
	} {
		d := &spokentest.Desk{Incidents: []string{inc}}
		answer := hear(t, d, c.sender, c.text)
		if diff := cmp.Diff([]spokentest.Act{c.want}, d.Acts()); diff != "" || !strings.Contains(answer, c.answer) {
			t.Errorf("%q: %s\n%s", c.text, diff, answer)
		}
		if strings.ContainsRune(answer, '\u202e') {
			t.Errorf("%q: the answer turns the writing: %q", c.text, answer)
		}
	}
}

func TestClerkDoesNothing(t *testing.T) {
	for _, c := range []struct {
		name, sender, text, answer string
		open                       []string
		refuse                     string
	}{
		{"stranger", "u-nobody", "确认 " + inc, "请管理员把 u-nobody 写进配置的 people", []string{inc}, ""},
		{"long and hostile stranger", strings.Repeat("x\n", 500), "确认 " + inc, "什么也没做", []string{inc}, ""},
		{"another company's", "", "确认 " + inc, "not of this organisation", []string{inc}, ""},
		{"left the roster", "u-gone", "确认 " + inc, "什么也没做", []string{inc}, ""},
		{"refused", "u-zhang", "解决", "请写明说明", []string{inc}, "请写明说明\u202e"},
		{"no such incident", "u-zhang", "确认 INC-20260302-0009", "没有编号为 INC-20260302-0009 的事件", []string{inc}, ""},
		{"no such incident to look at", "u-li", "status INC-20260302-0009", "There is no incident INC-20260302-0009.", []string{inc}, ""},
		{"which", "u-zhang", "确认", "请写明编号：\n- " + other + "，", []string{other, inc}, ""},
		{"none", "u-zhang", "确认", "现在没有未结束的事件", nil, ""},
		{"status of none", "u-li", "status", "No incident is open now.", nil, ""},
		{"status of all", "u-li", "status", "Open incidents:\n- " + other, []string{other, inc}, ""},
		{"status of the only", "u-zhang", "状态", inc + "，III 级", []string{inc}, ""},
		{"help", "u-li", "what can I say", "level II reason", []string{inc}, ""},
		{"long", "u-zhang", "解决 " + strings.Repeat("长", spoken.MaxText/3), "太长", []string{inc}, ""},
	} {
		d := &spokentest.Desk{Incidents: c.open, Refuse: c.refuse}
		answer := hear(t, d, c.sender, c.text)
		if acts := d.Acts(); len(acts) != 0 || !strings.Contains(answer, c.answer) || strings.ContainsRune(answer, '\u202e') || len(answer) > 4000 {
			t.Errorf("%s: %+v, %q", c.name, acts, answer)
		}
	}
}

func TestClerkSaysThatItFailed(t *testing.T) {
	d := &spokentest.Desk{Incidents: []string{inc}, Broken: true}
	c := spoken.NewClerk("chat", people, d)
	answer, first, err := c.Hear(t.Context(), spoken.Said{ID: "m1", Sender: "u-li", Text: "ack " + inc})
	if !first || err == nil || !strings.Contains(err.Error(), "li-si asked for acknowledge: the desk is broken") || !strings.Contains(answer, "may not have been done") || strings.Contains(answer, "broken") {
		t.Errorf("%q %v %v", answer, first, err)
	}
}

func TestClerkDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &spokentest.Desk{Incidents: []string{inc}, Stuck: true}
		c := spoken.NewClerk("chat", people, d)
		begun := time.Now()
		answer, _, err := c.Hear(t.Context(), spoken.Said{ID: "m1", Sender: "u-li", Text: "ack " + inc})
		if took := time.Since(begun); took > 20*time.Second || err == nil || !strings.Contains(answer, "may not have been done") {
			t.Errorf("after %s: %q %v", took, answer, err)
		}
	})
}

func TestClerkBoundsItsAnswers(t *testing.T) {
	d := &spokentest.Desk{Refuse: strings.Repeat("拒绝\n", 3000), Incidents: []string{inc}}
	if answer := hear(t, d, "u-zhang", "接手"); len(answer) > 4000 || !strings.HasSuffix(answer, "…") || strings.ToValidUTF8(answer, "x") != answer {
		t.Errorf("%d bytes: …%q", len(answer), answer[len(answer)-20:])
	}
}

func TestClerkHearsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &spokentest.Desk{Incidents: []string{inc}}
		c := spoken.NewClerk("chat", people, d)
		said := spoken.Said{ID: "m1", Sender: "u-zhang", Text: "确认", At: time.Now()}
		firsts := 0
		for range 3 {
			if _, first, err := c.Hear(t.Context(), said); err != nil {
				t.Fatal(err)
			} else if first {
				firsts++
			}
			time.Sleep(time.Hour)
		}
		if firsts != 1 || len(d.Acts()) != 1 {
			t.Errorf("heard %d times, did %+v", firsts, d.Acts())
		}
		said.ID = "" // without an ID its content tells it
		for range 2 {
			if _, _, err := c.Hear(t.Context(), spoken.Said{Sender: "u-zhang", Text: "接手"}); err != nil {
				t.Fatal(err)
			}
		}
		if len(d.Acts()) != 2 {
			t.Errorf("did %+v", d.Acts())
		}
	})
}

// What is remembered is bounded, by number and by time.
func TestClerkForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := spoken.NewClerk("chat", people, &spokentest.Desk{})
		first := func(id string) bool {
			_, first, err := c.Hear(t.Context(), spoken.Said{ID: id, Sender: "u-zhang", Text: "帮助"})
			if err != nil {
				t.Fatal(err)
			}
			return first
		}
		for n := range 4096 {
			first(fmt.Sprint(n))
		}
		if first("0") || first("4095") {
			t.Error("forgot one of the last 4096")
		}
		first("one more")
		if !first("0") {
			t.Error("remembers more than it may")
		}
		time.Sleep(25 * time.Hour)
		if !first("4095") {
			t.Error("remembers for more than a day")
		}
	})
}

// The only open incident may be another one since a message was sent.
func TestClerkAsksOldMessagesForTheirIncident(t *testing.T) {
	for _, c := range []struct {
		text string
		age  time.Duration
		acts int
	}{
		{"确认", 5 * time.Minute, 1}, {"确认", 11 * time.Minute, 0}, {"确认 " + inc, time.Hour, 1}, {"状态", time.Hour, 0},
	} {
		d := &spokentest.Desk{Incidents: []string{inc}}
		answer, _, err := spoken.NewClerk("chat", people, d).Hear(t.Context(), spoken.Said{ID: "m", Sender: "u-zhang", Text: c.text, At: time.Now().Add(-c.age)})
		if err != nil || len(d.Acts()) != c.acts || strings.Contains(answer, "请重发") != (c.text == "确认" && c.acts == 0) {
			t.Errorf("%q after %s: %+v %q %v", c.text, c.age, d.Acts(), answer, err)
		}
	}
}

func TestPeople(t *testing.T) {
	for want, p := range map[string]spoken.People{
		"people: is empty": {}, `people: " u" is not`: {" u": "li-si"}, `people: "" is not`: {"": "li-si"}, `people: "u" has no ID`: {"u": ""},
	} {
		if err := p.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v: %v, want %s…", p, err, want)
		}
	}
	if err := people.Validate(); err != nil {
		t.Error(err)
	}
	known := (&spokentest.Desk{}).People()
	if err := people.ValidateKnown(known); err == nil || err.Error() != `people: "u-gone" stands for "wang-wu", who is not on the roster` {
		t.Error(err)
	}
}
