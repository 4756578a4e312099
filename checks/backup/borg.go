package backup

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"xunjian/checks/backup/program"
)

// borg asks a repository by borg. It takes no lock, so that a look never stands
// in the way of a backup.
type borg struct {
	cmd     program.Command
	repo    string
	base    string // where it may keep what it knows of the repository
	minSize int64
}

func (b *borg) run(ctx context.Context, args ...string) (*program.Outcome, error) {
	base := b.base
	if base == "" {
		dir, err := os.MkdirTemp("", "xunjian-borg-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		base = dir
	}
	c := b.cmd
	c.Env = append([]string{
		"BORG_BASE_DIR=" + filepath.Join(base, "borg"), "BORG_EXIT_CODES=legacy",
		"BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes", "BORG_RELOCATED_REPO_ACCESS_IS_OK=yes", "BORG_CHECK_I_KNOW_WHAT_I_AM_DOING=NO",
	}, c.Env...)
	if c.Secret != "" {
		c.Env = append(c.Env, "BORG_PASSPHRASE_FD=3")
	}
	c.Args = append([]string{"--bypass-lock", "--log-json"}, args...)
	return c.Run(ctx)
}

// said is a line that borg logs.
type said struct {
	Type    string `json:"type"`
	Message string `json:"message"`
	ID      string `json:"msgid"`
}

// borgError reads what borg logged.
func borgError(out *program.Outcome) error {
	text := ""
	for line := range strings.Lines(out.Stderr.String()) {
		var s said
		if json.Unmarshal([]byte(line), &s) != nil || s.Type != "log_message" || s.Message == "" {
			continue
		}
		text = s.Message
		switch s.ID {
		case "PassphraseWrong", "PasscommandFailure":
			return &repoError{codeRepoSecret, s.Message}
		case "Repository.DoesNotExist", "Repository.InvalidRepository":
			return &repoError{codeRepoGone, s.Message}
		}
		if strings.Contains(s.Message, "passphrase supplied in") && strings.Contains(s.Message, "incorrect") {
			return &repoError{codeRepoSecret, s.Message}
		}
	}
	if text == "" {
		text = out.Stderr.Lines(2)
	}
	return fmt.Errorf("borg ended with code %d: %s", out.Code, text)
}

func (b *borg) snapshots(ctx context.Context, st *repoState) error {
	out, err := b.run(ctx, "list", "--json", b.repo)
	if err != nil {
		return err
	}
	if out.Code > 1 { // 1 is a warning
		return borgError(out)
	}
	var list struct {
		Archives []struct {
			ID    string `json:"id"`
			Name  string `json:"name"`
			Start string `json:"start"`
		} `json:"archives"`
	}
	if err := json.Unmarshal([]byte(out.Stdout.String()), &list); err != nil {
		return fmt.Errorf("read the archives of borg: %w", err)
	}
	before, name := st.NewestID, ""
	st.Snapshots, st.Newest, st.NewestID = len(list.Archives), time.Time{}, ""
	for _, a := range list.Archives {
		at, err := time.ParseInLocation("2006-01-02T15:04:05.999999", a.Start, time.Local)
		if err == nil && at.After(st.Newest) {
			st.Newest, st.NewestID, name = at, a.ID, a.Name
		}
	}
	st.Locks = b.locks()
	if st.NewestID == "" || st.NewestID == before && st.Size >= 0 {
		return nil
	}
	// The size is good to know; a repository that does not say it is still there.
	if err := b.size(ctx, st, name); err != nil {
		st.Size = -1
	}
	return ctx.Err()
}

// size asks how large the newest archive is when it is extracted.
func (b *borg) size(ctx context.Context, st *repoState, name string) error {
	out, err := b.run(ctx, "info", "--json", b.repo+"::"+name)
	if err != nil {
		return err
	}
	if out.Code > 1 {
		return borgError(out)
	}
	var info struct {
		Archives []struct {
			Stats struct {
				Original int64 `json:"original_size"`
			} `json:"stats"`
		} `json:"archives"`
	}
	if err := json.Unmarshal([]byte(out.Stdout.String()), &info); err != nil || len(info.Archives) != 1 {
		return fmt.Errorf("read the size of an archive of borg: %w", err)
	}
	st.Size = info.Archives[0].Stats.Original
	return nil
}

// holder is the name of the file by which somebody holds the lock of a borg
// repository: host, process, thread.
var holder = regexp.MustCompile(`^(.+?)(?:@\d+)?\.(\d+)-[0-9a-f]+$`)

// locks reads the locks of a repository that is a folder here; of others borg
// has no way to tell without waiting for them.
func (b *borg) locks() []lock {
	dir := filepath.Join(b.repo, "lock.exclusive")
	info, err := os.Stat(dir)
	if err != nil {
		return nil
	}
	l := lock{Since: info.ModTime()}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if m := holder.FindStringSubmatch(e.Name()); m != nil {
			l.Host = m[1]
			l.PID, _ = strconv.Atoi(m[2])
		}
	}
	return []lock{l}
}

func (b *borg) check(ctx context.Context) (bool, string, error) {
	out, err := b.run(ctx, "check", b.repo)
	if err != nil {
		return false, "", err
	}
	var text strings.Builder
	for line := range strings.Lines(out.Stderr.String()) {
		var s said
		if json.Unmarshal([]byte(line), &s) == nil && s.Message != "" {
			fmt.Fprintln(&text, s.Message)
		}
	}
	return out.Code == 0, text.String(), nil
}
