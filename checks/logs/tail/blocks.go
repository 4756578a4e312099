package tail

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// Blocks reads r to its end and calls each with runs of whole lines, cleaned and
// cut as a Tailer does. The last line needs no end. Memory does not grow with
// what is read.
func Blocks(r io.Reader, enc Encoding, each func(text []byte) error) (Stats, error) {
	s := &files{feed: &feed{t: &Tailer{}, conf: Source{Encoding: enc}}}
	var failed error
	s.feed.to = []Consumer{takes(func(b Block) {
		if failed == nil {
			failed = each(b.Text)
		}
	})}
	f := &file{}
	buf := make([]byte, 4*chunk)
	have := 0
	for failed == nil {
		n, err := r.Read(buf[have:])
		have += n
		if err == nil && have < len(buf) && bytes.IndexByte(buf[have-n:have], '\n') < 0 {
			continue
		}
		taken := s.take(f, buf[:have], s.feed.stats.LastLine, err != nil)
		have = copy(buf, buf[taken:have])
		if have == len(buf) {
			buf = append(buf, make([]byte, min(len(buf), MaxLine))...)
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return s.feed.stats, errors.Join(failed, err)
		}
	}
	return s.feed.stats, failed
}

// Sniff returns a reader of what r holds, unpacked if it begins as a compressed
// file does.
func Sniff(r io.Reader) (io.Reader, func(), error) {
	b := bufio.NewReaderSize(r, 64<<10)
	head, _ := b.Peek(6) // a shorter one is not compressed
	for magic, name := range map[string]string{"\x1f\x8b": ".gz", "\x28\xb5\x2f\xfd": ".zst", "\xfd7zXZ\x00": ".xz", "BZh": ".bz2"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return Unpack(name, b)
		}
	}
	return b, func() {}, nil
}

// takes is a Consumer made of a function.
type takes func(Block)

func (takes) Name() string                    { return "" }
func (takes) Wants(Source) bool               { return true }
func (f takes) Take(b Block)                  { f(b) }
func (takes) State() (json.RawMessage, error) { return nil, nil }
func (takes) Restore(json.RawMessage) error   { return nil }
