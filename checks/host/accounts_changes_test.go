//go:build linux

package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// rooted is a machine with a root of its own and the mounts given, as "point
// type".
func rooted(t *testing.T, mounts ...string) Config {
	t.Helper()
	cfg, dir := Default(), t.TempDir()
	cfg.Rootfs, cfg.Procfs = dir+"/root", dir+"/proc"
	var table strings.Builder
	for i, m := range append(mounts, "/ ext4") {
		point, kind, _ := strings.Cut(m, " ")
		fmt.Fprintf(&table, "%d 1 8:1 / %s rw - %s dev rw\n", i+20, filepath.Join(cfg.Rootfs, point), kind)
	}
	put(t, cfg.Procfs, "1/mountinfo", table.String())
	put(t, cfg.Rootfs, "etc/passwd", "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/bash\nbob:x:1001:1001::/nfs/bob:/bin/bash\n")
	return cfg
}

func paths(c Changes) []string {
	var list []string
	for _, f := range c.Files {
		list = append(list, f.Path)
	}
	return list
}

// A file whose time of modification was set back is still one that changed.
func TestChangedFiles(t *testing.T) {
	cfg := rooted(t, "/etc/net nfs4", "/srv ext4")
	put(t, cfg.Rootfs, "etc/old", "x")
	put(t, cfg.Rootfs, "etc/net/far", "x")
	put(t, cfg.Rootfs, "elsewhere/secret", "x")
	time.Sleep(20 * time.Millisecond) // the clock of files is coarse
	since := time.Now()
	time.Sleep(20 * time.Millisecond)
	put(t, cfg.Rootfs, "etc/cron.d/job\nforged", "x")
	put(t, cfg.Rootfs, "etc/link -> ../elsewhere", "")
	put(t, cfg.Rootfs, "etc/backdated", "xyz")
	put(t, cfg.Rootfs, "srv/www/index.html", "x")
	long := time.Now().AddDate(-3, 0, 0)
	if err := os.Chtimes(cfg.Rootfs+"/etc/backdated", long, long); err != nil {
		t.Fatal(err)
	}
	got, err := ChangedFiles(t.Context(), cfg, []string{"/etc", "/srv/www", "/", "relative", "/etc/net", "/missing"}, since, 20)
	if err != nil {
		t.Fatal(err)
	}
	list := paths(got)
	slices.Sort(list)
	if want := []string{"/etc/backdated", "/etc/cron.d/job\uFFFDforged", "/etc/link", "/srv/www/index.html"}; !slices.Equal(list, want) {
		t.Errorf("changed: %q, want %q", list, want)
	}
	if want := []string{"/etc/net", "/", "relative", "/etc/net", "/missing"}; !slices.Equal(got.Skipped, want) {
		t.Errorf("skipped: %q, want %q", got.Skipped, want)
	}
	if got.Total != 4 || got.Seen != 6 || got.Partial || got.Unread != 0 {
		t.Errorf("%+v", got)
	}
	i := slices.IndexFunc(got.Files, func(f ChangedFile) bool { return f.Path == "/etc/backdated" })
	if f := got.Files[i]; f.Size != 3 || f.At.Before(since) || f.Owner == "" {
		t.Errorf("%+v", f)
	}
	// A file stands for the folder it is in.
	if got, _ := ChangedFiles(t.Context(), cfg, []string{"/srv/www/index.html"}, since, 20); got.Total != 1 || len(got.Skipped) > 0 {
		t.Errorf("of a file: %+v", got)
	}
	// The newest comes first, and the others are counted.
	if got, _ = ChangedFiles(t.Context(), cfg, []string{"/etc"}, since, 1); len(got.Files) != 1 || got.Total != 3 || got.Files[0].Path != "/etc/backdated" {
		t.Errorf("the newest one: %+v", got)
	}
}

// More files than there is room for, and no time at all.
func TestChangedFilesAreBounded(t *testing.T) {
	cfg := rooted(t)
	for i := range maxLookedAt + 10 {
		name := fmt.Sprintf("%s/etc/d%d/f%d", cfg.Rootfs, i/2000, i)
		if i%2000 == 0 {
			if err := os.Mkdir(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := ChangedFiles(t.Context(), cfg, []string{"/etc"}, time.Time{}, 20)
	if err != nil || !got.Partial || len(got.Files) != 20 || got.Seen > maxLookedAt {
		t.Errorf("%d shown, %d seen, partial %v, %v", len(got.Files), got.Seen, got.Partial, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err = ChangedFiles(ctx, cfg, []string{"/etc"}, time.Time{}, 20); err != nil || !got.Partial || got.Seen > 0 {
		t.Errorf("without time: %+v, %v", got, err)
	}
}

func TestAccountFiles(t *testing.T) {
	cfg := rooted(t)
	put(t, cfg.Rootfs, "etc/group", "root:x:0:\n")
	time.Sleep(20 * time.Millisecond)
	since := time.Now()
	time.Sleep(20 * time.Millisecond)
	if got, err := AccountFiles(t.Context(), cfg, since, 20); err != nil || got.Total != 0 || got.Seen != 2 {
		t.Errorf("nothing changed: %+v, %v", got, err)
	}
	put(t, cfg.Rootfs, "etc/shadow", "root:*:::::::\n")
	put(t, cfg.Rootfs, "etc/sudoers.d/90-x", "x ALL=(ALL) NOPASSWD: ALL\n")
	got, err := AccountFiles(t.Context(), cfg, since, 20)
	list := paths(got)
	slices.Sort(list)
	if want := []string{"/etc/shadow", "/etc/sudoers.d/90-x"}; err != nil || !slices.Equal(list, want) {
		t.Errorf("%v, %v, want %v", list, err, want)
	}
}

// Homes on other machines are not asked for, since that could hang.
func TestKeyFiles(t *testing.T) {
	cfg := rooted(t, "/nfs nfs4")
	for _, home := range []string{"root", "home/alice", "nfs/bob"} {
		put(t, cfg.Rootfs, home+"/.ssh/authorized_keys", "ssh-ed25519 AAAA x\n")
	}
	got, err := KeyFiles(t.Context(), cfg, time.Now().Add(-time.Hour), 20)
	list := paths(got)
	slices.Sort(list)
	if want := []string{"/home/alice/.ssh/authorized_keys", "/root/.ssh/authorized_keys"}; err != nil || !slices.Equal(list, want) {
		t.Errorf("%v, %v, want %v", list, err, want)
	}
	if want := []string{"/nfs/bob"}; !slices.Equal(got.Skipped, want) {
		t.Errorf("skipped: %v, want %v", got.Skipped, want)
	}
}

// What an ordinary user may not see is counted, not taken for unchanged.
func TestChangesUnread(t *testing.T) {
	cfg := rooted(t)
	put(t, cfg.Rootfs, "etc/closed/x", "x")
	put(t, cfg.Rootfs, "root/.ssh/authorized_keys", "x")
	for _, dir := range []string{"etc/closed", "root"} {
		path := filepath.Join(cfg.Rootfs, dir)
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(path, 0o755) })
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends, without its rights
		head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&head, &none[0]); err != nil {
			t.Error(err)
			return
		}
		got, err := ChangedFiles(t.Context(), cfg, []string{"/etc"}, time.Time{}, 20)
		if err != nil || got.Unread != 1 {
			t.Errorf("%+v, %v", got, err)
		}
		if got, err = KeyFiles(t.Context(), cfg, time.Time{}, 20); err != nil || got.Unread != 2 {
			t.Errorf("keys: %+v, %v", got, err)
		}
	}()
	<-done
}

func TestChangesWithoutMountTable(t *testing.T) {
	cfg := rooted(t)
	os.RemoveAll(cfg.Procfs)
	if _, err := ChangedFiles(t.Context(), cfg, []string{"/etc"}, time.Time{}, 20); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v: which mounts could hang is not known", err)
	}
}
