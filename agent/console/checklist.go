package console

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"xunjian/checks"
	"xunjian/rules"
)

// checkChip is a check in the summary of the board.
type checkChip struct {
	Name, Title, URL string
	Verdict          state
	verdict          checks.Verdict
}

// verdictCount is how many checks came to a verdict.
type verdictCount struct {
	Verdict state
	N       int
}

type checksPage struct {
	Counts []verdictCount
	Checks []checkRow
}

// checkRow is a check with what it says now.
type checkRow struct {
	checkChip
	// Own is what the check found itself, where its alerts are worse.
	Own      *state
	Findings []findingRow
	// More counts the findings that are not shown.
	More    int
	Error   string
	Last    moment
	Took    string
	Alerts  []alertRow
	Dropped int
}

type findingRow struct {
	Subject, Text, Evidence string
	Verdict                 state
}

func (w *words) verdict(v checks.Verdict) state {
	return state{v.String(), w.T("console.verdict." + v.String())}
}

// checkURL is the path of a check's page; its name may have slashes.
func checkURL(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return "/checks/" + strings.Join(parts, "/")
}

func (r *request) chip(name string, v checks.Verdict) checkChip {
	return checkChip{Name: name, Title: r.checkName(name), URL: checkURL(name), Verdict: r.verdict(v), verdict: v}
}

// chips are all checks, the worst first.
func (r *request) chips(alerts []rules.Alert) ([]checkChip, []verdictCount) {
	latest := r.c.opt.Checks.Latest()
	verdicts := r.c.opt.Verdicts(latest, alerts)
	out := make([]checkChip, 0, len(latest))
	for _, res := range latest {
		out = append(out, r.chip(res.Check, verdicts[res.Check]))
	}
	worstFirst(out, func(k checkChip) (checks.Verdict, string) { return k.verdict, k.Name })
	return out, r.counts(out)
}

func worstFirst[T any](list []T, by func(T) (checks.Verdict, string)) {
	slices.SortStableFunc(list, func(a, b T) int {
		va, na := by(a)
		vb, nb := by(b)
		switch {
		case va.Worse(vb):
			return -1
		case vb.Worse(va):
			return 1
		}
		return cmp.Compare(na, nb)
	})
}

// counts counts the checks by verdict, the worst first.
func (r *request) counts(chips []checkChip) []verdictCount {
	var out []verdictCount
	for _, k := range chips {
		if n := len(out); n > 0 && out[n-1].Verdict.ID == k.Verdict.ID {
			out[n-1].N++
			continue
		}
		out = append(out, verdictCount{k.Verdict, 1})
	}
	return out
}

func listChecks(r *request) error {
	alerts := r.c.opt.Rules.Alerts()
	latest := r.c.opt.Checks.Latest()
	verdicts := r.c.opt.Verdicts(latest, alerts)
	var page checksPage
	for _, res := range latest {
		page.Checks = append(page.Checks, r.checkRow(res, verdicts[res.Check], alerts, 4))
	}
	worstFirst(page.Checks, func(k checkRow) (checks.Verdict, string) { return k.verdict, k.Name })
	chips := make([]checkChip, 0, len(page.Checks))
	for _, k := range page.Checks {
		chips = append(chips, k.checkChip)
	}
	page.Counts = r.counts(chips)
	return r.showLive("checks", r.T("console.nav.checks"), page)
}

// checkRow says a result with at most limit findings, those that need a
// person first.
func (r *request) checkRow(res checks.Result, v checks.Verdict, alerts []rules.Alert, limit int) checkRow {
	row := checkRow{
		checkChip: r.chip(res.Check, v), Error: res.Error, Dropped: res.Dropped,
		Last: r.moment(res.Time, r.now), Took: r.took(res.Duration),
	}
	if v != res.Verdict {
		own := r.verdict(res.Verdict)
		row.Own = &own
	}
	row.Findings = r.findings(res.Findings, limit)
	row.More = len(res.Findings) - len(row.Findings)
	incidents := r.incidentsByAlert()
	for _, a := range alerts {
		if slices.Contains(a.Sources, res.Check) && a.Labels[rules.LabelKind] != kindWatchdog {
			row.Alerts = append(row.Alerts, r.alertRow(a, incidents[a.Key]))
		}
	}
	return row
}

func (r *request) findings(list []checks.Finding, limit int) []findingRow {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b checks.Finding) int {
		switch {
		case a.Verdict.Worse(b.Verdict):
			return -1
		case b.Verdict.Worse(a.Verdict):
			return 1
		}
		return 0
	})
	var out []findingRow
	for _, f := range list[:min(len(list), limit)] {
		out = append(out, findingRow{f.Subject, r.finding(f), f.Evidence, r.verdict(f.Verdict)})
	}
	return out
}
