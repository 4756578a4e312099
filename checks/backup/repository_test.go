package backup_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/backup"
)

// canary is the password of the repositories. It must never be seen.
const canary = "canary-7f3a-correct-horse"

// keeper is a real program with a repository of its own.
type keeper struct {
	t    *testing.T
	kind backup.Kind
	repo string
	data string // what is backed up
	pass string // file
	made int
}

func newKeeper(t *testing.T, kind backup.Kind) *keeper {
	t.Helper()
	dir := t.TempDir()
	k := &keeper{t: t, kind: kind, repo: filepath.Join(dir, "repo"), data: filepath.Join(dir, "data"), pass: filepath.Join(dir, "password")}
	must(t, 0, os.Mkdir(k.data, 0o755))
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 20 { // that does not compress, so that it is the largest of the repository
		b := make([]byte, 40_000)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		write(t, filepath.Join(k.data, fmt.Sprint(n)), b)
	}
	write(t, k.pass, []byte(canary+"\n"))
	must(t, 0, os.Chmod(k.pass, 0o600))
	if kind == backup.Restic {
		k.run("restic", "init")
	} else {
		k.run("borg", "init", "--encryption=repokey", k.repo)
	}
	return k
}

// run runs the program as whoever makes the backups does.
func (k *keeper) run(args ...string) {
	k.t.Helper()
	if out, err := k.command(args...).CombinedOutput(); err != nil {
		k.t.Fatalf("%v (see .ci/packages): %v\n%s", args, err, out)
	}
}

func (k *keeper) command(args ...string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "RESTIC_REPOSITORY="+k.repo, "RESTIC_PASSWORD="+canary, "BORG_PASSPHRASE="+canary,
		"BORG_BASE_DIR="+filepath.Dir(k.repo), "RESTIC_CACHE_DIR="+filepath.Dir(k.repo)+"/cache")
	return cmd
}

func (k *keeper) backup() {
	k.t.Helper()
	k.made++
	if k.kind == backup.Restic {
		k.run("restic", "backup", "-q", k.data)
		return
	}
	k.run("borg", "create", fmt.Sprintf("%s::nightly-%d", k.repo, k.made), k.data)
}

func (k *keeper) set() backup.Set {
	return backup.Set{Kind: k.kind, Repository: backup.Repository{Location: k.repo, PasswordFile: k.pass}}
}

// asked is what the set comes to once the repository was asked.
func (k *keeper) asked(s backup.Set) checks.Result {
	k.t.Helper()
	return judged(k.t, s)
}

// damage changes bytes in the largest file of the repository.
func (k *keeper) damage() {
	k.t.Helper()
	var best string
	var size int64
	filepath.WalkDir(filepath.Join(k.repo, "data"), func(p string, d os.DirEntry, err error) error {
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() && info.Size() > size {
			best, size = p, info.Size()
		}
		return nil
	})
	must(k.t, 0, os.Chmod(best, 0o600))
	b := read(k.t, best)
	write(k.t, best, b[:len(b)/2])
}

// TestRepositories: both programs, for real.
func TestRepositories(t *testing.T) {
	for _, kind := range []backup.Kind{backup.Restic, backup.Borg} {
		t.Run(string(kind), func(t *testing.T) {
			k := newKeeper(t, kind)
			want(t, "nothing in it", k.asked(k.set()), "repository_empty abnormal")
			k.backup()
			k.backup()
			checked := k.set()
			checked.Repository.CheckEvery = 24 * time.Hour
			good := k.asked(checked)
			want(t, "good", good, "repository_good ok")
			if n, size := value(t, good, "files"), value(t, good, "size_bytes"); n != 2 || size < 500_000 {
				t.Errorf("%v backups, the newest of %v bytes", n, size)
			}
			if value(t, good, "repository_check_success") != 1 || value(t, good, "repository_locks") != 0 {
				t.Errorf("figures are %v", good.Samples)
			}
			if at := value(t, good, "last_success_timestamp_seconds"); time.Since(time.Unix(int64(at), 0)) > time.Hour {
				t.Errorf("last success at %v", time.Unix(int64(at), 0))
			}
			small := k.set()
			small.MinSize = 10 << 20
			want(t, "too small", k.asked(small), "repository_good ok, small abnormal")
			k.others(t)
		})
	}
}

// others are the ways in which a repository with backups can be wrong.
func (k *keeper) others(t *testing.T) {
	bad := k.set()
	bad.Repository.PasswordFile = write(t, filepath.Join(t.TempDir(), "wrong"), []byte(canary+"-wrong\n"))
	must(t, 0, os.Chmod(bad.Repository.PasswordFile, 0o600))
	want(t, "wrong password", k.asked(bad), "repository_password abnormal")

	gone := k.set()
	gone.Repository.Location += "-gone"
	want(t, "no repository", k.asked(gone), "repository_missing abnormal")

	blind := k.set()
	blind.Repository.PasswordFile += "-gone"
	want(t, "no password", k.asked(blind), "repository_unread unknown")

	missing := k.set()
	missing.Repository.Program = "/usr/bin/no-such-program"
	want(t, "no program", k.asked(missing), "repository_no_program unknown")

	late := k.set()
	late.Every, late.Grace = time.Minute, time.Nanosecond
	res := watch(t, late, backup.Parts{Now: func() time.Time { return time.Now().Add(3 * time.Minute) }}).known()
	want(t, "late", res, "repository_good ok, late abnormal")

	k.lock(t)
	k.damage()
	checked := k.set()
	checked.Repository.CheckEvery = time.Hour
	res = k.asked(checked)
	if f := finding(t, res, "backup.repository_damaged"); f.Verdict != checks.Abnormal || f.Evidence == "" {
		t.Errorf("damaged: %v", res.Findings)
	}
	if value(t, res, "repository_check_success") != 0 {
		t.Errorf("figures are %v", res.Samples)
	}
}

// lock leaves a lock behind, as a backup that was killed does.
func (k *keeper) lock(t *testing.T) {
	t.Helper()
	if k.kind == backup.Restic {
		// From a pipe that does not end: killed in the middle of its work.
		cmd := k.command("restic", "backup", "--stdin")
		stdin, err := cmd.StdinPipe()
		must(t, 0, err)
		must(t, 0, cmd.Start())
		locks := func() bool { list, _ := filepath.Glob(filepath.Join(k.repo, "locks", "*")); return len(list) > 0 }
		for end := time.Now().Add(time.Minute); !locks() && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		}
		want(t, "while a backup runs", k.asked(k.set()), "repository_good ok")
		must(t, 0, cmd.Process.Kill())
		cmd.Wait()
		stdin.Close()
	} else {
		cmd := k.command("borg", "with-lock", k.repo, "sleep", "600")
		must(t, 0, cmd.Start())
		lock := filepath.Join(k.repo, "lock.exclusive")
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			if list, _ := os.ReadDir(lock); len(list) > 0 {
				break
			}
		}
		want(t, "while a backup runs", k.asked(k.set()), "repository_good ok")
		must(t, 0, cmd.Process.Kill())
		cmd.Wait()
	}
	res := k.asked(k.set())
	want(t, "killed", res, "repository_good ok, repository_locked attention")
	if value(t, res, "repository_lock_left") != 1 || value(t, res, "repository_locks") != 1 {
		t.Errorf("figures are %v", res.Samples)
	}
	if k.kind == backup.Restic {
		k.run("restic", "unlock")
	} else {
		k.run("borg", "break-lock", k.repo)
	}
	want(t, "unlocked", k.asked(k.set()), "repository_good ok")
}

func want(t *testing.T, what string, res checks.Result, want string) {
	t.Helper()
	if got := said(res); got != want {
		t.Errorf("%s: %s, want %s: %v %s", what, got, want, res.Findings, res.Error)
	}
	for _, text := range []string{fmt.Sprint(res.Findings), fmt.Sprint(res.Samples), res.Error} {
		if strings.Contains(text, canary) {
			t.Errorf("%s: the password is seen: %s", what, text)
		}
	}
}

// TestPasswordOnlyByPipe: whoever may list processes does not see it, and it is
// not in what is remembered. The program is a wrapper that notes what it is given and
// is the real one then.
func TestPasswordOnlyByPipe(t *testing.T) {
	for _, kind := range []backup.Kind{backup.Restic, backup.Borg} {
		k := newKeeper(t, kind)
		k.backup()
		dir := t.TempDir()
		note := filepath.Join(dir, "note")
		wrapper := write(t, filepath.Join(dir, "wrapper"), fmt.Appendf(nil, "#!/bin/sh\necho \"$@\" >>%s\nenv >>%s\nexec /usr/bin/%s \"$@\"\n", note, note, kind))
		must(t, 0, os.Chmod(wrapper, 0o755))
		s := k.set()
		s.Repository.Program, s.Repository.CheckEvery = wrapper, time.Hour
		s.Repository.Env = map[string]string{"EXTRA": "seen"}
		s.Repository.EnvFiles = map[string]string{"FROM_FILE": write(t, filepath.Join(dir, "value"), []byte("value-of-a-file\n"))}
		must(t, 0, os.Chmod(filepath.Join(dir, "value"), 0o600))
		parts := backup.Parts{Dir: t.TempDir()}
		want(t, string(kind), watch(t, s, parts).known(), "repository_good ok")
		noted, kept := string(read(t, note)), string(read(t, filepath.Join(parts.Dir, "bids.json")))
		if strings.Contains(noted, canary) || strings.Contains(kept, canary) || strings.Contains(kept, "value-of-a-file") {
			t.Errorf("%s: the password is seen: %s %s", kind, noted, kept)
		}
		if !strings.Contains(noted, "EXTRA=seen") || !strings.Contains(noted, "FROM_FILE=value-of-a-file") || strings.Contains(noted, "GOROOT") {
			t.Errorf("%s: its environment is %s", kind, noted)
		}
		// A program that others may change is not run.
		must(t, 0, os.Remove(note))
		must(t, 0, os.Chmod(wrapper, 0o757))
		want(t, "writable", judged(t, s), "repository_unread unknown")
		if _, err := os.Stat(note); err == nil {
			t.Errorf("%s: was run though anybody can write to it", kind)
		}
	}
}
