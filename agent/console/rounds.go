package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"

	"xunjian/alerting/inspection"
)

// Rounds is what the console needs of *inspection.Office.
type Rounds interface {
	Forms() []inspection.Form
	Find(ctx context.Context, q inspection.Query) ([]inspection.Round, error)
	Get(ctx context.Context, id string) (inspection.Round, []inspection.Event, error)
	Start(ctx context.Context, by inspection.Actor, form string) (inspection.Round, error)
	Answer(ctx context.Context, id string, expect int, by inspection.Actor, in inspection.Reply) (inspection.Round, error)
	Attachment(ctx context.Context, round, id string) (inspection.Kept, error)
	JudgeAgain(ctx context.Context, id string, by inspection.Actor) (inspection.Round, error)
	RaiseWarning(ctx context.Context, id string, by inspection.Actor, item string) (inspection.Round, error)
	Sign(ctx context.Context, id string, expect int, by inspection.Actor, as, why string) (inspection.Round, error)
}

// marks are the console's words for the verdicts of rounds.
var marks = map[inspection.Verdict]string{
	inspection.Normal: "ok", inspection.Attention: "attention", inspection.Abnormal: "abnormal", inspection.Unknown: "unknown",
	inspection.NotInspected: "unknown", inspection.NotApplicable: "not_applicable",
}

// roundRow is a round in a list.
type roundRow struct {
	ID, Title  string
	Verdict    state
	Counts     []verdictCount
	Opened, By moment
	// Waits says what it waits for: a signature, or a review.
	Waits, Signed string
	Overdue, Late bool
}

type roundsPage struct {
	Waiting, Done []roundRow
	Forms         []option
	Error         string
}

const (
	maxWaiting = 100
	maxRounds  = 60
)

func listRounds(r *request) error { return r.roundsPage(200, "") }

func (r *request) roundsPage(status int, fault string) error {
	page := roundsPage{Error: fault}
	waiting, err := r.c.opt.Rounds.Find(r.Context(), inspection.Query{Open: true, Limit: maxWaiting})
	if err != nil {
		return err
	}
	all, err := r.c.opt.Rounds.Find(r.Context(), inspection.Query{Limit: maxRounds})
	if err != nil {
		return err
	}
	for _, x := range waiting {
		page.Waiting = append(page.Waiting, r.roundRow(x))
	}
	for _, x := range all {
		if x.Done() {
			page.Done = append(page.Done, r.roundRow(x))
		}
	}
	for _, f := range r.c.opt.Rounds.Forms() {
		page.Forms = append(page.Forms, option{Value: f.ID, Label: f.Title.In(r.say.Lang())})
	}
	return r.render(status, "rounds", r.T("console.nav.rounds"), page)
}

func (r *request) roundRow(x inspection.Round) roundRow {
	v := x.Shown(r.say, r.now)
	row := roundRow{
		ID: v.ID, Title: cut(v.Title, 200), Verdict: state{marks[v.Verdict], v.VerdictName}, Counts: r.roundCounts(v),
		Opened: r.moment(v.Opened, r.now), Overdue: v.Overdue, Late: v.Late,
	}
	if !v.SignBy.IsZero() {
		row.By = r.moment(v.SignBy, r.now)
	}
	switch {
	case v.Inspector != nil && v.Reviewer != nil:
		row.Signed = v.Inspector.By + " / " + v.Reviewer.By
	case v.Inspector != nil:
		row.Signed = v.Inspector.By
	case !v.Done:
		row.Waits = r.T("console.round.waits")
	}
	return row
}

func (r *request) roundCounts(v inspection.RoundView) []verdictCount {
	var out []verdictCount
	for n := len(inspection.Verdicts) - 1; n >= 0; n-- {
		k := inspection.Verdicts[n]
		if v.Counts[k] > 0 {
			out = append(out, verdictCount{Verdict: state{marks[k], inspection.Word(r.say, k)}, N: v.Counts[k]})
		}
	}
	return out
}

// roundPage is one round, with the forms that people fill in.
type roundPage struct {
	roundRow
	View          inspection.RoundView
	Form          string
	From, To, Due moment
	Start         moment
	Groups        []roundGroup
	// SignAs is who can sign now, empty if nobody.
	SignAs, SignWord string
	Inspected        *signed
	Reviewed         *signed
	Error            string
	Verdicts         []option
}

type signed struct {
	By, Note string
	At       moment
}

type roundGroup struct {
	Title string
	Items []roundItem
}

type roundItem struct {
	inspection.ItemView
	State, Was state
	At         moment
	// Covered is the share of the period in words, empty where none belongs.
	Covered string
	// Answer and Warn are set when a person may do so now.
	Answer, Warn bool
	Values       []inspection.ValueView
	Reasons      []roundReason
	Files        []roundFile
	Charts       []lazyChart
}

type roundReason struct {
	State            state
	About, Text, URL string
}

func showRound(r *request) error { return r.roundPage(200, r.PathValue("id"), "") }

func (r *request) roundPage(status int, id, fault string) error {
	x, _, err := r.c.opt.Rounds.Get(r.Context(), id)
	if errors.Is(err, inspection.ErrNotFound) {
		return errNotFound
	}
	if err != nil {
		return err
	}
	v := x.Shown(r.say, r.now)
	page := roundPage{
		roundRow: r.roundRow(x), View: v, Form: v.Form, From: r.moment(v.From, r.now), To: r.moment(v.To, r.now), Due: r.moment(v.Due, r.now),
		Inspected: r.signature(v.Inspector), Reviewed: r.signature(v.Reviewer), Error: fault,
	}
	if v.Occasion != nil {
		page.Start = r.moment(v.Occasion.Start, r.now)
	}
	may := r.who.Role.Allows(operator)
	switch {
	case !may:
	case v.Inspector == nil:
		page.SignAs = inspection.Inspector
	case v.Reviewer == nil && v.Inspector.By != r.who.Name:
		page.SignAs = inspection.Reviewer
	}
	if page.SignAs != "" {
		page.SignWord = r.T("console.round.sign." + page.SignAs)
	}
	for _, k := range []inspection.Verdict{inspection.Normal, inspection.Attention, inspection.Abnormal, inspection.NotApplicable} {
		page.Verdicts = append(page.Verdicts, option{Value: string(k), Label: inspection.Word(r.say, k)})
	}
	for _, g := range v.Groups {
		group := roundGroup{Title: g.Title}
		for _, i := range g.Items {
			item := r.roundItem(i, may && v.Inspector == nil)
			item.Files, item.Charts = roundFiles(v.ID, i), r.roundCharts(x, i.ID)
			group.Items = append(group.Items, item)
		}
		page.Groups = append(page.Groups, group)
	}
	return r.render(status, "round", v.Title, page)
}

func (r *request) signature(s *inspection.Signature) *signed {
	if s == nil {
		return nil
	}
	return &signed{s.By, s.Note, r.moment(s.At, r.now)}
}

func (r *request) roundItem(i inspection.ItemView, open bool) roundItem {
	out := roundItem{
		ItemView: i, State: state{marks[i.Verdict], i.VerdictName}, Answer: open, Values: i.Values,
		Warn: open && i.Incident == "" && !i.Verdict.Settled() && i.Verdict != inspection.NotInspected,
	}
	if i.Before != "" {
		out.Was = state{marks[i.Before], i.BeforeName}
	}
	if i.By != "" {
		out.At = r.moment(i.At, r.now)
	}
	if i.Covered >= 0 {
		out.Covered = r.Ta("round.value.ratio", "value", i.Covered)
	}
	for _, why := range i.Reasons {
		if why.Code == "round.ask" {
			continue // the question itself stands there
		}
		row := roundReason{State: state{marks[why.Verdict], inspection.Word(r.say, why.Verdict)}, About: why.Subject, Text: why.Text}
		if why.Check != "" {
			row.URL = "/checks/" + url.PathEscape(why.Check)
			if row.About == "" {
				row.About = why.Check
			}
		}
		out.Reasons = append(out.Reasons, row)
	}
	return out
}

func (r *request) inspector() inspection.Actor {
	return inspection.Actor{Name: r.who.Name, Via: "console"}
}

func startRound(r *request) error {
	x, err := r.c.opt.Rounds.Start(r.Context(), r.inspector(), r.field("form"))
	if f, ok := roundRefusal(err); ok {
		return r.roundsPage(f.Status, r.sayFailure(f))
	}
	if err != nil {
		return err
	}
	return r.redirect("/rounds/" + x.ID)
}

// changeRound carries out what a person does with a round.
func changeRound(r *request) error {
	if err := r.parseFiles(); err != nil {
		return err
	}
	id, seen, rounds := r.PathValue("id"), whole(r.field("version")), r.c.opt.Rounds
	var err error
	switch r.PathValue("action") {
	case "answer":
		in := inspection.Reply{Item: r.field("item"), Verdict: inspection.Verdict(r.field("verdict")), Note: r.field("note")}
		if in.Files, err = r.attached("files"); err == nil {
			_, err = rounds.Answer(r.Context(), id, seen, r.inspector(), in)
		}
	case "warning":
		_, err = rounds.RaiseWarning(r.Context(), id, r.inspector(), r.field("item"))
	case "judge":
		_, err = rounds.JudgeAgain(r.Context(), id, r.inspector())
	case "sign":
		_, err = rounds.Sign(r.Context(), id, seen, r.inspector(), r.field("as"), r.field("note"))
	default:
		return errNotFound
	}
	if f, ok := roundRefusal(err); ok {
		return r.roundPage(f.Status, id, r.sayFailure(f))
	}
	switch {
	case errors.Is(err, inspection.ErrNotFound):
		return errNotFound
	case err != nil:
		return err
	}
	at := "/rounds/" + id
	if item := r.field("item"); item != "" {
		at += "#" + url.PathEscape(item)
	}
	return r.redirect(at)
}

// roundRefusal says what the office refused, and that somebody was faster.
func roundRefusal(err error) (*failure, bool) {
	if errors.Is(err, inspection.ErrConflict) {
		return failing(409, "round_changed"), true
	}
	if f := (*inspection.Refusal)(nil); errors.As(err, &f) {
		return &failure{422, "round.refused." + f.Code, f.Args}, true
	}
	return nil, false
}

// Reports is what the console needs of *reports.Reports.
type Reports interface {
	Filed(ctx context.Context, id, format, lang string) ([]byte, error)
}

// reportPolicy is for the report as a page: its own style and pictures, and
// nothing else.
const reportPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-modals"

// reportTypes are the formats that a round's report is linked in.
var reportTypes = map[string]string{
	"html": "text/html; charset=utf-8", "pdf": "application/pdf", "json": "application/json",
	"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	"docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}

// roundReport is the report of a round as it was filed last.
func roundReport(r *request) error {
	id, format := r.PathValue("id"), cmp.Or(r.URL.Query().Get("as"), "html")
	kind, ok := reportTypes[format]
	if !ok {
		return errNotFound
	}
	body, err := r.c.opt.Reports.Filed(r.Context(), id, format, r.say.Lang())
	switch {
	case errors.Is(err, inspection.ErrNotFound):
		return errNotFound
	case err != nil:
		return err
	}
	h := r.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", reportPolicy)
	if format != "html" {
		h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s.%s"`, id, format))
	}
	_, err = r.w.Write(body)
	return err
}
