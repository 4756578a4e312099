//go:build !linux

package self

import "runtime/metrics"

// resident returns what the Go runtime has mapped and not given back, in bytes:
// all but the memory of mapped files.
func resident() (float64, error) {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return float64(s[0].Value.Uint64() - s[1].Value.Uint64()), nil
}

// groupLimit returns 0: there are no control groups.
func groupLimit() float64 { return 0 }
