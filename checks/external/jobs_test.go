package external

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"xunjian/checks"
	"xunjian/checks/checktest"
)

// shelf is a store of one file for each job, which can be made to fail or hang.
type shelf struct {
	dir  string
	mu   sync.Mutex
	fail error
	hang chan struct{} // saving waits until it is closed
}

func (s *shelf) broken(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

func (s *shelf) LoadJobs(context.Context) (map[string][]byte, error) {
	entries, err := os.ReadDir(s.dir)
	out := map[string][]byte{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(s.dir, e.Name()))
		if err != nil {
			return nil, err
		}
		out[e.Name()] = b
	}
	return out, err
}

func (s *shelf) SaveJob(ctx context.Context, name string, record []byte) error {
	s.mu.Lock()
	fail, hang := s.fail, s.hang
	s.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if fail != nil {
		return fail
	}
	path := filepath.Join(s.dir, name)
	if len(record) == 0 {
		return os.Remove(path)
	}
	if err := os.WriteFile(path+"~", record, 0o600); err != nil {
		return err
	}
	return os.Rename(path+"~", path)
}

const (
	tokenA = "aaaaaaaaaaaaaaaaaaaa"
	tokenB = "bbbbbbbbbbbbbbbbbbbb"
)

// office is Jobs with its store and clock.
type office struct {
	*Jobs
	shelf    *shelf
	now      time.Time
	reported []string
}

func openOffice(t *testing.T, s *shelf, now time.Time, list ...JobConfig) *office {
	t.Helper()
	o := &office{shelf: s, now: now}
	jobs, err := OpenJobs(t.Context(), list, JobsOptions{
		Store: s, Zone: time.UTC, Now: func() time.Time { return o.now },
		Reported: func(job string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			o.reported = append(o.reported, job)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Jobs = jobs
	return o
}

func (o *office) call(method, path, body string) (status int, text string) {
	rec := httptest.NewRecorder()
	o.Handler().ServeHTTP(rec, httptest.NewRequest(method, path, strings.NewReader(body)))
	return rec.Code, strings.TrimSpace(rec.Body.String())
}

func (o *office) look(t *testing.T) string {
	t.Helper()
	res := checks.RunOnce(t.Context(), o.Jobs, o.now)
	var out []string
	for _, f := range res.Findings {
		out = append(out, strings.TrimSpace(f.Subject+" "+saidOf(f)))
	}
	return strings.Join(out, "; ")
}

func newShelf(t *testing.T) *shelf { return &shelf{dir: t.TempDir()} }

func hourly(name string, token Secret) JobConfig {
	return JobConfig{Name: name, Token: token, Every: time.Hour, MaxRuntime: 10 * time.Minute}
}

func TestPings(t *testing.T) {
	noon := at(t, "11 12:00")
	o := openOffice(t, newShelf(t), noon, hourly("a", tokenA), hourly("b", tokenB))
	for _, tt := range []struct {
		method, path, body string
		status             int
		text, look         string
	}{
		{"GET", "/ping/" + tokenA, "", 200, "ok", "a ok job.ok ago 0s next 1h0m0s; b ok job.awaited next 1h0m0s"},
		{"POST", "/ping/" + tokenB + "/start", "", 200, "ok", "a ok job.ok ago 0s next 1h0m0s; b ok job.running limit 10m0s running 0s"},
		{"POST", "/ping/" + tokenB + "/fail", "disk full", 200, "ok", "a ok job.ok ago 0s next 1h0m0s; b abnormal job.failed ago 0s code"},
		{"GET", "/ping/" + tokenB + "/0", "", 200, "ok", "a ok job.ok ago 0s next 1h0m0s; b ok job.ok ago 0s next 1h0m0s"},
		{"HEAD", "/ping/" + tokenB + "/12", "", 200, "ok", "a ok job.ok ago 0s next 1h0m0s; b abnormal job.failed ago 0s code 12"},
		{"POST", "/ping/" + tokenB, "done", 200, "ok", "a ok job.ok ago 0s next 1h0m0s; b ok job.ok ago 0s next 1h0m0s"},
		// What changes nothing.
		{"GET", "/ping/" + tokenB + "/started", "", 400, "want nothing, start, fail or an exit code of 0 to 255 after the token", ""},
		{"GET", "/ping/" + tokenB + "/256", "", 400, "want nothing, start, fail or an exit code of 0 to 255 after the token", ""},
		{"GET", "/ping/" + tokenB + "/-1", "", 400, "want nothing, start, fail or an exit code of 0 to 255 after the token", ""},
		{"GET", "/ping/cccccccccccccccccccc", "", 404, "no job has this token", ""},
		{"GET", "/ping/cccccccccccccccccccc/nonsense", "", 404, "no job has this token", ""},
		{"GET", "/ping/" + tokenA[:19], "", 404, "no job has this token", ""},
		{"GET", "/ping/" + tokenA + "x", "", 404, "no job has this token", ""},
		{"GET", "/ping/", "", 404, "404 page not found", ""},
		{"GET", "/ping/a", "", 404, "no job has this token", ""},
		{"PUT", "/ping/" + tokenA, "", 405, "Method Not Allowed", ""},
		{"DELETE", "/ping/" + tokenA + "/fail", "", 405, "Method Not Allowed", ""},
	} {
		before := o.look(t)
		status, text := o.call(tt.method, tt.path, tt.body)
		if status != tt.status || text != tt.text {
			t.Errorf("%s %s: %d %q, want %d %q", tt.method, tt.path, status, text, tt.status, tt.text)
		}
		if tt.look == "" {
			tt.look = before
		}
		wantText(t, tt.method+" "+tt.path, o.look(t), tt.look)
	}
	wantText(t, "who was told", strings.Join(o.reported, " "), "a b b b b b")
}

func TestTheBodyIsEvidence(t *testing.T) {
	o := openOffice(t, newShelf(t), at(t, "11 12:00"), hourly("a", tokenA))
	if status, _ := o.call("POST", "/ping/"+tokenA+"/2", "rsync: \x1b[1mno space\xff\n"+strings.Repeat("满", maxBody)); status != 200 {
		t.Fatal(status)
	}
	res := checks.RunOnce(t.Context(), o.Jobs, o.now)
	ev := res.Findings[0].Evidence
	if !strings.HasPrefix(ev, "rsync: \uFFFD[1mno space\uFFFD\n满满") || len(ev) > maxBody || len(ev) < maxBody-10 {
		t.Errorf("%d bytes of evidence: %.40q", len(ev), ev)
	}
}

func TestABodyThatBreaksOffCounts(t *testing.T) {
	o := openOffice(t, newShelf(t), at(t, "11 12:00"), hourly("a", tokenA))
	req := httptest.NewRequest("POST", "/ping/"+tokenA+"/fail", io.MultiReader(strings.NewReader("half a"), errReader{}))
	rec := httptest.NewRecorder()
	o.Handler().ServeHTTP(rec, req)
	if res := checks.RunOnce(t.Context(), o.Jobs, o.now); rec.Code != 200 || res.Findings[0].Evidence != "half a" {
		t.Errorf("%d, %+v", rec.Code, res.Findings)
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

// TestAPingIsDurableBeforeItIsAnswered looks into the store at the moment of
// the answer, and opens another office on it.
func TestAPingIsDurableBeforeItIsAnswered(t *testing.T) {
	s := newShelf(t)
	o := openOffice(t, s, at(t, "11 12:00"), hourly("a", tokenA))
	o.now = at(t, "11 12:30")
	if status, _ := o.call("GET", "/ping/"+tokenA, ""); status != 200 {
		t.Fatal(status)
	}
	again := openOffice(t, s, at(t, "11 12:40"), hourly("a", tokenA))
	wantText(t, "after a restart", again.look(t), "a ok job.ok ago 10m0s next 50m0s")

	s.broken(errors.New("disk full"))
	o.now = at(t, "11 13:00")
	status, text := o.call("POST", "/ping/"+tokenA+"/fail", "")
	if status != 503 || text != "the report could not be saved, send it again" {
		t.Errorf("%d %q", status, text)
	}
	wantText(t, "what cannot be written is still judged", o.look(t), "a abnormal job.failed ago 0s code; attention job.unsaved")
	s.broken(nil)
	wantText(t, "it is saved at the next look", o.look(t), "a abnormal job.failed ago 0s code")
	again = openOffice(t, s, at(t, "11 13:10"), hourly("a", tokenA))
	wantText(t, "after another restart", again.look(t), "a abnormal job.failed ago 10m0s code")
}

func TestSinceWhenAJobIsAwaitedOutlivesARestart(t *testing.T) {
	s := newShelf(t)
	o := openOffice(t, s, at(t, "11 12:00"), hourly("a", tokenA))
	wantText(t, "at first", o.look(t), "a ok job.awaited next 1h0m0s")
	o = openOffice(t, s, at(t, "11 14:00"), hourly("a", tokenA))
	wantText(t, "after a restart", o.look(t), "a abnormal job.never late 1h0m0s since 2h0m0s")
}

func TestAStoreThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t)
		o := openOffice(t, s, time.Now(), hourly("a", tokenA), hourly("b", tokenB))
		s.mu.Lock()
		s.hang = make(chan struct{})
		s.mu.Unlock()
		var wg sync.WaitGroup
		begun := time.Now()
		for range 3 {
			wg.Go(func() {
				if status, _ := o.call("GET", "/ping/"+tokenA, ""); status != 503 {
					t.Errorf("status %d", status)
				}
			})
		}
		wg.Wait()
		if took := time.Since(begun); took != saveTime {
			t.Errorf("three reports at once waited %v, want %v", took, saveTime)
		}
		// The check is not held up for longer than it has.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun = time.Now()
		out := checks.NewOutput(0)
		if err := o.Run(ctx, out); err != nil || time.Since(begun) > time.Second {
			t.Errorf("Run took %v: %v", time.Since(begun), err)
		}
		if codes := fmt.Sprint(out.Findings()[0].Code, " ", out.Findings()[2].Code); codes != "job.ok job.unsaved" {
			t.Error(codes)
		}
		close(s.hang)
		if status, _ := o.call("GET", "/ping/"+tokenB, ""); status != 200 {
			t.Errorf("status %d after the store has recovered", status)
		}
	})
}

func TestReplaceJobs(t *testing.T) {
	s := newShelf(t)
	o := openOffice(t, s, at(t, "11 12:00"), hourly("a", tokenA), hourly("b", tokenB))
	o.call("GET", "/ping/"+tokenA, "")
	o.call("GET", "/ping/"+tokenB, "")
	o.look(t)

	bad := hourly("a", "short")
	if err := o.Replace([]JobConfig{bad}); err == nil || !strings.Contains(err.Error(), "jobs[0].token: ") {
		t.Errorf("a bad token: %v", err)
	}
	if status, _ := o.call("GET", "/ping/"+tokenB, ""); status != 200 {
		t.Error("a bad configuration changed something")
	}

	o.now = at(t, "11 12:10")
	if err := o.Replace([]JobConfig{hourly("a", tokenB), hourly("c", tokenA)}); err != nil {
		t.Fatal(err)
	}
	wantText(t, "what is left", o.look(t), "a ok job.ok ago 10m0s next 50m0s; c ok job.awaited next 1h0m0s")
	if _, err := os.Stat(filepath.Join(s.dir, "b")); err == nil {
		t.Error("the job that is gone is still in the store")
	}
	o.now = at(t, "11 12:20")
	o.call("GET", "/ping/"+tokenA, "")
	wantText(t, "the token belongs to another", o.look(t), "a ok job.ok ago 20m0s next 40m0s; c ok job.ok ago 0s next 1h0m0s")

	// One that comes back is new.
	if err := o.Replace([]JobConfig{hourly("b", tokenB)}); err != nil {
		t.Fatal(err)
	}
	wantText(t, "the one that is back", o.look(t), "b ok job.awaited next 1h0m0s")

	other := hourly("b", tokenB)
	other.Every = 10 * time.Minute
	o.now = at(t, "11 15:00")
	if err := o.Replace([]JobConfig{other}); err != nil {
		t.Fatal(err)
	}
	wantText(t, "with another rhythm", o.look(t), "b ok job.awaited next 10m0s")
	if err := o.Replace(nil); err != nil {
		t.Fatal(err)
	}
	wantText(t, "without jobs", o.look(t), "not_applicable check.not_applicable")
}

func TestJobsThatCannotBeForgottenYet(t *testing.T) {
	s := newShelf(t)
	o := openOffice(t, s, at(t, "11 12:00"), hourly("a", tokenA))
	o.look(t)
	s.broken(errors.New("disk full"))
	if err := o.Replace(nil); err != nil {
		t.Fatal(err)
	}
	wantText(t, "while the store is broken", o.look(t), "attention job.unsaved")
	s.broken(nil)
	o.look(t)
	if left, _ := s.LoadJobs(t.Context()); len(left) != 0 {
		t.Errorf("%v is still there", left)
	}
}

func TestAStoreThatCannotBeRead(t *testing.T) {
	gone := &shelf{dir: filepath.Join(t.TempDir(), "gone")}
	if _, err := OpenJobs(t.Context(), nil, JobsOptions{Store: gone}); err == nil || !strings.HasPrefix(err.Error(), "load the jobs: ") {
		t.Errorf("no store: %v", err)
	}
	s := newShelf(t)
	write(t, filepath.Join(s.dir, "a"), "{", 0o600)
	if _, err := OpenJobs(t.Context(), nil, JobsOptions{Store: s}); err == nil || !strings.HasPrefix(err.Error(), "load job a: ") {
		t.Errorf("a broken record: %v", err)
	}
	if _, err := OpenJobs(t.Context(), []JobConfig{{Name: "x"}}, JobsOptions{Store: newShelf(t)}); err == nil || !strings.HasPrefix(err.Error(), "jobs[0].token: ") {
		t.Errorf("a bad configuration: %v", err)
	}
}

func TestJobFigures(t *testing.T) {
	o := openOffice(t, newShelf(t), time.Unix(1_800_000_000, 0), hourly("a", tokenA), hourly("b", tokenB))
	o.call("GET", "/ping/"+tokenA+"/start", "")
	o.now = o.now.Add(90 * time.Second)
	o.call("GET", "/ping/"+tokenA, "")
	o.call("GET", "/ping/"+tokenB+"/start", "")
	o.now = o.now.Add(time.Hour)
	wantText(t, "page", exposedPage(t, checks.RunOnce(t.Context(), o.Jobs, o.now)), `xunjian_job_due_timestamp_seconds{name="a"} 1800003690
xunjian_job_due_timestamp_seconds{name="b"} 1800003600
xunjian_job_last_duration_seconds{name="a"} 90
xunjian_job_last_success_timestamp_seconds{name="a"} 1800000090
xunjian_job_running{name="a"} 0
xunjian_job_running{name="b"} 1
xunjian_job_up{name="a"} 1
xunjian_job_up{name="b"} 0
`)
}

func exposedPage(t *testing.T, res checks.Result) string {
	t.Helper()
	e := checks.NewExposition()
	e.Update([]checks.Result{res})
	rec := httptest.NewRecorder()
	e.ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	var out strings.Builder
	for line := range strings.Lines(rec.Body.String()) {
		if line[0] != '#' {
			out.WriteString(line)
		}
	}
	return out.String()
}

func TestJobsConform(t *testing.T) {
	s := newShelf(t)
	o := openOffice(t, s, at(t, "11 12:00"), hourly("awaited", tokenA), hourly("failed", tokenB),
		hourly("ok", "cccccccccccccccccccc"), hourly("running", "dddddddddddddddddddd"), hourly("exit", "eeeeeeeeeeeeeeeeeeee"))
	o.call("GET", "/ping/"+tokenB+"/fail", "")
	o.call("GET", "/ping/cccccccccccccccccccc", "")
	o.call("GET", "/ping/dddddddddddddddddddd/start", "")
	o.call("GET", "/ping/eeeeeeeeeeeeeeeeeeee/7", "")
	jobs := func() checks.Check { return o.Jobs }
	checktest.Conform(t, jobs)
	o.now = at(t, "12 12:00") // awaited is never, ok is late, running overruns
	s.broken(errors.New("disk full"))
	o.call("GET", "/ping/"+tokenB+"/fail", "")
	checktest.Conform(t, jobs)
	if err := o.Replace(nil); err != nil {
		t.Fatal(err)
	}
	checktest.Conform(t, jobs)
}

// TestManyReportsAtOnce reports to a real server from many sides while the
// check looks; every answer of 200 must be in the store.
func TestManyReportsAtOnce(t *testing.T) {
	s := newShelf(t)
	jobs, err := OpenJobs(t.Context(), []JobConfig{hourly("a", tokenA), hourly("b", tokenB)}, JobsOptions{Store: s})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(jobs.Handler())
	defer srv.Close()
	client := srv.Client()
	defer client.CloseIdleConnections()
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			token := []string{tokenA, tokenB}[w%2]
			for n := range 30 {
				body := fmt.Sprintf("%d-%d", w, n)
				resp, err := client.Post(srv.URL+"/ping/"+token, "text/plain", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					t.Errorf("status %d", resp.StatusCode)
				}
			}
		})
	}
	wg.Go(func() {
		for range 30 {
			checks.RunOnce(t.Context(), jobs, time.Now())
		}
	})
	wg.Wait()
	stored, err := s.LoadJobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range jobs.sorted() {
		var rec JobRecord
		if err := json.Unmarshal(stored[n.name], &rec); err != nil {
			t.Fatal(err)
		}
		if !rec.Succeeded.Equal(n.record.Succeeded) || rec.Evidence != n.record.Evidence || !strings.HasSuffix(rec.Evidence, "-29") {
			t.Errorf("%s: stored %+v, known %+v", n.name, rec, n.record)
		}
	}
}

// BenchmarkPing is a report from handler to store.
func BenchmarkPing(b *testing.B) {
	s := &shelf{dir: b.TempDir()}
	jobs, err := OpenJobs(b.Context(), []JobConfig{hourly("a", tokenA)}, JobsOptions{Store: s})
	if err != nil {
		b.Fatal(err)
	}
	h := jobs.Handler()
	b.ReportAllocs()
	for b.Loop() {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest("GET", "/ping/"+tokenA, nil))
		if rec.Code != 200 {
			b.Fatal(rec.Code)
		}
	}
}
