package backup

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"xunjian/checks"
)

// Evidence is what there was when an incident opened: the last backups with what
// is known of each, and what the programs of the last restore test or check of
// the repository said.
func (s *set) Evidence(ctx context.Context) ([]checks.Exhibit, error) {
	s.mu.Lock()
	s.rememberLocked()
	s.mu.Unlock()
	var out []checks.Exhibit
	var err error
	if !s.Kind.repository() {
		var e checks.Exhibit
		if e, err = s.exhibitFiles(ctx); err == nil {
			out = append(out, e)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.mem.Test; t != nil {
		out = append(out, checks.Exhibit{Code: "backup.evidence_restore", Args: map[string]any{"set": s.Set.Name, "at": s.clock(t.At)}, Text: t.Log})
	}
	if r := s.mem.Repo; r != nil {
		out = append(out, s.exhibitRepository(r))
	}
	return out, err
}

// exhibitFiles lists the newest backups, and what is known of each.
func (s *set) exhibitFiles(ctx context.Context) (checks.Exhibit, error) {
	items, err := s.candidates(ctx, s.parts.Now())
	if err != nil {
		return checks.Exhibit{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := checks.Exhibit{
		Code: "backup.evidence_files", Args: map[string]any{"set": s.Set.Name, "count": len(items)},
		Columns: []string{"path", "size", "mtime", "read_at", "result"},
	}
	for _, st := range s.newest(items) {
		readAt, result := "", "-"
		if st.read {
			readAt, result = st.At.In(s.parts.Zone).Format(time.RFC3339), "ok"
		}
		switch {
		case st.Error != "":
			result = st.Error
		case st.Fault != nil:
			result = fmt.Sprint(st.Fault.Code, " ", st.Fault.Args)
		}
		e.Rows = append(e.Rows, []string{st.path, strconv.FormatInt(st.size, 10), st.made.In(s.parts.Zone).Format(time.RFC3339), readAt, result})
	}
	return e, nil
}

// exhibitRepository says what the repository last said. Its log has no secrets:
// they were taken out before it was kept.
func (s *set) exhibitRepository(r *repoState) checks.Exhibit {
	e := checks.Exhibit{
		Code: "backup.evidence_repository", Args: map[string]any{"set": s.Set.Name, "at": s.clock(r.At)},
		Columns: []string{"key", "value"},
		Rows: [][]string{
			{"location", s.Repository.Location}, {"snapshots", strconv.Itoa(r.Snapshots)}, {"newest", r.NewestID},
			{"size", strconv.FormatInt(r.Size, 10)}, {"error", r.Error},
		},
		Text: r.CheckLog,
	}
	if !r.Newest.IsZero() {
		e.Rows = append(e.Rows, []string{"newest_time", r.Newest.In(s.parts.Zone).Format(time.RFC3339)})
	}
	for _, l := range r.Locks {
		e.Rows = append(e.Rows, []string{"lock", fmt.Sprintf("%s pid %d since %s", l.Host, l.PID, l.Since.In(s.parts.Zone).Format(time.RFC3339))})
	}
	return e
}
