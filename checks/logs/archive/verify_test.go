package archive

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"xunjian/checks"
)

// twoDays keeps a day of several blocks and the beginning of the next, and
// returns the files and the blocks of the first.
func twoDays(t *testing.T) (dir string, files []string, blocks []*frame) {
	t.Helper()
	dir = t.TempDir()
	a := openAt(t, dir, quick())
	a.Append(lines(0, 2000))
	next := lines(2000, 3000)
	for n := range next {
		next[n].Received = next[n].Received.AddDate(0, 0, 1)
	}
	a.Append(next)
	a.Close()
	files, _ = filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	if len(files) != 2 {
		t.Fatalf("files: %v", files)
	}
	f, err := os.Open(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, _ := f.Stat()
	for fr, g := range walk(f, info.Size()) {
		if g != nil {
			t.Fatalf("a gap in a sound file: %+v", g)
		}
		blocks = append(blocks, fr)
	}
	if len(blocks) < 5 {
		t.Fatalf("%d blocks", len(blocks))
	}
	return dir, files, blocks
}

func change(t *testing.T, file string, how func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, how(data), 0o640)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestDamageCostsItsBlockAlone: wherever a block is damaged, it is named with
// its lines, and the lines of all other blocks are found, while the archive is
// open and after a restart.
func TestDamageCostsItsBlockAlone(t *testing.T) {
	sound, files, blocks := twoDays(t)
	for what, at := range map[string]func(*frame) int64{
		"magic":  func(f *frame) int64 { return f.at },
		"length": func(f *frame) int64 { return f.at + 9 },
		"meta":   func(f *frame) int64 { return f.at + headSize + 3 },
		"body":   func(f *frame) int64 { return f.bodyAt + 100 },
		"digest": func(f *frame) int64 { return f.at + f.size - tailSize + 3 },
		"tail":   func(f *frame) int64 { return f.at + f.size - 5 },
	} {
		for which, fr := range map[string]*frame{"first": blocks[0], "middle": blocks[2], "last": blocks[len(blocks)-1]} {
			t.Run(what+" of the "+which, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				if err := os.CopyFS(dir, os.DirFS(sound)); err != nil {
					t.Fatal(err)
				}
				a := openAt(t, dir, quick())
				change(t, filepath.Join(dir, filepath.Base(files[0])), func(b []byte) []byte { b[at(fr)] ^= 0x40; return b })
				want := []Damage{{File: filepath.Base(files[0]), At: fr.at, Bytes: fr.size, Lines: uint64(fr.count)}}
				hold := func(when string, a *Archive) {
					t.Helper()
					rest := 0
					for _, r := range all(t, a, Query{}) {
						if r.Seq < fr.first || r.Seq >= fr.end() {
							rest++
						}
					}
					if rest != 3000-fr.count {
						t.Errorf("%s: %d lines are found of the %d beside the damage", when, rest, 3000-fr.count)
					}
					v, err := a.Verify(context.Background(), 0)
					if err != nil {
						t.Fatal(err)
					}
					named(t, when, v, want, fr)
				}
				hold("open", a)
				a.Close()
				hold("opened again", openAt(t, dir, quick()))
				v, err := VerifyFolder(context.Background(), dir, nil)
				if err != nil {
					t.Fatal(err)
				}
				named(t, "the folder", v, want, fr)
			})
		}
	}
}

// named holds what a look found against what is damaged.
func named(t *testing.T, when string, v Verified, want []Damage, fr *frame) {
	t.Helper()
	got := slices.Clone(v.Damage)
	for n := range got {
		if got[n].From.UnixMilli() > fr.min || got[n].To.UnixMilli() < fr.max {
			t.Errorf("%s: lines from %v to %v are said to be from %v to %v", when, time.UnixMilli(fr.min), time.UnixMilli(fr.max), got[n].From, got[n].To)
		}
		got[n].From, got[n].To, got[n].Why = time.Time{}, time.Time{}, ""
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s", when, diff)
	}
	if v.Lines != uint64(3000-fr.count) || v.Files != 2 {
		t.Errorf("%s: %d lines in %d files are sound", when, v.Lines, v.Files)
	}
}

func TestWhatWasTakenOutIsMissed(t *testing.T) {
	dir, files, blocks := twoDays(t)
	cut := blocks[2]
	change(t, files[0], func(b []byte) []byte { return slices.Delete(b, int(cut.at), int(cut.at+cut.size)) })
	look := func() []Damage {
		t.Helper()
		v, err := VerifyFolder(context.Background(), dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		return v.Damage
	}
	if d := look(); len(d) != 1 || d[0].Why != Missing || d[0].At != cut.at || d[0].Lines != uint64(cut.count) || d[0].Bytes != 0 {
		t.Errorf("a block: %+v", d)
	}
	last := blocks[len(blocks)-1]
	change(t, files[0], func(b []byte) []byte { return b[:len(b)-int(last.size)] })
	if d := look(); len(d) != 2 || d[1].Why != Missing || d[1].File != filepath.Base(files[1]) || d[1].Lines != uint64(last.count) {
		t.Errorf("the end of a file: %+v", d)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	if d := look(); len(d) != 0 {
		t.Errorf("the oldest file may go: %+v", d)
	}
}

// TestAWholeLookBesideTheWriter: what is being written is no damage.
func TestAWholeLookBesideTheWriter(t *testing.T) {
	dir, files, blocks := twoDays(t)
	first, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	whole := first[blocks[1].at : blocks[1].at+blocks[1].size]
	half := len(whole) / 2
	change(t, files[1], func(b []byte) []byte { return append(bytes.Clone(b), whole[:half]...) })
	info, err := os.Stat(files[1])
	if err != nil {
		t.Fatal(err)
	}
	size := info.Size()
	rest := time.AfterFunc(300*time.Millisecond, func() {
		if f, err := os.OpenFile(files[1], os.O_WRONLY, 0); err == nil {
			f.WriteAt(whole[half:], size)
			f.Close()
		}
	})
	defer rest.Stop()
	done := int64(0)
	v, err := VerifyFolder(context.Background(), dir, func(d, total int64) {
		if d < done || d > total {
			t.Errorf("done %d, then %d of %d", done, d, total)
		}
		done = d
	})
	if err != nil || len(v.Damage) != 0 || v.Lines != 3000 || done == 0 {
		t.Errorf("%+v, %v", v, err)
	}
	if err := os.Truncate(files[1], size); err != nil {
		t.Fatal(err)
	}
	if v, err = VerifyFolder(context.Background(), dir, nil); err != nil || len(v.Damage) != 1 || v.Damage[0].Bytes != int64(half) || v.Lines != 3000 {
		t.Errorf("a block that stays half: %+v, %v", v, err)
	}
	if _, err := VerifyFolder(context.Background(), filepath.Join(dir, "nothing"), nil); err == nil {
		t.Error("a folder that is not there is sound")
	}
}

// TestARestartCutsNothingThatIsWhole: a damaged block in the file that grows
// does not take those behind it along.
func TestARestartCutsNothingThatIsWhole(t *testing.T) {
	dir, files, _ := twoDays(t)
	var blocks []*frame
	data, _ := os.ReadFile(files[1])
	for fr := range walk(bytes.NewReader(data), int64(len(data))) {
		blocks = append(blocks, fr)
	}
	hit := blocks[1]
	change(t, files[1], func(b []byte) []byte { b[hit.bodyAt+50] ^= 1; return b })
	a := openAt(t, dir, quick())
	if got := len(all(t, a, Query{})); got != 3000-hit.count {
		t.Errorf("%d lines are left, want %d", got, 3000-hit.count)
	}
	more := lines(3000, 3001)
	if a.Append(more); more[0].Seq != 3001 {
		t.Errorf("the next line is number %d", more[0].Seq)
	}
	f := codes(t, a)["logs_archive.damaged"]
	if f.Verdict != checks.Abnormal || f.Args["blocks"] != 1.0 || f.Args["lines"] != float64(hit.count) || f.Evidence == "" {
		t.Errorf("told: %+v", f)
	}
}

// TestDamageIsRememberedAcrossARestart: what the daily look found is told until
// another look finds nothing.
func TestDamageIsRememberedAcrossARestart(t *testing.T) {
	dir, files, blocks := twoDays(t)
	hit := blocks[3]
	change(t, files[0], func(b []byte) []byte { b[hit.bodyAt+50] ^= 1; return b })
	a := openAt(t, dir, quick())
	if n := a.Stats().Damaged; n != 0 {
		t.Fatalf("%d places are known before anybody looked", n)
	}
	v, err := a.Verify(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	a.noteVerified(v)
	a.Close()
	a = openAt(t, dir, quick())
	if s := a.Stats(); s.Damaged != 1 || s.Verified.IsZero() || fmt.Sprint(a.Damages()) != fmt.Sprint(v.Damage) {
		t.Errorf("after a restart: %+v, %+v", s, a.Damages())
	}
	change(t, files[0], func(b []byte) []byte { b[hit.bodyAt+50] ^= 1; return b })
	if v, err = a.Verify(context.Background(), 0); err != nil {
		t.Fatal(err)
	}
	a.noteVerified(v)
	if f, ok := codes(t, a)["logs_archive.kept"]; !ok || f.Args["verified"] == "" {
		t.Errorf("mended: %+v", codes(t, a))
	}
}

// TestRevise: another configuration holds at once.
func TestRevise(t *testing.T) {
	dir, _, _ := twoDays(t)
	a := openAt(t, dir, quick())
	cfg := quick()
	cfg.BudgetBytes = 1
	a.Revise(cfg)
	until(t, "the first day to go", func() bool { return a.Stats().Forced.Lines == 2000 })
	if a.Config() != cfg {
		t.Errorf("in force: %+v", a.Config())
	}
}

// FuzzWalk: whatever lies in a file, the way through it ends, goes forward only
// and leaves nothing out.
func FuzzWalk(f *testing.F) {
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	var file []byte
	var prev digest
	for n := range 3 {
		b := newBlock(uint64(n*3 + 1))
		for _, r := range lines(n*3, n*3+3) {
			b.add(&r)
		}
		b.raw = b.raw[:len(b.raw):len(b.raw)]
		var frame []byte
		frame, prev = encodeFrame(b, enc, prev)
		file = append(file, frame...)
	}
	f.Add(file)
	f.Add(file[7:])
	f.Add([]byte(magicHead + magicTail + magicHead))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, at := bytes.NewReader(data), int64(0)
		for fr, g := range walk(r, int64(len(data))) {
			begins, ends := int64(0), int64(0)
			if fr != nil {
				begins, ends = fr.at, fr.at+fr.size
				fr.whole(r)
			} else {
				begins, ends = g.at, g.end
			}
			if begins != at || ends <= begins {
				t.Fatalf("after byte %d comes %d to %d", at, begins, ends)
			}
			at = ends
		}
		if at != int64(len(data)) {
			t.Fatalf("the way ends at byte %d of %d", at, len(data))
		}
	})
}
