package report_test

import (
	"strings"
	"testing"
	"unicode/utf16"

	"xunjian/alerting/report"
)

func TestSMS(t *testing.T) {
	rep := strings.Repeat
	for _, c := range []struct {
		name, text string
		want       report.SMSCount
	}{
		{"nothing", "", report.SMSCount{Encoding: "GSM-7"}},
		{"latin, one full", rep("a", 160), report.SMSCount{Encoding: "GSM-7", Units: 160, Parts: 1, Billed: 3}},
		{"latin, one over", rep("a", 161), report.SMSCount{Encoding: "GSM-7", Units: 161, Parts: 2, Billed: 3}},
		{"latin, two full", rep("a", 306), report.SMSCount{Encoding: "GSM-7", Units: 306, Parts: 2, Billed: 5}},
		{"latin, three", rep("a", 307), report.SMSCount{Encoding: "GSM-7", Units: 307, Parts: 3, Billed: 5}},
		{"extension counts twice", rep("€", 80), report.SMSCount{Encoding: "GSM-7", Units: 160, Parts: 1, Billed: 2}},
		{"escape is not cut from its sign", rep("a", 152) + "€" + rep("a", 152), report.SMSCount{Encoding: "GSM-7", Units: 306, Parts: 3, Billed: 5}},
		{"every basic sign", "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ", report.SMSCount{Encoding: "GSM-7", Units: 31, Parts: 1, Billed: 1}},
		{"every extended sign", "\f^{}\\[~]|€", report.SMSCount{Encoding: "GSM-7", Units: 20, Parts: 1, Billed: 1}},
		{"a letter outside", "naïve", report.SMSCount{Encoding: "UCS-2", Units: 5, Parts: 1, Billed: 1}},
		{"small c with cedilla is not in it", "ç", report.SMSCount{Encoding: "UCS-2", Units: 1, Parts: 1, Billed: 1}},
		{"Chinese, one full", rep("汉", 70), report.SMSCount{Encoding: "UCS-2", Units: 70, Parts: 1, Billed: 1}},
		{"Chinese, one over", rep("汉", 71), report.SMSCount{Encoding: "UCS-2", Units: 71, Parts: 2, Billed: 2}},
		{"Chinese, two full", rep("汉", 134), report.SMSCount{Encoding: "UCS-2", Units: 134, Parts: 2, Billed: 2}},
		{"Chinese, three", rep("汉", 135), report.SMSCount{Encoding: "UCS-2", Units: 135, Parts: 3, Billed: 3}},
		{"outside the basic plane", "𠮷😀", report.SMSCount{Encoding: "UCS-2", Units: 4, Parts: 1, Billed: 1}},
		{"a pair is not cut", rep("汉", 66) + "𠮷" + rep("汉", 66), report.SMSCount{Encoding: "UCS-2", Units: 134, Parts: 3, Billed: 3}},
		{"pairs only", rep("😀", 67), report.SMSCount{Encoding: "UCS-2", Units: 134, Parts: 3, Billed: 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := report.SMS(c.text); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestShortMessageIsShort holds that the message as shipped costs two parts at
// most, with a unit's and a system's name of usual length.
func TestShortMessageIsShort(t *testing.T) {
	texts := load(t)
	for what, f := range map[string]report.Facts{"over": report.Example("zh-CN"), "going on": minimal()} {
		for _, drill := range []bool{false, true} {
			f.Drill = drill
			d, err := texts.Compose(report.Bidders, "zh-CN", f)
			if err != nil {
				t.Fatal(err)
			}
			if n := report.SMS(d.SMS); n.Billed > 2 || n.Billed == 0 {
				t.Errorf("%s: %q counts as %+v", what, d.SMS, n)
			}
			if !strings.HasPrefix(d.SMS, "【示例招标采购交易中心】") {
				t.Errorf("%s: the signature is not first in %q", what, d.SMS)
			}
		}
	}
}

func FuzzSMS(f *testing.F) {
	for _, s := range []string{"", "abc", "€{}", strings.Repeat("汉", 71), "😀\xff", "a\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := report.SMS(s)
		units := len(utf16.Encode([]rune(s)))
		most := map[string][2]int{report.GSM7: {160, 153}, report.UCS2: {70, 67}}[got.Encoding]
		switch {
		case most[0] == 0:
			t.Fatalf("encoding %q", got.Encoding)
		case got.Encoding == report.UCS2 && got.Units != units:
			t.Fatalf("%q has %d units, counted %d", s, units, got.Units)
		case got.Encoding == report.GSM7 && (got.Units < units || got.Units > 2*units):
			t.Fatalf("%q has %d characters, counted %d septets", s, units, got.Units)
		case (got.Parts == 0) != (s == ""):
			t.Fatalf("%q has %d parts", s, got.Parts)
		case got.Units <= most[0] && got.Parts > 1, got.Units > most[0] && got.Parts*most[1] < got.Units,
			got.Parts > 1 && (got.Parts-1)*(most[1]-1) > got.Units:
			t.Fatalf("%q: %+v", s, got)
		}
		if more := report.SMS(s + "汉"); more.Encoding != report.UCS2 || more.Billed < got.Billed {
			t.Fatalf("%q: one more character counts %+v after %+v", s, more, got)
		}
	})
}
