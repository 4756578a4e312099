package tail

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// rig is a Tailer of one log with what it handed over.
type rig struct {
	t    *testing.T
	dir  string
	path string
	conf Source
	tail *Tailer
	got  *texts
	now  time.Time
}

type texts struct {
	takes
	lines []string
}

func newRig(t *testing.T, from Start) *rig {
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	r := &rig{t: t, dir: dir, path: path, conf: Source{Name: "app", Files: []string{path}}, now: time.Now()}
	r.start(from)
	return r
}

func (r *rig) start(from Start) {
	r.got = &texts{}
	r.got.takes = func(b Block) {
		for l := range b.Lines() {
			r.got.lines = append(r.got.lines, string(l.Text))
		}
	}
	r.tail = New(Options{Sources: []Source{r.conf}, Dir: filepath.Join(r.dir, "state"), From: from, Linger: 3 * time.Second, Now: func() time.Time { return r.now }})
	r.tail.Subscribe(r.got)
	if err := r.tail.Open(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { r.tail.Close() })
}

// restart kills without a word: only what was committed is known.
func (r *rig) restart() {
	r.tail.mu.Lock()
	r.tail.state.close()
	r.tail.opened = false
	r.tail.mu.Unlock()
	r.start(Start{})
}

func (r *rig) poll() {
	r.now = r.now.Add(time.Second)
	r.tail.Poll(r.t.Context())
}

func (r *rig) commit() {
	if err := r.tail.Commit(); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) add(path, text string) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) want(what string, lines ...string) {
	r.t.Helper()
	r.poll()
	if got, want := strings.Join(r.got.lines, "|"), strings.Join(lines, "|"); got != want {
		r.t.Errorf("%s:\n got %.300q\nwant %.300q", what, got, want)
	}
	r.got.lines = nil
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// long makes a line that is long enough for a head to tell files apart.
func long(n int) string { return fmt.Sprintf("%05d %s", n, strings.Repeat("x", 300)) }

func TestStartsAtTheEnd(t *testing.T) {
	r := newRig(t, Start{})
	r.add(r.path, "old\nhalf")
	r.want("what was there")
	r.add(r.path, " a line\nnew\n")
	r.want("from the begin of the line that was not done", "half a line", "new")
}

func TestPartialLine(t *testing.T) {
	r := newRig(t, Beginning)
	r.add(r.path, "one\ntw")
	r.want("one", "one")
	r.add(r.path, "o")
	r.want("not yet")
	r.add(r.path, "\n")
	r.want("two", "two")
}

// TestCopytruncate reads from the copy what was not read before the original
// was emptied.
func TestCopytruncate(t *testing.T) {
	r := newRig(t, Beginning)
	r.add(r.path, long(1)+"\n")
	r.want("first", long(1))
	r.add(r.path, long(2)+"\n")
	raw, err := os.ReadFile(r.path)
	r.must(err)
	r.must(os.WriteFile(r.path+".1", raw, 0o600))
	r.must(os.Truncate(r.path, 0))
	r.add(r.path, "after\n")
	r.want("the rest of the copy and what is new", long(2), "after")
	s := r.tail.Stats()[0]
	if s.Truncations != 1 || s.Emptied != 0 || s.Gaps != 0 {
		t.Errorf("stats %+v", s)
	}
	for range 20 {
		r.poll()
	}
	if s := r.tail.Stats()[0]; s.Emptied != 0 {
		t.Errorf("a rotation by copy counts as tampering: %+v", s)
	}
}

// TestTruncateAndGrowPast: longer than before, but not the same.
func TestTruncateAndGrowPast(t *testing.T) {
	r := newRig(t, Beginning)
	r.add(r.path, "one\n")
	r.want("one", "one")
	r.must(os.WriteFile(r.path, []byte("two and more\nthree\n"), 0o600)) // truncates
	r.want("all of the new", "two and more", "three")
}

// TestEmptied: no copy of what stood in it is there.
func TestEmptied(t *testing.T) {
	r := newRig(t, Beginning)
	r.add(r.path, long(1)+"\n")
	r.want("first", long(1))
	r.must(os.Truncate(r.path, 0))
	for range 5 {
		r.poll()
	}
	if s := r.tail.Stats()[0]; s.Emptied != 1 {
		t.Errorf("stats %+v", s)
	}
}

// TestRewritten: a line is taken out, as by an editor, in place or by a new file.
func TestRewritten(t *testing.T) {
	for _, inPlace := range []bool{true, false} {
		r := newRig(t, Beginning)
		r.add(r.path, long(1)+"\n"+long(2)+"\n"+long(3)+"\n")
		r.want("all", long(1), long(2), long(3))
		text := long(1) + "\n" + long(3) + "\n"
		if inPlace {
			r.must(os.WriteFile(r.path, []byte(text), 0o600))
		} else {
			r.must(os.WriteFile(r.path+"~", []byte(text), 0o600))
			r.must(os.Rename(r.path+"~", r.path))
		}
		r.want("nothing twice")
		r.add(r.path, "next\n")
		r.want("what is new", "next")
		if s := r.tail.Stats()[0]; s.Rewritten != 1 {
			t.Errorf("in place %v: stats %+v", inPlace, s)
		}
	}
}

// TestDowntime: rotated twice and packed while nobody read.
func TestDowntime(t *testing.T) {
	r := newRig(t, Beginning)
	r.add(r.path, long(1)+"\n")
	r.want("first", long(1))
	r.commit()
	r.add(r.path, long(2)+"\n")
	raw, err := os.ReadFile(r.path)
	r.must(err)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err = z.Write(raw)
	r.must(err)
	r.must(z.Close())
	r.must(os.WriteFile(r.path+".2.gz", packed.Bytes(), 0o600))
	before := r.now.Add(-time.Minute) // as programs that compress leave it
	r.must(os.Chtimes(r.path+".2.gz", before, before))
	r.must(os.Remove(r.path))
	r.add(r.path+".1", "between\n")
	r.add(r.path, "now\n")
	r.restart()
	r.want("the rest of the packed one, the one between, the new one", long(2), "between", "now")
	if s := r.tail.Stats()[0]; s.Gaps != 0 {
		t.Errorf("stats %+v", s)
	}
}

// TestPackedInTheMaking: a file that is being compressed is read when it is
// done, and whole. One that ends before its end is a gap.
func TestPackedInTheMaking(t *testing.T) {
	r := newRig(t, Beginning)
	r.add(r.path, long(1)+"\n")
	r.want("first", long(1))
	var text, packed bytes.Buffer
	for n := range 5000 {
		fmt.Fprintf(&text, "%d %d\n", n, n*n*7919)
	}
	z := gzip.NewWriter(&packed)
	_, err := z.Write(text.Bytes())
	r.must(errors.Join(err, z.Close()))
	half := packed.Len() / 2
	now := func() { // the next poll is a second later
		r.must(os.Chtimes(r.path+".2.gz", r.now.Add(time.Second), r.now.Add(time.Second)))
	}
	r.must(os.WriteFile(r.path+".2.gz", packed.Bytes()[:10], 0o600))
	now()
	r.want("its head alone")
	r.add(r.path+".2.gz", string(packed.Bytes()[10:half]))
	now()
	r.want("a half")
	r.add(r.path+".2.gz", string(packed.Bytes()[half:]))
	at := r.now.Add(-time.Minute)
	r.must(os.Chtimes(r.path+".2.gz", at, at))
	r.poll()
	if got := strings.Join(r.got.lines, "\n") + "\n"; got != text.String() {
		t.Errorf("got %d bytes, want %d", len(got), text.Len())
	}
	if s := r.tail.Stats()[0]; s.Gaps != 0 {
		t.Errorf("stats %+v", s)
	}
	r.got.lines = nil
	r.must(os.WriteFile(r.path+".3.gz", packed.Bytes()[:half], 0o600))
	r.must(os.Chtimes(r.path+".3.gz", at, at))
	r.must(os.Remove(r.path + ".2.gz"))
	for range 100 {
		r.poll()
	}
	if s := r.tail.Stats()[0]; s.Gaps != 1 || len(r.got.lines) == 0 {
		t.Errorf("%d lines of a file that is cut off, stats %+v", len(r.got.lines), s)
	}
}

// TestPackedUnread: what is open but was not read yet, and what it was compressed
// into, are one.
func TestPackedUnread(t *testing.T) {
	r := newRig(t, Beginning)
	r.add(r.path, "")
	r.want("an empty log")
	r.add(r.path, "one\n")
	r.must(os.Rename(r.path, r.path+".1"))
	r.add(r.path, "two\n")
	r.must(exec.Command("gzip", r.path+".1").Run())
	at := r.now.Add(-time.Minute)
	r.must(os.Chtimes(r.path+".1.gz", at, at))
	r.want("each once", "one", "two")
	r.want("nothing more")
}

// TestPackings reads what gzip, zstd, xz and bzip2 of the system packed.
func TestPackings(t *testing.T) {
	for tool, ext := range map[string]string{"gzip": ".gz", "zstd": ".zst", "xz": ".xz"} {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, []byte("one\ntwo"), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(tool, path).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", tool, err, out)
		}
		f, err := os.Open(path + ext)
		if err != nil {
			t.Fatal(err)
		}
		in, done, err := Sniff(f)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		if _, err := Blocks(in, Auto, func(b []byte) error { got.Write(b); return nil }); err != nil || got.String() != "one\ntwo\n" {
			t.Errorf("%s: %q, %v", tool, got.String(), err)
		}
		done()
		f.Close()
	}
}

// TestSymlink: the link is set to another file, as some programs rotate.
func TestSymlink(t *testing.T) {
	r := newRig(t, Beginning)
	a, b := filepath.Join(r.dir, "a"), filepath.Join(r.dir, "b")
	r.add(a, "a1\n")
	r.must(os.Symlink(a, r.path))
	r.want("a", "a1")
	r.add(a, "a2\n")
	r.add(b, "b1\n")
	r.must(os.Symlink(b, r.path+".new"))
	r.must(os.Rename(r.path+".new", r.path))
	r.want("the rest of a, then b", "a2", "b1")
}

// TestDeleteAndCreate: the old file is read to its end.
func TestDeleteAndCreate(t *testing.T) {
	r := newRig(t, Beginning)
	r.add(r.path, "one\n")
	r.want("one", "one")
	r.add(r.path, "two\n")
	r.must(os.Remove(r.path))
	r.add(r.path, "three\n")
	r.want("both", "two", "three")
}

// TestLongLines are cut, counted, and take no more memory than a line may.
func TestLongLines(t *testing.T) {
	r := newRig(t, Beginning)
	r.add(r.path, "before\n"+strings.Repeat("x", 5*MaxLine)+"\nafter\n")
	r.poll()
	var lengths []int
	for _, l := range r.got.lines {
		lengths = append(lengths, len(l))
	}
	if len(lengths) != 3 || lengths[0] != 6 || lengths[1] != MaxLine || lengths[2] != 5 {
		t.Errorf("lengths %v", lengths)
	}
	if s := r.tail.Stats()[0]; s.Cut != 1 || s.Lines != 3 {
		t.Errorf("stats %+v", s)
	}
}

// TestClean tells GB18030 from UTF-8 line by line.
func TestClean(t *testing.T) {
	gbk, err := simplifiedchinese.GBK.NewEncoder().String("登录失败：用户")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, in, want string
		tally          Tally
	}{
		{"ASCII", "a\nb\n", "a\nb\n", Tally{}},
		{"UTF-8", "登录\n", "登录\n", Tally{}},
		{"GBK among UTF-8", "登录\n" + gbk + "\nx\n", "登录\n登录失败：用户\nx\n", Tally{Converted: 1}},
		{"NUL", "a\x00\x00b\nc\n\x00\n", "a  b\nc\n \n", Tally{Mended: 2}},
		{"broken", "a\xffb\n", "a\uFFFDb\n", Tally{Mended: 1}},
	} {
		got, tally := Clean([]byte(tt.in), Auto)
		if string(got) != tt.want || tally != tt.tally {
			t.Errorf("%s: got %q %+v, want %q %+v", tt.name, got, tally, tt.want, tt.tally)
		}
	}
}

// TestGlob follows files that appear, and does not read a rotated one twice that
// the pattern takes too.
func TestGlob(t *testing.T) {
	r := newRig(t, Beginning)
	r.tail.Close()
	r.conf.Files = []string{filepath.Join(r.dir, "*.log*")}
	r.start(Beginning)
	r.add(r.path, "one\n")
	r.want("one", "one")
	r.must(os.Rename(r.path, r.path+".1"))
	r.add(r.path, "two\n")
	r.now = r.now.Add(5 * time.Second)
	r.want("two", "two")
	r.add(filepath.Join(r.dir, "other.log"), "three\n")
	r.now = r.now.Add(5 * time.Second)
	r.want("three", "three")
}

// TestSourceMistakes names the place of each.
func TestSourceMistakes(t *testing.T) {
	file := []string{"/var/log/a"}
	for want, s := range map[string]Source{
		"[0].name: \"a b\" is no name":         {Name: "a b", Files: file},
		"[0].kind: \"x y\" is no kind":         {Name: "a", Kind: "x y", Files: file},
		"[0]: give one of":                     {Name: "a"},
		"[0].files[0]: \"log\" is not":         {Name: "a", Files: []string{"log"}},
		"[0].files[0]: \"/[\" is no pattern":   {Name: "a", Files: []string{"/["}},
		"[0].journal: is not on":               {Name: "a", Files: file, Units: []string{"x"}},
		"[0].journal_files: \"x\" is not":      {Name: "a", Journal: true, JournalFiles: "x"},
		"[0].units[0]: \"--all\" is no unit":   {Name: "a", Journal: true, Units: []string{"--all"}},
		"[0].encoding: \"latin-1\" is unknown": {Name: "a", Files: file, Encoding: "latin-1"},
	} {
		if err := ValidateSources([]Source{s}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

func TestJournalEntry(t *testing.T) {
	e, err := ParseJournal([]byte(`{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1795939431250000","_HOSTNAME":"web1","SYSLOG_IDENTIFIER":"sshd","_PID":"99","MESSAGE":[70,97,105,108,255,10,120]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(e.appendLine(nil)), "2026-11-29T08:03:51.250000Z web1 sshd[99]: Fail\xff x\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	e.Identifier = "sshd[1]: Accepted password for root x"
	if got := string(e.appendLine(nil)); strings.Contains(got, "sshd[1]: ") {
		t.Errorf("an identifier forges a header: %q", got)
	}
}

func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1","MESSAGE":["a","b"]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := ParseJournal(raw)
		if err != nil {
			return
		}
		if line := e.appendLine(nil); bytes.Count(line, []byte{'\n'}) != 1 || line[len(line)-1] != '\n' {
			t.Errorf("more than a line: %q", line)
		}
	})
}

func FuzzKmsg(f *testing.F) {
	f.Add([]byte("6,339,5140900,-;NET: Registered\n KEY=1\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if k, ok := ParseKmsg(raw); ok && bytes.IndexByte(k.Text, '\n') >= 0 {
			t.Errorf("more than a line: %q", k.Text)
		}
	})
}

func FuzzClean(f *testing.F) {
	f.Add([]byte("a\x00\xff\n\xc4\xe3\xba\xc3\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		lines := bytes.Count(raw, []byte{'\n'})
		for _, enc := range []Encoding{Auto, UTF8, GB18030} {
			got, _ := Clean(bytes.Clone(raw), enc)
			if bytes.IndexByte(got, 0) >= 0 || !bytes.Equal(got, bytes.ToValidUTF8(got, nil)) {
				t.Errorf("%s: %q is not clean", enc, got)
			}
			if bytes.Count(got, []byte{'\n'}) != lines {
				t.Errorf("%s: %d lines, want %d", enc, bytes.Count(got, []byte{'\n'}), lines)
			}
		}
	})
}

// TestDeletedAfterRestart: a rotated file that was read to its end over a
// restart and is then deleted, as rotated files are, is no gap.
func TestDeletedAfterRestart(t *testing.T) {
	r := newRig(t, Beginning)
	r.add(r.path, long(1)+"\n")
	r.want("first", long(1))
	r.commit()
	r.must(os.Rename(r.path, r.path+".1"))
	r.add(r.path, long(2)+"\n")
	r.restart()
	r.want("what is new", long(2))
	r.commit()
	r.must(os.Remove(r.path + ".1"))
	r.restart()
	for range 20 {
		r.want("nothing")
	}
	if s := r.tail.Stats()[0]; s.Gaps != 0 {
		t.Errorf("stats %+v", s)
	}
}

// TestRotatedAgain: a rotated file that was read is not read again when it gets
// its next name, however long that takes.
func TestRotatedAgain(t *testing.T) {
	r := newRig(t, Beginning)
	r.add(r.path, long(1)+"\n")
	r.want("first", long(1))
	for n := 2; n < 5; n++ {
		r.must(exec.Command("sh", "-c", "for n in 3 2 1; do [ ! -e $0.$n ] || mv $0.$n $0.$((n+1)); done; mv $0 $0.1", r.path).Run())
		r.add(r.path, long(n)+"\n")
		r.want("only what is new", long(n))
		for range 300 {
			r.want("nothing")
		}
	}
	if s := r.tail.Stats()[0]; s.Gaps != 0 {
		t.Errorf("stats %+v", s)
	}
}
