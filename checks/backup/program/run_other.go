//go:build !unix

package program

import (
	"context"
	"errors"
	"io"
	"syscall"
	"time"
)

var errHere = errors.New("programs of backups are run on Unix only")

// Process is a program that runs.
type Process struct{}

// Start returns an error: this is for Unix.
func (c Command) Start(context.Context, io.Writer, io.Writer) (*Process, error) { return nil, errHere }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return nil }

// Wait returns the exit code.
func (p *Process) Wait() int { return -1 }

// Stop ends the program.
func (p *Process) Stop(syscall.Signal, time.Duration) {}

// Trusted returns an error: this is for Unix.
func Trusted(string) error { return errHere }

// LookUp returns an error: this is for Unix.
func LookUp(...string) (*User, error) { return nil, errHere }
