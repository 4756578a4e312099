package api_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"xunjian/agent/api"
)

// Whatever stands in a query: either a mistake is told that names a parameter
// which is there, or each value is within the bounds of its kind.
func FuzzParams(f *testing.F) {
	for _, seed := range []string{
		"", "lang=en", "text=a&words=b,c&words=d&number=7&moment=2026-01-05T09:30:00%2B08:00&seconds=0.5",
		"number=0", "number=501", "number=+7", "number=0x7", "number=9999999999999999999999", "number=%D9%A7",
		"seconds=NaN", "seconds=-Inf", "seconds=1e-400", "seconds=1e400", "seconds=0x1p-3", "seconds=1_0",
		"moment=0000-01-01T00:00:00Z", "moment=2026-02-30T00:00:00Z", "moment=2026-01-05T09:30:00,5Z", "moment=2026-01-05t09:30:00z",
		"text=%00", "text=%ff", "text=%zz", "text=%", "text=a;b", "&&&=&=", "text", "=x", "unknown=1", "Text=a", "text=a&text=%ff",
		"words=" + strings.Repeat(",", 5000), "words=a&words=" + strings.Repeat("b", 5000), "words=%E2%80%A8,%20,a%20",
	} {
		f.Add(seed)
	}
	known := []string{"lang", "text", "words", "number", "moment", "seconds"}
	f.Fuzz(func(t *testing.T, query string) {
		r := api.ReadParams(query)
		values, broken := url.ParseQuery(query)
		if r.Err != nil {
			if r.Err.Status != 400 || r.Err.Code == "" || r.Err.Code == "internal" {
				t.Fatalf("%q: %d %q", query, r.Err.Status, r.Err.Code)
			}
			if (r.Err.Code == "bad_parameters") != (broken != nil) {
				t.Fatalf("%q: %s, while reading it gives %v", query, r.Err.Code, broken)
			}
			if !values.Has(r.Err.Field) && broken == nil {
				t.Fatalf("%q: %s names %q, which is not there", query, r.Err.Code, r.Err.Field)
			}
			return
		}
		if broken != nil {
			t.Fatalf("%q is taken, though it cannot be read: %v", query, broken)
		}
		for name, list := range values {
			if !slices.Contains(known, name) {
				t.Fatalf("%q: %q is taken", query, name)
			}
			for _, v := range list {
				if name != "lang" && (len(v) > api.MaxParam || !utf8.ValidString(v) || strings.Contains(v, "\x00")) {
					t.Fatalf("%q: %s %q is taken", query, name, v)
				}
			}
		}
		if r.Text != values.Get("text") {
			t.Fatalf("%q: text is %q", query, r.Text)
		}
		for _, w := range r.Words {
			if w == "" || w != strings.TrimSpace(w) || strings.Contains(w, ",") {
				t.Fatalf("%q: word %q", query, w)
			}
		}
		if r.Number < api.Low || r.Number > api.High || values.Get("number") == "" && r.Number != 50 {
			t.Fatalf("%q: number is %d", query, r.Number)
		}
		if given := values.Get("moment") != ""; given && r.Moment.Year() > 9999 || !given && !r.Moment.IsZero() {
			t.Fatalf("%q: moment is %v", query, r.Moment)
		}
		if s := r.Span.Seconds(); s != 0 && (s < api.MinSeconds || s > api.MaxSeconds) || s == 0 && values.Get("seconds") != "" {
			t.Fatalf("%q: seconds are %v", query, s)
		}
	})
}
