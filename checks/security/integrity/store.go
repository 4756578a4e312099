package integrity

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	stateFile     = "baseline.jsonl.gz"
	approvalsFile = "approvals.jsonl"
	stateVersion  = 1
)

// The file of the baseline: a head, then a line for each file. It is written
// whole beside the old one and put in its place, so a crash leaves one of both.
type (
	head struct {
		Version int        `json:"version"`
		Trees   []headTree `json:"trees"`
	}
	headTree struct {
		Path     string    `json:"path"`
		Kind     Kind      `json:"kind"`
		Complete bool      `json:"complete"`
		Proposed time.Time `json:"proposed,omitzero"`
		Approved *Approval `json:"approved,omitempty"`
	}
	line struct {
		Tree int    `json:"t"`
		Path string `json:"p"`
		Base *Entry `json:"b,omitempty"`
		Now  *Entry `json:"n,omitempty"`
		// Same: the present state is the baseline.
		Same  bool      `json:"=,omitempty"`
		Since time.Time `json:"s,omitzero"`
		Who   *Culprit  `json:"w,omitempty"`
	}
)

// Approval is what a person approved: one line of the record, each bound to the
// one before.
type Approval struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Via    string    `json:"via"`
	Reason string    `json:"reason"`
	// Tree is set if a whole baseline was approved.
	Tree string `json:"tree,omitempty"`
	// Paths are the files whose change was approved, at most 1,000; Count is
	// how many there were.
	Paths []string `json:"paths,omitempty"`
	Count int      `json:"count"`
	// Before is the hash of the line before.
	Before string `json:"before"`
}

func (k *Keeper) load() error {
	if err := k.loadApprovals(); err != nil {
		return err
	}
	f, err := os.Open(filepath.Join(k.dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	defer f.Close()
	if err := k.read(f); err != nil {
		return fmt.Errorf("%w: read %s: %w; move the file away to begin with a new one, which has to be approved again", ErrDamaged, f.Name(), err)
	}
	return nil
}

// read takes the state from a reader; on an error nothing is taken.
func (k *Keeper) read(r io.Reader) error {
	z, err := gzip.NewReader(bufio.NewReaderSize(r, 1<<16))
	if err != nil {
		return err
	}
	dec := json.NewDecoder(z)
	var h head
	if err := dec.Decode(&h); err != nil {
		return err
	}
	if h.Version != stateVersion {
		return fmt.Errorf("version %d is not known", h.Version)
	}
	trees := make([]*tree, len(h.Trees))
	byPath := map[string]*tree{}
	for n, t := range h.Trees {
		trees[n] = &tree{Tree: Tree{Path: t.Path, Kind: t.Kind}, complete: t.Complete, proposed: t.Proposed, approved: t.Approved, files: map[string]*file{}}
		byPath[t.Path] = trees[n]
	}
	for {
		var l line
		if err := dec.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		if l.Tree < 0 || l.Tree >= len(trees) {
			return fmt.Errorf("file %q belongs to no tree", l.Path)
		}
		f := &file{base: l.Base, now: l.Now, since: l.Since}
		if l.Same {
			f.now = f.base
		}
		if l.Who != nil {
			f.who = *l.Who
		}
		trees[l.Tree].files[l.Path] = f
	}
	k.trees = byPath
	return nil
}

// save writes the state, if it changed.
func (k *Keeper) save() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dir == "" || !k.dirty || k.damaged != nil {
		return nil
	}
	return k.saveLocked()
}

func (k *Keeper) saveLocked() error {
	if k.dir == "" {
		return nil
	}
	err := replaceFile(filepath.Join(k.dir, stateFile), k.writeLocked)
	if err != nil {
		return fmt.Errorf("keep the integrity baseline: %w", err)
	}
	k.dirty = false
	k.copies.sweep(k.hashesLocked())
	return nil
}

func (k *Keeper) writeLocked(w io.Writer) error {
	z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
	enc := json.NewEncoder(z)
	h := head{Version: stateVersion}
	paths := slices.Sorted(maps.Keys(k.trees))
	for _, p := range paths {
		t := k.trees[p]
		h.Trees = append(h.Trees, headTree{Path: t.Path, Kind: t.Kind, Complete: t.complete, Proposed: t.proposed, Approved: t.approved})
	}
	if err := enc.Encode(h); err != nil {
		return err
	}
	for n, p := range paths {
		for rel, f := range k.trees[p].files {
			l := line{Tree: n, Path: rel, Base: f.base, Now: f.now, Since: f.since}
			if f.base == f.now {
				l.Now, l.Same = nil, true
			}
			if f.who != (Culprit{}) {
				l.Who = &f.who
			}
			if err := enc.Encode(l); err != nil {
				return err
			}
		}
	}
	return z.Close()
}

// hashesLocked are the contents of which a copy is of use: what is approved,
// and what differs from it.
func (k *Keeper) hashesLocked() map[string]bool {
	out := map[string]bool{}
	for _, t := range k.trees {
		for _, f := range t.files {
			for _, e := range []*Entry{f.base, f.now} {
				if e != nil && e.Hash != "" {
					out[e.Hash] = true
				}
			}
		}
	}
	return out
}

// replaceFile writes a file whole, durably, in the place of the old one.
func replaceFile(name string, write func(io.Writer) error) error {
	tmp, err := os.OpenFile(name+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(tmp, 1<<16)
	err = errors.Join(write(b), b.Flush(), tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		os.Remove(tmp.Name())
		return err
	}
	return syncFolder(filepath.Dir(name))
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	d.Sync() // not every filesystem can; the rename stands anyway
	return nil
}

// loadApprovals reads the record of approvals and holds its chain.
func (k *Keeper) loadApprovals() error {
	f, err := os.Open(filepath.Join(k.dir, approvalsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	defer f.Close()
	before, n := "", 0
	in := bufio.NewReaderSize(f, 1<<16)
	for {
		text, err := in.ReadBytes('\n')
		if len(text) == 0 || err != nil {
			if errors.Is(err, io.EOF) {
				return nil // a last line without its end was never acknowledged
			}
			return err
		}
		n++
		var a Approval
		if err := json.Unmarshal(text, &a); err != nil || a.Before != before {
			return fmt.Errorf("%w: line %d of %s does not follow the one before; somebody changed the record of approvals", ErrDamaged, n, f.Name())
		}
		before = chain(text)
		k.log = append(k.log, a)
		k.last = before
	}
}

func chain(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// recordLocked appends an approval durably, before it is carried out.
func (k *Keeper) recordLocked(a *Approval) error {
	a.Before = k.last
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if k.dir != "" {
		f, err := os.OpenFile(filepath.Join(k.dir, approvalsFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("record the approval: %w", err)
		}
		_, err = f.Write(text)
		if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
			return fmt.Errorf("record the approval: %w", err)
		}
	}
	k.last = chain(text)
	k.log = append(k.log, *a)
	return nil
}
