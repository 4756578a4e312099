package api

import "embed"

// Messages are the sentences of the API, and the refusals of an incident.
//
//go:embed messages/*.yaml
var Messages embed.FS
