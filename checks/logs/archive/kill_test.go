package archive

import (
	"bufio"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test program be the one that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("ARCHIVE_TO_BE_KILLED"); dir != "" {
		writeUntilKilled(dir)
		return
	}
	os.Exit(m.Run())
}

// writeUntilKilled appends lines as fast as it may, and says which are durable.
func writeUntilKilled(dir string) {
	a, err := open(dir, quick(), nil, small)
	if err != nil {
		fmt.Println("open:", err)
		os.Exit(1)
	}
	for said := uint64(0); ; time.Sleep(time.Millisecond) {
		a.mu.Lock()
		next, durable := a.cur.first+uint64(a.cur.count), a.durable
		a.mu.Unlock()
		a.Append(lines(int(next), int(next)+20))
		if durable > said {
			said = durable
			fmt.Println(durable - 1)
		}
	}
}

// TestKill kills a writer at random instants and looks at what is left: nothing
// that was durable is gone, nothing is there twice or changed, and the numbers
// have no holes. XUNJIAN_FAULTS says how often.
func TestKill(t *testing.T) {
	cycles := 5
	if n, err := strconv.Atoi(os.Getenv("XUNJIAN_FAULTS")); err == nil {
		cycles = n
	}
	dir := t.TempDir()
	most, promises := uint64(0), uint64(0)
	for n := range cycles {
		promised := killOnce(t, dir)
		promises = max(promises, promised)
		a, err := open(dir, quick(), slog.New(slog.DiscardHandler), small)
		if err != nil {
			t.Fatalf("cycle %d: %v", n, err)
		}
		got := all(t, a, Query{})
		for i, r := range got {
			if want := uint64(len(got) - i); r.Seq != want {
				t.Fatalf("cycle %d: at the place of line %d lies %d", n, want, r.Seq)
			}
			if want := line(int(r.Seq)); r.Text != want.Text {
				t.Fatalf("cycle %d: line %d reads %q, want %q", n, r.Seq, r.Text, want.Text)
			}
		}
		if uint64(len(got)) < promised || uint64(len(got)) < most {
			t.Fatalf("cycle %d: %d lines are left; %d were durable, %d were there before", n, len(got), promised, most)
		}
		if v, err := a.Verify(t.Context(), 0); err != nil || len(v.Damage) > 0 {
			t.Fatalf("cycle %d: Verify: %v, %v", n, v.Damage, err)
		}
		most = uint64(len(got))
		a.Close()
	}
	if promises == 0 {
		t.Fatal("nothing was ever durable")
	}
	t.Logf("%d kills, %d lines, none lost", cycles, most)
}

// killOnce runs a writer for a moment, kills it, and returns the last line that
// it said to be durable.
func killOnce(t *testing.T, dir string) (durable uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ARCHIVE_TO_BE_KILLED="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	kill := time.AfterFunc(200*time.Millisecond+rand.N(500*time.Millisecond), func() { cmd.Process.Kill() })
	defer kill.Stop()
	for said := bufio.NewScanner(out); said.Scan(); {
		if _, err := fmt.Sscan(said.Text(), &durable); err != nil {
			t.Fatalf("the writer says %q", said.Text())
		}
	}
	return durable
}

// TestCutOffAnywhere cuts a small archive at every byte, as a power cut may
// leave it: what is whole is found, and lines can be appended again.
func TestCutOffAnywhere(t *testing.T) {
	dir := t.TempDir()
	a := openAt(t, dir, quick())
	for n := range 3 {
		a.Append(lines(n*10, n*10+10))
		a.mu.Lock()
		a.sealLocked()
		a.mu.Unlock()
	}
	a.Append(lines(30, 35))
	a.Close()
	names, _ := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	if len(names) != 1 {
		t.Fatal(names)
	}
	whole, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	step := 499 // prime to everything in there; each byte would take minutes
	for cut := 0; cut < len(whole); cut += step {
		sub := t.TempDir()
		if err := os.WriteFile(filepath.Join(sub, filepath.Base(names[0])), whole[:cut], 0o640); err != nil {
			t.Fatal(err)
		}
		b, err := Open(sub, quick(), nil)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		got := all(t, b, Query{})
		if len(got) != 0 && len(got) != 10 && len(got) != 20 && len(got) != 30 {
			t.Fatalf("cut at %d: %d lines", cut, len(got))
		}
		if b.Append([]Record{line(99)}); len(all(t, b, Query{})) != len(got)+1 {
			t.Fatalf("cut at %d: a line cannot be appended", cut)
		}
		b.Close()
		again, err := Open(sub, quick(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(all(t, again, Query{})); n != len(got)+1 {
			t.Fatalf("cut at %d: %d lines after another start, want %d", cut, n, len(got)+1)
		}
		again.Close()
	}
}

func TestTheJournalHoldsWhatIsNotYetABlock(t *testing.T) {
	dir := t.TempDir()
	a := openAt(t, dir, quick())
	a.Append(lines(0, 25))
	journal := filepath.Join(dir, journalName)
	until(t, "the journal", func() bool { i, err := os.Stat(journal); return err == nil && i.Size() > 1000 })
	a.Append(lines(25, 30))
	size := func() int64 { i, _ := os.Stat(journal); return i.Size() }
	first := size()
	until(t, "more in the journal", func() bool { return size() > first })
	data, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	cuts := []int{len(data)}
	for cut := 0; cut < len(data); cut += 241 {
		cuts = append(cuts, cut)
	}
	for _, cut := range cuts {
		sub := t.TempDir()
		if err := os.WriteFile(filepath.Join(sub, journalName), data[:cut], 0o640); err != nil {
			t.Fatal(err)
		}
		for again := range 2 {
			b, err := Open(sub, quick(), nil)
			if err != nil {
				t.Fatal(err)
			}
			got := all(t, b, Query{})
			if n := len(got); n != 0 && n != 25 && n != 30 || cut == len(data) && n != 30 {
				t.Fatalf("cut at %d, start %d: %d lines", cut, again, n)
			}
			for _, r := range got {
				if !strings.Contains(r.Text, fmt.Sprintf("sshd[%d]", r.Seq-1)) {
					t.Fatalf("line %d reads %q", r.Seq, r.Text)
				}
			}
			b.Close()
		}
	}
}

func FuzzBlock(f *testing.F) {
	b := newBlock(1)
	for _, r := range lines(0, 5) {
		b.add(&r)
	}
	f.Add(b.raw)
	f.Add([]byte{0xff, 0, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		n := 0
		for v, err := range views(1, raw) {
			if err != nil {
				break
			}
			r := v.record()
			if len(r.Text) > len(raw) {
				t.Fatal("a line longer than its block")
			}
			n++
		}
		if n > len(raw) {
			t.Fatalf("%d lines in %d bytes", n, len(raw))
		}
	})
}
