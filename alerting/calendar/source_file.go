package calendar

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"xunjian/alerting/yamlfile"
)

// file is one calendar file and what was last read of it.
type file struct {
	path string
	// seen is the file as it was when it was last read, nil if never.
	seen   os.FileInfo
	doc    document
	laid   window
	events []Event
	err    error
	// good tells that there is something to stand on while a new version may
	// not be whole.
	good bool
}

// settle is how long after it was written a file is taken to be whole.
const settle = 2 * time.Second

// read reads the file if it changed, and lays it out if the window did. It
// tells whether the events may be others now.
func (f *file) read(now time.Time, w window, cfg Config, home *time.Location) bool {
	info, err := os.Stat(f.path)
	if err != nil {
		f.err, f.seen = plainly(err), nil
		return false
	}
	if f.seen != nil && unchanged(f.seen, info) {
		if f.laid == w {
			return false
		}
		f.lay(&f.doc, w)
		return true
	}
	if f.good && young(info, now) {
		return false
	}
	b, info, err := readAll(f.path)
	if err != nil {
		f.err, f.seen = plainly(err), nil
		return false
	}
	f.seen, f.err = info, nil
	if young(info, now) {
		f.seen = nil // look again when it is whole
	}
	doc, err := parse(f.path, b, cfg, home)
	if err != nil {
		f.err = err
		return false
	}
	f.lay(doc, w)
	return true
}

func young(info os.FileInfo, now time.Time) bool {
	age := now.Sub(info.ModTime())
	return age >= 0 && age < settle
}

// lay takes the events of doc, or keeps those there are.
func (f *file) lay(doc *document, w window) {
	f.laid = w
	events, err := doc.lay(w)
	if err != nil {
		f.err = err
		return
	}
	f.doc, f.events, f.good = *doc, events, true
}

// unchanged tells whether two looks saw the same file with the same content: a
// file that was put in the place of another is another one, whatever its time.
func unchanged(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// parse reads a file by its ending.
func parse(path string, b []byte, cfg Config, home *time.Location) (*document, error) {
	if strings.EqualFold(filepath.Ext(path), ".ics") {
		return readICS(path, b, cfg, home)
	}
	events, err := yamlEvents(path, b, cfg, home)
	if err != nil {
		return nil, err
	}
	return &document{file: path, once: events}, nil
}

// readAll reads a file up to one byte more than is allowed, and returns how it
// was before: what is written meanwhile is then seen the next time.
func readAll(path string) ([]byte, os.FileInfo, error) {
	// A pipe would never end.
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		if err == nil {
			err = errors.New("is not a file; allowed: files and folders")
		}
		return nil, nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, max(MaxBytes, yamlfile.MaxBytes)+1))
	return b, info, err
}

// plainly drops the path from an error of the system, which stands before it
// anyway.
func plainly(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Op, p.Err)
	}
	return err
}

// MaxFiles bounds the calendar files of one folder.
const MaxFiles = 2000

// list returns the files there are, each once, in the order of the
// configuration, those of a folder by name. A folder that cannot be read keeps
// the files it had; so does one that has none any more, since it looks the
// same if it is not mounted.
func (s *Source) list() (paths []string, errs []error) {
	seen := map[string]bool{}
	add := func(path string) {
		if path = filepath.Clean(path); !seen[path] {
			seen[path] = true
			paths = append(paths, path)
		}
	}
	for _, path := range s.cfg.Paths {
		info, err := os.Stat(path)
		was := s.filesIn(path)
		if err == nil && !info.IsDir() || err != nil && len(was) == 0 {
			add(path) // what is wrong with it is told of the file
			continue
		}
		names, err := calendarsIn(path)
		if err != nil {
			errs = append(errs, &FileError{Path: path, Err: err, Kept: s.held(was)})
			names = was
		}
		for _, name := range names {
			add(name)
		}
	}
	return paths, errs
}

// filesIn returns the files of a folder that are known.
func (s *Source) filesIn(folder string) []string {
	var out []string
	for path := range s.files {
		if filepath.Dir(path) == filepath.Clean(folder) {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

func (s *Source) held(paths []string) int {
	n := 0
	for _, p := range paths {
		n += len(s.files[p].events)
	}
	return n
}

// calendarsIn returns the calendar files of a folder. Hidden ones are those
// that an editor or a copying program has not finished.
func calendarsIn(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, plainly(err)
	}
	var out []string
	for _, e := range entries {
		switch ext := strings.ToLower(filepath.Ext(e.Name())); {
		case strings.HasPrefix(e.Name(), ".") || e.IsDir():
		case ext == ".yaml" || ext == ".yml" || ext == ".ics":
			out = append(out, filepath.Join(folder, e.Name()))
		}
	}
	switch {
	case len(out) == 0:
		return nil, errors.New("the folder holds no calendar; allowed: files that end in .yaml, .yml or .ics. Is it mounted?")
	case len(out) > MaxFiles:
		return nil, fmt.Errorf("the folder holds %d calendar files; at most %d are read", len(out), MaxFiles)
	}
	return out, nil
}
