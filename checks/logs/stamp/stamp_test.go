package stamp

import (
	"testing"
	"time"
)

var beijing = time.FixedZone("", 8*3600)

// TestForms reads one line of each form, in the zone of the platform.
func TestForms(t *testing.T) {
	ref := time.Date(2026, 11, 29, 20, 0, 0, 0, beijing)
	for line, want := range map[string]string{
		"Nov 29 16:03:51 web1 sshd[1]: x":                                "2026-11-29T16:03:51+08:00",
		"Nov  9 06:03:51.250 web1 sshd[1]: x":                            "2026-11-09T06:03:51.25+08:00",
		"<34>Nov 29 16:03:51 web1 su: x":                                 "2026-11-29T16:03:51+08:00",
		"Dec 31 23:59:59 web1 sshd[1]: of last year":                     "2025-12-31T23:59:59+08:00",
		"Nov 30 19:00:00 web1 sshd[1]: a clock that is ahead":            "2026-11-30T19:00:00+08:00",
		"Nov 30 21:00:00 web1 sshd[1]: too far ahead":                    "2025-11-30T21:00:00+08:00",
		"Feb 29 01:00:00 web1 sshd[1]: the last there was":               "2024-02-29T01:00:00+08:00",
		"Nov 29 2026 16:03:51 fw1 : %ASA-6-302013":                       "2026-11-29T16:03:51+08:00",
		"2026-11-29T16:03:51.123456+08:00 web1 sshd[1]: x":               "2026-11-29T16:03:51.123456+08:00",
		"2026-11-29T08:03:51Z x":                                         "2026-11-29T08:03:51Z",
		"<34>1 2026-11-29T16:03:51.003-05:00 host su - ID47 - x":         "2026-11-29T16:03:51.003-05:00",
		"2026-11-29 16:03:51.123 CST [99] LOG:  x":                       "2026-11-29T16:03:51.123+08:00",
		"2026-11-29 08:03:51.123 UTC [99] LOG:  x":                       "2026-11-29T08:03:51.123Z",
		"2026-11-29 16:03:51,123 INFO x":                                 "2026-11-29T16:03:51.123+08:00",
		"2026/11/29 16:03:51 [error] 99#99: x":                           "2026-11-29T16:03:51+08:00",
		"[Sun Nov 29 16:03:51.123456 2026] [core:error] x":               "2026-11-29T16:03:51.123456+08:00",
		`203.0.113.7 - - [29/Nov/2026:16:03:51 +0800] "GET / HTTP/1.1"`:  "2026-11-29T16:03:51+08:00",
		`203.0.113.7 - a[b] [29/Nov/2026:08:03:51 +0000] "GET / HTTP/1"`: "2026-11-29T08:03:51Z",
		"29-Nov-2026 16:03:51.123 INFO [main] x":                         "2026-11-29T16:03:51.123+08:00",
		"261129 16:03:51 [ERROR] mysqld: x":                              "2026-11-29T16:03:51+08:00",
		"type=USER_AUTH msg=audit(1795939431.250:456): x":                "2026-11-29T08:03:51.25Z",
		"1795939431.250 200 GET":                                         "2026-11-29T08:03:51.25Z",
		"1795939431250 x":                                                "2026-11-29T08:03:51.25Z",
		"2028-02-29 00:00:00 x":                                          "2028-02-29T00:00:00+08:00",
	} {
		w, err := time.Parse(time.RFC3339Nano, want)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := Parse([]byte(line), ref, beijing)
		if !ok || !got.Equal(w) {
			t.Errorf("%s: got %v, %v; want %s", line, got, ok, want)
		}
	}
}

// TestNoTime: what is no time is not taken for one.
func TestNoTime(t *testing.T) {
	for _, line := range []string{"", "x", "Nov 31 16:03:51 web1 x: y", "2026-13-29 16:03:51 x", "2026-11-29 25:03:51 x", "2026-02-30 16:03:51 x", "Now 29 16:03:51 x", "12345 x", "[  81.123456] x", "a [b] [c] d", "Nov 29 16:03", "179593943125099 x"} {
		if got, ok := Parse([]byte(line), time.Date(2026, 11, 29, 20, 0, 0, 0, beijing), beijing); ok {
			t.Errorf("%q: got %v", line, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"Nov 29 16:03:51 x", "2026-11-29T16:03:51.1+08:00", "[Sun Nov 29 16:03:51.1 2026]", "audit(1795939431.250:1)", "29/Nov/2026:16:03:51 +0800", "<1>1 2026", "Nov 29 2026 16:03:51"} {
		f.Add([]byte(s))
	}
	ref := time.Date(2026, 11, 29, 20, 0, 0, 0, beijing)
	f.Fuzz(func(t *testing.T, line []byte) {
		got, ok := Parse(line, ref, beijing)
		if ok && (got.Year() < 1 || got.Year() > 9999) {
			t.Errorf("%q: year %d", line, got.Year())
		}
		if !ok && !got.IsZero() && got.Year() < 0 {
			t.Errorf("%q: %v", line, got)
		}
	})
}
