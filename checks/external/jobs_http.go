package external

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"io"
	"net/http"
	"strconv"
	"time"

	"xunjian/checks"
)

const (
	// maxBody is how much of what a job sends is kept as evidence, in bytes.
	maxBody = 10 << 10
	// bodyTime is how long the agent listens to a body.
	bodyTime = 10 * time.Second
	// saveTime is how long a report may take to become durable.
	saveTime = 5 * time.Second
)

// Handler takes reports by GET or POST, the body being evidence:
//
//	/ping/{token}         the job has succeeded
//	/ping/{token}/start   it has begun
//	/ping/{token}/fail    it has failed
//	/ping/{token}/{code}  it has ended with this exit code, 0 to 255
//
// The answer 200 means that the report is durable. 503 means that it could not
// be saved: it is judged as long as the agent runs, and better sent again.
func (j *Jobs) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, method := range []string{"GET", "POST"} {
		mux.HandleFunc(method+" /ping/{token}", j.ping)
		mux.HandleFunc(method+" /ping/{token}/{what}", j.ping)
	}
	return mux
}

func (j *Jobs) ping(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	n := j.find(r.PathValue("token"))
	if n == nil {
		http.Error(w, "no job has this token", http.StatusNotFound)
		return
	}
	change, ok := j.report(r.PathValue("what"), func() string { return readBody(w, r) })
	if !ok {
		http.Error(w, "want nothing, start, fail or an exit code of 0 to 255 after the token", http.StatusBadRequest)
		return
	}
	// Who hangs up has reported all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), saveTime)
	defer cancel()
	_, err := j.change(ctx, n, change)
	j.opt.Reported(n.name)
	if err != nil {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "the report could not be saved, send it again", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n")
}

// find returns the job of a token. Every job is compared in constant time, so
// that the time tells nothing.
func (j *Jobs) find(token string) *job {
	digest := sha256.Sum256([]byte(token))
	j.mu.RLock()
	defer j.mu.RUnlock()
	var found *job
	for _, n := range j.jobs {
		if subtle.ConstantTimeCompare(digest[:], n.plan.digest[:]) == 1 {
			found = n
		}
	}
	return found
}

// report says what a report changes.
func (j *Jobs) report(what string, body func() string) (change func(JobRecord) JobRecord, ok bool) {
	code := 0
	switch what {
	case "":
	case "start":
		at := j.opt.Now()
		return func(rec JobRecord) JobRecord { return rec.begin(at) }, true
	case "fail":
		code = unsaid
	default:
		n, err := strconv.ParseUint(what, 10, 8)
		if err != nil {
			return nil, false
		}
		code = int(n)
	}
	at, text := j.opt.Now(), body()
	return func(rec JobRecord) JobRecord { return rec.end(at, code, text) }, true
}

// readBody returns the begin of the body. If it breaks off, what came counts.
func readBody(w http.ResponseWriter, r *http.Request) string {
	// Not every writer can; the server's own limit holds then.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
	b, _ := io.ReadAll(io.LimitReader(r.Body, maxBody))
	return checks.SafeText(string(b), maxBody)
}
