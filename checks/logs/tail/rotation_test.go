package tail

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ledger counts numbered lines. It keeps which came as ranges, so that one that
// is lost or comes twice is known by its number.
type ledger struct {
	Next  int      `json:"next"`  // every smaller number has come
	Ahead []int    `json:"ahead"` // came before others
	Twice []string `json:"twice"`
	Other []string `json:"other"`
	ahead map[int]bool
}

func (*ledger) Name() string      { return "ledger" }
func (*ledger) Wants(Source) bool { return true }

func (l *ledger) Take(b Block) {
	for line := range b.Lines() {
		text := string(line.Text)
		n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(text, "line "), " end"))
		if err != nil || !strings.HasSuffix(text, " end") {
			l.Other = append(l.Other, text)
			continue
		}
		if n < l.Next || l.ahead[n] {
			l.Twice = append(l.Twice, fmt.Sprintf("%d in %s", n, b.Path))
			continue
		}
		if l.ahead == nil {
			l.ahead = map[int]bool{}
		}
		l.ahead[n] = true
		for l.ahead[l.Next] {
			delete(l.ahead, l.Next)
			l.Next++
		}
	}
}

func (l *ledger) State() (json.RawMessage, error) {
	l.Ahead = l.Ahead[:0]
	for n := range l.ahead {
		l.Ahead = append(l.Ahead, n)
	}
	return json.Marshal(l)
}

func (l *ledger) Restore(raw json.RawMessage) error {
	*l = ledger{}
	if err := json.Unmarshal(raw, l); err != nil {
		return err
	}
	l.ahead = map[int]bool{}
	for _, n := range l.Ahead {
		l.ahead[n] = true
	}
	return nil
}

// readerEnv makes the test binary the reader that is killed.
const readerEnv = "XUNJIAN_TAIL_READER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(readerEnv); dir != "" {
		read(dir)
		return
	}
	os.Exit(m.Run())
}

// read reads as an agent does until it is killed, and prints after each commit
// how far it came.
func read(dir string) {
	l := &ledger{}
	t := New(Options{
		Sources: []Source{{Name: "app", Files: []string{filepath.Join(dir, "log", "app.log")}}},
		Dir:     filepath.Join(dir, "state"), From: Beginning, Linger: 300 * time.Millisecond,
	})
	t.Subscribe(l)
	ctx := context.Background()
	if err := t.Open(ctx); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	r := rand.New(rand.NewPCG(uint64(os.Getpid()), 2))
	for {
		t.Poll(ctx)
		if r.IntN(3) == 0 {
			if err := t.With(func() {
				s := t.StatsLocked()[0]
				fmt.Println("committed", l.Next, len(l.ahead), len(l.Twice), len(l.Other), s.Gaps, s.Truncations, waiting(t), s.Error)
			}); err != nil {
				fmt.Println("error", err)
			}
			if len(l.Twice)+len(l.Other) > 0 {
				fmt.Println("error twice", l.Twice, "other", l.Other)
				os.Exit(1)
			}
		}
		time.Sleep(time.Duration(r.IntN(400)) * time.Microsecond)
	}
}

// waiting counts the logs of which a file is still in the making, and has to be
// looked at again.
func waiting(t *Tailer) (n int) {
	for _, st := range t.feeds[0].src.(*files).streams {
		if st.search {
			n++
		}
	}
	return n
}

// rotor writes numbered lines and rotates at random instants as logrotate does
// with create, and as programs do that put the time into the name; sometimes it
// writes on into the renamed file, or half a line before the rotation and the
// other half after it.
type rotor struct {
	t    *testing.T
	r    *rand.Rand
	dir  string
	f    *os.File
	next int // number of the next line
	// kept are the names of the rotated files, the newest first.
	kept      []string
	dated     bool // by the time in the name, not by shifted numbers
	rotations int
}

func (w *rotor) open() {
	f, err := os.OpenFile(filepath.Join(w.dir, "app.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	w.f = f
}

func (w *rotor) write(n int) {
	var b []byte
	for range n {
		b = append(strconv.AppendInt(append(b, "line "...), int64(w.next), 10), " end\n"...)
		w.next++
	}
	if cut := w.r.IntN(4 * len(b)); cut < len(b) { // in two writes
		w.put(b[:cut])
		b = b[cut:]
	}
	w.put(b)
}

func (w *rotor) put(b []byte) {
	if _, err := w.f.Write(b); err != nil {
		w.t.Fatal(err)
	}
}

// rotate renames the file, with numbers all older ones too, and goes on in a new
// one.
func (w *rotor) rotate() {
	w.rotations++
	if w.dated {
		w.rename("app.log", fmt.Sprintf("app.log-20261129.%09d", w.rotations))
		w.kept = slices.Insert(w.kept, 0, fmt.Sprintf("app.log-20261129.%09d", w.rotations))
	} else {
		w.kept = append(w.kept, "")
		for n := len(w.kept) - 1; n > 0; n-- {
			w.kept[n] = fmt.Sprintf("app.log.%d", n+1)
			if strings.HasSuffix(w.kept[n-1], ".gz") {
				w.kept[n] += ".gz"
			}
			w.rename(w.kept[n-1], w.kept[n])
		}
		w.kept[0] = "app.log.1"
		w.rename("app.log", w.kept[0])
	}
	if w.r.IntN(3) == 0 {
		w.write(1 + w.r.IntN(3)) // the program has not been told yet
	}
	w.f.Close()
	w.open()
}

// pack compresses a rotated file, not the newest, as logrotate does a rotation
// later.
func (w *rotor) pack() {
	if len(w.kept) < 2 {
		return
	}
	n := 1 + w.r.IntN(len(w.kept)-1)
	path := filepath.Join(w.dir, w.kept[n])
	raw, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	if strings.HasSuffix(path, ".gz") || len(raw) == 0 {
		return // logrotate's notifempty
	}
	f, err := os.Create(path + ".gz")
	if err != nil {
		w.t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	_, err1 := z.Write(raw)
	if err := errors.Join(err1, z.Close(), f.Close(), os.Remove(path)); err != nil {
		w.t.Fatal(err)
	}
	w.kept[n] += ".gz"
}

func (w *rotor) rename(from, to string) {
	if err := syscall.Rename(filepath.Join(w.dir, from), filepath.Join(w.dir, to)); err != nil {
		w.t.Fatal(err)
	}
}

// forget deletes the oldest files, all of whose lines were read.
func (w *rotor) forget(keep int) {
	for len(w.kept) > keep {
		last := len(w.kept) - 1
		if err := os.Remove(filepath.Join(w.dir, w.kept[last])); err != nil {
			w.t.Fatal(err)
		}
		w.kept = w.kept[:last]
	}
	if keep == 0 {
		w.dated = !w.dated
	}
}

// reader is the process that is killed.
type reader struct {
	cmd  *exec.Cmd
	said chan string
}

// buildReader compiles this test binary without the race detector, which would
// take most of the time of a test that is one goroutine each side.
func buildReader(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "reader")
	cmd := exec.Command("go", "test", "-c", "-trimpath", "-o", bin, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the reader: %v\n%s", err, out)
	}
	return bin
}

func startReader(t *testing.T, bin, dir string) *reader {
	cmd := exec.Command(bin)
	cmd.Env = append(os.Environ(), readerEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := &reader{cmd, make(chan string, 1000)}
	go func() {
		defer close(r.said)
		for sc := bufio.NewScanner(out); sc.Scan(); {
			select {
			case r.said <- sc.Text():
			default: // nobody listens now
			}
		}
	}()
	return r
}

func (r *reader) kill() {
	_ = r.cmd.Process.Signal(syscall.SIGKILL)
	for range r.said {
	}
	_ = r.cmd.Wait()
}

// reach waits until every line before next has been committed, and, if settled
// is set, nothing has to be looked at again.
func (r *reader) reach(t *testing.T, next int, settled bool) {
	t.Helper()
	deadline := time.After(60 * time.Second)
	last := ""
	for {
		select {
		case s, ok := <-r.said:
			if !ok || strings.HasPrefix(s, "error") {
				t.Fatalf("the reader stopped: %s; before that %s", s, last)
			}
			last = s
			var n, ahead, twice, other, gaps, truncations, waiting int
			fmt.Sscanf(s, "committed %d %d %d %d %d %d %d", &n, &ahead, &twice, &other, &gaps, &truncations, &waiting)
			if truncations > 0 || gaps > 0 {
				t.Fatalf("the reader believes that a file was emptied or lost: %s", s)
			}
			if n >= next && (waiting == 0 || !settled) {
				return
			}
		case <-deadline:
			t.Fatalf("want lines up to %d; the reader says %s", next, last)
		}
	}
}

// scratch is a folder in memory where the system has one: the state is synced at
// every commit, and it is not the disk that is tested.
func scratch(t *testing.T) string {
	if os.Getenv("TMPDIR") == "" {
		if dir, err := os.MkdirTemp("/dev/shm", "xunjian"); err == nil {
			t.Cleanup(func() { os.RemoveAll(dir) })
			return dir
		}
	}
	return t.TempDir()
}

// rotations is how many TestRotation makes in CI.
const rotations = 100_000

// TestRotation: no line is lost, none comes twice, and nothing is believed lost
// or emptied, over random rotations and kills of the reader at random instants.
// XUNJIAN_ROTATIONS says how many rotations; make soak takes a million.
func TestRotation(t *testing.T) {
	t.Parallel()
	want := rotations
	if testing.Short() {
		want = 5000
	}
	if n, err := strconv.Atoi(os.Getenv("XUNJIAN_ROTATIONS")); err == nil {
		want = n
	}
	rotate(t, want, false)
}

// TestPackedRotation is the same with files that are compressed at random
// instants, which takes longer: what may still be in the making is waited for.
func TestPackedRotation(t *testing.T) {
	t.Parallel()
	rotate(t, 600, true)
}

func rotate(t *testing.T, want int, packs bool) {
	t.Helper()
	dir := scratch(t)
	logs := filepath.Join(dir, "log")
	if err := os.Mkdir(logs, 0o700); err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	w := &rotor{t: t, r: rand.New(rand.NewPCG(seed, 1)), dir: logs}
	w.open()
	bin := buildReader(t)
	rd := startReader(t, bin, dir)
	defer func() { rd.kill() }()
	kills, room := 0, 10
	for w.rotations < want {
		switch k := w.r.IntN(1000); {
		case k < 500:
			w.write(1 + w.r.IntN(5))
		case k < 970:
			w.rotate()
		case k < 998 && packs:
			w.pack()
		case k < 998:
			w.rotate()
		case k == 998:
			rd.kill()
			kills++
			for range w.r.IntN(4) { // goes on while nobody reads
				w.write(1 + w.r.IntN(5))
				w.rotate()
			}
			rd = startReader(t, bin, dir)
		}
		// Nothing is deleted that was not read, which would be a loss by itself:
		// who has read the line in the new file has seen that the old one lost
		// its name, and who waits for nothing has seen what was compressed.
		if len(w.kept) > room {
			w.write(1)
			rd.reach(t, w.next, packs)
			w.forget(w.r.IntN(5))
			room = 5 + w.r.IntN(15)
		}
	}
	rd.reach(t, w.next, packs)
	t.Logf("%d lines, %d rotations, %d kills", w.next, w.rotations, kills)
}
