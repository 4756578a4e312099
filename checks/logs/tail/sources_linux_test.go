package tail

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// journalOf makes journal files as journald does, by systemd-journal-remote from
// its export format.
type journalOf struct {
	t    *testing.T
	dir  string
	next int
}

// put appends entries to a file of the journal and returns what is to be read
// of them.
func (j *journalOf) put(file string, n int) (want []string) {
	j.t.Helper()
	var b bytes.Buffer
	for range n {
		j.next++
		message := fmt.Sprintf("entry %d", j.next)
		at := time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC).Add(time.Duration(j.next) * time.Millisecond)
		fmt.Fprintf(&b, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%032x\n_HOSTNAME=web1\nSYSLOG_IDENTIFIER=app\n_PID=7\n", at.UnixMicro(), 1000*j.next, 0xabc)
		if j.next%10 == 0 { // of two lines, and then in bytes
			message += "\nforged"
			b.WriteString("MESSAGE\n")
			b.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(message))))
			b.WriteString(message + "\n\n")
		} else {
			b.WriteString("MESSAGE=" + message + "\n\n")
		}
		want = append(want, at.Format("2006-01-02T15:04:05.000000Z")+" web1 app[7]: "+strings.ReplaceAll(message, "\n", " "))
	}
	cmd := exec.Command("/usr/lib/systemd/systemd-journal-remote", "--output="+filepath.Join(j.dir, file), "-")
	cmd.Stdin = &b
	if out, err := cmd.CombinedOutput(); err != nil {
		j.t.Fatalf("%v: %s; install systemd-journal-remote", err, out)
	}
	return want
}

// read polls until nothing more comes, as long as the journal is asked.
func (r *rig) read() (lines []string) {
	r.t.Helper()
	for range 2 + int(journalEvery/time.Second) {
		r.poll()
		if s := r.tail.Stats()[0]; s.Error != "" {
			r.t.Fatal(s.Error)
		}
		lines = append(lines, r.got.lines...)
		r.got.lines = nil
	}
	return lines
}

func (r *rig) same(what string, got, want []string) {
	r.t.Helper()
	if !slices.Equal(got, want) {
		r.t.Errorf("%s: got %d lines, want %d\n got %.400q\nwant %.400q", what, len(got), len(want), got, want)
	}
}

// TestJournal reads journal files with journalctl: every entry once, over more
// than one batch, a restart, a kill, and a file that takes another's place.
func TestJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := &journalOf{t: t, dir: filepath.Join(dir, "journal")}
	r := &rig{t: t, dir: dir, conf: Source{Name: "journal", Journal: true, JournalFiles: j.dir}, now: time.Now()}
	r.must(os.Mkdir(j.dir, 0o700))
	first := j.put("a.journal", journalBatch+500)
	r.start(Beginning)
	r.same("all that is there", r.read(), first)
	r.commit()
	r.same("nothing twice", r.read(), nil)

	second := j.put("a.journal", 30)
	r.same("what came later", r.read(), second)
	r.restart() // before it was committed
	r.same("what was not committed, again", r.read(), second)
	r.commit()

	third := j.put("a.journal", 20)
	r.restart()
	third = append(third, j.put("b.journal", 20)...)
	r.same("what came while nobody read, over two files", r.read(), third)
	r.must(r.tail.Close())
	r.must(os.Remove(filepath.Join(j.dir, "a.journal")))
	fourth := j.put("b.journal", 10)
	r.start(Start{})
	r.same("after the older file was deleted", r.read(), fourth)
	if s := r.tail.Stats()[0]; s.Lines != uint64(j.next) {
		t.Errorf("%d lines are counted of %d entries", s.Lines, j.next)
	}
}

// TestJournalFromNow begins with what comes after the first look.
func TestJournalFromNow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := &journalOf{t: t, dir: filepath.Join(dir, "journal")}
	r := &rig{t: t, dir: dir, conf: Source{Name: "journal", Journal: true, JournalFiles: j.dir}, now: time.Now()}
	r.must(os.Mkdir(j.dir, 0o700))
	j.put("a.journal", 50)
	r.start(Start{})
	r.same("what was there", r.read(), nil)
	want := j.put("a.journal", 5)
	r.same("what is new", r.read(), want)
}

// TestKernelRing reads what the kernel of this machine says of network cards of
// a network namespace of the test's own.
func TestKernelRing(t *testing.T) {
	dir := t.TempDir()
	r := &rig{t: t, dir: dir, conf: Source{Name: "kernel", Kernel: true}, now: time.Now()}
	card := fmt.Sprintf("xj%d", os.Getpid()%1_000_000)
	say := func(suffix string) string {
		name := card + suffix
		script := fmt.Sprintf("ip link add %s type veth peer name %sp && ip link set %s promisc on", name, name, name)
		if out, err := exec.Command("unshare", "-n", "sh", "-c", script).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return name
	}
	// ours are the names of those cards in the lines that were read.
	ours := func() (names []string) {
		r.poll()
		if s := r.tail.Stats()[0]; s.Error != "" {
			t.Fatal(s.Error)
		}
		for _, l := range r.got.lines {
			if at := strings.Index(l, card); at >= 0 && strings.Contains(l, "entered promiscuous mode") {
				if !strings.Contains(l, " localhost kernel: ") {
					t.Errorf("%q is not known as the kernel's", l)
				}
				names = append(names, strings.TrimRight(l[at:at+len(card)+1], ":"))
			}
			if strings.Contains(l, "forged") {
				t.Errorf("a line that a person put into the ring counts as the kernel's: %q", l)
			}
		}
		r.got.lines = nil
		return names
	}
	say("a")
	r.start(Start{})
	r.same("what was there", ours(), nil)
	b := say("b")
	r.must(os.WriteFile("/dev/kmsg", []byte("<0>forged: Out of memory: Killed process 1 ("+card+")"), 0))
	r.same("what came", ours(), []string{b})
	r.commit()
	c := say("c")
	r.same("more", ours(), []string{c})
	r.restart()
	r.same("what was not committed, again", ours(), []string{c})
	r.commit()
	r.restart()
	d := say("d")
	r.same("after a restart", ours(), []string{d})
	r.must(r.tail.Close())
	e := say("e")
	r.start(Start{})
	r.same("while nobody read", ours(), []string{e})
}
