package tail

import (
	"bytes"
	"io"
	"os"
	"time"
)

// How much of what was read is kept to know a file again, in bytes: from its
// beginning, and from before the place where reading stands.
const (
	headLen = 256
	tailLen = 64
)

// ident is what the system calls a file. After a deletion another may get it.
type ident struct {
	Dev uint64 `json:"dev"`
	Ino uint64 `json:"ino"`
}

// mark is where reading stands in one file, and by what the file is known
// again: by its identity if the content agrees, else by the content alone.
type mark struct {
	ident
	// Path is where it was last seen.
	Path string `json:"path"`
	// Offset is that of the first byte that was not handed over. In a packed
	// file it counts what it holds.
	Offset int64 `json:"offset"`
	// Head is how what was read begins, Tail how it ends.
	Head []byte `json:"head,omitempty"`
	Tail []byte `json:"tail,omitempty"`
	// Skip says that Offset is within a line that was cut: the rest goes by.
	Skip bool `json:"skip,omitempty"`
	// Old files have lost their name to another; AtEnd ones were read to their
	// end when they were last looked at.
	Old   bool `json:"old,omitempty"`
	AtEnd bool `json:"at_end,omitempty"`
	// Done files have been read to their end and are not written any more, as
	// far as is known. They are remembered so that they are not taken for new.
	Done bool `json:"done,omitempty"`
	// Emptied is a place in what stood in a file that was emptied since: a copy
	// may have it.
	Emptied bool `json:"emptied,omitempty"`
	// Size and Mod are how a done file was when it was last looked at.
	Size int64     `json:"size,omitempty"`
	Mod  time.Time `json:"mod,omitzero"`
}

// advance notes that b, which stands at Offset, was taken.
func (m *mark) advance(b []byte) {
	if room := headLen - len(m.Head); room > 0 && int64(len(m.Head)) == m.Offset {
		m.Head = append(m.Head[:len(m.Head):len(m.Head)], b[:min(room, len(b))]...)
	}
	if len(b) >= tailLen {
		m.Tail = append(m.Tail[:0], b[len(b)-tailLen:]...)
	} else {
		m.Tail = append(m.Tail, b...)
		m.Tail = append(m.Tail[:0], m.Tail[max(0, len(m.Tail)-tailLen):]...)
	}
	m.Offset += int64(len(b))
}

// place puts the mark at an offset of a file that was not read.
func (m *mark) place(r io.ReaderAt, offset int64) error {
	head := make([]byte, min(headLen, offset))
	if err := readFull(r, head, 0); err != nil {
		return err
	}
	tail := make([]byte, min(tailLen, offset))
	if err := readFull(r, tail, offset-int64(len(tail))); err != nil {
		return err
	}
	m.Head, m.Tail, m.Offset = head, tail, offset
	return nil
}

// holds reports whether what was read stands in r as it did.
func (m *mark) holds(r io.ReaderAt) bool {
	head := make([]byte, len(m.Head))
	return agrees(r, head, 0, m.Head) && m.ends(r)
}

// ends is holds for an r that is known to begin as it should.
func (m *mark) ends(r io.ReaderAt) bool {
	return agrees(r, make([]byte, len(m.Tail)), m.Offset-int64(len(m.Tail)), m.Tail)
}

func agrees(r io.ReaderAt, buf []byte, at int64, want []byte) bool {
	return readFull(r, buf, at) == nil && bytes.Equal(buf, want)
}

func readFull(r io.ReaderAt, b []byte, at int64) error {
	if len(b) == 0 {
		return nil
	}
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// file is one file at work.
type file struct {
	mark
	// f is open while lines may come.
	f *os.File
	// packed reads a compressed file; nil for a plain one.
	packed *packed
	// quiet is since when nothing came.
	quiet time.Time
	// retired files have lost their name to another.
	retired bool
	// lost is since when neither the file nor a copy is found; sought is when
	// it was last looked for. missed counts the looks since it was last seen
	// that say nothing, for names changed meanwhile.
	lost, sought time.Time
	missed       int
	// torn is since when a compressed file ends before its end.
	torn time.Time
}

func (f *file) close() {
	if f.packed != nil {
		f.packed.Close()
		f.packed = nil
	}
	if f.f != nil {
		f.f.Close()
		f.f = nil
	}
}
