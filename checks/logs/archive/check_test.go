package archive

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/checktest"
)

func TestCheckConforms(t *testing.T) {
	a := openAt(t, t.TempDir(), quick())
	a.Append(lines(0, 100))
	checktest.Conform(t, func() checks.Check { return NewCheck(a, time.UTC) })
}

// codes are the findings of one look.
func codes(t *testing.T, a *Archive) map[string]checks.Finding {
	t.Helper()
	res := checks.RunOnce(context.Background(), NewCheck(a, time.UTC), a.now())
	out := map[string]checks.Finding{}
	for _, f := range res.Findings {
		out[f.Code] = f
	}
	return out
}

func TestCheckTellsTheFacts(t *testing.T) {
	t.Run("nothing kept", func(t *testing.T) {
		a := openAt(t, t.TempDir(), quick())
		if err := NewCheck(a, time.UTC).Run(context.Background(), checks.NewOutput(0)); !errors.Is(err, checks.ErrNotApplicable) {
			t.Errorf("told: %v", err)
		}
	})
	t.Run("kept", func(t *testing.T) {
		a := openAt(t, t.TempDir(), quick())
		a.Append(lines(0, 3))
		if f, ok := codes(t, a)["logs_archive.kept"]; !ok || f.Verdict != checks.OK {
			t.Errorf("told: %v", codes(t, a))
		}
	})
	t.Run("unwritable", func(t *testing.T) {
		dir := t.TempDir()
		a := openAt(t, dir, quick())
		a.Append(lines(0, 1000))
		until(t, "a file", func() bool { return a.Stats().Lines > 0 })
		// The next day's file cannot be made where a folder has its name.
		next := line(0)
		next.Received = noon.AddDate(0, 0, 1)
		if err := os.Mkdir(filepath.Join(dir, segmentName("2027-03-02", 1001)), 0o755); err != nil {
			t.Fatal(err)
		}
		third := next
		third.Received = noon.AddDate(0, 0, 2)
		a.Append([]Record{next, third})
		until(t, "the fault", func() bool { return a.Stats().Error != "" })
		if f := codes(t, a)["logs_archive.unwritable"]; f.Verdict != checks.Abnormal {
			t.Errorf("told: %v", codes(t, a))
		}
	})
	t.Run("damaged", func(t *testing.T) {
		dir := t.TempDir()
		a := openAt(t, dir, quick())
		a.Append(lines(0, 5))
		a.Close()
		// A file that is not the last one, and no block at all.
		if err := os.WriteFile(filepath.Join(dir, segmentName("2027-02-01", 0)), []byte("scribble"), 0o640); err != nil {
			t.Fatal(err)
		}
		b := openAt(t, dir, quick())
		if f := codes(t, b)["logs_archive.damaged"]; f.Verdict != checks.Abnormal {
			t.Errorf("told: %v", codes(t, b))
		}
		if got := len(all(t, b, Query{})); got != 5 {
			t.Errorf("%d of 5 lines are found beside it", got)
		}
	})
	t.Run("deleted early, and later forgiven", func(t *testing.T) {
		dir := t.TempDir()
		if err := writeForced(dir, Forced{At: noon, From: noon.AddDate(0, 0, -9), To: noon.AddDate(0, 0, -8), Lines: 7}); err != nil {
			t.Fatal(err)
		}
		at := noon
		a, err := open(dir, quick(), nil, options{now: func() time.Time { return at }})
		if err != nil {
			t.Fatal(err)
		}
		f := codes(t, a)["logs_archive.deleted_early"]
		if f.Verdict != checks.Abnormal || f.Args["until"] != "2027-02-21 12:00" || f.Args["days"] != 8.0 {
			t.Errorf("told: %+v", f)
		}
		a.Close()
		at = noon.AddDate(0, 0, 173)
		if a, err = open(dir, quick(), nil, options{now: func() time.Time { return at }}); err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		if f, ok := codes(t, a)["logs_archive.deleted_early"]; ok {
			t.Errorf("told of a hole that is older than 180 days: %+v", f)
		}
	})
	t.Run("budget short", func(t *testing.T) {
		cfg := quick()
		cfg.BudgetBytes = 1 << 20
		cfg.Keep = 2 * MinKeep
		at := noon.AddDate(0, 0, 2)
		a, err := open(t.TempDir(), cfg, nil, options{now: func() time.Time { return at }, block: small.block})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		a.Append(lines(0, 2000))
		until(t, "the disk", func() bool { return a.Stats().Lines > 1000 })
		f := codes(t, a)["logs_archive.budget_short"]
		if f.Verdict != checks.Attention || f.Args["days"].(float64) > 359 {
			t.Errorf("told: %+v of %+v", codes(t, a), a.Stats())
		}
	})
}
