package archive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var noon = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

func quick() Config {
	c := Default()
	c.Sync, c.MinFreeBytes = minSync, 0
	return c
}

// small are blocks of which a few thousand lines fill several.
var small = options{block: 32 << 10, room: 2 << 20}

func openAt(t *testing.T, dir string, cfg Config) *Archive {
	t.Helper()
	a, err := open(dir, cfg, slog.New(slog.DiscardHandler), small)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// line is the nth of a long row of lines, each different.
func line(n int) Record {
	r := Record{
		Received: noon.Add(time.Duration(n) * 7 * time.Millisecond), Source: fmt.Sprintf("fw-%d", n%5), Kind: "syslog",
		Severity: Severity(n%8) + 1, Facility: 24, Host: fmt.Sprintf("Host%d", n%7), App: "sshd",
		Text: fmt.Sprintf("<190>Mar  1 12:00:00 Host%d sshd[%d]: Failed password for admin from 198.51.100.%d port %d", n%7, n, n%251, 1024+n),
	}
	if n%3 == 0 {
		r.Said = r.Received.Add(-time.Second)
		r.Event, r.Fields = "login-failed", map[string]string{"user": "admin", "address": fmt.Sprintf("198.51.100.%d", n%251)}
	}
	return r
}

func lines(from, to int) []Record {
	var out []Record
	for n := from; n < to; n++ {
		out = append(out, line(n))
	}
	return out
}

// all is everything in an archive, newest first.
func all(t *testing.T, a *Archive, q Query) []Record {
	t.Helper()
	var out []Record
	for r, err := range a.Lines(context.Background(), q) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited a minute for %s", what)
}

func TestWhatIsKeptComesBackWhole(t *testing.T) {
	dir := t.TempDir()
	a := openAt(t, dir, quick())
	want := lines(0, 1500) // several blocks, and an unfinished one
	if kept := a.Append(want); kept != len(want) {
		t.Fatalf("kept %d of %d", kept, len(want))
	}
	check := func(when string, a *Archive) {
		t.Helper()
		got := all(t, a, Query{})
		if len(got) != len(want) {
			t.Fatalf("%s: %d lines come back of %d", when, len(got), len(want))
		}
		for i, r := range got {
			w := want[len(want)-1-i]
			if diff := cmp.Diff(w, r, cmpopts.EquateApproxTime(time.Millisecond)); diff != "" {
				t.Fatalf("%s: line %d differs:\n%s", when, w.Seq, diff)
			}
		}
	}
	check("from memory", a)
	until(t, "the blocks on the disk", func() bool { s := a.Stats(); return s.Lines > 0 && s.Pending < int64(small.block) })
	check("half on the disk", a)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	b := openAt(t, dir, quick())
	check("opened again", b)
	if s := b.Stats(); s.Lines != uint64(len(want)) || s.Bytes == 0 || !s.Oldest.Equal(noon) {
		t.Errorf("stats: %+v", s)
	}
	more := []Record{line(1500)}
	b.Append(more)
	if more[0].Seq != 1501 {
		t.Errorf("the next line is number %d, want 1501", more[0].Seq)
	}
}

func TestSearchFindsWhatALookAtEachLineFinds(t *testing.T) {
	a := openAt(t, t.TempDir(), quick())
	rows := lines(0, 2000)
	rows[7].Text = "%%01IFNET/4/LINK_STATE: 接口 GigabitEthernet0/0/1 状态变为 DOWN"
	rows[7].Severity = NoSeverity
	a.Append(rows)
	until(t, "most on the disk", func() bool { return a.Stats().Lines > 1000 })
	queries := map[string]Query{
		"all":                 {},
		"from":                {From: noon.Add(12 * time.Second)},
		"to":                  {To: noon.Add(3 * time.Second)},
		"a window":            {From: noon.Add(7 * time.Second), To: noon.Add(8 * time.Second)},
		"said":                {SaidFrom: noon.Add(9 * time.Second), SaidTo: noon.Add(10 * time.Second)},
		"source":              {Source: "fw-3"},
		"unknown source":      {Source: "fw-9"},
		"kind":                {Kind: "file"},
		"host":                {Host: "Host4"},
		"event":               {Event: "login-failed"},
		"events":              {Events: []string{"nothing", "login-failed"}},
		"events that are not": {Events: []string{"nothing", "else"}},
		"fields":              {Fields: map[string]string{"user": "admin", "address": "198.51.100.77"}},
		"severity":            {Severity: Error},
		"text":                {Text: "198.51.100.77"},
		"text in other case":  {Text: "failed PASSWORD for ADMIN"},
		"short text":          {Text: "1"},
		"Chinese text":        {Text: "状态变为"},
		"text that is absent": {Text: "Accepted publickey"},
		"regexp":              {Regexp: regexp.MustCompile(`port 1[0-9]{3}$`)},
		"folded regexp":       {Regexp: regexp.MustCompile(`(?i)FAILED .* 198\.51\.100\.(5|6) `)},
		"alternatives":        {Regexp: regexp.MustCompile(`sshd\[(17|1711)\]|接口`)},
		"all at once": {
			From: noon.Add(2 * time.Second), To: noon.Add(12 * time.Second), Source: "fw-1", Event: "login-failed",
			Severity: Warning, Text: "password", Regexp: regexp.MustCompile(`100\.\d+ port`),
		},
		"before": {Before: 1711, Source: "fw-2"},
	}
	for name, q := range queries {
		t.Run(name, func(t *testing.T) {
			var want []uint64
			for i := len(rows) - 1; i >= 0; i-- {
				if naive(rows[i], q) {
					want = append(want, rows[i].Seq)
				}
			}
			var got []uint64
			for _, r := range all(t, a, q) {
				got = append(got, r.Seq)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("numbers differ: %d wanted, %d found", len(want), len(got))
			}
			// And by pages.
			q.Limit = 331
			got = nil
			for {
				p, err := a.Search(context.Background(), q)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range p.Records {
					got = append(got, r.Seq)
				}
				if q.Before = p.Next; p.Next == 0 {
					break
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("by pages: %d wanted, %d found", len(want), len(got))
			}
		})
	}
}

// naive is what Query says, told in another way.
func naive(r Record, q Query) bool {
	ok := q.From.IsZero() || !r.Received.Before(q.From)
	ok = ok && (q.To.IsZero() || r.Received.Before(q.To))
	for _, p := range [][2]string{{q.Source, r.Source}, {q.Kind, r.Kind}, {q.Host, r.Host}, {q.Event, r.Event}} {
		ok = ok && (p[0] == "" || p[0] == p[1])
	}
	said := r.Said
	if said.IsZero() {
		said = r.Received
	}
	ok = ok && (q.SaidFrom.IsZero() || !said.Before(q.SaidFrom)) && (q.SaidTo.IsZero() || said.Before(q.SaidTo))
	ok = ok && (len(q.Events) == 0 || slices.Contains(q.Events, r.Event))
	for k, v := range q.Fields {
		ok = ok && r.Fields[k] == v
	}
	ok = ok && (q.Severity == 0 || r.Severity != 0 && r.Severity <= q.Severity)
	ok = ok && strings.Contains(strings.ToLower(r.Text), strings.ToLower(q.Text))
	ok = ok && (q.Regexp == nil || q.Regexp.MatchString(r.Text))
	return ok && (q.Before == 0 || r.Seq < q.Before)
}

func TestASearchThatTakesTooLongSaysHowFarItCame(t *testing.T) {
	a := openAt(t, t.TempDir(), quick())
	rows := lines(0, 2000)
	a.Append(rows)
	until(t, "most on the disk", func() bool { return a.Stats().Lines > 1000 })
	ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	p, err := a.Search(ctx, Query{Source: "fw-1"})
	if err != nil || !p.Partial || p.Next != 2001 || len(p.Records) != 0 {
		t.Fatalf("page: %d lines, next %d, partial %v, %v", len(p.Records), p.Next, p.Partial, err)
	}
	p, err = a.Search(context.Background(), Query{Source: "fw-1", Before: p.Next, Limit: 1})
	if err != nil || len(p.Records) != 1 || p.Records[0].Seq != rows[1996].Seq {
		t.Errorf("going on from there: %+v, %v", p, err)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := a.Search(gone, Query{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who went away is told %v", err)
	}
}

func TestADayHasItsOwnFile(t *testing.T) {
	dir := t.TempDir()
	a := openAt(t, dir, quick())
	for _, at := range []time.Time{noon, noon.Add(24 * time.Hour), noon.Add(25 * time.Hour), noon} { // the clock was set back
		a.Append([]Record{{Received: at, Source: "sw", Text: at.String()}})
	}
	a.Close()
	names, _ := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	var days []string
	for _, n := range names {
		days = append(days, filepath.Base(n)[:10])
	}
	if diff := cmp.Diff([]string{"2027-03-01", "2027-03-01", "2027-03-02"}, days); diff != "" {
		t.Errorf("files: %s", diff)
	}
	got := all(t, openAt(t, dir, quick()), Query{})
	if len(got) != 4 || got[0].Seq != 4 || got[3].Seq != 1 {
		t.Errorf("order of coming is lost: %+v", got)
	}
}

func TestAFullDiskDropsAndCountsAndNeverBlocks(t *testing.T) {
	var room atomic.Int64
	cfg := quick()
	cfg.MinFreeBytes = 1 << 30
	opt := small
	opt.free = func() (int64, error) { return room.Load(), nil }
	a, err := open(t.TempDir(), cfg, slog.New(slog.DiscardHandler), opt)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	big := Record{Received: noon, Source: "fw", Text: strings.Repeat("x", 16<<10)}
	kept, sent := 0, 0
	for range 3 * opt.room / len(big.Text) {
		kept += a.Append([]Record{big})
		sent++
	}
	s := a.Stats()
	if kept == sent || uint64(kept) != s.Appended || s.Appended+s.Dropped != uint64(sent) {
		t.Fatalf("sent %d, kept %d, stats %+v", sent, kept, s)
	}
	if s.Pending > int64(opt.room+opt.block) {
		t.Errorf("%d bytes wait in memory", s.Pending)
	}
	until(t, "the fault to be told", func() bool { return strings.Contains(a.Stats().Error, "min_free_bytes") })
	room.Store(4 << 30)
	until(t, "what waits to be written", func() bool { s := a.Stats(); return s.Error == "" && s.Pending < int64(opt.block+len(big.Text)) })
	if a.Append([]Record{line(1)}) != 1 {
		t.Error("nothing is taken in although there is room again")
	}
	if got := len(all(t, a, Query{})); got != kept+1 {
		t.Errorf("%d lines come back of %d", got, kept+1)
	}
}

func TestWhatCannotBeWrittenAtTheEndIsCounted(t *testing.T) {
	cfg := quick()
	cfg.MinFreeBytes = 1 << 30
	a, err := open(t.TempDir(), cfg, nil, options{free: func() (int64, error) { return 0, nil }})
	if err != nil {
		t.Fatal(err)
	}
	a.Append(lines(0, 17))
	if err := a.Close(); err == nil || !strings.Contains(err.Error(), "17 lines are lost") {
		t.Errorf("Close says %v", err)
	}
	if a.Stats().Lost != 17 {
		t.Errorf("lost: %d", a.Stats().Lost)
	}
	if a.Append(lines(0, 3)) != 0 || a.Stats().Dropped != 3 {
		t.Error("a closed archive takes lines in")
	}
}

func TestOldLinesGoByThemselvesAndEarlyOnesNeverSilently(t *testing.T) {
	var now atomic.Int64
	now.Store(noon.UnixNano())
	clock := func() time.Time { return time.Unix(0, now.Load()) }
	dir := t.TempDir()
	cfg := quick()
	a, err := open(dir, cfg, nil, options{now: clock})
	if err != nil {
		t.Fatal(err)
	}
	const day = 24 * time.Hour
	for d := range 3 {
		r := line(d)
		r.Received = noon.Add(time.Duration(d) * day)
		a.Append([]Record{r})
	}
	until(t, "two days on the disk", func() bool { return a.Stats().Lines >= 2 })
	now.Store(noon.Add(MinKeep).UnixNano()) // to the millisecond still kept
	time.Sleep(3 * cfg.Sync)
	if got := len(all(t, a, Query{})); got != 3 {
		t.Fatalf("%d lines of 3 within 180 days", got)
	}
	now.Store(noon.Add(MinKeep + 2*time.Minute).UnixNano())
	until(t, "the first day to go", func() bool { return len(all(t, a, Query{})) == 2 })
	if f := a.Stats().Forced; !f.At.IsZero() {
		t.Errorf("a deletion in time is told as early: %+v", f)
	}
	a.Close()

	// A budget that is too small forces the second day out.
	cfg.BudgetBytes = 1
	a, err = open(dir, cfg, nil, options{now: clock})
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the second day to go", func() bool { return a.Stats().Forced.Lines == 1 })
	a.Close()
	b := openAt(t, dir, quick())
	f := b.Stats().Forced
	if !f.From.Equal(noon.Add(day)) || f.Bytes == 0 || !f.At.Equal(clock().Truncate(0)) {
		t.Errorf("the early deletion is not on record after a restart: %+v", f)
	}
	if got := all(t, b, Query{}); len(got) != 1 {
		t.Errorf("%d lines are left; the newest file is never deleted", len(got))
	}
}

func TestDamageIsToldAndTheRestIsFound(t *testing.T) {
	dir := t.TempDir()
	a := openAt(t, dir, quick())
	a.Append(lines(0, 2000))
	a.Close()
	names, _ := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	data, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	a = openAt(t, dir, quick())
	data[len(data)/2] ^= 0x40 // while it is open: what recovery cannot see
	if err := os.WriteFile(names[0], data, 0o640); err != nil {
		t.Fatal(err)
	}
	p, err := a.Search(context.Background(), Query{Text: "port 1024", Limit: MaxLimit})
	if err != nil {
		t.Fatal(err)
	}
	got := len(all(t, a, Query{}))
	if got == 2000 || got < 500 {
		t.Errorf("%d lines found beside a damaged block", got)
	}
	if p.Damaged == 0 && a.Stats().Damaged == 0 {
		t.Error("the damage is told nowhere")
	}
	v, err := a.Verify(context.Background(), 0)
	if err != nil || len(v.Damage) == 0 {
		t.Errorf("Verify: %+v, %v", v, err)
	}
}

func TestManyReadersBesideTheWriter(t *testing.T) {
	a := openAt(t, t.TempDir(), quick())
	const total = 6000
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				last := uint64(1 << 62)
				for r, err := range a.Lines(context.Background(), Query{Text: "Failed"}) {
					if err != nil || r.Seq >= last || last < 1<<62 && r.Seq != last-1 {
						t.Errorf("after %d comes %d, %v", last, r.Seq, err)
						return
					}
					last = r.Seq
				}
				if last != 1 && last < 1<<62 {
					t.Errorf("the search ended at %d", last)
				}
			}
		})
	}
	for n := 0; n < total; n += 50 {
		a.Append(lines(n, n+50))
	}
	close(stop)
	wg.Wait()
	if got := len(all(t, a, Query{})); got != total {
		t.Errorf("%d of %d", got, total)
	}
}

func TestBoundsOfALine(t *testing.T) {
	a := openAt(t, t.TempDir(), quick())
	fields := map[string]string{}
	for n := range 100 {
		fields[fmt.Sprintf("%03d", n)] = strings.Repeat("值", 2000)
	}
	a.Append([]Record{{Received: noon, Source: strings.Repeat("s", 1000), Fields: fields, Text: strings.Repeat("界", 20_000)}})
	r := all(t, a, Query{})[0]
	if len(r.Text) > MaxText || !strings.HasSuffix(r.Text, "界") || len(r.Source) != maxName || len(r.Fields) != maxFields || len(r.Fields["000"]) > maxValue {
		t.Errorf("text %d, source %d, fields %d of %d", len(r.Text), len(r.Source), len(r.Fields), len(r.Fields["000"]))
	}
}

func TestConfigSaysWhatIsWrong(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Errorf("default: %v", err)
	}
	bad := Config{Keep: 90 * 24 * time.Hour, BudgetBytes: 1, MinFreeBytes: -1, Sync: time.Hour}
	want := `keep: 2160h0m0s is too short; audit records are kept for at least 180 days (4320h)
budget_bytes: 1 is too little; at least 67108864 (64 MiB)
min_free_bytes: -1 is negative
sync: 1h0m0s is out of range; allowed: 100ms to 1m`
	if err := bad.Validate(); err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}
