package backup_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/backup"
	"xunjian/checks/checktest"
)

func TestTexts(t *testing.T) { checktest.Texts(t, checks.Messages) }

// TestConforms holds the checks against what is asked of every check.
func TestConforms(t *testing.T) {
	dir := t.TempDir()
	settle(t, time.Hour, write(t, filepath.Join(dir, "a.tar"), []byte("scans")))
	files := backup.Set{Kind: backup.Files, Paths: []string{filepath.Join(dir, "*.tar")}}
	unreadable := backup.Set{Kind: backup.Files, Paths: []string{filepath.Join(dir, "a.tar", "*")}} // a file is no folder
	checktest.Conform(t, func() checks.Check { return backup.Checks(config(files), backup.Parts{})[0] },
		checktest.Broken(func() checks.Check { return backup.Checks(config(unreadable), backup.Parts{})[0] }))
	checktest.Conform(t, func() checks.Check {
		return backup.Checks(config(files), backup.Parts{Dir: filepath.Join(dir, "kept")})[0]
	})
}

// TestNothingConfigured: nobody said what there should be, which is not health.
func TestNothingConfigured(t *testing.T) {
	res := checks.RunOnce(context.Background(), backup.Checks(backup.Default(), backup.Parts{})[0], time.Now())
	if res.Check != "backup" || res.Verdict != checks.NotApplicable {
		t.Errorf("%s comes to %v", res.Check, res.Verdict)
	}
}

// TestStory follows one set through a few days, with the clock of the story.
func TestStory(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 11, 2, 3, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	made := func(name string, size int, age time.Duration) string {
		p := write(t, filepath.Join(dir, name), []byte(strings.Repeat("x", size)))
		must(t, 0, os.Chtimes(p, now.Add(-age), now.Add(-age)))
		return p
	}
	set := backup.Set{Kind: backup.Files, Paths: []string{dir + "/*.tar"}, MinSize: 100}
	parts := backup.Parts{Now: clock, Dir: t.TempDir()}
	w := watch(t, set, parts)
	want(t, "never ran", w.known(), "missing abnormal")
	if n := value(t, w.run(), "files"); n != 0 {
		t.Errorf("%v files", n)
	}
	first := made("1.tar", 1000, time.Second)
	want(t, "still written to", w.known(), "writing unknown")
	now = now.Add(time.Hour)
	want(t, "written", w.known(), "good ok")
	for n := 2; n < 9; n++ {
		now = now.Add(24 * time.Hour)
		made(string(rune('0'+n))+".tar", 1000, time.Hour)
		want(t, "next day", w.known(), "good ok")
	}
	if r := value(t, w.run(), "size_ratio"); r != 1 {
		t.Errorf("ratio of equal sizes is %v", r)
	}
	now = now.Add(24 * time.Hour)
	made("9.tar", 250, time.Hour)
	if r := value(t, w.known(), "size_ratio"); r != 0.25 {
		t.Errorf("ratio of a quarter is %v", r)
	}
	now = now.Add(25 * time.Hour)
	want(t, "within grace", w.known(), "good ok")
	now = now.Add(2 * time.Hour)
	want(t, "late", w.known(), "good ok, late abnormal")
	made("a.tar", 20, time.Hour)
	want(t, "tiny", w.wait("a.tar", func(r checks.Result) bool {
		return strings.Contains(said(r), "small") && !strings.Contains(said(r), "pending")
	}),
		"good ok, late abnormal, small abnormal")
	made("a.tar", 1000, 10*time.Minute)
	want(t, "made again", w.known(), "good ok")
	if _, err := os.Stat(first); err != nil {
		t.Fatal(err)
	}
	// A restart forgets neither what was read nor when the last good one was.
	for _, p := range must(t, must2(filepath.Glob(dir+"/*")), nil) {
		os.Remove(p)
	}
	now = now.Add(time.Hour)
	res := watch(t, set, parts).known()
	want(t, "all gone", res, "missing abnormal")
	if _, some := figure(res, "last_success_timestamp_seconds"); !some {
		t.Error("the last success is forgotten")
	}
	made("b.tar", 1000, -2*time.Hour)
	want(t, "from the future", watch(t, set, parts).known(), "good ok, future attention")
}

func must2(v []string, err error) []string { return v }

// TestReadOnce: a file is read once, over restarts too, and again when it has
// changed or another thing is asked of it.
func TestReadOnce(t *testing.T) {
	dir := t.TempDir()
	path := compress(t, write(t, filepath.Join(dir, "a"), []byte(strings.Repeat("scan", 1000))), ".gz", "gzip")
	settle(t, time.Hour, path)
	set := backup.Set{Kind: backup.Files, Paths: []string{path}}
	parts := backup.Parts{Dir: t.TempDir()}
	first := value(t, watch(t, set, parts).known(), "verified_timestamp_seconds")
	if again := value(t, watch(t, set, parts).known(), "verified_timestamp_seconds"); again != first {
		t.Errorf("read again by a restart: %v, then %v", first, again)
	}
	set.Checksum = true
	want(t, "a sum is wanted", watch(t, set, parts).known(), "no_checksum abnormal")
	set.Checksum = false
	b := read(t, path)
	write(t, path, b[:len(b)-4])
	settle(t, time.Hour-time.Second, path)
	want(t, "changed", watch(t, set, parts).known(), "cut abnormal")
	// What is remembered is damaged: it is read again, and told.
	write(t, path, b)
	settle(t, time.Hour, path)
	write(t, filepath.Join(parts.Dir, "bids.json"), []byte("{"))
	want(t, "memory damaged", watch(t, set, parts).known(), "good ok")
}

// TestQuick looks only at the begin and the end.
func TestQuick(t *testing.T) {
	pg := server(t, postgres)
	dir := t.TempDir()
	plain := read(t, dumpPostgres(t, pg, dir, "plain.sql"))
	custom := read(t, dumpPostgres(t, pg, dir, "custom.dump"))
	no := false
	for _, tc := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"plain.sql", plain, "good ok"},
		{"cut.sql", plain[:len(plain)-2000], "unfinished abnormal"},
		{"custom.dump", custom, "good ok"},
		{"plain.sql.gz", plain, "format abnormal"},
		{"text.sql", []byte("no dump"), "format abnormal"},
		{"nothing.sql", nil, "empty abnormal"},
	} {
		path := write(t, filepath.Join(dir, tc.name), tc.content)
		settle(t, time.Hour, path)
		want(t, tc.name, judged(t, backup.Set{Kind: backup.PgDump, Paths: []string{path}, Decompress: &no}), tc.want)
	}
}

// TestOneLook: without a daemon a Run reads itself what it can.
func TestOneLook(t *testing.T) {
	dir := t.TempDir()
	gz := read(t, compress(t, write(t, filepath.Join(dir, "a"), []byte(strings.Repeat("scan", 1000))), ".gz", "gzip"))
	for name, tc := range map[string]struct {
		content []byte
		want    string
	}{"good.gz": {gz, "good ok"}, "bad.gz": {gz[:len(gz)/2], "cut abnormal"}} {
		path := write(t, filepath.Join(dir, name), tc.content)
		settle(t, time.Hour, path)
		c := backup.Checks(config(backup.Set{Kind: backup.Files, Paths: []string{path}}), backup.Parts{})[0]
		want(t, name, checks.RunOnce(context.Background(), c, time.Now()), tc.want)
	}
	k := newKeeper(t, backup.Restic)
	k.backup()
	c := backup.Checks(config(k.set()), backup.Parts{})[0]
	want(t, "restic", checks.RunOnce(context.Background(), c, time.Now()), "repository_good ok")
}

// TestOlderBroken: what is broken behind a good one asks for attention only.
func TestOlderBroken(t *testing.T) {
	dir := t.TempDir()
	gz := read(t, compress(t, write(t, filepath.Join(dir, "x"), []byte(strings.Repeat("scan", 1000))), ".gz", "gzip"))
	settle(t, 20*time.Hour, write(t, filepath.Join(dir, "1.gz"), gz[:len(gz)/2]))
	settle(t, time.Hour, write(t, filepath.Join(dir, "2.gz"), gz))
	both := func(want string) checks.Result {
		w := watch(t, backup.Set{Kind: backup.Files, Paths: []string{dir + "/*.gz"}}, backup.Parts{})
		return w.wait(want, func(r checks.Result) bool { return said(r) == want })
	}
	res := both("good ok, cut attention")
	if value(t, res, "broken") != 0 {
		t.Error("counts as broken")
	}
	settle(t, 30*time.Hour, filepath.Join(dir, "2.gz"))
	both("cut abnormal, late abnormal")
}

// TestEvidence: what an incident is told when it opens.
func TestEvidence(t *testing.T) {
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "a.gz"), []byte("no gzip"))
	settle(t, time.Hour, path)
	w := watch(t, backup.Set{Kind: backup.Files, Paths: []string{path}}, backup.Parts{})
	w.known()
	list, err := w.check.(checks.Witness).Evidence(context.Background())
	if err != nil || len(list) != 1 || list[0].Code != "backup.evidence_files" || len(list[0].Rows) != 1 {
		t.Fatalf("%+v %v", list, err)
	}
	row := strings.Join(list[0].Rows[0], " ")
	if !strings.Contains(row, path) || !strings.Contains(row, "backup.format") {
		t.Errorf("row is %s", row)
	}
	k := newKeeper(t, backup.Borg)
	k.backup()
	set := k.set()
	set.Repository.CheckEvery = time.Hour
	w = watch(t, set, backup.Parts{})
	w.known()
	list, err = w.check.(checks.Witness).Evidence(context.Background())
	if err != nil || len(list) != 1 || list[0].Code != "backup.evidence_repository" {
		t.Fatalf("%+v %v", list, err)
	}
	if text := list[0].Text; strings.Contains(text, canary) {
		t.Errorf("the password is seen: %s", text)
	}
}
