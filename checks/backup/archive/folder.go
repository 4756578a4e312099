package archive

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// Folder reads a backup that is a folder: pg_dump -Fd, or any other as a heap of
// files. The error is as that of Read.
func Folder(ctx context.Context, fsys fs.FS, want Want) (Report, error) {
	var rep Report
	pacer := &folderReader{ctx: ctx, fsys: fsys, rate: want.Rate, rep: &rep}
	if want.Format == PgDump {
		return rep, pacer.dump()
	}
	some := false
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.Type().IsRegular() {
			return ctx.Err()
		}
		some = true
		return pacer.member(name)
	})
	if err == nil && !some {
		err = fault(CodeEmpty, nil)
	}
	return rep, err
}

// folderReader reads files one after another, at one rate for all.
type folderReader struct {
	ctx  context.Context
	fsys fs.FS
	rate int64
	rep  *Report
}

// member reads one file to its end, below its compression.
func (f *folderReader) member(name string) error {
	file, err := f.fsys.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() == 0 {
		return nil // a table without rows, a flag
	}
	rep, err := Read(f.ctx, file, Want{Name: name, Rate: f.rate})
	f.rep.Read += rep.Read
	f.rep.Plain += rep.Plain
	if known, ok := errors.AsType[*Fault](err); ok {
		known.Args = withMember(known.Args, name)
	}
	return err
}

func withMember(args map[string]any, name string) map[string]any {
	if args == nil {
		args = map[string]any{}
	}
	args["member"] = name
	return args
}

// dump reads pg_dump -Fd: its table of contents, and every file that stands in
// it, compressed or not.
func (f *folderReader) dump() error {
	f.rep.Dump = "directory"
	raw, err := fs.ReadFile(f.fsys, "toc.dat")
	if errors.Is(err, fs.ErrNotExist) {
		return fault(CodeMember, map[string]any{"member": "toc.dat"})
	}
	if err != nil {
		return err
	}
	t, err := readTOC(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return corrupt(err, "")
	}
	// pg_dump marks a folder as tar, so that one can make a tar of it.
	if t.format != formatDirectory && t.format != formatTar {
		return fault(CodeFormat, map[string]any{"want": "pg_dump -Fd", "got": formatName(t.format)})
	}
	for _, e := range t.entries {
		if e.file == "" {
			continue
		}
		if err := f.entry(e); err != nil {
			return err
		}
		if e.desc == "TABLE DATA" {
			f.rep.Tables++
		}
	}
	return nil
}

// entry reads the file of an entry; that of large objects lists more.
func (f *folderReader) entry(e entry) error {
	name, err := f.find(e.file)
	if err != nil {
		return err
	}
	if e.desc != "BLOBS" {
		return f.member(name)
	}
	list, err := fs.ReadFile(f.fsys, name)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(bytes.NewReader(list))
	for lines.Scan() {
		var oid uint32
		var blob string
		if n, _ := fmt.Sscanf(lines.Text(), "%d %s", &oid, &blob); n != 2 {
			return withArgs(CodeCorrupt, "list of large objects", name)
		}
		found, err := f.find(blob)
		if err != nil {
			return err
		}
		if err := f.member(found); err != nil {
			return err
		}
	}
	return lines.Err()
}

func withArgs(code, text, member string) *Fault {
	return fault(code, map[string]any{"error": text, "member": member, "compression": ""})
}

// find returns the name under which a file is there: pg_dump adds the ending of
// its compressor. Names come from the archive and stay within the folder.
func (f *folderReader) find(name string) (string, error) {
	if name != path.Base(name) || !fs.ValidPath(name) {
		return "", withArgs(CodeCorrupt, "a file outside of the dump", name)
	}
	for _, ending := range []string{"", ".gz", ".lz4", ".zst"} {
		if _, err := fs.Stat(f.fsys, name+ending); err == nil {
			return name + ending, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", fault(CodeMember, map[string]any{"member": name})
}
