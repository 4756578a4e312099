//go:build linux

package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"xunjian/checks"
)

// fakeMounts is a machine with the mounts named, and a statfs that waits while
// its mount is held.
type fakeMounts struct {
	table []mount
	// held is read by probes that may still be under way.
	mu    sync.Mutex
	held  map[string]chan struct{}
	fails map[string]error
}

func (m *fakeMounts) gate(point string) chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.held[point]
}

func (m *fakeMounts) release(point string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.held, point)
}

func (m *fakeMounts) check(timeout time.Duration) *filesystemCheck {
	c := newFilesystem(FilesystemConfig{Timeout: timeout})
	c.mounts = func() ([]mount, bool, error) { return m.table, true, nil }
	c.usage = func(at mount) (usage, error) {
		if gate := m.gate(at.point); gate != nil {
			<-gate
		}
		return usage{size: 100, free: 40, avail: 40, files: 10, filesFree: 5}, m.fails[at.point]
	}
	return c
}

func mounted(points ...string) (table []mount) {
	for i, p := range points {
		table = append(table, mount{id: fmt.Sprint(i), device: "/dev" + p, point: p, fstype: "ext4"})
	}
	return table
}

// A hung mount is unknown, costs one goroutine once, and holds up nobody.
func TestHungMountIsIsolated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		m := &fakeMounts{table: mounted("/", "/mnt/dead", "/srv"), held: map[string]chan struct{}{"/mnt/dead": gate}}
		c := m.check(3 * time.Second)
		for round := range 4 {
			began := time.Now()
			out := run(t, c)
			if took := time.Since(began); round == 0 && took != 3*time.Second || round > 0 && took != 0 {
				t.Errorf("look %d took %v; only the first one waits for the mount, its timeout", round, took)
			}
			f := finding(t, out, "filesystem.hung", "/mnt/dead")
			if f.Verdict != checks.Unknown {
				t.Errorf("verdict %v, want unknown", f.Verdict)
			}
			if waited := f.Args["waited"].(float64); waited != 3+15*float64(round) {
				t.Errorf("look %d: waited for %v s, want %v", round, waited, 3+15*round)
			}
			if v := value(t, out, "node_filesystem_device_error", "/dev/mnt/dead", "/mnt/dead", "ext4"); v != 1 {
				t.Errorf("device_error %v, want 1", v)
			}
			for _, well := range []string{"/", "/srv"} {
				if f := finding(t, out, "filesystem.space", well); f.Args["used"] != 0.6 {
					t.Errorf("%s: used %v, want 0.6", well, f.Args["used"])
				}
			}
			if len(c.probes) != 1 {
				t.Errorf("%d probes under way, want the one that is stuck", len(c.probes))
			}
			time.Sleep(15 * time.Second)
		}
		close(gate)
		synctest.Wait()
		if out := run(t, c); len(out.Findings()) != 3 {
			t.Errorf("after the mount answers again: %v", out.Findings())
		} else {
			finding(t, out, "filesystem.space", "/mnt/dead")
		}
		if len(c.probes) != 0 {
			t.Errorf("%d probes left", len(c.probes))
		}
	})
}

// A mount that is gone while it is hung is forgotten once it answers; another
// one at its place is asked at once.
func TestHungMountReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		m := &fakeMounts{table: mounted("/mnt"), held: map[string]chan struct{}{"/mnt": gate}}
		c := m.check(time.Second)
		finding(t, run(t, c), "filesystem.hung", "/mnt")
		m.release("/mnt")
		m.table[0].id = "another"
		finding(t, run(t, c), "filesystem.space", "/mnt")
		if len(c.probes) != 1 {
			t.Errorf("%d probes, want the stuck one", len(c.probes))
		}
		close(gate)
		synctest.Wait()
		run(t, c)
		if len(c.probes) != 0 {
			t.Errorf("%d probes left after the stuck one answered", len(c.probes))
		}
	})
}

// The deadline of the run holds even if it is shorter than that of a mount.
func TestFilesystemHonoursContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		defer close(gate)
		m := &fakeMounts{table: mounted("/a", "/b"), held: map[string]chan struct{}{"/a": gate}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began, out := time.Now(), checks.NewOutput(0)
		if err := m.check(5*time.Second).Run(ctx, out); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("took %v, want 1s", took)
		}
		finding(t, out, "filesystem.space", "/b")
		finding(t, out, "filesystem.hung", "/a")
	})
}

func TestMountErrors(t *testing.T) {
	m := &fakeMounts{table: mounted("/stale", "/private"), fails: map[string]error{
		"/stale": unix.ESTALE, "/private": unix.EACCES,
	}}
	out := run(t, m.check(time.Second))
	if f := finding(t, out, "filesystem.error", "/stale"); f.Verdict != checks.Abnormal || f.Args["error"] != unix.ESTALE.Error() {
		t.Errorf("%+v", f)
	}
	if f := finding(t, out, "filesystem.forbidden", "/private"); f.Verdict != checks.Unknown {
		t.Errorf("%+v: what may not be looked at is unknown", f)
	}
	for _, s := range out.Samples() {
		if s.Desc == filesystemSize {
			t.Errorf("a size of %v, though the mount told none", s)
		}
	}
}

func TestReadonly(t *testing.T) {
	fstab := map[string]bool{"/wanted": true, "/meant": false}
	for _, c := range []struct {
		name, point string
		looks       []bool // read-only at each look
		want        bool   // a finding at the last
	}{
		{"was writable", "/data", []bool{false, true}, true},
		{"never was writable", "/cdrom", []bool{true, true}, false},
		{"fstab wants it writable", "/wanted", []bool{true}, true},
		{"fstab wants it so", "/meant", []bool{false, true}, false},
		{"is writable again", "/data", []bool{false, true, false}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &fakeMounts{table: mounted(c.point)}
			check := m.check(time.Second)
			check.writable = func(p string) (bool, bool) { w, ok := fstab[p]; return w, ok }
			var out *checks.Output
			for _, ro := range c.looks {
				m.table[0].readonly = ro
				out = run(t, check)
			}
			got := slices.ContainsFunc(out.Findings(), func(f checks.Finding) bool {
				return f.Code == "filesystem.readonly" && f.Verdict == checks.Abnormal
			})
			if got != c.want {
				t.Errorf("finding %v, want %v", got, c.want)
			}
		})
	}
}

func TestNothingMounted(t *testing.T) {
	m := &fakeMounts{}
	err := m.check(time.Second).Run(t.Context(), checks.NewOutput(0))
	if !errors.Is(err, checks.ErrNotApplicable) {
		t.Errorf("%v, want not applicable", err)
	}
}

func TestParseMount(t *testing.T) {
	m, err := parseMount(`40 22 8:17 / /with\040blank\134 rw,noatime shared:5 master:1 - ext4 /dev/sd\011b rw,emergency_ro`)
	if err != nil {
		t.Fatal(err)
	}
	want := mount{id: "40", device: "/dev/sd\tb", point: `/with blank\`, fstype: "ext4", options: "rw,noatime", superOptions: "rw,emergency_ro", readonly: true}
	if m != want {
		t.Errorf("got  %+v\nwant %+v", m, want)
	}
	for _, bad := range []string{"", "40 22 8:1 / /x rw", "40 22 - ext4 /dev/x rw", "40 22 8:1 / /x rw - ext4"} {
		if m, err := parseMount(bad); err == nil {
			t.Errorf("%q is taken for %+v", bad, m)
		}
	}
}

func TestBelow(t *testing.T) {
	for _, c := range [][3]string{
		{"/", "/", "/"}, {"/", "/srv", "/srv"}, {"/host", "/host", "/"}, {"/host/", "/host/srv", "/srv"},
		{"/host", "/hostile", ""}, {"/host", "/proc", ""},
	} {
		if got := below(c[0], c[1]); got != c[2] {
			t.Errorf("below(%q, %q) = %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

// The agent's own table is read where that of PID 1 is hidden.
func TestMountTableFallsBack(t *testing.T) {
	cfg := machine(t)
	r := newMountReader(cfg)
	list, changed, err := r.mounts()
	if err != nil || !changed || len(list) != 6 {
		t.Fatalf("%d mounts, changed %v, error %v; want 6: what is outside of the root does not count", len(list), changed, err)
	}
	if _, changed, _ = r.mounts(); changed {
		t.Error("the same table counts as changed")
	}
	put(t, cfg.Procfs, "self/mountinfo", "1 0 8:1 / "+cfg.Rootfs+" rw - ext4 /dev/own rw\n")
	if err := os.Remove(cfg.Procfs + "/1/mountinfo"); err != nil {
		t.Fatal(err)
	}
	list, changed, err = r.mounts()
	if err != nil || !changed || len(list) != 1 || list[0].device != "/dev/own" {
		t.Errorf("%+v, changed %v, error %v; want the agent's own table", list, changed, err)
	}
	os.Remove(cfg.Procfs + "/self/mountinfo")
	if _, _, err := r.mounts(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a table: %v", err)
	}
}

// realFilesystem looks at the mounts of this process.
func realFilesystem(cfg FilesystemConfig) *filesystemCheck {
	r := newMountReader(Default())
	r.tables = []string{"/proc/self/mountinfo"}
	c := newFilesystem(cfg)
	c.mounts, c.usage, c.writable = r.mounts, r.statfs, r.fstab
	return c
}

func TestRealTmpfsFilled(t *testing.T) {
	if !inNamespaces(t, 0) {
		return
	}
	dir := t.TempDir()
	mountAt(t, "xunjian-test", dir, "tmpfs", "size=16m,nr_inodes=100")
	c := realFilesystem(Default().Filesystem)
	at := func(out *checks.Output, family string) float64 {
		return value(t, out, family, "xunjian-test", dir, "tmpfs")
	}

	out := run(t, c)
	if size, free := at(out, "node_filesystem_size_bytes"), at(out, "node_filesystem_avail_bytes"); size != 16<<20 || free != size {
		t.Errorf("empty: %v of %v available", free, size)
	}
	fill := filepath.Join(dir, "fill")
	if err := os.WriteFile(fill, make([]byte, 15<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 90 {
		put(t, dir, fmt.Sprintf("small-%d", i), "")
	}
	out = run(t, c)
	if used := finding(t, out, "filesystem.space", dir).Args["used"].(float64); used != 15.0/16 {
		t.Errorf("filled: used %v, want %v", used, 15.0/16)
	}
	if free := at(out, "node_filesystem_avail_bytes"); free != 1<<20 {
		t.Errorf("filled: %v bytes available, want 1 MiB", free)
	}
	if files, free := at(out, "node_filesystem_files"), at(out, "node_filesystem_files_free"); files != 100 || free >= 10 {
		t.Errorf("filled: %v of %v file nodes free", free, files)
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	out = run(t, c)
	if at(out, "node_filesystem_readonly") != 1 {
		t.Error("remounted read-only, but not shown")
	}
	if f := finding(t, out, "filesystem.readonly", dir); f.Verdict != checks.Abnormal || f.Evidence == "" {
		t.Errorf("%+v", f)
	}
}

// A FUSE filesystem whose server never answers is as dead as an NFS mount
// whose server is gone: statfs on it cannot be interrupted.
func TestRealHungMount(t *testing.T) {
	if !inNamespaces(t, 0) {
		return
	}
	dead, well := t.TempDir(), t.TempDir()
	mountAt(t, "well", well, "tmpfs", "size=1m")
	server, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	mountAt(t, "dead", dead, "fuse", fmt.Sprintf("fd=%d,rootmode=40000,user_id=%d,group_id=%d", server, os.Getuid(), os.Getgid()))
	cfg := Default().Filesystem
	cfg.Timeout = 200 * time.Millisecond
	c := realFilesystem(cfg)

	goroutines := 0
	for round := range 3 {
		began := time.Now()
		out := run(t, c)
		if took := time.Since(began); round > 0 && took > 150*time.Millisecond {
			t.Errorf("look %d took %v though the mount is known to hang", round, took)
		}
		finding(t, out, "filesystem.hung", dead)
		finding(t, out, "filesystem.space", well)
		if v := value(t, out, "node_filesystem_device_error", "dead", dead, "fuse"); v != 1 {
			t.Errorf("device_error %v, want 1", v)
		}
		if round == 0 {
			goroutines = runtime.NumGoroutine()
			continue
		}
		// Those of the well mounts may take a moment to go.
		for began := time.Now(); runtime.NumGoroutine() > goroutines; time.Sleep(5 * time.Millisecond) {
			if time.Since(began) > 5*time.Second {
				t.Errorf("look %d: %d goroutines, after the first look %d", round, runtime.NumGoroutine(), goroutines)
				break
			}
		}
	}
	unix.Close(server) // the connection ends; whoever waits is told so
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		out := run(t, c)
		if f := out.Findings(); slices.ContainsFunc(f, func(f checks.Finding) bool { return f.Code == "filesystem.error" && f.Subject == dead }) {
			break
		}
		if time.Since(began) > 10*time.Second {
			t.Fatalf("the mount answers again, but: %+v", out.Findings())
		}
	}
	unix.Unmount(dead, unix.MNT_DETACH)
	out := run(t, c)
	if slices.ContainsFunc(out.Findings(), func(f checks.Finding) bool { return f.Subject == dead }) {
		t.Error("unmounted, but there is still a finding")
	}
}
