package backup

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"xunjian/checks/backup/archive"
	"xunjian/checks/backup/scratch"
)

// memory is what a set remembers over restarts, so that no file is read twice
// and the last restore test is not forgotten.
type memory struct {
	// Begun is when the set was first looked at.
	Begun time.Time `json:"begun"`
	// Read holds what reading came to, by the identity of the backup.
	Read map[string]reading `json:"read,omitempty"`
	// Sizes are those of the last backups, the newest last.
	Sizes []size `json:"sizes,omitempty"`
	// LastGood is when the newest good backup was made.
	LastGood time.Time `json:"last_good,omitzero"`
	// Test is the last restore test, TestGood when the last good one ended.
	Test     *testResult `json:"test,omitempty"`
	TestGood time.Time   `json:"test_good,omitzero"`
	// Before are the rows of the last good test but one, by table.
	Before *scratch.Counts `json:"before,omitempty"`
	Repo   *repoState      `json:"repository,omitempty"`
}

// reading is what came of reading one backup.
type reading struct {
	// For is what it was held against; another wish reads again.
	For    string         `json:"for"`
	At     time.Time      `json:"at"`
	Took   float64        `json:"took"` // seconds
	Report archive.Report `json:"report"`
	Fault  *archive.Fault `json:"fault,omitempty"`
	// Error says why it could not be read; then it is tried again.
	Error string `json:"error,omitempty"`
}

func (r reading) good() bool { return r.Fault == nil && r.Error == "" }

// size is how large a backup was.
type size struct {
	ID    string    `json:"id"`
	At    time.Time `json:"at"`
	Bytes int64     `json:"bytes"`
}

// testResult is one restore test.
type testResult struct {
	At     time.Time      `json:"at"`
	Took   float64        `json:"took"` // seconds
	Backup string         `json:"backup"`
	Made   time.Time      `json:"made"`
	Counts scratch.Counts `json:"counts"`
	// Fault is why it failed, Error why it could not be tried.
	Fault *archive.Fault `json:"fault,omitempty"`
	Error string         `json:"error,omitempty"`
	// Log are the last lines of what the programs said.
	Log string `json:"log,omitempty"`
}

func (t *testResult) good() bool { return t.Fault == nil && t.Error == "" }

// keepSizes is how many sizes a new one is compared with, and itself.
const keepSizes = 8

// weigh records the size of a backup that is new.
func (m *memory) weigh(it item) {
	if slices.ContainsFunc(m.Sizes, func(s size) bool { return s.ID == it.id }) {
		return
	}
	m.Sizes = append(m.Sizes, size{it.id, it.made, it.size})
	slices.SortStableFunc(m.Sizes, func(a, b size) int { return a.At.Compare(b.At) })
	m.Sizes = m.Sizes[max(0, len(m.Sizes)-keepSizes):]
}

// ratio is the size of the newest backup against the median of up to seven
// before it; false if there is none before.
func (m *memory) ratio() (float64, bool) {
	n := len(m.Sizes) - 1
	if n < 1 {
		return 0, false
	}
	before := make([]int64, n)
	for i := range before {
		before[i] = m.Sizes[i].Bytes
	}
	slices.Sort(before)
	median := float64(before[n/2])
	if n%2 == 0 {
		median = (float64(before[n/2-1]) + median) / 2
	}
	if median == 0 {
		return 0, false
	}
	return float64(m.Sizes[n].Bytes) / median, true
}

// forget drops what was read of backups that are gone.
func (m *memory) forget(list []item) {
	there := map[string]bool{}
	for _, it := range list {
		there[it.id] = true
	}
	for id := range m.Read {
		if !there[id] {
			delete(m.Read, id)
		}
	}
}

// load reads what a set remembered. What is damaged is as good as forgotten:
// the files are read again.
func load(dir, name string) (memory, error) {
	m := memory{Read: map[string]reading{}}
	if dir == "" {
		return m, nil
	}
	raw, err := os.ReadFile(filepath.Join(dir, name+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err != nil {
		return memory{Read: map[string]reading{}}, fmt.Errorf("read what backup set %s remembers: %w", name, err)
	}
	if m.Read == nil {
		m.Read = map[string]reading{}
	}
	return m, nil
}

// save writes it whole or not at all.
func (m *memory) save(dir, name string) error {
	if dir == "" {
		return nil
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, name+".*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(raw)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, name+".json"))
}
