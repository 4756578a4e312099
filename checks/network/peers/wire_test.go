package peers

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var testKey = []byte("a key of the tests, long enough")

func sample(kind kind, entries int) message {
	m := message{kind: kind, nonce: newNonce(), from: "web1", to: "db1"}
	for i := range entries {
		m.entries = append(m.entries, named{fmt.Sprintf("peer-%02d", i), Entry{
			Sight: Sight(i % 4), RTT: time.Duration(i) * 250 * time.Microsecond, Loss: float64(i%11) / 10, Seen: time.Unix(1000-int64(i), 0),
		}})
	}
	return m
}

func TestWire(t *testing.T) {
	now := time.Unix(1000, 0)
	want := sample(answer, 20)
	b, sent := want.encode(testKey, now, messageBytes)
	if sent != 20 || len(b) > messageBytes {
		t.Fatalf("%d of 20 in %d bytes", sent, len(b))
	}
	got, err := decode(b, testKey, now)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(message{}, named{})); diff != "" {
		t.Error(diff)
	}
	for i := range b { // no bit can be changed
		b[i] ^= 4
		if _, err := decode(b, testKey, now); err == nil {
			t.Fatalf("byte %d changed, and it is believed", i)
		}
		b[i] ^= 4
	}
	if _, err := decode(b, []byte("another key, as long as the one"), now); err != errKey {
		t.Errorf("another key: %v", err)
	}
	for n := range len(b) {
		if _, err := decode(b[:n], testKey, now); err == nil {
			t.Fatalf("cut to %d bytes, and it is believed", n)
		}
	}
}

// A question is as long as any answer may be, and an answer never longer than
// what asked for it.
func TestNothingToGain(t *testing.T) {
	q, _ := sample(question, 0).encode(testKey, time.Now(), messageBytes)
	if len(q) != messageBytes {
		t.Errorf("a question of %d bytes", len(q))
	}
	for limit := 200; limit <= 2000; limit += 100 {
		b, sent := sample(answer, 64).encode(testKey, time.Now(), limit)
		if len(b) > min(limit, messageBytes) {
			t.Errorf("%d bytes, asked with %d", len(b), limit)
		}
		if m, err := decode(b, testKey, time.Now()); err != nil || len(m.entries) != sent {
			t.Errorf("limit %d: %v, %d of %d entries", limit, err, len(m.entries), sent)
		}
	}
}

// What does not fit into one answer comes in the next.
func TestTurns(t *testing.T) {
	w := newWatch(Default(), "me")
	w.key, w.self = testKey, "me"
	for i := range MaxMembers - 1 {
		name := fmt.Sprintf("%s%02d", strings.Repeat("p", 30), i)
		w.peers[name] = &peer{member: member{name: name}}
	}
	heard := map[string]bool{}
	for range 3 {
		q := message{kind: question, nonce: newNonce(), from: "you", to: "me"}
		b, _ := q.encode(testKey, time.Now(), messageBytes)
		m, err := decode(w.take(b), testKey, time.Now())
		if err != nil || m.nonce != q.nonce || m.from != "me" || m.to != "you" {
			t.Fatalf("%+v, %v", m, err)
		}
		for _, e := range m.entries {
			heard[e.name] = true
		}
	}
	if len(heard) != MaxMembers-1 {
		t.Errorf("heard of %d of %d peers in 3 answers", len(heard), MaxMembers-1)
	}
}

// An answer counts once, and only if it was asked for, of the one it was asked
// from.
func TestReplay(t *testing.T) {
	w := newWatch(Default(), "me")
	w.key, w.self = testKey, "me"
	w.peers["you"] = &peer{member: member{name: "you"}}
	w.peers["he"] = &peer{member: member{name: "he"}}
	asked := func(peer string) nonce {
		n := newNonce()
		w.waiting[n] = waiter{peer: peer, sent: time.Now(), done: make(chan struct{})}
		return n
	}
	say := func(m message) {
		b, _ := m.encode(testKey, time.Now(), messageBytes)
		if out := w.take(b); out != nil {
			t.Errorf("answers an answer with %d bytes", len(out))
		}
	}
	n := asked("you")
	say(message{kind: answer, nonce: n, from: "he", to: "me"})
	if w.rejected["late"] != 1 || w.peers["he"].sight != Untold {
		t.Error("an answer of another was taken")
	}
	good := message{kind: answer, nonce: n, from: "you", to: "me", entries: []named{{"he", Entry{Sight: Unreachable, Seen: time.Now()}}}}
	say(good)
	if w.peers["you"].sight != Answers || w.peers["you"].row["he"].Sight != Unreachable {
		t.Fatalf("%+v", w.peers["you"])
	}
	say(good)
	if w.rejected["late"] != 2 {
		t.Error("the same answer was taken twice")
	}
	say(message{kind: answer, nonce: asked("you"), from: "you", to: "somebody"})
	if w.rejected["other"] != 1 {
		t.Error("what was meant for another was taken")
	}
	w.take([]byte("GET / HTTP/1.1\r\n\r\n"))
	w.take(bytes.Repeat([]byte{0}, 5000))
	if w.rejected["malformed"] != 2 {
		t.Errorf("%v", w.rejected)
	}
	forged, _ := sample(question, 0).encode([]byte("not the key, but also long enough"), time.Now(), messageBytes)
	if out := w.take(forged); out != nil || w.rejected["key"] != 1 {
		t.Error("a question with another key is answered")
	}
}

// A flood is not even looked at.
func TestFlood(t *testing.T) {
	w := newWatch(Default(), "me")
	now := time.Unix(1000, 0)
	w.key, w.self, w.now = testKey, "db1", func() time.Time { return now }
	b, _ := sample(question, 0).encode(testKey, now, messageBytes)
	answers := 0
	for range 3 * perSecond {
		if w.take(b) != nil {
			answers++
		}
	}
	if answers != perSecond || w.rejected["flood"] != 2*perSecond {
		t.Errorf("%d answers in a second, %v left out", answers, w.rejected["flood"])
	}
	now = now.Add(time.Second)
	if w.take(b) == nil {
		t.Error("nothing is answered in the next second")
	}
}

func FuzzDecode(f *testing.F) {
	now := time.Unix(1000, 0)
	for _, n := range []int{0, 1, 40} {
		for _, k := range []kind{question, answer} {
			b, _ := sample(k, n).encode(testKey, now, messageBytes)
			f.Add(b[:len(b)-macBytes])
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		// Signed, so that the parser behind the signature is reached.
		m, err := decode(sign(bytes.Clone(body), testKey), testKey, now)
		if err != nil {
			return
		}
		b, _ := m.encode(testKey, now, messageBytes)
		again, err := decode(b, testKey, now)
		if err != nil {
			t.Fatalf("%+v cannot be read again: %v", m, err)
		}
		if again.from != m.from || again.to != m.to || again.nonce != m.nonce {
			t.Errorf("%+v came back as %+v", m, again)
		}
	})
}
