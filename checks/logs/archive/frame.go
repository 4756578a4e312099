package archive

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// A block lies in a segment as a frame:
//
//	head   magic, lengths of the three parts and of the block uncompressed, crc of meta, crc of filter and payload
//	meta   what is known of it without reading it: Seqs, times, severities, kinds, sources, events
//	filter a bit for each three letters in a row that occur in it, in lower case
//	body   the lines, zstd
//	tail   digest of all before, length of the whole frame, magic: so that a segment can be read backwards
//
// Meta also holds the digest of the frame before: one that was changed or taken
// out later does not fit the next, and who changes one has to write again all
// that came after it.

const (
	headSize   = 4 + 4*4 + 2*4
	digestSize = 16
	tailSize   = digestSize + 8
	magicHead  = "XJB1"
	magicTail  = "1BJX"
	maxMeta    = 1 << 20
	maxRaw     = blockSize + MaxText + maxFields*(maxName+maxValue) + 8*maxName
	maxPayload = maxRaw + maxRaw/8
	// maxNames is up to how many sources, events or kinds are listed; more make
	// it "any".
	maxNames = 256
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frame is a block as it lies in a segment, without its lines.
type frame struct {
	at    int64 // where it begins
	size  int64 // of the whole
	first uint64
	count int
	prev  digest // of the frame before
	sums
	raw     int
	bodyLen int
	bodyAt  int64
	bodyCRC uint32
	filter  filter
}

// end is the Seq after its last line.
func (f *frame) end() uint64 { return f.first + uint64(f.count) }

// digest is the SHA-256 of a frame up to its tail, cut to 128 bits.
type digest [digestSize]byte

func digestOf(b []byte) digest {
	sum := sha256.Sum256(b)
	return digest(sum[:digestSize])
}

// encodeFrame returns the frame of b as bytes, and its digest for the next.
func encodeFrame(b *block, enc *zstd.Encoder, prev digest) ([]byte, digest) {
	meta := binary.AppendUvarint(nil, b.first)
	meta = binary.AppendUvarint(meta, uint64(b.count))
	meta = binary.AppendVarint(meta, b.min)
	meta = binary.AppendVarint(meta, b.max)
	meta = append(meta, prev[:]...)
	meta = binary.LittleEndian.AppendUint16(meta, b.severities)
	for _, set := range []map[string]struct{}{b.kinds, b.sources, b.events} {
		meta = appendNames(meta, set)
	}
	fl := newFilter(b.raw)
	out := make([]byte, headSize, headSize+len(meta)+len(fl)+len(b.raw)/4)
	out = append(out, meta...)
	out = append(out, fl...)
	bodyAt := len(out)
	out = enc.EncodeAll(b.raw, out)

	copy(out, magicHead)
	for i, n := range []int{len(meta), len(fl), len(out) - bodyAt, len(b.raw)} {
		binary.LittleEndian.PutUint32(out[4+4*i:], uint32(n))
	}
	binary.LittleEndian.PutUint32(out[20:], crc32.Checksum(meta, castagnoli))
	binary.LittleEndian.PutUint32(out[24:], crc32.Checksum(out[headSize+len(meta):], castagnoli))
	own := digestOf(out)
	out = append(out, own[:]...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(out)-digestSize+tailSize))
	return append(out, magicTail...), own
}

func appendNames(b []byte, set map[string]struct{}) []byte {
	if len(set) > maxNames {
		return binary.AppendUvarint(b, maxNames+1)
	}
	b = binary.AppendUvarint(b, uint64(len(set)))
	for _, name := range slices.Sorted(maps.Keys(set)) {
		b = binary.AppendUvarint(b, uint64(len(name)))
		b = append(b, name...)
	}
	return b
}

// readFrame reads what is known of the frame at an offset; size bounds the file.
func readFrame(r io.ReaderAt, at, size int64) (*frame, error) {
	var head [headSize]byte
	if at < 0 || at+headSize+tailSize > size {
		return nil, fmt.Errorf("%w: cut off at byte %d", errDamaged, at)
	}
	if _, err := r.ReadAt(head[:], at); err != nil {
		return nil, fmt.Errorf("read a block at byte %d: %w", at, err)
	}
	n := func(i int) int { return int(binary.LittleEndian.Uint32(head[4+4*i:])) }
	metaLen, filterLen, bodyLen, raw := n(0), n(1), n(2), n(3)
	if string(head[:4]) != magicHead || metaLen > maxMeta || filterLen > filterBytes || bodyLen > maxPayload || raw > maxRaw {
		return nil, fmt.Errorf("%w: no block begins at byte %d", errDamaged, at)
	}
	f := &frame{at: at, raw: raw, bodyLen: bodyLen, bodyCRC: uint32(n(5))}
	f.size = int64(headSize + metaLen + filterLen + bodyLen + tailSize)
	f.bodyAt = at + int64(headSize+metaLen+filterLen)
	if at+f.size > size {
		return nil, fmt.Errorf("%w: cut off at byte %d", errDamaged, at)
	}
	rest := make([]byte, metaLen+filterLen)
	if _, err := r.ReadAt(rest, at+headSize); err != nil {
		return nil, fmt.Errorf("read a block at byte %d: %w", at, err)
	}
	meta := rest[:metaLen]
	if crc32.Checksum(meta, castagnoli) != uint32(n(4)) || !f.decode(meta) {
		return nil, fmt.Errorf("%w: at byte %d", errDamaged, at)
	}
	f.filter = filter(rest[metaLen:])
	return f, nil
}

func (f *frame) decode(meta []byte) bool {
	d := decoder{rest: meta}
	f.first = d.uvarint()
	f.count = int(d.uvarint())
	f.min, f.max = d.varint(), d.varint()
	if len(d.rest) < digestSize+2 {
		return false
	}
	copy(f.prev[:], d.rest)
	f.severities = binary.LittleEndian.Uint16(d.rest[digestSize:])
	d.rest = d.rest[digestSize+2:]
	f.kinds, f.sources, f.events = d.names(), d.names(), d.names()
	return !d.bad
}

// names reads a set; nil stands for any.
func (d *decoder) names() map[string]struct{} {
	n := d.uvarint()
	if n > maxNames {
		return nil
	}
	set := make(map[string]struct{}, n)
	for range n {
		if set[string(d.bytes())] = struct{}{}; d.bad {
			break
		}
	}
	return set
}

// lines reads the lines of the frame, uncompressed.
func (f *frame) lines(r io.ReaderAt, dec *zstd.Decoder, buf []byte) ([]byte, error) {
	body := make([]byte, f.bodyLen)
	if _, err := r.ReadAt(body, f.bodyAt); err != nil {
		return nil, fmt.Errorf("read a block at byte %d: %w", f.at, err)
	}
	if crc32.Update(crc32.Checksum(f.filter, castagnoli), castagnoli, body) != f.bodyCRC {
		return nil, fmt.Errorf("%w: at byte %d", errDamaged, f.at)
	}
	raw, err := dec.DecodeAll(body, buf[:0])
	if err != nil || len(raw) != f.raw {
		return nil, fmt.Errorf("%w: at byte %d does not decompress", errDamaged, f.at)
	}
	return raw, nil
}

// frameBefore reads the frame that ends at an offset.
func frameBefore(r io.ReaderAt, end int64) (*frame, error) {
	var tail [tailSize]byte
	if end < headSize+tailSize {
		return nil, fmt.Errorf("%w: cut off at byte %d", errDamaged, end)
	}
	if _, err := r.ReadAt(tail[:], end-tailSize); err != nil {
		return nil, fmt.Errorf("read a block that ends at byte %d: %w", end, err)
	}
	size := int64(binary.LittleEndian.Uint32(tail[digestSize:]))
	if string(tail[digestSize+4:]) != magicTail || size > end {
		return nil, fmt.Errorf("%w: no block ends at byte %d", errDamaged, end)
	}
	f, err := readFrame(r, end-size, end)
	if err == nil && f.size != size {
		return nil, fmt.Errorf("%w: at byte %d", errDamaged, f.at)
	}
	return f, err
}

// whole reads the frame's bytes and reports whether they are what was written;
// it returns the digest.
func (f *frame) whole(r io.ReaderAt) (digest, error) {
	b := make([]byte, f.size)
	if _, err := r.ReadAt(b, f.at); err != nil {
		return digest{}, fmt.Errorf("read a block at byte %d: %w", f.at, err)
	}
	cut := len(b) - tailSize
	own := digestOf(b[:cut])
	if string(own[:]) != string(b[cut:cut+digestSize]) || string(b[cut+digestSize+4:]) != magicTail ||
		int64(binary.LittleEndian.Uint32(b[cut+digestSize:])) != f.size {
		return digest{}, fmt.Errorf("%w: at byte %d", errDamaged, f.at)
	}
	return own, nil
}
