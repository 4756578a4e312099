package console

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"xunjian/checks/security/integrity"
)

// Integrity is what the console needs of *integrity.Keeper.
type Integrity interface {
	Report() (integrity.Report, error)
	Diff(id string) (integrity.Change, string, bool)
	Approve(ctx context.Context, by integrity.Actor, why string, ids []string) (integrity.Approval, error)
}

type integrityPage struct {
	Trees     []treeRow
	Changes   []changeRow
	Total     int
	Approvals []approvalRow
	Error     string
}

type treeRow struct {
	integrity.TreeState
	State    state
	Kind     string
	Walked   moment
	Approved *approvalRow
	// Open: the baseline waits to be approved.
	Open bool
}

type changeRow struct {
	integrity.Change
	State         state
	Text, Kind    string
	Since         moment
	Diff          []diffLine
	Before, After []string
}

// diffLine is a line of a unified diff with what it is: "add", "del", "at" or
// nothing.
type diffLine struct{ Kind, Text string }

type approvalRow struct {
	integrity.Approval
	At moment
}

const (
	// mostChanges bounds the changes that the page lists, mostDiffs those whose
	// text it shows.
	mostChanges  = 200
	mostDiffs    = 30
	mostDiffLine = 400 // lines of one diff
)

func showIntegrity(r *request) error { return r.integrityPage(http.StatusOK, "") }

func (r *request) integrityPage(status int, fault string) error {
	rep, err := r.c.opt.Integrity.Report()
	if errors.Is(err, integrity.ErrDamaged) {
		fault, err = err.Error(), nil
	}
	if err != nil {
		return err
	}
	page := integrityPage{Total: rep.Total, Error: fault}
	for _, t := range rep.Trees {
		page.Trees = append(page.Trees, r.treeRow(t))
	}
	for n, c := range rep.Changes {
		if n == mostChanges {
			break
		}
		page.Changes = append(page.Changes, r.changeRow(c, n < mostDiffs))
	}
	for _, a := range rep.Approvals {
		page.Approvals = append(page.Approvals, r.approvalRow(a))
	}
	return r.render(status, "integrity", r.T("console.nav.integrity"), page)
}

func (r *request) treeRow(t integrity.TreeState) treeRow {
	row := treeRow{TreeState: t, Kind: r.T("console.integrity.kind." + string(t.Kind)), Walked: r.moment(t.Walked, r.now), Open: t.Complete && t.Approved == nil}
	id := "intact"
	switch {
	case t.Fault != "":
		id = "unseen"
	case !t.Complete:
		id = "learning"
	case t.Approved == nil:
		id = "proposed"
	case len(t.Changes) > 0:
		id = "differs"
	}
	verdict := map[string]string{"intact": "ok", "differs": "abnormal", "proposed": "attention", "learning": "unknown", "unseen": "unknown"}[id]
	row.State = state{verdict, r.T("console.integrity.state." + id)}
	if t.Approved != nil {
		a := r.approvalRow(*t.Approved)
		row.Approved = &a
	}
	return row
}

func (r *request) approvalRow(a integrity.Approval) approvalRow {
	return approvalRow{a, r.moment(a.At, r.now)}
}

func (r *request) changeRow(c integrity.Change, diff bool) changeRow {
	f := c.Finding("")
	row := changeRow{
		Change: c, Kind: r.T("console.integrity.kind." + string(c.Kind)), Text: r.say.T(f.Code, f.Args),
		State: state{f.Verdict.String(), r.T("console.verdict." + f.Verdict.String())}, Since: r.moment(c.Since, r.now),
		Before: facts(c.Before), After: facts(c.After),
	}
	if diff {
		_, text, _ := r.c.opt.Integrity.Diff(c.ID)
		row.Diff = diffLines(text)
	}
	return row
}

func facts(f *integrity.Facts) []string {
	if f == nil {
		return nil
	}
	return slices.DeleteFunc([]string{f.Mode, f.Owner, f.Attrs, f.Hash}, func(s string) bool { return s == "" })
}

// approveIntegrity approves, in the name of who is logged in, exactly what the
// page showed.
func approveIntegrity(r *request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	_, err := r.c.opt.Integrity.Approve(r.Context(), integrity.Actor{Name: r.who.Name, Via: "console"}, r.field("reason"), r.PostForm["id"])
	if f, ok := errors.AsType[*integrity.Refusal](err); ok {
		return r.integrityPage(http.StatusUnprocessableEntity, r.say.T("integrity.refused."+f.Code, f.Args))
	}
	if err != nil {
		return err
	}
	return r.redirect("/integrity")
}
