package tail

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// files is a source of files that are rotated. Each path has a stream: the file
// that has the name now, those that had it before, and their copies.
type files struct {
	conf    Source
	feed    *feed
	buf     []byte
	streams map[string]*stream
	// began says that the first look is over: what appears from now on is new
	// and read from its beginning.
	began bool
	globs time.Time // when patterns were last looked up
}

func newFiles(conf Source, f *feed) *files {
	return &files{conf: conf, feed: f, streams: map[string]*stream{}}
}

// Sizes of what is read at once, in bytes. A budget keeps one long log from
// holding up the others.
const (
	chunk  = 256 << 10
	budget = 8 << 20
)

// globEvery is how often patterns are looked up.
const globEvery = 2 * time.Second

func (s *files) poll(now time.Time) (more bool, err error) {
	var errs []error
	if now.Sub(s.globs) >= globEvery || now.Before(s.globs) {
		for _, p := range s.expand() {
			if s.streams[p] == nil {
				s.streams[p] = &stream{s: s, path: p, fresh: !s.began, since: s.globs.Add(-globEvery)}
			}
		}
		s.globs = now
	}
	if s.buf == nil {
		s.buf = make([]byte, chunk)
	}
	for _, path := range sortedKeys(s.streams) {
		m, err := s.streams[path].poll(now)
		more = more || m
		if err != nil {
			errs = append(errs, err)
		}
		if st := s.streams[path]; len(st.files) == 0 && st.active == nil && !slices.Contains(s.conf.Files, path) {
			delete(s.streams, path) // a pattern's match that is gone
		}
	}
	s.began = true
	if cap(s.buf) > chunk {
		s.buf = nil // a very long line needs it no more
	}
	return more, errors.Join(errs...)
}

// expand returns the paths that the source names now.
func (s *files) expand() []string {
	var out []string
	for _, pattern := range s.conf.Files {
		if !strings.ContainsAny(pattern, `*?[\`) {
			out = append(out, pattern)
			continue
		}
		found, _ := filepath.Glob(pattern) // the pattern was validated
		for _, p := range found {
			if fi, err := os.Stat(p); err == nil && fi.Mode().IsRegular() && !Packed(p) {
				out = append(out, p)
			}
		}
	}
	return out
}

// owner returns the stream that reads a file already, or has read it.
func (s *files) owner(id ident, not *stream, fd *os.File) *stream {
	for _, st := range s.streams {
		if st == not {
			continue
		}
		if f := st.known(id); f != nil && (f.f != nil || f.Offset > 0 && f.holds(fd)) {
			return st
		}
	}
	return nil
}

type savedFiles struct {
	Streams map[string]savedStream `json:"streams"`
}

type savedStream struct {
	Active *mark  `json:"active,omitempty"`
	Marks  []mark `json:"marks,omitempty"`
}

func (s *files) save() (json.RawMessage, error) {
	out := savedFiles{Streams: map[string]savedStream{}}
	for path, st := range s.streams {
		var sv savedStream
		if st.active != nil {
			sv.Active = &st.active.mark
		}
		for _, f := range st.files {
			if f != st.active {
				sv.Marks = append(sv.Marks, f.mark)
			}
		}
		out.Streams[path] = sv
	}
	return json.Marshal(out)
}

func (s *files) load(raw json.RawMessage) error {
	var in savedFiles
	if err := json.Unmarshal(raw, &in); err != nil {
		return err
	}
	for path, sv := range in.Streams {
		st := &stream{s: s, path: path, search: true}
		if sv.Active != nil {
			st.files = append(st.files, &file{mark: *sv.Active, retired: true})
		}
		for _, m := range sv.Marks {
			st.files = append(st.files, &file{mark: m, retired: true})
		}
		s.streams[path] = st
	}
	s.began = true
	return nil
}

func (s *files) watch() []string {
	var out []string
	add := func(dir string) {
		if !slices.Contains(out, dir) && !strings.ContainsAny(dir, `*?[\`) {
			out = append(out, dir)
		}
	}
	for _, p := range s.conf.Files {
		add(filepath.Dir(p))
	}
	for p := range s.streams {
		add(filepath.Dir(p))
	}
	return out
}

func (s *files) close() {
	for _, st := range s.streams {
		for _, f := range st.files {
			f.close()
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// drain reads what is new in a file and hands it over. torn says that the file
// is not what was read of it any more: nothing was handed over.
func (s *files) drain(f *file, now time.Time, last bool) (more, torn bool, err error) {
	if f.packed != nil {
		more, err = s.drainPacked(f, now)
		return more, false, err
	}
	if f.retired && !last {
		// Of the many that are watched for late lines, nearly none has any.
		if fi, err := f.f.Stat(); err == nil && f.AtEnd && fi.Size() == f.Offset {
			return false, false, nil
		}
	}
	f.AtEnd = false
	for left := budget; left > 0; {
		buf := s.buf[:cap(s.buf)]
		n, err := f.f.ReadAt(buf, f.Offset)
		if err != nil && err != io.EOF {
			return false, false, err
		}
		// Looked at after the read: what was read is good only if the place was
		// still the place.
		if (n > 0 || f.Offset > 0) && !f.holds(f.f) {
			return false, true, nil
		}
		taken := s.take(f, buf[:n], now, last && err == io.EOF)
		left -= taken
		if taken > 0 {
			f.quiet = now
		}
		if taken == 0 && n == len(buf) {
			s.buf = make([]byte, min(2*len(buf), MaxLine+chunk)) // a long line
			continue
		}
		if n < len(buf) {
			f.AtEnd = taken == n
			return false, false, nil
		}
	}
	return true, false, nil
}

// take hands over the whole lines of b, which stands at the file's offset, and
// returns how much of it is done. last says that no more will come, so that
// what has no end is a line too.
func (s *files) take(f *file, b []byte, now time.Time, last bool) int {
	done := 0
	if f.Skip {
		n := bytes.IndexByte(b, '\n') + 1
		if n == 0 {
			f.advance(b)
			return len(b)
		}
		f.Skip = false
		f.advance(b[:n])
		b, done = b[n:], n
	}
	whole := bytes.LastIndexByte(b, '\n') + 1
	text := b[:whole]
	if tooLong(text) {
		text = s.cutLines(text)
	}
	rest := b[whole:]
	f.advance(b[:whole])
	s.feed.deliver(f.Path, text, now)
	done += whole
	switch {
	case len(rest) >= MaxLine:
		f.Skip = true
		s.feed.stats.Cut++
		fallthrough
	case last && len(rest) > 0:
		f.advance(rest)
		s.feed.deliver(f.Path, append(bytes.Clone(rest[:min(len(rest), MaxLine)]), '\n'), now)
		done += len(rest)
	}
	return done
}

// tooLong reports whether a line of b may be longer than MaxLine.
func tooLong(b []byte) bool {
	for len(b) > MaxLine {
		// The last newline within reach: all lines before it fit.
		n := bytes.LastIndexByte(b[:MaxLine+1], '\n')
		if n < 0 {
			return true
		}
		b = b[n+1:]
	}
	return false
}

// cutLines returns b with its too long lines cut.
func (s *files) cutLines(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for line := range bytes.Lines(b) {
		if len(line) > MaxLine+1 {
			s.feed.stats.Cut++
			out = append(append(out, line[:MaxLine]...), '\n')
			continue
		}
		out = append(out, line...)
	}
	return out
}

func (s *files) drainPacked(f *file, now time.Time) (more bool, err error) {
	p := f.packed
	for left := budget; left > 0; {
		if len(p.rest) < chunk || bytes.IndexByte(p.rest, '\n') < 0 {
			was := len(p.rest)
			p.rest = slices.Grow(p.rest, chunk)[:was+chunk]
			for n := was; n < len(p.rest) && err == nil; was = n {
				var some int
				some, err = p.r.Read(p.rest[n:])
				n += some
			}
			p.rest = p.rest[:was]
		}
		end := err != nil
		taken := s.take(f, p.rest, now, errors.Is(err, io.EOF))
		p.rest = append(p.rest[:0], p.rest[taken:]...)
		left -= taken
		if end {
			f.packed.Close()
			f.packed = nil
			if errors.Is(err, io.EOF) {
				f.Done, f.torn = true, time.Time{}
				return false, nil
			}
			f.AtEnd = false
			if f.torn.IsZero() {
				f.torn = now // the rest may still come
			}
			return false, err
		}
	}
	return true, nil
}

// gone reports whether an error says that there is no such file.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) }
