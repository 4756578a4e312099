package tail

import (
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// maxWindow bounds the memory that unpacking takes, in bytes.
const maxWindow = 64 << 20

// Packed reports whether a file of this name is compressed.
func Packed(name string) bool { return unpackerOf(name) != nil }

type unpacker func(io.Reader) (io.Reader, func(), error)

func unpackerOf(name string) unpacker {
	nothing := func() {}
	switch {
	case strings.HasSuffix(name, ".gz"):
		return func(r io.Reader) (io.Reader, func(), error) {
			z, err := gzip.NewReader(r)
			return z, nothing, err
		}
	case strings.HasSuffix(name, ".zst"):
		return func(r io.Reader) (io.Reader, func(), error) {
			z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(1<<50))
			if err != nil {
				return nil, nil, err
			}
			return z, z.Close, nil
		}
	case strings.HasSuffix(name, ".xz"):
		return func(r io.Reader) (io.Reader, func(), error) {
			z, err := xz.ReaderConfig{DictCap: maxWindow}.NewReader(r)
			return z, nothing, err
		}
	case strings.HasSuffix(name, ".bz2"):
		return func(r io.Reader) (io.Reader, func(), error) { return bzip2.NewReader(r), nothing, nil }
	}
	return nil
}

// Unpack returns a reader of what a file of this name holds: r itself if the
// name has no ending of a compressed file. done gives back what it took.
func Unpack(name string, r io.Reader) (text io.Reader, done func(), err error) {
	u := unpackerOf(name)
	if u == nil {
		return r, func() {}, nil
	}
	text, done, err = u(r)
	if err != nil {
		return nil, nil, fmt.Errorf("unpack %s: %w", name, err)
	}
	return text, done, nil
}

// packed reads a compressed file from its beginning; going back starts anew.
type packed struct {
	path string
	f    *os.File
	r    io.Reader
	done func()
	at   int64
	rest []byte // read, but not taken
}

func openPacked(path string) (*packed, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	p := &packed{path: path, f: f}
	if p.r, p.done, err = Unpack(path, f); err != nil {
		f.Close()
		return nil, err
	}
	return p, nil
}

func (p *packed) Close() {
	p.done()
	p.f.Close()
}

// ReadAt reads forward only; what lies behind has to be opened anew.
func (p *packed) ReadAt(b []byte, at int64) (int, error) {
	if at < p.at {
		return 0, errors.New("a compressed file is read forward")
	}
	if n, err := io.CopyN(io.Discard, p.r, at-p.at); err != nil {
		p.at += n
		return 0, err
	}
	p.at = at
	n, err := io.ReadFull(p.r, b)
	p.at += int64(n)
	return n, err
}

// holdsPacked is mark.holds for a compressed file, and leaves it open at the
// mark's place if it does. short says that it is as far as it goes, but ends
// before the place: a copy in the making.
func (m *mark) holdsPacked(path string) (p *packed, short bool, err error) {
	p, err = openPacked(path)
	if err != nil {
		return nil, unfinished(err), err
	}
	head := make([]byte, len(m.Head))
	n, err := io.ReadFull(p.r, head)
	p.at = int64(n)
	if string(head[:n]) != string(m.Head[:n]) {
		p.Close()
		return nil, false, nil
	}
	if err != nil {
		p.Close()
		return nil, unfinished(err), nil
	}
	tail := make([]byte, len(m.Tail))
	from := m.Offset - int64(len(tail))
	if over := p.at - from; over > 0 {
		// Head and tail overlap: what was read serves again.
		n = copy(tail, head[len(head)-int(over):])
		from += int64(n)
		tail := tail[n:]
		_, err = p.ReadAt(tail, from)
		if len(tail) == 0 {
			err = nil
		}
	} else {
		_, err = p.ReadAt(tail, from)
	}
	if err != nil || string(tail) != string(m.Tail) {
		p.Close()
		return nil, err != nil && unfinished(err), nil
	}
	return p, false, nil
}

func unfinished(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}
