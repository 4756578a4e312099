package archive

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

// compressions are known by their first bytes and by the ending of a name.
var compressions = []struct {
	kind, magic string
	endings     []string
}{
	{"gzip", "\x1f\x8b", []string{".gz", ".tgz"}},
	{"zstd", "\x28\xb5\x2f\xfd", []string{".zst", ".tzst"}},
	{"xz", "\xfd7zXZ\x00", []string{".xz", ".txz"}},
	{"bzip2", "BZh", []string{".bz2", ".tbz2"}},
	{"lz4", "\x04\x22\x4d\x18", []string{".lz4"}},
}

// compressionOf is what a name promises; empty for nothing.
func compressionOf(name string) string {
	for _, c := range compressions {
		for _, ending := range c.endings {
			if strings.HasSuffix(name, ending) {
				return c.kind
			}
		}
	}
	return ""
}

// maxWindow is how far back a zstd stream may refer: what zstd --long=30 writes.
const maxWindow = 1 << 30

// decompress returns what is in r by its first bytes, how it was compressed and
// what frees it.
func decompress(r *bufio.Reader) (io.Reader, string, func(), error) {
	head, _ := r.Peek(6)
	kind := ""
	for _, c := range compressions {
		if bytes.HasPrefix(head, []byte(c.magic)) {
			kind = c.kind
		}
	}
	nothing := func() {}
	switch kind {
	case "gzip":
		z, err := gzip.NewReader(r)
		return z, kind, nothing, err
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, kind, nothing, err
		}
		return z, kind, z.Close, nil
	case "xz":
		z, err := xz.NewReader(r)
		return z, kind, nothing, err
	case "bzip2":
		return bzip2.NewReader(r), kind, nothing, nil
	case "lz4":
		return lz4.NewReader(r), kind, nothing, nil
	}
	return r, "", nothing, nil
}

// Decompress returns the plain bytes of r, whatever compressed them, and what
// frees the decompressor.
func Decompress(r io.Reader) (io.Reader, func(), error) {
	plain, _, closer, err := decompress(bufio.NewReaderSize(r, 256<<10))
	return plain, closer, err
}

// Compressed reports whether a name promises that the file is compressed.
func Compressed(name string) bool { return compressionOf(name) != "" }
