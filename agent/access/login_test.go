package access_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"xunjian/agent/access"
)

// Wrong password, unknown name and a closed account are one answer, for one
// and the same work.
func TestLoginTellsNothing(t *testing.T) {
	r := enter(t)
	r.create("wang", access.Operator)
	r.create("boss", access.Admin)
	r.create("gone", access.Viewer)
	if err := r.SetDisabled(t.Context(), "gone", true); err != nil {
		t.Fatal(err)
	}
	var work []uint32
	r.Watch(func(memory uint32) { work = append(work, memory) })
	said := map[string]bool{}
	for i, c := range [][2]string{
		{"wang", "wrong password!"}, {"nobody", good}, {"gone", good}, {"gone", "wrong password!"}, {"", ""}, {"wang", ""},
		{"wang", strings.Repeat("x", 1<<20)}, {"nobody", strings.Repeat("x", 1<<20)}, {"wang\x00", good}, {"wang\n", good},
		{"WANG", good}, {" wang", good}, {"wan\u200bg", good}, {"\xff", good}, {strings.Repeat("长", 1<<18), good},
		{"' OR 1=1 --", good}, {"wang", good + "\x00"}, {"wang", good + " "},
	} {
		work = nil
		p, err := r.Login(t.Context(), c[0], c[1], fmt.Sprint("10.0.0.", i))
		refused(t, err, "login_failed")
		if !errors.Is(err, access.ErrUnauthenticated) || p != (access.Principal{}) {
			t.Errorf("%.20q: %+v %v", c[0], p, err)
		}
		if len(work) != 1 || work[0] != 19<<10 {
			t.Errorf("%.20q: derivations with %v KiB, want one with %d", c[0], work, 19<<10)
		}
		if err != nil {
			said[err.Error()] = true
		}
	}
	if len(said) != 1 {
		t.Errorf("it says %v", said)
	}
	r.pass(time.Minute)
	work = nil
	if p, err := r.Login(t.Context(), "wang", good, "10.0.1.9"); err != nil || p.Name != "wang" || len(work) != 1 {
		t.Errorf("the right one: %+v %v after %d derivations", p, err, len(work))
	}
}

func (r *room) miss(name, remote string) {
	r.t.Helper()
	_, err := r.Login(r.t.Context(), name, "wrong password!", remote)
	refused(r.t, err, "login_failed")
}

// blocked returns how long a try has to wait; 0 if it may go on.
func (r *room) blocked(name, remote string) time.Duration {
	r.t.Helper()
	_, err := r.Login(r.t.Context(), name, "wrong password!", remote)
	var ref *access.Refusal
	if !errors.As(err, &ref) {
		r.t.Fatalf("%s from %s: %v", name, remote, err)
	}
	if ref.Code != "too_many_tries" {
		return 0
	}
	return time.Duration(ref.Args["wait"].(float64) * float64(time.Second))
}

// Guessing gets slower, twice each time, by name and by address; while it has
// to wait nothing is derived. A good login forgives, and so does time.
func TestThrottle(t *testing.T) {
	r := enter(t)
	r.create("wang", access.Operator)
	derived := 0
	r.Watch(func(uint32) { derived++ })
	for range 5 {
		r.miss("wang", "10.0.0.1")
	}
	derived = 0
	if byName, byAddress := r.blocked("wang", "10.0.0.2"), r.blocked("li", "10.0.0.1"); byName != time.Second || byAddress != time.Second {
		t.Errorf("after five: wait %v by name, %v by address", byName, byAddress)
	}
	_, err := r.Login(t.Context(), "wang", good, "10.0.0.2")
	refused(t, err, "too_many_tries")
	if derived != 0 {
		t.Errorf("%d derivations for tries that had to wait", derived)
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		if got := r.blocked("wang", "10.0.0.1"); got != want*time.Second {
			t.Errorf("wait %v, want %v", got, want*time.Second)
		}
		r.pass(want*time.Second - time.Millisecond)
		if got := r.blocked("wang", "10.0.0.1"); got != time.Second {
			t.Errorf("a millisecond early: wait %v", got)
		}
		r.pass(time.Millisecond)
		r.miss("wang", "10.0.0.1")
	}
	r.pass(5 * time.Minute)
	if _, err := r.Login(t.Context(), "wang", good, "10.0.0.1"); err != nil {
		t.Fatalf("after the wait: %v", err)
	}
	r.miss("wang", "10.0.0.1")
	if _, err := r.Login(t.Context(), "wang", good, "10.0.0.1"); err != nil {
		t.Errorf("after a good login: %v", err)
	}
	for range 5 {
		r.miss("wang", "10.0.0.3")
	}
	r.pass(30*time.Minute + time.Second)
	for range 5 {
		r.miss("wang", "10.0.0.3")
	}
}

// Whoever has an IPv6 network has it whole.
func TestThrottleByNetwork(t *testing.T) {
	r := enter(t)
	for i := range 5 {
		r.miss(fmt.Sprint("name", i), fmt.Sprintf("2001:db8:0:1:%x::%x", i, i))
	}
	if r.blocked("other", "2001:db8:0:1:ffff::1") == 0 {
		t.Error("another address of the network may go on")
	}
	if r.blocked("other", "2001:db8:0:2::1") != 0 {
		t.Error("the network beside it has to wait")
	}
	for i := range 5 {
		r.miss(fmt.Sprint("other", i), "::ffff:192.0.2.1")
	}
	if r.blocked("third", "192.0.2.1") == 0 || r.blocked("third", "192.0.2.2") != 0 {
		t.Error("an IPv4 address is not told from its neighbour, or not known in IPv6's clothes")
	}
}

// A hundred tries at one instant are a hundred tries.
func TestThrottleAtOnce(t *testing.T) {
	r := enter(t)
	r.create("wang", access.Operator)
	var derived atomic.Int32
	r.Watch(func(uint32) { derived.Add(1) })
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			if _, err := r.Login(t.Context(), "wang", "wrong password!", fmt.Sprint("10.0.0.", i)); err == nil {
				t.Error("a wrong password lets in")
			}
		})
	}
	wg.Wait()
	if got := derived.Load(); got != 5 {
		t.Errorf("%d guesses were judged, want 5", got)
	}
}

// Only one password is hashed at a time and few wait for it: a flood takes
// neither memory nor goroutines, and says so at once.
func TestLoginFlood(t *testing.T) {
	r := enter(t)
	r.create("wang", access.Operator)
	var at, most atomic.Int32
	gate, reached := make(chan struct{}), make(chan struct{}, 1)
	r.Watch(func(uint32) {
		if n := at.Add(1); n > most.Load() {
			most.Store(n)
		}
		select {
		case reached <- struct{}{}:
		default:
		}
		<-gate
		at.Add(-1)
	})
	answers := make(chan error, 500)
	login := func(i int) {
		_, err := r.Login(t.Context(), fmt.Sprint("name", i), good, fmt.Sprintf("10.1.%d.%d", i/250, i%250))
		answers <- err
	}
	go login(0)
	<-reached
	for i := 1; i < 500; i++ {
		go login(i)
	}
	for range 500 - access.MaxWaiting {
		refused(t, <-answers, "too_many_tries")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.SetPassword(ctx, "wang", good); !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone still waits: %v", err)
	}
	close(gate)
	for range access.MaxWaiting {
		refused(t, <-answers, "login_failed")
	}
	if most.Load() != 1 {
		t.Errorf("%d passwords were hashed at once", most.Load())
	}
	if _, err := r.Login(t.Context(), "wang", good, "10.2.0.1"); err != nil {
		t.Errorf("after the flood: %v", err)
	}
}

// A hundred thousand names from as many addresses are not remembered, and do
// not make the one that is being guessed at forgotten.
func TestThrottleIsBounded(t *testing.T) {
	r := enter(t)
	r.Cheapen()
	for range 5 {
		r.miss("admin", "192.0.2.1")
	}
	before := heap()
	long := strings.Repeat("x", 2000)
	for i := range 100_000 {
		name := fmt.Sprint("name", i)
		if i%10 != 0 {
			name += long
		}
		r.miss(name, fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
		if i%1000 == 0 {
			r.pass(time.Second)
		}
	}
	names, networks := r.Remembered()
	if names > access.MaxTries || networks > access.MaxTries || names < access.MaxTries/2 {
		t.Errorf("%d names and %d networks are remembered, at most %d", names, networks, access.MaxTries)
	}
	if grown := heap() - before; grown > 8<<20 {
		t.Errorf("the heap grew by %d KiB", grown>>10)
	}
	for range 3 {
		r.miss("admin", "192.0.2.2")
		if r.blocked("admin", "192.0.2.3") == 0 {
			t.Error("the flood washed away what was known of admin")
		}
		r.pass(10 * time.Second)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
