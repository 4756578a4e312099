package checks

import "embed"

// Messages says the codes of findings: messages/<part>.<language>.yaml, one
// part for each folder of checks.
//
//go:embed messages/*.yaml
var Messages embed.FS
