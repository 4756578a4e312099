package feishustream

import (
	"errors"
	"slices"
	"time"
)

// The bounds of messages in parts.
const (
	maxParts   = 64
	maxWhole   = 1 << 20 // bytes
	maxPending = 16      // messages of which a part is missing
	partsTime  = 30 * time.Second
)

// parts puts together what came in several frames. One uses it at a time.
type parts struct{ pending []pending }

type pending struct {
	id     string
	began  time.Time
	pieces [][]byte
	size   int
}

// add takes part seq of sum and returns the whole once there is each of them.
func (p *parts) add(id string, sum, seq int, payload []byte, now time.Time) (whole []byte, ok bool, err error) {
	if sum <= 1 {
		return payload, true, nil
	}
	if sum > maxParts || seq < 0 || seq >= sum || id == "" || len(payload) == 0 {
		return nil, false, errors.New("a part of a message that cannot be")
	}
	p.pending = slices.DeleteFunc(p.pending, func(m pending) bool { return now.Sub(m.began) > partsTime })
	i := slices.IndexFunc(p.pending, func(m pending) bool { return m.id == id && len(m.pieces) == sum })
	if i < 0 {
		if len(p.pending) == maxPending {
			p.pending = slices.Delete(p.pending, 0, 1)
		}
		p.pending = append(p.pending, pending{id: id, began: now, pieces: make([][]byte, sum)})
		i = len(p.pending) - 1
	}
	m := &p.pending[i]
	m.size += len(payload) - len(m.pieces[seq])
	if m.size > maxWhole {
		p.pending = slices.Delete(p.pending, i, i+1)
		return nil, false, errors.New("a message of more than 1 MiB")
	}
	m.pieces[seq] = payload
	for _, piece := range m.pieces {
		if piece == nil {
			return nil, false, nil
		}
	}
	whole = slices.Concat(m.pieces...)
	p.pending = slices.Delete(p.pending, i, i+1)
	return whole, true, nil
}
