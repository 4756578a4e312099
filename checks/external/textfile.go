package external

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"xunjian/checks"
)

// TextfileConfig says where *.prom files are read from.
type TextfileConfig struct {
	// Dir is an absolute path, as of node_exporter's
	// --collector.textfile.directory; empty: none is read.
	Dir string `yaml:"dir"`
	// MaxAge is how old a file may be before it is a finding; 0: as old as it
	// likes. The default of 25 h suits writers that run once a day.
	MaxAge time.Duration `yaml:"max_age"`
	// MaxAges are those of single files by their name.
	MaxAges map[string]time.Duration `yaml:"max_ages"`
	// MaxBytes is how large a file may be, in bytes; 1 to 64 MiB.
	MaxBytes int64 `yaml:"max_bytes"`
}

func defaultTextfile() TextfileConfig {
	return TextfileConfig{MaxAge: 25 * time.Hour, MaxBytes: 1 << 20}
}

// maxFiles bounds how many files are read.
const maxFiles = 500

func (c TextfileConfig) validate(m *mistakes) {
	if c.Dir != "" && !filepath.IsAbs(c.Dir) {
		m.add("textfile.dir: %q is not an absolute path", c.Dir)
	}
	if c.MaxAge < 0 {
		m.add("textfile.max_age: %v is negative, 0 turns it off", c.MaxAge)
	}
	for name, age := range c.MaxAges {
		if !strings.HasSuffix(name, ".prom") || strings.ContainsAny(name, `/\`) {
			m.add("textfile.max_ages: %q is not the name of a *.prom file", name)
		}
		if age < 0 {
			m.add("textfile.max_ages.%s: %v is negative, 0 turns it off", name, age)
		}
	}
	if c.MaxBytes < 1 || c.MaxBytes > 64<<20 {
		m.add("textfile.max_bytes: %d is out of range, 1 to %d", c.MaxBytes, 64<<20)
	}
}

// The two families that node_exporter has for its folder.
var (
	descMtime = checks.NewDesc("node_textfile_mtime_seconds", checks.Gauge,
		"Unixtime mtime of textfiles successfully read.", "file")
	descScrapeError = checks.NewDesc("node_textfile_scrape_error", checks.Gauge,
		"1 if there was an error opening or reading a file, 0 otherwise.")
)

// textfile is the check of the folder.
type textfile struct {
	cfg      TextfileConfig
	families *checks.Families
	now      func() time.Time
}

func newTextfile(cfg TextfileConfig) *textfile {
	return &textfile{cfg: cfg, families: checks.NewFamilies(), now: time.Now}
}

// Name is that of a single check.
func (c *textfile) Name() string { return "textfile" }

// Identity tells one configuration from another.
func (c *textfile) Identity() string { return fmt.Sprintf("%+v", c.cfg) }

// Run reads all files. What one of them does wrong costs that file only.
func (c *textfile) Run(ctx context.Context, out *checks.Output) error {
	defer c.families.Sweep()
	files, fault := c.files()
	failed := fault != nil
	if failed {
		out.Find(*fault)
	}
	p := page{out: out, families: c.families, kinds: map[string]seenFamily{}, series: map[string]string{}}
	for _, path := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.read(path, &p); err != nil {
			failed = true
			out.Find(unread(path, err))
		}
	}
	if failed {
		out.Set(descScrapeError, 1)
	} else {
		out.Set(descScrapeError, 0)
	}
	return nil
}

// files lists the *.prom files. The folder is not read if everybody can write
// to it: whoever writes there can make any alert, and end any.
func (c *textfile) files() ([]string, *checks.Finding) {
	info, err := os.Stat(c.cfg.Dir)
	if err == nil && worldWritable(info) {
		return nil, unsafe(c.cfg.Dir)
	}
	var entries []os.DirEntry
	if err == nil {
		entries, err = os.ReadDir(c.cfg.Dir)
	}
	if err != nil {
		f := unread(c.cfg.Dir, err)
		return nil, &f
	}
	var files []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".prom") {
			files = append(files, filepath.Join(c.cfg.Dir, e.Name()))
		}
	}
	if len(files) > maxFiles {
		return files[:maxFiles], &checks.Finding{
			Code: "textfile.too_many", Subject: c.cfg.Dir, Verdict: checks.Attention,
			Args: map[string]any{"files": len(files), "limit": maxFiles},
		}
	}
	return files, nil
}

// read takes one file in, whole or not at all.
func (c *textfile) read(path string, p *page) error {
	b, mtime, err := readRegular(path, c.cfg.MaxBytes)
	if err != nil {
		return err
	}
	if err := p.add(path, b); err != nil {
		return err
	}
	p.out.Set(descMtime, float64(mtime.UnixMilli())/1000, path)
	if age, limit := c.now().Sub(mtime), c.maxAge(path); limit > 0 && age > limit {
		p.out.Find(checks.Finding{
			Code: "textfile.old", Subject: path, Verdict: checks.Attention,
			Args: map[string]any{"age": age.Seconds(), "limit": limit.Seconds()},
		})
	}
	return nil
}

func (c *textfile) maxAge(path string) time.Duration {
	if age, ok := c.cfg.MaxAges[filepath.Base(path)]; ok {
		return age
	}
	return c.cfg.MaxAge
}

var errUnsafe = errors.New("everybody can write to it")

// unsafe says that path is not read because everybody could have written it.
func unsafe(path string) *checks.Finding {
	return &checks.Finding{Code: "textfile.unsafe", Subject: path, Verdict: checks.Abnormal}
}

// lineError is a mistake in a line of a file.
type lineError struct {
	line int
	text string
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.text) }

// unread says why a file was not read.
func unread(path string, err error) checks.Finding {
	if errors.Is(err, errUnsafe) {
		return *unsafe(path)
	}
	if at, ok := errors.AsType[*lineError](err); ok {
		return checks.Finding{
			Code: "textfile.broken", Subject: path, Verdict: checks.Unknown,
			Args: map[string]any{"line": at.line, "error": at.text},
		}
	}
	return checks.Finding{
		Code: "textfile.unreadable", Subject: path, Verdict: checks.Unknown,
		Args: map[string]any{"error": err.Error()},
	}
}

// readRegular reads a regular file of at most limit bytes.
func readRegular(path string, limit int64) ([]byte, time.Time, error) {
	// A stat first: opening a named pipe would wait for a writer.
	info, err := os.Stat(path)
	if err != nil {
		return nil, time.Time{}, err
	}
	if !info.Mode().IsRegular() {
		return nil, time.Time{}, errors.New("not a regular file")
	}
	if worldWritable(info) {
		return nil, time.Time{}, errUnsafe
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if int64(len(b)) > limit {
		err = fmt.Errorf("larger than the limit of %d bytes", limit)
	}
	return b, info.ModTime(), err
}
