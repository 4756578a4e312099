package calendar

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// python is the one that Debian's python3-icalendar belongs to, whatever other
// Python stands in PATH.
const python = "/usr/bin/python3"

func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "PYTHONIOENCODING=utf-8", "PYTHONDONTWRITEBYTECODE=1", "LC_ALL=C.UTF-8", "TZ=Asia/Shanghai")
	cmd.Env = append(cmd.Env, env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s\nare python3-icalendar and khal installed (make packages)?", name, strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// loaded is what a Source makes of a folder.
func loaded(t *testing.T, folder string) *Source {
	t.Helper()
	cfg := Default()
	cfg.Paths = []string{folder}
	s := NewSource(cfg, shanghai(t))
	if _, err := s.Reload(at(t, "03-01 00:00")); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestCalendarsOfPython reads what python3-icalendar writes: folded Chinese,
// whole days, series with exceptions, zones of its own.
func TestCalendarsOfPython(t *testing.T) {
	dir := t.TempDir()
	run(t, nil, python, filepath.Join("testdata", "write.py"), dir)
	s := loaded(t, dir)
	const long = "某市轨道交通二十七号线二期工程车辆段及综合基地施工总承包第三标段（含铺轨、供电、信号；机电安装）, 公开招标 开标会"
	want := []string{
		"deadline-1@example.org | 投标截止; 逾期不受理 请提前上传 | deadline | 2026-03-02 09:30:00 +0800 → 2026-03-02 09:30:00 +0800 招标平台",
		"open-1@example.org | " + long + " | opening | 2026-03-02 09:30:00 +0800 → 2026-03-02 11:30:00 +0800 招标平台 (ZB-2026-017)",
		"weekly@example.org/20260302T060000Z | 每周例行开标 | opening | 2026-03-02 14:00:00 +0800 → 2026-03-02 15:30:00 +0800",
		"review-1@example.org | 评标 | evaluation | 2026-03-03 00:00:00 +0800 → 2026-03-05 00:00:00 +0800 all day",
		"weekly@example.org/20260309T060000Z | 每周例行开标（改期） | opening | 2026-03-10 10:00:00 +0800 → 2026-03-10 11:30:00 +0800",
		"weekly@example.org/20260316T060000Z | 每周例行开标 | opening | 2026-03-16 14:00:00 +0800 → 2026-03-16 15:30:00 +0800",
		"weekly@example.org/20260319T060000Z | 每周例行开标 | opening | 2026-03-19 14:00:00 +0800 → 2026-03-19 15:30:00 +0800",
		"own@example.org/20260328T083000Z | 开标 | opening | 2026-03-28 09:30:00 +0100 → 2026-03-28 10:30:00 +0100",
		"own@example.org/20260329T073000Z | 开标 | opening | 2026-03-29 09:30:00 +0200 → 2026-03-29 10:30:00 +0200",
	}
	if diff := cmp.Diff(want, saidAll(s.Calendar().Events())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if skipped := s.Skipped(); len(skipped) != 1 || skipped[0].Title != "午餐会" {
		t.Errorf("left out: %+v", skipped)
	}
}

// TestCalendarsOfKhal reads the folder that khal keeps, a file for each event.
func TestCalendarsOfKhal(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "bids")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "khal.conf")
	text := "[calendars]\n[[bids]]\npath = " + folder + "\n" +
		"[locale]\ntimeformat = %H:%M\ndateformat = %Y-%m-%d\nlongdateformat = %Y-%m-%d\ndatetimeformat = %Y-%m-%d %H:%M\nlongdatetimeformat = %Y-%m-%d %H:%M\n" +
		"local_timezone = Asia/Shanghai\ndefault_timezone = Asia/Shanghai\n" +
		"[default]\ndefault_calendar = bids\n[sqlite]\npath = " + filepath.Join(dir, "khal.db") + "\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	khal := func(args ...string) {
		t.Helper()
		run(t, []string{"HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "XDG_DATA_HOME=" + dir, "XDG_CACHE_HOME=" + dir}, "/usr/bin/khal", append([]string{"-c", conf}, args...)...)
	}
	khal("new", "-g", "开标,系统:招标平台", "2026-03-02", "09:30", "2026-03-02", "11:30", "某道路改造工程施工招标 开标")
	khal("new", "-g", "投标截止", "-r", "weekly", "-u", "2026-03-20 09:00", "2026-03-05", "09:00", "2026-03-05", "09:15", "每周投标截止")
	khal("new", "-g", "评标", "2026-03-03", "2026-03-04", "评标")

	var got []string
	for _, e := range loaded(t, folder).Calendar().Events() {
		if e.ID == "" {
			t.Error("an event without an id")
		}
		e.ID = ""
		got = append(got, said(e))
	}
	want := []string{
		" | 某道路改造工程施工招标 开标 | opening | 2026-03-02 09:30:00 +0800 → 2026-03-02 11:30:00 +0800 招标平台",
		" | 评标 | evaluation | 2026-03-03 00:00:00 +0800 → 2026-03-05 00:00:00 +0800 all day",
		" | 每周投标截止 | deadline | 2026-03-05 09:00:00 +0800 → 2026-03-05 09:15:00 +0800",
		" | 每周投标截止 | deadline | 2026-03-12 09:00:00 +0800 → 2026-03-12 09:15:00 +0800",
		" | 每周投标截止 | deadline | 2026-03-19 09:00:00 +0800 → 2026-03-19 09:15:00 +0800",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
