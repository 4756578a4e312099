package review

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"xunjian/checks"
	"xunjian/checks/logs/pattern"
	"xunjian/checks/logs/tail"
)

// ScanOptions say how files are reviewed once.
type ScanOptions struct {
	// Config is that of the review; zero takes Default.
	Config Config
	// Kind is what wrote the files; empty looks for all patterns.
	Kind     string
	Encoding tail.Encoding
	Zone     *time.Location
	// Stdin is what the name "-" reads.
	Stdin io.Reader
	// Progress is told how many bytes of all files are done; it may be nil.
	Progress func(done, total int64, name string)
}

// Summary is what a review of files came to.
type Summary struct {
	Files    []ScannedFile    `json:"files"`
	Lines    uint64           `json:"lines"`
	Bytes    uint64           `json:"bytes"`
	Took     time.Duration    `json:"took"`
	Patterns []PatternCount   `json:"patterns"`
	Findings []checks.Finding `json:"findings"`
	Worst    checks.Verdict   `json:"worst"`
}

// ScannedFile is one file of a Summary. Bytes are those unpacked.
type ScannedFile struct {
	Name      string `json:"name"`
	Lines     uint64 `json:"lines"`
	Bytes     uint64 `json:"bytes"`
	Cut       uint64 `json:"cut,omitempty"`
	Converted uint64 `json:"converted,omitempty"`
	Mended    uint64 `json:"mended,omitempty"`
	Error     string `json:"error,omitempty"`
}

// PatternCount is how often a pattern was seen, with its last lines.
type PatternCount struct {
	Name    string         `json:"name"`
	Group   string         `json:"group"`
	Title   pattern.Title  `json:"title"`
	Verdict checks.Verdict `json:"verdict"`
	Code    string         `json:"code,omitempty"`
	Count   uint64         `json:"count"`
	Lines   []Seen         `json:"lines,omitempty"`
}

// Scan reviews files, plain or compressed, one after another in the order
// given. A file that cannot be read is named in the summary, whose worst verdict
// is then unknown at least; the error is that of the patterns or of ctx.
func Scan(ctx context.Context, names []string, opt ScanOptions) (Summary, error) {
	if opt.Config.BruteForce.Failures == 0 {
		opt.Config = Default()
	}
	if opt.Zone == nil {
		opt.Zone = time.Local
	}
	list, err := pattern.Load(opt.Config.Patterns)
	if err != nil {
		return Summary{}, err
	}
	opt.Config.Hold = always
	began := time.Now()
	s := &scan{opt: opt, judge: newJudge(opt.Config, list, opt.Zone), ctx: ctx}
	for _, name := range names {
		if fi, err := os.Stat(name); err == nil {
			s.total += fi.Size()
		}
	}
	for _, name := range names {
		s.file(name)
		if err := ctx.Err(); err != nil {
			return Summary{}, err
		}
	}
	s.out.Took = time.Since(began)
	s.sum()
	return s.out, nil
}

// always is longer than any logs reach: what a scan finds stays.
const always = 200 * 365 * 24 * time.Hour

type scan struct {
	opt   ScanOptions
	judge *judge
	ctx   context.Context
	out   Summary
	done  int64
	total int64
}

func (s *scan) file(name string) {
	f := ScannedFile{Name: name}
	ref := time.Now()
	in := s.opt.Stdin
	var err error
	if name != "-" {
		var file *os.File
		if file, err = os.Open(name); err == nil {
			defer file.Close()
			if fi, errStat := file.Stat(); errStat == nil {
				if ref = fi.ModTime(); !fi.Mode().IsRegular() && fi.IsDir() {
					err = fmt.Errorf("%s is a folder", name)
				}
			}
			in = file
		}
	}
	if err == nil && in == nil {
		err = fmt.Errorf("there is nothing to be read as %s", name)
	}
	if err == nil {
		err = s.read(&f, in, ref)
	}
	if err != nil {
		f.Error = checks.SafeText(err.Error(), maxText)
	}
	s.out.Files = append(s.out.Files, f)
	s.out.Lines += f.Lines
	s.out.Bytes += f.Bytes
}

func (s *scan) read(f *ScannedFile, in io.Reader, ref time.Time) error {
	text, done, err := tail.Sniff(&counted{s: s, r: in, name: f.Name})
	if err != nil {
		return err
	}
	defer done()
	st, err := tail.Blocks(text, s.opt.Encoding, func(b []byte) error {
		s.judge.take(tail.Block{Source: f.Name, Kind: s.opt.Kind, Path: f.Name, Text: b, Read: ref})
		return s.ctx.Err()
	})
	f.Lines, f.Bytes, f.Cut, f.Converted, f.Mended = st.Lines, st.Bytes, st.Cut, st.Converted, st.Mended
	return err
}

// counted tells the progress.
type counted struct {
	s    *scan
	r    io.Reader
	name string
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.s.done += int64(n)
	if c.s.opt.Progress != nil {
		c.s.opt.Progress(c.s.done, max(c.s.total, c.s.done), c.name)
	}
	return n, err
}

func (s *scan) sum() {
	j := s.judge
	for _, p := range j.list {
		if n := j.known.Counts[p.Name]; n > 0 {
			s.out.Patterns = append(s.out.Patterns, PatternCount{
				Name: p.Name, Group: p.Group, Title: p.Title, Verdict: p.Verdict, Code: p.Code, Count: n, Lines: j.known.Last[p.Name],
			})
		}
	}
	slices.SortStableFunc(s.out.Patterns, func(a, b PatternCount) int {
		return cmp.Or(cmp.Compare(b.Verdict.Code(), a.Verdict.Code()), cmp.Compare(b.Count, a.Count))
	})
	s.out.Findings = j.findings(time.Time{})
	s.out.Worst = checks.Judge(s.out.Findings)
	for _, f := range s.out.Files {
		if f.Error != "" && checks.Unknown.Worse(s.out.Worst) {
			s.out.Worst = checks.Unknown
		}
	}
}
