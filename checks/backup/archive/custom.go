package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Kinds of blocks in a custom archive.
const (
	blockData  = 1
	blockBlobs = 3
)

// custom reads pg_dump -Fc: the table of contents, then every block. Each is
// read through its own compressor, whose sum is checked, and every entry that
// should have rows must have its block: a dump that was cut off has a table of
// contents all the same.
func (rep *Report) custom(r *bufio.Reader) error {
	rep.Dump = "custom"
	t, err := readTOC(r)
	if err != nil {
		return err
	}
	if t.format != formatCustom {
		return fault(CodeFormat, map[string]any{"want": "pg_dump -Fc", "got": formatName(t.format)})
	}
	missing := map[int]entry{}
	for _, e := range t.entries {
		if e.data {
			missing[e.id] = e
		}
	}
	for {
		kind, err := r.ReadByte()
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return err
		}
		id := t.int()
		e, known := missing[id]
		if t.err == nil && (!known || kind != blockData && kind != blockBlobs) {
			return fmt.Errorf("a block of kind %d for entry %d, which has none to come", kind, id)
		}
		if err := t.block(kind); err != nil {
			return err
		}
		delete(missing, id)
		if e.desc == "TABLE DATA" {
			rep.Tables++
		}
	}
	if len(missing) > 0 {
		return fault(CodeUnfinished, map[string]any{"missing": len(missing)})
	}
	return nil
}

func formatName(n int) string {
	switch n {
	case formatCustom:
		return "pg_dump -Fc"
	case formatTar:
		return "pg_dump -Ft"
	case formatDirectory:
		return "pg_dump -Fd"
	}
	return strconv.Itoa(n)
}

// block reads the rows of a table, or large objects one after another.
func (t *toc) block(kind byte) error {
	if t.err != nil {
		return t.err
	}
	if kind == blockData {
		return t.chunks()
	}
	for {
		if oid := t.int(); t.err != nil || oid == 0 {
			return t.err
		}
		if err := t.chunks(); err != nil {
			return err
		}
	}
}

// chunks reads a stream that is cut into chunks, each behind its length, the
// last of no length.
func (t *toc) chunks() error {
	c := &chunkReader{t: t}
	r := bufio.NewReader(c)
	if err := inflate(r, t.compression); err != nil && t.err == nil {
		return err
	}
	if _, err := io.Copy(io.Discard, c); err != nil {
		return err
	}
	return t.err
}

type chunkReader struct {
	t    *toc
	left int
	done bool
}

func (c *chunkReader) Read(b []byte) (int, error) {
	for c.left == 0 {
		if c.done {
			return 0, io.EOF
		}
		c.left = c.t.int()
		if c.t.err != nil {
			return 0, unexpected(c.t.err)
		}
		if c.left < 0 {
			return 0, fmt.Errorf("a block of %d bytes", c.left)
		}
		c.done = c.left == 0
	}
	n, err := c.t.r.Read(b[:min(len(b), c.left)])
	c.left -= n
	if err != nil {
		c.t.err = unexpected(err)
	}
	return n, c.t.err
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// inflate reads a stream to its end through the compressor that wrote it.
func inflate(r *bufio.Reader, compression string) error {
	plain, closer := io.Reader(r), func() {}
	var err error
	switch compression {
	case "gzip":
		plain, err = zlib.NewReader(r)
	case "lz4", "zstd":
		plain, _, closer, err = decompress(r)
	}
	if err != nil {
		return err
	}
	defer closer()
	_, err = io.Copy(io.Discard, plain)
	return err
}

func isTar(head []byte) bool {
	return len(head) > 262 && bytes.HasPrefix(head[257:], []byte("ustar"))
}

// maxMembers bounds the members of a tar dump that are remembered.
const maxMembers = 1_000_000

// tar reads pg_dump -Ft: the members, and that each of the table of contents is
// there.
func (rep *Report) tar(r io.Reader) error {
	rep.Dump = "tar"
	var contents *toc
	have := map[string]bool{}
	members := tar.NewReader(r)
	for {
		h, err := members.Next()
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return err
		}
		if len(have) >= maxMembers {
			return fmt.Errorf("more than %d members", maxMembers)
		}
		have[h.Name] = true
		if h.Name == "toc.dat" {
			if contents, err = readTOC(bufio.NewReader(members)); err != nil {
				return err
			}
		}
		if _, err := io.Copy(io.Discard, members); err != nil {
			return err
		}
	}
	if contents == nil || contents.format != formatTar {
		return fault(CodeFormat, map[string]any{"want": string(PgDump), "got": "tar"})
	}
	for _, e := range contents.entries {
		if e.file == "" {
			continue
		}
		if e.desc == "BLOBS" && have["blobs.toc"] {
			continue // large objects lie under names of their own
		}
		if !have[e.file] {
			return fault(CodeMember, map[string]any{"member": e.file})
		}
		if e.desc == "TABLE DATA" {
			rep.Tables++
		}
	}
	return nil
}
