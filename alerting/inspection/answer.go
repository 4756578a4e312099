package inspection

import (
	"context"
	"strings"
	"unicode/utf8"

	"xunjian/alerting/plan"
)

// maxNote bounds what a person says with an item or a signature.
const maxNote = 4000

func note(s string, needed bool) (string, error) {
	s = strings.TrimSpace(s)
	switch n := utf8.RuneCountInString(s); {
	case needed && n == 0:
		return "", &Refusal{"note_missing", nil}
	case n > maxNote:
		return "", &Refusal{"note_too_long", map[string]any{"max": maxNote}}
	}
	return s, nil
}

// Answer is a person's word on an item. What the machine found abnormal or
// could not tell may be called something better only with a reason.
func (o *Office) Answer(ctx context.Context, id string, expect int, by Actor, in Reply) (Round, error) {
	return o.change(ctx, id, expect, by, func(r *Round) (Data, []Kept, error) {
		was, ok := r.Outcome(in.Item)
		switch v := in.Verdict; {
		case !ok:
			return nil, nil, &Refusal{"unknown_item", map[string]any{"item": in.Item}}
		case r.Inspector != nil:
			return nil, nil, &Refusal{"already_signed", map[string]any{"by": r.Inspector.By}}
		case v != Normal && v != Attention && v != Abnormal && v != NotApplicable:
			return nil, nil, &Refusal{"unknown_verdict", map[string]any{"verdict": string(v)}}
		}
		why, err := note(in.Note, !in.Verdict.Settled() || !was.Verdict.Settled() && !was.Asked)
		if err != nil {
			return nil, nil, err
		}
		files, err := r.attach(in.Files)
		d := Answered{Item: in.Item, Verdict: in.Verdict, Note: why}
		for _, f := range files {
			d.Files = append(d.Files, f.Attachment)
		}
		return d, files, err
	})
}

// JudgeAgain has the machine look once more; what people said stays.
func (o *Office) JudgeAgain(ctx context.Context, id string, by Actor) (Round, error) {
	return o.change(ctx, id, 0, by, func(r *Round) (Data, []Kept, error) {
		if r.Inspector != nil {
			return nil, nil, &Refusal{"already_signed", map[string]any{"by": r.Inspector.By}}
		}
		now := o.now()
		return Judged{To: now, Outcomes: Judge(ctx, &r.Form, o.opt.Source, r.From, now)}, nil, nil
	})
}

// Sign signs a round: the inspector first, then a reviewer who is another
// person. A round with items that nobody looked at is not signed, and one with
// abnormal ones only with a word on them.
func (o *Office) Sign(ctx context.Context, id string, expect int, by Actor, as, why string) (Round, error) {
	return o.change(ctx, id, expect, by, func(r *Round) (Data, []Kept, error) {
		switch {
		case as != Inspector && as != Reviewer:
			return nil, nil, &Refusal{"unknown_signature", map[string]any{"as": as}}
		case as == Inspector && r.Inspector != nil:
			return nil, nil, &Refusal{"already_signed", map[string]any{"by": r.Inspector.By}}
		case as == Reviewer && r.Inspector == nil:
			return nil, nil, &Refusal{"sign_first", nil}
		case as == Reviewer && r.Reviewer != nil:
			return nil, nil, &Refusal{"already_signed", map[string]any{"by": r.Reviewer.By}}
		case as == Reviewer && r.Inspector.By == by.Name:
			return nil, nil, &Refusal{"same_person", map[string]any{"by": by.Name}}
		case as == Inspector && r.Count(NotInspected) > 0:
			return nil, nil, &Refusal{"not_inspected", map[string]any{"count": r.Count(NotInspected)}}
		}
		why, err := note(why, as == Inspector && r.Count(Abnormal)+r.Count(Unknown) > 0)
		return Signed{As: as, Note: why}, nil, err
	})
}

// RaiseWarning opens a warning about an item.
func (o *Office) RaiseWarning(ctx context.Context, id string, by Actor, item string) (Round, error) {
	return o.change(ctx, id, 0, by, func(r *Round) (Data, []Kept, error) {
		out, ok := r.Outcome(item)
		i, known := r.Form.Item(item)
		switch {
		case !ok || !known:
			return nil, nil, &Refusal{"unknown_item", map[string]any{"item": item}}
		case out.Incident != "":
			return nil, nil, &Refusal{"already_raised", map[string]any{"incident": out.Incident}}
		case out.Verdict.Settled():
			return nil, nil, &Refusal{"nothing_wrong", map[string]any{"item": item}}
		}
		t := r.title()
		raised, err := o.opt.Raise(ctx, by, Warning{
			Key:   "round/" + r.ID + "/" + item,
			Title: plan.Text{ZH: t.ZH + "：" + i.Title.ZH, EN: t.EN + ": " + i.Title.EN}, System: systemOf(r),
		})
		return Raised{Item: item, Incident: raised}, nil, err
	})
}

func systemOf(r *Round) string {
	if r.Occasion != nil && len(r.Occasion.Systems) == 1 {
		return r.Occasion.Systems[0]
	}
	return ""
}
