package integrity

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"
	"golang.org/x/text/encoding/simplifiedchinese"

	"xunjian/checks"
)

// copies keeps the contents of small text files, compressed, by their hash: the
// differences are told from them.
type copies struct {
	dir     string
	limit   int64 // bytes on disk
	secrets []string
	used    int64
	counted bool
}

// maxCopy is the largest file of which a copy is kept, in bytes.
const maxCopy = 256 << 10

const othersMayRead = 0o004

// keep keeps a copy of a file's content if that may be shown.
func (c *copies) keep(rel string, e *Entry, text []byte) {
	if c.dir == "" || c.limit <= 0 || len(text) > maxCopy || !c.open(rel, e, text) {
		return
	}
	name := filepath.Join(c.dir, e.Hash)
	if _, err := os.Stat(name); err == nil {
		return
	}
	c.count()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(text)
	z.Close()
	if c.used+int64(b.Len()) > c.limit {
		return
	}
	if os.WriteFile(name, b.Bytes(), 0o600) == nil {
		c.used += int64(b.Len())
	}
}

// open reports whether a content may be shown to those who look at the
// console: text that everybody on the machine may read, under no secret's name,
// and no key.
func (c *copies) open(rel string, e *Entry, text []byte) bool {
	return e.Mode.Perm()&othersMayRead != 0 && !matchesAny(c.secrets, strings.ToLower(rel)) && !matchesAny(c.secrets, rel) &&
		bytes.IndexByte(text, 0) < 0 && !bytes.Contains(text, []byte("PRIVATE KEY-----"))
}

func (c *copies) count() {
	if c.counted {
		return
	}
	c.counted, c.used = true, 0
	list, _ := os.ReadDir(c.dir)
	for _, d := range list {
		if info, err := d.Info(); err == nil {
			c.used += info.Size()
		}
	}
}

// sweep removes the copies that nothing refers to any more.
func (c *copies) sweep(used map[string]bool) {
	if c.dir == "" {
		return
	}
	list, _ := os.ReadDir(c.dir)
	for _, d := range list {
		if !used[d.Name()] {
			os.Remove(filepath.Join(c.dir, d.Name()))
			c.counted = false
		}
	}
}

func (c *copies) read(hash string) ([]byte, error) {
	if c.dir == "" || hash == "" || strings.ContainsAny(hash, `/\.`) {
		return nil, errors.New("no copy")
	}
	f, err := os.Open(filepath.Join(c.dir, hash))
	if err != nil {
		return nil, errors.New("no copy")
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, maxCopy+1))
}

// diff says the difference between two states of a file as a unified diff. It
// is empty if there is no copy of a side that had a content.
func (c *copies) diff(path string, base, now *Entry) string {
	side := func(e *Entry) (string, bool) {
		if e == nil || !e.Mode.IsRegular() {
			return "", true
		}
		b, err := c.read(e.Hash)
		return readable(b), err == nil
	}
	before, ok := side(base)
	after, also := side(now)
	if !ok || !also || before == after {
		return ""
	}
	text := udiff.Unified("approved "+path, "now "+path, before, after)
	return checks.SafeText(hideSecrets(text), checks.MaxEvidence)
}

// readable makes text UTF-8: pages of old systems are GBK.
func readable(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	if out, err := simplifiedchinese.GB18030.NewDecoder().Bytes(b); err == nil {
		return string(out)
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

var secretValue = regexp.MustCompile(`(?im)((?:passw(?:or)?d|passwd|pwd|secret|token|api[_-]?key|access[_-]?key)["']?\s*(?:[=:>]|=>)\s*["']?)[^\s"'<>;,]{3,}`)

// hideSecrets hides what stands after the words for it: people put passwords
// into files that all may read.
func hideSecrets(text string) string { return secretValue.ReplaceAllString(text, "${1}<secret>") }
