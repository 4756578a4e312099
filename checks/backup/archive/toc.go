package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// pgMagic begins the table of contents of every pg_dump archive.
const pgMagic = "PGDMP"

// The formats of an archive, as its header numbers them.
const (
	formatCustom    = 1
	formatTar       = 3
	formatDirectory = 5
)

// maxString and maxEntries bound what a damaged length may ask for.
const (
	maxString  = 64 << 20
	maxEntries = 5_000_000
)

// toc is the table of contents of a pg_dump archive.
type toc struct {
	r       *bufio.Reader
	version int // 1.14 is 114
	intSize int
	offSize int
	format  int
	// compression is gzip, lz4, zstd or empty.
	compression string
	entries     []entry
	err         error
}

// entry is one thing of the archive.
type entry struct {
	id   int
	desc string
	file string // of tar and directory
	data bool   // has rows or large objects
}

var errNoArchive = errors.New("not the table of contents of a pg_dump archive")

// readTOC reads the table of contents. Of its many fields only a few matter
// here; all have to be read, since they have no fixed length.
func readTOC(r *bufio.Reader) (*toc, error) {
	t := &toc{r: r}
	t.header()
	if t.err == nil {
		t.list()
	}
	return t, t.err
}

func (t *toc) header() {
	magic := make([]byte, len(pgMagic))
	t.full(magic)
	if t.err == nil && string(magic) != pgMagic {
		t.err = errNoArchive
		return
	}
	major, minor := t.byte(), t.byte()
	t.byte() // revision
	if t.version = int(major)*100 + int(minor); t.err == nil && (t.version < 110 || t.version > 199) {
		t.err = fmt.Errorf("%w: its version %d.%d is not known", errNoArchive, major, minor)
		return
	}
	t.intSize, t.offSize, t.format = int(t.byte()), int(t.byte()), int(t.byte())
	if t.err == nil && (t.intSize < 1 || t.intSize > 8 || t.offSize < 1 || t.offSize > 8) {
		t.err = fmt.Errorf("%w: numbers of %d and %d bytes", errNoArchive, t.intSize, t.offSize)
		return
	}
	t.compression = t.compressor()
	for range 7 { // when the dump was made
		t.int()
	}
	for range 3 { // database, version of the server, version of pg_dump
		t.string()
	}
}

// compressor reads how rows were compressed: since PostgreSQL 16 which program
// did, before that the level of zlib.
func (t *toc) compressor() string {
	if t.version < 115 {
		if t.int() == 0 {
			return ""
		}
		return "gzip"
	}
	names := []string{"", "gzip", "lz4", "zstd"}
	n := int(t.byte())
	if n >= len(names) && t.err == nil {
		t.err = fmt.Errorf("%w: compression %d is not known", errNoArchive, n)
	}
	return names[n%len(names)]
}

func (t *toc) list() {
	n := t.int()
	if t.err == nil && (n < 0 || n > maxEntries) {
		t.err = fmt.Errorf("%w: %d entries", errNoArchive, n)
	}
	for i := 0; i < n && t.err == nil; i++ {
		t.entries = append(t.entries, t.entry())
	}
}

// entry reads one entry in the order in which pg_dump writes it.
func (t *toc) entry() entry {
	var e entry
	e.id = t.int()
	e.data = t.int() != 0
	t.string() // table id
	t.string() // object id
	t.string() // tag
	e.desc = t.string()
	if t.version >= 111 {
		t.int() // section
	}
	for range 5 { // definition, how to drop it, COPY, schema, tablespace
		t.string()
	}
	if t.version >= 114 {
		t.string() // table access method
	}
	if t.version >= 116 {
		t.int() // kind of relation
	}
	t.string() // owner
	t.string() // with OIDs
	for t.err == nil {
		if _, some := t.maybe(); !some {
			break // of the dependencies
		}
	}
	if t.format == formatCustom {
		const noData = 3
		if t.byte() == noData {
			e.data = false
		}
		t.full(make([]byte, t.offSize))
		return e
	}
	e.file = t.string()
	e.data = e.file != ""
	return e
}

func (t *toc) full(b []byte) {
	if t.err == nil {
		_, t.err = io.ReadFull(t.r, b)
	}
}

func (t *toc) byte() byte {
	if t.err != nil {
		return 0
	}
	var b byte
	b, t.err = t.r.ReadByte()
	return b
}

// int reads a number: its sign, then its bytes, the lowest first.
func (t *toc) int() int {
	negative := t.byte() != 0
	n := 0
	for i := range t.intSize {
		n |= int(t.byte()) << (8 * i)
	}
	if negative {
		return -n
	}
	return n
}

func (t *toc) string() string {
	s, _ := t.maybe()
	return s
}

// maybe reads a string that may be absent.
func (t *toc) maybe() (string, bool) {
	n := t.int()
	if t.err != nil || n < 0 {
		return "", false
	}
	if n > maxString {
		t.err = fmt.Errorf("%w: a text of %d bytes", errNoArchive, n)
		return "", false
	}
	b, err := io.ReadAll(io.LimitReader(t.r, int64(n)))
	if err == nil && len(b) < n {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		t.err = err
	}
	return string(b), t.err == nil
}
