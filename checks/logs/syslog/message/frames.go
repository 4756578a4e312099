package message

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// MaxFrame is how much of one message is taken, in bytes. The rest of a longer
// one is read and left out.
const MaxFrame = 64 << 10

// maxCounted is the largest length of an octet-counted frame that is believed;
// beyond it the stream is not syslog.
const maxCounted = 16 << 20

// ErrFraming is a stream that is not syslog.
var ErrFraming = errors.New("not a stream of syslog messages: an octet count of more than 16 MiB")

// Frames reads messages off a stream (RFC 6587): octet-counted ("57 <34>1 …")
// or ended by a newline or NUL, each frame told by its own beginning.
type Frames struct {
	r *bufio.Reader
	// Cut tells that the frame last returned was longer than MaxFrame.
	Cut bool
	buf []byte
}

// NewFrames reads from r.
func NewFrames(r io.Reader) *Frames { return &Frames{r: bufio.NewReaderSize(r, 16<<10)} }

// Next returns the next message, which is good until the call after. It skips
// empty ones. At the end of the stream it returns io.EOF, after what was sent
// without an end.
func (f *Frames) Next() ([]byte, error) {
	for {
		f.Cut = false
		n, err := f.count()
		if err != nil {
			return nil, err
		}
		var frame []byte
		if n > 0 {
			frame, err = f.counted(n)
		} else {
			frame, err = f.line()
		}
		if len(frame) > 0 && (err == nil || err == io.EOF || err == io.ErrUnexpectedEOF) {
			return frame, nil
		}
		if err != nil {
			if err == io.ErrUnexpectedEOF {
				err = io.EOF
			}
			return nil, err
		}
	}
}

// count reads "57 " if an octet count and "<" follow; else 0.
func (f *Frames) count() (int, error) {
	// One byte first: Peek(10) would wait for a short line's successor.
	head, err := f.r.Peek(1)
	if err != nil {
		return 0, err
	}
	if head[0] < '1' || head[0] > '9' {
		return 0, nil
	}
	n := 0
	for i := 1; i <= 9; i++ {
		if head, err = f.r.Peek(i); err != nil {
			return 0, nil // ends within it: a line
		}
		switch c := head[i-1]; {
		case '0' <= c && c <= '9':
			n = n*10 + int(c-'0')
		case c == ' ' && i > 1:
			if head, err = f.r.Peek(i + 1); err != nil || head[i] != '<' {
				return 0, nil
			}
			if n > maxCounted {
				return 0, ErrFraming
			}
			_, err := f.r.Discard(i)
			return n, err
		default:
			return 0, nil
		}
	}
	return 0, nil
}

func (f *Frames) counted(n int) ([]byte, error) {
	take := min(n, MaxFrame)
	if cap(f.buf) < take {
		f.buf = make([]byte, take)
	}
	f.buf = f.buf[:take]
	got, err := io.ReadFull(f.r, f.buf)
	if err != nil {
		return f.buf[:got], err
	}
	if n > take {
		f.Cut = true
		_, err = f.r.Discard(n - take)
	}
	return f.buf, err
}

func (f *Frames) line() ([]byte, error) {
	f.buf = f.buf[:0]
	for {
		if _, err := f.r.Peek(1); err != nil {
			return trimEnd(f.buf), err
		}
		chunk, _ := f.r.Peek(f.r.Buffered())
		end := lineEnd(chunk)
		take := chunk[:max(end, 0)]
		if end < 0 {
			take = chunk
		}
		if room := MaxFrame - len(f.buf); len(take) > room {
			f.Cut = true
			take = take[:room]
		}
		f.buf = append(f.buf, take...)
		if end >= 0 {
			_, err := f.r.Discard(end + 1)
			return trimEnd(f.buf), err
		}
		if _, err := f.r.Discard(len(chunk)); err != nil {
			return trimEnd(f.buf), err
		}
	}
}

// lineEnd is where the first newline or NUL stands; -1 without one.
func lineEnd(b []byte) int {
	end := bytes.IndexByte(b, '\n')
	if end >= 0 {
		b = b[:end]
	}
	if nul := bytes.IndexByte(b, 0); nul >= 0 {
		return nul
	}
	return end
}

func trimEnd(b []byte) []byte { return bytes.TrimRight(b, "\r") }
