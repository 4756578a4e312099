// Package archive reads a backup to its end and tells whether it is whole: what
// a compressor, a dump program or a manifest wrote to be checked later is
// checked here, in one pass over the bytes, without a database.
package archive

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
)

// Format is what is expected inside, below any compression.
type Format string

// The formats. Any takes whatever there is.
const (
	Any       Format = ""
	PgDump    Format = "pg_dump"
	MySQLDump Format = "mysqldump"
)

// Want is what a file is held against.
type Want struct {
	Format Format
	// Name of the file; its ending says how it should be compressed.
	Name string
	// SHA256 is the sum, in hexadecimal, that the file should have; empty if
	// none is known.
	SHA256 string
	// Rate bounds how fast is read, in bytes a second; 0 is as fast as it goes.
	Rate int64
}

// Report is what a file turned out to be.
type Report struct {
	// Read are the bytes read from the file, Plain those after decompression.
	Read  int64 `json:"read"`
	Plain int64 `json:"plain"`
	// Compression is gzip, zstd, xz, bzip2 or lz4; empty for none.
	Compression string `json:"compression,omitempty"`
	// Dump is the way in which a dump was written: plain, cluster, custom, tar or
	// directory for PostgreSQL, mysql for MySQL and MariaDB; empty for what is no
	// dump.
	Dump string `json:"dump,omitempty"`
	// Tables counts the tables whose rows are in a custom, tar or directory dump.
	Tables int    `json:"tables,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
}

// Fault is why a backup cannot be relied on: the code of a finding with its
// arguments. What could not be read at all is another error: nobody knows then.
type Fault struct {
	Code string         `json:"code"`
	Args map[string]any `json:"args,omitempty"`
}

// Error names the code and its arguments.
func (f *Fault) Error() string { return fmt.Sprintf("%s %v", f.Code, f.Args) }

// The codes of faults.
const (
	CodeEmpty      = "backup.empty"
	CodeCut        = "backup.cut"
	CodeCorrupt    = "backup.corrupt"
	CodeFormat     = "backup.format"
	CodeUnfinished = "backup.unfinished"
	CodeChecksum   = "backup.checksum"
	CodeMember     = "backup.member"
)

func fault(code string, args map[string]any) *Fault { return &Fault{code, args} }

// Read reads r to its end and holds it against want. The error is a *Fault if
// the backup is not whole, that of ctx if it ended first, or that of the read.
func Read(ctx context.Context, r io.Reader, want Want) (Report, error) {
	raw := &meter{ctx: ctx, r: r, rate: want.Rate, sum: sha256.New()}
	var rep Report
	err := rep.content(bufio.NewReaderSize(raw, 256<<10), want)
	if err == nil {
		_, err = io.Copy(io.Discard, raw)
	}
	rep.Read = raw.n
	if raw.err != nil {
		return rep, raw.err // the disk failed or time is up; what followed says nothing
	}
	if err != nil {
		return rep, err
	}
	rep.SHA256 = hex.EncodeToString(raw.sum.Sum(nil))
	if want.SHA256 != "" && !strings.EqualFold(want.SHA256, rep.SHA256) {
		return rep, fault(CodeChecksum, map[string]any{"want": want.SHA256, "got": rep.SHA256})
	}
	return rep, nil
}

// content reads what is in the file.
func (rep *Report) content(r *bufio.Reader, want Want) error {
	if _, err := r.Peek(1); err != nil {
		return fault(CodeEmpty, nil)
	}
	plain, kind, closer, err := decompress(r)
	if err != nil {
		return corrupt(err, kind)
	}
	defer closer()
	rep.Compression = kind
	if byName := compressionOf(want.Name); byName != "" && byName != kind {
		return fault(CodeFormat, map[string]any{"want": byName, "got": kind})
	}
	count := &counter{r: plain}
	defer func() { rep.Plain = count.n }()
	if err := rep.dump(bufio.NewReaderSize(count, 64<<10), want.Format); err != nil {
		if _, known := errors.AsType[*Fault](err); known {
			return err
		}
		return corrupt(err, kind)
	}
	return nil
}

// corrupt says an error of a decompressor or of the structure of a dump.
func corrupt(err error, kind string) *Fault {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fault(CodeCut, map[string]any{"compression": kind})
	}
	return fault(CodeCorrupt, map[string]any{"compression": kind, "error": err.Error()})
}

// dump reads what was compressed, or is not.
func (rep *Report) dump(r *bufio.Reader, want Format) error {
	head, err := r.Peek(1024)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if want == Any {
		_, err := io.Copy(io.Discard, r)
		return err
	}
	if len(head) == 0 {
		return fault(CodeEmpty, nil)
	}
	if want == PgDump && bytes.HasPrefix(head, []byte(pgMagic)) {
		return rep.custom(r)
	}
	if want == PgDump && isTar(head) {
		return rep.tar(r)
	}
	return rep.script(r, head, want)
}

// meter counts, sums and slows down what is read, and keeps the error that is
// not the file's fault.
type meter struct {
	ctx  context.Context
	r    io.Reader
	rate int64
	sum  hash.Hash
	n    int64
	err  error
	pace pace
}

func (m *meter) Read(b []byte) (int, error) {
	if m.err == nil {
		m.err = m.ctx.Err()
	}
	if m.err != nil {
		return 0, m.err
	}
	n, err := m.r.Read(b)
	m.n += int64(n)
	m.sum.Write(b[:n])
	if err != nil && !errors.Is(err, io.EOF) {
		m.err = err
	}
	m.pace.wait(m.ctx, m.n, m.rate)
	return n, err
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}
