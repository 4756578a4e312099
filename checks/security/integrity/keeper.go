package integrity

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Keeper holds baseline and present state of every tree, over changes of the
// configuration and restarts. It is safe for concurrent use.
type Keeper struct {
	dir string
	now func() time.Time

	mu    sync.Mutex
	cfg   Config
	trees map[string]*tree // by path
	log   []Approval       // newest last
	last  string           // hash of the last line of the record
	// damaged says why what was kept cannot be used; then nothing is compared
	// until a person has seen to it.
	damaged error
	dirty   bool
	copies  copies

	serving sync.Mutex // one at a time walks
}

// tree is one Tree with what is known of it.
type tree struct {
	Tree
	files map[string]*file // by path inside the tree; "." is the tree itself
	// complete: every file was hashed once, so the baseline can be proposed.
	complete bool
	proposed time.Time
	approved *Approval

	walked     time.Time
	fault      string // why the tree as a whole could not be walked
	unreadable int    // folders and files that could not be read
	watched    int    // folders that are watched
	unwatched  int    // folders for which there was no watch left
	read       int64  // bytes hashed since the start
}

type file struct {
	base, now *Entry
	since     time.Time // when the difference was seen first
	who       Culprit
	pass      uint64
}

// Culprit is who made a change, as far as the audit log tells.
type Culprit struct {
	// Login is the user who logged in, User the one whose rights were used.
	Login   string    `json:"login,omitempty"`
	User    string    `json:"user,omitempty"`
	Program string    `json:"program,omitempty"`
	At      time.Time `json:"at,omitzero"`
}

// Open reads what was kept in a folder, which is made; "" keeps nothing. What
// is damaged is no error here: the check says so, and nothing is taken for
// unchanged meanwhile.
func Open(dir string, now func() time.Time) (*Keeper, error) {
	k := &Keeper{dir: dir, now: now, cfg: Default(), trees: map[string]*tree{}}
	if dir == "" {
		return k, nil
	}
	if err := os.MkdirAll(filepath.Join(dir, "copies"), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the integrity baseline: %w", err)
	}
	k.copies = copies{dir: filepath.Join(dir, "copies")}
	if err := k.load(); err != nil {
		k.damaged = err
	}
	return k, nil
}

// configure puts a configuration in force. What a tree that is no longer named
// had is kept on disk: it may come back.
func (k *Keeper) configure(cfg Config) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cfg = cfg
	k.copies.limit, k.copies.secrets = cfg.KeepBytes, cfg.Private
	for _, c := range cfg.Paths {
		c.Path = filepath.Clean(c.Path)
		t := k.trees[c.Path]
		if t == nil {
			t = &tree{files: map[string]*file{}}
			k.trees[c.Path] = t
		}
		t.Tree = c
	}
}

// inForce are the trees that are guarded now, in the order of the
// configuration.
func (k *Keeper) inForceLocked() []*tree {
	var out []*tree
	for _, c := range k.cfg.Paths {
		if t := k.trees[filepath.Clean(c.Path)]; t != nil {
			out = append(out, t)
		}
	}
	return out
}

func (k *Keeper) inForce() []*tree {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.inForceLocked()
}

// treeOf finds the tree of a path, and the path inside it.
func (k *Keeper) treeOf(path string) (*tree, string) {
	for _, t := range k.inForce() {
		if within(path, t.Path) {
			rel, err := filepath.Rel(t.Path, path)
			if err == nil {
				return t, filepath.ToSlash(rel)
			}
		}
	}
	return nil, ""
}

// ErrDamaged means that the baseline on disk cannot be read.
var ErrDamaged = errors.New("the integrity baseline is damaged")
