package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"xunjian/checks/security/integrity"
)

// Integrity is what the API needs of *integrity.Keeper.
type Integrity interface {
	Report() (integrity.Report, error)
	Diff(id string) (integrity.Change, string, bool)
	Approve(ctx context.Context, by integrity.Actor, why string, ids []string) (integrity.Approval, error)
}

type (
	// IntegrityReport is how guarded files stand.
	IntegrityReport struct {
		Trees []GuardedTree `json:"trees"`
		// Changes are those that nobody has approved, the gravest first, at most
		// 1,000; Total is how many there are.
		Changes   []FileChange       `json:"changes"`
		Total     int                `json:"total"`
		Approvals []ApprovalOfChange `json:"approvals"` // newest first
	}
	// GuardedTree is one guarded folder.
	GuardedTree struct {
		// ID approves the baseline as it stands.
		ID       string `json:"id"`
		Path     string `json:"path"`
		Type     string `json:"type"` // web, binaries or config
		Files    int    `json:"files"`
		Bytes    int64  `json:"bytes"`
		Complete bool   `json:"complete"`
		// Approved is who approved the baseline; nobody yet if it is not there.
		Approved *ApprovalOfChange `json:"approved,omitempty"`
		Proposed Moment            `json:"proposed,omitzero"`
		// Walked is when the whole was looked at, OldestHash when the file was
		// read that was not read for the longest time.
		Walked     Moment `json:"walked,omitzero"`
		OldestHash Moment `json:"oldest_hash,omitzero"`
		Error      string `json:"error,omitempty"`
		Unreadable int    `json:"unreadable"`
		Unwatched  int    `json:"unwatched"`
	}
	// FileChange is a file that is not as it was approved.
	FileChange struct {
		// ID approves exactly this change.
		ID   string `json:"id"`
		Path string `json:"path"`
		Tree string `json:"tree"`
		Type string `json:"type"`
		// Code is that of the finding, Text what it says.
		Code     string   `json:"code"`
		Text     string   `json:"text"`
		What     []string `json:"what"`
		Since    Moment   `json:"since,omitzero"`
		Modified Moment   `json:"modified,omitzero"`
		Owner    string   `json:"owner"`
		// User, Login and Program are who made it, where the audit log tells.
		User    string     `json:"user,omitempty"`
		Login   string     `json:"login,omitempty"`
		Program string     `json:"program,omitempty"`
		Before  *FileFacts `json:"before,omitempty"`
		After   *FileFacts `json:"after,omitempty"`
	}
	// FileFacts are what is compared of a file.
	FileFacts struct {
		Mode       string `json:"mode"`
		Owner      string `json:"owner"`
		Size       int64  `json:"size"`
		SHA256     string `json:"sha256,omitempty"`
		Attributes string `json:"attributes,omitempty"`
	}
	// FileDiff is what changed inside a file.
	FileDiff struct {
		Change FileChange `json:"change"`
		// Diff is a unified diff; empty where no text may be shown.
		Diff string `json:"diff"`
	}
	// ApprovalOfChange is what a person approved.
	ApprovalOfChange struct {
		At     Moment   `json:"at"`
		By     string   `json:"by"`
		Via    string   `json:"via"`
		Reason string   `json:"reason"`
		Tree   string   `json:"tree,omitempty"`
		Paths  []string `json:"paths"`
		Count  int      `json:"count"`
	}
	// ApproveChanges approves changes, or whole baselines, by their ids.
	ApproveChanges struct {
		IDs    []string `json:"ids"`
		Reason string   `json:"reason"`
	}
)

func integrityRoutes() []route {
	return []route{
		{http.MethodGet, "/integrity", viewer, (*server).showIntegrity, limits{heavy: true}},
		{http.MethodGet, "/integrity/{id}", viewer, (*server).showDiff, limits{heavy: true}},
		{http.MethodPost, "/integrity/approve", operator, (*server).approveChanges, limits{body: 1 << 20}},
	}
}

func (s *server) showIntegrity(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	r, err := s.Integrity.Report()
	if err != nil {
		return nil, err
	}
	out := IntegrityReport{Trees: []GuardedTree{}, Changes: []FileChange{}, Total: r.Total, Approvals: []ApprovalOfChange{}}
	for _, t := range r.Trees {
		g := GuardedTree{
			ID: t.ID, Path: t.Path, Type: string(t.Kind), Files: t.Files, Bytes: t.Bytes, Complete: t.Complete,
			Proposed: c.moment(t.Proposed), Walked: c.moment(t.Walked), OldestHash: c.moment(t.Oldest),
			Error: t.Fault, Unreadable: t.Unreadable, Unwatched: t.Unwatched,
		}
		if t.Approved != nil {
			a := c.approval(*t.Approved)
			g.Approved = &a
		}
		out.Trees = append(out.Trees, g)
	}
	for _, one := range r.Changes {
		out.Changes = append(out.Changes, c.fileChange(one))
	}
	for _, a := range r.Approvals {
		out.Approvals = append(out.Approvals, c.approval(a))
	}
	return out, nil
}

func (c *call) approval(a integrity.Approval) ApprovalOfChange {
	return ApprovalOfChange{At: c.moment(a.At), By: a.By, Via: a.Via, Reason: a.Reason, Tree: a.Tree, Paths: append([]string{}, a.Paths...), Count: a.Count}
}

func (c *call) fileChange(one integrity.Change) FileChange {
	f := one.Finding("")
	return FileChange{
		ID: one.ID, Path: one.Path, Tree: one.Tree, Type: string(one.Kind), Code: one.Code, Text: c.say.T(f.Code, f.Args), What: one.What,
		Since: c.moment(one.Since), Modified: c.moment(one.Modified), Owner: one.Owner,
		User: one.Who.User, Login: one.Who.Login, Program: one.Who.Program, Before: fileFacts(one.Before), After: fileFacts(one.After),
	}
}

func fileFacts(f *integrity.Facts) *FileFacts {
	if f == nil {
		return nil
	}
	return &FileFacts{Mode: f.Mode, Owner: f.Owner, Size: f.Size, SHA256: f.Hash, Attributes: f.Attrs}
}

func (s *server) showDiff(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	one, text, ok := s.Integrity.Diff(c.PathValue("id"))
	if !ok {
		return nil, &failure{Status: http.StatusNotFound, Code: "no_such_change"}
	}
	return FileDiff{Change: c.fileChange(one), Diff: text}, nil
}

func (s *server) approveChanges(c *call) (any, error) {
	var in ApproveChanges
	if err := readRound(c, &in, func() []told { return []told{{"reason", in.Reason}} }); err != nil {
		return nil, err
	}
	a, err := s.Integrity.Approve(c.Context(), integrity.Actor{Name: c.who.Name, Via: c.who.Via}, in.Reason, in.IDs)
	if r, ok := errors.AsType[*integrity.Refusal](err); ok {
		f := &failure{Status: http.StatusUnprocessableEntity, Code: r.Code, Args: r.Args, message: "integrity.refused." + r.Code, Field: map[string]string{"no_reason": "reason", "nothing_named": "ids"}[r.Code]}
		if strings.HasPrefix(r.Code, "changed") {
			f.Status = http.StatusConflict
		}
		return nil, f
	}
	if err != nil {
		return nil, err
	}
	return c.approval(a), nil
}

// Integrity says how guarded files stand.
func (c *Client) Integrity(ctx context.Context) (IntegrityReport, error) {
	return get[IntegrityReport](ctx, c, "/integrity", nil)
}

// FileDiff says what changed inside a file.
func (c *Client) FileDiff(ctx context.Context, id string) (FileDiff, error) {
	return get[FileDiff](ctx, c, "/integrity/"+id, nil)
}

// ApproveChanges approves changes or baselines.
func (c *Client) ApproveChanges(ctx context.Context, in ApproveChanges) (ApprovalOfChange, error) {
	return post[ApprovalOfChange](ctx, c, "/integrity/approve", in)
}
