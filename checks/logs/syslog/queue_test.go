package syslog

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"xunjian/checks/logs/archive"
	"xunjian/checks/logs/syslog/dialect"
)

func netip4(a, b, c, d byte) netip.Addr { return netip.AddrFrom4([4]byte{a, b, c, d}) }

func msg(size int) item { return item{raw: make([]byte, size-overhead)} }

func TestWhoFloodsLosesFirst(t *testing.T) {
	q := newQueue(100_000)
	flood, quiet := &source{name: "flood"}, &source{name: "quiet"}
	for range 10_000 {
		q.put(flood, msg(1000))
	}
	for range 20 {
		q.put(quiet, msg(1000))
	}
	if flood.overflow != 10_000-80 || quiet.overflow != 0 {
		t.Errorf("dropped: %d of the flood, %d of the quiet one", flood.overflow, quiet.overflow)
	}
	// Two that flood share what there is.
	for range 10_000 {
		q.put(quiet, msg(1000))
	}
	if a, b := len(flood.waiting), len(quiet.waiting); a+b != 100 || a < 49 || a > 51 {
		t.Errorf("waiting: %d and %d, want half each", a, b)
	}
	if q.waiting() != 100_000 {
		t.Errorf("%d bytes wait, the limit is 100000", q.waiting())
	}
	if q.offer(quiet, msg(1000)) {
		t.Error("a full queue takes what can wait")
	}
}

func TestEachHasItsTurn(t *testing.T) {
	q := newQueue(10 << 20)
	flood, quiet := &source{name: "flood"}, &source{name: "quiet"}
	for range 1000 {
		q.put(flood, msg(100))
	}
	q.put(quiet, msg(100))
	first := q.take(context.Background())
	var names []string
	for _, l := range first {
		names = append(names, fmt.Sprintf("%s×%d", l.s.name, len(l.items)))
	}
	if strings.Join(names, " ") != "flood×64 quiet×1" {
		t.Errorf("the first turn reads %v", names)
	}
}

func TestNothingIsLostBetweenManySendersAndOneReader(t *testing.T) {
	q := newQueue(200_000)
	sources := make([]*source, 20)
	for n := range sources {
		sources[n] = &source{name: fmt.Sprint(n)}
	}
	const each = 5000
	ctx, cancel := context.WithCancel(context.Background())
	var read sync.WaitGroup
	taken := map[*source]int{}
	read.Go(func() {
		for {
			loads := q.take(ctx)
			if loads == nil {
				return
			}
			for _, l := range loads {
				taken[l.s] += len(l.items)
			}
		}
	})
	var send sync.WaitGroup
	for _, s := range sources {
		send.Go(func() {
			for range each {
				q.put(s, msg(200))
			}
		})
	}
	send.Wait()
	cancel()
	read.Wait()
	for _, s := range sources {
		if s.received != each || uint64(taken[s])+s.overflow != each {
			t.Errorf("source %s: received %d, taken %d, dropped %d", s.name, s.received, taken[s], s.overflow)
		}
	}
	if q.waiting() != 0 || len(q.active) != 0 {
		t.Errorf("%d bytes of %d sources wait for nobody", q.waiting(), len(q.active))
	}
}

func TestTakeKeepsTheOrderOfASource(t *testing.T) {
	q := newQueue(10 << 20)
	s := &source{}
	for n := range 500 {
		q.put(s, item{raw: []byte(fmt.Sprint(n))})
	}
	var got []string
	for len(got) < 500 {
		for _, l := range q.take(context.Background()) {
			for _, it := range l.items {
				got = append(got, string(it.raw))
			}
		}
	}
	if !slices.IsSortedFunc(got, func(a, b string) int {
		var x, y int
		fmt.Sscan(a, &x)
		fmt.Sscan(b, &y)
		return x - y
	}) {
		t.Error("the order is lost")
	}
}

// full is an archive that takes only some.
type full struct{ room, kept int }

func (f *full) Append(lines []archive.Record) int {
	n := min(len(lines), f.room-f.kept)
	f.kept += n
	return n
}

func (*full) Search(context.Context, archive.Query) (archive.Page, error) { return archive.Page{}, nil }

func TestWhatTheArchiveRefusesIsCounted(t *testing.T) {
	set, err := dialect.Load()
	if err != nil {
		t.Fatal(err)
	}
	tab := newTable(Default(), set, time.UTC)
	s := tab.of(netip4(10, 0, 0, 1))
	w := &worker{
		queue: newQueue(1 << 20), table: tab, set: set, archive: &full{room: 70}, notable: newNotable(),
		working: func(time.Time) bool { return true }, severe: func() {},
	}
	for range 100 {
		w.queue.put(s, item{raw: []byte("<13>x"), at: time.Now()})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // what waits is read all the same
	w.run(ctx)
	if s.kept != 70 || s.unkept != 30 {
		t.Errorf("kept %d, not kept %d", s.kept, s.unkept)
	}
}

func TestAtMost(t *testing.T) {
	var mu sync.Mutex
	n := 0
	f := atMost(200*time.Millisecond, func() { mu.Lock(); n++; mu.Unlock() })
	for range 100 {
		f()
	}
	mu.Lock()
	first := n
	mu.Unlock()
	if first != 1 {
		t.Errorf("called %d times at once", first)
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		mu.Lock()
		second := n
		mu.Unlock()
		if second == 2 {
			return
		}
	}
	t.Error("what came meanwhile was not made up for")
}
