package checks_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunjian/checks"
)

var day = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)

// seen makes the result of minute n.
func seen(name string, n int, v checks.Verdict) checks.Result {
	return checks.Result{
		Check: name, Time: day.Add(time.Duration(n) * time.Minute), Verdict: v,
		Samples: []checks.Sample{{Desc: descProbe, Values: []string{"x"}, Value: float64(n)}},
	}
}

// minutes says which results are kept, newest first.
func minutes(list []checks.Result) string {
	var out []string
	for _, res := range list {
		out = append(out, fmt.Sprintf("%d:%s", int(res.Time.Sub(day).Minutes()), res.Verdict))
	}
	return strings.Join(out, " ")
}

func TestHistoryKeepsTheLatestOfEach(t *testing.T) {
	h := checks.NewHistory()
	h.Add(seen("b", 1, checks.OK))
	h.Add(seen("a", 1, checks.Attention))
	h.Add(seen("b", 2, checks.Abnormal))
	latest := h.Latest()
	if len(latest) != 2 || latest[0].Check != "a" || latest[1].Check != "b" {
		t.Fatalf("Latest = %+v", latest)
	}
	if diff := cmp.Diff(seen("b", 2, checks.Abnormal), latest[1]); diff != "" {
		t.Error(diff)
	}
	if h.Of("nosuch") != nil || !h.Since("nosuch").IsZero() {
		t.Error("a check that never said anything has a history")
	}
	h.Add(checks.Result{Check: "b", Time: day.Add(time.Hour), Retired: true})
	if h.Of("b") != nil || len(h.Latest()) != 1 {
		t.Error("a retired check is still there")
	}
}

func TestFailuresOutliveSuccesses(t *testing.T) {
	h := checks.NewHistory()
	for n := range 1000 {
		v := checks.OK
		if n >= 100 && n < 103 {
			v = checks.Abnormal
		}
		h.Add(seen("a", n, v))
	}
	got := h.Of("a")
	wantText(t, "newest", minutes(got[:3]), "999:ok 998:ok 997:ok")
	wantText(t, "oldest", minutes(got[len(got)-5:]), "103:ok 102:abnormal 101:abnormal 100:abnormal 0:ok")
	if len(got) != 20+5 {
		t.Errorf("%d results are kept, want the last 20 and 5 more", len(got))
	}
	if got[0].Samples == nil || got[1].Samples != nil {
		t.Error("only the last result should keep its samples")
	}
	if want := day.Add(103 * time.Minute); !h.Since("a").Equal(want) {
		t.Errorf("ok since %s, want %s", h.Since("a"), want)
	}
}

func TestALongFailureDoesNotPushOutTheChanges(t *testing.T) {
	h := checks.NewHistory()
	for n := range 1000 {
		v := checks.Unknown
		if n < 10 {
			v = verdicts[2+n%2]
		}
		h.Add(seen("a", n, v))
	}
	got := h.Of("a")
	wantText(t, "oldest", minutes(got[len(got)-12:]), "950:unknown 10:unknown 9:attention 8:ok 7:attention 6:ok 5:attention 4:ok 3:attention 2:ok 1:attention 0:ok")
	if len(got) != 50+11 {
		t.Errorf("%d results are kept", len(got))
	}
}

func TestHistoryIsBounded(t *testing.T) {
	h := checks.NewHistory()
	evidence := strings.Repeat("x", checks.MaxEvidence)
	for n := range 500 {
		res := seen("a", n, verdicts[3+n%2])
		for i := range 4 {
			res.Findings = append(res.Findings, checks.Finding{Code: "c", Subject: fmt.Sprint(i), Evidence: evidence, Args: map[string]any{"text": "long"}})
		}
		h.Add(res)
	}
	total := 0
	for _, res := range h.Of("a") {
		for _, f := range res.Findings {
			total += len(f.Evidence)
		}
	}
	if total > 256<<10 || total < 64<<10 {
		t.Errorf("%d bytes of evidence are kept, want at most 256 KiB and at least the last result's", total)
	}
}

func TestHistoryAsJSON(t *testing.T) {
	h := checks.NewHistory()
	for n := range 100 {
		h.Add(seen("a", n, verdicts[n/7%5]))
		h.Add(seen("b", n, checks.OK))
	}
	b, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	back := checks.NewHistory()
	back.Add(seen("other", 1, checks.OK))
	if err := json.Unmarshal(b, back); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b", "other"} {
		wantText(t, name, minutes(back.Of(name)), minutes(h.Of(name)))
		if !back.Since(name).Equal(h.Since(name)) {
			t.Errorf("%s since %s, was %s", name, back.Since(name), h.Since(name))
		}
	}
	if err := json.Unmarshal([]byte(`{"a":3}`), back); err == nil || len(back.Latest()) != 2 {
		t.Errorf("bad JSON: %v, %d checks are left", err, len(back.Latest()))
	}
}

func TestHistoryTakesManyAtOnce(t *testing.T) {
	h := checks.NewHistory()
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for n := range 200 {
				h.Add(seen(fmt.Sprintf("c%d", w), n, verdicts[n%5]))
				h.Latest()
				h.Of("c0")
				h.Since("c1")
				if _, err := json.Marshal(h); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if len(h.Latest()) != 4 {
		t.Errorf("%d checks", len(h.Latest()))
	}
}
