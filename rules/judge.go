package rules

import "context"

// JudgeNow judges what was seen in two passes a few seconds apart, for one
// look without a history.
func JudgeNow(ctx context.Context, opts JudgeOptions, first, second []Batch) ([]Alert, []RuleStatus, error) {
	return nil, nil, nil
}

// JudgeOptions say by what rules JudgeNow judges.
type JudgeOptions struct {
	Files          []string
	ExternalLabels map[string]string
	KnownCodes     []string
}
