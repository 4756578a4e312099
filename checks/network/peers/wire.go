package peers

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"
)

// A message on the wire:
//
//	"XJP1"  kind  nonce  from  to  entries  filling  signature
//	4       1     16     1+n   1+n 1+…               32 bytes
//
// A question carries a nonce and nothing else; it is filled up so that no answer
// is longer than what asked for it, which leaves nothing to gain from a forged
// sender. An answer repeats the nonce, so that an old one is worth nothing, and
// no clock has to be right. Only answers to own questions are believed.
const (
	magic        = "XJP1"
	nonceBytes   = 16
	macBytes     = sha256.Size
	messageBytes = 1200
)

type kind uint8

const (
	question kind = 1
	answer   kind = 2
)

type nonce [nonceBytes]byte

func newNonce() (n nonce) {
	rand.Read(n[:]) // never fails
	return n
}

// Sight is what one agent sees of another.
type Sight uint8

// The sights. Untold is what nobody can say, for want of the right to ping or
// because it was not tried yet.
const (
	Untold Sight = iota
	Answers
	AgentSilent
	Unreachable
)

func (s Sight) String() string {
	return [...]string{"unknown", "ok", "agent_silent", "unreachable"}[s]
}

// Reaches reports whether the server was reached, be it by its agent or a ping.
func (s Sight) Reaches() bool { return s == Answers || s == AgentSilent }

// Entry is what one agent says of another.
type Entry struct {
	Sight Sight
	// RTT of the last answer; 0 if there was none.
	RTT time.Duration
	// Loss is the share of the last questions without an answer, 0 to 1.
	Loss float64
	// Seen is when that was so, by the clock of who hears it.
	Seen time.Time
}

type named struct {
	name string
	Entry
}

// message is what agents send each other.
type message struct {
	kind     kind
	nonce    nonce
	from, to string
	entries  []named
}

var errBad = errors.New("malformed")
var errKey = errors.New("signed with another key")

// entryBytes is the length of an entry without its name.
const entryBytes = 1 + 1 + 4 + 2 + 2

// encode writes m, signed with key. Entries that do not fit into limit are left
// out; sent is how many are in.
func (m message) encode(key []byte, now time.Time, limit int) (b []byte, sent int) {
	limit = min(limit, messageBytes)
	b = append(make([]byte, 0, messageBytes), magic...)
	b = append(b, byte(m.kind))
	b = append(b, m.nonce[:]...)
	b = appendName(appendName(b, m.from), m.to)
	count := len(b)
	b = append(b, 0)
	for _, e := range m.entries {
		if len(b)+len(e.name)+entryBytes+macBytes > limit || sent == 255 {
			break
		}
		b = appendName(b, e.name)
		b = append(b, byte(e.Sight))
		b = binary.BigEndian.AppendUint32(b, uint32(min(e.RTT/time.Microsecond, 1<<31)))
		b = binary.BigEndian.AppendUint16(b, uint16(e.Loss*1000))
		b = binary.BigEndian.AppendUint16(b, uint16(min(max(0, now.Sub(e.Seen)/time.Second), 1<<15)))
		sent++
	}
	b[count] = byte(sent)
	if m.kind == question {
		b = b[:limit-macBytes]
	}
	return sign(b, key), sent
}

func appendName(b []byte, name string) []byte {
	name = name[:min(len(name), maxName)]
	return append(append(b, byte(len(name))), name...)
}

func sign(b, key []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(b)
	return h.Sum(b)
}

// decode reads a message and holds its signature. now is when it came.
func decode(b, key []byte, now time.Time) (m message, err error) {
	if len(b) < len(magic)+1+nonceBytes+3+macBytes || len(b) > messageBytes || string(b[:len(magic)]) != magic {
		return m, errBad
	}
	body := b[:len(b)-macBytes]
	h := hmac.New(sha256.New, key)
	h.Write(body)
	if !hmac.Equal(h.Sum(nil), b[len(body):]) {
		return m, errKey
	}
	r := reader{b: body[len(magic):]}
	m.kind = kind(r.byte())
	copy(m.nonce[:], r.bytes(nonceBytes))
	m.from, m.to = r.name(), r.name()
	for range int(r.byte()) {
		e := named{name: r.name()}
		e.Sight = Sight(r.byte())
		e.RTT = time.Duration(r.uint(4)) * time.Microsecond
		e.Loss = min(float64(r.uint(2))/1000, 1)
		e.Seen = now.Add(-time.Duration(r.uint(2)) * time.Second)
		if r.short || e.Sight > Unreachable || !memberName.MatchString(e.name) {
			return message{}, errBad
		}
		m.entries = append(m.entries, e)
	}
	if r.short || m.kind != question && m.kind != answer || !memberName.MatchString(m.from) || !memberName.MatchString(m.to) {
		return message{}, errBad
	}
	return m, nil
}

// reader reads fields; short says that there were not enough.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) bytes(n int) []byte {
	if len(r.b) < n {
		r.short = true
		r.b = nil
		return make([]byte, n)
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) byte() byte { return r.bytes(1)[0] }

func (r *reader) uint(n int) (v uint64) {
	for _, b := range r.bytes(n) {
		v = v<<8 | uint64(b)
	}
	return v
}

func (r *reader) name() string { return string(r.bytes(int(r.byte()))) }
