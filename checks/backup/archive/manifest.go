package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// ManifestName is what pg_basebackup writes last: every file of the backup with
// its size and sum.
const ManifestName = "backup_manifest"

// maxManifest bounds how large a manifest may be: a million files.
const maxManifest = 256 << 20

// manifest is backup_manifest of a base backup.
type manifest struct {
	Version int `json:"PostgreSQL-Backup-Manifest-Version"`
	Files   []struct {
		Path      string `json:"Path"`
		Encoded   string `json:"Encoded-Path"`
		Size      int64  `json:"Size"`
		Algorithm string `json:"Checksum-Algorithm"`
		Sum       string `json:"Checksum"`
	} `json:"Files"`
	Ranges []WALRange `json:"WAL-Ranges"`
}

// WALRange is the log that a base backup cannot do without.
type WALRange struct {
	Timeline uint32 `json:"Timeline"`
	Start    string `json:"Start-LSN"`
	End      string `json:"End-LSN"`
}

// member is what the manifest says of one file.
type member struct {
	size int64
	sum  []byte
	new  func() hash.Hash // nil: no sum was made
	seen bool
}

var lastLine = regexp.MustCompile(`"Manifest-Checksum": "([0-9a-f]{64})"\}\s*$`)

// BaseBackup holds a folder that pg_basebackup wrote, as files or as tar, against
// its manifest: every file is there, none is too many, sizes and sums are right.
// It is what pg_verifybackup does, for tar too, at a bounded rate. The WAL that
// the backup needs is told in the answer.
func BaseBackup(ctx context.Context, fsys fs.FS, rate int64) (Report, []WALRange, error) {
	raw, err := readBounded(fsys, ManifestName, maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return Report{}, nil, fault(CodeUnfinished, map[string]any{"mark": ManifestName})
	}
	if err != nil {
		return Report{}, nil, err
	}
	man, members, err := parseManifest(raw)
	if err != nil {
		return Report{}, nil, err
	}
	b := &base{folderReader: folderReader{ctx: ctx, fsys: fsys, rate: rate, rep: &Report{Dump: "base"}}, members: members}
	if err := b.read(); err != nil {
		return *b.rep, man.Ranges, err
	}
	for name, m := range members {
		if !m.seen {
			return *b.rep, man.Ranges, fault(CodeMember, map[string]any{"member": name})
		}
	}
	return *b.rep, man.Ranges, nil
}

func readBounded(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(raw)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return raw, err
}

// parseManifest reads a manifest and holds it against its own sum, which stands
// in its last line and covers all before that.
func parseManifest(raw []byte) (*manifest, map[string]*member, error) {
	m := lastLine.FindSubmatch(raw)
	start := bytes.LastIndex(bytes.TrimRight(raw, "\n"), []byte("\n")) + 1
	if m == nil {
		return nil, nil, fault(CodeCut, map[string]any{"member": ManifestName, "compression": ""})
	}
	if sum := sha256.Sum256(raw[:start]); hex.EncodeToString(sum[:]) != string(m[1]) {
		return nil, nil, fault(CodeChecksum, map[string]any{"member": ManifestName, "want": string(m[1]), "got": hex.EncodeToString(sum[:])})
	}
	var man manifest
	if err := json.Unmarshal(raw, &man); err != nil {
		return nil, nil, withArgs(CodeCorrupt, err.Error(), ManifestName)
	}
	members := make(map[string]*member, len(man.Files))
	for _, f := range man.Files {
		name := f.Path
		if name == "" {
			b, err := hex.DecodeString(f.Encoded)
			if err != nil {
				return nil, nil, withArgs(CodeCorrupt, err.Error(), ManifestName)
			}
			name = string(b)
		}
		one := &member{size: f.Size}
		if f.Algorithm != "" && f.Algorithm != "NONE" {
			one.new = summer(f.Algorithm)
			sum, err := hex.DecodeString(f.Sum)
			if err != nil || one.new == nil {
				return nil, nil, withArgs(CodeCorrupt, "checksum by "+f.Algorithm, name)
			}
			one.sum = sum
		}
		members[name] = one
	}
	return &man, members, nil
}

// summer returns what makes sums of an algorithm; nil if it is not known.
func summer(algorithm string) func() hash.Hash {
	switch algorithm {
	case "CRC32C":
		return func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }
	case "SHA224":
		return sha256.New224
	case "SHA256":
		return sha256.New
	case "SHA384":
		return sha512.New384
	case "SHA512":
		return sha512.New
	}
	return nil
}

// base reads the files of a base backup.
type base struct {
	folderReader
	members map[string]*member
	pace    pace
}

func (b *base) read() error {
	if _, err := fs.Stat(b.fsys, "PG_VERSION"); err == nil {
		return b.walk(".", "")
	}
	entries, err := fs.ReadDir(b.fsys, ".")
	if err != nil {
		return err
	}
	found := false
	for _, e := range entries {
		stem, _, isTar := strings.Cut(e.Name(), ".tar")
		switch {
		case !isTar, stem == "pg_wal":
			if isTar {
				err = b.member(e.Name())
			}
		case stem == "base":
			found = true
			err = b.tar(e.Name(), "")
		default: // a tablespace, by its number
			err = b.tar(e.Name(), "pg_tblspc/"+stem)
		}
		if err != nil {
			return err
		}
	}
	if !found {
		return fault(CodeMember, map[string]any{"member": "base.tar"})
	}
	return nil
}

// walk reads the files of a folder; tablespaces are links to other folders,
// which fs.WalkDir does not follow.
func (b *base) walk(dir, prefix string) error {
	return fs.WalkDir(b.fsys, dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name == "pg_wal" {
			return fs.SkipDir
		}
		if d.Type()&fs.ModeSymlink != 0 && path.Dir(name) == "pg_tblspc" {
			entries, err := fs.ReadDir(b.fsys, name)
			for _, e := range entries {
				if err == nil {
					err = b.walk(name+"/"+e.Name(), prefix)
				}
			}
			return err
		}
		if d.IsDir() {
			return b.ctx.Err()
		}
		f, err := b.fsys.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		return b.compare(name, f)
	})
}

// tar reads one tar of the backup, in whatever it is compressed.
func (b *base) tar(name, prefix string) error {
	f, err := b.fsys.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	raw := &failing{r: f}
	plain, closer, err := Decompress(raw)
	if err != nil {
		return tarFault(raw, err, name)
	}
	defer closer()
	list := tar.NewReader(plain)
	for {
		h, err := list.Next()
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return tarFault(raw, err, name)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if err := b.compare(path.Join(prefix, strings.TrimPrefix(h.Name, "./")), list); err != nil {
			if _, known := errors.AsType[*Fault](err); known {
				return err
			}
			return tarFault(raw, err, name)
		}
	}
	if _, err := io.Copy(io.Discard, plain); err != nil { // the compressor's own sum
		return tarFault(raw, err, name)
	}
	return nil
}

// failing keeps the error of the disk apart from those of what is on it.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(b []byte) (int, error) {
	n, err := f.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
}

func tarFault(raw *failing, err error, name string) error {
	if raw.err != nil {
		return raw.err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	f := corrupt(err, compressionOf(name))
	f.Args = withMember(f.Args, name)
	return f
}

// notListed are what a manifest leaves out.
func notListed(name string) bool {
	switch name {
	case ManifestName, "postgresql.auto.conf", "recovery.signal", "standby.signal":
		return true
	}
	return strings.HasPrefix(name, "pg_wal/")
}

// compare holds one file against the manifest.
func (b *base) compare(name string, r io.Reader) error {
	m := b.members[name]
	if m == nil {
		if notListed(name) {
			return nil
		}
		return fault(CodeMember, map[string]any{"extra": name})
	}
	sum := hash.Hash(sha256.New())
	if m.new != nil {
		sum = m.new()
	}
	n, err := io.Copy(sum, &paced{b: b, r: r})
	if err != nil {
		return err
	}
	m.seen = true
	if n != m.size {
		return fault(CodeMember, map[string]any{"member": name, "want": m.size, "got": n})
	}
	if got := digest(sum); m.new != nil && !bytes.Equal(got, m.sum) {
		return fault(CodeChecksum, map[string]any{"member": name, "want": hex.EncodeToString(m.sum), "got": hex.EncodeToString(got)})
	}
	return nil
}

// digest is a sum in the order of bytes in which PostgreSQL writes it: that of
// CRC-32C is the machine's own, which is little-endian wherever we run.
func digest(h hash.Hash) []byte {
	if c, ok := h.(hash.Hash32); ok {
		return binary.LittleEndian.AppendUint32(nil, c.Sum32())
	}
	return h.Sum(nil)
}

// paced reads at the rate of the whole backup.
type paced struct {
	b *base
	r io.Reader
}

func (p *paced) Read(buf []byte) (int, error) {
	if err := p.b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := p.r.Read(buf)
	p.b.rep.Read += int64(n)
	p.b.pace.wait(p.b.ctx, p.b.rep.Read, p.b.rate)
	return n, err
}
