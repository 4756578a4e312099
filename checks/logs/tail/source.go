package tail

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Source is one log, as the configuration has it: files, the journal, or the
// kernel's ring.
type Source struct {
	// Name tells it from the others; it is a label.
	Name string `yaml:"name"`
	// Kind says what writes it, so that only the patterns that fit are looked
	// for; empty looks for all.
	Kind string `yaml:"kind"`
	// Files are paths or globs of the files as they are written, not of their
	// rotated copies: those are found.
	Files []string `yaml:"files"`
	// Journal reads systemd's journal, of Units only if there are some.
	Journal bool     `yaml:"journal"`
	Units   []string `yaml:"units"`
	// JournalFiles is a folder with journals of another machine.
	JournalFiles string `yaml:"journal_files"`
	// Kernel reads the kernel's ring.
	Kernel bool `yaml:"kernel"`
	// Encoding is auto, utf-8 or gb18030; empty is auto.
	Encoding Encoding `yaml:"encoding"`
}

// Encoding is how text is written.
type Encoding string

// The encodings. Auto takes lines that are no UTF-8 for GB18030 if they can be.
const (
	Auto    Encoding = "auto"
	UTF8    Encoding = "utf-8"
	GB18030 Encoding = "gb18030"
)

var sourceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// ValidateSources returns every mistake, joined, each beginning with the place
// in the list.
func ValidateSources(list []Source) error {
	var errs []error
	seen := map[string]bool{}
	for n, s := range list {
		at := fmt.Sprintf("[%d]", n)
		add := func(key, format string, args ...any) {
			errs = append(errs, fmt.Errorf(at+key+": "+format, args...))
		}
		switch {
		case !sourceName.MatchString(s.Name):
			add(".name", "%q is no name; use letters, digits, '.', '_' and '-', at most 64, a letter or digit first", s.Name)
		case seen[s.Name]:
			add(".name", "%s stands twice", s.Name)
		}
		seen[s.Name] = true
		if s.Kind != "" && !sourceName.MatchString(s.Kind) {
			add(".kind", "%q is no kind; use letters, digits, '.', '_' and '-'", s.Kind)
		}
		s.validate(add)
	}
	return errors.Join(errs...)
}

func (s Source) validate(add func(key, format string, args ...any)) {
	ways := 0
	for _, is := range []bool{len(s.Files) > 0, s.Journal, s.Kernel} {
		if is {
			ways++
		}
	}
	if ways != 1 {
		add("", "give one of files, journal and kernel")
	}
	for n, p := range s.Files {
		key := fmt.Sprintf(".files[%d]", n)
		if !filepath.IsAbs(p) {
			add(key, "%q is not an absolute path", p)
		} else if _, err := filepath.Match(p, ""); err != nil {
			add(key, "%q is no pattern of paths: %w", p, err)
		} else if slices.Contains(s.Files[:n], p) {
			add(key, "%s stands twice", p)
		}
	}
	if !s.Journal && (len(s.Units) > 0 || s.JournalFiles != "") {
		add(".journal", "is not on, so units and journal_files say nothing")
	}
	if s.JournalFiles != "" && !filepath.IsAbs(s.JournalFiles) {
		add(".journal_files", "%q is not an absolute path", s.JournalFiles)
	}
	for n, u := range s.Units {
		if u == "" || strings.HasPrefix(u, "-") || strings.ContainsAny(u, "\x00\n") {
			add(fmt.Sprintf(".units[%d]", n), "%q is no unit", u)
		}
	}
	if !slices.Contains([]Encoding{"", Auto, UTF8, GB18030}, s.Encoding) {
		add(".encoding", "%q is unknown; allowed: auto, utf-8, gb18030", s.Encoding)
	}
}

// open makes a source work.
func open(conf Source, f *feed) source {
	switch {
	case conf.Journal:
		return newJournal(conf, f)
	case conf.Kernel:
		return newKernel(f)
	}
	return newFiles(conf, f)
}
