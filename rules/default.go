package rules

import "embed"

// Default holds the rules that come with the program: default/*.yml, with
// their unit tests in default/tests.
//
//go:embed default/*.yml default/tests/*.yml
var Default embed.FS
