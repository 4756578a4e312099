package yamlfile

import (
	"errors"
	"regexp"
	"strings"
)

// pathPrefix finds the path that a mistake begins with.
var pathPrefix = regexp.MustCompile(`^((?:[\pL_][\pL\pN_-]*|\[\d+\]|\["[^"]*"\])(?:\.[\pL_][\pL\pN_-]*|\[\d+\]|\["[^"]*"\])*): `)

// locate places the mistakes that a look at the meaning found. One whose path
// has a mistake already, or stands in or around one, is left out: it follows
// from that. Those of another file, named in this one, keep their own places.
func (d *decoder) locate(err error) {
	structural := make([]string, 0, len(d.bad))
	for p := range d.bad {
		structural = append(structural, p)
	}
	for _, leaf := range leaves(err) {
		if other, ok := leaf.(*Error); ok {
			d.problems = append(d.problems, other.Problems...)
			continue
		}
		path, message := Split(leaf)
		if touches(path, structural) {
			continue
		}
		d.add(path, d.nearest(path), message)
	}
}

// Split takes a mistake apart into the path it begins with (empty if none) and
// the message.
func Split(err error) (path, message string) {
	s := err.Error()
	m := pathPrefix.FindStringSubmatch(s)
	if m == nil {
		return "", s
	}
	return m[1], s[len(m[0]):]
}

// Under returns the mistakes of a part with the part's own path put before
// each, for a configuration that is made of several.
func Under(prefix string, err error) error {
	var out []error
	for _, leaf := range leaves(err) {
		if _, other := leaf.(*Error); other {
			out = append(out, leaf)
			continue
		}
		path, message := Split(leaf)
		switch {
		case path == "":
			path = prefix
		case strings.HasPrefix(path, "["):
			path = prefix + path
		default:
			path = prefix + "." + path
		}
		out = append(out, errors.New(path+": "+message))
	}
	return errors.Join(out...)
}

// leaves takes joined errors apart.
func leaves(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, leaves(e)...)
	}
	return out
}

func touches(path string, bad []string) bool {
	for _, b := range bad {
		if path == b || inside(path, b) || inside(b, path) {
			return true
		}
	}
	return false
}

// inside reports whether path stands within outer.
func inside(path, outer string) bool {
	if outer == "" {
		return false
	}
	rest, ok := strings.CutPrefix(path, outer)
	return ok && rest != "" && (rest[0] == '.' || rest[0] == '[')
}

// nearest returns the place of path, or of what it would stand in.
func (d *decoder) nearest(path string) place {
	for {
		if p, ok := d.places[path]; ok {
			return p
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return d.places[""]
		}
		path = path[:cut]
	}
}
