//go:build !linux

package path

import (
	"context"
	"net/netip"
)

// Gateways returns ErrNotHere.
func Gateways() ([]Gateway, error) { return nil, ErrNotHere }

// LookUp returns ErrNotHere.
func LookUp(netip.Addr, string) (Neighbour, error) { return Neighbour{}, ErrNotHere }

// Follow returns ErrNotHere.
func Follow(context.Context, netip.Addr) (Trace, error) { return Trace{}, ErrNotHere }

// Greatest returns ErrNotHere.
func Greatest(context.Context, netip.Addr) (MTU, error) { return MTU{}, ErrNotHere }
