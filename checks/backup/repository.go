package backup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"xunjian/checks"
	"xunjian/checks/backup/program"
	"xunjian/checks/credential"
)

// Codes of repositories.
const (
	codeRepoUnread  = "backup.repository_unread"
	codeRepoGone    = "backup.repository_missing"
	codeRepoSecret  = "backup.repository_password"
	codeRepoProgram = "backup.repository_no_program"
	codeRepoLocked  = "backup.repository_locked"
	codeRepoCheck   = "backup.repository_damaged"
	codeRepoGood    = "backup.repository_good"
	codeRepoEmpty   = "backup.repository_empty"
	codeRepoPending = "backup.repository_pending"
)

// repoState is what a repository last said.
type repoState struct {
	At time.Time `json:"at"`
	// Code says why it did not answer; empty if it did.
	Code  string `json:"code,omitempty"`
	Error string `json:"error,omitempty"`

	Snapshots int       `json:"snapshots"`
	Newest    time.Time `json:"newest,omitzero"`
	NewestID  string    `json:"newest_id,omitempty"`
	Size      int64     `json:"size"` // of the newest, in bytes; -1: not known
	Locks     []lock    `json:"locks,omitempty"`

	Checked   time.Time `json:"checked,omitzero"`
	CheckGood bool      `json:"check_good"`
	CheckLog  string    `json:"check_log,omitempty"`
}

// lock is one lock of a repository.
type lock struct {
	// Since is when it was made, or first seen.
	Since time.Time `json:"since"`
	Host  string    `json:"host,omitempty"`
	PID   int       `json:"pid,omitempty"`
}

// left reports whether a lock was left behind: its process is gone from this
// machine, or it is too old to be one of a backup.
func (l lock) left(now time.Time, after time.Duration) bool {
	if name, err := os.Hostname(); err == nil && l.PID > 0 && l.Host == name && !alive(l.PID) {
		return true
	}
	return now.Sub(l.Since) > after
}

// repoError is why a repository could not be asked.
type repoError struct{ code, text string }

func (e *repoError) Error() string { return e.text }

// keeper is a program that keeps backups in a repository.
type keeper interface {
	// snapshots fills in what there is, and reports locks.
	snapshots(ctx context.Context, st *repoState) error
	// check runs the program's own check and returns what it said when it found
	// something.
	check(ctx context.Context) (good bool, said string, err error)
}

func (s *set) repositoryDue() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mem.Repo == nil || !s.parts.Now().Before(s.mem.Repo.At.Add(orElse(s.Repository.LookEvery, defaultLook)))
}

// ask asks the repository what there is, and has it checked when that is due.
func (s *set) ask(ctx context.Context) {
	s.mu.Lock()
	old := repoState{Size: -1}
	if s.mem.Repo != nil {
		old = *s.mem.Repo
	}
	s.mu.Unlock()
	now := s.parts.Now()
	next := old
	next.At, next.Code, next.Error = now, "", ""
	looking, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	k, mask, err := s.keeper()
	if err == nil {
		err = k.snapshots(looking, &next)
	}
	// A repository that cannot be read for no reason that is known may be damaged.
	if k != nil && !isRepoError(err) && s.checkDue(next, now) {
		err = errors.Join(err, s.checkNow(ctx, k, mask, &next))
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		next.Code, next.Error = codeRepoUnread, checks.SafeText(mask(err.Error()), 500)
		if known, ok := errors.AsType[*repoError](err); ok {
			next.Code = known.code
		}
		if errors.Is(err, program.ErrMissing) {
			next.Code = codeRepoProgram
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mem.Repo = &next
	if next.Code == "" && next.Newest.After(s.mem.LastGood) && (next.Size < 0 || next.Size >= s.MinSize) {
		s.mem.LastGood = next.Newest
	}
	if next.Code == "" && next.Size >= 0 && next.NewestID != "" {
		s.mem.weigh(item{id: next.NewestID, made: next.Newest, size: next.Size})
	}
	s.keepLocked()
}

func isRepoError(err error) bool {
	_, known := errors.AsType[*repoError](err)
	return known
}

// checkNow has the repository checked by its own program.
func (s *set) checkNow(ctx context.Context, k keeper, mask func(string) string, st *repoState) error {
	ctx, cancel := context.WithTimeout(ctx, s.deadline)
	defer cancel()
	good, text, err := k.check(ctx)
	if err != nil {
		return err
	}
	st.Checked, st.CheckGood, st.CheckLog = s.parts.Now(), good, checks.SafeText(mask(text), checks.MaxEvidence)
	return nil
}

// checkDue reports whether the program's own check is to run. While somebody
// holds a lock it waits: what is being written is not whole.
func (s *set) checkDue(st repoState, now time.Time) bool {
	return s.Repository.CheckEvery > 0 && len(st.Locks) == 0 && now.Sub(st.Checked) >= s.Repository.CheckEvery
}

// keeper makes what asks the repository, and what takes its secrets out of a
// text. Secrets are read anew each time.
func (s *set) keeper() (keeper, func(string) string, error) {
	mask := func(t string) string { return t }
	path, err := s.findProgram()
	if err != nil {
		return nil, mask, err
	}
	var secrets []credential.Secret
	mask = func(t string) string { return credential.Mask(t, secrets...) }
	cmd := program.Command{Path: path}
	if s.Repository.PasswordFile != "" {
		password, err := credential.Read(s.Repository.PasswordFile)
		if err != nil {
			return nil, mask, err
		}
		secrets = append(secrets, password)
		cmd.Secret = password.Reveal()
	}
	for _, name := range slices.Sorted(maps.Keys(s.Repository.Env)) {
		cmd.Env = append(cmd.Env, name+"="+s.Repository.Env[name])
	}
	for _, name := range slices.Sorted(maps.Keys(s.Repository.EnvFiles)) {
		value, err := credential.Read(s.Repository.EnvFiles[name])
		if err != nil {
			return nil, mask, fmt.Errorf("%s: %w", name, err)
		}
		secrets = append(secrets, value)
		cmd.Env = append(cmd.Env, name+"="+value.Reveal())
	}
	if s.Kind == Borg {
		return &borg{cmd: cmd, repo: s.Repository.Location, base: s.parts.Dir, minSize: s.MinSize}, mask, nil
	}
	return &restic{cmd: cmd, repo: s.Repository.Location}, mask, nil
}

func (s *set) findProgram() (string, error) {
	if p := s.Repository.Program; p != "" {
		if _, err := os.Stat(p); err != nil {
			return "", fmt.Errorf("%w: %s", program.ErrMissing, err)
		}
		return p, program.Trusted(p)
	}
	return program.Find(nil, string(s.Kind))
}

// runRepository tells what the repository last said.
func (s *set) runRepository(ctx context.Context, out *checks.Output) error {
	if s.oneShot() {
		s.ask(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.parts.Now()
	s.expectations(out)
	s.setTime(out, descLastGood, s.mem.LastGood)
	r := s.mem.Repo
	if r == nil {
		out.Find(s.repoFinding(codeRepoPending, checks.Unknown, nil))
		return nil
	}
	if r.Code != "" {
		verdict := checks.Unknown
		if r.Code == codeRepoGone || r.Code == codeRepoSecret {
			verdict = checks.Abnormal // nothing can be restored from it as it is
		}
		out.Find(s.repoFinding(r.Code, verdict, map[string]any{"error": r.Error}))
		s.tellCheck(out, r)
		s.tellLate(out, now)
		return nil
	}
	s.repoFigures(out, r, now)
	switch {
	case r.Snapshots == 0:
		out.Find(s.repoFinding(codeRepoEmpty, checks.Abnormal, nil))
	default:
		out.Find(s.repoFinding(codeRepoGood, checks.OK, map[string]any{
			"snapshots": r.Snapshots, "age": now.Sub(r.Newest).Seconds(), "size": r.Size,
		}))
	}
	if r.Snapshots > 0 && r.Size >= 0 && r.Size < s.MinSize {
		out.Find(s.repoFinding("backup.small", checks.Abnormal, map[string]any{"path": r.NewestID, "size": r.Size, "min": s.MinSize}))
	}
	s.tellLocks(out, r, now)
	s.tellCheck(out, r)
	s.tellLate(out, now)
	return nil
}

// tellCheck tells what the program's own check came to.
func (s *set) tellCheck(out *checks.Output, r *repoState) {
	if r.Checked.IsZero() {
		return
	}
	s.set(out, descCheck, truth(r.CheckGood))
	s.setTime(out, descCheckTime, r.Checked)
	if r.CheckGood {
		return
	}
	f := s.repoFinding(codeRepoCheck, checks.Abnormal, map[string]any{"at": s.clock(r.Checked)})
	f.Evidence = r.CheckLog
	out.Find(f)
}

func (s *set) tellLocks(out *checks.Output, r *repoState, now time.Time) {
	for _, l := range r.Locks {
		if l.left(now, orElse(s.Repository.LockAfter, defaultLockAfter)) {
			out.Find(s.repoFinding(codeRepoLocked, checks.Attention, map[string]any{
				"age": now.Sub(l.Since).Seconds(), "host": l.Host, "pid": l.PID, "locks": len(r.Locks),
			}))
			return
		}
	}
}

func (s *set) repoFigures(out *checks.Output, r *repoState, now time.Time) {
	s.set(out, descFiles, float64(r.Snapshots))
	s.setTime(out, descNewest, r.Newest)
	if r.Size >= 0 && r.Snapshots > 0 {
		s.set(out, descSize, float64(r.Size))
	}
	if ratio, ok := s.mem.ratio(); ok {
		s.set(out, descRatio, ratio)
	}
	left := slices.ContainsFunc(r.Locks, func(l lock) bool { return l.left(now, orElse(s.Repository.LockAfter, defaultLockAfter)) })
	s.set(out, descLocks, float64(len(r.Locks)))
	s.set(out, descLocked, truth(left))
}

func (s *set) repoFinding(code string, v checks.Verdict, args map[string]any) checks.Finding {
	all := map[string]any{"set": s.Set.Name, "place": s.Repository.Location, "program": string(s.Kind)}
	for _, key := range faultArgs {
		all[key] = ""
	}
	maps.Copy(all, args)
	return checks.Finding{Code: code, Subject: s.Set.Name, Verdict: v, Args: plain(all)}
}
