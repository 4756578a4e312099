package tail

import (
	"bytes"
	"strconv"
	"time"
)

// Kmsg is one record of the kernel's ring.
type Kmsg struct {
	Seq uint64
	// Since is the time since the boot.
	Since time.Duration
	// Kernel says that the kernel wrote it: everybody with the right to write
	// there can put lines into the ring, which say so.
	Kernel bool
	Text   []byte
}

// ParseKmsg reads "6,339,5140900,-;NET: Registered protocol family 10", with
// lines of " KEY=value" after it.
func ParseKmsg(raw []byte) (Kmsg, bool) {
	head, text, ok := bytes.Cut(raw, []byte{';'})
	if !ok {
		return Kmsg{}, false
	}
	fields := bytes.SplitN(head, []byte{','}, 4)
	if len(fields) < 3 {
		return Kmsg{}, false
	}
	prio, err1 := strconv.ParseUint(string(fields[0]), 10, 32)
	seq, err2 := strconv.ParseUint(string(fields[1]), 10, 64)
	us, err3 := strconv.ParseInt(string(fields[2]), 10, 64)
	if err1 != nil || err2 != nil || err3 != nil || us < 0 || us > 1<<53 {
		return Kmsg{}, false
	}
	text, _, _ = bytes.Cut(text, newline)
	return Kmsg{Seq: seq, Since: time.Duration(us) * time.Microsecond, Kernel: prio>>3 == 0, Text: text}, true
}
