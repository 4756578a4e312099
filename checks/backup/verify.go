package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"xunjian/checks/backup/archive"
	"xunjian/checks/backup/wal"
)

// wish is what a backup is held against, as text, so that another wish or a
// checksum that came later reads it again.
func (s *Set) wish(it item) (string, string, error) {
	sum := ""
	if s.Checksum && !it.dir {
		var err error
		if sum, err = expectedSum(it.path); err != nil {
			return "", "", err
		}
	}
	return fmt.Sprintf("%s whole=%v checksum=%v %s", s.Kind, s.readWhole(), s.Checksum, sum), sum, nil
}

// verify reads one backup and says what came of it. Its own errors are in the
// reading; it fails only when ctx ends.
func (s *Set) verify(ctx context.Context, it item, rate int64) (reading, error) {
	begun := time.Now()
	wish, sum, err := s.wish(it)
	r := reading{For: wish, At: begun}
	if err == nil && s.Checksum && sum == "" {
		err = &archive.Fault{Code: codeNoSum}
	}
	if err == nil {
		r.Report, err = s.read(ctx, it, sum, rate)
	}
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	r.Took = time.Since(begun).Seconds()
	if known, ok := errors.AsType[*archive.Fault](err); ok {
		r.Fault = known
	} else if err != nil {
		r.Error = err.Error()
	}
	return r, nil
}

func (s *Set) read(ctx context.Context, it item, sum string, rate int64) (archive.Report, error) {
	want := archive.Want{Format: archive.Any, Name: it.path, SHA256: sum, Rate: rate}
	switch s.Kind {
	case PgDump:
		want.Format = archive.PgDump
	case MySQLDump:
		want.Format = archive.MySQLDump
	}
	switch {
	case s.Kind == PgBasebackup:
		return s.readBase(ctx, it, rate)
	case it.dir && s.Checksum:
		return archive.Report{}, &archive.Fault{Code: codeNoSum}
	case it.dir && !s.readWhole():
		return archive.Report{}, nil
	case it.dir:
		return archive.Folder(ctx, os.DirFS(it.path), want)
	}
	f, err := os.Open(it.path)
	if err != nil {
		return archive.Report{}, err
	}
	defer f.Close()
	if s.Kind == WAL {
		if err := s.readSegment(f, it); err != nil {
			return archive.Report{}, err
		}
	}
	if !s.readWhole() {
		return quick(f, it.size, want)
	}
	return archive.Read(ctx, f, want)
}

// edge is how much of the begin and of the end is looked at.
const edge = 4 << 10

func quick(f *os.File, size int64, want archive.Want) (archive.Report, error) {
	head := make([]byte, min(edge, size))
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, size), head); err != nil {
		return archive.Report{}, err
	}
	tail := make([]byte, min(edge, size))
	if _, err := io.ReadFull(io.NewSectionReader(f, max(0, size-edge), edge), tail); err != nil {
		return archive.Report{}, err
	}
	return archive.Quick(head, tail, want)
}

// readBase verifies a base backup, and that the log that it needs is with it.
// One that was made without the log relies on the archive.
func (s *Set) readBase(ctx context.Context, it item, rate int64) (archive.Report, error) {
	if !it.dir {
		return archive.Report{}, &archive.Fault{Code: archive.CodeFormat, Args: map[string]any{"want": "pg_basebackup", "got": ""}}
	}
	if !s.readWhole() {
		if _, err := os.Stat(it.path + "/" + archive.ManifestName); errors.Is(err, os.ErrNotExist) {
			return archive.Report{}, &archive.Fault{Code: archive.CodeUnfinished, Args: map[string]any{"mark": archive.ManifestName}}
		} else {
			return archive.Report{}, err
		}
	}
	rep, ranges, err := archive.BaseBackup(ctx, os.DirFS(it.path), rate)
	if err != nil {
		return rep, err
	}
	return rep, neededLog(it.path, ranges)
}

// neededLog holds the segments in pg_wal of a plain base backup against those
// that its manifest needs.
func neededLog(dir string, ranges []archive.WALRange) error {
	entries, err := os.ReadDir(dir + "/pg_wal")
	if err != nil {
		return ignoreMissing(err) // tar has it in pg_wal.tar
	}
	size, have := uint64(0), map[wal.Segment]bool{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if seg, partial, ok := wal.ParseSegment(e.Name(), wal.DefaultSegment); ok && !partial {
			size = uint64(info.Size())
			have[seg] = true
		}
	}
	if size != wal.DefaultSegment {
		return nil // none there, so it is taken from the archive; or another size
	}
	for _, r := range ranges {
		from, err1 := wal.ParseLSN(r.Start)
		to, err2 := wal.ParseLSN(r.End)
		if err1 != nil || err2 != nil || to <= from {
			continue
		}
		for n := from / size; n <= (to-1)/size; n++ {
			if seg := (wal.Segment{Timeline: r.Timeline, Number: n}); !have[seg] {
				return &archive.Fault{Code: archive.CodeMember, Args: map[string]any{"member": "pg_wal/" + seg.Name(size)}}
			}
		}
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// readSegment holds a WAL segment against its own name: archive commands that
// copy wrongly or in part are found here.
func (s *Set) readSegment(f *os.File, it item) error {
	head := make([]byte, wal.HeaderSize)
	plain, free, err := archive.Decompress(io.NewSectionReader(f, 0, it.size))
	if err != nil {
		return &archive.Fault{Code: archive.CodeCut, Args: map[string]any{"compression": ""}}
	}
	defer free()
	if _, err := io.ReadFull(plain, head); err != nil {
		return &archive.Fault{Code: archive.CodeCut, Args: map[string]any{"compression": ""}}
	}
	h, err := wal.ReadHeader(head)
	if err != nil {
		return &archive.Fault{Code: archive.CodeFormat, Args: map[string]any{"want": "WAL", "got": ""}}
	}
	seg, _, ok := wal.ParseSegment(baseName(it.path), h.Size)
	if !ok || seg.Number != h.Segment.Number {
		return &archive.Fault{Code: codeWrongSegment, Args: map[string]any{"got": h.Segment.Name(h.Size)}}
	}
	if compressed := archive.Compressed(it.path); !compressed && uint64(it.size) != h.Size {
		return &archive.Fault{Code: archive.CodeCut, Args: map[string]any{"compression": ""}}
	}
	return nil
}
