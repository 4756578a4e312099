package archive

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// What dump programs write first and last. A dump without its last line was cut
// off: by a full disk, a lost connection or a reboot.
var (
	pgHeads    = [][]byte{[]byte("-- PostgreSQL database dump"), []byte("-- PostgreSQL database cluster dump")}
	pgMarks    = [][]byte{[]byte("-- PostgreSQL database dump complete"), []byte("-- PostgreSQL database cluster dump complete")}
	mysqlHeads = [][]byte{[]byte("-- MySQL dump"), []byte("-- MariaDB dump"), []byte("-- mysqldump"), []byte("enable the sandbox mode")}
	mysqlMarks = [][]byte{[]byte("-- Dump completed")}
)

// tailSize is how much of the end is searched for the mark: newer pg_dump
// writes a few lines after it.
const tailSize = 4 << 10

// script reads a dump that is SQL.
func (rep *Report) script(r io.Reader, head []byte, want Format) error {
	heads, marks := pgHeads, pgMarks
	if want == MySQLDump {
		heads, marks = mysqlHeads, mysqlMarks
	}
	if !containsAny(head, heads) {
		return fault(CodeFormat, map[string]any{"want": string(want), "got": ""})
	}
	rep.Dump = "plain"
	switch {
	case want == MySQLDump:
		rep.Dump = "mysql"
	case bytes.Contains(head, pgHeads[1]):
		rep.Dump = "cluster"
	}
	tail, err := readTail(r, tailSize)
	if err != nil {
		return err
	}
	if !containsAny(tail, marks) {
		return fault(CodeUnfinished, map[string]any{"mark": string(marks[0])})
	}
	return nil
}

func containsAny(text []byte, words [][]byte) bool {
	for _, w := range words {
		if bytes.Contains(text, w) {
			return true
		}
	}
	return false
}

// readTail reads r to its end and returns its last n bytes, or fewer.
func readTail(r io.Reader, n int) ([]byte, error) {
	var tail []byte
	buf := make([]byte, 64<<10)
	for {
		k, err := r.Read(buf)
		if tail = append(tail, buf[:k]...); len(tail) > n {
			tail = append(tail[:0], tail[len(tail)-n:]...)
		}
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return tail, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// Quick looks at the begin and the end of a dump that is not compressed, without
// reading what is between: head and tail are its first and last bytes. It is for
// sets that are not to be read as a whole.
func Quick(head, tail []byte, want Want) (Report, error) {
	rep := Report{}
	_, kind, closer, err := decompress(bufio.NewReader(bytes.NewReader(head)))
	closer()
	rep.Compression = kind
	switch {
	case len(head) == 0:
		return rep, fault(CodeEmpty, nil)
	case kind == "" && compressionOf(want.Name) != "", kind != "" && err != nil:
		return rep, fault(CodeFormat, map[string]any{"want": compressionOf(want.Name), "got": kind})
	case kind != "" || want.Format == Any:
		return rep, nil
	case want.Format == PgDump && bytes.HasPrefix(head, []byte(pgMagic)):
		rep.Dump = "custom"
		return rep, nil
	case want.Format == PgDump && isTar(head):
		rep.Dump = "tar"
		return rep, nil
	}
	if err := rep.script(bytes.NewReader(tail), head, want.Format); err != nil {
		return rep, err
	}
	return rep, nil
}
