package agent

import (
	"context"
	"strings"
	"time"

	"xunjian/alerting/store"
)

// jobStore keeps the reports of jobs among the store's small things.
type jobStore struct{ s *store.Store }

const jobPrefix = "job/"

// LoadJobs returns the last record of each job.
func (j jobStore) LoadJobs(ctx context.Context) (map[string][]byte, error) {
	all, err := j.s.LoadAll(ctx, jobPrefix)
	out := make(map[string][]byte, len(all))
	for name, record := range all {
		out[strings.TrimPrefix(name, jobPrefix)] = record
	}
	return out, err
}

// SaveJob returns when the record is on the disk.
func (j jobStore) SaveJob(ctx context.Context, name string, record []byte) error {
	return j.s.Save(ctx, jobPrefix+name, record)
}

// lookAtJobs lets a report be judged at once: a job that failed is not found
// out an interval later.
func (a *Agent) lookAtJobs(string) {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		// Before the start, or while it stops, the next run sees it anyway.
		_, _ = a.runner.RunNow(ctx, a.jobs.Name())
	}()
}
