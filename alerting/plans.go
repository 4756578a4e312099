package alerting

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
)

// keepPlan makes a plan the one in force, and keeps it in the store for the
// incidents that will be opened under it: an incident goes by the plan it was
// opened under, however often the plan is revised meanwhile.
func (d *Desk) keepPlan(ctx context.Context, p *plan.Plan) error {
	digest := p.Digest()
	body, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("keep plan: %w", err)
	}
	_, err = d.opt.Store.Blob(ctx, planID(digest))
	if errors.Is(err, ErrNotFound) {
		_, err = d.opt.Store.Commit(ctx, Unit{Blobs: []Blob{NewBlob(planID(digest), body)}})
	}
	if err != nil {
		return fmt.Errorf("keep plan: %w", err)
	}
	d.opt.Plan, d.digest, d.plans[digest] = p, digest, p
	return nil
}

// Basis is what the operator may revise while the desk works.
type Basis struct {
	Plan   *plan.Plan
	Roster roster.Roster
	// Systems maps a business system to its kind; one not named is a business
	// system.
	Systems map[string]plan.SystemKind
	// Operator is what the law takes the operator for.
	Operator plan.OperatorKind
}

// Revise puts another basis in force. What is open goes on by the plan it was
// opened under; the people are those of the new roster. On an error nothing
// changes.
func (d *Desk) Revise(ctx context.Context, b Basis) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.keepPlan(ctx, b.Plan); err != nil {
		return err
	}
	d.opt.Basis = b
	select {
	case d.timer <- struct{}{}: // other bounds, other times
	default:
	}
	return nil
}

func planID(digest string) string { return "plan-" + digest }

// loadPlan makes sure that a plan of before is at hand.
func (d *Desk) loadPlan(ctx context.Context, digest string) error {
	if digest == "" || d.plans[digest] != nil {
		return nil
	}
	b, err := d.opt.Store.Blob(ctx, planID(digest))
	if errors.Is(err, ErrNotFound) {
		d.opt.Logger.Error("the plan of an incident is not in the store; the one in force stands in", "digest", digest)
		d.plans[digest] = d.opt.Plan
		return nil
	}
	if err != nil {
		return err
	}
	p := new(plan.Plan)
	if err := json.Unmarshal(b.Body, p); err != nil {
		return fmt.Errorf("read plan %s: %w", digest, err)
	}
	d.plans[digest] = p
	return nil
}

// planOf is the plan that an incident was opened under.
func (d *Desk) planOf(i incident.Incident) *plan.Plan {
	if p := d.plans[i.PlanDigest]; p != nil {
		return p
	}
	return d.opt.Plan
}

// PlanOf returns the plan that an incident was opened under.
func (d *Desk) PlanOf(ctx context.Context, i incident.Incident) (*plan.Plan, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.loadPlan(ctx, i.PlanDigest); err != nil {
		return nil, err
	}
	return d.planOf(i), nil
}

// Env is what decisions on an incident look at, now.
func (d *Desk) Env(ctx context.Context, i incident.Incident) (incident.Env, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.loadPlan(ctx, i.PlanDigest); err != nil {
		return incident.Env{}, err
	}
	return d.envLocked(i, d.opt.Now()), nil
}

func (d *Desk) envLocked(i incident.Incident, now time.Time) incident.Env {
	env := incident.Env{Plan: d.planOf(i), Now: now, Operator: d.opt.Operator}
	if d.opt.Kind != nil && i.System != "" {
		env.Kind = d.opt.Kind(i.System, now)
	}
	for _, a := range d.alerts {
		if cause := a.Labels["cause"]; cause != "" && a.Status == Firing {
			env.Firing = append(env.Firing, incident.Firing{Rule: a.Rule, Cause: cause})
		}
	}
	slices.SortFunc(env.Firing, func(a, b incident.Firing) int { return cmp.Compare(a.Rule, b.Rule) })
	return env
}
