package external

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestOutputIsSplitAsTheGuidelinesSay(t *testing.T) {
	for in, want := range map[string]output{
		"":                     {},
		"OK - fine\n":          {"OK - fine", ""},
		"OK|a=1":               {"OK", "a=1"},
		"OK - free | /=1 b=2 ": {"OK - free", " /=1 b=2 "},
		"DISK OK | /=1\n/boot is fine\n/var too | /boot=2\n/var=3\n": {"DISK OK", " /=1  /boot=2\n/var=3\n"},
		"no perfdata\nlong text | a=1\nb=2":                          {"no perfdata", "  a=1\nb=2"},
	} {
		if diff := cmp.Diff(want, readOutput(in), cmp.AllowUnexported(output{})); diff != "" {
			t.Errorf("%q: -want +got\n%s", in, diff)
		}
	}
}

// say writes figures as text: value unit, ranges, limits.
func say(list []figure) string {
	edge := func(v *float64, inf string) string {
		if v == nil {
			return inf
		}
		return fmt.Sprint(*v)
	}
	var out []string
	for _, f := range list {
		line := fmt.Sprintf("%s=%v %s", f.label, f.value, f.unit)
		if f.counter {
			line += "counter"
		}
		if f.undetermined {
			line = f.label + " undetermined"
		}
		for i, r := range []*span{f.warning, f.critical} {
			if r != nil {
				line += fmt.Sprintf(" %s %s %s..%s", []string{"warning", "critical"}[i], r.alert(), edge(r.low, "-inf"), edge(r.high, "inf"))
			}
		}
		if f.min != nil || f.max != nil {
			line += fmt.Sprintf(" in %s..%s", edge(f.min, ""), edge(f.max, ""))
		}
		out = append(out, strings.TrimSpace(line))
	}
	return strings.Join(out, "; ")
}

func TestPerfdata(t *testing.T) {
	for _, tt := range []struct{ in, want, bad string }{
		{"", "", ""},
		{"  \n ", "", ""},
		{"users=3", "users=3", ""},
		{"a=1 b=2\tc=3\nd=4", "a=1; b=2; c=3; d=4", ""},
		{"time=0.5s", "time=0.5 seconds", ""},
		{"a=250ms b=40us c=9ns d=7µs", "a=0.25 seconds; b=4e-05 seconds; c=9e-09 seconds; d=7e-06 seconds", ""},
		{"a=42%", "a=0.42 ratio", ""},
		{"a=1B b=1KB c=1MB d=2GB e=1TB f=1kB", "a=1 bytes; b=1024 bytes; c=1.048576e+06 bytes; d=2.147483648e+09 bytes; e=1.099511627776e+12 bytes; f=1024 bytes", ""},
		{"pkts=12c", "pkts=12 counter", ""},
		{"temp=21.5C", "temp=21.5 C", ""},
		{"a=-1.5 b=+2 c=.5 d=1e3 e=5.", "a=-1.5; b=2; c=0.5; d=1000; e=5", ""},
		{"a=U;1;2", "a undetermined", ""},
		{"'a b'=1 'it''s'=2 'x=y'=3", "a b=1; it's=2; x=y=3", ""},
		{"/=20B;10;~:20;0;100", "/=20 bytes warning outside 0..10 critical outside -inf..20 in 0..100", ""},
		{"a=1;10:", "a=1  warning outside 10..inf", ""},
		{"a=1;;10:20", "a=1  critical outside 10..20", ""},
		{"a=1;@10:20;@~:5", "a=1  warning inside 10..20 critical inside -inf..5", ""},
		{"a=5%;80;90;0;100", "a=0.05 ratio warning outside 0..0.8 critical outside 0..0.9 in 0..1", ""},
		{"a=1;;;0;", "a=1  in 0..", ""},
		{"a=1;;;;", "a=1", ""},
		{"a=1;-5:5", "a=1  warning outside -5..5", ""},
		// Out of Debian's monitoring plugins.
		{"/=20296237056B;243497277849;257024904396;0;270552530944", "/=2.0296237056e+10 bytes warning outside 0..2.43497277849e+11 critical outside 0..2.57024904396e+11 in 0..2.70552530944e+11", ""},
		{"load1=0.460;5.000;9.000;0; load5=0.1;5.000;9.000;0;", "load1=0.46  warning outside 0..5 critical outside 0..9 in 0..; load5=0.1  warning outside 0..5 critical outside 0..9 in 0..", ""},
		{"procs=101;;;0;", "procs=101  in 0..", ""},

		{"a", "", "a"},
		{"a b=1", "b=1", "a"},
		{"=1 b=1", "b=1", "=1"},
		{"''=1 b=1", "b=1", "''=1"},
		{"'open=1 b=1", "b=1", "'open=1"},
		{"'a'b=1 c=2", "c=2", "'a'b=1"},
		{"a= b=1", "b=1", `a=: "" is not a number`},
		{"a=x b=1", "b=1", `a=x: "x" is not a number`},
		{"a=1,5", "", `a=1,5: "1,5" is not a number`},
		{"a=9e307TB", "", `a=9e307TB: "9e307" is not a number`},
		{"a=1;x", "", `a=1;x: "x" is not a number`},
		{"a=1;20:10", "", `a=1;20:10: "20:10" is no range`},
		{"a=1;~:", "", `a=1;~:: "~:" is no range`},
		{"a=1;1:2:3", "", `a=1;1:2:3: "2:3" is not a number`},
		{"a=1;;;x", "", `a=1;;;x: "x" is not a number`},
		{"a=1;;;;y", "", `a=1;;;;y: "y" is not a number`},
		{"a=1;2;3;4;5;6", "", "a=1;2;3;4;5;6: has 6 fields, at most 5"},
		{"a=1e999", "", `a=1e999: "1e999" is not a number`},
	} {
		list, bad := parsePerfdata(tt.in)
		wantText(t, tt.in, say(list), tt.want)
		wantText(t, "bad in "+tt.in, strings.Join(bad, "; "), tt.bad)
	}
}

// TestPerfdataOfAnything holds that nothing breaks the parser, that it ends,
// and that what it returns are numbers.
func TestPerfdataOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`(['= \n;:@~|a-cU%]|[0-9]{1,4}|\.|MB|ms|-|é)*`).Draw(t, "in")
		list, bad := parsePerfdata(in)
		if strings.TrimSpace(in) != "" && len(list)+len(bad) == 0 {
			t.Fatalf("%q comes to nothing", in)
		}
		for _, f := range list {
			if f.label == "" || math.IsNaN(f.value) || math.IsInf(f.value, 0) {
				t.Fatalf("%q: %+v", in, f)
			}
		}
	})
}

// TestPerfdataComesBack writes figures and reads them again.
func TestPerfdataComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var in strings.Builder
		var want []string
		for range rapid.IntRange(1, 5).Draw(t, "n") {
			label := rapid.StringMatching(`[a-z '=/é]{1,8}`).Draw(t, "label")
			v := rapid.IntRange(-1000, 1000).Draw(t, "value")
			fmt.Fprintf(&in, "'%s'=%d ", strings.ReplaceAll(label, "'", "''"), v)
			want = append(want, fmt.Sprintf("%s=%d", label, v))
		}
		list, bad := parsePerfdata(in.String())
		var got []string
		for _, f := range list {
			got = append(got, fmt.Sprintf("%s=%v", f.label, f.value))
		}
		if len(bad) > 0 || strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("%q comes back as %q, bad %q", in.String(), got, bad)
		}
	})
}
