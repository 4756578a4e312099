//go:build !linux

package traffic

import (
	"fmt"

	"xunjian/checks"
)

type other struct{}

func theKernel() kernel { return other{} }

func (other) sockets(int) ([]Socket, bool, error) {
	return nil, false, fmt.Errorf("sockets: %w", checks.ErrNotApplicable)
}

func (other) queues() ([]Queue, error) { return nil, fmt.Errorf("queues: %w", checks.ErrNotApplicable) }

func (other) owners(string, map[uint32]bool) map[uint32]owner { return nil }
