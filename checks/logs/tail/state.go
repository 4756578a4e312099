package tail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// kept is what survives: positions, counts and the consumers' states, of one
// moment.
type kept struct {
	Format    int                        `json:"format"`
	Sources   map[string]keptSource      `json:"sources"`
	Consumers map[string]json.RawMessage `json:"consumers"`
}

type keptSource struct {
	Stats    Stats           `json:"stats"`
	Position json.RawMessage `json:"position,omitempty"`
}

const stateFormat = 1

// stateFile is the one file of a Tailer, replaced as a whole.
type stateFile struct {
	dir  string
	lock *os.File
}

const (
	stateName = "positions.json"
	lockName  = "positions.lock"
)

// openState waits until no other Tailer works with the folder: after a reload
// the old one may not have stopped yet.
func openState(ctx context.Context, dir string) (*stateFile, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for positions in logs: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the positions in logs: %w", err)
	}
	for !tryLock(f) {
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("another process reads with the positions in %s: %w", dir, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return &stateFile{dir: dir, lock: f}, nil
}

func (s *stateFile) close() { s.lock.Close() }

// read returns without an error if there is nothing yet. What cannot be read is
// set aside, for the lines must be read on.
func (s *stateFile) read(k *kept) error {
	path := filepath.Join(s.dir, stateName)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the positions in logs: %w", err)
	}
	if err := json.Unmarshal(raw, k); err != nil || k.Format != stateFormat {
		*k = kept{Sources: map[string]keptSource{}, Consumers: map[string]json.RawMessage{}}
		if err := os.Rename(path, path+".damaged"); err != nil {
			return fmt.Errorf("set damaged positions aside: %w", err)
		}
	}
	return nil
}

// write replaces the file, so that at any instant one whole state is there.
func (s *stateFile) write(k *kept) error {
	k.Format = stateFormat
	raw, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("write the positions in logs: %w", err)
	}
	path := filepath.Join(s.dir, stateName)
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write the positions in logs: %w", err)
	}
	_, err = f.Write(raw)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err == nil {
		err = syncDir(s.dir)
	}
	if err != nil {
		return fmt.Errorf("write the positions in logs: %w", err)
	}
	return nil
}
