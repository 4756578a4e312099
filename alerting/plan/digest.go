package plan

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
)

// DefaultYAML is the plan as shipped. planfile.Default reads it.
//
//go:embed default.yaml
var DefaultYAML []byte

// Schema is the JSON schema of a plan file, for editors.
//
//go:embed plan.schema.json
var Schema []byte

// Digest returns the SHA-256 of the plan's content, in hex. Comments, order of
// keys and layout of the file do not count; two plans with one digest say the
// same.
func (p *Plan) Digest() string {
	b, err := json.Marshal(p)
	if err != nil {
		panic("plan: " + err.Error()) // a Plan holds nothing that JSON cannot
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
