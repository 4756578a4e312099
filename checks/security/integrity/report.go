package integrity

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"xunjian/checks"
)

// Report is how everything stands.
type Report struct {
	Trees []TreeState
	// Changes are those that nobody has approved, the gravest first, at most
	// MaxChanges; Total is how many there are.
	Changes []Change
	Total   int
	// Approvals are the last ones, newest first.
	Approvals []Approval
}

// MaxChanges bounds Report.Changes.
const MaxChanges = 1000

// maxApprovals bounds Report.Approvals.
const maxApprovals = 50

// TreeState is how one tree stands.
type TreeState struct {
	Path string
	Kind Kind
	// ID names its baseline as it stands now, to approve it.
	ID    string
	Files int
	Bytes int64
	// Complete: it was looked at once as a whole. Until a person approved it,
	// the baseline is only proposed.
	Complete bool
	Proposed time.Time
	Approved *Approval
	Walked   time.Time
	// Oldest is when the file was hashed whose hash is the oldest.
	Oldest     time.Time
	Fault      string
	Unreadable int
	Watched    int
	Unwatched  int
	Read       int64
	// Changes counts them by what changed.
	Changes map[string]int
}

// Change is one file that is not as it was approved.
type Change struct {
	// ID names exactly this change, to approve it.
	ID   string
	Path string
	Tree string
	Kind Kind
	// Code is that of its finding.
	Code string
	// What changed: "added", "removed", "content", "rights", "owner",
	// "attributes", "type", "shell".
	What  []string
	Since time.Time
	Who   Culprit
	// Owner has the file now, or had it.
	Owner    string
	Modified time.Time
	// Shell names the webshell construct in it.
	Shell         string
	Before, After *Facts
}

// Facts are what people compare of a file.
type Facts struct {
	Mode  string
	Owner string
	Size  int64
	Hash  string
	Attrs string
}

// The codes of findings about changes, the gravest first.
const (
	codeShell   = "integrity.webshell"
	codeScript  = "integrity.new_script"
	codePage    = "integrity.page_changed"
	codeBinary  = "integrity.binary_changed"
	codeConfig  = "integrity.config_changed"
	codeWebElse = "integrity.web_changed"
)

var gravity = []string{codeShell, codeScript, codePage, codeBinary, codeConfig, codeWebElse}

// shell marks a file in which a webshell was found, though it did not change.
const shell = "shell"

// codeOf says what a change means in a tree of its kind.
func codeOf(kind Kind, rel string, what []string, f *file) string {
	switch {
	case kind == Binaries:
		return codeBinary
	case kind == Settings:
		return codeConfig
	case f.now != nil && f.now.Shell != "":
		return codeShell
	}
	one := f.now
	if one == nil {
		one = f.base
	}
	switch {
	case one.Mode.IsDir():
		return codeWebElse
	case what[0] == added && (isScript(rel) || f.now.Mode&0o111 != 0):
		return codeScript
	case slices.Contains(what, content) || what[0] == removed || what[0] == replaced:
		return codePage
	}
	return codeWebElse
}

// suspicious reports whether a shell was found that nobody has approved.
func (f *file) suspicious() bool {
	return f.now != nil && f.now.Shell != "" && (f.base == nil || f.base.Shell != "" || f.base.Hash != f.now.Hash)
}

// changed says what of a file nobody has approved.
func (f *file) changed() []string {
	what := compare(f.base, f.now)
	if f.suspicious() && !slices.Contains(what, added) && !slices.Contains(what, content) {
		what = append(what, shell)
	}
	return what
}

// Report says how everything stands.
func (k *Keeper) Report() (Report, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.damaged != nil {
		return Report{}, k.damaged
	}
	var out Report
	names := owners{}
	for _, t := range k.inForceLocked() {
		state, changes := t.report(names)
		out.Trees = append(out.Trees, state)
		out.Changes = append(out.Changes, changes...)
	}
	slices.SortFunc(out.Changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(slices.Index(gravity, a.Code), slices.Index(gravity, b.Code)), cmp.Compare(a.Path, b.Path))
	})
	out.Total = len(out.Changes)
	out.Changes = out.Changes[:min(len(out.Changes), MaxChanges)]
	for _, a := range slices.Backward(k.log) {
		if len(out.Approvals) == maxApprovals {
			break
		}
		out.Approvals = append(out.Approvals, a)
	}
	return out, nil
}

func (t *tree) report(names owners) (TreeState, []Change) {
	s := TreeState{
		Path: t.Path, Kind: t.Kind, Complete: t.complete, Proposed: t.proposed, Approved: t.approved, Walked: t.walked,
		Fault: t.fault, Unreadable: t.unreadable, Watched: t.watched, Unwatched: t.unwatched, Read: t.read, Changes: map[string]int{},
	}
	var list []Change
	var ids []string
	oldest := int64(0)
	for rel, f := range t.files {
		if f.now != nil && !f.now.Mode.IsDir() {
			s.Files++
			s.Bytes += f.now.Size
			if oldest == 0 || f.now.Hashed < oldest {
				oldest = f.now.Hashed
			}
		}
		what := f.changed()
		if len(what) == 0 {
			continue
		}
		c := t.change(rel, f, what, names)
		s.Changes[what[0]]++
		list, ids = append(list, c), append(ids, c.ID)
	}
	if oldest > 0 {
		s.Oldest = time.Unix(oldest, 0)
	}
	slices.Sort(ids)
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %d %q", t.Path, len(t.files), ids))
	s.ID = hex.EncodeToString(sum[:12])
	return s, list
}

func (t *tree) change(rel string, f *file, what []string, names owners) Change {
	path := filepath.Join(t.Path, filepath.FromSlash(rel))
	c := Change{
		ID: id(path, f.base, f.now), Path: path, Tree: t.Path, Kind: t.Kind, Code: codeOf(t.Kind, rel, what, f), What: what,
		Since: f.since, Who: f.who, Before: names.facts(f.base), After: names.facts(f.now),
	}
	if c.Since.IsZero() {
		c.Since = t.proposed
	}
	if f.now != nil {
		c.Shell, c.Owner, c.Modified = f.now.Shell, c.After.Owner, f.now.modified()
	} else {
		c.Owner = c.Before.Owner
	}
	return c
}

// owners remembers names of users for one report.
type owners map[int]string

func (o owners) name(uid int) string {
	if s, ok := o[uid]; ok {
		return s
	}
	o[uid] = userName(strconv.Itoa(uid))
	return o[uid]
}

func (o owners) facts(e *Entry) *Facts {
	if e == nil {
		return nil
	}
	return &Facts{Mode: e.Mode.String(), Owner: fmt.Sprintf("%s:%d", o.name(e.UID), e.GID), Size: e.Size, Hash: e.Hash, Attrs: e.Attrs}
}

// Diff says what changed inside a file, by the id of its change: a unified
// diff, bounded and without what looks like a secret. It is empty where no text
// may be shown. ok is false if there is no such change.
func (k *Keeper) Diff(changeID string) (c Change, text string, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, t := range k.inForceLocked() {
		for rel, f := range t.files {
			what := f.changed()
			if len(what) == 0 {
				continue
			}
			path := filepath.Join(t.Path, filepath.FromSlash(rel))
			if id(path, f.base, f.now) == changeID {
				return t.change(rel, f, what, owners{}), k.diffLocked(path, f), true
			}
		}
	}
	return Change{}, "", false
}

func (k *Keeper) diffLocked(path string, f *file) string {
	base := f.base
	if f.suspicious() && base != nil && base.Hash == f.now.Hash {
		base = nil // nothing changed: the whole file is what has to be looked at
	}
	return checks.SafeText(k.copies.diff(path, base, f.now), checks.MaxEvidence)
}
