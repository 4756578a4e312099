package integrity

import (
	"context"
	"strings"
	"time"

	"xunjian/checks"
)

var (
	_ checks.Background = (*Check)(nil)
	_ checks.Witness    = (*Check)(nil)
	_ checks.Identified = (*Check)(nil)
)

// maxDiffs bounds the differences that an incident keeps.
const maxDiffs = 10

// Evidence is what changed, by whom, and the text of the gravest changes.
func (c *Check) Evidence(ctx context.Context) ([]checks.Exhibit, error) {
	if c.k == nil {
		return nil, nil
	}
	r, err := c.k.Report()
	if err != nil || len(r.Changes) == 0 {
		return nil, err
	}
	list := checks.Exhibit{Code: "integrity.exhibit.changes", Columns: []string{"path", "what", "owner", "user", "login", "program", "modified", "sha256"}}
	out := []checks.Exhibit{list}
	for _, one := range r.Changes {
		if ctx.Err() != nil {
			break
		}
		hash := ""
		if one.After != nil {
			hash = one.After.Hash
		}
		out[0].Rows = append(out[0].Rows, []string{
			one.Path, strings.Join(one.What, ","), one.Owner, one.Who.User, one.Who.Login, one.Who.Program, rfc(one.Modified), hash,
		})
		if len(out) > maxDiffs {
			continue
		}
		if _, text, _ := c.k.Diff(one.ID); text != "" {
			out = append(out, checks.Exhibit{Code: "integrity.exhibit.diff", Args: map[string]any{"path": one.Path}, Text: text})
		}
	}
	return out, nil
}

func rfc(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}
