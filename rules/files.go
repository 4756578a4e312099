package rules

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// file is one rule file. A default one is named default:host.yml.
type file struct {
	name    string
	content []byte
}

func (f file) isDefault() bool { return strings.HasPrefix(f.name, defaultPrefix) }

const defaultPrefix = "default:"

// gather reads the operator's files and the default ones that none of them
// stands in for.
func gather(patterns []string) ([]file, []Problem) {
	own, problems := readPatterns(patterns)
	names := map[string]bool{}
	for _, f := range own {
		names[filepath.Base(f.name)] = true
	}
	defaults, err := readDefaults(Default)
	if err != nil {
		problems = append(problems, Problem{File: "default", Message: err.Error()})
	}
	defaults = slices.DeleteFunc(defaults, func(f file) bool { return names[strings.TrimPrefix(f.name, defaultPrefix)] })
	return append(defaults, own...), problems
}

func readDefaults(from fs.FS) ([]file, error) {
	paths, err := fs.Glob(from, "default/*.yml")
	if err != nil {
		return nil, err
	}
	files := make([]file, 0, len(paths))
	for _, p := range paths {
		content, err := fs.ReadFile(from, p)
		if err != nil {
			return nil, err
		}
		files = append(files, file{defaultPrefix + path.Base(p), content})
	}
	return files, nil
}

// readPatterns reads the files that the patterns match, each once. A pattern
// may match nothing; a plain path must exist.
func readPatterns(patterns []string) ([]file, []Problem) {
	var files []file
	var problems []Problem
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			problems = append(problems, Problem{File: pattern, Message: "the pattern is malformed"})
			continue
		}
		if len(paths) == 0 && !strings.ContainsAny(pattern, `*?[`) {
			paths = []string{pattern}
		}
		for _, p := range paths {
			if slices.ContainsFunc(files, func(f file) bool { return f.name == p }) {
				continue
			}
			content, err := os.ReadFile(p)
			if err != nil {
				problems = append(problems, Problem{File: p, Message: readFailure(err)})
				continue
			}
			files = append(files, file{p, content})
		}
	}
	return files, problems
}

func readFailure(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return "the file cannot be read: " + err.Error()
}
