package tail

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
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
				fmt.Println("committed", l.Next, len(l.ahead), len(l.Twice), len(l.Other), s.Gaps, s.Truncations, s.Error)
			}); err != nil {
				fmt.Println("error", err)
			}
			if len(l.Twice)+len(l.Other) > 0 {
				fmt.Println("error twice", l.Twice, "other", l.Other)
				os.Exit(1)
			}
		}
		time.Sleep(time.Duration(r.IntN(3)) * time.Millisecond)
	}
}

// rotor writes numbered lines and rotates as logrotate does with create, at
// random instants; sometimes it writes on into the renamed file, or half a line
// before the rotation and the other half after it.
type rotor struct {
	t    *testing.T
	r    *rand.Rand
	dir  string
	f    *os.File
	next int
	// first is the number of the first line of each kept file.
	rotated int
}

func (w *rotor) path(n int) string {
	if n == 0 {
		return filepath.Join(w.dir, "app.log")
	}
	return filepath.Join(w.dir, fmt.Sprintf("app.log.%d", n))
}

func (w *rotor) open() {
	f, err := os.OpenFile(w.path(0), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	w.f = f
}

func (w *rotor) write(n int) {
	var b strings.Builder
	for range n {
		fmt.Fprintf(&b, "line %d end\n", w.next)
		w.next++
	}
	text := b.String()
	if cut := w.r.IntN(4 * len(text)); cut < len(text) { // in two writes
		w.put(text[:cut])
		text = text[cut:]
	}
	w.put(text)
}

func (w *rotor) put(s string) {
	if _, err := w.f.WriteString(s); err != nil {
		w.t.Fatal(err)
	}
}

// rotate renames all files by one, as logrotate does, and goes on in a new one.
func (w *rotor) rotate() {
	for n := w.rotated; n >= 0; n-- {
		if err := os.Rename(w.path(n), w.path(n+1)); err != nil {
			w.t.Fatal(err)
		}
	}
	w.rotated++
	late := w.r.IntN(3) == 0
	if late {
		w.write(1 + w.r.IntN(3)) // the program has not been told yet
	}
	w.f.Close()
	w.open()
}

// forget deletes the oldest files, all of whose lines were read.
func (w *rotor) forget(keep int) {
	for ; w.rotated > keep; w.rotated-- {
		if err := os.Remove(w.path(w.rotated)); err != nil {
			w.t.Fatal(err)
		}
	}
}

// reader is the process that is killed.
type reader struct {
	cmd  *exec.Cmd
	said chan string
}

func startReader(t *testing.T, dir string) *reader {
	cmd := exec.Command(os.Args[0])
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

// reach waits until every line before next has been committed.
func (r *reader) reach(t *testing.T, next int) {
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
			var n, ahead, twice, other, gaps, truncations int
			fmt.Sscanf(s, "committed %d %d %d %d %d %d", &n, &ahead, &twice, &other, &gaps, &truncations)
			if truncations > 0 {
				t.Fatalf("the reader believes that a file was emptied: %s", s)
			}
			if n >= next {
				return
			}
		case <-deadline:
			t.Fatalf("want lines up to %d; the reader says %s", next, last)
		}
	}
}

// TestRotation: no line is lost and none comes twice, over random rotations
// and kills of the reader at random instants. XUNJIAN_ROTATIONS says how many;
// make soak takes a million.
func TestRotation(t *testing.T) {
	events := 100_000
	if testing.Short() {
		events = 5000
	}
	if n, err := strconv.Atoi(os.Getenv("XUNJIAN_ROTATIONS")); err == nil {
		events = n
	}
	dir := t.TempDir()
	logs := filepath.Join(dir, "log")
	if err := os.Mkdir(logs, 0o700); err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	w := &rotor{t: t, r: rand.New(rand.NewPCG(seed, 1)), dir: logs}
	w.open()
	rd := startReader(t, dir)
	defer func() { rd.kill() }()
	kills, rotations := 0, 0
	for n := range events {
		switch k := w.r.IntN(100); {
		case k < 92:
			w.write(1 + w.r.IntN(5))
		case k < 99:
			w.rotate()
			rotations++
		case n%8 == 0:
			rd.kill()
			kills++
			for range w.r.IntN(4) { // goes on while nobody reads
				w.write(1 + w.r.IntN(5))
				w.rotate()
			}
			rd = startReader(t, dir)
		}
		// Nothing is deleted that was not read: that would be a loss by itself.
		if w.rotated > 60 {
			rd.reach(t, w.next)
			w.forget(5)
		}
	}
	rd.reach(t, w.next)
	t.Logf("%d events: %d lines, %d rotations, %d kills", events, w.next, rotations, kills)
}
