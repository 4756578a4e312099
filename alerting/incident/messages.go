package incident

import "embed"

// Messages says the notes that stand in events as codes.
//
//go:embed messages/*.yaml
var Messages embed.FS
