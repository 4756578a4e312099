package tail

import (
	"encoding/json"
	"time"
)

func newJournal(Source, *feed) source { return &nothing{} }
func newKernel(*feed) source          { return &nothing{} }

type nothing struct{}

func (*nothing) poll(time.Time) (bool, error)   { return false, nil }
func (*nothing) save() (json.RawMessage, error) { return nil, nil }
func (*nothing) load(json.RawMessage) error     { return nil }
func (*nothing) watch() []string                { return nil }
func (*nothing) close()                         {}
