package backup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"xunjian/checks"
	"xunjian/checks/backup/archive"
	"xunjian/checks/backup/program"
	"xunjian/checks/backup/scratch"
)

// Codes of restore tests.
const (
	codeTestGood    = "backup.restore_good"
	codeTestFailed  = "backup.restore_failed"
	codeTestShort   = "backup.restore_short"
	codeTestSpace   = "backup.restore_no_space"
	codeTestServer  = "backup.restore_no_server"
	codeTestLate    = "backup.restore_timeout"
	codeTestError   = "backup.restore_error"
	codeTestWaiting = "backup.restore_waiting"
	codeTestLost    = "backup.restore_lost_tables"
)

// restoreLog is what the programs of a test say, its last part.
type restoreLog struct {
	mu   sync.Mutex
	tail program.Tail
}

func (l *restoreLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail.Limit = 64 << 10
	return l.tail.Write(b)
}

func (l *restoreLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail = program.Tail{}
}

func (l *restoreLog) lines(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tail.Lines(n)
}

// due is when the next test should begin. One that failed is tried again the
// next day; one that could not be tried, after an hour.
func (s *set) due() time.Time {
	t := s.mem.Test
	switch {
	case t == nil:
		return s.after(s.mem.Begun, false)
	case t.Error != "":
		return t.At.Add(time.Hour)
	case !t.good() && s.after(t.At, true).After(t.At.Add(day)):
		return t.At.Add(day)
	}
	return s.after(t.At, true)
}

// wanted is by when a test should have succeeded again.
func (s *set) wanted() time.Time {
	if s.mem.TestGood.IsZero() {
		return s.after(s.mem.Begun, false)
	}
	return s.after(s.mem.TestGood, true)
}

// after is when a test is due after a moment, at which there was one or the set
// was new.
func (s *set) after(last time.Time, tested bool) time.Time {
	t := s.RestoreTest
	last = last.In(s.parts.Zone)
	if t.Cron != "" {
		when, err := cron.ParseStandard(t.Cron)
		if err != nil {
			return last // Validate refuses it
		}
		return when.Next(last)
	}
	if tested {
		last = last.Add(t.Every)
	}
	return atTime(last, t.At, tested)
}

// atTime is the time of day that follows a moment; where a test ran before, the
// time of day of that same date, so that a weekly test stays weekly though each
// begins a little after its time.
func atTime(t time.Time, at string, before bool) time.Time {
	clock, err := time.Parse("15:04", at)
	if err != nil {
		return t
	}
	due := time.Date(t.Year(), t.Month(), t.Day(), clock.Hour(), clock.Minute(), 0, 0, t.Location())
	if !before && due.Before(t) {
		due = due.AddDate(0, 0, 1)
	}
	return due
}

// testDue reports whether it is time for a restore test, and there is a good
// dump to test.
func (s *set) testDue() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.parts.Now().Before(s.due())
}

// test makes a restore test of the newest good dump.
func (s *set) test(ctx context.Context) {
	now := s.parts.Now()
	items, _, err := s.list(ctx, now)
	if err != nil {
		return // Run says it
	}
	s.mu.Lock()
	states := s.newest(items)
	s.mu.Unlock()
	n := slices.IndexFunc(states, func(st state) bool { return st.read && st.good() })
	if n < 0 {
		return // nothing that could be restored; that is told as such
	}
	s.log.reset()
	ctx, cancel := context.WithTimeout(ctx, orElse(s.RestoreTest.Timeout, defaultTest))
	defer cancel()
	r := &testResult{At: now, Backup: states[n].path, Made: states[n].made}
	begun := time.Now()
	err = s.restore(ctx, states[n], r)
	r.Took = time.Since(begun).Seconds()
	if errors.Is(ctx.Err(), context.Canceled) {
		return // we are being stopped; the next start tries again
	}
	s.judgeTest(r, err)
	r.Log = checks.SafeText(s.log.lines(40), checks.MaxEvidence)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mem.Test != nil && s.mem.Test.good() {
		s.mem.Before = &s.mem.Test.Counts
	}
	if s.mem.Test = r; r.good() {
		s.mem.TestGood = r.At
	}
	s.keepLocked()
}

// restore restores a dump, counts it and asks what it is to hold.
func (s *set) restore(ctx context.Context, st state, r *testResult) error {
	opt := scratch.Options{
		Engine: scratch.Postgres, WorkDir: orElse(s.RestoreTest.WorkDir, defaultWorkDir), Tag: s.Set.Name,
		Programs: s.RestoreTest.Programs, User: s.RestoreTest.User, Space: s.space(st), Log: &s.log,
	}
	if s.Kind == MySQLDump {
		opt.Engine = scratch.MariaDB
	}
	form, err := dumpForm(st)
	if err != nil {
		return err
	}
	server, err := scratch.Open(ctx, opt)
	if err != nil {
		return err
	}
	err = server.Restore(ctx, scratch.Dump{Path: st.path, Form: form})
	if err == nil {
		r.Counts, err = server.Count(ctx)
	}
	if err == nil {
		err = s.askQueries(ctx, server)
	}
	return errors.Join(err, server.Close())
}

// dumpForm is how a dump was written; one that was not read to its end did not
// say.
func dumpForm(st state) (string, error) {
	if st.Report.Dump == "" {
		return "", errors.New("not known how the dump was written; take decompress: false away")
	}
	return st.Report.Dump, nil
}

// emptyServer is what a server takes without any data: its own tables and log.
const emptyServer = 256 << 20

// space is what a restore may need: custom dumps are compressed within.
func (s *set) space(st state) int64 {
	plain := max(st.Report.Plain, st.size)
	if form := st.Report.Dump; form == "custom" || form == "directory" {
		plain *= 4
	}
	return emptyServer + int64(float64(plain)*orElse(s.RestoreTest.SpaceFactor, defaultFactor))
}

// askQueries holds the restored data against what is expected of it.
func (s *set) askQueries(ctx context.Context, server *scratch.Server) error {
	for _, q := range s.RestoreTest.Queries {
		n, err := server.Query(ctx, q.Database, q.SQL)
		if err != nil && ctx.Err() == nil {
			return &scratch.RestoreError{Errors: 1, First: err.Error()}
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(&s.log, "%s: %d\n", q.SQL, n)
		if n < q.Min || q.Max != 0 && n > q.Max {
			return &archive.Fault{Code: codeTestShort, Args: map[string]any{"sql": q.SQL, "got": n, "min": q.Min, "max": q.Max}}
		}
	}
	return nil
}

// judgeTest says what an error of a test means: that the backup is bad, or that
// nobody could try.
func (s *set) judgeTest(r *testResult, err error) {
	if err == nil {
		return
	}
	fmt.Fprintln(&s.log, err)
	if f, ok := errors.AsType[*archive.Fault](err); ok {
		r.Fault = f
		return
	}
	if bad, ok := errors.AsType[*scratch.RestoreError](err); ok {
		r.Fault = &archive.Fault{Code: codeTestFailed, Args: map[string]any{"errors": bad.Errors, "error": bad.First}}
		return
	}
	if full, ok := errors.AsType[*scratch.NoSpaceError](err); ok {
		r.Fault, r.Error = &archive.Fault{Code: codeTestSpace, Args: map[string]any{"dir": full.Dir, "need": full.Need, "free": full.Free}}, full.Error()
		return
	}
	code := codeTestError
	switch {
	case errors.Is(err, program.ErrMissing):
		code = codeTestServer
	case errors.Is(err, context.DeadlineExceeded):
		code = codeTestLate
	}
	r.Error = err.Error()
	r.Fault = &archive.Fault{Code: code, Args: map[string]any{"error": r.Error, "timeout": orElse(s.RestoreTest.Timeout, defaultTest).Seconds()}}
}

// tellTest tells of the last test. s.mu is held.
func (s *set) tellTest(out *checks.Output) {
	s.setTime(out, descTestDue, s.wanted())
	s.setTime(out, descTestGood, s.mem.TestGood)
	t := s.mem.Test
	if t == nil {
		// Not known yet whether it can be restored, which nobody was promised
		// before the first test is due.
		verdict := checks.OK
		if s.parts.Now().After(s.due().Add(day)) {
			verdict = checks.Unknown
		}
		out.Find(checks.Finding{Code: codeTestWaiting, Subject: s.Set.Name, Verdict: verdict, Args: map[string]any{"due": s.clock(s.due())}})
		return
	}
	s.setTime(out, descTestTime, t.At)
	s.set(out, descTestTook, t.Took)
	args := map[string]any{
		"path": t.Backup, "at": s.clock(t.At), "took": t.Took, "tables": len(t.Counts.Tables), "rows": t.Counts.Rows, "due": s.clock(s.due()),
	}
	if t.Error == "" {
		s.set(out, descTest, truth(t.good()))
	}
	if t.good() {
		s.set(out, descTestRows, float64(t.Counts.Rows))
		s.set(out, descTestTable, float64(len(t.Counts.Tables)))
		out.Find(checks.Finding{Code: codeTestGood, Subject: s.Set.Name, Verdict: checks.OK, Args: plain(args)})
		s.tellLost(out, t)
		return
	}
	verdict := checks.Abnormal
	if t.Error != "" {
		verdict = checks.Unknown // nobody could try
	}
	maps.Copy(args, t.Fault.Args)
	out.Find(checks.Finding{Code: t.Fault.Code, Subject: s.Set.Name, Verdict: verdict, Args: plain(args), Evidence: t.Log})
}

// tellLost compares with the test before.
func (s *set) tellLost(out *checks.Output, t *testResult) {
	before := s.mem.Before
	if before == nil {
		return
	}
	if before.Rows > 0 {
		s.set(out, descTestRatio, float64(t.Counts.Rows)/float64(before.Rows))
	}
	var lost []string
	for table, rows := range before.Tables {
		if _, there := t.Counts.Tables[table]; !there {
			lost = append(lost, fmt.Sprintf("%s (%d)", table, rows))
		}
	}
	if len(lost) == 0 {
		return
	}
	slices.Sort(lost)
	out.Find(checks.Finding{Code: codeTestLost, Subject: s.Set.Name, Verdict: checks.Attention, Evidence: strings.Join(lost, "\n"), Args: map[string]any{
		"count": len(lost), "first": lost[0],
	}})
}

func (s *set) clock(t time.Time) string { return t.In(s.parts.Zone).Format("2006-01-02 15:04") }

// sweep removes what a test left behind when the agent was killed.
func (s *set) sweep() {
	if !s.RestoreTest.on() {
		return
	}
	swept, err := scratch.Sweep(orElse(s.RestoreTest.WorkDir, defaultWorkDir), s.Set.Name)
	for _, path := range swept {
		fmt.Fprintf(&s.log, "removed %s, left behind by a test that was killed\n", filepath.Base(path))
	}
	if err != nil {
		s.mu.Lock()
		s.gone = err
		s.mu.Unlock()
	}
}
