package message

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/simplifiedchinese"
)

var (
	beijing = time.FixedZone("CST", 8*3600)
	now     = time.Date(2027, 3, 1, 12, 30, 0, 0, beijing)
	noon    = time.Date(2027, 3, 1, 12, 0, 0, 0, beijing)
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		line string
		want Message
	}{
		{"<34>1 2027-03-01T04:00:00.003Z fw1.example.org su 77 ID47 [a@32473 k=\"v ] \\\" \\] x\"][b] \ufeff'su root' failed",
			Message{4, 2, noon.Add(3 * time.Millisecond), "fw1.example.org", "su", "77", "ID47", `[a@32473 k="v ] \" \] x"][b]`, "'su root' failed"}},
		{"<165>1 2027-03-01T12:00:00+08:00 - - - - -", Message{20, 5, noon, "", "", "", "", "", ""}},
		{"<13>1 - host app - - - text", Message{1, 5, time.Time{}, "host", "app", "", "", "", "text"}},
		// What calls itself version 1 and is not: kept as text.
		{"<13>1 yesterday host app", Message{1, 5, time.Time{}, "", "", "", "", "", "1 yesterday host app"}},
		{"<13>1 2027-03-01T12:00:00+08:00 h a p m [open", Message{1, 5, time.Time{}, "", "", "", "", "", "1 2027-03-01T12:00:00+08:00 h a p m [open"}},

		{"<38>Mar  1 12:00:00 web1 sshd[4711]: Failed password", Message{4, 6, noon, "web1", "sshd", "4711", "", "", "Failed password"}},
		{"<38>Mar  1 12:00:00 web1 kernel: eth0 down", Message{4, 6, noon, "web1", "kernel", "", "", "", "eth0 down"}},
		{"<38>Mar  1 12:00:00 sshd[4711]: no host", Message{4, 6, noon, "", "sshd", "4711", "", "", "no host"}},
		{"<13>root: logger without a header", Message{1, 5, time.Time{}, "", "root", "", "", "", "logger without a header"}},
		{"<190>Mar  1 12:00:00 2027 H3C %%10SHELL/5/SHELL_LOGIN: admin logged in from 10.1.1.5.",
			Message{23, 6, noon, "H3C", "", "", "", "", "%%10SHELL/5/SHELL_LOGIN: admin logged in from 10.1.1.5."}},
		{"<190>Mar  1 12:00:00:250 2027 H3C %%10SHELL/5/SHELL_LOGIN: x", Message{23, 6, noon.Add(250 * time.Millisecond), "H3C", "", "", "", "", "%%10SHELL/5/SHELL_LOGIN: x"}},
		{"<189>2027 Mar  1 12:00:00 NX-1 %VSHD-5-VSHD_SYSLOG_CONFIG_I: Configured", Message{23, 5, noon, "NX-1", "", "", "", "", "%VSHD-5-VSHD_SYSLOG_CONFIG_I: Configured"}},
		{"<188>Mar  1 2027 12:00:00 USG6000 %%01SSH/4/SSH_FAIL(l)[3]:Failed", Message{23, 4, noon, "USG6000", "", "", "", "", "%%01SSH/4/SSH_FAIL(l)[3]:Failed"}},
		{"<188>2027-03-01 12:00:00 USG6000 %%01SSH/4/SSH_FAIL(l):x", Message{23, 4, noon, "USG6000", "", "", "", "", "%%01SSH/4/SSH_FAIL(l):x"}},
		{"<188>2027-03-01 12:00:00+08:00 USG6000 %%01A/4/B:x", Message{23, 4, noon, "USG6000", "", "", "", "", "%%01A/4/B:x"}},
		{"<189>2027/3/1 12:00:00 fw x", Message{23, 5, noon, "fw", "", "", "", "", "x"}},
		{"<189>000123: *Mar  1 12:00:00.123: %SYS-5-CONFIG_I: Configured from console", Message{23, 5, noon.Add(123 * time.Millisecond), "", "", "", "", "", "%SYS-5-CONFIG_I: Configured from console"}},
		{"<189>123: sw-1: Mar  1 04:00:00 UTC: %LINK-3-UPDOWN: x", Message{23, 5, noon, "sw-1", "", "", "", "", "%LINK-3-UPDOWN: x"}},
		{"<164>Mar 01 2027 12:00:00 asa1 : %ASA-4-106023: Deny", Message{20, 4, noon, "asa1", "", "", "", "", ": %ASA-4-106023: Deny"}},
		{"<164>Mar 01 2027 12:00:00: %ASA-4-106023: Deny", Message{20, 4, noon, "", "", "", "", "", "%ASA-4-106023: Deny"}},
		{`<189>date=2027-03-01 time=12:00:00 devname="FGT"`, Message{23, 5, time.Time{}, "", "", "", "", "", `date=2027-03-01 time=12:00:00 devname="FGT"`}},
		{"<190>Dec 31 23:59:59 h x", Message{23, 6, time.Date(2026, 12, 31, 23, 59, 59, 0, beijing), "h", "", "", "", "", "x"}},
		{"no pri at all", Message{-1, -1, time.Time{}, "", "", "", "", "", "no pri at all"}},
		{"<192>too large", Message{-1, -1, time.Time{}, "", "", "", "", "", "<192>too large"}},
		{"<>", Message{-1, -1, time.Time{}, "", "", "", "", "", "<>"}},
		{"<13>", Message{1, 5, time.Time{}, "", "", "", "", "", ""}},
		{"", Message{-1, -1, time.Time{}, "", "", "", "", "", ""}},
		{"<13>Mar 41 12:00:00 h x", Message{1, 5, time.Time{}, "", "", "", "", "", "Mar 41 12:00:00 h x"}},
		{"<13>Mar  1 25:00:00 h x", Message{1, 5, time.Time{}, "", "", "", "", "", "Mar  1 25:00:00 h x"}},
		{"<13>Mar  1 12:00:00 fe80::1 app: x", Message{1, 5, noon, "fe80::1", "app", "", "", "", "x"}},
		{"<13>Mar  1 12:00:00 防火墙 app: x", Message{1, 5, noon, "防火墙", "app", "", "", "", "x"}},
	} {
		got := Parse(c.line, beijing, now)
		if !got.Said.Equal(c.want.Said) {
			t.Errorf("%q: said %v, want %v", c.line, got.Said, c.want.Said)
		}
		got.Said = c.want.Said
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.line, diff)
		}
	}
}

func TestDecode(t *testing.T) {
	gbk, _ := simplifiedchinese.GBK.NewEncoder().String("<190>用户 admin 登录失败")
	for _, c := range []struct {
		raw  string
		enc  Encoding
		want string
	}{
		{"<13>plain\r\n", Auto, "<13>plain"},
		{"<13>ends in NUL\x00", Auto, "<13>ends in NUL"},
		{"\ufeff<13>标记", Auto, "<13>标记"},
		{gbk, Auto, "<190>用户 admin 登录失败"},
		{gbk, GBK, "<190>用户 admin 登录失败"},
		{gbk, UTF8, "<190>�û� admin ��¼ʧ��"},
		{"<13>用户", Auto, "<13>用户"},
		{"<13>half \xc3", Auto, "<13>half �"},
		{"ESC \x1b[31m and \u202e stay", Auto, "ESC \x1b[31m and \u202e stay"},
	} {
		got := Decode([]byte(c.raw), c.enc)
		if c.enc == UTF8 {
			if !utf8.ValidString(got) || !strings.Contains(got, "admin") || !strings.Contains(got, "\uFFFD") {
				t.Errorf("%q as %s: %q", c.raw, c.enc, got)
			}
			continue
		}
		if got != c.want {
			t.Errorf("%q as %s: %q, want %q", c.raw, c.enc, got, c.want)
		}
	}
}

func TestFrames(t *testing.T) {
	long := strings.Repeat("x", MaxFrame+10)
	for _, c := range []struct {
		name, stream string
		want         []string
		cut          int
		err          error
	}{
		{"lines", "<13>one\n<13>two\r\n\n<13>three", []string{"<13>one", "<13>two", "<13>three"}, 0, io.EOF},
		{"NULs", "<13>one\x00<13>two\x00", []string{"<13>one", "<13>two"}, 0, io.EOF},
		{"octet counts", "7 <13>one9 <13>t\nwo!", []string{"<13>one", "<13>t\nwo!"}, 0, io.EOF},
		{"mixed", "7 <13>one<13>two\n9 <13>three", []string{"<13>one", "<13>two", "<13>three"}, 0, io.EOF},
		{"a number that is no count", "12 monkeys\n1234567890 <13>x\n7\n", []string{"12 monkeys", "1234567890 <13>x", "7"}, 0, io.EOF},
		{"too long a line", long + "\n<13>next\n", []string{long[:MaxFrame], "<13>next"}, 1, io.EOF},
		{"too long a frame", "65546 <13>" + long[:MaxFrame+6] + "7 <13>one", []string{"<13>" + long[:MaxFrame-4], "<13>one"}, 1, io.EOF},
		{"a count beyond belief", "99999999 <13>x", nil, 0, ErrFraming},
		{"cut off", "20 <13>half", []string{"<13>half"}, 0, io.EOF},
		{"nothing", "", nil, 0, io.EOF},
	} {
		t.Run(c.name, func(t *testing.T) {
			for how, r := range map[string]io.Reader{
				"at once": strings.NewReader(c.stream), "byte by byte": iotest.OneByteReader(strings.NewReader(c.stream)),
			} {
				f := NewFrames(r)
				var got []string
				cut := 0
				for {
					b, err := f.Next()
					if err != nil {
						if !errors.Is(err, c.err) {
							t.Errorf("%s: ends with %v, want %v", how, err, c.err)
						}
						break
					}
					got = append(got, string(b))
					if f.Cut {
						cut++
					}
				}
				if diff := cmp.Diff(c.want, got); diff != "" || cut != c.cut {
					t.Errorf("%s: cut %d, want %d (-want +got):\n%.400s", how, cut, c.cut, diff)
				}
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("<34>1 2027-03-01T04:00:00.003Z h a p m [a k=\"v\"] x")
	f.Add("<190>Mar  1 12:00:00:250 2027 H3C %%10SHELL/5/SHELL_LOGIN: x")
	f.Add("<189>123: sw-1: *Mar  1 04:00:00.1 UTC: %LINK-3-UPDOWN: x")
	f.Add("<188>2027-03-01 12:00:00+08:00 USG6000 %%01A/4/B:x")
	f.Fuzz(func(t *testing.T, line string) {
		m := Parse(line, beijing, now)
		// The text is always a part of the line, and what is told is too.
		if !strings.HasSuffix(line, m.Text) && !strings.Contains(line, m.Text) {
			t.Fatalf("text %q is not in %q", m.Text, line)
		}
		for _, part := range []string{m.Host, m.App, m.PID, m.MsgID, m.Data} {
			if !strings.Contains(line, part) {
				t.Fatalf("%q is not in %q", part, line)
			}
		}
		if m.Facility > 23 || m.Severity > 7 || (m.Facility < 0) != (m.Severity < 0) {
			t.Fatalf("facility %d, severity %d", m.Facility, m.Severity)
		}
		if y := m.Said.Year(); !m.Said.IsZero() && (y < 1 || y > 9999) {
			t.Fatalf("year %d", y)
		}
	})
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte("7 <13>one<13>two\n9 <13>three"))
	f.Add([]byte("<13>one\x00<13>two"))
	f.Add([]byte("99999 <"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		read := func(r io.Reader) (out []string) {
			fr := NewFrames(r)
			for {
				b, err := fr.Next()
				if err != nil {
					return out
				}
				if len(b) == 0 || len(b) > MaxFrame {
					t.Fatalf("a frame of %d bytes", len(b))
				}
				out = append(out, string(b))
			}
		}
		// However the stream is cut into reads, the messages are the same.
		if diff := cmp.Diff(read(bytes.NewReader(stream)), read(iotest.HalfReader(bytes.NewReader(stream)))); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("<13>\xd3\xc3\xbb\xa7"), "auto")
	f.Add([]byte("<13>\xd3"), "gbk")
	f.Fuzz(func(t *testing.T, raw []byte, enc string) {
		if s := Decode(raw, Encoding(enc)); !utf8.ValidString(s) {
			t.Fatalf("%q is not UTF-8", s)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	line := "<190>Mar  1 12:00:00 2027 H3C %%10SHELL/5/SHELL_LOGIN: admin logged in from 10.1.1.5."
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		Parse(line, beijing, now)
	}
}
