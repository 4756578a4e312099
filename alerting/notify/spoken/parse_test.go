package spoken_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/spoken"
)

const inc = "INC-20260302-0001"

func TestParse(t *testing.T) {
	ack, help := spoken.Command{Do: channel.Acknowledge, Incident: inc}, spoken.Command{Do: spoken.Help}
	for _, c := range []struct {
		text string
		want spoken.Command
	}{
		{"确认 INC-20260302-0001", ack},
		{"ack inc-20260302-0001", ack},
		{"/ack INC-20260302-0001", ack},
		{"/ACK　ＩＮＣ－２０２６０３０２－０００１", ack},
		{" @巡检 确认 INC-20260302-0001。", ack},
		{"＠巡检　确认　INC-20260302-0001 @李四", ack},
		{"@巡检\u2005确认：INC–20260302–0001！", ack},
		{"确认INC-20260302-0001", ack},
		{"「确认 INC-20260302-0001」", ack},
		{"INC-20260302-0001 确认", ack},
		{"收到 【INC-20260302-0001】", ack},
		{"acknowledge\nINC-20260302-0001\r\n", ack},
		{"确认", spoken.Command{Do: channel.Acknowledge}},
		{"接手。", spoken.Command{Do: channel.Take}},
		{"take INC-20260302-0001", spoken.Command{Do: channel.Take, Incident: inc}},
		{"状态", spoken.Command{Do: spoken.Status}},
		{"状态？", spoken.Command{Do: spoken.Status}},
		{"升级为Ⅱ级 INC-20260302-0001，停电", spoken.Command{Do: channel.SetLevel, Incident: inc, Value: "II", Note: "停电"}},
		{"降级到 4级：误报", spoken.Command{Do: channel.SetLevel, Value: "IV", Note: "误报"}},
		{"/status", spoken.Command{Do: spoken.Status}},
		{"状态 INC-20260302-0001", spoken.Command{Do: spoken.Status, Incident: inc}},
		{"步骤 restart-db", spoken.Command{Do: channel.StepDone, Value: "restart-db"}},
		{"步骤 ＲＥＳＴＡＲＴ-db 完成", spoken.Command{Do: channel.StepDone, Value: "restart-db"}},
		{"step INC-20260302-0001 check.1", spoken.Command{Do: channel.StepDone, Incident: inc, Value: "check.1"}},
		{"step restart-db INC-20260302-0001 done", spoken.Command{Do: channel.StepDone, Incident: inc, Value: "restart-db"}},
		{"升级 II 两个系统都停了", spoken.Command{Do: channel.SetLevel, Value: "II", Note: "两个系统都停了"}},
		{"升级 Ⅱ级 INC-20260302-0001，原因：＜停电＞", spoken.Command{Do: channel.SetLevel, Incident: inc, Value: "II", Note: "原因：＜停电＞"}},
		{"level inc-20260302-0001 iv mains are back", spoken.Command{Do: channel.SetLevel, Incident: inc, Value: "IV", Note: "mains are back"}},
		{"定级 到三级 误报", spoken.Command{Do: channel.SetLevel, Value: "III", Note: "误报"}},
		{"解决 重启了数据库，\n已恢复", spoken.Command{Do: channel.Resolve, Note: "重启了数据库， 已恢复"}},
		{"解决了：换了电源", spoken.Command{Do: channel.Resolve, Note: "换了电源"}},
		{"resolve INC-20260302-0001 Restarted; see INC-20260301-0002.", spoken.Command{Do: channel.Resolve, Incident: inc, Note: "Restarted; see INC-20260301-0002."}},
		{"已解决", spoken.Command{Do: channel.Resolve}},
		{"帮助", help}, {"/help", help},
		// What could mean the opposite does nothing.
		{"确认不了", help}, {"确认 INC-20260302-0001 不了", help}, {"不确认", help}, {"请确认", help}, {"确认了吗", help}, {"确认 ?", help},
		{"解决不了", help}, {"解决 了吗？", help}, {"解决 了 么。", help}, {"接手 李四", help}, {"步骤 restart-db 还没做", help}, {"步骤", help},
		{"acknowledged", help}, {"taken", help}, {"升级 V 太重", help}, {"升级 系统", help}, {"确认 INC-20260302-0001 INC-20260302-0002", help},
		{"确认 INC-2026", help}, {"确认INC-2026", help},
		{"", help}, {"@巡检", help}, {"你好", help}, {"/", help}, {"\x00\xff", help}, {strings.Repeat("确", 100000), help},
	} {
		if got := spoken.Parse(c.text); got != c.want {
			t.Errorf("%.60q:\n got %+v\nwant %+v", c.text, got, c.want)
		}
	}
}

// FuzzParse holds that no text makes a command of another shape, and that a
// command said in its plain form means itself.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"确认 INC-20260302-0001", "/ＡＣＫ　ＩＮＣ－２０２６０３０２－０００１", "@巡检 升级 II 理由 @all", "步骤 restart-db done", "解决：重启\u202e", "INC-20260302-1 状态", "take?", "\xff@",
	} {
		f.Add(s)
	}
	dos := []string{channel.Acknowledge, channel.Take, channel.StepDone, channel.SetLevel, channel.Resolve, spoken.Status, spoken.Help}
	f.Fuzz(func(t *testing.T, text string) {
		c := spoken.Parse(text)
		if !slices.Contains(dos, c.Do) || utf8.RuneCountInString(c.Note) > 2001 || channel.OneLine(c.Note) != c.Note {
			t.Fatalf("%q: %+v", text, c)
		}
		if (c.Do == channel.StepDone || c.Do == channel.SetLevel) != (c.Value != "") || c.Note != "" && c.Do != channel.SetLevel && c.Do != channel.Resolve {
			t.Fatalf("%q: %+v", text, c)
		}
		if c.Incident != "" && !strings.HasPrefix(c.Incident, "INC-") {
			t.Fatalf("%q: %+v", text, c)
		}
		if c.Note != "" { // a note may begin with anything, so it is said as one
			return
		}
		plain := strings.Join(strings.Fields(strings.Join([]string{c.Do, c.Value, c.Incident}, " ")), " ")
		if got := spoken.Parse(plain); got != c {
			t.Fatalf("%q: %+v, but %q: %+v", text, c, plain, got)
		}
	})
}
