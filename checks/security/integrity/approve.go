package integrity

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"xunjian/checks"
)

// Actor is the person who approves.
type Actor struct {
	Name string
	Via  string // "console", "cli", "api"
}

// Refusal says why something is not approved, as a code with arguments.
type Refusal struct {
	Code string
	Args map[string]any
}

// Error is for logs; people are told by the code.
func (r *Refusal) Error() string { return "approval refused: " + r.Code }

const (
	maxReason = 500
	maxPaths  = 1000
)

// Approve makes the present state of the files (or whole trees) with these ids
// the approved one. The record of it is on disk before it holds. An id that is
// no longer there means that the file changed after the person looked: nothing
// is approved then. A webshell is approved only by its own id, never with the
// rest of its tree.
func (k *Keeper) Approve(_ context.Context, by Actor, why string, ids []string) (Approval, error) {
	why = strings.TrimSpace(checks.SafeText(why, maxReason))
	switch {
	case why == "":
		return Approval{}, &Refusal{Code: "no_reason"}
	case len(ids) == 0:
		return Approval{}, &Refusal{Code: "nothing_named"}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.damaged != nil {
		return Approval{}, k.damaged
	}
	trees, files, err := k.namedLocked(ids)
	if err != nil {
		return Approval{}, err
	}
	a := Approval{At: k.now().UTC(), By: by.Name, Via: by.Via, Reason: why, Count: len(files)}
	for _, f := range files {
		if len(a.Paths) < maxPaths {
			a.Paths = append(a.Paths, f.path)
		}
	}
	for _, t := range trees {
		a.Tree = t.Path
		a.Count += len(t.files)
	}
	if err := k.recordLocked(&a); err != nil {
		return Approval{}, err
	}
	for _, t := range trees {
		own := a
		own.Paths = nil
		t.approved = &own
		for rel, f := range t.files {
			if !f.suspicious() {
				k.acceptLocked(t, rel, f)
			}
		}
	}
	for _, f := range files {
		k.acceptLocked(f.tree, f.rel, f.file)
	}
	k.dirty = true
	return a, k.saveLocked()
}

// named is a file whose change has been asked for.
type named struct {
	*file
	tree      *tree
	rel, path string
}

func (k *Keeper) namedLocked(ids []string) (trees []*tree, files []named, err error) {
	open := map[string]bool{}
	for _, one := range ids {
		open[one] = true
	}
	for _, t := range k.inForceLocked() {
		state, _ := t.report(owners{})
		if open[state.ID] {
			if !t.complete {
				return nil, nil, &Refusal{Code: "not_complete", Args: map[string]any{"path": t.Path}}
			}
			delete(open, state.ID)
			trees = append(trees, t)
		}
		for rel, f := range t.files {
			if len(f.changed()) == 0 {
				continue
			}
			path := filepath.Join(t.Path, filepath.FromSlash(rel))
			if one := id(path, f.base, f.now); open[one] {
				delete(open, one)
				files = append(files, named{f, t, rel, path})
			}
		}
	}
	if len(open) > 0 {
		return nil, nil, &Refusal{Code: "changed_since", Args: map[string]any{"count": len(open)}}
	}
	return trees, files, nil
}

func (k *Keeper) acceptLocked(t *tree, rel string, f *file) {
	if f.now == nil {
		delete(t.files, rel)
		return
	}
	if len(f.changed()) == 0 {
		return
	}
	own := *f.now
	own.Shell = ""
	f.base, f.now = &own, &own
	f.since, f.who = time.Time{}, Culprit{}
}
