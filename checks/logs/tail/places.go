package tail

// Place is how far a file has been read.
type Place struct {
	Path string `json:"path"`
	// Offset is that of the first byte that was not handed over, Size how long
	// the file is, both in bytes.
	Offset int64 `json:"offset"`
	Size   int64 `json:"size"`
}

// Behind is how much is still to be read, in bytes. An unfinished last line
// counts.
func (p Place) Behind() int64 { return max(0, p.Size-p.Offset) }

// PlacesLocked says how far the open files of each source have been read, by
// its name; a journal or a ring has none. It is for use within With.
func (t *Tailer) PlacesLocked() map[string][]Place {
	out := map[string][]Place{}
	for _, f := range t.feeds {
		if s, ok := f.src.(*files); ok {
			out[f.conf.Name] = s.places()
		}
	}
	return out
}

func (s *files) places() []Place {
	var out []Place
	for _, path := range sortedKeys(s.streams) {
		for _, f := range s.streams[path].files {
			if f.f == nil || f.packed != nil {
				continue
			}
			if fi, err := f.f.Stat(); err == nil {
				out = append(out, Place{f.Path, f.Offset, fi.Size()})
			}
		}
	}
	return out
}
