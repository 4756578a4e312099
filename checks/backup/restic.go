package backup

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"xunjian/checks/backup/program"
)

// secretFD is where the password can be read from.
const secretFD = "/proc/self/fd/3"

// restic asks a repository by restic. It takes no lock, so that a look never
// stands in the way of a backup.
type restic struct {
	cmd  program.Command
	repo string
}

func (r *restic) run(ctx context.Context, args ...string) (*program.Outcome, error) {
	c := r.cmd
	c.Args = append([]string{"--repo", r.repo, "--password-file", secretFD, "--no-lock", "--no-cache", "--json"}, args...)
	out, err := c.Run(ctx)
	if err != nil {
		return nil, err
	}
	if out.Code != 0 {
		return out, resticError(out)
	}
	return out, nil
}

func resticError(out *program.Outcome) error {
	said := out.Stderr.Lines(3)
	switch {
	case strings.Contains(said, "wrong password") || strings.Contains(said, "an empty password is not"):
		return &repoError{codeRepoSecret, said}
	case strings.Contains(said, "Is there a repository at the following location") || strings.Contains(said, "unable to open config file"),
		strings.Contains(said, "repository does not exist"):
		return &repoError{codeRepoGone, said}
	}
	return fmt.Errorf("restic ended with code %d: %s", out.Code, said)
}

func (r *restic) snapshots(ctx context.Context, st *repoState) error {
	out, err := r.run(ctx, "snapshots")
	if err != nil {
		return err
	}
	var list []struct {
		ID   string    `json:"id"`
		Time time.Time `json:"time"`
	}
	if err := json.Unmarshal([]byte(out.Stdout.String()), &list); err != nil {
		return fmt.Errorf("read the snapshots of restic: %w", err)
	}
	before := st.NewestID
	st.Snapshots, st.Newest, st.NewestID = len(list), time.Time{}, ""
	for _, s := range list {
		if s.Time.After(st.Newest) {
			st.Newest, st.NewestID = s.Time, s.ID
		}
	}
	if err := r.locks(ctx, st); err != nil {
		return err
	}
	if st.NewestID == "" || st.NewestID == before && st.Size >= 0 {
		return nil
	}
	// The size is good to know; a repository that does not say it is still there.
	if err := r.size(ctx, st); err != nil {
		st.Size = -1
	}
	return ctx.Err()
}

// size asks how large the newest snapshot is when it is restored.
func (r *restic) size(ctx context.Context, st *repoState) error {
	out, err := r.run(ctx, "stats", "--mode", "restore-size", st.NewestID)
	if err != nil {
		return err
	}
	var stats struct {
		Total int64 `json:"total_size"`
	}
	if err := json.Unmarshal([]byte(out.Stdout.String()), &stats); err != nil {
		return fmt.Errorf("read the size of a snapshot of restic: %w", err)
	}
	st.Size = stats.Total
	return nil
}

// maxLocks is how many locks are read.
const maxLocks = 20

func (r *restic) locks(ctx context.Context, st *repoState) error {
	out, err := r.run(ctx, "list", "locks")
	if err != nil {
		return err
	}
	st.Locks = nil
	for i, id := range strings.Fields(out.Stdout.String()) {
		if i == maxLocks {
			break
		}
		one, err := r.run(ctx, "cat", "lock", id)
		if err != nil {
			continue // given back just now
		}
		var l struct {
			Time time.Time `json:"time"`
			Host string    `json:"hostname"`
			PID  int       `json:"pid"`
		}
		if err := json.Unmarshal([]byte(one.Stdout.String()), &l); err == nil {
			st.Locks = append(st.Locks, lock{l.Time, l.Host, l.PID})
		}
	}
	return nil
}

func (r *restic) check(ctx context.Context) (bool, string, error) {
	c := r.cmd
	c.Args = []string{"--repo", r.repo, "--password-file", secretFD, "--no-lock", "--no-cache", "check"}
	out, err := c.Run(ctx)
	if err != nil {
		return false, "", err
	}
	return out.Code == 0, out.Stdout.Lines(20) + "\n" + out.Stderr.Lines(20), nil
}
