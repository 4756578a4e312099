package novelty

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"
)

// Template is lines that are the same but for what varies.
type Template struct {
	// ID names it among those of its source, for good: the words may be merged
	// with others later.
	ID string `json:"id"`
	// Words are the template; <*> stands for any word.
	Words []string  `json:"words"`
	Count uint64    `json:"count"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	// Hours are how many lines came in an hour of the week on average, from
	// Monday midnight on; a slow mean over the weeks, each as a byte (see
	// scaled).
	Hours []byte `json:"hours,omitempty"`
	// Hour is the running one, as hours since 1970, and Now its lines.
	Hour int64  `json:"hour"`
	Now  uint64 `json:"now"`
	// News is when it was new, Burst when it was last suddenly frequent.
	News    time.Time `json:"news,omitzero"`
	Burst   time.Time `json:"burst,omitzero"`
	Usual   float64   `json:"usual,omitempty"`
	Highest uint64    `json:"highest,omitempty"`
	// Samples are lines of it, made safe.
	Samples []string `json:"samples,omitempty"`

	// kept lines within keptHour, as hours since 1970.
	kept     int
	keptHour int64
}

// idOf makes a name of the words of the first line.
func idOf(words []string) string {
	h := fnv.New64a()
	for _, w := range words {
		h.Write([]byte(w))
		h.Write([]byte{0})
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// Text is the template as people read it.
func (t *Template) Text() string { return strings.Join(t.Words, " ") }

// tree finds the template of a line: by the number of its words, by its first
// words, then by likeness.
type tree struct {
	groups map[string][]*Template
	all    []*Template
}

const (
	// alike is which share of words has to be the same.
	alike = 0.6
	// prefix is how many first words must be the same.
	prefix = 1
	// maxGroup bounds the templates that a line is compared with.
	maxGroup = 200
)

func groupOf(words []string) string {
	var b strings.Builder
	b.WriteByte(byte(min(len(words), maxTokens+1)))
	for n, w := range words {
		if n == prefix+1 {
			break
		}
		// The first words of a log line are often a time and a host: those
		// with something masked say nothing of what kind of line it is.
		if strings.IndexByte(w, '<') < 0 {
			b.WriteString(w)
		}
		b.WriteByte(0)
	}
	return b.String()
}

// find returns the template of a line; nil if there is none.
func (t *tree) find(words []string) *Template {
	var best *Template
	most := 0.0
	for _, c := range t.groups[groupOf(words)] {
		if len(c.Words) != len(words) {
			continue
		}
		same, open := 0, 0
		for n, w := range words {
			switch {
			case c.Words[n] == w:
				same++
			case c.Words[n] == wild:
				open++
			}
		}
		like := (float64(same) + float64(open)/2) / float64(len(words))
		if same+open == len(words) {
			like = 1 + float64(same)/float64(len(words))
		}
		if like > most {
			best, most = c, like
		}
	}
	if most < alike {
		return nil
	}
	return best
}

// merge takes a line into its template: where they differ, any word may stand.
func (c *Template) merge(words []string) {
	for n, w := range words {
		if c.Words[n] != w {
			c.Words[n] = wild
		}
	}
}

func (t *tree) add(words []string, at time.Time) *Template {
	c := &Template{ID: idOf(words), Words: slices.Clone(words), First: at, Last: at}
	t.put(c)
	return c
}

func (t *tree) put(c *Template) {
	g := groupOf(c.Words)
	list := t.groups[g]
	if len(list) >= maxGroup {
		oldest := 0
		for n := range list {
			if list[n].Last.Before(list[oldest].Last) {
				oldest = n
			}
		}
		t.all = slices.DeleteFunc(t.all, func(o *Template) bool { return o == list[oldest] })
		list = slices.Delete(list, oldest, oldest+1)
	}
	t.groups[g] = append(list, c)
	t.all = append(t.all, c)
}

// trim forgets the templates that were seen longest ago.
func (t *tree) trim(limit int) {
	if len(t.all) <= limit {
		return
	}
	list := slices.Clone(t.all)
	slices.SortFunc(list, func(a, b *Template) int { return b.Last.Compare(a.Last) })
	list = list[:limit*9/10]
	t.all, t.groups = nil, map[string][]*Template{}
	for _, c := range list {
		t.put(c)
	}
}
